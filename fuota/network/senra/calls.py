"""What all twenty calls share: the path they live under, and a URL that the server will take."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager
from itertools import accumulate
from typing import Any
from urllib.parse import quote

from fuota.errors import ParameterError
from fuota.network.http import NO_SECRETS, Files, HttpClient, Secrets
from fuota.network.senra.spelling import AS_DOCUMENTED, Spelling

PATH = "/rest/integration"

# No limit on the URL is documented. Servers and proxies commonly refuse a request line beyond 8 to 64 KiB; 16 000 bytes
# hold some 900 EUIs.
MAX_URL_BYTES = 16_000


class Calls:
    """GET and POST by the last part of the resource URL, such as "mcastTransfer" or "mcast/setup"."""

    def __init__(
        self, http: HttpClient, max_url_bytes: int = MAX_URL_BYTES, spelling: Spelling = AS_DOCUMENTED
    ) -> None:
        self._http = http
        self._max_url_bytes = max_url_bytes
        self._spelling = spelling

    @property
    def host(self) -> str:
        """The host that is called, in lower case."""
        return self._http.host

    def get(self, name: str, query: Mapping[str, str]) -> dict[str, Any]:
        """The JSON object answered. Raises ParameterError for too long a URL, NetworkError."""
        query = self._spelling.of_query(name, query)
        return self._http.get_json(self._path(name, query), query)

    def get_stream(self, name: str, query: Mapping[str, str]) -> AbstractContextManager[Iterator[bytes]]:
        """The body answered, block by block. Raises as `get` does, also while it is read."""
        return self._http.get_stream(self._path(name, query), query)

    def post(
        self,
        name: str,
        query: Mapping[str, str],
        *,
        files: Files | None = None,
        json: object = None,
        secrets: Secrets = NO_SECRETS,
    ) -> dict[str, Any]:
        """The JSON object answered, after exactly one request. Raises as `get` does."""
        query, json = self._spelling.of_query(name, query), self._spelling.of_body(name, json)
        path = self._path(name, query)
        return self._http.post_json(path, query, files=files, json=json, secrets=secrets)

    def _path(self, name: str, query: Mapping[str, str]) -> str:
        path = f"{PATH}/{name}"
        length_bytes = len(self._http.url(path, query))  # percent-encoded: one byte a character
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
