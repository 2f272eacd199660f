"""The best plan over every data rate and fragment size, and what can be had for how much time."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from fuota.errors import PlanError
from fuota.fragmentation import DecodingProbability
from fuota.planning.candidate import Candidate
from fuota.planning.link import FragmentLayout, Link, link_of
from fuota.planning.recipe import Objective, PlanInputs
from fuota.planning.redundancy import fewest_coded, smallest
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


def best_of(inputs: PlanInputs, objective: Objective) -> Candidate:
    """The way to the goal that costs least. Raises PlanError where no data rate reaches it, with what each lacks."""
    links, reasons = _links(inputs)
    begins = [Candidate(link=link, layout=layout, nb_coded=0) for link in links for layout in _promising(link, reasons)]
    best: Candidate | None = None
    hopeless: set[int] = set()
    for begin in sorted(begins, key=lambda candidate: candidate.cost(objective)):
        if best is not None and begin.cost(objective) >= best.cost(objective):
            break  # coded fragments only cost more
        if begin.link.rate.index in hopeless and begin.layout.nb_frag >= FEW:
            continue  # a little more or fewer fragments make no difference where they are many
        found = _completed(begin, best, objective, reasons)
        if found is not None:
            best = found
        elif best is None:
            hopeless.add(begin.link.rate.index)
    if best is None:
        told = "; ".join(f"DR{index}: {reason}" for index, reason in sorted(reasons.items()))
        raise PlanError(
            f"no data rate of {inputs.region.name} reaches {inputs.goal.target:.3g} of the fleet with {inputs.goal.confidence:.3g}"
            f" confidence: {told}"
        )
    return best


def pareto_front(inputs: PlanInputs) -> list[FrontPoint]:
    """The plans that are best in duration or success, over every data rate and fragment size, fastest first.

    Raises PlanError where no data rate can carry the image at all.
    """
    links, reasons = _links(inputs)
    ladders = [candidate for link in links for candidate in _ladder(link, reasons)]
    if not ladders:
        raise PlanError("; ".join(f"DR{index}: {reason}" for index, reason in sorted(reasons.items())))
    kept = _promising_steps(sorted(ladders, key=lambda candidate: candidate.duration_us))
    worth = [candidate for candidate, failure in kept if failure <= HALF] or [candidate for candidate, _ in kept[-1:]]
    return _undominated([_point(candidate) for candidate in worth])


def _promising_steps(candidates: list[Candidate]) -> list[tuple[Candidate, float]]:
    """Of candidates in order of duration those that leave less incomplete than all before, with the ideal code; and how much."""

    @cache
    def most(link: Link, layout: FragmentLayout) -> float:
        return _failure(link, layout, link.most_coded(layout.nb_frag))

    kept, left = [], 1.0
    for candidate in candidates:
        if left <= 1 - SURE:
            break
        if most(candidate.link, candidate.layout) >= left * CLOSER:
            continue
        failure = _failure(candidate.link, candidate.layout, candidate.nb_coded)
        if failure < left * CLOSER:
            kept.append((candidate, failure))
            left = failure
    return kept


def _promising(link: Link, reasons: dict[int, str]) -> list[FragmentLayout]:
    """The promising layouts of a link; where there are none, the reason goes to `reasons`."""
    try:
        return promising(link)
    except PlanError as error:
        reasons[link.rate.index] = str(error)
        return []


def _links(inputs: PlanInputs) -> tuple[list[Link], dict[int, str]]:
    """Those of the data rates that may be used, and why the others may not."""
    asked = inputs.recipe.data_rate
    if asked is not None:
        return [link_of(inputs, asked)], {}
    links, reasons = [], {}
    for rate in inputs.region.downlink_data_rates:
        try:
            links.append(link_of(inputs, rate.index))
        except PlanError as error:
            reasons[rate.index] = str(error)
    return links, reasons


def _completed(
    begin: Candidate, best: Candidate | None, objective: Objective, reasons: dict[int, str]
) -> Candidate | None:
    """With the coded fragments that the goal needs, if that costs less than the best so far; else None and the reason."""
    link, nb_frag = begin.link, begin.layout.nb_frag
    most = link.most_coded(nb_frag)
    if best is not None:  # what costs as much with the ideal code need not be looked at
        most = smallest(lambda coded: _with(begin, coded).cost(objective) >= best.cost(objective), 0, most) or most
    nb_coded = fewest_coded(link.model, link.inputs.goal, nb_frag, most)
    if nb_coded is None:
        reasons.setdefault(link.rate.index, f"even {most} coded fragments are not enough")
        return None
    found = _with(begin, nb_coded)
    if found.session_timeout is None:
        reasons[link.rate.index] = "it takes longer than a session lasts"
        return None
    return found if best is None or found.cost(objective) < best.cost(objective) else None


def _with(candidate: Candidate, nb_coded: int) -> Candidate:
    return Candidate(link=candidate.link, layout=candidate.layout, nb_coded=nb_coded)


def _ladder(link: Link, reasons: dict[int, str]) -> list[Candidate]:
    """Candidates of a link with more and more coded fragments, as long as a session lasts."""
    ladder = []
    for layout in _some(_promising(link, reasons)):
        most = link.most_coded(layout.nb_frag)
        steps = sorted({min(most, round(share * layout.nb_frag)) for share in REDUNDANCIES})
        candidates = (Candidate(link=link, layout=layout, nb_coded=step) for step in steps)
        ladder += [candidate for candidate in candidates if candidate.session_timeout is not None]
    return ladder


def _some(layouts: list[FragmentLayout]) -> list[FragmentLayout]:
    """The first ones, and some of the others, evenly."""
    rest = layouts[MOST_SIZES:]
    return layouts[:MOST_SIZES] + rest[:: max(1, len(rest) // MOST_SIZES)]


def _failure(link: Link, layout: FragmentLayout, nb_coded: int) -> float:
    """The expected share that stays incomplete, with the ideal code; with few fragments, where that misleads, with the real one."""
    model, devices = link.model, link.model.classes.devices
    few = layout.nb_frag < FEW
    failure = model.real(layout.nb_frag, nb_coded, seconds=LOOK_S) if few else model.ideal(layout.nb_frag, nb_coded)
    return float(failure @ devices / devices.sum())


def _point(candidate: Candidate) -> FrontPoint:
    layout = candidate.layout
    return FrontPoint(
        data_rate=candidate.link.rate.index,
        frag_size=layout.frag_size,
        nb_frag=layout.nb_frag,
        nb_coded=candidate.nb_coded,
        duration_ms=-(-candidate.duration_us // 1000),
        airtime_us=candidate.airtime_us,
        energy_uj=candidate.energy_uj,
        success=candidate.link.model.mean(layout.nb_frag, candidate.nb_coded, seconds=FRONT_S),
    )


def _undominated(points: list[FrontPoint]) -> list[FrontPoint]:
    front: list[FrontPoint] = []
    for point in sorted(points, key=lambda point: (point.duration_ms, -point.success.estimate)):
        if not front or point.success.estimate > front[-1].success.estimate:
            front.append(point)
    return front
