"""Class B: when the ping slots of an address are, and on which frequency.

Times of beacons are GPS time in seconds, as an unsigned 32-bit number, and multiples of 128.
An address is DevAddr, or McAddr for a multicast group, as a number: 0x01020304 for "01020304".

Source of all rules and numbers: TS001-1.0.4, class B: beacon timing, and slot randomization.
"""

from __future__ import annotations

from collections.abc import Sequence

from fuota.errors import ParameterError

# TS001-1.0.4, class B, beacon timing: from the start of a beacon comes the reserved time, the window, and the guard.
BEACON_PERIOD_S = 128
BEACON_RESERVED_US = 2_120_000
BEACON_WINDOW_US = 122_880_000
BEACON_GUARD_US = 3_000_000
BEACON_PERIOD_US = BEACON_RESERVED_US + BEACON_WINDOW_US + BEACON_GUARD_US

# TS001-1.0.4, class B, beacon timing: the window is 4096 slots of 30 ms.
SLOT_US = 30_000
SLOTS = 4096

MAX_PERIODICITY = 7  # TS001-1.0.4, PingSlotInfoReq: Periodicity has 3 bits; a device begins with 7


def ping_nb(periodicity: int) -> int:
    """How many ping slots a beacon period has: 2^(7 - periodicity). Raises ParameterError unless it is 0 to 7."""
    return 1 << (MAX_PERIODICITY - _checked("periodicity", periodicity, MAX_PERIODICITY))


def ping_period_slots(periodicity: int) -> int:
    """How many slots of 30 ms lie between two ping slots: 2^(5 + periodicity). Raises as `ping_nb`."""
    return SLOTS // ping_nb(periodicity)


def ping_offset(beacon_time_s: int, address: int, periodicity: int) -> int:
    """The slot of the first ping slot of `address` in the period of the beacon at `beacon_time_s`, from 0.

    It is drawn anew for each beacon: AES-128 under the key of zeros over beacon time and address, 4 bytes each, least
    significant first, and 8 bytes of zero; the first two bytes of that modulo `ping_period_slots`. Raises
    ParameterError for a time or an address that is no unsigned 32-bit number, or a periodicity outside 0 to 7.
    """
    _checked("beacon time", beacon_time_s, 2**32 - 1)
    _checked("address", address, 2**32 - 1)
    drawn = _aes_of_zeros(beacon_time_s.to_bytes(4, "little") + address.to_bytes(4, "little") + bytes(8))
    return int.from_bytes(drawn[:2], "little") % ping_period_slots(periodicity)


def ping_slots_us(beacon_time_s: int, address: int, periodicity: int) -> tuple[int, ...]:
    """The start of every ping slot in the period of the beacon at `beacon_time_s`, in microseconds after that beacon.

    Raises ParameterError as `ping_offset`.
    """
    first = ping_offset(beacon_time_s, address, periodicity)
    slots = range(first, SLOTS, ping_period_slots(periodicity))
    return tuple(BEACON_RESERVED_US + SLOT_US * slot for slot in slots)


def next_ping_slot_us(after_us: int, address: int, periodicity: int) -> int:
    """The start of the first ping slot later than `after_us`; both are GPS time in microseconds.

    Raises ParameterError as `ping_offset`.
    """
    beacon_s = after_us // BEACON_PERIOD_US * BEACON_PERIOD_S
    starts_us = (
        period_s * 1_000_000 + slot_us
        for period_s in (beacon_s, beacon_s + BEACON_PERIOD_S)
        for slot_us in ping_slots_us(period_s, address, periodicity)
    )
    return next(start_us for start_us in starts_us if start_us > after_us)


def hop(frequencies_hz: Sequence[int], address: int, beacon_time_s: int) -> int:
    """The one of `frequencies_hz` in use: entry (address + floor(beacon_time_s / 128)) mod len.

    Raises ParameterError for an address or a time that is no unsigned 32-bit number.

    Source: RP002-1.0.4, US902-928, class B; a beacon hops as address 0 does.
    """
    _checked("address", address, 2**32 - 1)
    _checked("beacon time", beacon_time_s, 2**32 - 1)
    return frequencies_hz[(address + beacon_time_s // BEACON_PERIOD_S) % len(frequencies_hz)]


def beacon_time_of(gps_us: int) -> int:
    """The time, in GPS seconds modulo 2^32 as it is sent, of the beacon whose period holds the moment `gps_us` (microseconds)."""
    return gps_us // BEACON_PERIOD_US * BEACON_PERIOD_S % 2**32


def beacon_time_at_or_after(gps_s: int) -> int:
    """The time of the first beacon that is not before `gps_s`: a multiple of 128 s. All in GPS seconds."""
    return -(-gps_s // BEACON_PERIOD_S) * BEACON_PERIOD_S


def _checked(name: str, value: int, last: int) -> int:
    if not 0 <= value <= last:
        nearest = min(max(value, 0), last)
        raise ParameterError(f"{name} is {value}: it must be from 0 to {last}; the nearest is {nearest}")
    return value


def _aes_of_zeros(block: bytes) -> bytes:
    from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

    cipher = Cipher(algorithms.AES128(bytes(16)), modes.ECB())  # noqa: S305 - one block, to draw a number; no secret
    return cipher.encryptor().update(block)
