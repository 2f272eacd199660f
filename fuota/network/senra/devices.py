"""Devices of an application: onboarding, the tasks that do it, and the export."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import Any, Generic, TypeVar

from fuota import rules
from fuota.network.redaction import redact
from fuota.network.senra import bulk, device_rows, parameters, task_requests
from fuota.network.senra.bulk import BulkResult, Chunk, Chunking
from fuota.network.senra.calls import Calls
from fuota.network.senra.device_rows import AbpDevice, Callback, DeviceDetails, DeviceUpdate, OtaaDevice
from fuota.network.senra.export import Export
from fuota.network.senra.task_requests import OnboardingScope, TaskRequest, tags_query
from fuota.network.senra.tasks import TaskRef, TaskStatus, Waiting, request_id_of

T = TypeVar("T")


class Devices(Generic[T]):
    """Devices of an application, mostly many at a time.

    `register`, `activate`, `deactivate`, `update` and `transfer` start a task at the server, which runs one at a time per
    application, and answer a `TaskRef`: wait with `task` before the next. The same methods of `bulk()` go out in chunks, wait
    for each, and answer a `BulkResult`. A list of devices is checked as a whole before anything is sent; it may hold mappings of
    the row's fields, or plain EUIs where nothing else is needed. app_eui, join_eui, contract_id, profile_id: None is the
    server's default.

    Every method raises ParameterError before anything is sent, and NetworkError (see `fuota.errors`).
    """

    def __init__(self, calls: Calls, carry_out: Callable[[TaskRequest], T]) -> None:
        self._calls = calls
        self._carry_out = carry_out

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
        activation: str | None = None,
    ) -> T:
        """Make devices known, all by OTAA or all by ABP. token: the six digits e-mailed for this, good for an hour.

        activation: "OTAA" or "ABP", for rows that do not show it: a device for ABP needs nothing but its EUI.
        """
        place = OnboardingScope(app_eui=app_eui, join_eui=join_eui, contract_id=contract_id, profile_id=profile_id)
        job = task_requests.registration(
            devices, place, token=token, tags=tags, callback=callback, activation=activation
        )
        return self._carry_out(job)

    def activate(
        self,
        devices: Iterable[DeviceDetails | Mapping[str, Any] | str],
        *,
        app_eui: str | None = None,
        join_eui: str | None = None,
        contract_id: int | None = None,
        profile_id: int | None = None,
        tags: Sequence[str] | None = None,
    ) -> T:
        """Let registered or deactivated devices join; they are billed from then on."""
        rows = device_rows.checked_rows(DeviceDetails, devices)
        place = OnboardingScope(app_eui=app_eui, join_eui=join_eui, contract_id=contract_id, profile_id=profile_id)
        query = place.query() | tags_query(tags)
        return self._carry_out(TaskRequest(call="activate", query=query, rows=tuple(rows)))

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
        (row,) = device_rows.checked_rows(DeviceDetails, [device])
        place = OnboardingScope(app_eui=app_eui, join_eui=join_eui, contract_id=contract_id, profile_id=profile_id)
        # devEui is missing in the table and shown in the example.
        query = place.query() | parameters.query({"devEui": row.dev_eui, "tags": row.tags, "metadata": row.metadata})
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
    ) -> T:
        """Keep devices from joining. Those that have joined go on, and are billed while they are heard."""
        place = OnboardingScope(app_eui=app_eui, join_eui=join_eui, contract_id=contract_id, profile_id=profile_id)
        rows = device_rows.checked_rows(DeviceDetails, dev_euis)
        return self._carry_out(TaskRequest(call="deactivate", query=place.query(), rows=tuple(rows)))

    def update(
        self,
        devices: Iterable[DeviceUpdate | Mapping[str, Any] | str],
        *,
        app_eui: str,
        profile_id: int | None = None,
        tags_operation: str | None = None,
        tags: Sequence[str] | None = None,
    ) -> T:
        """Change fields of devices that have joined.

        tags_operation: APPEND, REPLACE or DELETE, given exactly where tags are, here (for all) or in a row.
        """
        place = OnboardingScope(app_eui=parameters.eui("app_eui", app_eui), profile_id=profile_id)
        return self._carry_out(task_requests.update(devices, place, tags_operation=tags_operation, tags=tags))

    def transfer(
        self,
        dev_euis: Iterable[str],
        *,
        from_app_eui: str,
        to_app_eui: str,
        contract_id: int,
        to_api_key: str,
        profile_id: int | None = None,
    ) -> T:
        """Move devices to another application. The client's key is that of the present one, to_api_key of the new one.

        contract_id, profile_id: of the new application.
        """
        job = task_requests.transfer(
            dev_euis,
            from_app_eui=from_app_eui,
            to_app_eui=to_app_eui,
            contract_id=contract_id,
            profile_id=profile_id,
            key=to_api_key,
        )
        return self._carry_out(job)

    def export(
        self,
        *,
        app_eui: str | None = None,
        fields: Sequence[str] | None = None,
        state: str | None = None,
        psr_days: int | None = None,
        contract_id: int | None = None,
        dev_euis: Sequence[str] | None = None,
    ) -> Export:
        """The devices of an application, asked for once the answer is read: its `records`, or its CSV to a file.

        fields: some of `EXPORT_FIELDS`; None is devEui, contract, tags, state and lastHeardFrom. state: ALL, REGISTERED,
        ACTIVATED, DEACTIVATED or JOINED. psr_days: 1 to 31, packet success rates of so many days. dev_euis: these only. None is
        the server's default.
        """
        query = {
            "app_eui": app_eui,
            "fields": fields,
            "state": state,
            "psr_days": psr_days,
            "contract_id": contract_id,
            "dev_euis": dev_euis,
        }
        return Export.of(self._calls, query)

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
        on_status: Callable[[TaskStatus], object] | None = None,
        on_result: Callable[[TaskStatus], object] | None = None,
        sleep: Callable[[float], object] = time.sleep,
    ) -> TaskStatus:
        """Ask until a task has ended; its last status, which may be a failure.

        on_status: called with each status. on_result: called with the last one before it is returned, to store it: the server
        forgets it after 15 minutes. Raises IncompleteError where the task has not ended after timeout_s; it goes on.
        """
        how = Waiting(poll_ms=poll_ms, timeout_s=timeout_s, on_status=on_status, on_result=on_result, sleep=sleep)
        return how.end_of(request_id_of(task), lambda: self.task_status(task))

    def bulk(  # noqa: PLR0913 - how to wait
        self,
        *,
        chunk_devices: int | None = None,
        on_started: Callable[[Chunk], object] | None = None,
        on_chunk: Callable[[Chunk], object] | None = None,
        on_status: Callable[[TaskStatus], object] | None = None,
        poll_ms: int = 1000,
        timeout_s: int = 600,
        sleep: Callable[[float], object] = time.sleep,
    ) -> Devices[BulkResult]:
        """The same calls in chunks, each started once the task of the one before has ended; they answer a `BulkResult`.

        chunk_devices: None is 1000, and 10000 for `register`, whose token is good for one use. on_started, on_chunk: called with
        a chunk that the server has taken on, and with one that has ended, before anything else, to store it: the server forgets
        results after 15 minutes. on_status: called with each status. timeout_s: for each chunk; one that takes longer goes on at
        the server, and what follows it is not sent.
        """
        waiting = Waiting(poll_ms=poll_ms, timeout_s=timeout_s, on_status=on_status, sleep=sleep)
        how = Chunking(
            wait=lambda task: waiting.end_of(task.request_id, lambda: self.task_status(task)),
            devices=None if chunk_devices is None else rules.integer("chunk_devices", chunk_devices, 1),
            on_started=on_started,
            on_chunk=on_chunk,
        )
        return Devices(self._calls, partial(bulk.run, self._calls, how=how))
