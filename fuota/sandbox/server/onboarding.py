"""Work of the onboarding calls on the server's records (reference, "Device Onboarding APIs").

Each public function is one step of a task: it changes the record of one device and returns the outcome.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from fuota.network.senra.device_rows import AbpDevice, DeviceDetails, DeviceUpdate, OtaaDevice
from fuota.sandbox.server.records import Application, DeviceState, Directory, RegisteredDevice
from fuota.sandbox.server.tasks import Count, Refusal, TaskOutcome

_CHANGED_KEY = "The AppKey for DevEUI: {eui} has been updated. Old AppKey: {old} New AppKey: {new}."


@dataclass(frozen=True, slots=True, kw_only=True)
class ActivatedDevice(DeviceDetails):
    """A row of activate. The table has no appKey, but the messages of the task report changed keys."""

    app_key: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskScope:
    """Parameters of an onboarding call for all its devices. None or () leaves a value unchanged.

    application: the application of the devices. now_us: time of the call.
    """

    application: Application
    now_us: int
    join_eui: str | None = None
    contract_id: int | None = None
    profile_id: int | None = None
    tags: tuple[str, ...] = ()

    @property
    def app_eui(self) -> str:
        """EUI of the application."""
        return self.application.app_eui


def register(directory: Directory, scope: TaskScope, row: DeviceDetails) -> TaskOutcome:
    """Register a device, or give a registered device another AppKey."""
    if (record := directory.devices.get(row.dev_eui)) is None:
        directory.add(_new_record(scope, row))
        return TaskOutcome(count=Count.REGISTERED)
    if record.app_eui != scope.app_eui:
        return _refused(
            Refusal.OTHER_APPLICATION,
            row,
            f"has already been registered on AppEUI: {record.app_eui}. The Device cannot be "
            f"registered on AppEUI: {scope.app_eui}.",
        )
    return _described(record, scope, row)


def activate(directory: Directory, scope: TaskScope, row: ActivatedDevice) -> TaskOutcome:
    """Allow a device to join. An ABP device has its session already."""
    record = directory.devices.get(row.dev_eui)
    if record is None or (record.app_eui != scope.app_eui and record.state is DeviceState.REGISTERED):
        return _unknown_join_eui(scope, row)
    if record.app_eui != scope.app_eui:
        event = "has already joined" if record.state is DeviceState.JOINED else "was already Activated"
        return _refused(
            Refusal.OTHER_APPLICATION,
            row,
            f"{event} on AppEUI: {record.app_eui}. The Device cannot be Activated on AppEUI: {scope.app_eui}.",
        )
    if scope.join_eui not in (None, record.join_eui):
        return _unknown_join_eui(scope, row)
    outcome = _described(record, scope, row)
    if record.may_join:
        return outcome
    # "continue uplinking in the context of their previously established security session" (reference, on Deactivation)
    record.state = DeviceState.JOINED if record.join_id else DeviceState.ACTIVATED
    record.activated_us = scope.now_us
    return TaskOutcome(count=Count.ACTIVATED, message=outcome.message)


def deactivate(directory: Directory, scope: TaskScope, row: DeviceDetails) -> TaskOutcome:
    """Forbid a device to join. A device that has joined keeps its session."""
    record = directory.devices.get(row.dev_eui)
    if record is None or record.app_eui != scope.app_eui:
        return _not_registered(row, "deactivated")
    if record.state is DeviceState.DEACTIVATED:
        return TaskOutcome(count=Count.NOT_CHANGED)
    record.state, record.deactivated_us = DeviceState.DEACTIVATED, scope.now_us
    return TaskOutcome(count=Count.DEACTIVATED)


def update(directory: Directory, scope: TaskScope, row: DeviceUpdate, tags_operation: str | None) -> TaskOutcome:
    """Change fields of a device that has joined. tags_operation: "APPEND", "REPLACE", "DELETE", or None for no change of tags."""
    record = directory.devices.get(row.dev_eui)
    if record is None or record.app_eui != scope.app_eui:
        return _not_registered(row, "updated")
    if record.state is not DeviceState.JOINED:
        return _refused(Refusal.NOT_JOINED, row, "has not joined. The Device cannot be updated.")
    before = _fields(record)
    message = _change_app_key(record, row.app_key)
    record.nwk_key = record.nwk_key if row.nwk_key is None else bytes.fromhex(row.nwk_key)
    record.dev_class = row.dev_class or record.dev_class
    record.fw_ver = row.fw_ver or record.fw_ver
    _take_details(record, row)
    record.profile_id = scope.profile_id or record.profile_id
    if tags_operation is not None:
        record.tags = _tags_after(tags_operation, record.tags, (*scope.tags, *(row.tags or ())))
    return TaskOutcome(count=Count.UPDATED if _fields(record) != before else Count.NOT_CHANGED, message=message)


def transfer(directory: Directory, scope: TaskScope, row: DeviceDetails) -> TaskOutcome:
    """Move a device to the application of `scope`. It keeps its session."""
    record = directory.devices.get(row.dev_eui)
    if record is None:
        return _not_registered(row, "transferred")
    record.app_eui = scope.app_eui
    record.contract_id = scope.contract_id or scope.application.contract_id
    record.profile_id = scope.profile_id or scope.application.profile_id
    return TaskOutcome(count=Count.TRANSFERRED)


def _new_record(scope: TaskScope, row: DeviceDetails) -> RegisteredDevice:
    record = RegisteredDevice(
        dev_eui=row.dev_eui,
        app_eui=scope.app_eui,
        join_eui=scope.join_eui or scope.application.join_eui,
        activation="ABP" if isinstance(row, AbpDevice) else "OTAA",
        contract_id=scope.contract_id or scope.application.contract_id,
        profile_id=scope.profile_id or scope.application.profile_id,
        tags=tuple(dict.fromkeys((*scope.tags, *(row.tags or ())))),
        registered_us=scope.now_us,
    )
    if isinstance(row, OtaaDevice):
        record.app_key = bytes.fromhex(row.app_key)
    if isinstance(row, AbpDevice):
        record.dev_addr = None if row.dev_addr is None else int(row.dev_addr, 16)
        record.nwk_s_key, record.app_s_key = _key(row.nwk_s_key), _key(row.app_s_key)
    _take_details(record, row)
    return record


def _described(record: RegisteredDevice, scope: TaskScope, row: DeviceDetails) -> TaskOutcome:
    """Take over the fields of a row for a known device. "Updated" counts changed AppKeys (reference, "Response Details")."""
    _take_details(record, row)
    record.contract_id = scope.contract_id or record.contract_id
    record.profile_id = scope.profile_id or record.profile_id
    record.tags = _tags_after("APPEND", record.tags, (*scope.tags, *(row.tags or ())))
    if isinstance(row, AbpDevice):
        record.dev_addr = record.dev_addr if row.dev_addr is None else int(row.dev_addr, 16)
        record.nwk_s_key = _key(row.nwk_s_key) or record.nwk_s_key
        record.app_s_key = _key(row.app_s_key) or record.app_s_key
    message = _change_app_key(record, row.app_key if isinstance(row, OtaaDevice | ActivatedDevice) else None)
    return TaskOutcome(count=Count.UPDATED if message else Count.NOT_CHANGED, message=message)


def _change_app_key(record: RegisteredDevice, app_key: str | None) -> str:
    """Give a device another AppKey. Return the message about it, or "" if the key is the same or None."""
    old, new = record.app_key, _key(app_key)
    if new is None or new == old:
        return ""
    record.app_key = new
    old_text = "none" if old is None else old.hex().upper()
    return _CHANGED_KEY.format(eui=record.dev_eui, old=old_text, new=new.hex().upper())


def _take_details(record: RegisteredDevice, row: DeviceDetails) -> None:
    record.lat = record.lat if row.lat is None else row.lat
    record.lng = record.lng if row.lng is None else row.lng
    record.metadata = row.metadata or record.metadata
    record.dev_type = row.dev_type or record.dev_type


def _tags_after(operation: str, present: tuple[str, ...], tags: tuple[str, ...]) -> tuple[str, ...]:
    match operation:
        case "APPEND":
            return tuple(dict.fromkeys((*present, *tags)))
        case "REPLACE":
            return tuple(dict.fromkeys(tags))
        case _:
            return tuple(tag for tag in present if tag not in tags)


def _fields(record: RegisteredDevice) -> tuple[object, ...]:
    return (
        *(record.lat, record.lng, record.metadata, record.dev_type, record.dev_class, record.fw_ver),
        *(record.tags, record.app_key, record.nwk_key, record.profile_id),
    )


def _key(text: str | None) -> bytes | None:
    return None if text is None else bytes.fromhex(text)


def _unknown_join_eui(scope: TaskScope, row: DeviceDetails) -> TaskOutcome:
    join_eui = scope.join_eui or scope.application.join_eui
    text = f"has not been registered. The Device cannot be Activated on JoinEUI: {join_eui}."
    return _refused(Refusal.NOT_REGISTERED, row, text)


def _not_registered(row: DeviceDetails, action: str) -> TaskOutcome:
    return _refused(Refusal.NOT_REGISTERED, row, f"has not been registered. The Device cannot be {action}.")


def _refused(refusal: Refusal, row: DeviceDetails, text: str) -> TaskOutcome:
    return TaskOutcome(count=Count.ERRORS, message=f"DevEUI: {row.dev_eui} {text}", refusal=refusal)
