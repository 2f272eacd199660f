"""Number of coded fragments that a goal needs, for the code that is sent and not for the ideal code."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

from fuota import rules
from fuota.fragmentation import DecodingProbability
from fuota.planning.completion import CompletionModel
from fuota.planning.goal import Goal, all_complete
from fuota.planning.plan_json import LARGEST, exact_object

SEARCH_S = 0.04
"""Seconds of drawing loss patterns for each number of coded fragments that the search examines."""
FINAL_S = 0.1
"""Seconds of drawing loss patterns for each share that is reported for the number that the search finds."""
HEAD_START = 3
"""Lead of the ideal code in coded fragments: the real code is never better by this number."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Success:
    """Success of a fleet with a number of coded fragments. Raises ParameterError for values out of range.

    devices: number of devices. mean: expected share of devices that end complete. worst: probability that the device with the
    largest loss completes. worst_loss: share of all frames that this device loses. `mean` and `worst` have an interval of 95 %
    confidence. every: probability that all devices complete. goal: probability that the share in the goal completes.
    reached: whether the goal is met.
    """

    devices: int
    mean: DecodingProbability
    worst: DecodingProbability
    worst_loss: float
    every: float
    goal: float
    reached: bool

    def __post_init__(self) -> None:
        rules.integer("devices", self.devices, 1, LARGEST)
        for name in ("worst_loss", "every", "goal"):
            rules.probability(name, getattr(self, name))
        if not isinstance(self.reached, bool):
            rules.refuse("reached", "true or false", self.reached)

    @classmethod
    def from_json(cls, values: object) -> Success:
        """Return the success of a plan file. Raises ParameterError for an object that is not one."""
        parts = exact_object(cls, values, "success")
        parts |= {name: _decoding_probability(parts[name], name) for name in ("mean", "worst")}
        return cls(**parts)


def _decoding_probability(values: object, name: str) -> DecodingProbability:
    parts = exact_object(DecodingProbability, values, name)
    for part in ("estimate", "low", "high", "confidence"):
        rules.probability(part, parts[part])
    rules.integer("patterns", parts["patterns"], 0, LARGEST)
    return DecodingProbability(**parts)


def success_of(model: CompletionModel, goal: Goal, nb_frag: int, nb_coded: int) -> Success:
    """Return what `nb_coded` coded fragments give the fleet, from the same failures that `fewest_coded` judges by."""
    classes, seconds = model.classes, FINAL_S
    failure = model.real(nb_frag, nb_coded, seconds=SEARCH_S)
    worst = int(failure.argmax())
    mean = model.mean(nb_frag, nb_coded, seconds=seconds)
    return Success(
        devices=int(classes.devices.sum()),
        mean=mean,
        worst=mean if len(classes.loss) == 1 else model.of_class(nb_frag, nb_coded, worst, seconds=seconds),
        worst_loss=float(classes.loss[worst]),
        every=all_complete(failure, classes.devices),
        goal=goal.probability(failure, classes.devices),
        reached=goal.is_met(failure, classes.devices),
    )


def fewest_coded(model: CompletionModel, goal: Goal, nb_frag: int, most: int) -> int | None:
    """Return the smallest number of coded fragments up to `most` that meets the goal, or None if no number does.

    The search begins at the number that the ideal code needs: the real code rarely needs fewer, and only a few more if many are
    sent.
    """
    devices = model.classes.devices

    def ideal_meets(nb_coded: int) -> bool:
        return goal.is_met(model.ideal(nb_frag, nb_coded), devices)

    @cache
    def real_meets(nb_coded: int) -> bool:
        return goal.is_met(model.real(nb_frag, nb_coded, seconds=SEARCH_S), devices)

    ideal = smallest(ideal_meets, 0, most)
    if ideal is None and not ideal_meets(most + HEAD_START):
        return None
    begin = most if ideal is None else ideal
    while begin > 0 and real_meets(begin) and real_meets(begin - 1):  # version 2 can be a little better than ideal
        begin -= 1
    return _smallest_from(real_meets, begin, most)


def smallest(holds: Callable[[int], bool], low: int, high: int) -> int | None:
    """Return the smallest value from `low` to `high` with a true `holds`, or None if there is none.

    If `holds` is true for a value, it must be true for all greater values.
    """
    if not holds(high):
        return None
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if holds(middle) else (middle + 1, high)
    return low


def _smallest_from(holds: Callable[[int], bool], begin: int, most: int) -> int | None:
    """Return the same as `smallest` from `begin` to `most`, with fewer calls if the answer is near `begin`."""
    below, value, step = begin - 1, begin, 1
    while not holds(value):
        if value == most:
            return None
        below, value, step = value, min(value + step, most), 2 * step
    return smallest(holds, below + 1, value)
