"""A network server and its fleet of virtual devices in one process, over real HTTP on this machine."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from fuota.errors import ParameterError, StorageError
from fuota.network.eui import canonical_eui
from fuota.network.webhook import BackgroundServer
from fuota.radio import region as find_region
from fuota.sandbox.air.clock import Agenda
from fuota.sandbox.devices.fleet import FleetRecipe
from fuota.sandbox.http.app import create_app
from fuota.sandbox.server.access import Keys, Role
from fuota.sandbox.server.data_stream import BATCH_DELAY_MS, DataStream
from fuota.sandbox.server.faults import Faults
from fuota.sandbox.server.records import Application
from fuota.sandbox.server.saved_state import Books
from fuota.sandbox.server.server import NetworkServer
from fuota.sandbox.server.service import Service
from fuota.sandbox.server.state_file import StateFile, load_books

__all__ = [
    "SANDBOX_API_KEY",
    "SANDBOX_APP_EUI",
    "SANDBOX_SECOND_APP_EUI",
    "Faults",
    "FleetRecipe",
    "Role",
    "Sandbox",
]

SANDBOX_API_KEY = "AK2:fuota-sandbox-opens-nothing-but-sandboxes"
"""Not a secret: it opens sandboxes only, which listen on the loopback interface only."""
SANDBOX_APP_EUI = "02000000F0A00001"
SANDBOX_SECOND_APP_EUI = "02000000F0A00002"
"""An application without devices, to transfer some to."""
_NO_FAULTS = Faults()


class Sandbox:
    """`with Sandbox() as sandbox:` is a network server at `sandbox.url` until the block ends.

    `fleet`: the devices. `region`: a name such as "EU868". `speed`: how many times as fast as real time its clock goes, None
    for no waiting at all, and then nothing is forgotten. `data_stream_url`: where uplinks are posted, in batches (arrays) if
    `batch`, which wait `batch_delay_ms` for company; `duplicates` further gateways hear each. With `rf_data` it tells how they
    were heard. `uplink_period_s`: how often a device has an uplink, and with it a chance for a unicast downlink. `port`: 0
    for any free one.
    `app_euis`: the applications, of which the first has the fleet; `api_key` opens that wholly, `keys` has all.
    `faults`: what goes wrong on purpose. `state`: a file that keeps the server's books, see `fuota.sandbox.server.saved_state`.
    Raises ParameterError; StorageError for the state file; NetworkError where the port is taken.
    """

    def __init__(  # noqa: PLR0913 - a world is described here
        self,
        *,
        fleet: FleetRecipe | None = None,
        region: str = "EU868",
        speed: float | None = 60,
        data_stream_url: str | None = None,
        batch: bool = True,
        batch_delay_ms: int = BATCH_DELAY_MS,
        duplicates: int = 0,
        rf_data: bool = False,
        uplink_period_s: int = 30,
        port: int = 0,
        api_key: str = SANDBOX_API_KEY,
        app_euis: Sequence[str] = (SANDBOX_APP_EUI, SANDBOX_SECOND_APP_EUI),
        faults: Faults = _NO_FAULTS,
        state: Path | None = None,
    ) -> None:
        if uplink_period_s < 1:
            raise ParameterError(f"uplink_period_s {uplink_period_s} was given: it is 1 or more; the nearest is 1")
        self.app_euis = _checked_euis(app_euis)
        self.app_eui = self.app_euis[0]
        self.api_key = api_key
        self._fleet = (fleet or FleetRecipe()).make()
        self.dev_euis = self._fleet.dev_euis
        """The EUIs of the devices that are there from the start."""
        books = Books() if state is None else load_books(state)
        self._agenda = Agenda(speed=speed, start_us=max(books.now_us, time.time_ns() // 1000))
        self._data_stream = (
            DataStream(
                data_stream_url, batch=batch, batch_delay_ms=batch_delay_ms, duplicates=duplicates, faults=faults
            )
            if data_stream_url
            else None
        )
        server = NetworkServer(
            app_eui=self.app_eui,
            region=find_region(region),
            fleet=self._fleet,
            agenda=self._agenda,
            data_stream=self._data_stream,
            uplink_period_s=uplink_period_s,
            directory=books.directory(Application(app_eui=eui, join_eui=eui) for eui in self.app_euis),
            downlinks=books.queues(),
            faults=faults,
            forgets=speed is not None,
            rf_data=rf_data,
        )
        keys = Keys.of(self.app_euis, first_key=api_key)
        self.keys = keys.listed()
        """(application, role, key) of all."""
        self._service = Service(server=server, clock=self._agenda, keys=keys, books=books, forgets=speed is not None)
        self._state = self._kept_in(state) if state is not None else None
        self._http = BackgroundServer(faults.middleware(create_app(self._service)), port=port)

    @property
    def url(self) -> str:
        """Where it listens, such as http://127.0.0.1:8380."""
        return self._http.url

    def key(self, role: Role = Role.FULL_ACCESS, app_eui: str | None = None) -> str:
        """The key of a role for an application, by default the first; the same in every sandbox but for `api_key`."""
        wanted = (app_eui or self.app_eui, role)
        return next(key for *of, key in self.keys if tuple(of) == wanted)

    @property
    def token(self) -> str:
        """The registration token that is good now: once, and for an hour."""
        return self._service.token()

    def start(self) -> Self:
        """Open the port and let time begin."""
        self._http.start()  # first: where the port is taken, by another sandbox perhaps, its state is left alone
        if self._state:
            try:
                self._state.start()
            except StorageError:
                self._http.stop()
                raise
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
        if self._state:
            self._state.stop()

    def _kept_in(self, path: Path) -> StateFile:
        found = StateFile(path, self._service.snapshot)
        self._service.settle = lambda devices: found.settle(devices=devices)
        self._service.on_change = found.changed
        return found

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


def _checked_euis(app_euis: Sequence[str]) -> tuple[str, ...]:
    found = tuple(canonical_eui(eui) or eui for eui in app_euis)
    if wrong := [eui for eui in found if canonical_eui(eui) is None]:
        raise ParameterError(f"application {wrong[0]!r} was given: it is an EUI of 16 hexadecimal digits")
    if not found or len(set(found)) < len(found):
        raise ParameterError(f"applications {', '.join(found) or 'none'} were given: name one or more, each once")
    return found
