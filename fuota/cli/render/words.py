"""Quantities, names and counts as people read them."""

from __future__ import annotations

import re

from fuota.radio.frequencies import megahertz_text

_LEAST = 9.9e-9
"""Nearer to all or none a share is not told in figures."""


def spoken_duration(duration_ms: int) -> str:
    """Such as "2 h 5 min", "12 min 3 s", "0.4 s" or "37 ms"."""
    if 0 < duration_ms < 100:
        return f"{duration_ms} ms"
    if duration_ms < 10_000:
        return f"{duration_ms / 1000:.1f} s"
    minutes, seconds = divmod(round(duration_ms / 1000), 60)
    hours, minutes = divmod(minutes, 60)
    parts = [f"{hours} h" if hours else "", f"{minutes} min" if minutes else "", f"{seconds} s" if not hours else ""]
    return " ".join(part for part in parts if part and part != "0 s")


def spoken_share(share: float) -> str:
    """A share in percent that shows how far it is from all or none: "99.940%"; "100%" and "0%" only where it is that."""
    if share in {0, 1}:
        return f"{share:.0%}"
    if min(share, 1 - share) < _LEAST:
        return "more than 99.999999%" if share > 0.5 else "less than 0.000001%"
    digits = 1
    while digits < 9 and min(share, 1 - share) * 100 < 10 ** (1 - digits):
        digits += 1
    return f"{share * 100:.{digits}f}%"


def spoken_airtime(airtime_us: int) -> str:
    """Such as "4.2 s" or "37.0 ms"."""
    return f"{airtime_us / 1e6:.1f} s" if airtime_us >= 100_000 else f"{airtime_us / 1e3:.1f} ms"


def spoken_energy(energy_uj: int) -> str:
    """Such as "4.20 J" or "4.2 mJ"."""
    return f"{energy_uj / 1e6:.2f} J" if energy_uj >= 100_000 else f"{energy_uj / 1e3:.3g} mJ"


def spoken_mhz(frequency_hz: int) -> str:
    """All of it, without zeros at the end: "869.525 MHz"."""
    return f"{megahertz_text(frequency_hz)} MHz"


def in_megahertz(text: str) -> str:
    """The text with its frequencies in MHz, as options take them, where they are in Hz."""
    return re.sub(r"\b(\d{6,15}) Hz\b", lambda found: spoken_mhz(int(found[1])), text)
