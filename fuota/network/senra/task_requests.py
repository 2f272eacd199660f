"""What the onboarding calls send, as a value that is checked as a whole: it may go out at once, or in chunks."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from fuota import rules
from fuota.errors import ParameterError
from fuota.network.http import NO_SECRETS, Secrets
from fuota.network.senra import device_rows, parameters
from fuota.network.senra.calls import Calls
from fuota.network.senra.device_rows import AbpDevice, Callback, DeviceDetails, DeviceUpdate, OtaaDevice
from fuota.network.senra.tasks import TaskRef

TAGS_OPERATIONS = ("APPEND", "REPLACE", "DELETE")

CHUNK_DEVICES = 1_000
"""Of a job in chunks: what the server takes about five seconds to activate (reference, "Device Onboarding APIs")."""
REGISTRATION_CHUNK_DEVICES = 10_000
"""Of a registration: its token is good for one use, and ten thousand devices take less than five seconds."""


def usual_chunk(call: str) -> int:
    """Devices in one task, as many as suit the call (the last part of its resource URL)."""
    return REGISTRATION_CHUNK_DEVICES if call == "register" else CHUNK_DEVICES


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskRequest:
    """A task to be given to the server.

    call: the last part of the resource URL. rows: the devices, at least one. more: members of the body beside them.
    otherwise: the request id of a task whose answer names none.
    """

    call: str
    query: Mapping[str, str] = field(repr=False)
    rows: tuple[DeviceDetails, ...]
    more: Mapping[str, Any] = field(default_factory=dict, repr=False)
    secrets: Secrets = NO_SECRETS
    otherwise: str = ""

    @property
    def dev_euis(self) -> tuple[str, ...]:
        """The devices, in their order."""
        return tuple(row.dev_eui for row in self.rows)

    def chunks(self, devices: int | None = None) -> list[TaskRequest]:
        """The job in parts of so many devices at most; None is as many as suit the call. Raises ParameterError."""
        size = usual_chunk(self.call) if devices is None else rules.integer("chunk_devices", devices, 1)
        return [replace(self, rows=self.rows[first : first + size]) for first in range(0, len(self.rows), size)]

    def start(self, calls: Calls) -> TaskRef:
        """Give the job to the server. Raises NetworkError."""
        body = {"data": [row.to_json() for row in self.rows], **self.more}
        answer = calls.post(f"device/{self.call}", self.query, json=body, secrets=self.secrets)
        return TaskRef.from_answer(answer, host=calls.host, otherwise=self.otherwise)


@dataclass(frozen=True, slots=True, kw_only=True)
class OnboardingScope:
    """Where devices belong; None is the server's default."""

    app_eui: str | None = None
    join_eui: str | None = None
    contract_id: int | None = None
    profile_id: int | None = None

    def query(self) -> dict[str, str]:
        """By its wire names. Raises ParameterError."""
        return parameters.query(
            {
                "appEui": None if self.app_eui is None else parameters.eui("app_eui", self.app_eui),
                "joinEui": None if self.join_eui is None else parameters.eui("join_eui", self.join_eui),
                "contractId": rules.optional_integer("contract_id", self.contract_id, 1),
                "profId": rules.optional_integer("profile_id", self.profile_id, 1),
            }
        )


def registration(
    devices: Iterable[OtaaDevice | AbpDevice | Mapping[str, Any]],
    place: OnboardingScope,
    *,
    token: str,
    tags: Sequence[str] | None,
    callback: Callback | None,
    activation: str | None,
) -> TaskRequest:
    """To make devices known. activation: OTAA or ABP; None is what the rows look like. Raises ParameterError."""
    if activation is not None:
        rules.one_of("activation", activation, ("OTAA", "ABP"))
    rows = device_rows.registration_rows(devices, activation)
    query = {"token": parameters.registration_token("token", token)} | place.query()
    query |= tags_query(tags) | {"actType": rows[0].activation}
    texts = [token, *(value for row in rows for name, value in row.to_json().items() if name.endswith("Key"))]
    more = {}
    if callback is not None:
        if not isinstance(callback, Callback):
            raise ParameterError(f"callback is a {type(callback).__name__}: give Callback(url=...)")
        more["callback"] = callback.to_json()
        texts += [callback.url, *(value for value in callback.headers.values() if len(value) > 3)]
    return TaskRequest(call="register", query=query, rows=tuple(rows), more=more, secrets=Secrets(texts=tuple(texts)))


def update(
    devices: Iterable[DeviceUpdate | Mapping[str, Any] | str],
    place: OnboardingScope,
    *,
    tags_operation: str | None,
    tags: Sequence[str] | None,
) -> TaskRequest:
    """To change devices that have joined. Raises ParameterError."""
    rows = device_rows.checked_rows(DeviceUpdate, devices)
    query = place.query()
    tagged = tags is not None or any(row.tags is not None for row in rows)
    if tagged != (tags_operation is not None):
        given = "tags without tags_operation" if tagged else "tags_operation without tags"
        raise ParameterError(f"{given}: give both or neither; it is one of {', '.join(TAGS_OPERATIONS)}")
    if tags_operation is not None:
        query["tagsOperation"] = rules.one_of("tags_operation", tags_operation, TAGS_OPERATIONS)
    return TaskRequest(call="update", query=query | tags_query(tags), rows=tuple(rows))


def transfer(
    dev_euis: Iterable[str], *, from_app_eui: str, to_app_eui: str, contract_id: int, profile_id: int | None, key: str
) -> TaskRequest:
    """To move devices to another application, whose key is `key`. Raises ParameterError."""
    old, new = parameters.eui("from_app_eui", from_app_eui), parameters.eui("to_app_eui", to_app_eui)
    if old == new:
        raise ParameterError(f"from_app_eui and to_app_eui are both {old}: name two applications")
    query = {"fromAppEui": old, "toAppEui": new}
    query |= OnboardingScope(contract_id=rules.integer("contract_id", contract_id, 1), profile_id=profile_id).query()
    return TaskRequest(
        call="transfer",
        query=query,
        rows=tuple(device_rows.checked_rows(DeviceDetails, dev_euis)),
        # The second key is in the example only; the table of answers has a message in place of the statusUrl.
        secrets=Secrets(headers={"authorization2": key}),
        otherwise=f"DevTransferJobReq:{old}-{new}",
    )


def tags_query(tags: Sequence[str] | None) -> dict[str, str]:
    """The tags for all devices. Raises ParameterError."""
    return parameters.query({"tags": None if tags is None else parameters.tag_list("tags", tags)})
