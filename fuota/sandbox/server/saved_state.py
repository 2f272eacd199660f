"""The server's books as JSON, and back: what a state file holds.

Kept: devices with their states, keys, times and tags; downlinks that wait; the registration token; what tasks came to. Not
kept: tasks under way, which are told as failed; FUOTA tasks and multicast groups; and whatever is in the devices, which start
again with the image they were made with.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, fields
from typing import Any

from fuota.errors import StorageError
from fuota.sandbox.server.access import Tokens
from fuota.sandbox.server.downlinks import Downlinks, QueuedDownlink
from fuota.sandbox.server.reception import Day, Reception
from fuota.sandbox.server.records import Application, DeviceRecord, DeviceState, Directory
from fuota.sandbox.server.tasks import KINDS, Task, Tasks

FORMAT, VERSION = "fuota sandbox state", 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Books:
    """The books as they were saved. `now_us`: virtual time then, before which the next sandbox does not begin."""

    now_us: int = 0
    devices: tuple[DeviceRecord, ...] = ()
    downlinks: tuple[QueuedDownlink, ...] = ()
    last_msg_id: int = 0
    tokens: Tokens = field(default_factory=Tokens)
    tasks: tuple[Task, ...] = ()

    @classmethod
    def from_json(cls, saved: Mapping[str, Any]) -> Books:
        """Raises StorageError for what is no state of a sandbox, or one of another version."""
        if saved.get("format") != FORMAT or saved.get("version") != VERSION:
            raise StorageError(f"it is no state of a sandbox, version {VERSION}: name a new file")
        try:
            return cls(
                now_us=saved["now_us"],
                devices=tuple(map(_record, saved["devices"])),
                downlinks=tuple(
                    QueuedDownlink(**one | {"pdu": bytes.fromhex(one["pdu"])}) for one in saved["downlinks"]
                ),
                last_msg_id=saved["last_msg_id"],
                tokens=Tokens.restored(saved["token"]),
                tasks=tuple(_task(one, saved["now_us"]) for one in saved["tasks"]),
            )
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise StorageError(f"it is damaged ({error!r}): name a new file, or one that was saved") from None

    def directory(self, applications: Iterable[Application]) -> Directory:
        """The devices, of these applications; those of others are left out."""
        found = Directory(applications)
        for record in self.devices:
            if record.app_eui in found.applications:
                found.add(record)
        return found

    def queues(self) -> Downlinks:
        """The downlinks that wait."""
        found = Downlinks(first_msg_id=self.last_msg_id + 1)
        found.restore(list(self.downlinks))
        return found


def devices_json(directory: Directory) -> dict[str, Any]:
    """What there is most of in the books, and changes least. To be called with the agenda's lock held."""
    return {"devices": [_record_json(record) for record in directory.devices.values()]}


def books_json(downlinks: Downlinks, tokens: Tokens, tasks: Tasks, *, now_us: int) -> dict[str, Any]:
    """The books as they are now, but for the devices. To be called with the agenda's lock held."""
    return {
        "format": FORMAT,
        "version": VERSION,
        "now_us": now_us,
        "downlinks": [_plain_fields(one) for one in downlinks.snapshot(now_us)],
        "last_msg_id": downlinks.last_msg_id,
        "token": tokens.saved(),
        "tasks": [_plain_fields(task) | {"kind": task.kind.what} for task in tasks.by_id.values()],
    }


def _plain_fields(value: Any) -> dict[str, Any]:
    return {one.name: _PLAIN.get(type(found := getattr(value, one.name)), _same)(found) for one in fields(value)}


def _record_json(record: DeviceRecord) -> dict[str, Any]:
    reception = record.reception
    days = {str(number): _plain_fields(day) for number, day in reception.days.items()}
    return _plain_fields(record) | {"reception": {"last_seqno": reception.last_seqno, "days": days}}


def _record(saved: Mapping[str, Any]) -> DeviceRecord:
    given = dict(saved)
    for name in ("app_key", "nwk_key", "nwk_s_key", "app_s_key"):
        given[name] = None if given[name] is None else bytes.fromhex(given[name])
    days = {int(number): Day(**day) for number, day in given["reception"]["days"].items()}
    given["reception"] = Reception(days=days, last_seqno=given["reception"]["last_seqno"])
    return DeviceRecord(**given | {"state": DeviceState(given["state"]), "tags": tuple(given["tags"])})


def _task(saved: Mapping[str, Any], now_us: int) -> Task:
    task = Task(**dict(saved) | {"kind": KINDS[saved["kind"]], "app_euis": tuple(saved["app_euis"])})
    if task.done is None:
        task.fail(task.count, now_us)
    return task


def _same(value: Any) -> Any:
    return value


_PLAIN: Mapping[type, Callable[[Any], Any]] = {bytes: bytes.hex, tuple: list, DeviceState: str}
