"""The bodies of the onboarding calls: rows, one for each device, and where to tell the result."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from fuota.errors import BadRequestError, ParameterError
from fuota.network.senra import device_rows
from fuota.network.senra.device_rows import AbpDevice, Callback, DeviceDetails, DeviceUpdate, OtaaDevice
from fuota.network.senra.parameters import class_letter

MAX_BODY_BYTES = 64_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class ActivatedDevice(DeviceDetails):
    """A row of activate. The table has no appKey, but the task's messages tell of changed ones."""

    app_key: str | None = field(default=None, repr=False)


KINDS: Mapping[str, type[DeviceDetails]] = {
    "OTAA": OtaaDevice,
    "ABP": AbpDevice,
    "activate": ActivatedDevice,
    "deactivate": DeviceDetails,
    "update": DeviceUpdate,
    "transfer": DeviceDetails,
}
_Row = TypeVar("_Row", bound=DeviceDetails)


def object_of(body: bytes) -> dict[str, Any]:
    """The JSON object of a body. Raises BadRequestError."""
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        raise BadRequestError('the body is no JSON: it must be an object such as {"data":[...]}') from None
    if not isinstance(found, dict):
        raise BadRequestError('the body is no JSON object: it must be one such as {"data":[...]}')
    return found


def rows_of(body: Mapping[str, Any], kind: type[_Row]) -> Sequence[_Row]:
    """The rows under `data`; fields that are unknown or null are ignored. Raises ParameterError, which names the row."""
    data = body.get("data")
    if not isinstance(data, list):
        raise BadRequestError("the body has no list 'data' with a row for each device")
    return device_rows.checked_rows(kind, [_fields(kind, number, row) for number, row in enumerate(data, 1)])


def callback_of(body: Mapping[str, Any]) -> Callback | None:
    """Where the result goes, if anywhere. Raises ParameterError."""
    given = body.get("callback")
    if given is None:
        return None
    if not isinstance(given, dict) or "url" not in given:
        raise ParameterError("callback must be an object with a url")
    return Callback(url=given["url"], headers=given.get("headers") or {})


def _fields(kind: type[DeviceDetails], number: int, row: object) -> dict[str, Any]:
    if not isinstance(row, dict):
        raise ParameterError(f'row {number}: it must be an object such as {{"devEui":"123000000000ABC0"}}')
    named = {_snake(wire): value for wire, value in row.items() if value is not None}
    known = {name: value for name, value in named.items() if name in kind.__dataclass_fields__}
    if any(isinstance(value, str) and not _is_text(value) for value in known.values()):
        raise ParameterError(f"row {number}: a text holds half of a character (a lone surrogate)")
    if (tags := known.get("tags")) is not None:
        if not isinstance(tags, str):
            raise ParameterError(
                f'row {number}: tags is a {type(tags).__name__}: it must be a text such as "tag1,tag2"'
            )
        known["tags"] = list(dict.fromkeys(tag.strip() for tag in tags.split(",") if tag.strip())) or None
    if isinstance(dev_class := known.get("dev_class"), str):
        known["dev_class"] = class_letter(dev_class)
    return known


def _snake(wire: str) -> str:
    return re.sub(r"(?<=[a-z])(?=[A-Z])|(?<=S)(?=Key)", "_", wire).lower()


def _is_text(value: str) -> bool:
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True
