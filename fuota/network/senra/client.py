"""The door to a SenRa (or Senet) network server."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from fuota.network.http import DEFAULT_TIMEOUT_S, HttpClient
from fuota.network.outgoing import RequestHook
from fuota.network.senra.calls import MAX_URL_BYTES, PATH, Calls
from fuota.network.senra.devices import Devices
from fuota.network.senra.downlinks import Downlinks
from fuota.network.senra.multicast import Multicast
from fuota.network.senra.spelling import requested_spelling
from fuota.network.senra.tasks import TaskRef
from fuota.network.senra.transfers import Transfers


class SenraClient:
    """One account on one server, such as `SenraClient("https://api.senraco.io", api_key=...)`.

    base_url: scheme and host; the API's own path may stand at its end. http only for a loopback host.
    api_key: as issued, with its prefix AK2: or AK3:.
    max_url_bytes: longest URL to send; lists of devices go into the URL.
    other_spellings: names to send in place of the usual ones, where a server wants them: some of `OTHER_SPELLINGS`.
    The other arguments are those of `HttpClient`. Raises ParameterError.
    """

    def __init__(  # noqa: PLR0913 - where and who, then knobs that nearly nobody turns
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
            api_key=api_key or "",  # None would be a client without a key: as good as an empty one
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
        self.devices: Devices[TaskRef] = Devices(calls, lambda job: job.start(calls))

    def __repr__(self) -> str:
        return f"SenraClient({self._http!r})"
