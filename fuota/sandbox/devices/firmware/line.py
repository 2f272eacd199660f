"""Frames on the UART between the radio modem and the emulated board, as sample_firmware/src/modem.h defines them."""

from __future__ import annotations

import binascii
from dataclasses import dataclass
from enum import IntEnum

from fuota.errors import MessageError

UNICAST = AT_ONCE = 0xFF
_FLAG, _ESCAPE, _FLIP = 0x7E, 0x7D, 0x20
_MAX_FRM_PAYLOAD_BYTES = 242  # RP002-1.0.4
_MAX_FRAME_BYTES = 3 + _MAX_FRM_PAYLOAD_BYTES + 2


class FrameKind(IntEnum):
    """Kind of a frame. Kinds from 0x81 on are sent by the board."""

    DOWNLINK = 0x01
    SESSION_OVER = 0x02
    UPLINK_DUE = 0x03
    UPLINK = 0x81
    DONE = 0x82
    STARTED = 0x83


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """A frame: its kind and its body.

    Body of DOWNLINK: multicast group or UNICAST, FPort, FRMPayload. Body of UPLINK: BlockAckDelay or AT_ONCE, FPort, FRMPayload.
    Other kinds have no body. Raises MessageError if the FRMPayload is too long.
    """

    kind: FrameKind
    body: bytes = b""

    def __post_init__(self) -> None:
        if len(self.body) > _MAX_FRAME_BYTES - 3:
            raise MessageError(
                f"FRMPayload must have {_MAX_FRM_PAYLOAD_BYTES} bytes or fewer (RP002-1.0.4), got {len(self.body) - 2}"
            )

    def to_bytes(self) -> bytes:
        """Return the bytes on the UART, with a flag at both ends."""
        content = bytes((self.kind,)) + self.body
        content += binascii.crc_hqx(content, 0).to_bytes(2, "little")
        return bytes((_FLAG,)) + b"".join(map(_escaped, content)) + bytes((_FLAG,))


class FrameReader:
    """Reads frames from bytes that come in any portions. Damaged and unknown frames are dropped."""

    def __init__(self) -> None:
        self._unfinished = bytearray()

    def feed(self, data: bytes) -> list[Frame]:
        """Return the frames that these bytes complete."""
        *contents, unfinished = (self._unfinished + data).split(bytes((_FLAG,)))
        self._unfinished = bytearray(unfinished)
        return [frame for content in contents if (frame := _parsed(_unescaped(bytes(content)))) is not None]

    def reset(self) -> None:
        """Drop an unfinished frame, since its sender was switched off."""
        self._unfinished.clear()


def _escaped(byte: int) -> bytes:
    return bytes((_ESCAPE, byte ^ _FLIP)) if byte in (_FLAG, _ESCAPE) else bytes((byte,))


def _unescaped(content: bytes) -> bytes:
    first, *escaped = content.split(bytes((_ESCAPE,)))
    return first + b"".join(bytes((part[0] ^ _FLIP,)) + part[1:] for part in escaped if part)


def _parsed(content: bytes) -> Frame | None:
    if not 3 <= len(content) <= _MAX_FRAME_BYTES + 1 or binascii.crc_hqx(content[:-2], 0) != int.from_bytes(
        content[-2:], "little"
    ):
        return None
    if content[0] not in FrameKind.__members__.values():
        return None
    return Frame(kind=FrameKind(content[0]), body=bytes(content[1:-2]))
