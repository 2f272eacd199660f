"""The first use of the engine on a machine compiles it, which takes a few seconds: say so rather than stand still."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from fuota.cli.output import Output

AFTER_S = 1.5
_WORDS = "still at work; the first time on a machine the engine is compiled for it, which takes a few seconds ..."


@contextmanager
def patience_at_first_use(out: Output) -> Iterator[None]:
    """Around the first call of the engine: where it takes so long, it is likely being compiled."""
    said = threading.Timer(AFTER_S, out.say, [_WORDS])
    said.daemon = True
    said.start()
    try:
        yield
    finally:
        said.cancel()
