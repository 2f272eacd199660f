"""Fragment sizes worth looking at."""

from __future__ import annotations

from fuota.errors import PlanError
from fuota.fragmentation import uncovered
from fuota.planning.redundancy import fewest_coded, smallest
from fuota.planning.setting import Setting, Shape

NEAR_BYTES = 8
"""How far below the largest size a better code is looked for."""
WORSE = 2
"""From so many coded fragments more than the ideal code needs on, the code counts as bad."""
SLACK = 1.02
"""Sizes whose uncoded fragments alone take so much more than the best one's are not looked at."""
MOST_SIZES = 4


def smallest_airtime(setting: Setting, shape: Shape, nb_coded: int) -> tuple[Shape, int]:
    """This shape; or, where its number of fragments makes a bad code, one of a slightly smaller size that takes less airtime.

    Which rows the code has depends on the number of fragments; some of them leave fragments uncovered.
    """
    if not _is_bad(setting, shape, nb_coded):
        return shape, nb_coded
    best, seen = (shape, nb_coded), {shape.nb_frag}
    for size in range(shape.frag_size - 1, max(shape.frag_size - max(NEAR_BYTES, setting.multiple), 1) - 1, -1):
        other = _shape(setting, size)
        if other is None or other.nb_frag in seen:
            continue
        seen.add(other.nb_frag)
        most = min(setting.most_coded(other.nb_frag), _frames_within(best, other) - other.nb_frag)
        if most > 0 and (fewest := fewest_coded(setting.model, setting.task.goal, other.nb_frag, most)) is not None:
            best = (other, fewest)
    return best


def promising(setting: Setting) -> list[Shape]:
    """The shapes, largest fragments first, whose uncoded fragments alone take nearly the least time, or airtime."""
    fixed = setting.task.recipe.frag_size
    sizes = [fixed] if fixed else range(setting.largest(), 0, -setting.multiple)
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
    return near[:MOST_SIZES] if shapes[0] in near else [shapes[0], *near[: MOST_SIZES - 1]]


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
