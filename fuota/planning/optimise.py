"""The best plan over every data rate and fragment size, and what can be had for how much time."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from fuota.errors import PlanError
from fuota.fragmentation import DecodingProbability
from fuota.planning.candidate import Candidate
from fuota.planning.recipe import Objective, Task
from fuota.planning.redundancy import fewest_coded, smallest
from fuota.planning.setting import Setting, Shape, setting_of
from fuota.planning.sizes import FEW, MOST_SIZES, promising

REDUNDANCIES = tuple(step / 100 for step in (*range(0, 30, 2), *range(30, 60, 5), *range(60, 101, 10)))
"""Shares of coded fragments that the front looks at, as far as the server takes them."""
FRONT_S = 0.02
"""Seconds of drawing lots for each point of the front."""
LOOK_S = 0.002
"""Seconds for each that may become one."""
SURE = 0.9999
"""More success than this is not looked for on the front."""
HALF = 0.5
"""Plans that leave more of the fleet incomplete are left out, unless there is no better one."""
CLOSER = 0.85
"""The next point of the front leaves at most this part incomplete of what the one before does."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FrontPoint:
    """A plan that no other beats in both duration and success (the expected share of the fleet)."""

    data_rate: int
    frag_size: int
    nb_frag: int
    nb_coded: int
    duration_ms: int
    airtime_us: int
    energy_uj: int
    success: DecodingProbability


def best_of(task: Task, objective: Objective) -> Candidate:
    """The way to the goal that costs least. Raises PlanError where no data rate reaches it, with what each lacks."""
    settings, reasons = _settings(task)
    begins = [
        Candidate(setting=setting, shape=shape, nb_coded=0)
        for setting in settings
        for shape in _promising(setting, reasons)
    ]
    best: Candidate | None = None
    hopeless: set[int] = set()
    for begin in sorted(begins, key=lambda candidate: candidate.cost(objective)):
        if best is not None and begin.cost(objective) >= best.cost(objective):
            break  # coded fragments only cost more
        if begin.setting.rate.index in hopeless and begin.shape.nb_frag >= FEW:
            continue  # a little more or fewer fragments make no difference where they are many
        found = _completed(begin, best, objective, reasons)
        if found is not None:
            best = found
        elif best is None:
            hopeless.add(begin.setting.rate.index)
    if best is None:
        told = "; ".join(f"DR{index}: {reason}" for index, reason in sorted(reasons.items()))
        raise PlanError(
            f"no data rate of {task.region.name} reaches {task.goal.target:.3g} of the fleet with {task.goal.confidence:.3g}"
            f" confidence: {told}"
        )
    return best


def pareto_front(task: Task) -> list[FrontPoint]:
    """The plans that are best in duration or success, over every data rate and fragment size, fastest first.

    Raises PlanError where no data rate can carry the image at all.
    """
    settings, reasons = _settings(task)
    ladders = [candidate for setting in settings for candidate in _ladder(setting, reasons)]
    if not ladders:
        raise PlanError("; ".join(f"DR{index}: {reason}" for index, reason in sorted(reasons.items())))
    kept = _promising_steps(sorted(ladders, key=lambda candidate: candidate.duration_us))
    worth = [candidate for candidate, failure in kept if failure <= HALF] or [candidate for candidate, _ in kept[-1:]]
    return _undominated([_point(candidate) for candidate in worth])


def _promising_steps(candidates: list[Candidate]) -> list[tuple[Candidate, float]]:
    """Of candidates in order of duration those that leave less incomplete than all before, with the ideal code; and how much."""

    @cache
    def most(setting: Setting, shape: Shape) -> float:
        return _failure(setting, shape, setting.most_coded(shape.nb_frag))

    kept, left = [], 1.0
    for candidate in candidates:
        if left <= 1 - SURE:
            break
        if most(candidate.setting, candidate.shape) >= left * CLOSER:
            continue
        failure = _failure(candidate.setting, candidate.shape, candidate.nb_coded)
        if failure < left * CLOSER:
            kept.append((candidate, failure))
            left = failure
    return kept


