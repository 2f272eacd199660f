"""Timing side by side: the rounds of all jobs alternate, so that other load on the machine slows all of them."""

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
"""A round repeats a short job for about this time, because of the resolution of the clock."""
BUDGET_S = 3.0
"""Rounds end early, after at least three, if a measurement takes longer than this."""


def cpu_side_by_side(jobs: Mapping[str, Job], rounds: int) -> dict[str, float]:
    """Return the median of the CPU seconds of a call, for each job."""
    return {name: statistics.median(times) for name, times in _sampled(jobs, rounds, time.process_time).items()}


def wall_side_by_side(jobs: Mapping[str, Job], rounds: int) -> dict[str, float]:
    """Return the least wall seconds of a call, for each job. Other load on the machine can only increase the time."""
    return {name: min(times) for name, times in _sampled(jobs, rounds, time.perf_counter).items()}


def peak_bytes(job: Job) -> int:
    """Return the peak of the memory of Python and numpy during `job`, beyond the memory in use before.

    Memory that a compiled kernel allocates is not included.
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
    """Return the CPU seconds, user and system, of a whole process. Raises CalledProcessError if the process fails."""
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
        for done in range(rounds):
            if done >= 3 and time.monotonic() > deadline:
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
