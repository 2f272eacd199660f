"""A simulated fleet as people read it: a sentence, what its devices ended with, and what that cost; and as an event."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from fuota.cli.output import Output
from fuota.cli.render.words import spoken_airtime, spoken_duration, spoken_energy, spoken_share
from fuota.text import counted, printable

if TYPE_CHECKING:
    from rich.table import Table

    from fuota.device import DeviceProfile
    from fuota.planning import PlanInputs, TransmissionPlan
    from fuota.sim import SimulatedAir, SimulatedVerdict

SHARES = (0.5, 0.9, 0.99)


def show_verdict(
    out: Output, task: PlanInputs, plan: TransmissionPlan, air: SimulatedAir, verdict: SimulatedVerdict
) -> None:
    """The table on stdout, or the event."""
    show = _tell if out.as_json else _print
    show(out, task, plan, air, verdict)


def _tell(out: Output, task: PlanInputs, plan: TransmissionPlan, air: SimulatedAir, verdict: SimulatedVerdict) -> None:
    from fuota.planning import plan_sha256

    out.event(
        "verdict",
        **verdict.to_json(),
        complete_after_ms={str(share): _after_ms(plan, verdict, share) for share in SHARES},
        target=task.goal.target,
        planned=plan.success_probability,
        plan_sha256=plan_sha256(plan),
        seed=air.seed,
    )


def _print(out: Output, task: PlanInputs, plan: TransmissionPlan, air: SimulatedAir, verdict: SimulatedVerdict) -> None:
    out.table(_grid([(_sentence(plan, verdict),)]))
    out.result("")
    out.table(_outcomes(plan, air, verdict))
    out.result("")
    out.table(_grid(_rows(task, plan, air, verdict)))


def _grid(rows: list[tuple[str, ...]]) -> Table:
    """Rows of a text, or of a name and a text, shown as they are: texts from outside are no markup."""
    from rich.table import Table
    from rich.text import Text

    table = Table.grid(padding=(0, 2, 0, 0))
    if len(rows[0]) > 1:
        table.add_column(style="bold", no_wrap=True)
    table.add_column()
    for row in rows:
        table.add_row(*(Text(printable(cell)) for cell in row))
    return table


def _sentence(plan: TransmissionPlan, verdict: SimulatedVerdict) -> str:
    low, high = _interval(verdict)
    share, least, most = (_share(one, high - low) for one in (verdict.share, low, high))
    who = f"{counted(verdict.devices, 'device')} {'completes' if verdict.devices == 1 else 'complete'}"
    said = f"{share} of {who} ({least} to {most}, 95% confidence)"
    if not verdict.complete:
        return said + "."
    half, nearly_all = (_after_ms(plan, verdict, share) for share in (0.5, 0.99))
    if half is None:
        return f"{said}; half of them never do."
    if verdict.devices == 1:
        return f"{said}; after {spoken_duration(half)} of sending."
    later = "99% never" if nearly_all is None else f"99% after {spoken_duration(nearly_all)}"
    return f"{said}; half of them after {spoken_duration(half)} of sending, {later}."


def _share(share: float, width: float) -> str:
    """In percent, with figures enough to show an interval of that width."""
    digits = min(max(-math.floor(math.log10(max(100 * width, 1e-6))), 1), 6)
    spoken = spoken_share(share)
    exact = f"{100 * share:.{digits}f}%"
    return exact if 0 < share < 1 and len(exact) > len(spoken) else spoken


def _interval(verdict: SimulatedVerdict) -> tuple[float, float]:
    """The interval, with all and none exactly that."""
    low, high = verdict.interval()
    return low if verdict.complete else 0.0, 1.0 if verdict.complete == verdict.devices else high


def _after_ms(plan: TransmissionPlan, verdict: SimulatedVerdict, share: float) -> int | None:
    """From the first frame to the end of the one with which that share of the fleet is complete."""
    n = verdict.quantile(share)
    return None if n is None else int(verdict.starts_ms[n - 1]) - (-plan.time_on_air_us // 1000)


def _outcomes(plan: TransmissionPlan, air: SimulatedAir, verdict: SimulatedVerdict) -> Table:
    from rich import box
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD, show_footer=True, padding=(0, 1, 0, 0), pad_edge=False, show_edge=False)
    table.add_column("outcome", footer="all", no_wrap=True)
    table.add_column("devices", footer=str(verdict.devices), justify="right", no_wrap=True)
    table.add_column("share", footer="100%", justify="right", no_wrap=True)
    table.add_column("")
    for ending, count in verdict.counts.items():
        if count or ending == "complete":
            details = Text(printable(_details(ending, plan, air, verdict)))
            table.add_row(ending, str(count), spoken_share(count / verdict.devices), details)
    return table


def _details(ending: str, plan: TransmissionPlan, air: SimulatedAir, verdict: SimulatedVerdict) -> str:
    profile = _profile(air)
    match ending:
        case "incomplete":
            one, two = (int(verdict.missing[i]) if i < len(verdict.missing) else 0 for i in (1, 2))
            more = int(verdict.missing[3:].sum())
            lacking = [
                f"{count} {name}"
                for count, name in ((one, "lack 1 fragment"), (two, "lack 2"), (more, "lack more"))
                if count
            ]
            return ", ".join(lacking)
        case "gave up":
            return f"lost more than the {profile.max_repairable()} fragments that {profile.name} can repair"
        case "refused":
            return (
                f"{profile.name} takes no {counted(plan.nb_frag, 'fragment')} of {counted(plan.frag_size, 'byte')},"
                f" {plan.image.size} in all"
            )
    return ""


def _rows(
    task: PlanInputs, plan: TransmissionPlan, air: SimulatedAir, verdict: SimulatedVerdict
) -> list[tuple[str, ...]]:
    each, of_fleet = "", ""
    if verdict.complete:
        each = f", {_small(verdict.airtime_per_complete_us)} for each device that completed"
        of_fleet = f"; {spoken_energy(round(verdict.energy_per_complete_uj))} of the fleet for each that completed"
    coded = f"{plan.nb_coded} coded {'one' if plan.nb_coded == 1 else 'ones'}"
    shape = f"{counted(plan.nb_frag, 'fragment')} of {counted(plan.frag_size, 'byte')} and {coded}"
    left_out = len(task.fleet.excluded)
    return [
        (
            "plan",
            f"{plan.image.name} as {shape} at DR{plan.data_rate} of {plan.region}, {spoken_duration(plan.duration_ms)}",
        ),
        ("devices", _hearing(plan, air)),
        *(
            [("left out", f"{counted(left_out, 'device')} of the fleet file; `fuota plan` says why")]
            if left_out
            else []
        ),
        ("airtime", f"{spoken_airtime(plan.airtime_us)} in {counted(plan.frames, 'frame')}{each}"),
        ("energy", f"{spoken_energy(verdict.energy_uj)} of a device{of_fleet}"),
        ("planned", _planned_share(plan)),
        ("target", _target(task, verdict)),
        ("recipe", f"seed {air.seed}, SHA-256 {verdict.recipe[:16]}…"),
    ]


def _hearing(plan: TransmissionPlan, air: SimulatedAir) -> str:
    """What is assumed of the devices."""
    said = [f"profile {_profile(air).name}"]
    if air.fleet is not None:
        from fuota.radio import region

        losses = air.fleet.losses(region(plan.region).data_rate(plan.data_rate))
        mean, worst = float((losses * air.fleet.counts).sum()) / air.fleet.devices, float(losses.max())
        said.append(f"losing {mean:.3g} of all frames in the mean, {worst:.3g} at worst, each as the fleet file says")
    elif air.loss is not None:
        loss, burst = (float(values[0]) for values in air.loss.device_losses(0, 1))
        said.append(f"each losing {loss:.3g} of all frames" + (f", in runs of {burst:.3g}" if burst > 1 else ""))
    if air.uplinks is not None:
        said.append(f"sending {air.uplinks.sending_ms} ms each {air.uplinks.period_s} s")
    for share, how in ((air.absence.late_share, "joining late"), (air.absence.early_share, "leaving early")):
        if share:
            said.append(f"{spoken_share(share)} {how}")
    return "; ".join(said)


def _planned_share(plan: TransmissionPlan) -> str:
    mean = plan.success.mean
    between = "" if mean.exact else f" ({spoken_share(mean.low)} to {spoken_share(mean.high)}, 95% confidence)"
    return f"{spoken_share(mean.estimate)}{between} is the plan's own estimate"


def _target(task: PlanInputs, verdict: SimulatedVerdict) -> str:
    target, (low, high) = task.goal.target, _interval(verdict)
    said = f"{spoken_share(target)} of all devices: {'met' if verdict.share >= target else 'missed'}"
    more = "" if isinstance(task.recipe.fleet, str) else ": more --devices tell"
    return said + (f", by chance perhaps{more}" if low < target < high else "")


def _small(airtime_us: float) -> str:
    """Airtime that may be far below a millisecond."""
    return spoken_airtime(round(airtime_us)) if airtime_us >= 1000 else f"{airtime_us:.3g} µs"


def _profile(air: SimulatedAir) -> DeviceProfile:
    from fuota.device import DeviceProfile

    return air.profile or DeviceProfile()