def _promising(setting: Setting, reasons: dict[int, str]) -> list[Shape]:
    """The promising shapes of a setting; where there are none, the reason goes to `reasons`."""
    try:
        return promising(setting)
    except PlanError as error:
        reasons[setting.rate.index] = str(error)
        return []


def _settings(task: Task) -> tuple[list[Setting], dict[int, str]]:
    """Those of the data rates that may be used, and why the others may not."""
    asked = task.recipe.data_rate
    if asked is not None:
        return [setting_of(task, asked)], {}
    settings, reasons = [], {}
    for rate in task.region.downlink_data_rates:
        try:
            settings.append(setting_of(task, rate.index))
        except PlanError as error:
            reasons[rate.index] = str(error)
    return settings, reasons


def _completed(
    begin: Candidate, best: Candidate | None, objective: Objective, reasons: dict[int, str]
) -> Candidate | None:
    """With the coded fragments that the goal needs, if that costs less than the best so far; else None and the reason."""
    setting, nb_frag = begin.setting, begin.shape.nb_frag
    most = setting.most_coded(nb_frag)
    if best is not None:  # what costs as much with the ideal code need not be looked at
        most = smallest(lambda coded: _with(begin, coded).cost(objective) >= best.cost(objective), 0, most) or most
    nb_coded = fewest_coded(setting.model, setting.task.goal, nb_frag, most)
    if nb_coded is None:
        reasons.setdefault(setting.rate.index, f"even {most} coded fragments are not enough")
        return None
    found = _with(begin, nb_coded)
    if found.session_timeout is None:
        reasons[setting.rate.index] = "it takes longer than a session lasts"
        return None
    return found if best is None or found.cost(objective) < best.cost(objective) else None


def _with(candidate: Candidate, nb_coded: int) -> Candidate:
    return Candidate(setting=candidate.setting, shape=candidate.shape, nb_coded=nb_coded)


def _ladder(setting: Setting, reasons: dict[int, str]) -> list[Candidate]:
    """Candidates of a setting with more and more coded fragments, as long as a session lasts."""
    ladder = []
    for shape in _some(_promising(setting, reasons)):
        most = setting.most_coded(shape.nb_frag)
        steps = sorted({min(most, round(share * shape.nb_frag)) for share in REDUNDANCIES})
        candidates = (Candidate(setting=setting, shape=shape, nb_coded=step) for step in steps)
        ladder += [candidate for candidate in candidates if candidate.session_timeout is not None]
    return ladder


def _some(shapes: list[Shape]) -> list[Shape]:
    """The first ones, and some of the others, evenly."""
    rest = shapes[MOST_SIZES:]
    return shapes[:MOST_SIZES] + rest[:: max(1, len(rest) // MOST_SIZES)]


def _failure(setting: Setting, shape: Shape, nb_coded: int) -> float:
    """The expected share that stays incomplete, with the ideal code; with few fragments, where that misleads, with the real one."""
    model, devices = setting.model, setting.model.classes.devices
    few = shape.nb_frag < FEW
    failure = model.real(shape.nb_frag, nb_coded, seconds=LOOK_S) if few else model.ideal(shape.nb_frag, nb_coded)
    return float(failure @ devices / devices.sum())


def _point(candidate: Candidate) -> FrontPoint:
    shape = candidate.shape
    return FrontPoint(
        data_rate=candidate.setting.rate.index,
        frag_size=shape.frag_size,
        nb_frag=shape.nb_frag,
        nb_coded=candidate.nb_coded,
        duration_ms=-(-candidate.duration_us // 1000),
        airtime_us=candidate.airtime_us,
        energy_uj=candidate.energy_uj,
        success=candidate.setting.model.mean(shape.nb_frag, candidate.nb_coded, seconds=FRONT_S),
    )


def _undominated(points: list[FrontPoint]) -> list[FrontPoint]:
    front: list[FrontPoint] = []
    for point in sorted(points, key=lambda point: (point.duration_ms, -point.success.estimate)):
        if not front or point.success.estimate > front[-1].success.estimate:
            front.append(point)
    return front
