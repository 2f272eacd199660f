"""A network server and its fleet of virtual devices in one process, with real HTTP on this machine."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from fuota import rules
from fuota.calls import checked_init
from fuota.errors import ParameterError, StorageError
from fuota.network.background import BackgroundServer
from fuota.network.eui import canonical_eui
from fuota.network.keys import SANDBOX_API_KEY
from fuota.radio import region as find_region
from fuota.sandbox.air.clock import VirtualClock
from fuota.sandbox.devices.fleet import FleetRecipe
from fuota.sandbox.http.app import create_app
from fuota.sandbox.http.service import Service
from fuota.sandbox.server.access import Keys, Role
from fuota.sandbox.server.data_stream import BATCH_DELAY_MS, DataStream
from fuota.sandbox.server.faults import Faults
from fuota.sandbox.server.network_server import NetworkServer
from fuota.sandbox.server.records import Application
from fuota.sandbox.server.saved_state import RunningState, SavedState
from fuota.sandbox.server.state_file import StateFile, load_state
from fuota.sandbox.server.tasks import Tasks

__all__ = [
    "SANDBOX_API_KEY",
    "SANDBOX_APP_EUI",
    "SANDBOX_SECOND_APP_EUI",
    "Faults",
    "FleetRecipe",
    "Role",
    "Sandbox",
]

SANDBOX_APP_EUI = "02000000F0A00001"
SANDBOX_SECOND_APP_EUI = "02000000F0A00002"
"""An application without devices. Devices can be transferred to it."""
_NO_FAULTS = Faults()


@checked_init
class Sandbox:
    """A network server at `sandbox.url`. `with Sandbox() as sandbox:` runs it until the block ends.

    fleet: recipe of the devices; None for 50 devices.
    region: name of the region, such as "EU868".
    speed: speed of its clock, as a multiple of real time; None for a clock that does not wait. Then nothing is forgotten.
    data_stream_url: URL to which uplinks are posted; None for no data stream.
    batch: whether uplinks are posted as arrays. batch_delay_ms: waiting time of an array for further uplinks, 0 to 10000.
    duplicates: number of further gateways that hear each uplink, 0 to 15.
    rf_data: whether the data stream reports the radio parameters and signal quality of uplinks.
    uplink_period_s: time between two uplinks of a device; a class A device can receive a unicast downlink after each.
    port: TCP port, 0 for any free port.
    api_key: Full Access key of the first application; `keys` has all keys.
    app_euis: EUIs of the applications; the first application has the fleet.
    faults: faults to produce on request.
    state: file that keeps the state (see `fuota.sandbox.server.saved_state`); None to keep it in memory only.

    Raises ParameterError; StorageError for the state file; NetworkError if the port is in use.
    """

    def __init__(  # noqa: PLR0913 - the keywords of a whole sandbox
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
        rules.integer("uplink_period_s", uplink_period_s, 1)
        self.app_euis = _checked_euis(app_euis)
        self.app_eui = self.app_euis[0]
        self.api_key = api_key
        radio_region = find_region(region)
        self._fleet = (fleet or FleetRecipe()).make(join_eui=self.app_eui, region=radio_region)
        self.dev_euis = self._fleet.dev_euis
        """EUIs of the devices that exist from the start."""
        saved = SavedState() if state is None else load_state(state)
        self._clock = VirtualClock(speed=speed, start_us=max(saved.now_us, time.time_ns() // 1000))
        self._data_stream = None
        if data_stream_url:
            self._data_stream = DataStream(
                data_stream_url, batch=batch, batch_delay_ms=batch_delay_ms, duplicates=duplicates, faults=faults
            )
        server = NetworkServer(
            applications=[Application(app_eui=eui, join_eui=eui) for eui in self.app_euis],
            region=radio_region,
            fleet=self._fleet,
            clock=self._clock,
            data_stream=self._data_stream,
            uplink_period_s=uplink_period_s,
            saved=saved,
            faults=faults,
            forgets=speed is not None,
            rf_data=rf_data,
        )
        running = _running_state(server, self._clock, saved, forgets=speed is not None)
        keys = Keys.of(self.app_euis, first_key=api_key)
        self.keys = keys.listed()
        """(application, role, key) of all keys."""
        self._storage = StateFile(state, running.snapshot) if state is not None else None
        self._service = Service(server=server, keys=keys, state=running, storage=self._storage)
        self._http = BackgroundServer(faults.middleware(create_app(self._service)), port=port)

    @property
    def url(self) -> str:
        """URL of the server, such as http://127.0.0.1:8380."""
        return self._http.url

    def key(self, role: Role = Role.FULL_ACCESS, app_eui: str | None = None) -> str:
        """Return the key of a role for an application. It is the same in every sandbox, except for `api_key`.

        role: role of the key. app_eui: EUI of the application; None for the first application.
        """
        owner = (app_eui or self.app_eui, role)
        return next(key for *key_owner, key in self.keys if tuple(key_owner) == owner)

    @property
    def token(self) -> str:
        """The valid registration token. A token is valid once, and for an hour."""
        return self._service.token()

    def start(self) -> Self:
        """Open the port and start the clock. Raises NetworkError, StorageError."""
        self._http.start()  # first: if the port is in use, perhaps by another sandbox, the state file is not touched
        if self._storage:
            try:
                self._storage.start()
            except StorageError:
                self._http.stop()
                raise
        self._clock.start()
        if self._data_stream:
            self._data_stream.start()
        return self

    def stop(self) -> None:
        """Close the port and stop the clock. Queued uplinks are posted."""
        self._http.stop()
        self._clock.stop()
        if self._data_stream:
            self._data_stream.stop()
        if self._storage:
            self._storage.stop()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


def _running_state(server: NetworkServer, clock: VirtualClock, saved: SavedState, *, forgets: bool) -> RunningState:
    return RunningState(
        clock=clock,
        directory=server.directory,
        downlinks=server.downlinks,
        token=saved.token,
        tasks=Tasks(clock=clock, saved=saved.tasks, forgets=forgets),
    )


def _checked_euis(app_euis: Sequence[str]) -> tuple[str, ...]:
    euis = tuple(canonical_eui(eui) or eui for eui in app_euis)
    for eui in euis:
        if canonical_eui(eui) is None:
            rules.refuse("application", "an EUI of 16 hexadecimal digits", eui)
    if not euis or len(set(euis)) < len(euis):
        raise ParameterError(f"applications must be one or more EUIs, each once, got {', '.join(euis) or 'none'}")
    return euis
