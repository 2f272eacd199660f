"""What physics and the regulator allow: time on air, the regions, and the fragments that fit their data rates."""

from __future__ import annotations

from fuota.radio.airtime import fsk_time_on_air_us, time_on_air_us
from fuota.radio.limits import check_frag_size, fragment_phy_bytes, largest_frag_size
from fuota.radio.region import DataRate, Region, region, region_names

__all__ = [
    "DataRate",
    "Region",
    "check_frag_size",
    "fragment_phy_bytes",
    "fsk_time_on_air_us",
    "largest_frag_size",
    "region",
    "region_names",
    "time_on_air_us",
]
