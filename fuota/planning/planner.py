"""From a recipe to a plan, or to the reason why there is none."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from fuota.errors import PlanError
from fuota.fragmentation.parity import MAX_FRAGMENT_NUMBER, coded_count
from fuota.planning.advice import findings_of
from fuota.planning.alternatives import at_rate, why_not_enough
from fuota.planning.candidate import Candidate
from fuota.planning.link import Link, link_of
from fuota.planning.optimise import best_of
from fuota.planning.recipe import HoldsData, Image, PlanInputs, PlanRecipe
from fuota.planning.redundancy import success_of
from fuota.planning.sizes import cheapest_reaching_goal
from fuota.planning.timing import MAX_TIMEOUT, session_timeout_s
from fuota.planning.transmission_plan import TransmissionPlan

_EXCHANGES = 3
"""Unicast exchanges that set a device up: McGroupSetup, FragSessionSetup, McClassCSession or McClassBSession."""
_TRIES = 2
"""An answer may be lost once."""
DEFAULT_START_DELAY_S = 300


def plan(image: bytes | str | Path | HoldsData, *, region: Any, **choices: Any) -> TransmissionPlan:
    """The plan that sends `image` (octets, a file, or an open image) to a fleet; `choices` are the fields of PlanRecipe.

    Raises PlanError or ImageError, with the reason and what would do instead, where there is no such plan; ParameterError for
    a choice outside its rule; StorageError or MessageError for a fleet or profile file that cannot be read.
    """
    recipe = PlanRecipe(region=region, **choices)
    return plan_of(PlanInputs.of(Image.of(image, recipe.name), recipe))


def plan_of(inputs: PlanInputs) -> TransmissionPlan:
    """Return the plan for looked-up inputs, see `plan`."""
    return _assembled(_candidate(inputs))


def _candidate(inputs: PlanInputs) -> Candidate:
    """What the recipe asks for; where it leaves the data rate open and devices hear differently at each, the fastest good one."""
    recipe = inputs.recipe
    said = recipe.nb_coded is not None or recipe.redundancy is not None
    if recipe.optimise is not None:
        return best_of(inputs, recipe.optimise)
    if recipe.data_rate is not None:
        return _at(inputs, recipe.data_rate)
    if inputs.fleet.depends_on_data_rate and not said:
        return best_of(inputs, "time")
    return _as_slow_as_possible(inputs)


def _as_slow_as_possible(inputs: PlanInputs) -> Candidate:
    """At the data rate of RX2, as the server does it; where that does not work, at the slowest faster one that does."""
    default = _at_or_why(inputs, inputs.region.rx2_data_rate)
    if isinstance(default, Candidate) and default.session_timeout is not None:
        return default
    bitrate_bps = inputs.region.data_rate(inputs.region.rx2_data_rate).bitrate_bps
    faster = [rate for rate in inputs.region.downlink_data_rates if rate.bitrate_bps > bitrate_bps]
    for rate in sorted(faster, key=lambda rate: rate.bitrate_bps):
        found = _at_or_why(inputs, rate.index)
        if isinstance(found, Candidate) and found.session_timeout is not None:
            return found
    if isinstance(default, PlanError):
        raise default
    return default


def _at_or_why(inputs: PlanInputs, data_rate: int) -> Candidate | PlanError:
    try:
        return _at(inputs, data_rate)
    except PlanError as error:
        return error


def _at(inputs: PlanInputs, data_rate: int) -> Candidate:
    recipe, link = inputs.recipe, link_of(inputs, data_rate)
    layout = link.layout(recipe.frag_size or link.largest())
    if recipe.nb_coded is None and recipe.redundancy is None:
        found = cheapest_reaching_goal(link)
        if found is None:
            raise PlanError(why_not_enough(link, layout))
        return found
    return Candidate(link=link, layout=layout, nb_coded=_checked_coded(link, layout.nb_frag))


def _checked_coded(link: Link, nb_frag: int) -> int:
    recipe = link.inputs.recipe
    given = recipe.redundancy if recipe.nb_coded is None else recipe.nb_coded
    nb_coded = coded_count(nb_frag, float(given) if recipe.nb_coded is None else given)  # type: ignore[arg-type]
    if nb_frag + nb_coded > MAX_FRAGMENT_NUMBER:
        raise PlanError(
            f"{nb_frag} uncoded and {nb_coded} coded fragments are {nb_frag + nb_coded}: N has 14 bits (TS004, Index&N), so"
            f" {MAX_FRAGMENT_NUMBER} at most; the nearest is {link.most_coded(nb_frag)} coded ones"
        )
    if nb_coded > link.most_redundant * nb_frag:
        raise PlanError(
            f"{nb_coded} coded fragments for {nb_frag} uncoded ones are a redundancy of {nb_coded / nb_frag:.2f}:"
            f" {recipe.server.name} takes {link.most_redundant} at most; the nearest is {link.most_coded(nb_frag)}"
        )
    return nb_coded


def _assembled(candidate: Candidate) -> TransmissionPlan:
    link, layout, nb_coded = candidate.link, candidate.layout, candidate.nb_coded
    inputs, recipe = link.inputs, link.inputs.recipe
    timeout = _timeout(candidate)
    success = success_of(link.model, inputs.goal, layout.nb_frag, nb_coded)
    decided: dict[str, Any] = {
        "image": inputs.image,
        "region": inputs.region.name,
        "device_class": recipe.device_class,
        "data_rate": link.rate.index,
        "frequency_hz": link.frequency_hz,
        "channel": link.channel,
        "frag_size": layout.frag_size,
        "nb_frag": layout.nb_frag,
        "nb_coded": nb_coded,
        "padding": layout.padding,
        "version": inputs.profile.version,
        "variant": inputs.profile.variant,
        "descriptor": inputs.profile.descriptor,
        "time_on_air_us": layout.time_on_air_us,
        "pace": layout.pace,
        "slots": link.slots,
        "start_delay_s": _start_delay_s(inputs),
        "session_timeout": timeout,
        "duration_ms": -(-candidate.duration_us // 1000),
        "longest_ms": -(-candidate.longest_us // 1000),
        "energy_uj": candidate.energy_uj,
        "target": recipe.target,
        "confidence": recipe.confidence,
        "success": success,
        "excluded": inputs.fleet.excluded,
        "overridden": link.limits.overridden,
    }
    without = TransmissionPlan(findings=(), **decided)
    return TransmissionPlan(findings=tuple(findings_of(link, without)), **decided)


def _timeout(candidate: Candidate) -> int:
    timeout = candidate.session_timeout
    if timeout is not None:
        return timeout
    link, recipe = candidate.link, candidate.link.inputs.recipe
    most_s = min(recipe.server.max_session_s, session_timeout_s(MAX_TIMEOUT, recipe.device_class))
    fit = candidate.frames * most_s * 1_000_000 // candidate.duration_us
    raise PlanError(
        f"{candidate.frames} frames take {candidate.duration_us / 3.6e9:.1f} h at DR{link.rate.index} of"
        f" {link.inputs.region.name}, and a session of {link.inputs.recipe.server.name} lasts {most_s} s"
        f" ({most_s / 3600:.1f} h) at most, about {fit} of these frames: {_faster(candidate)}"
    )


def _faster(candidate: Candidate) -> str:
    """The slowest data rate at which the goal fits a session."""
    link = candidate.link
    rates = [rate for rate in link.inputs.region.downlink_data_rates if rate.bitrate_bps > link.rate.bitrate_bps]
    for rate in sorted(rates, key=lambda rate: rate.bitrate_bps):
        if (found := at_rate(link, rate.index)) is not None:
            return f"the nearest is DR{rate.index}, {found.frames} frames in {found.duration_us / 3.6e9:.1f} h"
    return "no data rate is fast enough; take another channel, or a smaller image (a delta)"


def _start_delay_s(inputs: PlanInputs) -> int:
    if inputs.recipe.start_delay_s is not None:
        return inputs.recipe.start_delay_s
    period_s = inputs.profile.uplink_period_s
    return DEFAULT_START_DELAY_S if period_s is None else _EXCHANGES * _TRIES * period_s
