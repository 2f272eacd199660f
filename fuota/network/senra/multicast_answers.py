"""Answers of the downlink and multicast calls as values. A field is None if the server leaves it out; this is not an error."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Self

from fuota.errors import MalformedAnswerError
from fuota.network.redaction import redact_object
from fuota.network.senra import parameters
from fuota.network.senra.json_values import eui_or_text, member_names, nearest_integer, optional_text


@dataclass(frozen=True, slots=True, kw_only=True)
class DownlinkReceipt:
    """Answer to a downlink: it is queued, not yet sent (Application API reference, sendmsg, "Response").

    message: the server's words, None if it gave none. msg_id: the server's number of the message, None if it gave none; this is
    not the frame counter. raw: the whole answer, secrets redacted.
    """

    message: str | None
    msg_id: int | None
    raw: Mapping[str, object] = field(repr=False, hash=False)

    @classmethod
    def from_answer(cls, answer: Mapping[str, object]) -> Self:
        """Read an answer. Nothing in it is an error."""
        raw = redact_object(answer)
        return cls(message=optional_text(raw.get("message")), msg_id=nearest_integer(raw.get("msgId")), raw=raw)


@dataclass(frozen=True, slots=True, kw_only=True)
class ClearedDownlinks:
    """Answer to clearmsgs (Application API reference, clearmsgs, "Response").

    msg_ids: numbers of the messages removed, None if the server gave no list. raw: the whole answer, secrets redacted.

    The reference's table calls the list msgId, its example clearedIds: both are read, clearedIds first.
    """

    msg_ids: tuple[int, ...] | None
    raw: Mapping[str, object] = field(repr=False, hash=False)

    @classmethod
    def from_answer(cls, answer: Mapping[str, object]) -> Self:
        """Read an answer. Nothing in it is an error."""
        raw = redact_object(answer)
        cleared = raw.get("clearedIds")
        return cls(msg_ids=_integers(raw.get("msgId") if cleared is None else cleared), raw=raw)


@dataclass(frozen=True, slots=True, kw_only=True)
class McGroupMember:
    """Device of a multicast group.

    dev_eui: 16 upper-case hex digits, or the server's text if it is not an EUI. group_id: McGroupID on the device, 0 to 3.
    state: the server's word, such as Initializing, Initialized, Failed, Closing.
    """

    dev_eui: str | None
    group_id: int | None
    state: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class McGroup:
    """Multicast group (Application API reference, "Multicast API", "Response Example").

    app_eui: 16 upper-case hex digits, or the server's text if it is not an EUI. mc_addr: 8 upper-case hex digits.
    dev_class: "A", "B" or "C"; an unknown class stays as the server wrote it. mcast_type: APP or D2D. data_rate: index.
    frequency_hz: hertz (the server gives MHz). duration_s: seconds. start_time_ms, end_time_ms: milliseconds since 1970 in UTC.
    min_fcnt, max_fcnt: frame counters; max_fcnt may be 2^32, which 32 bits do not hold. members: empty if the server named none.
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
    raw: Mapping[str, object] = field(repr=False, hash=False)

    @classmethod
    def from_answer(cls, answer: Mapping[str, object]) -> Self:
        """Read an answer. Raises MalformedAnswerError if it has no mcAddr: no other call finds the group without it."""
        raw = redact_object(answer)
        if (mc_addr := parameters.canonical_address(raw.get("mcAddr"))) is None:
            raise MalformedAnswerError(
                f"the answer names no mcAddr of 8 hexadecimal digits ({raw.get('mcAddr')!r}); it has {member_names(raw)}",
                status=200,
            )
        dev_class = optional_text(raw.get("devClass"))
        return cls(
            app_eui=eui_or_text(raw.get("appEui")),
            mc_addr=mc_addr,
            dev_class=None if dev_class is None else parameters.class_letter(dev_class),
            mcast_type=optional_text(raw.get("mcastType")),
            data_rate=nearest_integer(raw.get("dr")),
            frequency_hz=nearest_integer(raw.get("freq"), scale=1_000_000),
            duration_s=nearest_integer(raw.get("durationSecs")),
            start_time_ms=nearest_integer(raw.get("startTime")),
            end_time_ms=nearest_integer(raw.get("endTime")),
            min_fcnt=nearest_integer(raw.get("minFCnt")),
            max_fcnt=nearest_integer(raw.get("maxFCnt")),
            members=_members(raw.get("devs")),
            raw=raw,
        )


def _members(devs: object) -> tuple[McGroupMember, ...]:
    devices = [device for device in devs if isinstance(device, dict)] if isinstance(devs, list) else []
    return tuple(
        McGroupMember(
            dev_eui=eui_or_text(device.get("devEui") or device.get("eui")),
            group_id=nearest_integer(device.get("groupId")),
            state=optional_text(device.get("state")),
        )
        for device in devices
    )


def _integers(value: object) -> tuple[int, ...] | None:
    if value is None:
        return None
    numbers = (nearest_integer(entry) for entry in (value if isinstance(value, list) else [value]))
    return tuple(number for number in numbers if number is not None)
