"""What would do where the coded fragments that the server takes are not enough."""

from __future__ import annotations

from fuota.errors import PlanError
from fuota.fragmentation.parity import MAX_FRAGMENT_NUMBER
from fuota.planning.candidate import Candidate
from fuota.planning.goal import Floats
from fuota.planning.link import FragmentLayout, Link, link_of
from fuota.planning.redundancy import SEARCH_S, fewest_coded
from fuota.planning.sizes import cheapest_reaching_goal

MOST_PASSES = 20
HALF = 0.5
MOST_REDUNDANCY = 3
"""More than this is no answer: devices that need it hardly hear anything."""


def why_not_enough(link: Link, layout: FragmentLayout) -> str:
    """What the most coded fragments give, and what reaches the goal instead: a slower data rate, more passes, or an
    application-managed campaign, as far as they do.
    """
    inputs, most = link.inputs, link.most_coded(layout.nb_frag)
    failure = link.model.real(layout.nb_frag, most, seconds=SEARCH_S)
    devices = link.model.classes.devices
    given = 1 - float(failure @ devices / devices.sum())
    ways = [way for way in (_slower(link), _passes(link, failure), _own_campaign(link, layout)) if way]
    limit = f"the {most} coded fragments" if most else "the 0 coded fragments"
    return (
        f"{limit} that {inputs.recipe.server.name} allows beside {layout.nb_frag} uncoded ones complete {given:.4g} of the fleet at"
        f" DR{link.rate.index} of {inputs.region.name}, and {inputs.goal.target:.4g} with {inputs.goal.confidence:.4g} confidence"
        f" was asked for.{_deaf(int(devices[failure > HALF].sum()), int(devices.sum()))} {_hint(ways)}"
    )


def _deaf(devices: int, of: int) -> str:
    if not 0 < devices < of:
        return ""
    return f" {devices} of {of} devices hear so little that each is more likely to fail than not."


def _hint(ways: list[str]) -> str:
    if not ways:
        return (
            "No data rate, number of passes or redundancy reaches that: some devices hear too little; plan without them"
        )
    return "What reaches it: " + "; ".join(ways)


def _slower(link: Link) -> str | None:
    """The fastest of the slower data rates that reaches the goal."""
    inputs = link.inputs
    if not inputs.fleet.depends_on_data_rate:
        return None
    slower = [rate for rate in inputs.region.downlink_data_rates if rate.bitrate_bps < link.rate.bitrate_bps]
    for rate in sorted(slower, key=lambda rate: -rate.bitrate_bps):
        if (found := at_rate(link, rate.index)) is not None:
            return f"DR{rate.index} with {found.nb_coded} coded fragments ({found.duration_us / 3.6e9:.1f} h)"
    return None


def at_rate(link: Link, data_rate: int) -> Candidate | None:
    """The way to the goal at another data rate, or None where there is none."""
    try:
        found = cheapest_reaching_goal(link_of(link.inputs, data_rate))
    except PlanError:
        return None
    return None if found is None or found.session_timeout is None else found


def _passes(link: Link, failure: Floats) -> str | None:
    """How many whole campaigns, each for those that are still incomplete."""
    devices = link.model.classes.devices
    for passes in range(2, MOST_PASSES + 1):
        if link.inputs.goal.is_met(failure**passes, devices):
            return f"{passes} passes, each a new campaign for the devices that are not complete yet"
    return None


def _own_campaign(link: Link, layout: FragmentLayout) -> str | None:
    """What a campaign takes whose fragments the application sends itself."""
    most = MAX_FRAGMENT_NUMBER - layout.nb_frag
    if most <= link.most_coded(layout.nb_frag):
        return None
    nb_coded = fewest_coded(link.model, link.inputs.goal, layout.nb_frag, min(most, MOST_REDUNDANCY * layout.nb_frag))
    if nb_coded is None:
        return None
    return (
        f"an application-managed campaign (a multicast group of your own) with {nb_coded} coded fragments,"
        f" a redundancy of {nb_coded / layout.nb_frag:.2f}"
    )
