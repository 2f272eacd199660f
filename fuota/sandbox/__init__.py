"""A network server and its fleet of virtual devices in one process, over real HTTP on this machine."""

from __future__ import annotations

from types import TracebackType
from typing import Self

from fuota.errors import ParameterError
from fuota.network.webhook import BackgroundServer
from fuota.radio import region as find_region
from fuota.sandbox.agenda import Agenda
from fuota.sandbox.app import create_app
from fuota.sandbox.data_stream import DataStream
from fuota.sandbox.fleet import FleetRecipe
from fuota.sandbox.server import NetworkServer

__all__ = ["SANDBOX_API_KEY", "SANDBOX_APP_EUI", "FleetRecipe", "Sandbox"]

SANDBOX_API_KEY = "AK2:fuota-sandbox-opens-nothing-but-sandboxes"
"""Not a secret: it opens sandboxes only, which listen on the loopback interface only."""
SANDBOX_APP_EUI = "02000000F0A00001"


class Sandbox:
    """`with Sandbox() as sandbox:` is a network server at `sandbox.url` until the block ends.

    `fleet`: the devices. `region`: a name such as "EU868". `speed`: how many times as fast as real time its clock goes, None
    for no waiting at all. `data_stream_url`: where uplinks are posted, in batches (arrays) if `batch`. `uplink_period_s`:
    how often a device has an uplink, and with it a chance for a unicast downlink. `port`: 0 for any free one.
    Raises ParameterError; NetworkError where the port is taken.
    """

    def __init__(  # noqa: PLR0913 - a world is described here
        self,
        *,
        fleet: FleetRecipe | None = None,
        region: str = "EU868",
        speed: float | None = 60,
        data_stream_url: str | None = None,
        batch: bool = True,
        uplink_period_s: int = 30,
        port: int = 0,
        api_key: str = SANDBOX_API_KEY,
    ) -> None:
        if uplink_period_s < 1:
            raise ParameterError(f"uplink_period_s {uplink_period_s} was given: it is 1 or more; the nearest is 1")
        self.app_eui = SANDBOX_APP_EUI
        self.api_key = api_key
        self._fleet = (fleet or FleetRecipe()).make()
        self._agenda = Agenda(speed=speed)
        self._data_stream = DataStream(data_stream_url, batch=batch) if data_stream_url else None
        server = NetworkServer(
            app_eui=self.app_eui,
            region=find_region(region),
            fleet=self._fleet,
            agenda=self._agenda,
            data_stream=self._data_stream,
            uplink_period_s=uplink_period_s,
        )
        self._http = BackgroundServer(create_app(server, api_key), port=port)

    @property
    def url(self) -> str:
        """Where it listens, such as http://127.0.0.1:8380."""
        return self._http.url

    @property
    def dev_euis(self) -> tuple[str, ...]:
        """The EUIs of its devices."""
        return self._fleet.dev_euis

    def start(self) -> Self:
        """Open the port and let time begin."""
        self._http.start()
        self._agenda.start()
        if self._data_stream:
            self._data_stream.start()
        return self

    def stop(self) -> None:
        """Close the port and end time; uplinks that are queued are posted."""
        self._http.stop()
        self._agenda.stop()
        if self._data_stream:
            self._data_stream.stop()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
