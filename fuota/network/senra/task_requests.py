"""Requests for device-management tasks. A request is checked as a whole before any part of it is sent."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from fuota import rules
from fuota.errors import ParameterError
from fuota.network.credentials import NO_SECRETS, Secrets
from fuota.network.senra import device_rows, parameters
from fuota.network.senra.calls import Calls
from fuota.network.senra.device_rows import AbpDevice, Callback, DeviceDetails, DeviceUpdate, OtaaDevice
from fuota.network.senra.tasks import TaskRef

TAGS_OPERATIONS = ("APPEND", "REPLACE", "DELETE")

CHUNK_DEVICES = 1_000
"""Usual number of devices in a task: the server activates them in about five seconds (reference, "Device Onboarding APIs")."""
REGISTRATION_CHUNK_DEVICES = 10_000
"""Usual number of devices in a registration: its token is good for one use, and 10,000 devices take less than five seconds."""
_SHORTEST_SECRET = 4
"""Length of the shortest value of a callback's header that is hidden in messages."""


def usual_chunk(call: str) -> int:
    """Return the usual number of devices in one task. call: last part of the resource URL, such as activate."""
    return REGISTRATION_CHUNK_DEVICES if call == "register" else CHUNK_DEVICES


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskRequest:
    """Request for a device-management task.

    call: last part of the resource URL. query: parameters by the API's names. rows: the devices, at least one.
    more: members of the body besides the devices. secrets: secrets of the call.
    default_request_id: request ID of the task if the answer names none.
    """

    call: str
    query: Mapping[str, str] = field(repr=False)
    rows: tuple[DeviceDetails, ...]
    more: Mapping[str, object] = field(default_factory=dict, repr=False)
    secrets: Secrets = NO_SECRETS
    default_request_id: str = ""

    @property
    def dev_euis(self) -> tuple[str, ...]:
        """EUIs of the devices, in their order."""
        return tuple(row.dev_eui for row in self.rows)

    def chunks(self, devices: int | None = None) -> list[TaskRequest]:
        """Split the request. devices: most devices in a part, None for the usual number of the call. Raises ParameterError."""
        size = usual_chunk(self.call) if devices is None else rules.integer("chunk_devices", devices, 1)
        return [replace(self, rows=self.rows[first : first + size]) for first in range(0, len(self.rows), size)]

    def start(self, calls: Calls) -> TaskRef:
        """Send the request with `calls`, and return the task that the server has started. Raises NetworkError."""
        body = {"data": [row.to_json() for row in self.rows], **self.more}
        answer = calls.post(f"device/{self.call}", self.query, json=body, secrets=self.secrets)
        return TaskRef.from_answer(answer, host=calls.host, default_request_id=self.default_request_id)


@dataclass(frozen=True, slots=True, kw_only=True)
class OnboardingScope:
    """Application, join server, contract and profile of devices. None leaves a choice to the server.

    app_eui (appEui): application. join_eui (joinEui): join server. contract_id (contractId), profile_id (profId): at least 1.
    """

    app_eui: str | None = None
    join_eui: str | None = None
    contract_id: int | None = None
    profile_id: int | None = None

    def query(self) -> dict[str, str]:
        """Return the query parameters by the API's names. Raises ParameterError."""
        return parameters.query(
            {
                "appEui": None if self.app_eui is None else parameters.eui("app_eui", self.app_eui),
                "joinEui": None if self.join_eui is None else parameters.eui("join_eui", self.join_eui),
                "contractId": rules.optional_integer("contract_id", self.contract_id, 1),
                "profId": rules.optional_integer("profile_id", self.profile_id, 1),
            }
        )


def registration(
    devices: Iterable[OtaaDevice | AbpDevice | Mapping[str, object]],
    scope: OnboardingScope,
    *,
    token: str,
    tags: Sequence[str] | None,
    callback: Callback | None,
    activation: str | None,
) -> TaskRequest:
    """Return the request that makes devices known to the server.

    devices, token, tags, callback: see `Devices.register`. scope: see `OnboardingScope`.
    activation: OTAA or ABP, None to derive it from the rows. Raises ParameterError.
    """
    if activation is not None:
        rules.one_of("activation", activation, ("OTAA", "ABP"))
    rows = device_rows.registration_rows(devices, activation)
    query = {"token": parameters.registration_token("token", token)} | scope.query()
    query |= tags_query(tags) | {"actType": rows[0].activation}
    texts = [token, *(str(value) for row in rows for name, value in row.to_json().items() if name.endswith("Key"))]
    more: dict[str, object] = {}
    if callback is not None:
        if not isinstance(callback, Callback):
            raise ParameterError(f"callback must be Callback(url=...), got a value of type {type(callback).__name__}")
        more["callback"] = callback.to_json()
        texts += [callback.url, *(value for value in callback.headers.values() if len(value) >= _SHORTEST_SECRET)]
    return TaskRequest(call="register", query=query, rows=tuple(rows), more=more, secrets=Secrets(texts=tuple(texts)))


def update(
    devices: Iterable[DeviceUpdate | Mapping[str, object] | str],
    scope: OnboardingScope,
    *,
    tags_operation: str | None,
    tags: Sequence[str] | None,
) -> TaskRequest:
    """Return the request that changes fields of devices that have joined.

    devices, tags_operation, tags: see `Devices.update`. scope: see `OnboardingScope`. Raises ParameterError.
    """
    rows = device_rows.checked_rows(DeviceUpdate, devices)
    query = scope.query()
    has_tags = tags is not None or any(row.tags is not None for row in rows)
    if has_tags != (tags_operation is not None):
        problem = "tags without tags_operation" if has_tags else "tags_operation without tags"
        raise ParameterError(f"{problem}: give both or neither; tags_operation is one of {', '.join(TAGS_OPERATIONS)}")
    if tags_operation is not None:
        query["tagsOperation"] = rules.one_of("tags_operation", tags_operation, TAGS_OPERATIONS)
    return TaskRequest(call="update", query=query | tags_query(tags), rows=tuple(rows))


def transfer(
    dev_euis: Iterable[str], *, from_app_eui: str, to_app_eui: str, contract_id: int, profile_id: int | None, key: str
) -> TaskRequest:
    """Return the request that moves devices to another application.

    dev_euis, from_app_eui, to_app_eui, contract_id, profile_id: see `Devices.transfer`. key: API key of the new application.
    Raises ParameterError.
    """
    old, new = parameters.eui("from_app_eui", from_app_eui), parameters.eui("to_app_eui", to_app_eui)
    if old == new:
        raise ParameterError(f"from_app_eui and to_app_eui are both {old}: name two applications")
    query = {"fromAppEui": old, "toAppEui": new}
    query |= OnboardingScope(contract_id=rules.integer("contract_id", contract_id, 1), profile_id=profile_id).query()
    return TaskRequest(
        call="transfer",
        query=query,
        rows=tuple(device_rows.checked_rows(DeviceDetails, dev_euis)),
        # The second key is in the example only. The table of answers has a message in place of the statusUrl.
        secrets=Secrets(headers={"authorization2": key}),
        default_request_id=f"DevTransferJobReq:{old}-{new}",
    )


def tags_query(tags: Sequence[str] | None) -> dict[str, str]:
    """Return the query parameter for tags of all devices. tags: None for no parameter. Raises ParameterError."""
    return parameters.query({"tags": None if tags is None else parameters.tag_list("tags", tags)})
