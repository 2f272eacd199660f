"""A plan as people read it: a sentence, a table, and what to watch out for; and as events."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from fuota.cli.words import spoken_duration, spoken_share

if TYPE_CHECKING:
    from rich.table import Table

    from fuota.cli.output import Output
    from fuota.planning import FrontPoint, TransmissionPlan


def show_plan(out: Output, plan: TransmissionPlan) -> None:
    """The whole plan on stdout, or one event for it and one for each finding and each device left out."""
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
    for one in excluded:
        out.event("excluded", **one)
    if not out.as_json:
        _print(out, plan)


def show_front(out: Output, points: Sequence[FrontPoint]) -> None:
    """The front on stdout, fastest first, or an event for each point."""
    from dataclasses import asdict

    from rich import box
    from rich.table import Table

    table = Table(box=box.SIMPLE, title="Best in duration or success, of all data rates and fragment sizes")
    table.add_column("duration", justify="right")
    table.add_column("success", justify="right")
    table.add_column("data rate")
    table.add_column("fragments", justify="right")
    table.add_column("airtime", justify="right")
    table.add_column("energy", justify="right")
    for point in points:
        out.event("front_point", **asdict(point))
        table.add_row(
            spoken_duration(point.duration_ms),
            spoken_share(point.success.estimate),
            f"DR{point.data_rate}",
            f"{point.nb_frag} + {point.nb_coded} of {point.frag_size}",
            f"{point.airtime_us / 1e6:.1f} s",
            f"{point.energy_uj / 1e6:.2f} J",
        )
    out.result("")
    out.table(table)


def _print(out: Output, plan: TransmissionPlan) -> None:
    from rich.table import Table

    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_column(style="bold", no_wrap=True)
    table.add_column()
    for name, text in _rows(plan):
        table.add_row(name, text)
    out.table(_wrapped(_sentence(plan)))
    out.result("")
    out.table(table)
    if plan.findings:
        out.result("")
        out.table(_findings(plan))


def _wrapped(text: str) -> Table:
    from rich.table import Table

    table = Table.grid()
    table.add_row(text)
    return table


def _sentence(plan: TransmissionPlan) -> str:
    success = plan.success
    whom = "a device" if success.devices == 1 else f"{success.devices} devices"
    gets = "completes with" if success.devices == 1 else "complete to"
    return (
        f"{plan.image.name}, {plan.image.size} bytes, goes out in {spoken_duration(plan.duration_ms)} at DR{plan.data_rate} of"
        f" {plan.region}, class {plan.device_class}, as {plan.nb_frag} fragments of {plan.frag_size} bytes and {plan.nb_coded}"
        f" coded ones; {whom} {gets} {spoken_share(success.mean.estimate)}."
    )


def _rows(plan: TransmissionPlan) -> list[tuple[str, str]]:
    hops = f" and {len(plan.frequency_hz) - 1} more, hopping" if len(plan.frequency_hz) > 1 else ""
    session = f"lasts {plan.session_timeout_s} s (TimeOut {plan.session_timeout})"
    return [
        ("image", f"SHA-256 {plan.image.sha256[:16]}…, padding {plan.padding} bytes in the last fragment"),
        ("channel", f"{plan.frequency_hz[0] / 1e6:g} MHz{hops}; a frame lasts {plan.time_on_air_us / 1000:.3f} ms"),
        ("interval", f"{plan.interval_ms} ms: {plan.pace.reason}"),
        ("airtime", f"{plan.airtime_us / 1e6:.1f} s in {plan.frames} frames"),
        ("duration", _duration(plan)),
        ("session", f"starts after {spoken_duration(1000 * plan.start_delay_s)}; {session}"),
        *_success(plan),
        ("energy", f"{plan.energy_uj / 1e6:.2f} J for each device"),
        ("server call", " ".join(f"{name}={value}" for name, value in plan.transfer_parameters().items())),
    ]


def _duration(plan: TransmissionPlan) -> str:
    longest = f", or {spoken_duration(plan.longest_ms)} if the server counts its pause from the end of a frame"
    return spoken_duration(plan.duration_ms) + (longest if plan.longest_ms > plan.duration_ms else "")


def _success(plan: TransmissionPlan) -> list[tuple[str, str]]:
    success, mean = plan.success, plan.success.mean
    between = "" if mean.exact else f" ({spoken_share(mean.low)} to {spoken_share(mean.high)}, 95% confidence)"
    if success.devices == 1:
        return [
            (
                "success",
                f"{spoken_share(mean.estimate)}{between}, of a device that loses {success.worst_loss:.3g} of all frames",
            )
        ]
    enough = f"{plan.target:.4g} of them or more with a probability of {spoken_share(success.goal)}"
    return [
        ("success", f"{spoken_share(mean.estimate)} of {success.devices} devices{between}"),
        ("", f"{enough}; all of them: {spoken_share(success.every)}"),
        ("worst device", f"{spoken_share(success.worst.estimate)}; it loses {success.worst_loss:.3g} of all frames"),
    ]


def _findings(plan: TransmissionPlan) -> Table:
    from rich.table import Table

    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_column(no_wrap=True)
    table.add_column()
    for finding in plan.findings:
        table.add_row(finding.severity.value, f"{finding.message} ({finding.code})")
    return table
