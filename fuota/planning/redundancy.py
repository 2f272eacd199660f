"""How many coded fragments a goal needs: of the code that is sent, not of the ideal one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

from fuota.fragmentation import DecodingProbability
from fuota.planning.completion import CompletionModel
from fuota.planning.goal import Goal, all_complete

SEARCH_S = 0.04
"""Seconds of drawing lots for each number of coded fragments that the search looks at."""
FINAL_S = 0.1
HEAD_START = 3
"""The real code is never better than the ideal one by so many coded fragments."""
"""Seconds for each share that is told of the number that it ends at."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Success:
    """What a number of coded fragments gives.

    `mean`: the expected share of devices that end complete; `worst`: how likely the device that hears worst does, which loses
    the share `worst_loss` of all frames. Both with the interval that holds them with 95 % confidence. `every`: how likely
    all `devices` complete; `goal`: how likely the share that was asked for does.
    """

    devices: int
    mean: DecodingProbability
    worst: DecodingProbability
    worst_loss: float
    every: float
    goal: float
    reached: bool


def success_of(model: CompletionModel, goal: Goal, nb_frag: int, nb_coded: int) -> Success:
    """What `nb_coded` coded fragments give the fleet; the failures are those that `fewest_coded` judges by."""
    classes, seconds = model.classes, FINAL_S
    failure = model.real(nb_frag, nb_coded, seconds=SEARCH_S)
    worst = int(failure.argmax())
    mean = model.mean(nb_frag, nb_coded, seconds=seconds)
    return Success(
        devices=int(classes.devices.sum()),
        mean=mean,
        worst=mean if len(classes.loss) == 1 else model.one(nb_frag, nb_coded, worst, seconds=seconds),
        worst_loss=float(classes.loss[worst]),
        every=all_complete(failure, classes.devices),
        goal=goal.probability(failure, classes.devices),
        reached=goal.is_met(failure, classes.devices),
    )


def fewest_coded(model: CompletionModel, goal: Goal, nb_frag: int, most: int) -> int | None:
    """The smallest number of coded fragments up to `most` that meets the goal, or None where none does.

    The ideal code says where to begin: the real one rarely needs fewer, and a few more at most where many are sent.
    """
    devices = model.classes.devices

    def ideal(nb_coded: int) -> bool:
        return goal.is_met(model.ideal(nb_frag, nb_coded), devices)

    @cache
    def real(nb_coded: int) -> bool:
        return goal.is_met(model.real(nb_frag, nb_coded, seconds=SEARCH_S), devices)

    begin = smallest(ideal, 0, most)
    if begin is None and not ideal(most + HEAD_START):
        return None
    at = most if begin is None else begin
    while at > 0 and real(at) and real(at - 1):  # version 2 can be a little better than the ideal code
        at -= 1
    return _smallest_from(real, at, most)


def smallest(holds: Callable[[int], bool], low: int, high: int) -> int | None:
    """The smallest value from `low` to `high` for which `holds`, which holds for all greater ones too; None where none does."""
    if not holds(high):
        return None
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if holds(middle) else (middle + 1, high)
    return low


def _smallest_from(holds: Callable[[int], bool], begin: int, most: int) -> int | None:
    """As `smallest` from `begin` on, where the answer is likely near it."""
    below, at, step = begin - 1, begin, 1
    while not holds(at):
        if at == most:
            return None
        below, at, step = at, min(at + step, most), 2 * step
    return smallest(holds, below + 1, at)
