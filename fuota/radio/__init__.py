"""Radio rules: time on air, regions and their limits, and the fragment sizes that fit their data rates."""

from __future__ import annotations

from fuota.lazy import lazy_names

__getattr__, __dir__, __all__ = lazy_names(
    __name__,
    {
        "airtime": (
            "fsk_time_on_air_us",
            "time_on_air_us",
        ),
        "catalogue": (
            "region",
            "region_names",
            "sub_plan_names",
        ),
        "data_rate": ("DataRate",),
        "frag_size": (
            "check_frag_size",
            "fragment_phy_bytes",
            "largest_frag_size",
        ),
        "frequencies": ("megahertz_text",),
        "limits": (
            "RadioLimits",
            "frames_per_hour",
            "radio_limits",
            "sustained_interval_us",
        ),
        "region_rules": (
            "Beacon",
            "Region",
        ),
        "sub_band": ("SubBand",),
    },
)
