"""The best plan over every data rate and fragment size, and the trade-off between duration and success."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from fuota.calls import checked_call
from fuota.errors import PlanError
from fuota.fragmentation import DecodingProbability
from fuota.planning.candidate import Candidate
from fuota.planning.link import FragmentLayout, Link, link_of
from fuota.planning.recipe import Objective, PlanInputs
from fuota.planning.redundancy import fewest_coded, smallest
from fuota.planning.sizes import FEW, MOST_SIZES, promising

REDUNDANCIES = tuple(step / 100 for step in (*range(0, 30, 2), *range(30, 60, 5), *range(60, 101, 10)))
"""Shares of coded fragments that the front examines, as far as the server takes them."""
FRONT_S = 0.02
"""Seconds of drawing loss patterns for each point of the front."""
SCAN_S = 0.002
"""Seconds of drawing loss patterns for each candidate of a point."""
SURE = 0.9999
"""Success above which the front does not go on."""
HALF = 0.5
"""Share of incomplete devices above which plans are left out, unless there is no better plan."""
CLOSER = 0.85
"""Largest share of incomplete devices of a point, relative to the point before."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FrontPoint:
    """A plan that no other plan beats in both duration and success.

    data_rate: index. frag_size: bytes. nb_frag, nb_coded: numbers of fragments. duration_ms, airtime_us: of all frames.
    energy_uj: of one device. success: expected share of the fleet that ends complete.
    """

    data_rate: int
    frag_size: int
    nb_frag: int
    nb_coded: int
    duration_ms: int
    airtime_us: int
    energy_uj: int
    success: DecodingProbability


def best_of(inputs: PlanInputs, objective: Objective) -> Candidate:
    """Return the candidate that reaches the goal at the lowest cost.

    Raises PlanError if no data rate reaches the goal, with the reason for each data rate.
    """
    links, reasons = _links(inputs)
    uncoded = [
        Candidate(link=link, layout=layout, nb_coded=0) for link in links for layout in _promising(link, reasons)
    ]
    best: Candidate | None = None
    hopeless: set[int] = set()
    for candidate in sorted(uncoded, key=lambda candidate: candidate.cost(objective)):
        if best is not None and candidate.cost(objective) >= best.cost(objective):
            break  # coded fragments only cost more
        if candidate.link.rate.index in hopeless and candidate.layout.nb_frag >= FEW:
            continue  # with many fragments, a few more or fewer make no difference
        better = _with_coded(candidate, best, objective, reasons)
        if better is not None:
            best = better
        elif best is None:
            hopeless.add(candidate.link.rate.index)
    if best is None:
        shown = "; ".join(f"DR{index}: {reason}" for index, reason in sorted(reasons.items()))
        raise PlanError(
            f"no data rate of {inputs.region.name} reaches {inputs.goal.target:.3g} of the fleet with"
            f" {inputs.goal.confidence:.3g} confidence: {shown}"
        )
    return best


@checked_call
def pareto_front(inputs: PlanInputs) -> list[FrontPoint]:
    """Return the plans that are best in duration or success, over every data rate and fragment size, fastest first.

    inputs: looked-up inputs, such as `PlanInputs.of(Image.of("app.bin"), PlanRecipe(region="EU868", loss=0.1))`.
    Raises PlanError if no data rate can carry the image.
    """
    links, reasons = _links(inputs)
    steps = [candidate for link in links for candidate in _redundancy_steps(link, reasons)]
    if not steps:
        raise PlanError("; ".join(f"DR{index}: {reason}" for index, reason in sorted(reasons.items())))
    kept = _promising_steps(sorted(steps, key=lambda candidate: candidate.duration_us))
    shown = [candidate for candidate, failure in kept if failure <= HALF] or [candidate for candidate, _ in kept[-1:]]
    return _undominated([_point(candidate) for candidate in shown])


