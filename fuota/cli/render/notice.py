"""Notice for work that takes longer than usual, because the engine is compiled on its first use on a machine."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from fuota.cli.output import Output

AFTER_S = 1.5
_NOTICE = "still working: the engine is compiled on its first use on this machine, which takes a few seconds ..."


@contextmanager
def notice_if_slow(out: Output) -> Iterator[None]:
    """Print a notice if the block takes longer than AFTER_S; use it around the first call of the engine."""
    timer = threading.Timer(AFTER_S, out.say, [_NOTICE])
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
