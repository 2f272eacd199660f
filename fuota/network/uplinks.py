"""The data stream: what the network server tells about each uplink (Application API reference, "Application Payload").

The server posts one JSON object, or an array of them where batching is on. Fields that we do not know are kept and never
an error, as the reference asks; of those that we know, only the device is required.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, NoReturn, TypeGuard

from fuota.errors import MessageError
from fuota.network.eui import canonical_eui
from fuota.network.times import parse_time


@dataclass(frozen=True, slots=True, kw_only=True)
class Uplink:
    """One uplink of one device. None, b"" and () stand for what the server did not say.

    EUIs are 16 upper-case hex digits, times are aware and in UTC, latitudes and longitudes in decimal degrees. `dup`
    marks an uplink that was already forwarded through another gateway. `extra` holds unknown fields by their wire names.
    """

    dev_eui: str
    gw_eui: str | None = None
    join_id: int | None = None
    pdu: bytes = b""
    port: int | None = None
    seqno: int | None = None
    txtime: datetime | None = None
    channel: int | None = None
    data_rate: int | None = None
    frequency_hz: int | None = None
    rssi_dbm: float | None = None
    snr_db: float | None = None
    ism_band: str | None = None
    max_payload_bytes: int | None = None
    app_eui: str | None = None
    ack: bool | None = None
    ack_dn_msg_id: int | None = None
    dev_class: str | None = None
    dev_type: str | None = None
    dup: bool | None = None
    est_lat: float | None = None
    est_lng: float | None = None
    cfg_lat: float | None = None
    cfg_lng: float | None = None
    tags: tuple[str, ...] = ()
    metadata: str | None = None
    dev_profile: str | None = None
    fw_version: str | None = None
    gw_rx_time: datetime | None = None
    extra: Mapping[str, Any] = field(default_factory=dict, hash=False)

    def to_json(self) -> dict[str, Any]:
        """The object as the server spells it; what it did not say is left out, `pdu` is always there."""
        known = {_FIELDS[name].wire: _FIELDS[name].write(getattr(self, name)) for name in _FIELDS if self._says(name)}
        return dict(self.extra) | known

    def _says(self, name: str) -> bool:
        return name == "pdu" or getattr(self, name) not in (None, ())


def parse_uplinks(body: bytes | str | list[Any] | dict[str, Any]) -> list[Uplink]:
    """The uplinks of one notification or of a batch, in the order given.

    body: the JSON as posted, or what it decodes to.
    Raises MessageError, naming the notification (from 1) and the field.
    """
    items = _decode(body) if isinstance(body, bytes | str) else body
    batch = items if isinstance(items, list) else [items]
    return [_parse(item, f"notification {number} of {len(batch)}") for number, item in enumerate(batch, 1)]


def _decode(body: bytes | str) -> Any:
    try:
        return json.loads(body, parse_constant=_refuse_constant)
    except RecursionError:
        raise MessageError("the body is nested too deeply: an object or an array of objects is needed") from None
    except ValueError as exc:
        raise MessageError(f"the body is not JSON: {exc}") from None


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON value")


def _parse(item: object, where: str) -> Uplink:
    if not isinstance(item, dict):
        raise MessageError(f"{where} is {_shown(item)}: a JSON object is needed")
    rest = dict(item)
    values: dict[str, Any] = {}
    for name, known in _FIELDS.items():
        value = rest.pop(known.wire, None)
        if value is not None:
            values[name] = _read(known, value, where)
    if "dev_eui" not in values:
        raise MessageError(f"{where} has no devEui: the device must be named")
    return Uplink(**values, extra=rest)


def _read(known: _Field, value: object, where: str) -> object:
    try:
        return known.read(value)
    except ValueError as exc:
        raise MessageError(f"{where}: {known.wire} is {_shown(value)}, it must be {exc}") from None


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


# Readers take the JSON value and raise ValueError with the rule, which completes "it must be ...".


def _eui(value: object) -> str:
    if (found := canonical_eui(value)) is None:
        raise ValueError("an EUI of 16 hexadecimal digits")
    return found


def _octets(value: object) -> bytes:
    try:
        return bytes.fromhex(value)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        raise ValueError("octets in hexadecimal") from None


def _is_number(value: object) -> TypeGuard[int | float]:
    # 64 bits, as a database holds them; this also keeps out the infinity that 1e999 reads as.
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 2**63


def _number(value: object) -> int | float:
    if not _is_number(value):
        raise ValueError("a number")
    return value


def _integer(value: object) -> int:
    if not _is_number(value) or value != int(value):  # 3.0 is one
        raise ValueError("a whole number")
    return int(value)


def _port(value: object) -> int:
    if not 0 <= (port := _integer(value)) <= 255:
        raise ValueError("an FPort from 0 to 255")
    return port


def _frequency_hz(value: object) -> int:
    if (mhz := _number(value)) < 0:
        raise ValueError("a frequency in MHz")
    return round(mhz * 1_000_000)


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise ValueError("a text")
    return value


def _truth(value: object) -> bool:
    if not isinstance(value, bool):
        raise ValueError("true or false")
    return value


def _tags(value: object) -> tuple[str, ...]:
    return tuple(tag.strip() for tag in _text(value).split(",") if tag.strip())


def _time(value: object) -> datetime:
    try:
        return parse_time(_text(value))
    except ValueError:
        raise ValueError("a time such as 2017-02-09T12:38:38.375Z") from None


# Writers turn the value back into the JSON value.


def _same(value: Any) -> Any:
    return value


def _hex(value: bytes) -> str:
    return value.hex().upper()


def _mhz(value: int) -> float:
    return value // 1_000_000 if value % 1_000_000 == 0 else value / 1_000_000


def _iso(value: datetime) -> str:
    utc = value.astimezone(UTC).replace(tzinfo=None)
    return f"{utc.isoformat(timespec='microseconds' if utc.microsecond % 1000 else 'milliseconds')}Z"


@dataclass(frozen=True, slots=True)
class _Field:
    wire: str
    read: Callable[[object], Any]
    write: Callable[[Any], object] = _same


_FIELDS = {
    "dev_eui": _Field("devEui", _eui),
    "gw_eui": _Field("gwEui", _eui),
    "join_id": _Field("joinId", _integer),
    "pdu": _Field("pdu", _octets, _hex),
    "port": _Field("port", _port),
    "seqno": _Field("seqno", _integer),
    "txtime": _Field("txtime", _time, _iso),
    "channel": _Field("channel", _integer),
    "data_rate": _Field("datarate", _integer),
    "frequency_hz": _Field("freq", _frequency_hz, _mhz),
    "rssi_dbm": _Field("rssi", _number),
    "snr_db": _Field("snr", _number),
    "ism_band": _Field("ismBand", _text),
    "max_payload_bytes": _Field("maxPayload", _integer),
    "app_eui": _Field("appEui", _eui),
    "ack": _Field("ack", _truth),
    "ack_dn_msg_id": _Field("ackDnMsgId", _integer),
    "dev_class": _Field("devClass", _text),
    "dev_type": _Field("devType", _text),
    "dup": _Field("dup", _truth),
    "est_lat": _Field("estLat", _number),
    "est_lng": _Field("estLng", _number),
    "cfg_lat": _Field("cfgLat", _number),
    "cfg_lng": _Field("cfgLng", _number),
    "tags": _Field("tags", _tags, ",".join),
    "metadata": _Field("metadata", _text),
    "dev_profile": _Field("devProfile", _text),
    "fw_version": _Field("fwVersion", _text),
    "gw_rx_time": _Field("gwRxTime", _time, _iso),
}
