"""Limits of a transmitter on a channel, and the number of frames that a duty cycle allows."""

from __future__ import annotations

import math
from dataclasses import dataclass

from fuota.calls import checked_call
from fuota.radio.region_rules import Region
from fuota.rules import integer, refuse

_ALL_PPM = 1_000_000
_OBSERVED_S = 3600  # EN 300 220-2: the duty cycle is a share of any hour


@dataclass(frozen=True, slots=True, kw_only=True)
class RadioLimits:
    """Limits of a transmitter on one channel.

    duty_cycle_ppm: share of any hour, in millionths. max_frame_us: longest time on air of one frame (0: no limit).
    max_eirp_dbm: power limit. dwell: whether the payload sizes under a dwell limit apply. overridden: one sentence for each
    limit that the caller changed, with the old and the new value.
    """

    duty_cycle_ppm: int
    max_frame_us: int
    max_eirp_dbm: float
    dwell: bool
    overridden: tuple[str, ...] = ()


@checked_call
def radio_limits(
    region: Region,
    frequency_hz: int,
    data_rate: int,
    *,
    duty_cycle: float | None = None,
    dwell_ms: int | None = None,
    max_eirp_dbm: float | None = None,
) -> RadioLimits:
    """Return the limits of a downlink: the limits of the region, replaced by the values that the caller gives.

    frequency_hz: centre frequency. data_rate: index. duty_cycle: share, above 0 up to 1. dwell_ms: longest time on air of one
    frame; it also selects the payload sizes under a dwell limit if the region has them; 0 means no limit, even if the region
    has one (KR920, CN470). max_eirp_dbm: power limit in dBm. None keeps the value of the region.

    Raises PlanError for a channel outside all sub-bands and a data rate that no downlink uses, ParameterError for a data rate
    that the region does not have and a value outside its range.
    """
    sub_band = region.sub_band(frequency_hz, region.downlink_rate(data_rate).bandwidth_hz)
    duty_cycle_ppm = sub_band.duty_cycle_ppm if duty_cycle is None else _share_ppm(duty_cycle)
    max_frame_ms = region.max_frame_ms if dwell_ms is None else integer("dwell_ms", dwell_ms, 0, why="0: no limit")
    eirp_dbm = sub_band.max_eirp_dbm if max_eirp_dbm is None else _eirp(max_eirp_dbm, sub_band.max_eirp_dbm)
    changes = (
        ("duty cycle", _percent(sub_band.duty_cycle_ppm), _percent(duty_cycle_ppm)),
        ("longest frame", _limit(region.max_frame_ms), _limit(max_frame_ms)),
        ("maximum EIRP", f"{sub_band.max_eirp_dbm:g} dBm", f"{eirp_dbm:g} dBm"),
    )
    where = f"in sub-band {sub_band.name} of {region.name}"
    return RadioLimits(
        duty_cycle_ppm=duty_cycle_ppm,
        max_frame_us=max_frame_ms * 1000,
        max_eirp_dbm=eirp_dbm,
        dwell=bool(dwell_ms),
        overridden=tuple(f"{name} {where} overridden from {old} to {new}" for name, old, new in changes if old != new),
    )


def frames_per_hour(time_on_air_us: int, duty_cycle_ppm: int) -> int:
    """Return the number of frames of one length that fit into an hour.

    time_on_air_us: length of a frame, 1 or more. duty_cycle_ppm: 1 to 1,000,000. Raises ParameterError outside these ranges.
    """
    _check_duty(time_on_air_us, duty_cycle_ppm)
    return _OBSERVED_S * duty_cycle_ppm // time_on_air_us


def sustained_interval_us(time_on_air_us: int, duty_cycle_ppm: int) -> int:
    """Return the interval from frame to frame that keeps the duty cycle at all times: time on air / duty cycle, rounded up.

    The duty cycle is counted over an hour, so a burst may be faster. Parameters and errors are the same as in
    `frames_per_hour`.
    """
    _check_duty(time_on_air_us, duty_cycle_ppm)
    return -(-time_on_air_us * _ALL_PPM // duty_cycle_ppm)


def _check_duty(time_on_air_us: int, duty_cycle_ppm: int) -> None:
    integer("time_on_air_us", time_on_air_us, 1)
    integer("duty_cycle_ppm", duty_cycle_ppm, 1, _ALL_PPM)


def _share_ppm(duty_cycle: float) -> int:
    if not 0 < duty_cycle <= 1:  # nan too
        nearest = None if math.isnan(duty_cycle) else "1" if duty_cycle > 1 else "0.000001"
        refuse("duty cycle", "a share above 0 up to 1", duty_cycle, nearest=nearest, why="10 % is 0.1")
    return max(round(duty_cycle * _ALL_PPM), 1)


def _eirp(max_eirp_dbm: float, legal_dbm: float) -> float:
    if not math.isfinite(max_eirp_dbm):
        refuse("maximum EIRP", "a finite number of dBm", max_eirp_dbm, nearest=f"{legal_dbm:g}")
    return max_eirp_dbm


def _percent(ppm: int) -> str:
    return f"{ppm / 10_000:g} %"


def _limit(time_ms: int) -> str:
    return f"{time_ms} ms" if time_ms else "no limit"
