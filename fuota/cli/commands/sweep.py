"""Option --sweep of `fuota simulate`: many points, as a table, a file and a picture."""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING

import click

from fuota.cli.image_input import name_of
from fuota.cli.options.plan import PlanOptions
from fuota.cli.options.transfer import given_options
from fuota.cli.output import Output
from fuota.cli.render.words import spoken_duration, spoken_share
from fuota.text import printable

if TYPE_CHECKING:
    from fuota.cli.commands.simulate import SimulateOptions
    from fuota.sim import SweepPoint
    from fuota.sim.sweep_file import PointStats
    from fuota.sim.sweeps import Progress

DEFAULT_DEVICES = 100_000
"""Number of devices per point if --devices is not given."""
_ALLOWED = frozenset(
    {"image", "picture", "as_json", "axes", "rows", "scheduler", "width", "failures", "devices", "seed", "burst"}
    | {"region_name", "data_rate", "frag_size", "redundancy", "nb_coded", "loss"}
)
"""Parameters of the command that go with --sweep."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SweepOptions:
    """Points of a sweep, the file of its results, the cluster that works on it, and when a point is stopped."""

    axes: tuple[str, ...]
    rows: Path | None
    scheduler: str | None
    width: float | None
    failures: int | None

    def refuse_without_axes(self) -> None:
        """Raise click.UsageError if there is an option of a sweep without --sweep."""
        for name in ("rows", "scheduler", "width", "failures"):
            if getattr(self, name):
                raise click.UsageError(f"--{name} needs --sweep")


def simulate_sweep(
    image: IO[bytes] | None,
    request: PlanOptions,
    simulation: SimulateOptions,
    options: SweepOptions,
    picture: Path | None,
    out: Output,
) -> int:
    """Simulate all points, show how many of their devices completed, and draw the picture. Raises UsageError and FuotaError."""
    from fuota.image.firmware import read_image
    from fuota.sim import parse_axis, sweep

    names = {parameter.name for parameter in click.get_current_context().command.params}
    if refused := given_options(names - _ALLOWED):
        raise click.UsageError(f"--sweep does not go with {', '.join(refused)}")
    if image is None or request.region_name is None:
        raise click.UsageError("--sweep needs an IMAGE and a --region")
    axes = dict(parse_axis(text) for text in options.axes)
    save_picture = None if picture is None else _picture_writer(list(axes))
    points = _points(axes, len(read_image(image, name_of(image))), request, simulation)
    with _progress(out) as progress:
        stats = sweep(
            points,
            file=options.rows,
            devices=simulation.devices or DEFAULT_DEVICES,
            width=options.width,
            failures=options.failures,
            client=options.scheduler,
            progress=progress,
        )
    _show(out, list(axes), stats)
    if save_picture is not None and picture is not None:
        save_picture(stats, picture)
        out.say(f"wrote {printable(picture)}")
    return 0


def _points(
    axes: dict[str, tuple[int | float | str | None, ...]],
    image_bytes: int,
    request: PlanOptions,
    simulation: SimulateOptions,
) -> tuple[SweepPoint, ...]:
    """Return the points: the values of the axes, with the options as the values that all points share."""
    from fuota.radio import region
    from fuota.sim import grid

    channel_plan = region(request.region_name or "")
    data_rate = channel_plan.rx2_data_rate if request.data_rate is None else request.data_rate
    if request.redundancy is None and request.nb_coded is None and not {"redundancy", "nb_coded"} & axes.keys():
        raise click.UsageError(
            "--sweep needs --redundancy or --coded, or an axis with one of them, such as redundancy=0.1:0.5:0.1"
        )
    return grid(
        axes,
        image_bytes=image_bytes,
        region=channel_plan.name,
        data_rate=None if "data_rate" in axes else data_rate,
        frag_size=None if "frag_size" in axes else request.frag_size,
        redundancy=None if "redundancy" in axes else request.redundancy,
        nb_coded=None if "nb_coded" in axes else request.nb_coded,
        loss=None if "loss" in axes else request.loss,
        burst_frames=None if "burst_frames" in axes else simulation.burst,
        seed=None if "seed" in axes else simulation.seed,
    )


def _show(out: Output, axes: list[str], stats: Sequence[PointStats]) -> None:
    from rich import box
    from rich.table import Table

    table = Table(*axes, box=box.SIMPLE)
    for name in ("complete", "95% confidence", "devices", "duration"):
        table.add_column(name, justify="right")
    for point_stats in stats:
        out.event("point", **point_stats.to_json())
        low, high = point_stats.interval()
        table.add_row(
            *(_cell(getattr(point_stats.point, name)) for name in axes),
            spoken_share(point_stats.share),
            f"{spoken_share(low)} to {spoken_share(high)}",
            str(point_stats.devices),
            spoken_duration(point_stats.duration_ms),
        )
    out.table(table)


def _cell(value: object) -> str:
    return f"{value:g}" if isinstance(value, int | float) else str(value)


def _picture_writer(axes: list[str]) -> Callable[[Sequence[PointStats], Path], None]:
    """Return the function that draws the points to a file. Raises click.UsageError if there is no picture for these axes."""
    if axes == ["redundancy"]:
        return _save_redundancy_figure
    if sorted(axes) == ["loss", "redundancy"]:
        return _save_loss_figure
    raise click.UsageError(f"--plot draws redundancy, or loss and redundancy; --sweep has {', '.join(axes)}")


def _save_redundancy_figure(stats: Sequence[PointStats], path: Path) -> None:
    from fuota.fragmentation import decoding_probability
    from fuota.planning.plots import save_figure
    from fuota.sim.plots import redundancy_figure

    def theory(point_stats: PointStats) -> float:
        point, nb_frag = point_stats.point, point_stats.nb_frag_sent
        return decoding_probability(
            nb_frag,
            coded=point_stats.frames - nb_frag,
            loss=point.loss,
            burst_frames=point.burst_frames if point.burst_frames > 1 else None,
            version=point.version,
            seconds=0.05,
        ).estimate

    rows = [
        (point_stats.point.redundancy or 0.0, point_stats.complete, point_stats.devices, theory(point_stats))
        for point_stats in stats
    ]
    save_figure(redundancy_figure(rows), path)


def _save_loss_figure(stats: Sequence[PointStats], path: Path) -> None:
    from fuota.planning.plots import save_figure
    from fuota.sim.plots import loss_heat_map

    losses = sorted({point_stats.point.loss for point_stats in stats})
    redundancies = sorted({point_stats.point.redundancy or 0.0 for point_stats in stats})
    table = [[math.nan] * len(redundancies) for _ in losses]
    for point_stats in stats:
        row, column = losses.index(point_stats.point.loss), redundancies.index(point_stats.point.redundancy or 0.0)
        table[row][column] = point_stats.share
    save_figure(loss_heat_map(losses, redundancies, table), path)


@contextmanager
def _progress(out: Output) -> Iterator[Progress | None]:
    """Yield the function that reports progress: with a bar on a terminal, otherwise as an event per batch."""
    if out.as_json or not sys.stderr.isatty():
        yield lambda done, total, eta_s: out.event("progress", done=done, total=total, eta_s=eta_s)
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("batches"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("sweep", total=None)
        yield lambda done, total, _eta_s: bar.update(task, completed=done, total=total)
