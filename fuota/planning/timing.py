"""Interval between frames, and duration of the session."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fuota import rules
from fuota.device import DeviceProfile
from fuota.errors import PlanError
from fuota.planning.plan_json import LARGEST, exact_object, text
from fuota.planning.schedule import (
    HOUR_US,
    LONGEST_PERIODS,
    PingSlots,
    session_starts_us,
    slot_starts_us,
    steady_starts_us,
)
from fuota.planning.server import ServerProfile
from fuota.radio import RadioLimits, Region
from fuota.radio.class_b import BEACON_PERIOD_S, BEACON_PERIOD_US

FULL_PPM = 1_000_000
"""Duty cycle in millionths if there is no limit."""
MAX_TIMEOUT = 15
"""Largest TimeOut: it has 4 bits (TS005-2.0.0, McClassCSessionReq and McClassBSessionReq)."""
_BEACONS_AN_HOUR = 29
"""Largest number of beacons in any hour: one beacon each 128 s."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """Interval between frames. Raises ParameterError for values out of range.

    interval_us: from the start of a frame to the start of the next, whole milliseconds. reason: which rule asks for this interval.
    spacing_us: the interval without the duty cycle. frames_per_hour: how many frames the duty cycle allows to start in any hour,
    None if there is no duty cycle. Between ping slots these two limits act separately.
    """

    interval_us: int
    reason: str
    spacing_us: int
    frames_per_hour: int | None

    def __post_init__(self) -> None:
        rules.integer("interval_us", self.interval_us, 1, LARGEST)
        text("reason", self.reason)
        rules.integer("spacing_us", self.spacing_us, 0, LARGEST)
        rules.optional_integer("frames_per_hour", self.frames_per_hour, 1, LARGEST)

    @classmethod
    def from_json(cls, values: object) -> Pace:
        """Return the pace of a plan file. Raises ParameterError for an object that is not one."""
        return cls(**exact_object(cls, values, "pace"))


def pace_of(
    time_on_air_us: int,
    limits: RadioLimits,
    profile: DeviceProfile,
    server: ServerProfile,
    *,
    beacon_us: int = 0,
    interval_ms: int | None = None,
) -> Pace:
    """Return the shortest interval that the gateway, the server, the device and the duty cycle allow, or `interval_ms`.

    time_on_air_us: time on air of one frame. beacon_us: time on air of a beacon that the same transmitter sends in the same
    sub-band, 0 if there is none. interval_ms: interval to use instead of the shortest.
    Raises PlanError if the duty cycle does not allow one frame an hour, or if `interval_ms` is too short.
    """
    floors = [
        (time_on_air_us + 1000 * server.turnaround_ms, f"the gateway needs {server.turnaround_ms} ms between frames"),
        (1000 * server.min_interval_ms, f"{server.name} takes no less than {server.min_interval_ms} ms"),
        (profile.min_interval_us(time_on_air_us), _device_reason(profile)),
    ]
    spacing_us, reason = max(floors)
    per_hour = _frames_per_hour(time_on_air_us, limits, beacon_us)
    interval_us = _whole_ms_us(spacing_us)
    if per_hour is not None and -(-HOUR_US // per_hour) > interval_us:
        interval_us = _whole_ms_us(-(-HOUR_US // per_hour))
        reason = f"a duty cycle of {limits.duty_cycle_ppm / 10_000:g} % allows {per_hour} such frames an hour"
    if interval_ms is not None and 1000 * interval_ms < interval_us:
        shortest_ms = interval_us // 1000
        rules.refuse(
            "interval_ms", f"{shortest_ms} or more", interval_ms, nearest=shortest_ms, why=reason, error=PlanError
        )
    if interval_ms is not None:
        interval_us, spacing_us, reason = 1000 * interval_ms, 1000 * interval_ms, "it was asked for"
    return Pace(interval_us=interval_us, reason=reason, spacing_us=spacing_us, frames_per_hour=per_hour)


def longest_interval_us(pace: Pace, time_on_air_us: int, server: ServerProfile) -> int:
    """Return the interval if the server counts its pause from the end of each frame (`interval_is_gap`)."""
    return pace.interval_us + (time_on_air_us if server.interval_is_gap else 0)


def starts_us(frames: int, pace: Pace, time_on_air_us: int, slots: PingSlots | None) -> NDArray[np.int64]:
    """Return the start time of each frame, int64 (frames,): in class B with `slots`, in class C without.

    Raises PlanError as `slot_starts_us`.
    """
    if slots is None:
        return steady_starts_us(frames, pace.interval_us)
    return slot_starts_us(
        frames,
        slots,
        spacing_us=pace.spacing_us,
        time_on_air_us=time_on_air_us,
        frames_per_hour=pace.frames_per_hour,
    )


def duration_us(frames: int, pace: Pace, time_on_air_us: int, slots: PingSlots | None) -> int:
    """Return the time from the start of the session to the end of the last frame.

    The time is an estimate if it is longer than any session of class B. Raises PlanError if GPS time ends before the last frame.
    """
    if slots is None:
        return (frames - 1) * pace.interval_us + time_on_air_us
    starts = session_starts_us(
        frames,
        slots,
        spacing_us=pace.spacing_us,
        time_on_air_us=time_on_air_us,
        frames_per_hour=pace.frames_per_hour,
    )
    if len(starts) < frames:
        return LONGEST_PERIODS * BEACON_PERIOD_US * frames // max(len(starts), 1)
    return starts[-1] + time_on_air_us


def session_timeout(session_us: int, device_class: str) -> int | None:
    """Return the smallest TimeOut (0 to 15) of a session that lasts `session_us`, or None if even 15 is too short.

    A session lasts 2^TimeOut s in class C and 2^TimeOut beacon periods of 128 s in class B (TS005-2.0.0, McClassCSessionReq,
    McClassBSessionReq).
    """
    unit_us = BEACON_PERIOD_US if device_class == "B" else 1_000_000
    exponent = (-(-session_us // unit_us) - 1).bit_length()
    return exponent if exponent <= MAX_TIMEOUT else None


def session_timeout_s(timeout: int, device_class: str) -> int:
    """Return the length in s of a session with this TimeOut."""
    return (BEACON_PERIOD_S if device_class == "B" else 1) << timeout


def shared_beacon_us(region: Region, frequency_hz: int, bw_hz: int) -> int:
    """Return the time on air of a beacon if it uses the duty cycle of the sub-band that fragments are sent in, otherwise 0."""
    sub_band = region.sub_band(frequency_hz, bw_hz)
    beacon_bw_hz = region.data_rate(region.beacon.data_rate).bandwidth_hz
    shared = any(sub_band == region.sub_band(beacon_hz, beacon_bw_hz) for beacon_hz in region.beacon.frequencies_hz)
    return region.beacon.airtime_us if shared else 0


def _frames_per_hour(time_on_air_us: int, limits: RadioLimits, beacon_us: int) -> int | None:
    if limits.duty_cycle_ppm == FULL_PPM:
        return None
    allowed_us = HOUR_US * limits.duty_cycle_ppm // FULL_PPM - _BEACONS_AN_HOUR * beacon_us
    if allowed_us < time_on_air_us:
        raise PlanError(
            f"a frame of {time_on_air_us / 1e6:.3f} s is more than a duty cycle of {limits.duty_cycle_ppm / 10_000:g} % allows"
            f" in an hour ({max(allowed_us, 0) / 1e6:.3f} s): take a faster data rate, a smaller fragment or another channel"
        )
    return allowed_us // time_on_air_us


def _device_reason(profile: DeviceProfile) -> str:
    work_ms = profile.frag_write_ms + profile.row_work_ms
    if profile.second_buffer:
        return f"the device works {work_ms} ms on a fragment"
    return f"the device works {work_ms} ms on a fragment, and cannot receive meanwhile"


def _whole_ms_us(time_us: int) -> int:
    return -(-time_us // 1000) * 1000
