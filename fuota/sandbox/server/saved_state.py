"""State of a sandbox as JSON, and back: the content of a state file.

Kept: devices with their states, keys, times and tags; waiting downlinks; the registration token; the results of tasks. Not kept:
running tasks, which are reported as failed; FUOTA transfers and multicast groups; and the memory of the devices, which
start again with the image that they were made with.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields
from typing import Any

from fuota.errors import StorageError
from fuota.sandbox.air.clock import Clock
from fuota.sandbox.server.access import RegistrationToken
from fuota.sandbox.server.downlinks import DownlinkQueues, QueuedDownlink
from fuota.sandbox.server.reception import DayReception, Reception
from fuota.sandbox.server.records import Application, DeviceState, Directory, RegisteredDevice
from fuota.sandbox.server.tasks import KINDS, Task, Tasks

FORMAT, VERSION = "fuota sandbox state", 1


@dataclass(frozen=True, slots=True, kw_only=True)
class SavedState:
    """State that was saved. now_us: virtual time of the saving; the next sandbox does not begin earlier."""

    now_us: int = 0
    devices: tuple[RegisteredDevice, ...] = ()
    downlinks: tuple[QueuedDownlink, ...] = ()
    last_msg_id: int = 0
    token: RegistrationToken = field(default_factory=RegistrationToken)
    tasks: tuple[Task, ...] = ()

    @classmethod
    def from_json(cls, saved: Mapping[str, Any]) -> SavedState:
        """Return the state. Raises StorageError if `saved` is not the state of a sandbox, or has another version."""
        if saved.get("format") != FORMAT or saved.get("version") != VERSION:
            raise StorageError(f"it is not the state of a sandbox, version {VERSION}: name a new file")
        try:
            return cls(
                now_us=saved["now_us"],
                devices=tuple(map(_record, saved["devices"])),
                downlinks=tuple(
                    QueuedDownlink(**downlink | {"pdu": bytes.fromhex(downlink["pdu"])})
                    for downlink in saved["downlinks"]
                ),
                last_msg_id=saved["last_msg_id"],
                token=RegistrationToken.from_json(saved["token"]),
                tasks=tuple(_task(task, saved["now_us"]) for task in saved["tasks"]),
            )
        except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
            raise StorageError(f"it is damaged ({error!r}): name a new file, or a state file that is whole") from None

    def directory(self, applications: Iterable[Application]) -> Directory:
        """Return a directory of these applications with their saved devices. Devices of other applications are left out."""
        directory = Directory(applications)
        for record in self.devices:
            if record.app_eui in directory.applications:
                directory.add(record)
        return directory


@dataclass(frozen=True, slots=True, kw_only=True)
class RunningState:
    """The parts of a running sandbox that a state file keeps."""

    clock: Clock
    directory: Directory
    downlinks: DownlinkQueues
    token: RegistrationToken
    tasks: Tasks

    def snapshot(self, devices: bool) -> dict[str, object]:
        """Return the state as JSON. devices: with the devices, the largest part, which changes least."""
        with self.clock.lock:
            now_us = self.clock.now_us()
            state: dict[str, object] = {
                "format": FORMAT,
                "version": VERSION,
                "now_us": now_us,
                "downlinks": [_plain_fields(downlink) for downlink in self.downlinks.snapshot(now_us)],
                "last_msg_id": self.downlinks.last_msg_id,
                "token": self.token.to_json(),
                "tasks": [_plain_fields(task) | {"kind": task.kind.noun} for task in self.tasks.by_id.values()],
            }
            if devices:
                state["devices"] = [_record_json(record) for record in self.directory.devices.values()]
            return state


def _plain_fields(value: RegisteredDevice | QueuedDownlink | Task | DayReception) -> dict[str, object]:
    return {field.name: _plain(getattr(value, field.name)) for field in fields(value)}


def _plain(value: object) -> object:
    match value:
        case bytes():
            return value.hex()
        case tuple():
            return list(value)
        case DeviceState():
            return str(value)
        case _:
            return value


def _record_json(record: RegisteredDevice) -> dict[str, object]:
    reception = record.reception
    days = {str(number): _day_json(day) for number, day in reception.days.items()}
    return _plain_fields(record) | {"reception": {"last_seqno": reception.last_seqno, "days": days}}


def _record(saved: Mapping[str, Any]) -> RegisteredDevice:
    values = dict(saved)
    for name in ("app_key", "nwk_key", "nwk_s_key", "app_s_key"):
        values[name] = None if values[name] is None else bytes.fromhex(values[name])
    days = {int(number): _day(day) for number, day in values["reception"]["days"].items()}
    values["reception"] = Reception(days=days, last_seqno=values["reception"]["last_seqno"])
    return RegisteredDevice(**values | {"state": DeviceState(values["state"]), "tags": tuple(values["tags"])})


def _day_json(day: DayReception) -> dict[str, object]:
    return {("heard" if name == "received" else name): value for name, value in _plain_fields(day).items()}


def _day(saved: Mapping[str, Any]) -> DayReception:
    values = dict(saved)
    return DayReception(received=values.pop("heard"), **values)


def _task(saved: Mapping[str, Any], now_us: int) -> Task:
    task = Task(**dict(saved) | {"kind": KINDS[saved["kind"]], "app_euis": tuple(saved["app_euis"])})
    if task.done is None:
        task.fail(task.count, now_us)
    return task
