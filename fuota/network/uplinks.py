"""The data stream: what the network server reports about each uplink (Application API reference, "Application Payload").

The server posts one JSON object, or an array of objects if batching is on. A report of a device needs `devEui`, `port` and `pdu`.
Every other field is optional: if it is unknown or has an unexpected value, it is kept as it came and is not an error, as the
reference requires (Application Payload: "continue to parse"). A proof of an update must not be lost to a field that nobody needs.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, TypeGuard

from fuota.calls import checked_call
from fuota.errors import MessageError
from fuota.network.eui import canonical_eui
from fuota.network.times import parse_time


@dataclass(frozen=True, slots=True, kw_only=True)
class Uplink:
    """Uplink of a device. None, b"" and () stand for a field that the server left out.

    The fields have the server's names in another spelling: devEui is dev_eui, datarate is data_rate. freq (MHz) is frequency_hz,
    rssi is rssi_dbm, snr is snr_db, maxPayload is max_payload_bytes.

    EUIs are 16 upper-case hex digits. Times are aware and in UTC. Latitudes and longitudes are decimal degrees.
    pdu: payload. port: FPort, 0 to 255. channel, data_rate: indices.
    dup: whether the uplink was already forwarded through another gateway.
    extra: unknown fields, and optional fields with an unexpected value, by the server's names.
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
    extra: Mapping[str, object] = field(default_factory=dict, hash=False)

    def to_json(self) -> dict[str, object]:
        """Return the object by the server's names, without empty fields; `pdu` is always included."""
        known = {_FIELDS[name].wire: _FIELDS[name].write(getattr(self, name)) for name in _FIELDS if self._has(name)}
        return dict(self.extra) | known

    def _has(self, name: str) -> bool:
        return name == "pdu" or getattr(self, name) not in (None, ())


@checked_call
def parse_uplinks(body: bytes | str | Sequence[object] | Mapping[str, object]) -> list[Uplink]:
    """Return the uplinks of one notification or of a batch, in their order.

    body: the JSON as posted, or the value that it decodes to.
    Raises MessageError with the number of the notification (from 1) and the field if any notification cannot be used: it is not
    an object, names no device, or has a port or a payload that cannot be read. `read_body` returns the others of such a batch.
    """
    content = decode_body(body) if isinstance(body, bytes | str) else body
    batch = content if isinstance(content, list | tuple) else [content]
    return [read_notification(item, f"notification {number} of {len(batch)}") for number, item in enumerate(batch, 1)]


def decode_body(body: bytes | str) -> object:
    """Return the value of a body in JSON. Numbers that JSON does not have, such as NaN and 1e999, are texts.

    Raises MessageError if the body is not JSON.
    """
    try:
        content: object = json.loads(body, parse_constant=str, parse_float=_finite_or_text)
    except RecursionError:
        raise MessageError(
            "the body must be an object or an array of objects, got JSON that is nested too deeply"
        ) from None
    except ValueError as exc:
        raise MessageError(f"the body is not JSON: {exc}") from None
    return content


def _finite_or_text(digits: str) -> float | str:
    value = float(digits)
    return value if math.isfinite(value) else digits


def read_notification(item: object, where: str) -> Uplink:
    """Return the uplink of one notification. where: name of the notification in the message. Raises MessageError."""
    if not isinstance(item, dict):
        raise MessageError(f"{where} must be a JSON object, got {_shown(item)}")
    extra = dict(item)
    values: dict[str, Any] = {}
    for name, known in _FIELDS.items():
        value = extra.get(known.wire)
        if value is None:
            extra.pop(known.wire, None)
            continue
        try:
            values[name] = _read(known, value, where)
            del extra[known.wire]
        except MessageError:
            if name in _REQUIRED:
                raise
    if "dev_eui" not in values:
        raise MessageError(f"{where} has no devEui, which names the device")
    return Uplink(**values, extra=extra)


def _read(known: _Field, value: object, where: str) -> object:
    try:
        return known.read(value)
    except ValueError as exc:
        raise MessageError(f"{where}: {known.wire} must be {exc}, got {_shown(value)}") from None


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


# Readers take the JSON value. They raise ValueError with the rule, which completes "must be ...".


def _eui(value: object) -> str:
    if (eui := canonical_eui(value)) is None:
        raise ValueError("an EUI of 16 hexadecimal digits")
    return eui


def _bytes(value: object) -> bytes:
    try:
        return bytes.fromhex(value)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        raise ValueError("bytes in hexadecimal") from None


def _is_number(value: object) -> TypeGuard[int | float]:
    # 64 bits, as in a database. This also excludes the infinity that 1e999 becomes.
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 2**63


def _number(value: object) -> int | float:
    if not _is_number(value):
        raise ValueError("a number")
    return value


def _integer(value: object) -> int:
    if not _is_number(value) or value != int(value):  # 3.0 is a whole number
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


def _flag(value: object) -> bool:
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


# Writers return the JSON value.


def _same(value: object) -> object:
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
    """Field of a notification: its name in the JSON, and its conversion from and to the JSON value."""

    wire: str
    read: Callable[[object], object]
    write: Callable[[Any], object] = _same


_REQUIRED = frozenset({"dev_eui", "port", "pdu"})
"""Fields without which a report of a device means nothing."""
_FIELDS = {
    "dev_eui": _Field("devEui", _eui),
    "gw_eui": _Field("gwEui", _eui),
    "join_id": _Field("joinId", _integer),
    "pdu": _Field("pdu", _bytes, _hex),
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
    "ack": _Field("ack", _flag),
    "ack_dn_msg_id": _Field("ackDnMsgId", _integer),
    "dev_class": _Field("devClass", _text),
    "dev_type": _Field("devType", _text),
    "dup": _Field("dup", _flag),
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
