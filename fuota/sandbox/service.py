"""What answers the calls: the server's books, and one function for each call."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Protocol
from urllib.parse import urlencode

from fuota.errors import AuthenticationError, BadRequestError, NotFoundError, ParameterError
from fuota.network import TransferRequest
from fuota.network.senra.device_rows import AbpDevice, Callback, DeviceUpdate, OtaaDevice
from fuota.network.senra.parameters import exactly_one
from fuota.sandbox import onboarding, rows, tasks
from fuota.sandbox.access import REJECTED, ApiKey, Keys
from fuota.sandbox.books import Books, books_json, devices_json
from fuota.sandbox.callback import post_result
from fuota.sandbox.calls import CALLS
from fuota.sandbox.export import export
from fuota.sandbox.onboarding import Place
from fuota.sandbox.records import Application, DeviceRecord, DeviceState
from fuota.sandbox.server import NetworkServer
from fuota.sandbox.tasks import Outcome, TaskKind, Tasks

STATUS_PATH = "/rest/integration/device/status"


class Clock(Protocol):
    """Of the agenda: what the calls need."""

    @property
    def lock(self) -> AbstractContextManager[Any]:
        """Held by whoever touches the books."""
        ...

    def now_us(self) -> int:
        """Virtual time."""
        ...

    def at(self, time_us: int, action: Callable[[], None]) -> None:
        """Do something then."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A request whose key fits and whose parameters are legal.

    `values`: the parameters by their keys. `other_key`: of the header authorization2. `url`: of this server, for a statusUrl.
    """

    values: Mapping[str, Any]
    key: ApiKey
    url: str = ""
    body: bytes = b""
    other_key: str | None = field(default=None, repr=False)


class Service:
    """The books of a sandbox, and what each call does to them, by the call's name in `answers`.

    `books`: those of an earlier sandbox, of which `server` has the devices and downlinks already.
    `on_change`: called when a task has changed devices. `settle`: called before a POST is answered, with whether it has.
    """

    def __init__(self, *, server: NetworkServer, clock: Clock, keys: Keys, books: Books | None = None) -> None:
        books = books or Books()
        self.server, self.clock, self.keys = server, clock, keys
        self.directory, self.downlinks = server.directory, server.downlinks
        self.tokens = books.tokens
        self.tasks = Tasks(now_us=clock.now_us, at=clock.at)
        self.tasks.by_id = {task.request_id: task for task in books.tasks}
        self.on_change: Callable[[], None] | None = None
        self.settle: Callable[[bool], None] | None = None

    def token(self) -> str:
        """The registration token that is good now."""
        with self.clock.lock:
            return self.tokens.current(self.clock.now_us())

    def answer(self, name: str, asked: Asked) -> Any:
        """What a call answers: a JSON object, or parts of a CSV. Raises FuotaError, whose kind is the answer's status."""
        with self.clock.lock:
            found = ANSWERS[name](self, asked)
        if self.settle is not None and CALLS[name].method == "POST":
            self.settle(name == "device/activateOne")  # the others change devices by tasks
        return found

    def snapshot(self, devices: bool) -> dict[str, Any]:
        """The books as JSON, with the devices or without."""
        with self.clock.lock:
            books = books_json(self.downlinks, self.tokens, self.tasks, now_us=self.clock.now_us())
            return books | (devices_json(self.directory) if devices else {})

    def application(self, asked: Asked, key: str = "app_eui") -> Application:
        """The application that is asked for, or that of the key. Raises NotFoundError, AuthenticationError."""
        found = self.directory.application(asked.values[key] or asked.key.app_eui)
        if found.app_eui != asked.key.app_eui:
            raise AuthenticationError(f"{REJECTED} The key is not one of Application {found.app_eui}.")
        return found

    def device(self, asked: Asked) -> DeviceRecord:
        """The device that is asked for, of the key's application. Raises NotFoundError."""
        return self.directory.device(asked.values["eui"], asked.key.app_eui)

    def place(self, asked: Asked) -> Place:
        """Where the devices of an onboarding call are to be."""
        values = asked.values
        return Place(
            application=self.application(asked),
            now_us=self.clock.now_us(),
            join_eui=values.get("join_eui"),
            contract_id=values.get("contract_id"),
            profile_id=values.get("prof_id"),
            tags=values.get("tags") or (),
        )

    def begin(
        self,
        kind: TaskKind,
        asked: Asked,
        app_euis: tuple[str, ...],
        work: list[Callable[[], Outcome]],
        callback: Callback | None = None,
    ) -> dict[str, str]:
        """Start a task; the answer that tells where to ask for it."""
        task = self.tasks.start(kind, app_euis, work, then=partial(self._done, callback))
        return {"statusUrl": f"{asked.url}{STATUS_PATH}?{urlencode({'reqId': task.request_id}, safe=':')}"}

    def _done(self, callback: Callback | None, result: dict[str, Any]) -> None:
        if self.on_change is not None:
            self.on_change()
        if callback is not None:
            post_result(callback, result)


