"""Start time of each frame: class C at a steady interval, class B in the ping slots of its group."""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fuota import rules
from fuota.errors import PlanError
from fuota.planning.plan_json import exact_object
from fuota.radio.class_b import BEACON_PERIOD_S, BEACON_PERIOD_US, MAX_PERIODICITY, ping_slots_us

HOUR_US = 3_600_000_000
"""Observation period of duty cycles: any hour (EN 300 220-1 §5.4.1)."""

LONGEST_PERIODS = 1 << 15
"""Beacon periods of the longest session of class B: TimeOut 15 (TS005-2.0.0, McClassBSessionReq)."""
LAST_BEACON_S = 2**32 - BEACON_PERIOD_S
"""Last beacon: beacon times are GPS time in 32 bits (TS001-1.0.4, class B)."""

SCHEDULE = np.dtype(
    [("start_us", "i8"), ("n", "i4"), ("frequency_hz", "i8"), ("data_rate", "i4"), ("time_on_air_us", "i8")]
)
"""One entry for each frame, in order. `start_us` counts from the start of the session: from the first frame in class C, from the
first beacon period in class B."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PingSlots:
    """Ping slots of a multicast group. Raises ParameterError for values out of range.

    address: McAddr of the group. periodicity: 0 to 7; each beacon period has 2^(7 - periodicity) slots.
    first_beacon_s: GPS time of the first beacon period, in s.
    """

    address: int
    periodicity: int
    first_beacon_s: int

    def __post_init__(self) -> None:
        rules.integer("address", self.address, 0, 2**32 - 1)
        rules.integer("periodicity", self.periodicity, 0, MAX_PERIODICITY)
        rules.integer("first_beacon_s", self.first_beacon_s, 0, 2**32 - 1)

    @classmethod
    def from_json(cls, values: object) -> PingSlots:
        """Return the ping slots of a plan file. Raises ParameterError for an object that is not one."""
        return cls(**exact_object(cls, values, "slots"))


def steady_starts_us(frames: int, interval_us: int) -> NDArray[np.int64]:
    """Return the start times, int64 (frames,), of one frame in each interval."""
    return np.arange(frames, dtype=np.int64) * interval_us


def slot_starts_us(
    frames: int, slots: PingSlots, *, spacing_us: int, time_on_air_us: int, frames_per_hour: int | None = None
) -> NDArray[np.int64]:
    """Return the start times, int64 (frames,), of frames that each take the first free slot, from the first beacon on.

    spacing_us: a slot is free if it starts at least this time after the start of the frame before, and if the frame ends before the
    next beacon. frames_per_hour: if given, no more frames start in any hour, and they keep an even pace.
    Raises PlanError if the frames do not fit the longest session (2^15 beacon periods) or GPS time (32 bits).
    """
    starts = session_starts_us(
        frames, slots, spacing_us=spacing_us, time_on_air_us=time_on_air_us, frames_per_hour=frames_per_hour
    )
    if len(starts) < frames:
        raise PlanError(
            f"frames must be {len(starts)} or fewer at this pace (the longest session of class B has {LONGEST_PERIODS} beacon"
            f" periods, {LONGEST_PERIODS * BEACON_PERIOD_S} s), got {frames} (nearest: {len(starts)})"
        )
    return np.array(starts, dtype=np.int64)


def session_starts_us(
    frames: int, slots: PingSlots, *, spacing_us: int, time_on_air_us: int, frames_per_hour: int | None
) -> list[int]:
    """Return the same as `slot_starts_us`, but only the frames that fit the longest session."""
    starts: list[int] = []
    earliest = period = 0
    while len(starts) < frames and period < LONGEST_PERIODS:
        base, beacon_s = period * BEACON_PERIOD_US, slots.first_beacon_s + BEACON_PERIOD_S * period
        if beacon_s > LAST_BEACON_S:
            raise PlanError(
                f"{frames} frames from a first beacon at GPS time {slots.first_beacon_s} s reach the end of GPS time, which has"
                " 32 bits; take an earlier beacon"
            )
        slot_times = ping_slots_us(beacon_s, slots.address, slots.periodicity)
        i = bisect_left(slot_times, earliest - base)
        while len(starts) < frames and i < len(slot_times) and slot_times[i] + time_on_air_us <= BEACON_PERIOD_US:
            starts.append(base + slot_times[i])
            earliest = max(starts[-1] + spacing_us, _earliest_by_pace(starts, frames_per_hour))
            i = bisect_left(slot_times, earliest - base)
        period = max(period + 1, earliest // BEACON_PERIOD_US)
    return starts


def _earliest_by_pace(starts: list[int], per_hour: int | None) -> int:
    """Return the earliest start of the next frame that keeps the even pace and the number of frames in any hour."""
    if per_hour is None:
        return 0
    even = starts[0] + -(-len(starts) * HOUR_US // per_hour)
    return even if len(starts) < per_hour else max(even, starts[-per_hour] + HOUR_US)
