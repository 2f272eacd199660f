"""Text of addresses and GPS times in the fields of commands, in both directions."""

from __future__ import annotations

import re
from datetime import UTC, datetime

from fuota.errors import MessageError, ParameterError
from fuota.lorawan.firmware_management import CANCEL_REBOOT_TIME, REBOOT_NOW
from fuota.lorawan.gps_time import WIRE_MODULUS, from_gps_seconds, gps_seconds
from fuota.rules import refuse

_ADDRESS_RULE = "an address of 8 hexadecimal digits, such as 01ffffff (never a decimal number)"
_TIME_RULE = (
    "GPS seconds, or a date with time zone from 1980-01-06 on such as 2026-12-01T12:00:00Z, or both as"
    " 1480161618/2026-12-01T12:00:00Z"
)
ADDRESS_FIELDS = frozenset({"mc_addr"})
"""Fields of commands that are an address."""
TIME_FIELDS = frozenset({"device_time_s", "session_time_s", "reboot_time_s"})
"""Fields of commands that are GPS seconds modulo 2^32: times, not durations."""
_NOT_A_TIME = {"reboot_time_s": (REBOOT_NOW, CANCEL_REBOOT_TIME)}
"""Values of a field that stand for an action instead of a time (TS006 DevRebootTimeReq)."""


def address_text(address: int) -> str:
    """Return McAddr or DevAddr as 8 hexadecimal digits, the most significant first."""
    return f"{address:08x}"


def parse_address(field: str, text: str) -> int:
    """Return the address in 8 hexadecimal digits, with or without 0x. Raises MessageError for anything else.

    8 digits are always hexadecimal, also if they are all decimal: 33554431 is the address 0x33554431.
    """
    if not re.fullmatch(r"(0[xX])?[0-9A-Fa-f]{8}", text):
        refuse(field, _ADDRESS_RULE, text, error=MessageError)
    return int(text, 16)


def time_text(field: str, seconds: int) -> str:
    """Return GPS seconds with their UTC date, such as 1024/1980-01-06T00:17:04Z; the number alone if it stands for an action.

    seconds: modulo 2^32, read as a time before 2116-02-12.
    """
    return str(seconds) if seconds in _NOT_A_TIME.get(field, ()) else f"{seconds}/{_date(seconds)}"


def parse_time(field: str, text: str) -> int:
    """Return the GPS seconds modulo 2^32 of a number, a date, or both. Raises MessageError if they differ, or for other text."""
    number, slash, date = text.partition("/")
    try:
        if not slash:
            return gps_seconds(_datetime(text)) % WIRE_MODULUS if "-" in text[1:] else int(text, 0)
        seconds = int(number, 0)
        stated = _datetime(date)
    except (ValueError, ParameterError):
        refuse(field, _TIME_RULE, text, error=MessageError)
    if 0 <= seconds < WIRE_MODULUS and from_gps_seconds(seconds) != stated:
        raise MessageError(f"{field} has a number and a date that differ: {seconds} is {_date(seconds)}, got {text!r}")
    return seconds


def _datetime(text: str) -> datetime:
    time = datetime.fromisoformat(text.upper())
    if time.tzinfo is None:
        raise ParameterError("the date has no time zone")
    return time


def _date(seconds: int) -> str:
    return from_gps_seconds(seconds).astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
