"""Frequencies as text."""

from __future__ import annotations


def megahertz_text(frequency_hz: int) -> str:
    """Return a frequency in MHz without zeros at the end and without the unit, such as "869.525"."""
    return f"{frequency_hz / 1e6:.6f}".rstrip("0").rstrip(".")
