"""Display of uplinks in a thread, so that a slow reader does not delay acknowledgements."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from types import TracebackType
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from fuota.network import Uplink

MAX_WAITING = 100_000
"""Number of uplinks that wait to be shown; further uplinks are skipped."""
WAIT_S = 0.5
"""Longest wait for a change; a signal that arrives just before a wait is handled at its end."""


class Display:
    """Context manager that calls `show` with each uplink, one after the other, in a thread.

    `skipped` counts the uplinks that are not shown because MAX_WAITING others wait. When `show` raises an OSError, because the
    reader has closed its end, nothing more is shown.
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
        """Queue uplinks for the thread, and return at once."""
        with self._changed:
            fitting = uplinks[: max(0, MAX_WAITING - len(self._waiting))]
            self._waiting.extend(fitting)
            self.skipped += len(uplinks) - len(fitting)
            self._changed.notify_all()

    def wait(self, longest_s: float | None = None) -> None:
        """Wait for `longest_s` seconds, or until Ctrl-C, which raises KeyboardInterrupt. Raises the OSError of `show`."""
        end_s = None if longest_s is None else time.monotonic() + longest_s
        while end_s is None or time.monotonic() < end_s:
            with self._changed:
                self._changed.wait_for(lambda: self._error, timeout=WAIT_S)
                self.check()

    def check(self) -> None:
        """Raise the OSError of `show`, if there was one."""
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
        """Show all uplinks that wait, unless `show` has raised an error."""
        with self._changed:
            self._ending = True
            self._changed.notify_all()
        self._thread.join()
