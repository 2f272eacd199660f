"""From a recipe to a plan, or to the reason why there is none."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from fuota.errors import PlanError
from fuota.fragmentation.parity import MAX_FRAGMENT_NUMBER, coded_count
from fuota.planning.advice import findings_of
from fuota.planning.alternatives import at_rate, why_not_enough
from fuota.planning.candidate import Candidate
from fuota.planning.optimise import best_of
from fuota.planning.recipe import HoldsData, Image, PlanRecipe, Task
from fuota.planning.redundancy import success_of
from fuota.planning.setting import Setting, setting_of
from fuota.planning.sizes import reaching
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
    return plan_of(Task.of(Image.of(image, recipe.name), recipe))


def plan_of(task: Task) -> TransmissionPlan:
    """The plan for a task: see `plan`."""
    return _assembled(_candidate(task))


def _candidate(task: Task) -> Candidate:
    """What the recipe asks for; where it leaves the data rate open and devices hear differently at each, the fastest good one."""
    recipe = task.recipe
    said = recipe.nb_coded is not None or recipe.redundancy is not None
    if recipe.optimise is not None:
        return best_of(task, recipe.optimise)
    if recipe.data_rate is not None:
        return _at(task, recipe.data_rate)
    if task.fleet.depends_on_data_rate and not said:
        return best_of(task, "time")
    return _as_slow_as_possible(task)


def _as_slow_as_possible(task: Task) -> Candidate:
    """At the data rate of RX2, as the server does it; where that does not work, at the slowest faster one that does."""
    default = _at_or_why(task, task.region.rx2_data_rate)
    if isinstance(default, Candidate) and default.session_timeout is not None:
        return default
    bitrate_bps = task.region.data_rate(task.region.rx2_data_rate).bitrate_bps
    faster = [rate for rate in task.region.downlink_data_rates if rate.bitrate_bps > bitrate_bps]
    for rate in sorted(faster, key=lambda rate: rate.bitrate_bps):
        found = _at_or_why(task, rate.index)
        if isinstance(found, Candidate) and found.session_timeout is not None:
            return found
    if isinstance(default, PlanError):
        raise default
    return default


def _at_or_why(task: Task, data_rate: int) -> Candidate | PlanError:
    try:
        return _at(task, data_rate)
    except PlanError as error:
        return error


def _at(task: Task, data_rate: int) -> Candidate:
    recipe, setting = task.recipe, setting_of(task, data_rate)
    shape = setting.shape(recipe.frag_size or setting.largest())
    if recipe.nb_coded is None and recipe.redundancy is None:
        found = reaching(setting)
        if found is None:
            raise PlanError(why_not_enough(setting, shape))
        return found
    return Candidate(setting=setting, shape=shape, nb_coded=_checked_coded(setting, shape.nb_frag))


def _checked_coded(setting: Setting, nb_frag: int) -> int:
    recipe = setting.task.recipe
    given = recipe.redundancy if recipe.nb_coded is None else recipe.nb_coded
    nb_coded = coded_count(nb_frag, float(given) if recipe.nb_coded is None else given)  # type: ignore[arg-type]
    if nb_frag + nb_coded > MAX_FRAGMENT_NUMBER:
        raise PlanError(
            f"{nb_frag} uncoded and {nb_coded} coded fragments are {nb_frag + nb_coded}: N has 14 bits (TS004, Index&N), so"
            f" {MAX_FRAGMENT_NUMBER} at most; the nearest is {setting.most_coded(nb_frag)} coded ones"
        )
    if nb_coded > setting.most_redundant * nb_frag:
        raise PlanError(
            f"{nb_coded} coded fragments for {nb_frag} uncoded ones are a redundancy of {nb_coded / nb_frag:.2f}:"
            f" {recipe.server.name} takes {setting.most_redundant} at most; the nearest is {setting.most_coded(nb_frag)}"
        )
    return nb_coded


def _assembled(candidate: Candidate) -> TransmissionPlan:
    setting, shape, nb_coded = candidate.setting, candidate.shape, candidate.nb_coded
    task, recipe = setting.task, setting.task.recipe
    timeout = _timeout(candidate)
    success = success_of(setting.model, task.goal, shape.nb_frag, nb_coded)
    decided: dict[str, Any] = {
        "image": task.image,
        "region": task.region.name,
        "device_class": recipe.device_class,
        "data_rate": setting.rate.index,
        "frequency_hz": setting.frequency_hz,
        "channel": setting.channel,
        "frag_size": shape.frag_size,
        "nb_frag": shape.nb_frag,
        "nb_coded": nb_coded,
        "padding": shape.padding,
        "version": task.profile.version,
        "variant": task.profile.variant,
        "descriptor": task.profile.descriptor,
        "time_on_air_us": shape.time_on_air_us,
        "pace": shape.pace,
        "slots": setting.slots,
        "start_delay_s": _start_delay_s(task),
        "session_timeout": timeout,
        "duration_ms": -(-candidate.duration_us // 1000),
        "longest_ms": -(-candidate.longest_us // 1000),
        "energy_uj": candidate.energy_uj,
        "target": recipe.target,
        "confidence": recipe.confidence,
        "success": success,
        "excluded": task.fleet.excluded,
        "overridden": setting.limits.overridden,
    }
    without = TransmissionPlan(findings=(), **decided)
    return TransmissionPlan(findings=tuple(findings_of(setting, without)), **decided)


def _timeout(candidate: Candidate) -> int:
    timeout = candidate.session_timeout
    if timeout is not None:
        return timeout
    setting, recipe = candidate.setting, candidate.setting.task.recipe
    most_s = min(recipe.server.max_session_s, session_timeout_s(MAX_TIMEOUT, recipe.device_class))
    fit = candidate.frames * most_s * 1_000_000 // candidate.duration_us
    raise PlanError(
        f"{candidate.frames} frames take {candidate.duration_us / 3.6e9:.1f} h at DR{setting.rate.index} of"
        f" {setting.task.region.name}, and a session of {setting.task.recipe.server.name} lasts {most_s} s"
        f" ({most_s / 3600:.1f} h) at most, about {fit} of these frames: {_faster(candidate)}"
    )


def _faster(candidate: Candidate) -> str:
    """The slowest data rate at which the goal fits a session."""
    setting = candidate.setting
    rates = [rate for rate in setting.task.region.downlink_data_rates if rate.bitrate_bps > setting.rate.bitrate_bps]
    for rate in sorted(rates, key=lambda rate: rate.bitrate_bps):
        if (found := at_rate(setting, rate.index)) is not None:
            return f"the nearest is DR{rate.index}, {found.frames} frames in {found.duration_us / 3.6e9:.1f} h"
    return "no data rate is fast enough; take another channel, or a smaller image (a delta)"


def _start_delay_s(task: Task) -> int:
    if task.recipe.start_delay_s is not None:
        return task.recipe.start_delay_s
    period_s = task.profile.uplink_period_s
    return DEFAULT_START_DELAY_S if period_s is None else _EXCHANGES * _TRIES * period_s
