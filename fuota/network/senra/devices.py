"""Devices of an application: onboarding, the tasks that carry it out, and the export."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import Generic, TypeVar

from fuota import rules
from fuota.calls import checked_call
from fuota.network.redaction import redact
from fuota.network.senra import bulk, device_rows, parameters, task_requests
from fuota.network.senra.bulk import BulkResult, Chunk, Chunking
from fuota.network.senra.calls import Calls
from fuota.network.senra.device_rows import AbpDevice, Callback, DeviceDetails, DeviceUpdate, OtaaDevice
from fuota.network.senra.export import Export, export_query
from fuota.network.senra.task_requests import OnboardingScope, TaskRequest, tags_query
from fuota.network.senra.tasks import TaskRef, TaskStatus, TaskWait, request_id_of

T = TypeVar("T")


class Devices(Generic[T]):
    """Devices of an application.

    `register`, `activate`, `deactivate`, `update` and `transfer` start a task at the server, which runs one task at a time per
    application, and return a `TaskRef`: wait for its end with `task` before the next call. The same methods of `bulk()` send the
    devices in chunks, wait for each chunk, and return a `BulkResult`.

    A list of devices is checked as a whole before anything is sent. It holds rows such as `OtaaDevice`, mappings from the names of
    their fields to values, or plain EUIs if the other fields are not needed.

    Parameters that several methods have, with the API's names; None leaves the choice to the server:
    app_eui (appEui): application, 16 hex digits. join_eui (joinEui): join server, 16 hex digits.
    contract_id (contractId), profile_id (profId): contract and device profile, at least 1.
    tags (tags): tags for all devices of the call, texts without a comma.

    Every method raises ParameterError before anything is sent, and NetworkError (see `fuota.errors`).
    """

    def __init__(self, calls: Calls, carry_out: Callable[[TaskRequest], T]) -> None:
        self._calls = calls
        self._carry_out = carry_out

    @checked_call
    def register(  # noqa: PLR0913 - the parameters of the call
        self,
        devices: Iterable[OtaaDevice | AbpDevice | Mapping[str, object]],
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
        """Make devices known to the server, all by OTAA or all by ABP (device/register).

        devices: rows, see the class. token (token): six digits that the server e-mailed for this call, valid for an hour.
        app_eui, join_eui, contract_id, profile_id, tags: see the class. callback: where the server posts the result.
        activation (actType): "OTAA" or "ABP", for rows that do not show it: a device for ABP needs only its EUI.
        """
        scope = OnboardingScope(app_eui=app_eui, join_eui=join_eui, contract_id=contract_id, profile_id=profile_id)
        request = task_requests.registration(
            devices, scope, token=token, tags=tags, callback=callback, activation=activation
        )
        return self._carry_out(request)

    @checked_call
    def activate(
        self,
        devices: Iterable[DeviceDetails | Mapping[str, object] | str],
        *,
        app_eui: str | None = None,
        join_eui: str | None = None,
        contract_id: int | None = None,
        profile_id: int | None = None,
        tags: Sequence[str] | None = None,
    ) -> T:
        """Allow registered or deactivated devices to join (device/activate). From then on they are billed.

        devices: rows, see the class. app_eui, join_eui, contract_id, profile_id, tags: see the class.
        """
        rows = device_rows.checked_rows(DeviceDetails, devices)
        scope = OnboardingScope(app_eui=app_eui, join_eui=join_eui, contract_id=contract_id, profile_id=profile_id)
        query = scope.query() | tags_query(tags)
        return self._carry_out(TaskRequest(call="activate", query=query, rows=tuple(rows)))

    @checked_call
    def activate_one(
        self,
        device: DeviceDetails | Mapping[str, object] | str,
        *,
        app_eui: str | None = None,
        join_eui: str | None = None,
        contract_id: int | None = None,
        profile_id: int | None = None,
    ) -> str:
        """Activate one device at once, without a task (device/activateOne), and return the server's message.

        device: row, see the class; its fields are sent too. app_eui, join_eui, contract_id, profile_id: see the class.
        """
        (row,) = device_rows.checked_rows(DeviceDetails, [device])
        scope = OnboardingScope(app_eui=app_eui, join_eui=join_eui, contract_id=contract_id, profile_id=profile_id)
        # devEui is missing in the table and shown in the example.
        query = scope.query() | parameters.query({"devEui": row.dev_eui, "tags": row.tags, "metadata": row.metadata})
        query |= parameters.query({"lat": row.lat, "lng": row.lng, "devType": row.dev_type})
        return redact(str(self._calls.post("device/activateOne", query).get("message") or ""))

    @checked_call
    def deactivate(
        self,
        dev_euis: Iterable[str],
        *,
        app_eui: str | None = None,
        join_eui: str | None = None,
        contract_id: int | None = None,
        profile_id: int | None = None,
    ) -> T:
        """Keep devices from joining (device/deactivate). Devices that have joined continue, and are billed while they are heard.

        dev_euis: the devices. app_eui, join_eui, contract_id, profile_id: see the class.
        """
        scope = OnboardingScope(app_eui=app_eui, join_eui=join_eui, contract_id=contract_id, profile_id=profile_id)
        rows = device_rows.checked_rows(DeviceDetails, dev_euis)
        return self._carry_out(TaskRequest(call="deactivate", query=scope.query(), rows=tuple(rows)))

    @checked_call
    def update(
        self,
        devices: Iterable[DeviceUpdate | Mapping[str, object] | str],
        *,
        app_eui: str,
        profile_id: int | None = None,
        tags_operation: str | None = None,
        tags: Sequence[str] | None = None,
    ) -> T:
        """Change fields of devices that have joined (device/update).

        devices: rows, see the class. app_eui, profile_id, tags: see the class.
        tags_operation (tagsOperation): APPEND, REPLACE or DELETE; required if there are tags, here or in a row, and only then.
        """
        scope = OnboardingScope(app_eui=parameters.eui("app_eui", app_eui), profile_id=profile_id)
        return self._carry_out(task_requests.update(devices, scope, tags_operation=tags_operation, tags=tags))

    @checked_call
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
        """Move devices to another application (device/transfer).

        dev_euis: the devices. from_app_eui (fromAppEui), to_app_eui (toAppEui): present and new application, 16 hex digits.
        contract_id (contractId), profile_id (profId): contract and device profile of the new application.
        to_api_key: API key of the new application. The key of the client must be the key of the present application.
        """
        request = task_requests.transfer(
            dev_euis,
            from_app_eui=from_app_eui,
            to_app_eui=to_app_eui,
            contract_id=contract_id,
            profile_id=profile_id,
            key=to_api_key,
        )
        return self._carry_out(request)

    @checked_call
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
        """Return the export of an application's devices (device/csvExport). Reading its `records` or its CSV sends the request.

        app_eui, contract_id: see the class. fields (fields): members of `EXPORT_FIELDS`; None for devEui, contract, tags, state and
            lastHeardFrom. state (state): ALL, REGISTERED, ACTIVATED, DEACTIVATED or JOINED.
        psr_days (psrDays): number of days whose packet success rates to add, 1 to 31. dev_euis (devEuis): only these devices.
        """
        query = export_query(
            app_eui=app_eui,
            fields=fields,
            state=state,
            psr_days=psr_days,
            contract_id=contract_id,
            dev_euis=dev_euis,
        )
        return Export(query=query, calls=self._calls)

    @checked_call
    def task_status(self, task: TaskRef | str) -> TaskStatus:
        """Return the status of a task (device/status). The server keeps it for 15 minutes after the end of the task.

        task: reference or request ID (reqId).
        """
        query = {"reqId": parameters.word("task", request_id_of(task))}
        return TaskStatus.from_answer(self._calls.get("device/status", query))

    @checked_call
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
        """Wait until a task has ended, and return its last status, which may be a failure.

        task: reference or request ID. poll_ms: interval between requests for the status. timeout_s: longest wait.
        on_status: called with each status. on_result: called with the last status before it is returned, to store it: the server
            forgets it after 15 minutes. sleep: takes seconds.
        Raises IncompleteError if the task has not ended after timeout_s; it continues at the server.
        """
        wait = TaskWait(poll_ms=poll_ms, timeout_s=timeout_s, on_status=on_status, on_result=on_result, sleep=sleep)
        return wait.until_end(request_id_of(task), lambda: self.task_status(task))

    @checked_call
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
        """Return the same calls in chunks. Each chunk is sent after the task of the chunk before has ended.

        chunk_devices: most devices in a chunk; None for 1000, and for 10000 of `register`, whose token is good for one use.
        on_started: called with a chunk that the server has accepted. on_chunk: called with a chunk that has ended, before anything
            else, to store it: the server forgets results after 15 minutes. on_status: called with each status.
        poll_ms: interval between requests for the status. timeout_s: longest wait for each chunk; a chunk that takes longer
            continues at the server, and the chunks after it are not sent. sleep: takes seconds.
        """
        wait = TaskWait(poll_ms=poll_ms, timeout_s=timeout_s, on_status=on_status, sleep=sleep)
        how = Chunking(
            wait=lambda task: wait.until_end(task.request_id, lambda: self.task_status(task)),
            devices=rules.optional_integer("chunk_devices", chunk_devices, 1),
            on_started=on_started,
            on_chunk=on_chunk,
        )
        return Devices(self._calls, partial(bulk.run_in_chunks, self._calls, how=how))
