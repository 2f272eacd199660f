"""Values of the options that describe a sandbox."""

from __future__ import annotations

from fuota.errors import ParameterError

MIN_SPEED = 0.001
MAX_SPEED = 1_000_000
"""Highest speed as a multiple of real time; a faster clock reaches the year 9999 within days."""


def parse_loss(text: str) -> tuple[float, float]:
    """Parse a share ("0.1") or a range of shares ("0-0.3"). Raises ParameterError."""
    low, _, high = text.partition("-")
    try:
        return float(low), float(high or low)
    except ValueError:
        raise ParameterError(f"loss must be a share such as 0.1 or a range such as 0-0.3, got {text!r}") from None


def parse_speed(text: str) -> float | None:
    """Parse a multiple of real time, or "max" (None) for a clock that never waits. Raises ParameterError."""
    if text == "max":
        return None
    try:
        if MIN_SPEED <= (speed := float(text)) <= MAX_SPEED:
            return speed
    except ValueError:
        pass
    raise ParameterError(f"speed must be {MIN_SPEED} to {MAX_SPEED} times real time, such as 60, or max, got {text!r}")
