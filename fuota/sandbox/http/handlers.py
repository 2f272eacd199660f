"""Handlers of the 20 calls. Each takes a request whose key and parameters are checked, and returns the answer."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

from fuota.errors import AuthenticationError, NotFoundError, ParameterError
from fuota.network.senra.device_rows import AbpDevice, DeviceDetails, DeviceUpdate, OtaaDevice
from fuota.network.senra.parameters import exactly_one
from fuota.network.senra.transfers import TransferRequest
from fuota.sandbox.http import bodies
from fuota.sandbox.http.calls import CALLS
from fuota.sandbox.http.service import ApiRequest, Service, real_us
from fuota.sandbox.server import onboarding, tasks
from fuota.sandbox.server.access import REJECTED
from fuota.sandbox.server.api_groups import SESSION_S, ApiGroup
from fuota.sandbox.server.export import export
from fuota.sandbox.server.onboarding import ActivatedDevice, TaskScope
from fuota.sandbox.server.records import DeviceState
from fuota.sandbox.server.tasks import Count, Refusal, TaskOutcome, TaskState
from fuota.sandbox.server.transfer import SimulatedTransfer

MAX_F_CNT = 1 << 32
"""maxFCnt as in the examples of the reference. A frame counter of 32 bits ends one before."""
Answer = Mapping[str, object] | list[str]
"""A JSON object, or the parts of a CSV."""


def answer(service: Service, name: str, request: ApiRequest) -> Answer:
    """Return the answer to a call. Raises FuotaError; its class determines the HTTP status."""
    with service.clock.lock:
        content = HANDLERS[name](service, request)
    if service.storage is not None and (CALLS[name].method == "POST" or _is_task_end(content)):
        service.storage.settle(devices=name == "device/activateOne")  # the other calls change devices in tasks
    return content


def _is_task_end(content: Answer) -> bool:
    """Return whether the answer reports the end of a task, whose work must not be lost afterwards."""
    return isinstance(content, Mapping) and content.get("state") in {TaskState.DONE_SUC, TaskState.DONE_FAIL}


# Downlinks


def _send_message(service: Service, request: ApiRequest) -> Answer:
    """Answer device/sendmsg."""
    record, values = service.device(request), request.values
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
    return _message_sent(msg_id)


def _send_to_address(service: Service, request: ApiRequest) -> Answer:
    """Answer device/sendmcastmsg. The sandbox has one base station, so bstnEuis makes no difference."""
    values = request.values
    msg_id = service.server.send_to_address(
        request.key.app_eui, int(values["addr"], 16), values["pdu"], port=values["port"]
    )
    return _message_sent(msg_id)


def _message_sent(msg_id: int) -> Answer:
    return {"message": "Success!", "msgId": msg_id}


def _clear_messages(service: Service, request: ApiRequest) -> Answer:
    """Answer device/clearmsgs."""
    dev_eui, msg_id = service.device(request).dev_eui, request.values["msg_id"]
    return {"clearedIds": service.downlinks.clear(dev_eui, service.clock.now_us(), msg_id=msg_id)}


# Onboarding


def _register(service: Service, request: ApiRequest) -> Answer:
    """Answer device/register. The token is used up when the task starts."""
    scope, body = service.scope(request), bodies.object_of(request.body)
    rows = bodies.rows_of(body, AbpDevice if request.values["act_type"] == "ABP" else OtaaDevice)
    callback = bodies.callback_of(body)
    service.tasks.require_free((scope.app_eui,))  # a token must not be used up by a task that cannot start
    service.registration_token.use(request.values["token"], real_us())
    steps = [partial(onboarding.register, service.directory, scope, row) for row in rows]
    return service.start_task(tasks.REGISTER, request, (scope.app_eui,), steps, callback)


def _activate(service: Service, request: ApiRequest) -> Answer:
    """Answer device/activate."""
    scope, body = service.scope(request), bodies.object_of(request.body)
    steps = [partial(_activate_device, service, scope, row) for row in bodies.rows_of(body, ActivatedDevice)]
    return service.start_task(tasks.ACTIVATE, request, (scope.app_eui,), steps)


def _activate_device(service: Service, scope: TaskScope, row: ActivatedDevice) -> TaskOutcome:
    outcome = onboarding.activate(service.directory, scope, row)
    record = service.directory.devices.get(row.dev_eui)
    if record is not None and record.state is DeviceState.ACTIVATED:
        service.server.add_device(record)
    return outcome


def _activate_one(service: Service, request: ApiRequest) -> Answer:
    """Answer device/activateOne, which starts no task. Raises NotFoundError, ParameterError."""
    scope, values = service.scope(request), request.values
    row = ActivatedDevice(
        dev_eui=values["dev_eui"],
        lat=values["lat"],
        lng=values["lng"],
        metadata=values["metadata"],
        dev_type=values["dev_type"],
    )
    outcome = _activate_device(service, scope, row)
    if outcome.refusal is Refusal.NOT_REGISTERED:
        raise NotFoundError(outcome.message)
    if outcome.refusal is not None:
        raise ParameterError(outcome.message)
    result = "successfully" if outcome.count is Count.ACTIVATED else "was already"
    return {"message": f"Device {result} Activated"}


def _deactivate(service: Service, request: ApiRequest) -> Answer:
    """Answer device/deactivate."""
    scope, body = service.scope(request), bodies.object_of(request.body)
    rows = bodies.rows_of(body, DeviceDetails)
    steps = [partial(onboarding.deactivate, service.directory, scope, row) for row in rows]
    return service.start_task(tasks.DEACTIVATE, request, (scope.app_eui,), steps)


def _update(service: Service, request: ApiRequest) -> Answer:
    """Answer device/update. Raises ParameterError for tags without an operation."""
    scope, body = service.scope(request), bodies.object_of(request.body)
    rows, operation = bodies.rows_of(body, DeviceUpdate), request.values["tags_operation"]
    if operation is None and (scope.tags or any(row.tags for row in rows)):
        raise ParameterError("required parameter is missing: tagsOperation (tags are updated)")
    steps = [partial(onboarding.update, service.directory, scope, row, operation) for row in rows]
    return service.start_task(tasks.UPDATE, request, (scope.app_eui,), steps)


def _transfer_devices(service: Service, request: ApiRequest) -> Answer:
    """Answer device/transfer, which needs a key of each application. Raises NotFoundError, AuthenticationError."""
    old = service.application(request, "from_app_eui")
    new = service.directory.application(request.values["to_app_eui"])
    if old is new:
        raise ParameterError(f"fromAppEui and toAppEui are both {old.app_eui}: name two applications")
    if service.keys.check(request.other_key, "device/transfer").app_eui != new.app_eui:
        raise AuthenticationError(f"{REJECTED} The key of authorization2 does not belong to Application {new.app_eui}.")
    rows = bodies.rows_of(bodies.object_of(request.body), DeviceDetails)
    for row in rows:
        service.directory.device(row.dev_eui, old.app_eui)
    scope = TaskScope(
        application=new,
        now_us=service.clock.now_us(),
        contract_id=request.values["contract_id"],
        profile_id=request.values["prof_id"],
    )
    steps = [partial(onboarding.transfer, service.directory, scope, row) for row in rows]
    return service.start_task(tasks.TRANSFER, request, (old.app_eui, new.app_eui), steps)


def _task_status(service: Service, request: ApiRequest) -> Answer:
    """Answer device/status."""
    return service.tasks.status(request.values["req_id"], request.key.app_eui)


def _csv_export(service: Service, request: ApiRequest) -> Answer:
    """Answer device/csvExport."""
    values, application = request.values, service.application(request)
    records = service.directory.of(application.app_eui)
    if (dev_euis := values["dev_euis"]) is not None:
        by_eui = {record.dev_eui: record for record in records}
        records = [by_eui[eui] for eui in dev_euis if eui in by_eui]
    if values["state"] != "ALL":
        records = [record for record in records if record.state == values["state"]]
    if values["contract_id"] is not None:
        records = [record for record in records if record.contract_id == values["contract_id"]]
    return list(export(records, values["fields"], psr_days=values["psr_days"], now_us=service.clock.now_us()))


# FUOTA transfers


def _start_transfer(service: Service, request: ApiRequest) -> Answer:
    """Answer mcastTransfer."""
    service.application(request)
    renamed = {"start_delay_secs": "start_delay_s", "tx_chnl": "tx_channel", "tx_dr": "tx_data_rate"}
    transfer_request = TransferRequest(**{renamed.get(name, name): value for name, value in request.values.items()})
    transfer = service.server.transfers.start(transfer_request, request.body)
    delay = _hours_minutes_seconds(transfer_request.start_delay_s)
    return _job_answer(transfer, f"MCastXferJobReq job starting in: {delay}")


def _transfer_status(service: Service, request: ApiRequest) -> Answer:
    """Answer mcastStatus for a transfer of the key's application."""
    job_id = request.values["job_id"]
    if job_id is None and request.values["app_eui"] is None:
        raise ParameterError("either jobId or appEui is required")
    transfer = service.server.transfers.find(job_id=job_id, app_eui=service.application(request).app_eui)
    return {
        "jobId": transfer.job_id,
        "serverId": "sandbox",
        "state": str(transfer.state),
        "startTime": transfer.start_us // 1000,
        "endTime": transfer.end_us // 1000,
        "removeTime": transfer.removed_us // 1000,
        "pctDone": transfer.pct_done,
        "username": "sandbox",
        "result": transfer.result,
        "acctId": 1,
        "operId": 1,
        "jobLauncherClsNm": "fuota.sandbox",
    }