# Downlinks


def _sendmsg(service: Service, asked: Asked) -> dict[str, Any]:
    record, values = service.device(asked), asked.values
    msg_id = service.downlinks.queue(
        record.dev_eui,
        values["pdu"],
        now_us=service.clock.now_us(),
        port=values["port"],
        confirmed=values["confirmed"],
        timeout_minutes=values["timeout_minutes"],
        clear=values["clear"],
        dev_class=values["class"],
        immediate=values["immediate"],
    )
    return {"message": "Success!", "msgId": msg_id}


def _sendmcastmsg(service: Service, asked: Asked) -> dict[str, Any]:
    values = asked.values
    msg_id = service.server.send_to_address(
        asked.key.app_eui, int(values["addr"], 16), values["pdu"], port=values["port"], bstn_euis=values["bstn_euis"]
    )
    return {"message": "Success!", "msgId": msg_id}


def _clearmsgs(service: Service, asked: Asked) -> dict[str, Any]:
    dev_eui, msg_id = service.device(asked).dev_eui, asked.values["msg_id"]
    cleared = service.downlinks.clear(dev_eui, service.clock.now_us(), msg_id=msg_id)
    return {"clearedIds": cleared}


# Onboarding


def _register(service: Service, asked: Asked) -> dict[str, Any]:
    place, body = service.place(asked), rows.object_of(asked.body)
    found = rows.rows_of(body, AbpDevice if asked.values["act_type"] == "ABP" else OtaaDevice)
    callback = rows.callback_of(body)
    service.tasks.check_free((place.app_eui,))  # a token must not be lost to a task that cannot begin
    service.tokens.use(asked.values["token"], place.now_us)
    work = [partial(onboarding.register, service.directory, place, row) for row in found]
    return service.begin(tasks.REGISTER, asked, (place.app_eui,), [*work], callback)


def _activate(service: Service, asked: Asked) -> dict[str, Any]:
    place, body = service.place(asked), rows.object_of(asked.body)
    work = [partial(_activated, service, place, row) for row in rows.rows_of(body, rows.ActivatedDevice)]
    return service.begin(tasks.ACTIVATE, asked, (place.app_eui,), [*work])


def _activated(service: Service, place: Place, row: rows.ActivatedDevice) -> Outcome:
    outcome = onboarding.activate(service.directory, place, row)
    record = service.directory.devices.get(row.dev_eui)
    if record is not None and record.state is DeviceState.ACTIVATED:
        service.server.activated(record)
    return outcome


def _activate_one(service: Service, asked: Asked) -> dict[str, Any]:
    values, place = asked.values, service.place(asked)
    row = rows.ActivatedDevice(
        dev_eui=values["dev_eui"],
        lat=values["lat"],
        lng=values["lng"],
        metadata=values["metadata"],
        dev_type=values["dev_type"],
    )
    outcome = _activated(service, place, row)
    if outcome.counts == "errors":
        raise NotFoundError(outcome.message) if "registered" in outcome.message else ParameterError(outcome.message)
    said = "successfully" if outcome.counts == "activated" else "was already"
    return {"message": f"Device {said} Activated"}


def _deactivate(service: Service, asked: Asked) -> dict[str, Any]:
    place, body = service.place(asked), rows.object_of(asked.body)
    found = rows.rows_of(body, rows.KINDS["deactivate"])
    work = [partial(onboarding.deactivate, service.directory, place, row) for row in found]
    return service.begin(tasks.DEACTIVATE, asked, (place.app_eui,), [*work])


def _update(service: Service, asked: Asked) -> dict[str, Any]:
    place, body = service.place(asked), rows.object_of(asked.body)
    found, operation = rows.rows_of(body, DeviceUpdate), asked.values["tags_operation"]
    if operation is None and (place.tags or any(row.tags for row in found)):
        raise ParameterError("required parameter is missing: tagsOperation (tags are updated)")
    work = [partial(onboarding.update, service.directory, place, row, operation) for row in found]
    return service.begin(tasks.UPDATE, asked, (place.app_eui,), [*work])


