"""Findings about a plan: its assumptions, its weak points, and what to do. docs/findings.md lists the codes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from fuota.findings import Finding, note, warning
from fuota.fragmentation import uncovered
from fuota.planning.link import Link
from fuota.planning.recipe import ASSUMED_LOSS
from fuota.planning.redundancy import fewest_coded
from fuota.planning.transmission_plan import TransmissionPlan
from fuota.text import counted

FEW_FRAGMENTS = 20
"""Number of fragments below which the code should not be used (TS004-2.0.0 A.3)."""
SHOWN_REASONS = 3
_SHOWN_FRAGMENTS = 8
NEARLY_ALL = 0.8
"""Share of a session above which a small delay ends it early."""


def findings_of(link: Link, plan: TransmissionPlan) -> Iterator[Finding]:
    """Yield all findings, the assumptions first."""
    yield from _assumptions(link)
    yield from _radio(link, plan)
    yield from _code(plan)
    yield from _fleet(link, plan)
    yield from _session(link, plan)


def _assumptions(link: Link) -> Iterator[Finding]:
    recipe = link.inputs.recipe
    if recipe.loss is None and (recipe.fleet is None or isinstance(recipe.fleet, int)):
        yield warning(
            "loss-assumed",
            f"nothing is known of the links: every device is assumed to lose {ASSUMED_LOSS:.0%} of all frames. Give --loss, or"
            " a --fleet file such as the server's device export",
        )
    if recipe.profile is None:
        yield warning(
            "profile-unknown",
            "there is no device profile: devices are assumed to hold any session and to write flash in no time. Give --profile;"
            f" the server's own default interval is {recipe.server.default_interval_ms} ms (--interval-ms)",
        )
    if recipe.optimise is not None and not link.inputs.fleet.depends_on_data_rate:
        yield warning(
            "loss-at-every-rate",
            "the same loss is used for every data rate, although faster data rates lose more: a fleet file with link figures"
            " gives the loss at each data rate",
        )


def _radio(link: Link, plan: TransmissionPlan) -> Iterator[Finding]:
    for change in plan.overridden:
        yield warning("overridden", f"{change}: the plan is legal only if this change is")
    if link.inputs.recipe.data_rate is None and plan.data_rate != link.inputs.region.rx2_data_rate:
        yield note(
            "data-rate-chosen",
            f"DR{plan.data_rate} was chosen: {_why_chosen(link)} (--data-rate sets another)",
        )
    region, bandwidth_hz = link.inputs.region, link.rate.bandwidth_hz
    sub_band = region.sub_band(plan.frequency_hz[0], bandwidth_hz)
    if sub_band.note:
        yield note("sub-band", f"sub-band {sub_band.name} of {region.name}: {sub_band.note}")
    if region.status:
        yield warning("region-status", f"{region.name} is {region.status}")
    if plan.slots is not None:
        yield note(
            "class-b-slots",
            f"the ping slots are for McAddr {plan.slots.address:08x} with periodicity {plan.slots.periodicity} from GPS time"
            f" {plan.slots.first_beacon_s} s on; {link.inputs.recipe.server.name} accepts neither of them with a file, so the"
            " frames will be in other slots (--mc-addr, --periodicity, --start-gps)",
        )


def _why_chosen(link: Link) -> str:
    """Return why the planner did not choose the data rate of RX2."""
    recipe, rx2 = link.inputs.recipe, f"DR{link.inputs.region.rx2_data_rate}, the data rate of RX2"
    if recipe.optimise is not None:
        return f"it needs the least {recipe.optimise} to reach the goal, less than {rx2}"
    if link.inputs.fleet.depends_on_data_rate and recipe.nb_coded is None and recipe.redundancy is None:
        return f"with the links of these devices it needs the least time to reach the goal, less than {rx2}"
    return f"at {rx2}, a session would be too short or there is no plan"


def _code(plan: TransmissionPlan) -> Iterator[Finding]:
    bare = uncovered(plan.nb_frag, plan.nb_coded, plan.version, plan.variant) if plan.nb_coded else ()
    if bare:
        more = f" and {len(bare) - _SHOWN_FRAGMENTS} more" if len(bare) > _SHOWN_FRAGMENTS else ""
        shown = ", ".join(map(str, bare[:_SHOWN_FRAGMENTS])) + more
        yield warning(
            "uncovered",
            f"no coded fragment contains fragment {shown}: a device that loses {'it' if len(bare) == 1 else 'one of them'} cannot"
            " complete, however many others it receives. Another --frag-size or more coded fragments change that",
        )
    if plan.nb_coded == 0:
        yield warning("no-redundancy", "there are no coded fragments: a device that loses one frame cannot complete")
    elif plan.nb_frag < FEW_FRAGMENTS:
        yield note(
            "few-fragments",
            f"{counted(plan.nb_frag, 'fragment')} {'is' if plan.nb_frag == 1 else 'are'} few for this code (TS004-2.0.0 A.3:"
            f" {FEW_FRAGMENTS} or more): smaller fragments repair better",
        )


def _fleet(link: Link, plan: TransmissionPlan) -> Iterator[Finding]:
    goal, success = link.inputs.goal, plan.success
    if not success.reached:
        yield warning("goal-missed", _missed(link, plan))
    if success.devices > 1 and goal.target < 1 and success.every < goal.confidence:
        yield note(
            "not-all",
            f"all {success.devices} devices complete at once with a probability of {success.every:.2g}: plan a second campaign"
            " for the other devices (--target 1 plans for all)",
        )
    if plan.excluded:
        reasons = Counter(device.reason for device in plan.excluded).most_common()
        shown = "; ".join(f"{count}: {reason}" for reason, count in reasons[:SHOWN_REASONS])
        hidden = len(reasons) - SHOWN_REASONS
        more = f"; and {counted(hidden, 'more reason')}" if hidden > 0 else ""
        yield warning("excluded", f"{counted(len(plan.excluded), 'device')} cannot take part: {shown}{more}")


def _missed(link: Link, plan: TransmissionPlan) -> str:
    goal, most = link.inputs.goal, link.most_coded(plan.nb_frag)
    enough = fewest_coded(link.model, goal, plan.nb_frag, most)
    remedy = f"even {most}, the largest number, are not enough"
    if enough is not None:
        remedy = f"{counted(enough, 'coded fragment')} would be enough"
    sent, share = counted(plan.nb_coded, "coded fragment"), f"{plan.success_probability:.4g}"
    if plan.success.devices == 1:
        target = goal.target if goal.target < 1 else goal.confidence
        return f"with {sent} the device completes with a probability of {share}, not {target:.4g}: {remedy}"
    completes = "completes" if plan.nb_coded == 1 else "complete"
    target_text = f"{goal.target:.4g} with {goal.confidence:.4g} confidence"
    return f"{sent} {completes} {share} of the fleet, not {target_text}: {remedy}"


def _session(link: Link, plan: TransmissionPlan) -> Iterator[Finding]:
    server = link.inputs.recipe.server
    share = plan.longest_ms / 1000 / server.max_session_s
    if share > 1:
        yield warning(
            "session-short",
            f"if {server.name} counts its pause from the end of each frame, the transfer takes {plan.longest_ms / 3.6e6:.1f} h,"
            f" but a session lasts {server.max_session_s / 3600:.1f} h: the devices would miss the last fragments. A faster data"
            " rate is safer",
        )
    elif share > NEARLY_ALL:
        yield warning(
            "session-nearly-full",
            f"the session may be used to {share:.0%}: a delay of the server can cut off the last fragments",
        )
    if link.inputs.profile.uplink_period_s is None and link.inputs.recipe.start_delay_s is None:
        yield note(
            "start-delay",
            f"the start is delayed by {plan.start_delay_s} s to set up the devices, which takes several uplink periods; give"
            " uplink_period_s in the profile, or --start-delay",
        )
