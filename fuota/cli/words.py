"""Quantities as people read them."""

from __future__ import annotations


def spoken_duration(duration_ms: int) -> str:
    """Such as "2 h 5 min", "12 min 3 s" or "0.4 s"."""
    if duration_ms < 10_000:
        return f"{duration_ms / 1000:.1f} s"
    minutes, seconds = divmod(round(duration_ms / 1000), 60)
    hours, minutes = divmod(minutes, 60)
    parts = [f"{hours} h" if hours else "", f"{minutes} min" if minutes else "", f"{seconds} s" if not hours else ""]
    return " ".join(part for part in parts if part and part != "0 s")


def spoken_share(share: float) -> str:
    """A share in percent that shows how far it is from all or none: "99.94%", but "100%" only where it is."""
    if share in {0, 1}:
        return f"{share:.0%}"
    digits = 1
    while digits < 9 and min(share, 1 - share) * 100 < 10 ** (1 - digits):
        digits += 1
    return f"{share * 100:.{digits}f}%"
