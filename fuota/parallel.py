"""Split work among threads if there is enough of it. The kernels run without the GIL."""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from fuota.rules import optional_integer

WORTH_NS = 3_000_000
"""Work below this is done by one thread: starting more threads costs more than they save."""


def run_in_parts(work: Callable[[int, int], None], count: int, *, threads: int | None, cost_ns: float) -> None:
    """Call work(first, last) for ranges that together cover 0 to `count`, each in its own thread.

    threads: number of threads; None chooses it from the work (`count` times `cost_ns`) and the number of processors.
    Raises ParameterError if `threads` is below 1.
    """
    optional_integer("threads", threads, 1)
    if not count:
        return
    limit = threads or (_processors() if count * cost_ns >= WORTH_NS else 1)
    parts = max(1, min(limit, count))
    if parts == 1:
        work(0, count)
        return
    bounds = [count * part // parts for part in range(parts + 1)]
    with ThreadPoolExecutor(parts - 1) as others:
        running = [others.submit(work, bounds[part], bounds[part + 1]) for part in range(1, parts)]
        work(bounds[0], bounds[1])
        for part in running:
            part.result()


def _processors() -> int:
    """Return the number of processors that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
