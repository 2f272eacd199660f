"""Fragment sizes worth looking at."""

from __future__ import annotations

from fuota.errors import PlanError
from fuota.fragmentation import uncovered
from fuota.planning.candidate import Candidate
from fuota.planning.redundancy import fewest_coded, smallest
from fuota.planning.setting import Setting, Shape

NEAR_BYTES = 8
"""How far below the largest size a better code is looked for."""
FEW = 64
"""Fewer fragments than this may make a code that cannot do it, and then any number of them up to this is looked at."""
WORSE = 2
"""From so many coded fragments more than the ideal code needs on, the code counts as bad."""
SLACK = 1.02
"""Sizes whose uncoded fragments alone take so much more than the best one's are not looked at."""
MOST_SIZES = 4


def reaching(setting: Setting) -> Candidate | None:
    """The way to the goal in a setting: with the fragment size that was asked for, or else the largest that is good enough.

    None where none reaches it. Raises PlanError where no fragments fit.
    """
    asked = setting.task.recipe.frag_size
    shape = setting.shape(asked or setting.largest())
    nb_coded = fewest_coded(setting.model, setting.task.goal, shape.nb_frag, setting.most_coded(shape.nb_frag))
    found = None if nb_coded is None else (shape, nb_coded)
    if asked is None:
        found = smallest_airtime(setting, shape, nb_coded)
    return None if found is None else Candidate(setting=setting, shape=found[0], nb_coded=found[1])


def smallest_airtime(setting: Setting, shape: Shape, nb_coded: int | None) -> tuple[Shape, int] | None:
    """This shape with its coded fragments; or, where its number of fragments makes a bad code, or one that does not reach the goal
    at all (None), a smaller size that takes the least airtime. None where no size reaches it.

    Which rows the code has depends on the number of fragments; some of them leave fragments uncovered.
    """
    if nb_coded is not None and not _is_bad(setting, shape, nb_coded):
        return shape, nb_coded
    best = None if nb_coded is None else (shape, nb_coded)
    for other in _smaller(setting, shape):
        most = setting.most_coded(other.nb_frag)
        if best is not None:
            most = min(most, _frames_within(best, other) - other.nb_frag)
        if most >= 0 and (fewest := fewest_coded(setting.model, setting.task.goal, other.nb_frag, most)) is not None:
            best = (other, fewest)
    return best


def promising(setting: Setting) -> list[Shape]:
    """The shapes, largest fragments first, whose uncoded fragments alone take nearly the least time, or airtime.

    Of a small image every number of fragments up to FEW: it decides how good the code is.
    """
    fixed = setting.task.recipe.frag_size
    if fixed is not None:
        return [setting.shape(fixed)]
    sizes = range(setting.largest(), 0, -setting.multiple)
    shapes = [shape for size in sizes if (shape := _shape(setting, size)) is not None]
    if not shapes:
        return [setting.shape(sizes[0])]  # raises, with the reason
    fastest = min(shape.nb_frag * shape.pace.interval_us for shape in shapes)
    shortest = min(shape.nb_frag * shape.time_on_air_us for shape in shapes)
    near = [
        shape
        for shape in shapes
        if shape.nb_frag * shape.pace.interval_us <= SLACK * fastest
        or shape.nb_frag * shape.time_on_air_us <= SLACK * shortest
    ]
    return list(dict.fromkeys([shapes[0], *near[:MOST_SIZES], *_smaller(setting, shapes[0])]))


def _smaller(setting: Setting, shape: Shape) -> list[Shape]:
    """Smaller sizes that make other numbers of fragments: near ones, and of a small image all up to FEW fragments."""
    size, near = setting.task.image.size, max(shape.frag_size - max(NEAR_BYTES, setting.multiple), 1)
    least = min(near, -(-size // FEW)) if shape.nb_frag < FEW else near
    by_count: dict[int, Shape] = {}
    for frag_size in range(shape.frag_size - shape.frag_size % setting.multiple, least - 1, -setting.multiple):
        other = _shape(setting, frag_size)
        if other is not None and other.nb_frag != shape.nb_frag:
            by_count[other.nb_frag] = other  # of the sizes that make as many fragments the smallest
    return list(by_count.values())


def _shape(setting: Setting, frag_size: int) -> Shape | None:
    try:
        return setting.shape(frag_size)
    except PlanError:
        return None


def _is_bad(setting: Setting, shape: Shape, nb_coded: int) -> bool:
    profile, devices = setting.task.profile, setting.model.classes.devices
    if nb_coded == 0:
        return False
    if uncovered(shape.nb_frag, nb_coded, profile.version, profile.variant):
        return True
    ideal = smallest(
        lambda coded: setting.task.goal.is_met(setting.model.ideal(shape.nb_frag, coded), devices), 0, nb_coded
    )
    return ideal is not None and nb_coded >= ideal + WORSE


def _frames_within(best: tuple[Shape, int], other: Shape) -> int:
    """How many frames of the other shape take less airtime than the best so far."""
    shape, nb_coded = best
    return ((shape.nb_frag + nb_coded) * shape.time_on_air_us - 1) // other.time_on_air_us
