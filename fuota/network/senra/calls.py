"""Common parts of all 20 calls of the API: their path, the names in requests, and the limit of the URL."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager
from itertools import accumulate
from typing import TYPE_CHECKING
from urllib.parse import quote

from fuota.errors import ParameterError
from fuota.network.credentials import NO_SECRETS, Secrets
from fuota.network.outgoing import Files
from fuota.network.senra.spelling import AS_DOCUMENTED, Spelling

if TYPE_CHECKING:
    from fuota.network.http import HttpClient

PATH = "/rest/integration"

MAX_URL_BYTES = 16_000
"""Longest URL. The reference gives no limit. Servers and proxies commonly refuse a request line longer than 8 to 64 KiB; 16,000
bytes hold some 900 EUIs."""


class Calls:
    """GET and POST requests by the last part of the resource URL, such as "mcastTransfer" or "mcast/setup".

    http: the connection. max_url_bytes: longest URL to send. spelling: names to use in requests.
    """

    def __init__(
        self, http: HttpClient, max_url_bytes: int = MAX_URL_BYTES, spelling: Spelling = AS_DOCUMENTED
    ) -> None:
        self._http = http
        self._max_url_bytes = max_url_bytes
        self._spelling = spelling

    @property
    def host(self) -> str:
        """Host of the server, in lower case."""
        return self._http.host

    def get(self, name: str, query: Mapping[str, str]) -> dict[str, object]:
        """Return the JSON object that answers a GET.

        name: last part of the resource URL. query: parameters by the API's names.
        Raises ParameterError if the URL is too long, NetworkError.
        """
        query = self._spelling.of_query(name, query)
        return self._http.get_json(self._path(name, query), query)

    def get_stream(self, name: str, query: Mapping[str, str]) -> AbstractContextManager[Iterator[bytes]]:
        """Return the body that answers a GET, in blocks.

        name, query: as for `get`. Raises the errors of `get`, also while the blocks are read.
        """
        return self._http.get_stream(self._path(name, query), query)

    def post(
        self,
        name: str,
        query: Mapping[str, str],
        *,
        files: Files | None = None,
        json: object = None,
        secrets: Secrets = NO_SECRETS,
    ) -> dict[str, object]:
        """Return the JSON object that answers exactly one POST.

        name, query: as for `get`. files: parts of a multipart form. json: JSON body.
        secrets: secrets of the call besides the API key. Raises the errors of `get`.
        """
        query, json = self._spelling.of_query(name, query), self._spelling.of_body(name, json)
        path = self._path(name, query)
        return self._http.post_json(path, query, files=files, json=json, secrets=secrets)

    def _path(self, name: str, query: Mapping[str, str]) -> str:
        path = f"{PATH}/{name}"
        length_bytes = len(self._http.url(path, query))  # percent-encoded: one byte per character
        if length_bytes > self._max_url_bytes:
            raise ParameterError(_too_long(name, query, length_bytes, self._max_url_bytes))
        return path


def _too_long(name: str, query: Mapping[str, str], length_bytes: int, limit_bytes: int) -> str:
    longest = max(query, key=lambda parameter: len(query[parameter]))
    entries = query[longest].split(",")
    sizes = [len(quote(entry, safe=":")) + 1 for entry in entries]  # with the comma that follows
    spare_bytes = limit_bytes - (length_bytes - (sum(sizes) - 1))
    fitting = sum(1 for total in accumulate(sizes) if total - 1 <= spare_bytes)
    return (
        f"{name} would need a URL of {length_bytes} bytes, the limit is {limit_bytes}: {fitting} of the {len(entries)} "
        f"entries of {longest} fit. Name the devices by tags, or split them over several campaigns"
    )
