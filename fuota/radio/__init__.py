"""What physics and the regulator allow: time on air, the regions, and the fragments that fit their data rates."""

from __future__ import annotations

from fuota.radio.airtime import fsk_time_on_air_us, time_on_air_us
from fuota.radio.catalogue import region, region_names, sub_plan_names
from fuota.radio.data_rate import DataRate
from fuota.radio.frag_size import check_frag_size, fragment_phy_bytes, largest_frag_size
from fuota.radio.limits import RadioLimits, frames_per_hour, radio_limits, sustained_interval_us
from fuota.radio.region import Beacon, Region
from fuota.radio.sub_band import SubBand

__all__ = [
    "Beacon",
    "DataRate",
    "RadioLimits",
    "Region",
    "SubBand",
    "check_frag_size",
    "fragment_phy_bytes",
    "frames_per_hour",
    "fsk_time_on_air_us",
    "largest_frag_size",
    "radio_limits",
    "region",
    "region_names",
    "sub_plan_names",
    "sustained_interval_us",
    "time_on_air_us",
]
