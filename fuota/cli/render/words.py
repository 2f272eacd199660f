"""Text of durations, shares, energies and frequencies."""

from __future__ import annotations

import re

from fuota.radio.frequencies import megahertz_text

_SMALLEST_SHARE = 9.9e-9
"""A share closer to 0 or 1 is not shown in digits."""


def spoken_duration(duration_ms: int) -> str:
    """Return a duration such as "2 h 5 min", "12 min 3 s", "0.4 s" or "37 ms"."""
    if 0 < duration_ms < 100:
        return f"{duration_ms} ms"
    if duration_ms < 10_000:
        return f"{duration_ms / 1000:.1f} s"
    minutes, seconds = divmod(round(duration_ms / 1000), 60)
    hours, minutes = divmod(minutes, 60)
    parts = [f"{hours} h" if hours else "", f"{minutes} min" if minutes else "", f"{seconds} s" if not hours else ""]
    return " ".join(part for part in parts if part and part != "0 s")


def spoken_share(share: float) -> str:
    """Return a share in percent, with enough digits to show its distance from 0 or 1, such as "99.940%".

    "100%" and "0%" are exact.
    """
    if share in {0, 1}:
        return f"{share:.0%}"
    if min(share, 1 - share) < _SMALLEST_SHARE:
        return "more than 99.999999%" if share > 0.5 else "less than 0.000001%"
    digits = 1
    while digits < 9 and min(share, 1 - share) * 100 < 10 ** (1 - digits):
        digits += 1
    return f"{share * 100:.{digits}f}%"


def spoken_airtime(airtime_us: int) -> str:
    """Return an airtime such as "4.2 s" or "37.0 ms"."""
    return f"{airtime_us / 1e6:.1f} s" if airtime_us >= 100_000 else f"{airtime_us / 1e3:.1f} ms"


def spoken_energy(energy_uj: int) -> str:
    """Return an energy such as "4.20 J" or "4.2 mJ"."""
    return f"{energy_uj / 1e6:.2f} J" if energy_uj >= 100_000 else f"{energy_uj / 1e3:.3g} mJ"


def spoken_mhz(frequency_hz: int) -> str:
    """Return a frequency without trailing zeros, such as "869.525 MHz"."""
    return f"{megahertz_text(frequency_hz)} MHz"


def in_megahertz(text: str) -> str:
    """Return the text with frequencies in MHz, as the options have them, instead of Hz."""
    return re.sub(r"\b(\d{6,15}) Hz\b", lambda match: spoken_mhz(int(match[1])), text)
