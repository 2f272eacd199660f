"""Client of a SenRa or Senet network server."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from fuota.calls import checked_init
from fuota.network.http import DEFAULT_TIMEOUT_S, HttpClient
from fuota.network.outgoing import RequestHook
from fuota.network.senra.calls import MAX_URL_BYTES, PATH, Calls
from fuota.network.senra.devices import Devices
from fuota.network.senra.downlinks import Downlinks
from fuota.network.senra.multicast import Multicast
from fuota.network.senra.spelling import requested_spelling
from fuota.network.senra.tasks import TaskRef
from fuota.network.senra.transfers import Transfers


@checked_init
class SenraClient:
    """Client of one account on one server, such as `SenraClient("https://api.senraco.io", api_key=...)`.

    Its calls are grouped as `transfers`, `downlinks`, `multicast` and `devices`.

    base_url: scheme and host; the API's own path may follow. http is accepted only for a loopback host.
    api_key: as issued, with its prefix AK2: or AK3:.
    ca_file: PEM file of the authorities to trust instead of the usual authorities.
    timeout_s: whole seconds, (connect, read), or one number for both.
    retries, backoff_ms: number of times that a GET is repeated, and base of the pauses between; a POST is never repeated.
    max_url_bytes: longest URL to send; lists of devices are part of the URL.
    other_spellings: names to send instead of the usual names, if a server needs them: members of `OTHER_SPELLINGS`.
    before_request: called with each request before it is sent; if it raises an exception, the request is not sent.

    Raises ParameterError.
    """

    def __init__(  # noqa: PLR0913 - address and key, then settings that are seldom changed
        self,
        base_url: str,
        api_key: str,
        *,
        ca_file: str | Path | None = None,
        timeout_s: int | tuple[int, int] = DEFAULT_TIMEOUT_S,
        retries: int = 3,
        backoff_ms: int = 500,
        max_url_bytes: int = MAX_URL_BYTES,
        other_spellings: Iterable[str] = (),
        before_request: RequestHook | None = None,
    ) -> None:
        self._http = HttpClient(
            base_url.rstrip("/").removesuffix(PATH),
            api_key=api_key or "",  # None would be a client without a key: the same as an empty key
            ca_file=ca_file,
            timeout_s=timeout_s,
            retries=retries,
            backoff_ms=backoff_ms,
            before_request=before_request,
        )
        calls = Calls(self._http, max_url_bytes, requested_spelling(other_spellings))
        self.transfers = Transfers(calls)
        self.downlinks = Downlinks(calls)
        self.multicast = Multicast(calls)
        self.devices: Devices[TaskRef] = Devices(calls, lambda request: request.start(calls))

    @property
    def url(self) -> str:
        """URL of the server, without the path of the API."""
        return self._http.url("", {})

    def __repr__(self) -> str:
        return f"SenraClient({self._http!r})"
