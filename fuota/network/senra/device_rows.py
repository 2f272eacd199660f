"""Rows of the onboarding calls: one value per device, checked when it is made, and lists of them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, TypeVar
from urllib.parse import urlsplit

from fuota import rules
from fuota.errors import ParameterError
from fuota.network.redaction import redact
from fuota.network.senra import parameters

CLASSES = ("A", "B", "C")
_LONGEST_EUI_TEXT = 23  # eight bytes with separators
_ADDRESS_DIGITS = 8

_WIRE = {
    "dev_eui": "devEui",
    "app_key": "appKey",
    "nwk_key": "nwkKey",
    "dev_addr": "devAddr",
    "nwk_s_key": "nwkSKey",
    "app_s_key": "appSKey",
    "lat": "lat",
    "lng": "lng",
    "tags": "tags",
    "metadata": "metadata",
    "dev_type": "devType",
    "dev_class": "devClass",
    "fw_ver": "fwVer",
}


class RowError(ParameterError):
    """An entry of a list cannot be used, or the list is empty. row: number of the entry from 1, None for an empty list."""

    def __init__(self, message: str, *, row: int | None = None) -> None:
        super().__init__(message)
        self.row = row


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceDetails:
    """Device to activate, and the fields that every other row has as well, with the API's name of each.

    dev_eui (devEui): 16 hex digits. lat (lat), lng (lng): decimal degrees. tags (tags): texts without a comma, kept as a tuple.
    metadata (metadata), dev_type (devType): texts that are not empty. None leaves a field out. Raises ParameterError.
    """

    dev_eui: str
    lat: float | None = None
    lng: float | None = None
    tags: Sequence[str] | None = None
    metadata: str | None = None
    dev_type: str | None = None

    def __post_init__(self) -> None:
        try:
            self._check()
        except ParameterError as exc:
            message = redact(str(exc))  # a key may stand in the wrong column
        else:
            return
        raise ParameterError(message)  # not in the handler: the first exception would stay attached as context

    def _check(self) -> None:
        for name, check in _CHECKS.items():
            if (value := getattr(self, name, None)) is not None or name in self.required_fields():
                object.__setattr__(self, name, check(name, value))

    @classmethod
    def required_fields(cls) -> tuple[str, ...]:
        """Return the names of the fields that must not be None."""
        return ("dev_eui",)

    def to_json(self) -> dict[str, object]:
        """Return the row by the API's names, without the fields that are None."""
        values: dict[str, object] = {wire: getattr(self, name, None) for name, wire in _WIRE.items()}
        if self.tags is not None:
            values["tags"] = ",".join(self.tags)
        if values["devClass"] is not None:
            values["devClass"] = f"CLASS_{values['devClass']}"
        return {wire: value for wire, value in values.items() if value is not None}


@dataclass(frozen=True, slots=True, kw_only=True)
class OtaaDevice(DeviceDetails):
    """Device to register that joins over the air. app_key (appKey): 32 hex digits, not shown."""

    activation: ClassVar[str] = "OTAA"
    app_key: str = field(repr=False)

    @classmethod
    def required_fields(cls) -> tuple[str, ...]:
        """Return the names of the fields that must not be None."""
        return ("dev_eui", "app_key")


