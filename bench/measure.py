"""Timing side by side: one round of each contender after the other, so that what slows the machine slows them all."""

from __future__ import annotations

import gc
import resource
import statistics
import subprocess
import time
import tracemalloc
from collections.abc import Callable, Mapping, Sequence

Job = Callable[[], object]

ROUND_S = 0.003
"""A round repeats a short job until about this long, or the clock would be too coarse."""


BUDGET_S = 3.0
"""Rounds end early, three at least, when one measurement has taken this long."""


def cpu_side_by_side(jobs: Mapping[str, Job], rounds: int) -> dict[str, float]:
    """Median CPU seconds of one call of each job."""
    return {name: statistics.median(taken) for name, taken in _sampled(jobs, rounds, time.process_time).items()}


def wall_side_by_side(jobs: Mapping[str, Job], rounds: int) -> dict[str, float]:
    """Least wall-clock seconds of one call of each job: what others do on the machine only ever adds to them."""
    return {name: min(taken) for name, taken in _sampled(jobs, rounds, time.perf_counter).items()}


def peak_bytes(job: Job) -> int:
    """The most memory that Python and numpy held at once during `job`, beyond what they held before.

    What a compiled kernel allocates for itself is not seen.
    """
    gc.collect()
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        job()
        return tracemalloc.get_traced_memory()[1] - before
    finally:
        tracemalloc.stop()


def child_cpu_s(command: Sequence[str], env: Mapping[str, str]) -> float:
    """CPU seconds, user and system, of a whole process. Raises CalledProcessError when it fails."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, env=env, check=True, capture_output=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime


def _sampled(jobs: Mapping[str, Job], rounds: int, clock: Callable[[], float]) -> dict[str, list[float]]:
    repeats = {name: _repeats(job, clock) for name, job in jobs.items()}
    samples: dict[str, list[float]] = {name: [] for name in jobs}
    deadline = time.monotonic() + BUDGET_S
    gc.collect()
    gc.disable()
    try:
        for taken in range(rounds):
            if taken >= 3 and time.monotonic() > deadline:
                break
            for name, job in jobs.items():
                samples[name].append(_timed(job, repeats[name], clock))
    finally:
        gc.enable()
    return samples


def _timed(job: Job, repeats: int, clock: Callable[[], float]) -> float:
    start = clock()
    for _ in range(repeats):
        job()
    return (clock() - start) / repeats


def _repeats(job: Job, clock: Callable[[], float]) -> int:
    job()
    return max(1, round(ROUND_S / max(_timed(job, 1, clock), 1e-7)))
