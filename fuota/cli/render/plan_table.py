"""A plan as a sentence, a table and findings, or as events."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from fuota.cli import output
from fuota.cli.render.grid import findings_grid, grid
from fuota.cli.render.words import (
    spoken_airtime,
    spoken_duration,
    spoken_energy,
    spoken_mhz,
    spoken_share,
)
from fuota.text import counted

if TYPE_CHECKING:
    from rich.table import Table

    from fuota.cli.output import Output
    from fuota.planning import FrontPoint, TransmissionPlan

GAP = 2
"""Columns between two cells."""
HEADINGS = ("duration", "success", "rate", "fragments", "airtime", "energy")
NARROW = 4
"""Number of headings that are kept on a narrow terminal."""


def show_plan(out: Output, plan: TransmissionPlan) -> None:
    """Show the plan, or one event for it, for each finding and for each excluded device."""
    values = plan.to_json()
    excluded, findings = values.pop("excluded"), values.pop("findings")
    out.event(
        "plan",
        **values,
        frames=plan.frames,
        airtime_us=plan.airtime_us,
        interval_ms=plan.interval_ms,
        session_timeout_s=plan.session_timeout_s,
        success_probability=plan.success_probability,
        transfer_parameters=plan.transfer_parameters(),
    )
    for finding in findings:
        out.event("finding", **finding)
    for device in excluded:
        out.event("excluded", **device)
    if not out.as_json:
        _print(out, plan)


def show_front(out: Output, points: Sequence[FrontPoint]) -> None:
    """Show the points of the front, fastest first, or an event for each point."""
    from dataclasses import asdict

    for point in points:
        out.event("front_point", **asdict(point))
    if not out.as_json:
        columns = shutil.get_terminal_size().columns if sys.stdout.isatty() else output.PIPE_COLUMNS
        out.result("")
        out.table(_front(points, columns))


def _front(points: Sequence[FrontPoint], columns: int) -> Table:
    from rich import box
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False, show_edge=False)
    table.title = "Best in duration or success, for all data rates and fragment sizes"
    rows = [_point(point) for point in points]
    cells = list(zip(HEADINGS, *rows, strict=True))
    widths = _widths(cells, columns) or _widths(cells[:NARROW], columns) or [None] * NARROW
    for heading, width in zip(HEADINGS, widths, strict=False):
        table.add_column(heading, justify="left" if heading == "rate" else "right", width=width)
    for row in rows:
        table.add_row(*row[: len(widths)])
    return table


def _widths(cells: Sequence[tuple[str, ...]], columns: int) -> list[int | None] | None:
    """Return the width of each column so that lines break only between words, None if the terminal is too narrow for that."""
    least = [max(len(word) for cell in column for word in cell.split()) for column in cells]
    widths = [max(map(len, column)) for column in cells]
    while sum(widths) + GAP * (len(cells) - 1) > columns:
        shrinkable = [i for i in range(len(cells)) if widths[i] > least[i]]
        if not shrinkable:
            return None
        widths[max(shrinkable, key=lambda i: widths[i])] -= 1
    return [*widths]


def _point(point: FrontPoint) -> tuple[str, ...]:
    return (
        spoken_duration(point.duration_ms),
        spoken_share(point.success.estimate),
        f"DR{point.data_rate}",
        f"{point.nb_frag} + {point.nb_coded} of {point.frag_size}",
        spoken_airtime(point.airtime_us),
        spoken_energy(point.energy_uj),
    )


def _print(out: Output, plan: TransmissionPlan) -> None:
    out.table(grid([(_sentence(plan),)]))
    out.result("")
    out.table(grid(_rows(plan), name_style="bold"))
    if plan.findings:
        out.result("")
        out.table(findings_grid(plan.findings))


def _sentence(plan: TransmissionPlan) -> str:
    success, coded = plan.success, counted(plan.nb_coded, "coded fragment")
    share = spoken_share(success.mean.estimate)
    ends = f"{share} of {success.devices} devices complete"
    if success.devices == 1:
        ends = f"a device completes with a probability of {share}"
    return (
        f"{plan.image.name}, {counted(plan.image.size, 'byte')}, is sent in {spoken_duration(plan.duration_ms)} at"
        f" DR{plan.data_rate} of {plan.region}, class {plan.device_class}, as {counted(plan.nb_frag, 'uncoded fragment')} of"
        f" {counted(plan.frag_size, 'byte')} and {coded}; {ends}."
    )


def _rows(plan: TransmissionPlan) -> list[tuple[str, str]]:
    hops = f" and {len(plan.frequency_hz) - 1} more, hopping" if len(plan.frequency_hz) > 1 else ""
    session = f"lasts {plan.session_timeout_s} s (TimeOut {plan.session_timeout})"
    padding = f"padding {counted(plan.padding, 'byte')} in the last fragment"
    return [
        ("image", f"SHA-256 {plan.image.sha256[:16]}…, {padding}"),
        ("channel", f"{spoken_mhz(plan.frequency_hz[0])}{hops}; a frame lasts {plan.time_on_air_us / 1000:.3f} ms"),
        ("interval", _interval(plan)),
        ("airtime", f"{spoken_airtime(plan.airtime_us)} in {counted(plan.frames, 'frame')}"),
        ("duration", _duration(plan)),
        ("session", f"starts after {spoken_duration(1000 * plan.start_delay_s)}; {session}"),
        *_success(plan),
        ("energy", f"{spoken_energy(plan.energy_uj)} per device"),
        _sending(plan),
    ]


def _interval(plan: TransmissionPlan) -> str:
    from fuota.radio.class_b import SLOT_US, ping_period_slots

    if plan.slots is None:
        return f"{plan.interval_ms} ms: {plan.pace.reason}"
    apart_s = ping_period_slots(plan.slots.periodicity) * SLOT_US / 1e6
    return (
        f"{plan.interval_ms} ms or more: {plan.pace.reason}; each frame also waits for a ping slot, every {apart_s:g} s"
    )


def _duration(plan: TransmissionPlan) -> str:
    longest = f", or {spoken_duration(plan.longest_ms)} if the server counts the interval from the end of a frame"
    return spoken_duration(plan.duration_ms) + (longest if plan.longest_ms > plan.duration_ms else "")


def _success(plan: TransmissionPlan) -> list[tuple[str, str]]:
    success, mean = plan.success, plan.success.mean
    between = "" if mean.exact else f" ({spoken_share(mean.low)} to {spoken_share(mean.high)}, 95% confidence)"
    if success.devices == 1:
        return [
            (
                "success",
                f"{spoken_share(mean.estimate)}{between}, for a device that loses {success.worst_loss:.3g} of all frames",
            )
        ]
    goal = f"{plan.target:.4g} of them or more complete with a probability of {spoken_share(success.goal)}"
    return [
        ("success", f"{spoken_share(mean.estimate)} of {success.devices} devices{between}"),
        ("", f"{goal}; all of them: {spoken_share(success.every)}"),
        ("worst device", f"{spoken_share(success.worst.estimate)}; it loses {success.worst_loss:.3g} of all frames"),
    ]


def _sending(plan: TransmissionPlan) -> tuple[str, str]:
    if plan.sent_by_server:
        return ("server call", " ".join(f"{name}={value}" for name, value in plan.transfer_parameters().items()))
    return (
        "sending",
        "by the application, to a separate multicast group: mcastTransfer accepts a redundancy of at most 1.0 and fragments of"
        " at most 253 bytes",
    )
