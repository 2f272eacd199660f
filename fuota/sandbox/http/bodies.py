"""Bodies of the onboarding calls: one row for each device, and a callback for the result."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

from fuota.errors import BadRequestError, ParameterError
from fuota.network.senra import device_rows
from fuota.network.senra.device_rows import AbpDevice, Callback, DeviceDetails, DeviceUpdate, OtaaDevice
from fuota.network.senra.parameters import class_letter
from fuota.sandbox.server.onboarding import ActivatedDevice

MAX_BODY_BYTES = 64_000_000
KINDS: Mapping[str, type[DeviceDetails]] = {
    "OTAA": OtaaDevice,
    "ABP": AbpDevice,
    "activate": ActivatedDevice,
    "deactivate": DeviceDetails,
    "update": DeviceUpdate,
    "transfer": DeviceDetails,
}
"""Class of the rows of each call; register has two kinds."""
_Row = TypeVar("_Row", bound=DeviceDetails)


def object_of(body: bytes) -> dict[str, Any]:
    """Return the JSON object of a body. Raises BadRequestError."""
    try:
        content = json.loads(body)
    except (ValueError, RecursionError):
        raise BadRequestError('the body is not valid JSON: it must be an object such as {"data":[...]}') from None
    if not isinstance(content, dict):
        raise BadRequestError('the body is not a JSON object: it must be an object such as {"data":[...]}')
    return content


def rows_of(body: Mapping[str, object], kind: type[_Row]) -> Sequence[_Row]:
    """Return the rows under `data`. Fields that are unknown or null are ignored.

    kind: class of the rows. Raises BadRequestError if there is no list, and ParameterError with the number of the wrong row.
    """
    data = body.get("data")
    if not isinstance(data, list):
        raise BadRequestError("the body has no list 'data' with a row for each device")
    return device_rows.checked_rows(kind, [_fields(kind, number, row) for number, row in enumerate(data, 1)])


def callback_of(body: Mapping[str, object]) -> Callback | None:
    """Return the callback of a body, or None if it has none. Raises ParameterError."""
    callback = body.get("callback")
    if callback is None:
        return None
    if not isinstance(callback, dict) or "url" not in callback:
        raise ParameterError("callback must be an object with a url")
    return Callback(url=callback["url"], headers=callback.get("headers") or {})


def _fields(kind: type[DeviceDetails], number: int, row: object) -> dict[str, Any]:
    if not isinstance(row, dict):
        raise ParameterError(f'row {number}: it must be an object such as {{"devEui":"123000000000ABC0"}}')
    values = {_snake(wire): value for wire, value in row.items() if value is not None}
    fields = {name: value for name, value in values.items() if name in kind.__dataclass_fields__}
    if any(isinstance(value, str) and not _is_encodable(value) for value in fields.values()):
        raise ParameterError(f"row {number}: a text contains half of a character (a lone surrogate)")
    if (tags := fields.get("tags")) is not None:
        if not isinstance(tags, str):
            raise ParameterError(
                f'row {number}: tags must be a text such as "tag1,tag2", got a value of type {type(tags).__name__}'
            )
        fields["tags"] = list(dict.fromkeys(tag.strip() for tag in tags.split(",") if tag.strip())) or None
    if isinstance(dev_class := fields.get("dev_class"), str):
        fields["dev_class"] = class_letter(dev_class)
    return fields


def _snake(wire: str) -> str:
    return re.sub(r"(?<=[a-z])(?=[A-Z])|(?<=S)(?=Key)", "_", wire).lower()


def _is_encodable(value: str) -> bool:
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True