def _cancel_transfer(service: Service, request: ApiRequest) -> Answer:
    """Answer mcastCancel: cancel a transfer, or leave devices out of it."""
    values, transfers = request.values, service.server.transfers
    if values["job_id"] is not None:
        transfer = transfers.find(job_id=values["job_id"], app_eui=request.key.app_eui)
        transfer.cancel()
        return _job_answer(transfer, "MCastXferJobReq job cancelled.")
    if (values["dev_euis"] is None) == (values["dev_tags"] is None) or values["app_eui"] is None:
        raise ParameterError("give either jobId, or appEui with exactly one of devEuis and devTags")
    app_eui = service.application(request).app_eui
    transfer = transfers.find(app_eui=app_eui)
    count = transfers.remove_devices(app_eui, values["dev_euis"], values["dev_tags"])
    return _job_answer(transfer, f"MCastXferJobReq job cancelled for {count} devices.")


def _job_answer(transfer: SimulatedTransfer, message: str) -> Answer:
    return {"jobId": transfer.job_id, "responseMsg": message, "statusCode": 200}


def _hours_minutes_seconds(seconds: int) -> str:
    return f"{seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}"


# Multicast groups


def _setup_group(service: Service, request: ApiRequest) -> Answer:
    """Answer mcast/setup. The sandbox bills nothing, so contractId makes no difference."""
    service.application(request)
    _require_one_target(request)
    values = request.values
    api_group = service.server.api_groups.setup(
        app_eui=values["app_eui"],
        dev_euis=values["dev_euis"],
        dev_tags=values["dev_tags"],
        tx_channel=values["tx_chnl"],
        data_rate=values["tx_dr"],
        dev_class=values["dev_class"],
        kind=values["type"],
        periodicity=values["periodicity"],
    )
    return _group_answer(api_group)


