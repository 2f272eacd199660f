"""Figures of simulations. They need the extra `notebook`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fuota.errors import ParameterError
from fuota.fragmentation.statistics.intervals import wilson_interval

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.ticker import PercentFormatter

    from fuota.planning import FleetMember
    from fuota.sim.verdict import SimulatedVerdict

Floats = NDArray[np.float64]
_UNITS = ((86_400, "days"), (3_600, "hours"), (60, "minutes"))
_WRITTEN_CELLS = 150
"""Number of cells above which a map shows the shares as colours only."""
_TICKS = 12
_NAMED_MEMBERS = 12
"""Number of members above which a map shows no names, because they would overlap."""


def check_matplotlib() -> None:
    """Raise ParameterError if matplotlib is not installed."""
    _figure_of((1.0, 1.0))


def completion_figure(verdict: SimulatedVerdict) -> Figure:
    """Return a figure of the share of the fleet that is complete against the time of the fragment.

    Raises ParameterError for a verdict of no device, or without matplotlib.
    """
    if not verdict.devices:
        raise ParameterError("the verdict must be of one device or more, got none")
    figure, axes = _figure_of((8, 4.5))
    seconds = verdict.starts_ms / 1000
    unit_s, unit = next(item for item in _UNITS if seconds[-1] >= 2 * item[0] or item[1] == "minutes")
    axes.step(seconds / unit_s, np.cumsum(verdict.completed_at[1:]) / verdict.devices, where="post")
    low, high = verdict.interval()
    axes.axhspan(low, high, color="C0", alpha=0.2, linewidth=0)
    axes.set_title(
        f"{_shown(verdict.share)} of {verdict.devices} simulated devices complete"
        f" ({_shown(low)} to {_shown(high)}, 95% confidence)",
        fontsize="medium",
    )
    axes.set(xlabel=f"{unit} from the first frame", ylabel="share of the fleet that is complete")
    axes.margins(x=0.02)
    _shares_on_y(axes)
    return figure


def redundancy_figure(rows: Sequence[tuple[float, int, int, float]]) -> Figure:
    """Return a figure of the success against the redundancy.

    rows: (redundancy, complete, devices, theory), in any order. Each row is a point with its Wilson interval of 95 % confidence;
    the theory is a curve; nan for a row without theory. Raises ParameterError without rows, for a row without devices or with more
    complete devices than devices, or without matplotlib.
    """
    if not len(rows):
        raise ParameterError("rows must be one or more, got none")
    figure, axes = _figure_of((8, 4.5))
    redundancy, complete, devices, theory = np.array(sorted(rows), np.float64).T
    if not ((devices >= 1) & (complete >= 0) & (complete <= devices)).all():
        raise ParameterError("each row must have one device or more, and no more complete devices than devices")
    share = complete / devices
    low, high = np.array([wilson_interval(int(c), int(d)) for c, d in zip(complete, devices, strict=True)]).T
    if not np.isnan(theory).all():
        axes.plot(redundancy, theory, color="0.45", zorder=1, label="theory")
    axes.errorbar(
        redundancy,
        share,
        yerr=np.maximum([share - low, high - share], 0),
        fmt="o",
        markersize=4.5,
        capsize=3,
        label="simulated, 95% confidence",
    )
    axes.set_xlim(min(redundancy[0], 0.0) - 0.02, max(redundancy[-1], 0.1) + 0.02)
    axes.xaxis.set_major_formatter(_percent())
    axes.set(xlabel="redundancy: coded fragments for each uncoded one", ylabel="share that is complete")
    axes.set_title(f"{_from_to(devices)} simulated devices each")
    _shares_on_y(axes)
    axes.legend(loc="lower right" if share[-1] > 0.5 else "upper left")
    return figure


def loss_heat_map(losses: ArrayLike, redundancies: ArrayLike, shares: ArrayLike) -> Figure:
    """Return a heat map of the complete share for each loss and redundancy. A nan stays white.

    losses: (rows,). redundancies: (columns,). shares: (rows, columns).
    Raises ParameterError for no loss, no redundancy or shares of another shape, or without matplotlib.
    """
    rows, columns, table = (np.asarray(values, np.float64) for values in (losses, redundancies, shares))
    if not rows.size or not columns.size:
        raise ParameterError("losses and redundancies must be one or more, got none")
    if table.shape != (rows.size, columns.size):
        raise ParameterError(
            f"shares must have a row for each of {rows.size} losses and a column for each of {columns.size} redundancies,"
            f" got shape {table.shape}"
        )
    figure, axes = _figure_of((min(4 + 0.7 * columns.size, 12), min(2.4 + 0.4 * rows.size, 8)))
    image = axes.imshow(table, origin="lower", aspect="auto", vmin=0, vmax=1, cmap="viridis")
    figure.colorbar(image, ax=axes, label="share that is complete", format=_percent())
    for axis, values in ((axes.xaxis, columns), (axes.yaxis, rows)):
        places = np.arange(0, values.size, -(-values.size // _TICKS))
        axis.set_ticks(places, labels=[f"{100 * values.flat[i]:.3g}%" for i in places])
    axes.set(xlabel="redundancy", ylabel="loss of frames")
    if table.size <= _WRITTEN_CELLS:
        _write_shares(axes, table)
    return figure


def fleet_map(members: Sequence[FleetMember], losses: ArrayLike) -> Figure:
    """Return a map of the members of a fleet and the share of frames that each loses. Members without a place are only counted.

    losses: (members,). Raises ParameterError for no member, another
    number of losses, no member with a place, or without matplotlib.
    """
    values = np.asarray(losses, np.float64).reshape(-1)
    if not len(members) or values.size != len(members):
        raise ParameterError(
            f"each of one member or more must have a loss, got {values.size} losses for {len(members)} members"
        )
    pairs = zip(members, values, strict=True)
    known = [(member, loss) for member, loss in pairs if None not in (member.lat, member.lng)]
    placed = sorted(known, key=lambda pair: float(pair[1]))  # the largest losses are drawn last, on top
    if not placed:
        raise ParameterError("one member or more must have a place (lat and lng), got none")
    figure, axes = _figure_of((8, 6))
    lat, lng = (np.array([getattr(member, name) for member, _ in placed], np.float64) for name in ("lat", "lng"))
    dots = axes.scatter(
        lng,
        lat,
        c=[loss for _, loss in placed],
        s=[20 + 12 * np.log2(member.devices) for member, _ in placed],
        cmap="viridis_r",
        vmin=0,
        edgecolors="black",
        linewidths=0.5,
    )
    figure.colorbar(dots, ax=axes, label="share of frames lost", format=_percent())
    _name_and_frame(axes, [member.name for member, _ in placed], lat, lng)
    without = len(members) - len(placed)
    more = f", {without} more without a place" if without else ""
    axes.set_title(f"{len(placed)} {'member' if len(placed) == 1 else 'members'} of the fleet{more}")
    return figure


def _figure_of(size: tuple[float, float]) -> tuple[Figure, Axes]:
    try:
        from matplotlib.figure import Figure
    except ImportError:
        raise ParameterError("pictures need matplotlib: pip install 'fuota[notebook]'") from None
    figure = Figure(figsize=size, layout="constrained")
    return figure, figure.subplots()


def _percent() -> PercentFormatter:
    from matplotlib.ticker import PercentFormatter

    return PercentFormatter(1, symbol="%")


def _shown(share: float) -> str:
    """Return the share in percent, with more digits if it is nearly all or none."""
    return f"{share:.2%}" if 1e-4 <= share <= 1 - 1e-4 or share in {0, 1} else f"{share:.6%}"


def _shares_on_y(axes: Axes) -> None:
    axes.yaxis.set_major_formatter(_percent())
    axes.set_ylim(-0.02, 1.02)
    axes.grid(visible=True, alpha=0.3)


def _from_to(devices: Floats) -> str:
    least, most = int(devices.min()), int(devices.max())
    return str(least) if least == most else f"{least} to {most}"


def _write_shares(axes: Axes, table: Floats) -> None:
    """Write the share into each cell; "100" only if it is exactly that."""
    for (row, column), share in np.ndenumerate(table):
        if not np.isnan(share):
            text = "100" if share == 1 else f"{min(100 * share, 99.9):.1f}"
            axes.text(
                column, row, text, ha="center", va="center", fontsize=8, color="white" if share < 0.6 else "black"
            )


def _name_and_frame(axes: Axes, names: list[str], lat: Floats, lng: Floats) -> None:
    """Write names beside the places, and give a kilometre the same length to the north and to the east."""
    if len(names) <= _NAMED_MEMBERS:
        for name, x, y in zip(names, lng, lat, strict=True):
            right = x > 0.25 * lng.min() + 0.75 * lng.max()  # the name is on the left, or it would end outside
            axes.annotate(
                name,
                (x, y),
                xytext=(-7 if right else 7, 4),
                textcoords="offset points",
                ha="right" if right else "left",
                fontsize=8,
                parse_math=False,
            )
    axes.set(xlabel="longitude, degrees east", ylabel="latitude, degrees north")
    axes.set_aspect(1 / max(float(np.cos(np.radians(lat.mean()))), 0.05), adjustable="datalim")
    axes.margins(0.12)
    axes.ticklabel_format(useOffset=False)
    axes.grid(visible=True, alpha=0.3)
