"""Frames on the UART between a radio modem and the part, as sample_firmware/src/modem.h lays them down."""

from __future__ import annotations

import binascii
from dataclasses import dataclass
from enum import IntEnum

from fuota.errors import MessageError

UNICAST = AT_ONCE = 0xFF
_FLAG, _ESCAPE, _FLIP = 0x7E, 0x7D, 0x20
_LONGEST_BYTES = 3 + 242 + 2


class Kind(IntEnum):
    """What a frame is; those from 0x81 on come from the part."""

    DOWNLINK = 0x01
    SESSION_OVER = 0x02
    UPLINK_DUE = 0x03
    UPLINK = 0x81
    DONE = 0x82
    STARTED = 0x83


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """A kind and what goes with it.

    DOWNLINK: multicast group or UNICAST, FPort, FRMPayload. UPLINK: BlockAckDelay or AT_ONCE, FPort, FRMPayload. Others: nothing.
    """

    kind: Kind
    body: bytes = b""

    def __post_init__(self) -> None:
        if len(self.body) > _LONGEST_BYTES - 3:
            raise MessageError(f"{len(self.body) - 2} octets were given: a FRMPayload has 242 at most (RP002-1.0.4)")

    def to_bytes(self) -> bytes:
        """As it goes over the line, flags included."""
        content = bytes((self.kind,)) + self.body
        content += binascii.crc_hqx(content, 0).to_bytes(2, "little")
        return bytes((_FLAG,)) + b"".join(map(_escaped, content)) + bytes((_FLAG,))


class FrameReader:
    """Octets in, in any portions, frames out; what is damaged or unknown is dropped."""

    def __init__(self) -> None:
        self._open = bytearray()

    def feed(self, octets: bytes) -> list[Frame]:
        """The frames that these octets complete."""
        *ended, rest = (self._open + octets).split(bytes((_FLAG,)))
        self._open = bytearray(rest)
        return [frame for content in ended if (frame := _parsed(_unescaped(bytes(content)))) is not None]

    def reset(self) -> None:
        """Forget a frame that has begun: its sender was switched off."""
        self._open.clear()


def _escaped(octet: int) -> bytes:
    return bytes((_ESCAPE, octet ^ _FLIP)) if octet in (_FLAG, _ESCAPE) else bytes((octet,))


def _unescaped(content: bytes) -> bytes:
    first, *rest = content.split(bytes((_ESCAPE,)))
    return first + b"".join(bytes((part[0] ^ _FLIP,)) + part[1:] for part in rest if part)


def _parsed(content: bytes) -> Frame | None:
    if not 3 <= len(content) <= _LONGEST_BYTES + 1 or binascii.crc_hqx(content[:-2], 0) != int.from_bytes(
        content[-2:], "little"
    ):
        return None
    known = content[0] in Kind.__members__.values()
    return Frame(kind=Kind(content[0]), body=bytes(content[1:-2])) if known else None
