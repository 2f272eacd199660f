"""Class B: time and frequency of the ping slots of an address.

Times of beacons are GPS time in seconds, as an unsigned 32-bit number, and multiples of 128.
An address is DevAddr, or McAddr for a multicast group, as a number: 0x01020304 for "01020304".

Source of all rules and numbers: TS001-1.0.4, class B: beacon timing, and slot randomization.
"""

from __future__ import annotations

from collections.abc import Sequence

from fuota.rules import integer

# TS001-1.0.4, class B, beacon timing: a period is the reserved time from the start of a beacon, the window, and the guard.
BEACON_PERIOD_S = 128
BEACON_RESERVED_US = 2_120_000
BEACON_WINDOW_US = 122_880_000
BEACON_GUARD_US = 3_000_000
BEACON_PERIOD_US = BEACON_RESERVED_US + BEACON_WINDOW_US + BEACON_GUARD_US

# TS001-1.0.4, class B, beacon timing: the window has 4096 slots of 30 ms.
SLOT_US = 30_000
SLOTS = 4096

MAX_PERIODICITY = 7
"""Largest periodicity: Periodicity has 3 bits; a device starts with 7 (TS001-1.0.4, PingSlotInfoReq)."""
_MAX_32_BITS = 2**32 - 1


def ping_nb(periodicity: int) -> int:
    """Return the number of ping slots in a beacon period, 2^(7 - periodicity).

    periodicity: 0 to 7. Raises ParameterError outside this range.
    """
    return 1 << (MAX_PERIODICITY - integer("periodicity", periodicity, 0, MAX_PERIODICITY))


def ping_period_slots(periodicity: int) -> int:
    """Return the distance between two ping slots in slots of 30 ms, 2^(5 + periodicity). Raises the same as `ping_nb`."""
    return SLOTS // ping_nb(periodicity)


def ping_offset(beacon_time_s: int, address: int, periodicity: int) -> int:
    """Return the number of the first ping slot of `address` in one beacon period, from 0.

    beacon_time_s: time of the beacon. address: DevAddr or McAddr. periodicity: 0 to 7.

    The offset is pseudo-random and changes with each beacon: AES-128 with the key of zeros over beacon time and address, 4
    bytes each, least significant byte first, and 8 bytes of zero; the first two bytes of the result modulo
    `ping_period_slots`. Raises ParameterError for a time or an address that is not an unsigned 32-bit number, or a
    periodicity outside 0 to 7.
    """
    beacon_time_s = integer("beacon_time_s", beacon_time_s, 0, _MAX_32_BITS)
    address = integer("address", address, 0, _MAX_32_BITS)
    random = _encrypt_with_zero_key(beacon_time_s.to_bytes(4, "little") + address.to_bytes(4, "little") + bytes(8))
    return int.from_bytes(random[:2], "little") % ping_period_slots(periodicity)


def ping_slots_us(beacon_time_s: int, address: int, periodicity: int) -> tuple[int, ...]:
    """Return the start of every ping slot in one beacon period, in microseconds after its beacon.

    The parameters and errors are the same as in `ping_offset`.
    """
    first = ping_offset(beacon_time_s, address, periodicity)
    slots = range(first, SLOTS, ping_period_slots(periodicity))
    return tuple(BEACON_RESERVED_US + SLOT_US * slot for slot in slots)


def next_ping_slot_us(after_us: int, address: int, periodicity: int) -> int:
    """Return the start of the first ping slot later than `after_us`; both are GPS time in microseconds.

    address: DevAddr or McAddr. periodicity: 0 to 7. Raises the same as `ping_offset`.
    """
    beacon_s = after_us // BEACON_PERIOD_US * BEACON_PERIOD_S
    starts_us = (
        period_s * 1_000_000 + slot_us
        for period_s in (beacon_s, beacon_s + BEACON_PERIOD_S)
        for slot_us in ping_slots_us(period_s, address, periodicity)
    )
    return next(start_us for start_us in starts_us if start_us > after_us)


def hop(frequencies_hz: Sequence[int], address: int, beacon_time_s: int) -> int:
    """Return the frequency in use in one beacon period: entry (address + floor(beacon_time_s / 128)) mod len.

    frequencies_hz: the channels in order of index. address: DevAddr or McAddr; 0 for the beacon. beacon_time_s: time of the
    beacon. Raises ParameterError for an address or a time that is not an unsigned 32-bit number.

    Source: RP002-1.0.4, US902-928, class B; a beacon hops as address 0 does.
    """
    address = integer("address", address, 0, _MAX_32_BITS)
    beacon_time_s = integer("beacon_time_s", beacon_time_s, 0, _MAX_32_BITS)
    return frequencies_hz[(address + beacon_time_s // BEACON_PERIOD_S) % len(frequencies_hz)]


def beacon_time_of(gps_us: int) -> int:
    """Return the time of the beacon whose period contains the GPS time `gps_us` in microseconds.

    The result is in GPS seconds modulo 2^32, as the beacon carries it.
    """
    return gps_us // BEACON_PERIOD_US * BEACON_PERIOD_S % 2**32


def beacon_time_at_or_after(gps_s: int) -> int:
    """Return the time of the first beacon that is not before `gps_s`: a multiple of 128 s. Both are GPS seconds."""
    return -(-gps_s // BEACON_PERIOD_S) * BEACON_PERIOD_S


def _encrypt_with_zero_key(block: bytes) -> bytes:
    from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

    cipher = Cipher(algorithms.AES128(bytes(16)), modes.ECB())  # noqa: S305 - a random number from one block, no secret
    return cipher.encryptor().update(block)
