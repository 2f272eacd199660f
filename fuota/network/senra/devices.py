"""Onboarding: register, activate, deactivate, update and transfer devices, and the tasks that do it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from fuota.errors import IncompleteError, ParameterError
from fuota.network.http import NO_SECRETS, Secrets
from fuota.network.redaction import redact
from fuota.network.senra import device_rows, parameters
from fuota.network.senra.calls import Calls
from fuota.network.senra.device_rows import AbpDevice, Callback, DeviceDetails, DeviceUpdate, OtaaDevice
from fuota.network.senra.tasks import TaskRef, TaskStatus, request_id_of

TAGS_OPERATIONS = ("APPEND", "REPLACE", "DELETE")


class Devices:
    """Devices of an application, mostly many at a time.

    Every method but `activate_one`, `task_status` and `task` starts a task at the server, which runs one at a time per
    application: wait with `task` before the next. A list of devices is checked as a whole before anything is sent; it
    may hold mappings of the row's fields, or plain EUIs where nothing else is needed. app_eui, join_eui, contract_id,
    profile_id: None is the server's default.

    Every method raises ParameterError before anything is sent, and NetworkError (see `fuota.errors`).
    """

    def __init__(self, calls: Calls) -> None:
        self._calls = calls

    def register(  # noqa: PLR0913 - the call's own parameters
        self,
        devices: Iterable[OtaaDevice | AbpDevice | Mapping[str, Any]],
        *,
        token: str,
        app_eui: str | None = None,
        join_eui: str | None = None,
        contract_id: int | None = None,
        profile_id: int | None = None,
        tags: Sequence[str] | None = None,
        callback: Callback | None = None,
    ) -> TaskRef:
        """Make devices known, all by OTAA or all by ABP. token: the six digits e-mailed for this, good for an hour."""
        rows = device_rows.otaa_or_abp(devices)
        query = {"token": parameters.registration_token("token", token)}
        query |= _place(app_eui, join_eui, contract_id, profile_id)
        query |= _tags(tags) | {"actType": rows[0].activation}
        body = _data(rows)
        texts = [token, *(value for row in rows for name, value in row.to_json().items() if name.endswith("Key"))]
        if callback is not None:
            if not isinstance(callback, Callback):
                raise ParameterError(f"callback is a {type(callback).__name__}: give Callback(url=...)")
            body["callback"] = callback.to_json()
            texts += [callback.url, *(value for value in callback.headers.values() if len(value) > 3)]
        return self._task("register", query, body, Secrets(texts=tuple(texts)))

    def activate(
        self,
        devices: Iterable[DeviceDetails | Mapping[str, Any] | str],
        *,
        app_eui: str | None = None,
        join_eui: str | None = None,
        contract_id: int | None = None,
        profile_id: int | None = None,
        tags: Sequence[str] | None = None,
    ) -> TaskRef:
        """Let registered or deactivated devices join; they are billed from then on."""
        rows = device_rows.rows(DeviceDetails, devices)
        query = _place(app_eui, join_eui, contract_id, profile_id) | _tags(tags)
        return self._task("activate", query, _data(rows))

    def activate_one(
        self,
        device: DeviceDetails | Mapping[str, Any] | str,
        *,
        app_eui: str | None = None,
        join_eui: str | None = None,
        contract_id: int | None = None,
        profile_id: int | None = None,
    ) -> str:
        """Activate one device at once, without a task; what the server says to it. The device's fields go along."""
        (row,) = device_rows.rows(DeviceDetails, [device])
        query = _place(app_eui, join_eui, contract_id, profile_id)
        # devEui is missing in the table and shown in the example.
        query |= parameters.query({"devEui": row.dev_eui, "tags": row.tags, "metadata": row.metadata})
        query |= parameters.query({"lat": row.lat, "lng": row.lng, "devType": row.dev_type})
        return redact(str(self._calls.post("device/activateOne", query).get("message") or ""))

    def deactivate(
        self,
        dev_euis: Iterable[str],
        *,
        app_eui: str | None = None,
        join_eui: str | None = None,
        contract_id: int | None = None,
        profile_id: int | None = None,
    ) -> TaskRef:
        """Keep devices from joining. Those that have joined go on, and are billed while they are heard."""
        query = _place(app_eui, join_eui, contract_id, profile_id)
        return self._task("deactivate", query, _euis(dev_euis))

    def update(
        self,
        devices: Iterable[DeviceUpdate | Mapping[str, Any] | str],
        *,
        app_eui: str,
        profile_id: int | None = None,
        tags_operation: str | None = None,
        tags: Sequence[str] | None = None,
    ) -> TaskRef:
        """Change fields of devices that have joined.

        tags_operation: APPEND, REPLACE or DELETE, what to do with `tags`, which are for all, and with the rows' own tags;
        needed with either, and refused without.
        """
        rows = device_rows.rows(DeviceUpdate, devices)
        query = {"appEui": parameters.eui("app_eui", app_eui)} | _place(None, None, None, profile_id)
        tagged = tags is not None or any(row.tags is not None for row in rows)
        if tagged != (tags_operation is not None):
            given = "tags without tags_operation" if tagged else "tags_operation without tags"
            raise ParameterError(f"{given}: give both or neither; it is one of {', '.join(TAGS_OPERATIONS)}")
        if tags_operation is not None:
            query["tagsOperation"] = parameters.choice("tags_operation", tags_operation, TAGS_OPERATIONS)
        return self._task("update", query | _tags(tags), _data(rows))

    def transfer(
        self,
        dev_euis: Iterable[str],
        *,
        from_app_eui: str,
        to_app_eui: str,
        contract_id: int,
        to_api_key: str,
        profile_id: int | None = None,
    ) -> TaskRef:
        """Move devices to another application. The client's key is that of the present one, to_api_key of the new one.

        contract_id, profile_id: of the new application.
        """
        old, new = parameters.eui("from_app_eui", from_app_eui), parameters.eui("to_app_eui", to_app_eui)
        if old == new:
            raise ParameterError(f"from_app_eui and to_app_eui are both {old}: name two applications")
        query = {"fromAppEui": old, "toAppEui": new}
        query |= _place(None, None, parameters.integer("contract_id", contract_id, 1), profile_id)
        # The second key is in the example only; the table of answers has a message in place of the statusUrl.
        secrets = Secrets(headers={"authorization2": to_api_key})
        return self._task("transfer", query, _euis(dev_euis), secrets, f"DevTransferJobReq:{old}-{new}")

    def task_status(self, task: TaskRef | str) -> TaskStatus:
        """How a task stands. The server knows it until 15 minutes after its end."""
        query = {"reqId": parameters.word("task", request_id_of(task))}
        return TaskStatus.from_answer(self._calls.get("device/status", query))

    def task(
        self,
        task: TaskRef | str,
        *,
        poll_ms: int = 1000,
        timeout_s: int = 600,
        on_result: Callable[[TaskStatus], object] | None = None,
        sleep: Callable[[float], object] = time.sleep,
    ) -> TaskStatus:
        """Ask until a task has ended; its last status, which may be a failure.

        on_result: called with that status before it is returned, to store it: the server forgets it after 15 minutes.
        Raises IncompleteError where the task has not ended after timeout_s; it goes on.
        """
        pause_s = parameters.integer("poll_ms", poll_ms, 1) / 1000
        limit_s = parameters.integer("timeout_s", timeout_s, 0)
        began_s, slept_s = time.monotonic(), 0.0
        while not (status := self.task_status(task)).finished:
            left_s = limit_s - max(slept_s, time.monotonic() - began_s)
            if left_s <= 0:
                progress = "" if status.pct_done is None else f", {status.pct_done} % done"
                raise IncompleteError(
                    f"the task {request_id_of(task)} has not ended after {limit_s} s ({status.state}{progress}): it goes "
                    "on at the server; ask again before starting another for the same application"
                )
            sleep(min(pause_s, left_s))
            slept_s += min(pause_s, left_s)
        if on_result is not None:
            on_result(status)
        return status

    def _task(
        self,
        name: str,
        query: Mapping[str, str],
        body: Mapping[str, Any],
        secrets: Secrets = NO_SECRETS,
        otherwise: str = "",
    ) -> TaskRef:
        answer = self._calls.post(f"device/{name}", query, json=body, secrets=secrets)
        return TaskRef.from_answer(answer, host=self._calls.host, otherwise=otherwise)


def _place(
    app_eui: str | None, join_eui: str | None, contract_id: int | None, profile_id: int | None
) -> dict[str, str]:
    return parameters.query(
        {
            "appEui": None if app_eui is None else parameters.eui("app_eui", app_eui),
            "joinEui": None if join_eui is None else parameters.eui("join_eui", join_eui),
            "contractId": parameters.optional_integer("contract_id", contract_id, 1),
            "profId": parameters.optional_integer("profile_id", profile_id, 1),
        }
    )


def _tags(tags: Sequence[str] | None) -> dict[str, str]:
    return parameters.query({"tags": None if tags is None else parameters.tag_list("tags", tags)})


def _data(rows: Iterable[DeviceDetails]) -> dict[str, Any]:
    return {"data": [row.to_json() for row in rows]}


def _euis(dev_euis: Iterable[str]) -> dict[str, Any]:
    return {"data": [{"devEui": row.dev_eui} for row in device_rows.rows(DeviceDetails, dev_euis)]}
