"""When each frame starts: class C at a steady interval, class B in the ping slots of its group."""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fuota.errors import PlanError
from fuota.radio.class_b import BEACON_PERIOD_S, BEACON_PERIOD_US, ping_slots_us

HOUR_US = 3_600_000_000
"""Duty cycles are counted over any hour (EN 300 220-1 §5.4.1: observation period 1 h)."""

LONGEST_PERIODS = 1 << 15
"""Beacon periods of the longest session of class B: TimeOut 15 (TS005-2.0.0, McClassBSessionReq)."""
LAST_BEACON_S = 2**32 - BEACON_PERIOD_S
"""Beacon times are GPS time in 32 bits (TS001-1.0.4, class B)."""

SCHEDULE = np.dtype(
    [("start_us", "i8"), ("n", "i4"), ("frequency_hz", "i8"), ("data_rate", "i4"), ("time_on_air_us", "i8")]
)
"""One entry for each frame, in order. `start_us` counts from the start of the session: of the first frame in class C, of the
first beacon period in class B."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PingSlots:
    """The slots of a multicast group: of McAddr `address`, 2^(7 - periodicity) in each beacon period from GPS time
    `first_beacon_s` (a multiple of 128) on.
    """

    address: int
    periodicity: int
    first_beacon_s: int


def steady_starts_us(frames: int, interval_us: int) -> NDArray[np.int64]:
    """int64 (frames,): one frame an interval."""
    return np.arange(frames, dtype=np.int64) * interval_us


def slot_starts_us(
    frames: int, slots: PingSlots, *, spacing_us: int, time_on_air_us: int, frames_per_hour: int | None = None
) -> NDArray[np.int64]:
    """int64 (frames,): each frame in the first slot that is free, from the first beacon on.

    A slot is free from `spacing_us` after the start of the frame before on, if the frame ends before the next beacon. With
    `frames_per_hour` no more than so many start in any hour, and they keep an even pace.
    Raises PlanError where the longest session (2^15 beacon periods) or GPS time (32 bits) ends before.
    """
    starts = session_starts_us(
        frames, slots, spacing_us=spacing_us, time_on_air_us=time_on_air_us, frames_per_hour=frames_per_hour
    )
    if len(starts) < frames:
        raise PlanError(
            f"{frames} frames were asked for: in the longest session of class B, {LONGEST_PERIODS} beacon periods"
            f" ({LONGEST_PERIODS * BEACON_PERIOD_S} s), {len(starts)} are sent at this pace; the nearest is that"
        )
    return np.array(starts, dtype=np.int64)


def session_starts_us(
    frames: int, slots: PingSlots, *, spacing_us: int, time_on_air_us: int, frames_per_hour: int | None
) -> list[int]:
    """As `slot_starts_us`, but where the longest session ends before, only the frames in it."""
    starts: list[int] = []
    earliest = period = 0
    while len(starts) < frames and period < LONGEST_PERIODS:
        base, beacon_s = period * BEACON_PERIOD_US, slots.first_beacon_s + BEACON_PERIOD_S * period
        if beacon_s > LAST_BEACON_S:
            raise PlanError(
                f"a first beacon at GPS time {slots.first_beacon_s} s was asked for: with {frames} frames from there GPS time,"
                f" which has 32 bits, comes to its end; take an earlier one"
            )
        at = ping_slots_us(beacon_s, slots.address, slots.periodicity)
        i = bisect_left(at, earliest - base)
        while len(starts) < frames and i < len(at) and at[i] + time_on_air_us <= BEACON_PERIOD_US:
            starts.append(base + at[i])
            earliest = max(starts[-1] + spacing_us, _paced(starts, frames_per_hour))
            i = bisect_left(at, earliest - base)
        period = max(period + 1, earliest // BEACON_PERIOD_US)
    return starts


def _paced(starts: list[int], per_hour: int | None) -> int:
    """The earliest start of the next frame that keeps the pace, and any hour within its number of frames."""
    if per_hour is None:
        return 0
    even = starts[0] + -(-len(starts) * HOUR_US // per_hour)
    return even if len(starts) < per_hour else max(even, starts[-per_hour] + HOUR_US)
