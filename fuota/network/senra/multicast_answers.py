"""Answers of the downlink and multicast calls as values. A field the server leaves out is None and no error."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from typing import Any, Self

from fuota.errors import MalformedAnswerError
from fuota.network.eui import canonical_eui
from fuota.network.redaction import redact_tree
from fuota.network.senra import parameters

# No frequency, count or time of the API comes near this; 1e300 and its like end here, before they fill the memory.
_LARGEST = 1 << 63


@dataclass(frozen=True, slots=True, kw_only=True)
class DownlinkReceipt:
    """The answer to a downlink: it was queued, which is not yet sent (Application API reference, sendmsg, "Response").

    msg_id: the server's number of the message, None where it gave none; not the frame counter.
    message: the server's words, None where it gave none. raw: the whole answer, secrets redacted.
    """

    message: str | None
    msg_id: int | None
    raw: Mapping[str, Any] = field(repr=False, hash=False)

    @classmethod
    def from_answer(cls, answer: Mapping[str, Any]) -> Self:
        """Raises nothing: a receipt is a receipt."""
        raw = redact_tree(dict(answer))
        return cls(message=_text(raw.get("message")), msg_id=_integer(raw.get("msgId")), raw=raw)


@dataclass(frozen=True, slots=True, kw_only=True)
class ClearedDownlinks:
    """The answer to clearmsgs (Application API reference, clearmsgs, "Response").

    msg_ids: the messages cleared, () for none, None where the server named no list. The reference's table calls the
    list msgId and its example clearedIds: both are read, the latter first. raw: the whole answer, secrets redacted.
    """

    msg_ids: tuple[int, ...] | None
    raw: Mapping[str, Any] = field(repr=False, hash=False)

    @classmethod
    def from_answer(cls, answer: Mapping[str, Any]) -> Self:
        """Raises nothing."""
        raw = redact_tree(dict(answer))
        found = raw.get("clearedIds")
        return cls(msg_ids=_integers(raw.get("msgId") if found is None else found), raw=raw)


@dataclass(frozen=True, slots=True, kw_only=True)
class McGroupMember:
    """A device of a group.

    dev_eui: 16 upper-case hex digits, or what the server wrote where that is no EUI. group_id: McGroupID on the device,
    0 to 3. state: the server's own word, such as Initializing, Initialized, Failed, Closing.
    """

    dev_eui: str | None
    group_id: int | None
    state: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class McGroup:
    """A multicast group (Application API reference, "Multicast API", "Response Example").

    mc_addr: 8 upper-case hex digits. dev_class: "A", "B" or "C", an unknown one as the server wrote it.
    frequency_hz: hertz (the server gives MHz). duration_s: seconds. start_time_ms, end_time_ms: milliseconds since 1970
    UTC. max_fcnt: 2^32 is legal, so 32 bits do not hold it. members: () where the server named none.
    raw: the whole answer, secrets redacted.
    """

    app_eui: str | None
    mc_addr: str
    dev_class: str | None
    mcast_type: str | None
    data_rate: int | None
    frequency_hz: int | None
    duration_s: int | None
    start_time_ms: int | None
    end_time_ms: int | None
    min_fcnt: int | None
    max_fcnt: int | None
    members: tuple[McGroupMember, ...]
    raw: Mapping[str, Any] = field(repr=False, hash=False)

    @classmethod
    def from_answer(cls, answer: Mapping[str, Any]) -> Self:
        """Raises MalformedAnswerError where no mcAddr is named: no other call finds the group without it."""
        raw = redact_tree(dict(answer))
        if (mc_addr := parameters.canonical_address(raw.get("mcAddr"))) is None:
            has = ", ".join(sorted(raw)) or "no members"
            raise MalformedAnswerError(
                f"the answer names no mcAddr of 8 hexadecimal digits ({raw.get('mcAddr')!r}); it has {has}", status=200
            )
        dev_class = _text(raw.get("devClass"))
        return cls(
            app_eui=_eui(raw.get("appEui")),
            mc_addr=mc_addr,
            dev_class=None if dev_class is None else parameters.class_letter(dev_class),
            mcast_type=_text(raw.get("mcastType")),
            data_rate=_integer(raw.get("dr")),
            frequency_hz=_integer(raw.get("freq"), scale=1_000_000),
            duration_s=_integer(raw.get("durationSecs")),
            start_time_ms=_integer(raw.get("startTime")),
            end_time_ms=_integer(raw.get("endTime")),
            min_fcnt=_integer(raw.get("minFCnt")),
            max_fcnt=_integer(raw.get("maxFCnt")),
            members=_members(raw.get("devs")),
            raw=raw,
        )


def _members(devs: object) -> tuple[McGroupMember, ...]:
    found = [dev for dev in devs if isinstance(dev, dict)] if isinstance(devs, list) else []
    return tuple(
        McGroupMember(
            dev_eui=_eui(dev.get("devEui") or dev.get("eui")),
            group_id=_integer(dev.get("groupId")),
            state=_text(dev.get("state")),
        )
        for dev in found
    )


def _eui(value: object) -> str | None:
    return canonical_eui(value) or _text(value)


def _text(value: object) -> str | None:
    return None if value is None else str(value)


def _integers(value: object) -> tuple[int, ...] | None:
    if value is None:
        return None
    numbers = (_integer(entry) for entry in (value if isinstance(value, list) else [value]))
    return tuple(number for number in numbers if number is not None)


def _integer(value: object, scale: int = 1) -> int | None:
    """`scale` times a number, or a number in a text, to the nearest whole one; None for anything else."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        number = Decimal(str(value).strip())  # 868.1 MHz is 868100000 Hz, which 868.1 * 1e6 in floats is not
    except InvalidOperation:
        return None
    return round(number * scale) if number.is_finite() and abs(number) < _LARGEST else None
