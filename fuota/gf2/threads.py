"""Work in several threads, where there is enough of it. The kernels run without the GIL."""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from fuota.errors import ParameterError

WORTH_NS = 3_000_000
"""Less work than this is done by one thread: starting others, and waiting for the slower one, costs more than they save."""


def in_parts(work: Callable[[int, int], None], count: int, *, threads: int | None, cost_ns: float) -> None:
    """work(first, last) for parts that together are 0 to `count`, each part in a thread of its own.

    `threads`: how many; None decides by the amount of work, `cost_ns` for each of the `count`, and the processors there are.
    Raises ParameterError for fewer than one.
    """
    check_threads(threads)
    if not count:
        return
    wanted = threads or (_processors() if count * cost_ns >= WORTH_NS else 1)
    parts = max(1, min(wanted, count))
    if parts == 1:
        work(0, count)
        return
    bounds = [count * part // parts for part in range(parts + 1)]
    with ThreadPoolExecutor(parts - 1) as others:
        running = [others.submit(work, bounds[part], bounds[part + 1]) for part in range(1, parts)]
        work(bounds[0], bounds[1])
        for part in running:
            part.result()


def check_threads(threads: int | None) -> None:
    """Raise ParameterError for fewer than one."""
    if threads is not None and threads < 1:
        raise ParameterError(f"threads {threads} was given: it is 1 or more, or None to choose")


def _processors() -> int:
    """Those that this process may run on."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
