"""The onboarding calls: what each checks, and the task that it starts."""

from __future__ import annotations

from functools import partial
from typing import Any

from fuota.errors import AuthenticationError, NotFoundError, ParameterError
from fuota.network.senra.device_rows import AbpDevice, DeviceUpdate, OtaaDevice
from fuota.sandbox.http import bodies as rows
from fuota.sandbox.server import onboarding, tasks
from fuota.sandbox.server.access import REJECTED
from fuota.sandbox.server.onboarding import Place
from fuota.sandbox.server.records import DeviceState
from fuota.sandbox.server.service import Asked, Service, real_us
from fuota.sandbox.server.tasks import Outcome


def register(service: Service, asked: Asked) -> dict[str, Any]:
    """device/register: a token is used up by a task that begins."""
    place, body = service.place(asked), rows.object_of(asked.body)
    found = rows.rows_of(body, AbpDevice if asked.values["act_type"] == "ABP" else OtaaDevice)
    callback = rows.callback_of(body)
    service.tasks.check_free((place.app_eui,))  # a token must not be lost to a task that cannot begin
    service.tokens.use(asked.values["token"], real_us())
    work = [partial(onboarding.register, service.directory, place, row) for row in found]
    return service.begin(tasks.REGISTER, asked, (place.app_eui,), [*work], callback)


def activate(service: Service, asked: Asked) -> dict[str, Any]:
    """device/activate."""
    place, body = service.place(asked), rows.object_of(asked.body)
    work = [partial(_activated, service, place, row) for row in rows.rows_of(body, rows.ActivatedDevice)]
    return service.begin(tasks.ACTIVATE, asked, (place.app_eui,), [*work])


def _activated(service: Service, place: Place, row: rows.ActivatedDevice) -> Outcome:
    outcome = onboarding.activate(service.directory, place, row)
    record = service.directory.devices.get(row.dev_eui)
    if record is not None and record.state is DeviceState.ACTIVATED:
        service.server.activated(record)
    return outcome


def activate_one(service: Service, asked: Asked) -> dict[str, Any]:
    """device/activateOne, which is no task. Raises NotFoundError, ParameterError."""
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


def deactivate(service: Service, asked: Asked) -> dict[str, Any]:
    """device/deactivate."""
    place, body = service.place(asked), rows.object_of(asked.body)
    found = rows.rows_of(body, rows.KINDS["deactivate"])
    work = [partial(onboarding.deactivate, service.directory, place, row) for row in found]
    return service.begin(tasks.DEACTIVATE, asked, (place.app_eui,), [*work])


def update(service: Service, asked: Asked) -> dict[str, Any]:
    """device/update. Raises ParameterError for tags without an operation."""
    place, body = service.place(asked), rows.object_of(asked.body)
    found, operation = rows.rows_of(body, DeviceUpdate), asked.values["tags_operation"]
    if operation is None and (place.tags or any(row.tags for row in found)):
        raise ParameterError("required parameter is missing: tagsOperation (tags are updated)")
    work = [partial(onboarding.update, service.directory, place, row, operation) for row in found]
    return service.begin(tasks.UPDATE, asked, (place.app_eui,), [*work])


def transfer(service: Service, asked: Asked) -> dict[str, Any]:
    """device/transfer, with a key of either application. Raises NotFoundError, AuthenticationError."""
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


def status(service: Service, asked: Asked) -> dict[str, Any]:
    """device/status."""
    return service.tasks.status(asked.values["req_id"], asked.key.app_eui)
