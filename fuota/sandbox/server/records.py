"""The network server's records of applications and devices.

The devices themselves are in `fuota.sandbox.devices.fleet`. They hold the other end of every key. Nothing here reaches them.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from fuota.errors import NotFoundError
from fuota.sandbox.server.reception import Reception


class DeviceState(StrEnum):
    """States of a device, as csvExport filters by them (reference, "Device Export API")."""

    REGISTERED = "REGISTERED"
    ACTIVATED = "ACTIVATED"
    JOINED = "JOINED"
    DEACTIVATED = "DEACTIVATED"


@dataclass(frozen=True, slots=True, kw_only=True)
class Application:
    """An application. `contract_id`, `profile_id` and `join_eui` are the defaults for its devices."""

    app_eui: str
    join_eui: str
    contract_id: int = 1
    profile_id: int = 1


@dataclass(slots=True, kw_only=True)
class RegisteredDevice:
    """The server's record of a device. It changes. Times are virtual, in microseconds since 1970; 0 means never.

    activation: "OTAA" or "ABP". app_key, nwk_key: root keys, 16 bytes. dev_addr and the session keys: of the present session,
    None before the first join. join_id: number of joins.
    """

    dev_eui: str
    app_eui: str
    join_eui: str
    state: DeviceState = DeviceState.REGISTERED
    activation: str = "OTAA"
    app_key: bytes | None = field(default=None, repr=False)
    nwk_key: bytes | None = field(default=None, repr=False)
    dev_addr: int | None = None
    nwk_s_key: bytes | None = field(default=None, repr=False)
    app_s_key: bytes | None = field(default=None, repr=False)
    join_id: int = 0
    dev_class: str = "A"
    contract_id: int = 1
    profile_id: int = 1
    tags: tuple[str, ...] = ()
    metadata: str = ""
    dev_type: str = ""
    fw_ver: str = ""
    lat: float | None = None
    lng: float | None = None
    registered_us: int = 0
    activated_us: int = 0
    deactivated_us: int = 0
    first_join_us: int = 0
    last_join_us: int = 0
    last_heard_us: int = 0
    cur_dr: int | None = None
    reception: Reception = field(default_factory=Reception, repr=False)

    @property
    def may_join(self) -> bool:
        """Whether a join is answered. A deactivated device "cannot join or rejoin" (reference, "Device Deactivation API")."""
        return self.state in {DeviceState.ACTIVATED, DeviceState.JOINED}

    def begin_session(self, now_us: int, *, dev_addr: int, nwk_s_key: bytes, app_s_key: bytes) -> None:
        """Begin a new session after a join. Raises NotFoundError if the device may not join."""
        if not self.may_join:
            raise NotFoundError(f"Device EUI {self.dev_eui} is {self.state}: it may not join")
        self.state = DeviceState.JOINED
        self.dev_addr, self.nwk_s_key, self.app_s_key = dev_addr, nwk_s_key, app_s_key
        self.join_id += 1
        self.first_join_us = self.first_join_us or now_us
        self.last_join_us = self.last_heard_us = now_us

    def note_uplink(self, now_us: int, *, seqno: int, rssi_dbm: int, snr_db: float, base_stations: int = 1) -> None:
        """Record an uplink of the device. seqno: its frame counter, from which the reception rate follows."""
        self.last_heard_us = now_us
        if (
            self.activation == "ABP" and self.state is DeviceState.ACTIVATED
        ):  # it never joins: the uplink shows its session
            self.state, self.join_id = DeviceState.JOINED, max(1, self.join_id)
            self.first_join_us = self.first_join_us or now_us
            self.last_join_us = now_us
        self.reception.note(now_us, seqno=seqno, rssi_dbm=rssi_dbm, snr_db=snr_db, base_stations=base_stations)


class Directory:
    """All applications and devices of a server, by EUI in upper case."""

    def __init__(self, applications: Iterable[Application]) -> None:
        self.applications = {application.app_eui: application for application in applications}
        self.devices: dict[str, RegisteredDevice] = {}

    def add(self, record: RegisteredDevice) -> None:
        """Add a device. It replaces a device with the same EUI."""
        self.devices[record.dev_eui] = record

    def power_on(self, record: RegisteredDevice) -> RegisteredDevice:
        """Add a device of the fleet at the start of the server. Return the record in force.

        If the device is known from a state file, the known record stays and gets the root keys and the session of `record`, since
        the device itself has lost its session.
        """
        known = self.devices.setdefault(record.dev_eui, record)
        if known is not record:
            known.app_key, known.nwk_key = record.app_key, record.nwk_key
            known.dev_addr, known.nwk_s_key, known.app_s_key = record.dev_addr, record.nwk_s_key, record.app_s_key
        return known

    def application(self, app_eui: str) -> Application:
        """Return an application. Raises NotFoundError."""
        if (application := self.applications.get(app_eui.upper())) is None:
            raise NotFoundError(f"Application EUI {app_eui} was not found")
        return application

    def device(self, dev_eui: str, app_eui: str | None = None) -> RegisteredDevice:
        """Return a device. app_eui: the application that it must belong to, None for any. Raises NotFoundError."""
        record = self.devices.get(dev_eui.upper())
        if record is None or app_eui not in (None, record.app_eui):
            raise NotFoundError(f"Device EUI was not found: {dev_eui}")
        return record

    def by_address(self, dev_addr: int) -> RegisteredDevice | None:
        """Return the first device with this address, or None."""
        return next((record for record in self.devices.values() if record.dev_addr == dev_addr), None)

    def of(self, app_eui: str) -> list[RegisteredDevice]:
        """Return the devices of an application, in the order of their registration."""
        return [record for record in self.devices.values() if record.app_eui == app_eui]

    def targets(
        self, app_eui: str, dev_euis: Sequence[str] | None, dev_tags: Sequence[str] | None
    ) -> list[RegisteredDevice]:
        """Return the devices of an application with these EUIs, or, if `dev_euis` is None, with any of these tags.

        Raises NotFoundError.
        """
        app_eui = self.application(app_eui).app_eui
        if dev_euis is None:
            tags = set(dev_tags or ())
            if records := [record for record in self.of(app_eui) if tags.intersection(record.tags)]:
                return records
            raise NotFoundError(f"No device carries a tag of {', '.join(dev_tags or ())}")
        euis = dict.fromkeys(eui.upper() for eui in dev_euis)
        records = [self.devices[eui] for eui in euis if eui in self.devices and self.devices[eui].app_eui == app_eui]
        if len(records) < len(euis):
            unknown = list(euis.keys() - {record.dev_eui for record in records})
            raise NotFoundError(f"Device EUI was not found: {', '.join(unknown[:3])} ({len(unknown)} in all)")
        return records
