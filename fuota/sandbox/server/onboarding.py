"""What the onboarding calls do to the devices that the server knows (reference, "Device Onboarding APIs").

Each function is the work of a task on one device: it changes the record and says what the device counts as.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from fuota.network.senra.device_rows import AbpDevice, DeviceDetails, DeviceUpdate, OtaaDevice
from fuota.sandbox.http.bodies import ActivatedDevice
from fuota.sandbox.server.records import Application, DeviceRecord, DeviceState, Directory
from fuota.sandbox.server.tasks import Outcome

_CHANGED_KEY = "The AppKey for DevEUI: {eui} has been updated. Old AppKey: {old} New AppKey: {new}."


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """What a call says of all its devices: where they are to be, and None or () for what it leaves open."""

    application: Application
    now_us: int
    join_eui: str | None = None
    contract_id: int | None = None
    profile_id: int | None = None
    tags: tuple[str, ...] = ()

    @property
    def app_eui(self) -> str:
        """The application's EUI."""
        return self.application.app_eui


def register(directory: Directory, place: Place, row: DeviceDetails) -> Outcome:
    """Make a device known, or give one that is known another AppKey."""
    if (known := directory.devices.get(row.dev_eui)) is None:
        directory.add(_new_record(place, row))
        return Outcome(counts="registered")
    if known.app_eui != place.app_eui:
        return Outcome(
            counts="errors",
            message=f"DevEUI: {row.dev_eui} has already been registered on AppEUI: {known.app_eui}. The Device cannot be "
            f"registered on AppEUI: {place.app_eui}.",
        )
    return _described(known, place, row)


def activate(directory: Directory, place: Place, row: ActivatedDevice) -> Outcome:
    """Let a device join. One that speaks by ABP has its session already."""
    known = directory.devices.get(row.dev_eui)
    if known is None or (known.app_eui != place.app_eui and known.state is DeviceState.REGISTERED):
        return Outcome(counts="errors", message=_not_registered(row.dev_eui, place))
    if known.app_eui != place.app_eui:
        how = "has already joined" if known.state is DeviceState.JOINED else "was already Activated"
        return Outcome(
            counts="errors",
            message=f"DevEUI: {row.dev_eui} {how} on AppEUI: {known.app_eui}. The Device cannot be Activated on AppEUI: "
            f"{place.app_eui}.",
        )
    if place.join_eui not in (None, known.join_eui):
        return Outcome(counts="errors", message=_not_registered(row.dev_eui, place))
    outcome = _described(known, place, row)
    if known.may_join:
        return outcome
    # "continue uplinking in the context of their previously established security session" (reference, on Deactivation)
    known.state = DeviceState.JOINED if known.join_id else DeviceState.ACTIVATED
    known.activated_us = place.now_us
    return Outcome(counts="activated", message=outcome.message)


def deactivate(directory: Directory, place: Place, row: DeviceDetails) -> Outcome:
    """Keep a device from joining; one that has joined goes on in its session."""
    known = directory.devices.get(row.dev_eui)
    if known is None or known.app_eui != place.app_eui:
        return _error(row, "has not been registered. The Device cannot be deactivated.")
    if known.state is DeviceState.DEACTIVATED:
        return Outcome(counts="notChanged")
    known.state, known.deactivated_us = DeviceState.DEACTIVATED, place.now_us
    return Outcome(counts="deactivated")


def update(directory: Directory, place: Place, row: DeviceUpdate, tags_operation: str | None) -> Outcome:
    """Change fields of a device that has joined."""
    known = directory.devices.get(row.dev_eui)
    if known is None or known.app_eui != place.app_eui:
        return _error(row, "has not been registered. The Device cannot be updated.")
    if known.state is not DeviceState.JOINED:
        return _error(row, "has not joined. The Device cannot be updated.")
    before = _fields(known)
    message = _rekeyed(known, row.app_key)
    known.nwk_key = known.nwk_key if row.nwk_key is None else bytes.fromhex(row.nwk_key)
    known.dev_class = row.dev_class or known.dev_class
    known.fw_ver = row.fw_ver or known.fw_ver
    _take_details(known, row)
    known.profile_id = place.profile_id or known.profile_id
    if tags_operation is not None:
        known.tags = _tags_after(tags_operation, known.tags, (*place.tags, *(row.tags or ())))
    return Outcome(counts="updated" if _fields(known) != before else "notChanged", message=message)


