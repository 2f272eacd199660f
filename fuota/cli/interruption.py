"""Ctrl-C that cannot be lost.

Python drops a KeyboardInterrupt that arrives while it runs a finalizer, such as the finalizer of a connection that was just closed,
and prints a traceback.
"""

from __future__ import annotations

import signal
import threading
import weakref
from types import FrameType, TracebackType
from typing import Self


class Interruption:
    """Context manager that remembers Ctrl-C, so that `check` can raise a KeyboardInterrupt that was dropped.

    It changes nothing outside the main thread, and nothing if the process ignores Ctrl-C, as in the background of a script.
    """

    def __init__(self) -> None:
        self._came = False
        self._active = False

    def check(self) -> None:
        """Raise KeyboardInterrupt if Ctrl-C came since the start of the block."""
        if self._came:
            raise KeyboardInterrupt

    def _remember(self, _number: int, frame: FrameType | None) -> None:
        self._came = True
        if not _is_in_finalizer(frame):
            raise KeyboardInterrupt

    def __enter__(self) -> Self:
        in_main_thread = threading.current_thread() is threading.main_thread()
        self._active = in_main_thread and signal.getsignal(signal.SIGINT) is signal.default_int_handler
        if self._active:
            signal.signal(signal.SIGINT, self._remember)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._active:
            signal.signal(signal.SIGINT, signal.default_int_handler)


def _is_in_finalizer(frame: FrameType | None) -> bool:
    """Return whether a finalizer (`weakref.finalize`, `__del__`) is running."""
    while frame is not None:
        code = frame.f_code
        if code.co_name == "__del__" or code is weakref.finalize.__call__.__code__:
            return True
        frame = frame.f_back
    return False