def _add_to_group(service: Service, request: ApiRequest) -> Answer:
    """Answer mcast/addDevices."""
    group = _group_parameters(service, request)
    _require_one_target(request)
    values = request.values
    return _group_answer(
        service.server.api_groups.add_devices(*group, dev_euis=values["dev_euis"], dev_tags=values["dev_tags"])
    )


def _remove_from_group(service: Service, request: ApiRequest) -> Answer:
    """Answer mcast/removeDevices."""
    group = _group_parameters(service, request)
    _require_one_target(request)
    values = request.values
    return _group_answer(
        service.server.api_groups.remove_devices(*group, dev_euis=values["dev_euis"], dev_tags=values["dev_tags"])
    )


def _group_status(service: Service, request: ApiRequest) -> Answer:
    """Answer mcast/status."""
    return _group_answer(service.server.api_groups.find(*_group_parameters(service, request)))


def _send_to_group(service: Service, request: ApiRequest) -> Answer:
    """Answer mcast/sendmsg."""
    group, values = _group_parameters(service, request), request.values
    return _message_sent(service.server.api_groups.send(*group, pdu=values["pdu"], port=values["port"]))


def _delete_group(service: Service, request: ApiRequest) -> Answer:
    """Answer mcast/delete."""
    return _group_answer(service.server.api_groups.delete(*_group_parameters(service, request)))


def _group_parameters(service: Service, request: ApiRequest) -> tuple[str, str, str | None]:
    """Return (appEui, mcAddr, type) of a call for a group, once the key is known to belong to the application."""
    service.application(request)
    return request.values["app_eui"], request.values["mc_addr"], request.values["type"]


def _require_one_target(request: ApiRequest) -> None:
    exactly_one(devEuis=request.values["dev_euis"], devTags=request.values["dev_tags"])


def _group_answer(api_group: ApiGroup) -> Answer:
    group = api_group.group
    hz = group.radio.frequency_at(group.mc_addr, group.start_us)
    return {
        "appEui": api_group.app_eui,
        "devClass": "CLASS_C" if group.radio.periodicity is None else "CLASS_B",
        "devs": [
            {"devEui": member.dev_eui, "groupId": member.mc_group_id, "state": str(member.state)}
            for member in group.members.values()
        ],
        "dr": group.radio.data_rate,
        "durationSecs": SESSION_S,
        "endTime": api_group.end_us // 1000,
        "freq": hz // 1_000_000 if hz % 1_000_000 == 0 else hz / 1_000_000,
        "maxFCnt": MAX_F_CNT,
        "mcAddr": api_group.address,
        "mcastType": api_group.kind,
        "minFCnt": group.first_f_cnt,
        "startTime": api_group.start_us // 1000,
    }


Handler = Callable[[Service, ApiRequest], Answer]
HANDLERS: Mapping[str, Handler] = {
    "device/sendmsg": _send_message,
    "device/sendmcastmsg": _send_to_address,
    "device/clearmsgs": _clear_messages,
    "device/register": _register,
    "device/activate": _activate,
    "device/activateOne": _activate_one,
    "device/deactivate": _deactivate,
    "device/update": _update,
    "device/csvExport": _csv_export,
    "device/transfer": _transfer_devices,
    "device/status": _task_status,
    "mcastTransfer": _start_transfer,
    "mcastStatus": _transfer_status,
    "mcastCancel": _cancel_transfer,
    "mcast/setup": _setup_group,
    "mcast/addDevices": _add_to_group,
    "mcast/removeDevices": _remove_from_group,
    "mcast/status": _group_status,
    "mcast/sendmsg": _send_to_group,
    "mcast/delete": _delete_group,
}
"""Handler of each call."""
