"""Result of a simulation as a sentence and tables, or as an event."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from fuota.cli.output import Output
from fuota.cli.render.grid import grid
from fuota.cli.render.words import spoken_airtime, spoken_duration, spoken_energy, spoken_share
from fuota.text import counted, printable

if TYPE_CHECKING:
    from rich.table import Table

    from fuota.device import DeviceProfile
    from fuota.planning import PlanInputs, TransmissionPlan
    from fuota.sim import SimulatedAir, SimulatedVerdict

SHARES = (0.5, 0.9, 0.99)
"""Shares of the devices whose completion times are in the event."""
MAX_DIGITS = 6


def show_verdict(
    out: Output, inputs: PlanInputs, plan: TransmissionPlan, air: SimulatedAir, verdict: SimulatedVerdict
) -> None:
    """Show the result, or the event if --json was given."""
    if out.as_json:
        _send_event(out, inputs, plan, air, verdict)
        return
    out.table(grid([(_sentence(plan, verdict),)]))
    out.result("")
    out.table(_outcomes(plan, air, verdict))
    out.result("")
    out.table(grid(_rows(inputs, plan, air, verdict), name_style="bold"))


def _send_event(
    out: Output, inputs: PlanInputs, plan: TransmissionPlan, air: SimulatedAir, verdict: SimulatedVerdict
) -> None:
    from fuota.planning import plan_sha256

    out.event(
        "verdict",
        **verdict.to_json(),
        complete_after_ms={str(share): _complete_after_ms(plan, verdict, share) for share in SHARES},
        target=inputs.goal.target,
        planned=plan.success_probability,
        plan_sha256=plan_sha256(plan),
        seed=air.seed,
    )


def _sentence(plan: TransmissionPlan, verdict: SimulatedVerdict) -> str:
    low, high = _interval(verdict)
    share, least, most = (_share(value, high - low) for value in (verdict.share, low, high))
    devices = f"{counted(verdict.devices, 'device')} {'completes' if verdict.devices == 1 else 'complete'}"
    sentence = f"{share} of {devices} ({least} to {most}, 95% confidence)"
    if not verdict.complete:
        return f"{sentence}."
    half, nearly_all = (_complete_after_ms(plan, verdict, share) for share in (0.5, 0.99))
    if half is None:
        return f"{sentence}; half of them never complete."
    if verdict.devices == 1:
        return f"{sentence}; after {spoken_duration(half)} of sending."
    later = "99% never" if nearly_all is None else f"99% after {spoken_duration(nearly_all)}"
    return f"{sentence}; half of them after {spoken_duration(half)} of sending, {later}."


def _share(share: float, width: float) -> str:
    """Return the share in percent, with enough digits to show an interval of that width."""
    digits = min(max(-math.floor(math.log10(max(100 * width, 1e-6))), 1), MAX_DIGITS)
    short, exact = spoken_share(share), f"{100 * share:.{digits}f}%"
    return exact if 0 < share < 1 and len(exact) > len(short) else short


def _interval(verdict: SimulatedVerdict) -> tuple[float, float]:
    """Return the confidence interval; its ends are exactly 0 and 1 if no or all devices completed."""
    low, high = verdict.interval()
    return low if verdict.complete else 0.0, 1.0 if verdict.complete == verdict.devices else high


def _complete_after_ms(plan: TransmissionPlan, verdict: SimulatedVerdict, share: float) -> int | None:
    """Return the time from the first frame to the end of the frame that completes this share of the devices."""
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
            return _missing(verdict)
        case "gave up":
            return f"lost more than the {profile.max_repairable()} fragments that {profile.name} can repair"
        case "refused":
            return (
                f"{profile.name} does not accept {counted(plan.nb_frag, 'fragment')} of"
                f" {counted(plan.frag_size, 'byte')}, {plan.image.size} in total"
            )
    return ""


def _missing(verdict: SimulatedVerdict) -> str:
    """Return how many devices lack 1, 2 or more fragments."""
    lacking_1, lacking_2 = (int(verdict.missing[i]) if i < len(verdict.missing) else 0 for i in (1, 2))
    lacking_more = int(verdict.missing[3:].sum())
    counts = ((lacking_1, "lack 1 fragment"), (lacking_2, "lack 2"), (lacking_more, "lack more"))
    return ", ".join(f"{count} {text}" for count, text in counts if count)


def _rows(
    inputs: PlanInputs, plan: TransmissionPlan, air: SimulatedAir, verdict: SimulatedVerdict
) -> list[tuple[str, ...]]:
    airtime, energy = "", ""
    if verdict.complete:
        airtime = f", {_small_airtime(verdict.airtime_per_complete_us)} per complete device"
        energy = f"; {spoken_energy(round(verdict.energy_per_complete_uj))} of the fleet per complete device"
    excluded = len(inputs.fleet.excluded)
    return [
        ("plan", _plan(plan)),
        ("devices", _devices(plan, air)),
        *([("left out", f"{counted(excluded, 'device')} of the fleet file; `fuota plan` shows why")] * bool(excluded)),
        ("airtime", f"{spoken_airtime(plan.airtime_us)} in {counted(plan.frames, 'frame')}{airtime}"),
        ("energy", f"{spoken_energy(verdict.energy_uj)} per device{energy}"),
        ("planned", _planned_share(plan)),
        ("target", _target(inputs, verdict)),
        ("recipe", f"seed {air.seed}, SHA-256 {verdict.recipe[:16]}…"),
    ]


def _plan(plan: TransmissionPlan) -> str:
    uncoded, coded = counted(plan.nb_frag, "uncoded fragment"), counted(plan.nb_coded, "coded fragment")
    fragments = f"{uncoded} of {counted(plan.frag_size, 'byte')} and {coded}"
    radio = f"DR{plan.data_rate} of {plan.region}"
    return f"{plan.image.name} as {fragments} at {radio}, {spoken_duration(plan.duration_ms)}"


def _devices(plan: TransmissionPlan, air: SimulatedAir) -> str:
    """Return what is assumed of the devices."""
    parts = [f"profile {_profile(air).name}"]
    if air.fleet is not None:
        from fuota.radio import region

        losses = air.fleet.losses(region(plan.region).data_rate(plan.data_rate))
        mean, worst = float((losses * air.fleet.counts).sum()) / air.fleet.devices, float(losses.max())
        parts.append(f"losing {mean:.3g} of all frames on average, {worst:.3g} at worst, according to the fleet file")
    elif air.loss is not None:
        loss, burst = (float(values[0]) for values in air.loss.device_losses(0, 1))
        parts.append(f"each losing {loss:.3g} of all frames" + (f", in bursts of {burst:.3g}" if burst > 1 else ""))
    if air.uplinks is not None:
        parts.append(f"sending for {air.uplinks.sending_ms} ms every {air.uplinks.period_s} s")
    for share, action in ((air.absence.late_share, "joining late"), (air.absence.early_share, "leaving early")):
        if share:
            parts.append(f"{spoken_share(share)} {action}")
    return "; ".join(parts)


def _planned_share(plan: TransmissionPlan) -> str:
    mean = plan.success.mean
    interval = "" if mean.exact else f" ({spoken_share(mean.low)} to {spoken_share(mean.high)}, 95% confidence)"
    return f"{spoken_share(mean.estimate)}{interval} is the estimate of the plan"


def _target(inputs: PlanInputs, verdict: SimulatedVerdict) -> str:
    target, (low, high) = inputs.goal.target, _interval(verdict)
    text = f"{spoken_share(target)} of all devices: {'met' if verdict.share >= target else 'missed'}"
    if not low < target < high:
        return text
    advice = "" if isinstance(inputs.recipe.fleet, str) else ": simulate more --devices"
    return f"{text}, perhaps by chance{advice}"


def _small_airtime(airtime_us: float) -> str:
    """Return an airtime that may be far below a millisecond."""
    return spoken_airtime(round(airtime_us)) if airtime_us >= 1000 else f"{airtime_us:.3g} µs"


def _profile(air: SimulatedAir) -> DeviceProfile:
    from fuota.device import DeviceProfile

    return air.profile or DeviceProfile()
