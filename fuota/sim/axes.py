"""Points of a sweep: a grid of values on its axes."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal, InvalidOperation

from fuota import rules
from fuota.calls import checked_call
from fuota.errors import ParameterError
from fuota.sim.sweep_file import INTEGERS, POINT_FIELDS, TEXTS, SweepPoint
from fuota.tables import suggestion

MAX_VALUES = 10_000
"""Largest number of values on one axis."""
Value = int | float | str | None
"""Value of a field of a point."""


@checked_call
def grid(  # noqa: PLR0913 - every field of a point, so that editors and type checkers see them
    axes: Mapping[str, Sequence[Value]],
    *,
    image_bytes: int | None = None,
    region: str | None = None,
    data_rate: int | None = None,
    frag_size: int | None = None,
    redundancy: float | None = None,
    nb_coded: int | None = None,
    loss: float | None = None,
    burst_frames: float | None = None,
    version: int | None = None,
    devices_per_batch: int | None = None,
    seed: int | None = None,
) -> tuple[SweepPoint, ...]:
    """Return every combination of the values of the axes, the last axis changing fastest, each point once.

    axes: values by the name of a field of SweepPoint. The other parameters are the fields of SweepPoint, equal in all points; None
    for an axis or for the default of SweepPoint. image_bytes, region and data_rate have no default.
    Raises ParameterError for an unknown name, for a field that is both an axis and fixed, and for values out of range.
    """
    fields = {
        "image_bytes": image_bytes,
        "region": region,
        "data_rate": data_rate,
        "frag_size": frag_size,
        "redundancy": redundancy,
        "nb_coded": nb_coded,
        "loss": loss,
        "burst_frames": burst_frames,
        "version": version,
        "devices_per_batch": devices_per_batch,
        "seed": seed,
    }
    fixed = {name: value for name, value in fields.items() if value is not None}
    for name in axes:
        _check_name(name)
    if both := sorted(axes.keys() & fixed.keys()):
        raise ParameterError(f"{both[0]} is an axis and has a fixed value: give it once")
    missing = [name for name in POINT_FIELDS[:3] if name not in axes and name not in fixed]
    if missing:
        raise ParameterError(f"{', '.join(missing)} must be given: a point has image_bytes, a region and a data_rate")
    combinations = itertools.product(*axes.values())
    return tuple(dict.fromkeys(make_point(dict(zip(axes, values, strict=True)) | fixed) for values in combinations))


@checked_call
def parse_axis(text: str) -> tuple[str, tuple[Value, ...]]:
    """Return the name and the values of an axis.

    text: "redundancy=0.05:0.5:0.05" (start:stop:step, stop included) or "loss=0.05,0.1". Raises ParameterError.
    """
    name, _, values = (part.strip() for part in text.partition("="))
    _check_name(name)
    if name not in TEXTS and ":" in values:
        return name, tuple(parse_value(name, value) for value in _range(name, values))
    return name, tuple(parse_value(name, value.strip()) for value in values.split(","))


def make_point(values: Mapping[str, Value]) -> SweepPoint:
    """Return the point with these fields. Raises ParameterError."""
    return SweepPoint(**values)  # type: ignore[arg-type]  # SweepPoint checks the kinds


def _check_name(name: str) -> None:
    if name not in POINT_FIELDS:
        raise ParameterError(f"a point has no field {name!r}{suggestion(name, POINT_FIELDS)}")


def parse_value(name: str, text: str) -> int | float | str:
    """Return the value of a field of a point from its text. Raises ParameterError if it is of another kind."""
    if name in TEXTS and text:
        return text
    try:
        return int(text) if name in INTEGERS else float(text)
    except ValueError:
        kind = "a whole number" if name in INTEGERS else "a number" if name not in TEXTS else "a text"
        rules.refuse(name, kind, text)


def _range(name: str, text: str) -> Iterator[str]:
    """Yield the values from start to stop, both included, as decimal texts: steps of 0.05 stay exact."""
    try:
        start, stop, step = (Decimal(part.strip()) for part in text.split(":"))
        first, last, width = float(start), float(stop), float(step)
    except (InvalidOperation, ValueError, OverflowError):
        rules.refuse(name, "start:stop:step, such as 0.05:0.5:0.05", text)
    if not (math.isfinite(first) and math.isfinite(last) and 0 < width < math.inf and first <= last):
        rules.refuse(name, "start:stop:step with a stop that is not below start and a step above 0", text)
    if (count := (stop - start) / step) >= MAX_VALUES:
        raise ParameterError(f"{name}={text} has more than {MAX_VALUES} values; take a larger step")
    for number in range(int(count) + 1):
        value = start + number * step
        yield str(int(value)) if value == value.to_integral_value() else str(value)
