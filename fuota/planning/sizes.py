"""Fragment sizes worth looking at."""

from __future__ import annotations

from fuota.errors import PlanError
from fuota.fragmentation import uncovered
from fuota.planning.candidate import Candidate
from fuota.planning.link import FragmentLayout, Link
from fuota.planning.redundancy import fewest_coded, smallest

NEAR_BYTES = 8
"""How far below the largest size a better code is looked for."""
FEW = 64
"""Fewer fragments than this may make a code that cannot do it, and then any number of them up to this is looked at."""
WORSE = 2
"""From so many coded fragments more than the ideal code needs on, the code counts as bad."""
SLACK = 1.02
"""Sizes whose uncoded fragments alone take so much more than the best one's are not looked at."""
MOST_SIZES = 4


def cheapest_reaching_goal(link: Link) -> Candidate | None:
    """The way to the goal in a link: with the fragment size that was asked for, or else the largest that is good enough.

    None where none reaches it. Raises PlanError where no fragments fit.
    """
    asked = link.inputs.recipe.frag_size
    layout = link.layout(asked or link.largest())
    nb_coded = fewest_coded(link.model, link.inputs.goal, layout.nb_frag, link.most_coded(layout.nb_frag))
    found = None if nb_coded is None else (layout, nb_coded)
    if asked is None:
        found = smallest_airtime(link, layout, nb_coded)
    return None if found is None else Candidate(link=link, layout=found[0], nb_coded=found[1])


def smallest_airtime(link: Link, layout: FragmentLayout, nb_coded: int | None) -> tuple[FragmentLayout, int] | None:
    """This layout with its coded fragments; or, where its number of fragments makes a bad code, or one that does not reach the goal
    at all (None), a smaller size that takes the least airtime. None where no size reaches it.

    Which rows the code has depends on the number of fragments; some of them leave fragments uncovered.
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
    """The layouts, largest fragments first, whose uncoded fragments alone take nearly the least time, or airtime.

    Of a small image every number of fragments up to FEW: it decides how good the code is.
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
    """Smaller sizes that make other numbers of fragments: near ones, and of a small image all up to FEW fragments."""
    size, near = link.inputs.image.size, max(layout.frag_size - max(NEAR_BYTES, link.multiple), 1)
    least = min(near, -(-size // FEW)) if layout.nb_frag < FEW else near
    by_count: dict[int, FragmentLayout] = {}
    for frag_size in range(layout.frag_size - layout.frag_size % link.multiple, least - 1, -link.multiple):
        other = _layout(link, frag_size)
        if other is not None and other.nb_frag != layout.nb_frag:
            by_count[other.nb_frag] = other  # of the sizes that make as many fragments the smallest
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
    """How many frames of the other layout take less airtime than the best so far."""
    layout, nb_coded = best
    return ((layout.nb_frag + nb_coded) * layout.time_on_air_us - 1) // other.time_on_air_us
