"""What the rules allow a transmitter on a channel, and how often a frame may be sent then."""

from __future__ import annotations

import math
from dataclasses import dataclass

from fuota.errors import ParameterError
from fuota.radio.region_rules import Region

_ALL_PPM = 1_000_000
_OBSERVED_S = 3600  # EN 300 220-2: the duty cycle is a share of any hour


@dataclass(frozen=True, slots=True, kw_only=True)
class RadioLimits:
    """What a transmitter may do on one channel.

    `duty_cycle_ppm` is the share of any hour in millionths, `max_frame_us` how long one frame may last (0: no limit),
    `dwell` whether the payload sizes are those under a dwell limit. `overridden` says in a sentence each what the
    caller changed, from what to what.
    """

    duty_cycle_ppm: int
    max_frame_us: int
    max_eirp_dbm: float
    dwell: bool
    overridden: tuple[str, ...] = ()


def radio_limits(
    region: Region,
    frequency_hz: int,
    data_rate: int,
    *,
    duty_cycle: float | None = None,
    dwell_ms: int | None = None,
    max_eirp_dbm: float | None = None,
) -> RadioLimits:
    """The limits of a downlink at `frequency_hz` and data rate `data_rate` (an index): the region's, or the caller's.

    `duty_cycle` is a share, above 0 up to 1. `dwell_ms` limits one frame and brings the payload sizes of the dwell limit
    where the region has them; 0 is no limit at all, even where the region has one (KR920, CN470).

    Raises PlanError for a channel in no sub-band and a data rate that no downlink uses, ParameterError for a data rate
    that the region does not have and a value outside its range.
    """
    sub_band = region.sub_band(frequency_hz, region.downlink_rate(data_rate).bandwidth_hz)
    duty_cycle_ppm = sub_band.duty_cycle_ppm if duty_cycle is None else _share_ppm(duty_cycle)
    max_frame_ms = region.max_frame_ms if dwell_ms is None else _dwell(dwell_ms)
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
        overridden=tuple(f"{what} {where} overridden from {old} to {new}" for what, old, new in changes if old != new),
    )


def frames_per_hour(time_on_air_us: int, duty_cycle_ppm: int) -> int:
    """How many frames of that length an hour takes under a duty cycle in millionths.

    Raises ParameterError for a time below 1 us or a duty cycle outside 1 to 1,000,000 ppm.
    """
    _check_duty(time_on_air_us, duty_cycle_ppm)
    return _OBSERVED_S * duty_cycle_ppm // time_on_air_us


def sustained_interval_us(time_on_air_us: int, duty_cycle_ppm: int) -> int:
    """From the start of a frame to that of the next, if every frame waits for its own: time on air / duty cycle.

    Rounded up. The duty cycle is counted over an hour, so a burst may be faster. Raises as `frames_per_hour`.
    """
    _check_duty(time_on_air_us, duty_cycle_ppm)
    return -(-time_on_air_us * _ALL_PPM // duty_cycle_ppm)


def _check_duty(time_on_air_us: int, duty_cycle_ppm: int) -> None:
    if time_on_air_us < 1:
        raise ParameterError(f"time on air is {time_on_air_us} us: it must be 1 us or more; the nearest is 1")
    if not 1 <= duty_cycle_ppm <= _ALL_PPM:
        nearest = min(max(duty_cycle_ppm, 1), _ALL_PPM)
        raise ParameterError(
            f"duty cycle is {duty_cycle_ppm} ppm: it must be from 1 to {_ALL_PPM}; the nearest is {nearest}"
        )


def _share_ppm(duty_cycle: float) -> int:
    if not 0 < duty_cycle <= 1:  # nan too
        nearest = "1" if duty_cycle > 1 else "0.000001"
        raise ParameterError(
            f"duty cycle is {duty_cycle:g}: it must be a share above 0 up to 1 (10 % is 0.1); the nearest is {nearest}"
        )
    return max(round(duty_cycle * _ALL_PPM), 1)


def _dwell(dwell_ms: int) -> int:
    if dwell_ms < 0:
        raise ParameterError(f"dwell limit is {dwell_ms} ms: it must be 0 (no limit) or more; the nearest is 0")
    return dwell_ms


def _eirp(max_eirp_dbm: float, legal_dbm: float) -> float:
    if not math.isfinite(max_eirp_dbm):
        raise ParameterError(f"maximum EIRP is {max_eirp_dbm} dBm: it must be a number; the law has {legal_dbm:g}")
    return max_eirp_dbm


def _percent(ppm: int) -> str:
    return f"{ppm / 10_000:g} %"


def _limit(time_ms: int) -> str:
    return f"{time_ms} ms" if time_ms else "no limit"
