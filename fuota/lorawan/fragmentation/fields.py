"""TS004: numbers and fields that several of its commands use."""

from __future__ import annotations

from fuota.errors import MessageError
from fuota.lorawan.codec import require_range

PACKAGE_IDENTIFIER = 3
"""PackageIdentifier of the fragmented data block transport (TS004 PackageVersionAns)."""
FPORT = 201
"""Default port (TS004). A device may use another port."""
MAX_N = 0x3FFF
"""Largest fragment number.

N and NbFragReceived have 14 bits; NbFrag has 16 bits, but no fragment beyond N = 16383 can be sent (TS004 DataFragment).
"""


def require_frag_index(frag_index: int) -> None:
    """Raise MessageError unless `frag_index` fits the two bits of FragIndex."""
    require_range("frag_index", frag_index, 0, 3, "FragIndex has two bits")


def refuse_in_version_1(**fields: object) -> None:
    """Raise MessageError if any of these fields of version 2 is set (neither None nor False)."""
    for name, value in fields.items():
        if value is not None and value is not False:
            raise MessageError(f"{name} must be left out in version 1, got {value!r}; TS004 has it from version 2 on")


def pack_index_and_count(frag_index: int, count: int) -> int:
    """Return the 16-bit field Index&N or Received&Index: FragIndex in bits 15:14, the number in bits 13:0."""
    return frag_index << 14 | count


def unpack_index_and_count(field: int) -> tuple[int, int]:
    """Return FragIndex and the number in Index&N or Received&Index."""
    return field >> 14, field & MAX_N


def max_ack_delay_s(block_ack_delay: int) -> int:
    """Return the longest time in seconds that a device waits before a delayed answer: 2^(BlockAckDelay+4), so 16 to 2048.

    It applies to FragSessionStatusAns and, in version 2, to FragDataBlockReceivedReq (TS004 BlockAckDelay); answers to setup
    and delete are immediate. A server must wait this long, plus the time of the uplink, before it treats an answer as
    missing. Raises MessageError if `block_ack_delay` is not 0 to 7.
    """
    require_range("block_ack_delay", block_ack_delay, 0, 7, "BlockAckDelay has three bits")
    return 1 << (block_ack_delay + 4)
