"""fuota simulate --sweep: many points, in a table, a file and a picture."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import IO, TYPE_CHECKING, Any

import click

from fuota.cli.options.transfer import given_options
from fuota.cli.output import Output
from fuota.cli.render.words import spoken_duration, spoken_share
from fuota.text import printable

if TYPE_CHECKING:
    from fuota.sim.sweep_file import PointStats
    from fuota.sim.sweeps import Progress

DEVICES = 100_000
_POINT = ("data_rate", "frag_size", "redundancy", "nb_coded", "loss", "burst", "seed")
_TAKEN = {
    *_POINT,
    "image",
    "region_name",
    "devices",
    "axes",
    "rows",
    "scheduler",
    "width",
    "failures",
    "picture",
    "as_json",
}


def simulate_sweep(image: IO[bytes] | None, out: Output, options: dict[str, Any]) -> int:
    """Simulate all points, show what their devices ended with, and draw it. Raises UsageError and FuotaError."""
    from fuota.sim import parse_axis, sweep

    others = [name for name in _all_options() if name not in _TAKEN]
    if given := given_options(others):
        raise click.UsageError(
            f"--sweep takes no {', '.join(given)}: a point is told by the options of one loss and one plan"
        )
    if image is None or options["region_name"] is None:
        raise click.UsageError("--sweep needs an IMAGE and a --region")
    axes = dict(parse_axis(text) for text in options["axes"])
    draw = None if options["picture"] is None else _drawing(list(axes))
    points = _points(axes, len(image.read()), options)
    with _progress(out) as progress:
        stats = sweep(
            points,
            file=options["rows"],
            devices=options["devices"] or DEVICES,
            width=options["width"],
            failures=options["failures"],
            client=options["scheduler"],
            progress=progress,
        )
    _show(out, list(axes), stats)
    if draw is not None:
        from fuota.planning.plots import save_figure

        save_figure(draw(stats), options["picture"])
        out.say(f"wrote {printable(options['picture'])}")
    return 0


def _all_options() -> Iterator[str]:
    for parameter in click.get_current_context().command.params:
        if parameter.name:
            yield parameter.name


def _points(axes: dict[str, Any], image_bytes: int, options: dict[str, Any]) -> Any:
    from fuota.radio import region
    from fuota.sim import grid

    names = {"burst": "burst_frames"}
    fixed = {names.get(name, name): options[name] for name in _POINT if options[name] is not None}
    fixed = {name: value for name, value in fixed.items() if name not in axes}
    place = region(options["region_name"])
    fixed.setdefault("data_rate", place.rx2_data_rate)
    if "data_rate" in axes:
        del fixed["data_rate"]
    if not {"redundancy", "nb_coded"} & {*axes, *fixed}:
        raise click.UsageError(
            "--sweep needs a --redundancy or --coded, or an axis of one, such as redundancy=0.1:0.5:0.1"
        )
    return grid(axes, image_bytes=image_bytes, region=place.name, **fixed)


def _show(out: Output, axes: list[str], stats: Sequence[PointStats]) -> None:
    from rich import box
    from rich.table import Table

    table = Table(*axes, box=box.SIMPLE)
    for name in ("complete", "95% confidence", "devices", "duration"):
        table.add_column(name, justify="right")
    for one in stats:
        out.event("point", **one.to_json())
        low, high = one.interval()
        table.add_row(
            *(
                f"{getattr(one.point, name):g}"
                if _is_number(getattr(one.point, name))
                else str(getattr(one.point, name))
                for name in axes
            ),
            spoken_share(one.share),
            f"{spoken_share(low)} to {spoken_share(high)}",
            str(one.devices),
            spoken_duration(one.duration_ms),
        )
    out.table(table)


def _is_number(value: object) -> bool:
    return isinstance(value, int | float)


def _drawing(axes: list[str]) -> Any:
    """How the points are drawn. Raises UsageError for axes that there is no picture of."""
    if axes == ["redundancy"]:
        return _curve
    if sorted(axes) == ["loss", "redundancy"]:
        return _heat_map
    raise click.UsageError(f"--plot draws redundancy, or loss and redundancy; --sweep has {', '.join(axes)}")


def _curve(stats: Sequence[PointStats]) -> Any:
    from fuota.fragmentation import decoding_probability
    from fuota.sim.plots import redundancy_figure

    def theory(one: PointStats) -> float:
        point = one.point
        burst = point.burst_frames if point.burst_frames > 1 else None
        coded = one.frames - one.nb_frag_sent
        return decoding_probability(
            one.nb_frag_sent, coded=coded, loss=point.loss, burst_frames=burst, version=point.version, seconds=0.05
        ).estimate

    return redundancy_figure([(one.point.redundancy or 0.0, one.complete, one.devices, theory(one)) for one in stats])


def _heat_map(stats: Sequence[PointStats]) -> Any:
    from fuota.sim.plots import loss_heat_map

    losses = sorted({one.point.loss for one in stats})
    shares = sorted({one.point.redundancy or 0.0 for one in stats})
    table = [[math.nan] * len(shares) for _ in losses]
    for one in stats:
        table[losses.index(one.point.loss)][shares.index(one.point.redundancy or 0.0)] = one.share
    return loss_heat_map(losses, shares, table)


@contextmanager
def _progress(out: Output) -> Iterator[Progress | None]:
    """A bar with the time left, on a terminal; an event for each batch with --json."""
    import sys

    if out.as_json or not sys.stderr.isatty():
        yield lambda done, total, eta_s: out.event("progress", done=done, total=total, eta_s=eta_s)
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("batches"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("sweep", total=None)
        yield lambda done, total, _eta_s: bar.update(task, completed=done, total=total)