def transfer(directory: Directory, place: Place, row: DeviceDetails) -> Outcome:
    """Move a device into the place's application; its session goes on."""
    known = directory.devices.get(row.dev_eui)
    if known is None:
        return _error(row, "has not been registered. The Device cannot be transferred.")
    known.app_eui = place.app_eui
    known.contract_id = place.contract_id or place.application.contract_id
    known.profile_id = place.profile_id or place.application.profile_id
    return Outcome(counts="transferred")


def _new_record(place: Place, row: DeviceDetails) -> DeviceRecord:
    record = DeviceRecord(
        dev_eui=row.dev_eui,
        app_eui=place.app_eui,
        join_eui=place.join_eui or place.application.join_eui,
        activation="ABP" if isinstance(row, AbpDevice) else "OTAA",
        contract_id=place.contract_id or place.application.contract_id,
        profile_id=place.profile_id or place.application.profile_id,
        tags=tuple(dict.fromkeys((*place.tags, *(row.tags or ())))),
        registered_us=place.now_us,
    )
    if isinstance(row, OtaaDevice):
        record.app_key = bytes.fromhex(row.app_key)
    if isinstance(row, AbpDevice):
        record.dev_addr = None if row.dev_addr is None else int(row.dev_addr, 16)
        record.nwk_s_key, record.app_s_key = _octets(row.nwk_s_key), _octets(row.app_s_key)
    _take_details(record, row)
    return record


def _described(known: DeviceRecord, place: Place, row: DeviceDetails) -> Outcome:
    """Take over what is said of a device that is known. "Updated" counts changed AppKeys (reference, "Response Details")."""
    _take_details(known, row)
    known.contract_id = place.contract_id or known.contract_id
    known.profile_id = place.profile_id or known.profile_id
    known.tags = _tags_after("APPEND", known.tags, (*place.tags, *(row.tags or ())))
    if isinstance(row, AbpDevice):
        known.dev_addr = known.dev_addr if row.dev_addr is None else int(row.dev_addr, 16)
        known.nwk_s_key = _octets(row.nwk_s_key) or known.nwk_s_key
        known.app_s_key = _octets(row.app_s_key) or known.app_s_key
    message = _rekeyed(known, getattr(row, "app_key", None))
    return Outcome(counts="updated" if message else "notChanged", message=message)


def _rekeyed(known: DeviceRecord, app_key: str | None) -> str:
    """Give a device another AppKey; the message of that, or nothing where it is the same or none."""
    old, new = known.app_key, _octets(app_key)
    if new is None or new == old:
        return ""
    known.app_key = new
    was = "none" if old is None else old.hex().upper()
    return _CHANGED_KEY.format(eui=known.dev_eui, old=was, new=new.hex().upper())


def _take_details(known: DeviceRecord, row: DeviceDetails) -> None:
    known.lat = known.lat if row.lat is None else row.lat
    known.lng = known.lng if row.lng is None else row.lng
    known.metadata = row.metadata or known.metadata
    known.dev_type = row.dev_type or known.dev_type


def _tags_after(operation: str, present: tuple[str, ...], given: tuple[str, ...]) -> tuple[str, ...]:
    match operation:
        case "APPEND":
            return tuple(dict.fromkeys((*present, *given)))
        case "REPLACE":
            return tuple(dict.fromkeys(given))
        case _:
            return tuple(tag for tag in present if tag not in given)


def _fields(known: DeviceRecord) -> tuple[Any, ...]:
    return (
        *(known.lat, known.lng, known.metadata, known.dev_type, known.dev_class, known.fw_ver),
        *(known.tags, known.app_key, known.nwk_key, known.profile_id),
    )


def _octets(key: str | None) -> bytes | None:
    return None if key is None else bytes.fromhex(key)


def _not_registered(dev_eui: str, place: Place) -> str:
    where = place.join_eui or place.application.join_eui
    return f"DevEUI: {dev_eui} has not been registered. The Device cannot be Activated on JoinEUI: {where}."


def _error(row: DeviceDetails, rest: str) -> Outcome:
    return Outcome(counts="errors", message=f"DevEUI: {row.dev_eui} {rest}")