def _transfer(service: Service, asked: Asked) -> dict[str, Any]:
    old = service.application(asked, "from_app_eui")
    new = service.directory.application(asked.values["to_app_eui"])
    if old is new:
        raise ParameterError(f"fromAppEui and toAppEui are both {old.app_eui}: name two applications")
    if service.keys.check(asked.other_key, "device/transfer").app_eui != new.app_eui:
        raise AuthenticationError(f"{REJECTED} The key of authorization2 is not one of Application {new.app_eui}.")
    found = rows.rows_of(rows.object_of(asked.body), rows.KINDS["transfer"])
    for row in found:
        service.directory.device(row.dev_eui, old.app_eui)
    place = Place(
        application=new,
        now_us=service.clock.now_us(),
        contract_id=asked.values["contract_id"],
        profile_id=asked.values["prof_id"],
    )
    work = [partial(onboarding.transfer, service.directory, place, row) for row in found]
    return service.begin(tasks.TRANSFER, asked, (old.app_eui, new.app_eui), [*work])


def _status(service: Service, asked: Asked) -> dict[str, Any]:
    return service.tasks.status(asked.values["req_id"], asked.key.app_eui)


def _csv_export(service: Service, asked: Asked) -> Iterator[str]:
    values, application = asked.values, service.application(asked)
    if (wanted := values["dev_euis"]) is not None:
        known = [service.directory.devices[eui] for eui in wanted if eui in service.directory.devices]
        found = [record for record in known if record.app_eui == application.app_eui]
    else:
        found = service.directory.of(application.app_eui)
    if values["state"] != "ALL":
        found = [record for record in found if record.state == values["state"]]
    if values["contract_id"] is not None:
        found = [record for record in found if record.contract_id == values["contract_id"]]
    parts = export(found, values["fields"], psr_days=values["psr_days"], now_us=service.clock.now_us())
    return iter(list(parts))


# FUOTA


def _mcast_transfer(service: Service, asked: Asked) -> dict[str, Any]:
    service.application(asked)
    values = dict(asked.values)
    renamed = {"start_delay_secs": "start_delay_s", "tx_chnl": "tx_channel", "tx_dr": "tx_data_rate"}
    request = TransferRequest(**{renamed.get(name, name): value for name, value in values.items()})
    return service.server.start_transfer(request, asked.body)


def _mcast_status(service: Service, asked: Asked) -> dict[str, Any]:
    job_id, app_eui = asked.values["job_id"], asked.values["app_eui"]
    if job_id is None and app_eui is None:
        raise ParameterError("either jobId or appEui is required")
    # Of the key's application, whatever the job is called
    return service.server.transfer_status(job_id=job_id, app_eui=service.application(asked).app_eui)


def _mcast_cancel(service: Service, asked: Asked) -> dict[str, Any]:
    values = asked.values
    if values["job_id"] is not None:
        service.server.transfer_status(job_id=values["job_id"], app_eui=asked.key.app_eui)  # or it is not found
        return service.server.cancel_transfer(values["job_id"])
    if (values["dev_euis"] is None) == (values["dev_tags"] is None) or values["app_eui"] is None:
        raise ParameterError("give either jobId, or appEui with exactly one of devEuis and devTags")
    app_eui = service.application(asked).app_eui
    return service.server.cancel_devices(app_eui, values["dev_euis"], values["dev_tags"])


# Multicast groups


def _group_call(name: str, service: Service, asked: Asked) -> dict[str, Any]:
    service.application(asked)
    values = dict(asked.values)
    if "dev_euis" in values:
        exactly_one(devEuis=values["dev_euis"], devTags=values["dev_tags"])
    if service.server.groups is None:
        raise BadRequestError("this server has no multicast groups")
    answer: dict[str, Any] = getattr(service.server.groups, name)(**values)
    return answer


ANSWERS: Mapping[str, Callable[[Service, Asked], Any]] = {
    "device/sendmsg": _sendmsg,
    "device/sendmcastmsg": _sendmcastmsg,
    "device/clearmsgs": _clearmsgs,
    "device/register": _register,
    "device/activate": _activate,
    "device/activateOne": _activate_one,
    "device/deactivate": _deactivate,
    "device/update": _update,
    "device/csvExport": _csv_export,
    "device/transfer": _transfer,
    "device/status": _status,
    "mcastTransfer": _mcast_transfer,
    "mcastStatus": _mcast_status,
    "mcastCancel": _mcast_cancel,
    "mcast/setup": partial(_group_call, "setup"),
    "mcast/addDevices": partial(_group_call, "add"),
    "mcast/removeDevices": partial(_group_call, "remove"),
    "mcast/status": partial(_group_call, "status"),
    "mcast/sendmsg": partial(_group_call, "send"),
    "mcast/delete": partial(_group_call, "delete"),
}