def _promising_steps(candidates: list[Candidate]) -> list[tuple[Candidate, float]]:
    """Return the candidates that leave clearly fewer devices incomplete than all faster candidates, and the share that they leave.

    candidates: in order of duration. The share is estimated, see `_failure`.
    """

    @cache
    def least_failure(link: Link, layout: FragmentLayout) -> float:
        return _failure(link, layout, link.most_coded(layout.nb_frag))

    kept, left = [], 1.0
    for candidate in candidates:
        if left <= 1 - SURE:
            break
        if least_failure(candidate.link, candidate.layout) >= left * CLOSER:
            continue
        failure = _failure(candidate.link, candidate.layout, candidate.nb_coded)
        if failure < left * CLOSER:
            kept.append((candidate, failure))
            left = failure
    return kept


def _promising(link: Link, reasons: dict[int, str]) -> list[FragmentLayout]:
    """Return the promising layouts of a link; if there are none, write the reason into `reasons`."""
    try:
        return promising(link)
    except PlanError as error:
        reasons[link.rate.index] = str(error)
        return []


def _links(inputs: PlanInputs) -> tuple[list[Link], dict[int, str]]:
    """Return the links at the data rates that may be used, and the reasons against the other data rates."""
    data_rate = inputs.recipe.data_rate
    if data_rate is not None:
        return [link_of(inputs, data_rate)], {}
    links, reasons = [], {}
    for rate in inputs.region.downlink_data_rates:
        try:
            links.append(link_of(inputs, rate.index))
        except PlanError as error:
            reasons[rate.index] = str(error)
    return links, reasons


def _with_coded(
    uncoded: Candidate, best: Candidate | None, objective: Objective, reasons: dict[int, str]
) -> Candidate | None:
    """Return the candidate with the coded fragments that the goal needs, if it costs less than `best`.

    Otherwise return None and write the reason into `reasons`.
    """
    link, nb_frag = uncoded.link, uncoded.layout.nb_frag
    most = link.most_coded(nb_frag)
    if best is not None:  # numbers that cost as much as the best candidate need not be examined
        most = smallest(lambda coded: _with(uncoded, coded).cost(objective) >= best.cost(objective), 0, most) or most
    nb_coded = fewest_coded(link.model, link.inputs.goal, nb_frag, most)
    if nb_coded is None:
        reasons.setdefault(link.rate.index, f"even {most} coded fragments are not enough")
        return None
    candidate = _with(uncoded, nb_coded)
    if candidate.session_timeout is None:
        reasons[link.rate.index] = "it takes longer than a session lasts"
        return None
    return candidate if best is None or candidate.cost(objective) < best.cost(objective) else None


def _with(candidate: Candidate, nb_coded: int) -> Candidate:
    return Candidate(link=candidate.link, layout=candidate.layout, nb_coded=nb_coded)


def _redundancy_steps(link: Link, reasons: dict[int, str]) -> list[Candidate]:
    """Return candidates of a link with increasing numbers of coded fragments, as long as a session lasts."""
    steps = []
    for layout in _selection(_promising(link, reasons)):
        most = link.most_coded(layout.nb_frag)
        counts = sorted({min(most, round(share * layout.nb_frag)) for share in REDUNDANCIES})
        candidates = (Candidate(link=link, layout=layout, nb_coded=count) for count in counts)
        steps += [candidate for candidate in candidates if candidate.session_timeout is not None]
    return steps


def _selection(layouts: list[FragmentLayout]) -> list[FragmentLayout]:
    """Return the first layouts, and some of the others at even steps."""
    others = layouts[MOST_SIZES:]
    return layouts[:MOST_SIZES] + others[:: max(1, len(others) // MOST_SIZES)]


def _failure(link: Link, layout: FragmentLayout, nb_coded: int) -> float:
    """Return the expected share of incomplete devices: with the ideal code, or with the real code if the fragments are few."""
    model, devices = link.model, link.model.classes.devices
    few = layout.nb_frag < FEW  # there the ideal code misleads
    failure = model.real(layout.nb_frag, nb_coded, seconds=SCAN_S) if few else model.ideal(layout.nb_frag, nb_coded)
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
