"""Choice of the fragment sizes that are worth examining."""

from __future__ import annotations

from fuota.errors import PlanError
from fuota.fragmentation import uncovered
from fuota.planning.candidate import Candidate
from fuota.planning.link import FragmentLayout, Link
from fuota.planning.redundancy import fewest_coded, smallest

NEAR_BYTES = 8
"""Distance below the largest size within which a better code is searched."""
FEW = 64
"""Number of fragments below which a code may not reach the goal at all; then every number of fragments up to this is examined."""
WORSE = 2
"""Number of coded fragments above the need of the ideal code from which the code counts as bad."""
SLACK = 1.02
"""Factor above the best size's cost of the uncoded fragments alone; sizes that cost more are not examined."""
MOST_SIZES = 4
"""Largest number of nearly best sizes that are examined."""


def cheapest_reaching_goal(link: Link) -> Candidate | None:
    """Return the candidate that reaches the goal on a link, or None if no candidate does.

    The fragment size is the size in the recipe, otherwise the largest size with a good enough code.
    Raises PlanError if no fragment size fits.
    """
    fixed_size = link.inputs.recipe.frag_size
    layout = link.layout(fixed_size or link.largest())
    nb_coded = fewest_coded(link.model, link.inputs.goal, layout.nb_frag, link.most_coded(layout.nb_frag))
    choice = None if nb_coded is None else (layout, nb_coded)
    if fixed_size is None:
        choice = smallest_airtime(link, layout, nb_coded)
    return None if choice is None else Candidate(link=link, layout=choice[0], nb_coded=choice[1])


def smallest_airtime(link: Link, layout: FragmentLayout, nb_coded: int | None) -> tuple[FragmentLayout, int] | None:
    """Return this layout with its coded fragments, or a smaller fragment size if the code of this layout is bad.

    nb_coded: number of coded fragments that the layout needs, None if it does not reach the goal at all. Of the smaller sizes the
    size with the least airtime is returned; None if no size reaches the goal.
    The number of fragments decides which rows the code has; some numbers leave fragments uncovered.
    """
    if nb_coded is not None and not _is_bad(link, layout, nb_coded):
        return layout, nb_coded
    best = None if nb_coded is None else (layout, nb_coded)
    for other in _smaller(link, layout):
        most = link.most_coded(other.nb_frag)
        if best is not None:
            most = min(most, _frames_within(best, other) - other.nb_frag)
        if most >= 0 and (fewest := fewest_coded(link.model, link.inputs.goal, other.nb_frag, most)) is not None:
            best = (other, fewest)
    return best


def promising(link: Link) -> list[FragmentLayout]:
    """Return the layouts whose uncoded fragments alone take nearly the least time or airtime, largest fragments first.

    For a small image every number of fragments up to FEW is included, because it decides how good the code is.
    Raises PlanError if no fragment size fits.
    """
    fixed = link.inputs.recipe.frag_size
    if fixed is not None:
        return [link.layout(fixed)]
    sizes = range(link.largest(), 0, -link.multiple)
    layouts = [layout for size in sizes if (layout := _layout(link, size)) is not None]
    if not layouts:
        return [link.layout(sizes[0])]  # raises, with the reason
    fastest = min(layout.nb_frag * layout.pace.interval_us for layout in layouts)
    shortest = min(layout.nb_frag * layout.time_on_air_us for layout in layouts)
    near = [
        layout
        for layout in layouts
        if layout.nb_frag * layout.pace.interval_us <= SLACK * fastest
        or layout.nb_frag * layout.time_on_air_us <= SLACK * shortest
    ]
    return list(dict.fromkeys([layouts[0], *near[:MOST_SIZES], *_smaller(link, layouts[0])]))


def _smaller(link: Link, layout: FragmentLayout) -> list[FragmentLayout]:
    """Return layouts with smaller sizes and other numbers of fragments: near sizes, for a small image all up to FEW fragments."""
    size, near = link.inputs.image.size, max(layout.frag_size - max(NEAR_BYTES, link.multiple), 1)
    least = min(near, -(-size // FEW)) if layout.nb_frag < FEW else near
    by_count: dict[int, FragmentLayout] = {}
    for frag_size in range(layout.frag_size - layout.frag_size % link.multiple, least - 1, -link.multiple):
        other = _layout(link, frag_size)
        if other is not None and other.nb_frag != layout.nb_frag:
            by_count[other.nb_frag] = other  # for each number of fragments the smallest size
    return list(by_count.values())


def _layout(link: Link, frag_size: int) -> FragmentLayout | None:
    try:
        return link.layout(frag_size)
    except PlanError:
        return None


def _is_bad(link: Link, layout: FragmentLayout, nb_coded: int) -> bool:
    profile, devices = link.inputs.profile, link.model.classes.devices
    if nb_coded == 0:
        return False
    if uncovered(layout.nb_frag, nb_coded, profile.version, profile.variant):
        return True
    ideal = smallest(
        lambda coded: link.inputs.goal.is_met(link.model.ideal(layout.nb_frag, coded), devices), 0, nb_coded
    )
    return ideal is not None and nb_coded >= ideal + WORSE


def _frames_within(best: tuple[FragmentLayout, int], other: FragmentLayout) -> int:
    """Return how many frames of the other layout take less airtime than the best candidate."""
    layout, nb_coded = best
    return ((layout.nb_frag + nb_coded) * layout.time_on_air_us - 1) // other.time_on_air_us
