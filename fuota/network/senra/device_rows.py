"""Rows of the onboarding calls: one value per device, checked when made, and lists of them."""

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


class RowError(ParameterError):
    """An entry of a list cannot be used, or the list is empty. `row`: number of the entry from 1, None for an empty list."""

    def __init__(self, message: str, *, row: int | None = None) -> None:
        super().__init__(message)
        self.row = row


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


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceDetails:
    """A device to activate, and what every other row has as well.

    dev_eui: 16 hex digits. lat, lng: decimal degrees. tags: texts without a comma, kept as a tuple.
    None leaves a field out. Raises ParameterError.
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
            refusal = redact(str(exc))  # a key may stand in the wrong column
        else:
            return
        raise ParameterError(refusal)  # not above: the first exception would hang on to it

    def _check(self) -> None:
        for name, check in _CHECKS.items():
            if (value := getattr(self, name, None)) is not None or name in self._needed():
                object.__setattr__(self, name, check(name, value))

    @classmethod
    def _needed(cls) -> tuple[str, ...]:
        return ("dev_eui",)

    def to_json(self) -> dict[str, Any]:
        """The row by its wire names; what is None is left out."""
        values = {wire: getattr(self, name, None) for name, wire in _WIRE.items()}
        if self.tags is not None:
            values["tags"] = ",".join(self.tags)
        if values["devClass"] is not None:
            values["devClass"] = f"CLASS_{values['devClass']}"
        return {wire: value for wire, value in values.items() if value is not None}


@dataclass(frozen=True, slots=True, kw_only=True)
class OtaaDevice(DeviceDetails):
    """A device to register that joins over the air. app_key: 32 hex digits, not shown."""

    activation: ClassVar[str] = "OTAA"
    app_key: str = field(repr=False)

    @classmethod
    def _needed(cls) -> tuple[str, ...]:
        return ("dev_eui", "app_key")


@dataclass(frozen=True, slots=True, kw_only=True)
class AbpDevice(DeviceDetails):
    """A device to register that never joins. The reference requires neither dev_addr (8 hex digits) nor the keys."""

    activation: ClassVar[str] = "ABP"
    dev_addr: str | None = None
    nwk_s_key: str | None = field(default=None, repr=False)
    app_s_key: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceUpdate(DeviceDetails):
    """What to change of a device that has joined.

    dev_class: "A", "B" or "C", in any spelling of the API. app_key, nwk_key: 32 hex digits, not shown.
    """

    app_key: str | None = field(default=None, repr=False)
    nwk_key: str | None = field(default=None, repr=False)
    dev_class: str | None = None
    fw_ver: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Callback:
    """Where the server shall POST the result of a registration, and the headers it shall send; neither is shown."""

    url: str = field(repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False, hash=False)

    def __post_init__(self) -> None:
        _check_callback_url(self.url)
        if not isinstance(self.headers, Mapping):
            raise ParameterError("the callback's headers are no mapping: give names and texts")
        for name, value in self.headers.items():
            if not isinstance(name, str) or not re.fullmatch(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+", name):
                raise ParameterError("a header of the callback has a name that HTTP does not allow")
            if not isinstance(value, str) or not re.fullmatch(r"[ -~]*", value):
                raise ParameterError(f"the callback's header {name} must be a text of one line in ASCII")
        object.__setattr__(self, "headers", dict(self.headers))

    def to_json(self) -> dict[str, Any]:
        """The callback object of the request."""
        return {"url": self.url} | ({"headers": dict(self.headers)} if self.headers else {})


_Row = TypeVar("_Row", bound=DeviceDetails)


def registration_rows(
    values: Iterable[OtaaDevice | AbpDevice | Mapping[str, Any]], activation: str | None = None
) -> list[OtaaDevice | AbpDevice]:
    """Rows to register: at least one, no device twice, one kind. A mapping holds the fields of either by their names.

    activation: "OTAA" or "ABP", the kind of the mappings; None is the one that their fields are of.
    """

    def made(value: object) -> OtaaDevice | AbpDevice:
        if isinstance(value, OtaaDevice | AbpDevice):
            return value
        names = set(value) if isinstance(value, Mapping) else set()
        by_fields = names & {"dev_addr", "nwk_s_key", "app_s_key"} and "app_key" not in names
        if activation == "ABP" or (activation is None and by_fields):
            return _row(AbpDevice, value)
        return _row(OtaaDevice, value)

    found = _listed(values, made)
    for number, row in enumerate(found, 1):
        if row.activation != found[0].activation:
            raise RowError(
                f"row {number}: {row.dev_eui} is {row.activation}, row 1 is {found[0].activation}: "
                "register the two kinds in two calls",
                row=number,
            )
    return found


def checked_rows(kind: type[_Row], values: Iterable[_Row | Mapping[str, Any] | str]) -> list[_Row]:
    """Rows of one kind: at least one, no device twice. A text is an EUI, a mapping holds the fields by their names."""
    return _listed(values, lambda value: _row(kind, {"dev_eui": value} if isinstance(value, str) else value))


def _row(kind: type[_Row], value: object) -> _Row:
    if isinstance(value, kind):
        return value
    if not isinstance(value, Mapping):
        raise ParameterError(f"it is a {type(value).__name__}: give {kind.__name__}(...)")
    fields = kind.__dataclass_fields__
    if unknown := [str(name) for name in value if name not in fields]:
        raise ParameterError(f"{kind.__name__} has no field {', '.join(unknown)}; it has {', '.join(fields)}")
    if missing := [name for name in kind._needed() if name not in value]:
        raise ParameterError(f"{', '.join(missing)} is missing")
    return kind(**value)


def _listed(values: Iterable[Any], made: Callable[[object], _Row]) -> list[_Row]:
    if isinstance(values, str | Mapping | DeviceDetails) or not isinstance(values, Iterable):
        raise ParameterError(f"devices is one {type(values).__name__}: it must be a list of devices")
    found: list[_Row] = []
    first: dict[str, int] = {}
    for number, value in enumerate(values, 1):
        try:
            row = made(value)
        except ParameterError as exc:
            raise RowError(f"row {number}: {exc}", row=number) from None
        if row.dev_eui in first:
            raise RowError(
                f"row {number}: {row.dev_eui} is also row {first[row.dev_eui]}: name each device once", row=number
            )
        first[row.dev_eui] = number
        found.append(row)
    if not found:
        raise RowError("devices is empty: name at least one")
    return found


def _eui(name: str, value: str) -> str:
    return parameters.eui(name, _cut(value, 23))


def _address(name: str, value: str) -> str:
    return parameters.fixed_bytes(name, _cut(value, 8), 4).hex().upper()


def _cut(value: str, length: int) -> str:
    """`value`, or its beginning: a key in the wrong column must not reach a message."""
    if not isinstance(value, str):
        raise ParameterError(
            f"a value of type {type(value).__name__} stands where hexadecimal digits are needed, as text"
        )
    return value if len(value.strip()) <= length else f"{value[:2]}... ({len(value)} characters)"


def _latitude(name: str, value: float) -> float:
    return rules.real(name, value, -90, 90)


def _longitude(name: str, value: float) -> float:
    return rules.real(name, value, -180, 180)


def _class(name: str, value: str) -> str:
    return parameters.device_class(name, value, CLASSES)


_CHECKS: dict[str, Callable[[str, Any], Any]] = {
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
        raise ParameterError("the callback's url is no full URL: give one such as https://example.com/endpoint")
