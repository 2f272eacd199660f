"""Alternatives if the coded fragments that the server takes are not enough."""

from __future__ import annotations

from fuota.errors import PlanError
from fuota.fragmentation.limits import MAX_FRAGMENT_NUMBER
from fuota.planning.candidate import Candidate
from fuota.planning.goal import Floats
from fuota.planning.link import FragmentLayout, Link, link_of
from fuota.planning.redundancy import SEARCH_S, fewest_coded
from fuota.planning.sizes import cheapest_reaching_goal

MOST_PASSES = 20
"""Largest number of passes that is suggested."""
HALF = 0.5
"""Probability of failure above which a device counts as receiving too little."""
MOST_REDUNDANCY = 3
"""Largest redundancy that is suggested: devices that need more receive hardly anything."""


def why_not_enough(link: Link, layout: FragmentLayout) -> str:
    """Return the message that the goal is not reached with the most coded fragments, and what reaches it instead.

    The alternatives are a slower data rate, more passes, and an application-managed campaign; each is named only if it works.
    """
    inputs, most = link.inputs, link.most_coded(layout.nb_frag)
    failure = link.model.real(layout.nb_frag, most, seconds=SEARCH_S)
    devices = link.model.classes.devices
    share = 1 - float(failure @ devices / devices.sum())
    ways = [way for way in (_slower(link), _passes(link, failure), _own_campaign(link, layout)) if way]
    limit = f"the {most} coded fragments" if most else "the 0 coded fragments"
    return (
        f"{limit} that {inputs.recipe.server.name} allows with {layout.nb_frag} uncoded fragments complete {share:.4g} of the"
        f" fleet at DR{link.rate.index} of {inputs.region.name}, and the goal is {inputs.goal.target:.4g} with"
        f" {inputs.goal.confidence:.4g} confidence.{_weak(int(devices[failure > HALF].sum()), int(devices.sum()))}"
        f" {_advice(ways)}"
    )


def _weak(devices: int, total: int) -> str:
    if not 0 < devices < total:
        return ""
    return f" {devices} of {total} devices receive too little: each of them more likely fails than completes."


def _advice(ways: list[str]) -> str:
    if not ways:
        return "No data rate, number of passes or redundancy reaches it: some devices receive too little; plan without them"
    return "These reach it: " + "; ".join(ways)


def _slower(link: Link) -> str | None:
    """Return the fastest slower data rate that reaches the goal, in words, or None."""
    inputs = link.inputs
    if not inputs.fleet.depends_on_data_rate:
        return None
    slower = [rate for rate in inputs.region.downlink_data_rates if rate.bitrate_bps < link.rate.bitrate_bps]
    for rate in sorted(slower, key=lambda rate: -rate.bitrate_bps):
        if (candidate := at_rate(link, rate.index)) is not None:
            return f"DR{rate.index} with {candidate.nb_coded} coded fragments ({candidate.duration_us / 3.6e9:.1f} h)"
    return None


def at_rate(link: Link, data_rate: int) -> Candidate | None:
    """Return the candidate that reaches the goal at another data rate within a session, or None."""
    try:
        candidate = cheapest_reaching_goal(link_of(link.inputs, data_rate))
    except PlanError:
        return None
    return None if candidate is None or candidate.session_timeout is None else candidate


def _passes(link: Link, failure: Floats) -> str | None:
    """Return the number of whole campaigns, each for the devices that are still incomplete, in words, or None."""
    devices = link.model.classes.devices
    for passes in range(2, MOST_PASSES + 1):
        if link.inputs.goal.is_met(failure**passes, devices):
            return f"{passes} passes, each a new campaign for the devices that are not complete yet"
    return None


def _own_campaign(link: Link, layout: FragmentLayout) -> str | None:
    """Return what a campaign takes whose fragments the application sends itself, in words, or None."""
    most = MAX_FRAGMENT_NUMBER - layout.nb_frag
    if most <= link.most_coded(layout.nb_frag):
        return None
    most = min(most, MOST_REDUNDANCY * layout.nb_frag)
    nb_coded = fewest_coded(link.model, link.inputs.goal, layout.nb_frag, most)
    if nb_coded is None:
        return None
    return (
        f"an application-managed campaign (a multicast group of the application) with {nb_coded} coded fragments,"
        f" a redundancy of {nb_coded / layout.nb_frag:.2f}"
    )
