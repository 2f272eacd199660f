"""What answers each call, and how."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from fuota.errors import ParameterError
from fuota.network import TransferRequest
from fuota.network.senra.parameters import exactly_one
from fuota.sandbox.http import onboarding_calls
from fuota.sandbox.http.calls import CALLS
from fuota.sandbox.server.export import export
from fuota.sandbox.server.service import Asked, Service


def answer(service: Service, name: str, asked: Asked) -> Any:
    """What a call answers: a JSON object, or parts of a CSV. Raises FuotaError, whose kind is the answer's status."""
    with service.clock.lock:
        found = ANSWERS[name](service, asked)
    if service.settle is not None and (CALLS[name].method == "POST" or _tells_an_end(name, found)):
        service.settle(name == "device/activateOne")  # the others change devices by tasks
    return found


def _tells_an_end(name: str, found: Any) -> bool:
    """Whether it is a task's end that is answered: what was done must not be lost afterwards."""
    return name == "device/status" and found["state"].startswith("DONE")


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


def _csv_export(service: Service, asked: Asked) -> list[str]:
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
    return list(export(found, values["fields"], psr_days=values["psr_days"], now_us=service.clock.now_us()))


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
    answer: dict[str, Any] = getattr(service.server.group_calls, name)(**values)
    return answer


ANSWERS: Mapping[str, Callable[[Service, Asked], Any]] = {
    "device/sendmsg": _sendmsg,
    "device/sendmcastmsg": _sendmcastmsg,
    "device/clearmsgs": _clearmsgs,
    "device/register": onboarding_calls.register,
    "device/activate": onboarding_calls.activate,
    "device/activateOne": onboarding_calls.activate_one,
    "device/deactivate": onboarding_calls.deactivate,
    "device/update": onboarding_calls.update,
    "device/csvExport": _csv_export,
    "device/transfer": onboarding_calls.transfer,
    "device/status": onboarding_calls.status,
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
