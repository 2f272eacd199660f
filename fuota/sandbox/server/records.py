"""What the network server knows: applications, and devices with their states.

The devices themselves are elsewhere (`fleet`): they hold the other end of every key, and nothing here tells them anything.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from fuota.errors import NotFoundError
from fuota.sandbox.server.reception import Reception


class DeviceState(StrEnum):
    """The states that csvExport filters by (reference, "Device Export API")."""

    REGISTERED = "REGISTERED"
    ACTIVATED = "ACTIVATED"
    JOINED = "JOINED"
    DEACTIVATED = "DEACTIVATED"


@dataclass(frozen=True, slots=True, kw_only=True)
class Application:
    """An application. `contract_id`, `profile_id` and `join_eui` are its defaults."""

    app_eui: str
    join_eui: str
    contract_id: int = 1
    profile_id: int = 1


@dataclass(slots=True, kw_only=True)
class DeviceRecord:
    """A device as the server knows it. It changes; times are virtual, in microseconds since 1970, 0 for never.

    `activation`: OTAA or ABP. `app_key`, `nwk_key`: root keys, 16 octets. `dev_addr` and the session keys: of the present
    session, None before the first join. `join_id` counts the joins.
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
        """Whether a join is answered: a deactivated device "cannot join or rejoin" (reference, "Device Deactivation API")."""
        return self.state in {DeviceState.ACTIVATED, DeviceState.JOINED}

    def join(self, now_us: int, *, dev_addr: int, nwk_s_key: bytes, app_s_key: bytes) -> None:
        """A session begins. Raises NotFoundError where the device may not join."""
        if not self.may_join:
            raise NotFoundError(f"Device EUI {self.dev_eui} is {self.state}: it may not join")
        self.state = DeviceState.JOINED
        self.dev_addr, self.nwk_s_key, self.app_s_key = dev_addr, nwk_s_key, app_s_key
        self.join_id += 1
        self.first_join_us = self.first_join_us or now_us
        self.last_join_us = self.last_heard_us = now_us

    def heard(self, now_us: int, *, seqno: int, rssi_dbm: int, snr_db: float, base_stations: int = 1) -> None:
        """An uplink of the device has come; `seqno` is its frame counter, from which the reception rate is known."""
        self.last_heard_us = now_us
        if self.activation == "ABP" and self.state is DeviceState.ACTIVATED:  # it never joins: its session is heard of
            self.state, self.join_id = DeviceState.JOINED, max(1, self.join_id)
            self.first_join_us = self.first_join_us or now_us
            self.last_join_us = now_us
        self.reception.note(now_us, seqno=seqno, rssi_dbm=rssi_dbm, snr_db=snr_db, base_stations=base_stations)


class Directory:
    """All applications and devices of a server, by EUI in capitals."""

    def __init__(self, applications: Iterable[Application]) -> None:
        self.applications = {application.app_eui: application for application in applications}
        self.devices: dict[str, DeviceRecord] = {}

    def add(self, record: DeviceRecord) -> None:
        """Take a device in, in place of one with the same EUI."""
        self.devices[record.dev_eui] = record

    def power_on(self, record: DeviceRecord) -> DeviceRecord:
        """Take in a device that is there from the start; the record in force.

        One that is known, from a state file, keeps what is known of it and gets the root keys and the session of `record`: the
        device itself has forgotten its own.
        """
        known = self.devices.setdefault(record.dev_eui, record)
        if known is not record:
            known.app_key, known.nwk_key = record.app_key, record.nwk_key
            known.dev_addr, known.nwk_s_key, known.app_s_key = record.dev_addr, record.nwk_s_key, record.app_s_key
        return known

    def application(self, app_eui: str) -> Application:
        """Raises NotFoundError."""
        if (found := self.applications.get(app_eui.upper())) is None:
            raise NotFoundError(f"Application EUI {app_eui} was not found")
        return found

    def device(self, dev_eui: str, app_eui: str | None = None) -> DeviceRecord:
        """A device, of that application if one is given. Raises NotFoundError."""
        found = self.devices.get(dev_eui.upper())
        if found is None or app_eui not in (None, found.app_eui):
            raise NotFoundError(f"Device EUI was not found: {dev_eui}")
        return found

    def by_address(self, dev_addr: int) -> DeviceRecord | None:
        """The device that has this address, if any: the first one."""
        return next((record for record in self.devices.values() if record.dev_addr == dev_addr), None)

    def of(self, app_eui: str) -> list[DeviceRecord]:
        """The devices of an application, in the order of their registration."""
        return [record for record in self.devices.values() if record.app_eui == app_eui]

    def targets(
        self, app_eui: str, dev_euis: Sequence[str] | None, dev_tags: Sequence[str] | None
    ) -> list[DeviceRecord]:
        """The devices of an application with these EUIs, or those that carry one of the tags. Raises NotFoundError."""
        app_eui = self.application(app_eui).app_eui
        if dev_euis is None:
            wanted = set(dev_tags or ())
            if found := [record for record in self.of(app_eui) if wanted.intersection(record.tags)]:
                return found
            raise NotFoundError(f"No device carries a tag of {', '.join(dev_tags or ())}")
        asked = dict.fromkeys(eui.upper() for eui in dev_euis)
        known = [self.devices[eui] for eui in asked if eui in self.devices and self.devices[eui].app_eui == app_eui]
        if len(known) < len(asked):
            unknown = list(asked.keys() - {record.dev_eui for record in known})
            raise NotFoundError(f"Device EUI was not found: {', '.join(unknown[:3])} ({len(unknown)} in all)")
        return known
