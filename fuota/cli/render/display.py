"""Shows uplinks while they arrive: a reader who does not keep up holds up no acknowledgement."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from types import TracebackType
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from fuota.network import Uplink

MAX_UNSHOWN = 100_000


class Display:
    """Calls `show` with one uplink after the other in a thread of its own; as a context manager.

    What would wait behind 100,000 others is not shown; `skipped` counts it. Where `show` raises an OSError nothing more is
    shown: whoever read has gone.
    """

    def __init__(self, show: Callable[[Uplink], None]) -> None:
        self._show = show
        self._waiting: deque[Uplink] = deque()
        self._changed = threading.Condition()
        self._ending = False
        self._error: OSError | None = None
        self._thread = threading.Thread(target=self._run, name="fuota display", daemon=True)
        self.skipped = 0

    def put(self, uplinks: list[Uplink]) -> None:
        """Show these when their turn comes; returns at once."""
        with self._changed:
            fitting = uplinks[: max(0, MAX_UNSHOWN - len(self._waiting))]
            self._waiting.extend(fitting)
            self.skipped += len(uplinks) - len(fitting)
            self._changed.notify_all()

    def wait(self) -> None:
        """Until Ctrl-C, as KeyboardInterrupt. Raises the OSError of `show`."""
        while True:
            with self._changed:
                # And not for ever: a signal on the very threshold of a wait is seen at its end only.
                self._changed.wait_for(lambda: self._error, timeout=0.5)
                self.check()

    def check(self) -> None:
        """Raises the OSError of `show`."""
        if self._error is not None:
            raise self._error

    def _run(self) -> None:
        while (uplink := self._next()) is not None:
            try:
                self._show(uplink)
            except OSError as error:
                with self._changed:
                    self._error = error
                    self._changed.notify_all()
                return

    def _next(self) -> Uplink | None:
        with self._changed:
            self._changed.wait_for(lambda: self._waiting or self._ending)
            return self._waiting.popleft() if self._waiting else None

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        """All that waits is shown, unless it cannot be."""
        with self._changed:
            self._ending = True
            self._changed.notify_all()
        self._thread.join()