@dataclass(frozen=True, slots=True, kw_only=True)
class AbpDevice(DeviceDetails):
    """Device to register that never joins.

    dev_addr (devAddr): 8 hex digits. nwk_s_key (nwkSKey), app_s_key (appSKey): 32 hex digits, not shown.
    The reference requires none of the three.
    """

    activation: ClassVar[str] = "ABP"
    dev_addr: str | None = None
    nwk_s_key: str | None = field(default=None, repr=False)
    app_s_key: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceUpdate(DeviceDetails):
    """Changes of a device that has joined.

    app_key (appKey), nwk_key (nwkKey): 32 hex digits, not shown. dev_class (devClass): "A", "B" or "C", in any spelling of the API.
    fw_ver (fwVer): firmware version, a text.
    """

    app_key: str | None = field(default=None, repr=False)
    nwk_key: str | None = field(default=None, repr=False)
    dev_class: str | None = None
    fw_ver: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Callback:
    """Address to which the server posts the result of a registration. Neither field is shown.

    url: http or https. headers: names and values of headers that the server must send. Raises ParameterError.
    """

    url: str = field(repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False, hash=False)

    def __post_init__(self) -> None:
        _check_callback_url(self.url)
        if not isinstance(self.headers, Mapping):
            raise ParameterError("the headers of the callback must be a mapping from names to texts")
        for name, value in self.headers.items():
            if not isinstance(name, str) or not re.fullmatch(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+", name):
                raise ParameterError("a header of the callback has a name that HTTP does not allow")
            if not isinstance(value, str) or not re.fullmatch(r"[ -~]*", value):
                raise ParameterError(f"the header {name} of the callback must be a text of one line in ASCII")
        object.__setattr__(self, "headers", dict(self.headers))

    def to_json(self) -> dict[str, object]:
        """Return the callback object of the request."""
        return {"url": self.url} | ({"headers": dict(self.headers)} if self.headers else {})


_Row = TypeVar("_Row", bound=DeviceDetails)


def registration_rows(
    values: Iterable[OtaaDevice | AbpDevice | Mapping[str, object]], activation: str | None = None
) -> list[OtaaDevice | AbpDevice]:
    """Return the rows of a registration: at least one, no device twice, all for the same activation.

    values: rows, or mappings from the names of their fields to values.
    activation: "OTAA" or "ABP" for the mappings; None to derive it from their fields. Raises RowError with the row.
    """

    def row_of(value: object) -> OtaaDevice | AbpDevice:
        if isinstance(value, OtaaDevice | AbpDevice):
            return value
        names = set(value) if isinstance(value, Mapping) else set()
        has_abp_fields = names & {"dev_addr", "nwk_s_key", "app_s_key"} and "app_key" not in names
        if activation == "ABP" or (activation is None and has_abp_fields):
            return _row(AbpDevice, value)
        return _row(OtaaDevice, value)

    rows = _distinct_rows(values, row_of)
    for number, row in enumerate(rows, 1):
        if row.activation != rows[0].activation:
            raise RowError(
                f"row {number}: {row.dev_eui} is {row.activation}, row 1 is {rows[0].activation}: "
                "register the two kinds in two calls",
                row=number,
            )
    return rows


def checked_rows(kind: type[_Row], values: Iterable[_Row | Mapping[str, object] | str]) -> list[_Row]:
    """Return rows of one kind: at least one, no device twice.

    kind: class of the rows. values: rows, mappings from the names of their fields to values, or EUIs. Raises RowError with the row.
    """
    return _distinct_rows(values, lambda value: _row(kind, {"dev_eui": value} if isinstance(value, str) else value))


def _row(kind: type[_Row], value: object) -> _Row:
    if isinstance(value, kind):
        return value
    if not isinstance(value, Mapping):
        raise ParameterError(f"give {kind.__name__}(...) or a mapping, got a value of type {type(value).__name__}")
    fields = kind.__dataclass_fields__
    if unknown := [str(name) for name in value if name not in fields]:
        raise ParameterError(f"{kind.__name__} has no field {', '.join(unknown)}; it has {', '.join(fields)}")
    if missing := [name for name in kind.required_fields() if name not in value]:
        raise ParameterError(f"{', '.join(missing)} is missing")
    known: dict[str, Any] = dict(value)
    return kind(**known)


def _distinct_rows(values: object, row_of: Callable[[object], _Row]) -> list[_Row]:
    if isinstance(values, str | Mapping | DeviceDetails) or not isinstance(values, Iterable):
        raise ParameterError(f"devices must be a list of devices, got a value of type {type(values).__name__}")
    rows: list[_Row] = []
    number_of: dict[str, int] = {}
    for number, value in enumerate(values, 1):
        try:
            row = row_of(value)
        except ParameterError as exc:
            raise RowError(f"row {number}: {exc}", row=number) from None
        if row.dev_eui in number_of:
            first = number_of[row.dev_eui]
            raise RowError(f"row {number}: {row.dev_eui} is also row {first}: name each device once", row=number)
        number_of[row.dev_eui] = number
        rows.append(row)
    if not rows:
        raise RowError("devices is empty: name at least one")
    return rows


def _eui(name: str, value: object) -> str:
    return parameters.eui(name, _shortened(value, _LONGEST_EUI_TEXT))


def _address(name: str, value: object) -> str:
    return parameters.fixed_bytes(name, _shortened(value, _ADDRESS_DIGITS), 4).hex().upper()


def _shortened(value: object, length: int) -> str:
    """Return `value`, only its beginning if it is longer than `length`: a key in the wrong column must not reach a message."""
    if not isinstance(value, str):
        raise ParameterError(
            f"a value of type {type(value).__name__} stands where hexadecimal digits are needed, as text"
        )
    return value if len(value.strip()) <= length else f"{value[:2]}... ({len(value)} characters)"


def _latitude(name: str, value: object) -> float:
    return rules.real(name, value, -90, 90)


def _longitude(name: str, value: object) -> float:
    return rules.real(name, value, -180, 180)


def _class(name: str, value: object) -> str:
    return parameters.device_class(name, value, CLASSES)


_CHECKS: Mapping[str, Callable[[str, object], object]] = {
    "dev_eui": _eui,
    "app_key": parameters.aes_key,
    "nwk_key": parameters.aes_key,
    "dev_addr": _address,
    "nwk_s_key": parameters.aes_key,
    "app_s_key": parameters.aes_key,
    "lat": _latitude,
    "lng": _longitude,
    "tags": parameters.tag_list,
    "metadata": parameters.free_text,
    "dev_type": parameters.free_text,
    "dev_class": _class,
    "fw_ver": parameters.free_text,
}


def _check_callback_url(url: str) -> None:
    try:
        parts = urlsplit(url)
        valid = parts.scheme in ("https", "http") and bool(parts.hostname) and (parts.port or 1) > 0
    except (ValueError, AttributeError, TypeError):
        valid = False
    if not valid or not isinstance(url, str) or not re.fullmatch(r"[!-~]+", url):
        raise ParameterError("the url of the callback must be a full URL, such as https://example.com/endpoint")
