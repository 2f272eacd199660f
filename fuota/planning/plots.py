"""Figures of plans. They need the extra `notebook`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from fuota import files, rules
from fuota.errors import ParameterError
from fuota.planning.optimise import FrontPoint

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_FORMATS = ("png", "svg", "pdf")
_UNITS = ((86_400, "days"), (3_600, "hours"), (60, "minutes"), (1, "seconds"))
_SHOWN_FAILURE = 1e-5
"""Smallest share of incomplete devices that is drawn; smaller shares are drawn there."""


def front_figure(points: Sequence[FrontPoint], title: str) -> Figure:
    """Return a figure of the duration against the share of the fleet that stays incomplete: lower left is better.

    points: at least one. title: title of the figure. Raises ParameterError without points, or without matplotlib.
    """
    if not points:
        raise ParameterError("there is no plan to draw: the front is empty")
    try:
        from matplotlib.figure import Figure
    except ImportError:
        raise ParameterError("pictures need matplotlib: pip install 'fuota[notebook]'") from None
    figure = Figure(figsize=(8, 5), layout="constrained")
    axes = figure.subplots()
    unit_s, unit = next(item for item in _UNITS if points[-1].duration_ms >= 1000 * item[0] or item[0] == 1)
    axes.plot(
        [_duration(point, unit_s) for point in points], [_failure(point) for point in points], color="0.8", zorder=1
    )
    for data_rate in sorted({point.data_rate for point in points}):
        _draw([point for point in points if point.data_rate == data_rate], unit_s, axes)
    axes.set_title(title, parse_math=False)
    axes.set(xlabel=f"duration, {unit}", ylabel="share of the fleet that stays incomplete", yscale="log")
    axes.set_ylim(_SHOWN_FAILURE / 2, 1.5)
    axes.grid(visible=True, alpha=0.3)
    axes.legend(title="+n: coded fragments", loc="upper right")
    return figure


def picture_format(path: Path) -> str:
    """Return the format that the extension of a file name stands for. Raises ParameterError for any other extension."""
    extension = path.suffix[1:].lower()
    if extension not in _FORMATS:
        known = ", ".join(f".{known}" for known in _FORMATS)
        rules.refuse("the extension of the picture", f"one of {known}", path.name)
    return extension


def save_figure(figure: Figure, path: Path) -> None:
    """Write a figure in the format of the file's extension.

    Raises ParameterError for an unknown extension, StorageError if the file cannot be written.
    """
    extension = picture_format(path)
    try:
        figure.savefig(path, dpi=150, format=extension)
    except OSError as error:
        raise files.not_writable("the picture", path, error) from None


def _draw(points: list[FrontPoint], unit_s: int, axes: Axes) -> None:
    """Draw the points of one data rate, with about six labels."""
    first = points[0]
    durations, failures = [_duration(point, unit_s) for point in points], [_failure(point) for point in points]
    axes.scatter(durations, failures, s=28, zorder=2, label=f"DR{first.data_rate}, {_sizes(points)} bytes")
    step = max(1, len(points) // 6)
    for point in points[::step]:
        axes.annotate(
            f"+{point.nb_coded}",
            (_duration(point, unit_s), _failure(point)),
            xytext=(5, 4),
            textcoords="offset points",
            fontsize=8,
        )


def _sizes(points: list[FrontPoint]) -> str:
    sizes = sorted({point.frag_size for point in points})
    return str(sizes[0]) if len(sizes) == 1 else f"{sizes[0]} to {sizes[-1]}"


def _duration(point: FrontPoint, unit_s: int) -> float:
    return point.duration_ms / 1000 / unit_s


def _failure(point: FrontPoint) -> float:
    return max(1 - point.success.estimate, _SHOWN_FAILURE)
