"""What happens when: virtual time, and the one thread that lives in it."""

from __future__ import annotations

import heapq
import itertools
import logging
import threading
import time
from collections.abc import Callable

from fuota.errors import ParameterError

_log = logging.getLogger(__name__)


class Agenda:
    """Runs actions at their time, on a clock that goes `speed` times as fast as real time.

    With `speed` None there is no waiting: the clock jumps to the next action. All actions run on one thread, each holding
    `lock`; whoever touches what the actions touch takes the lock too. While an action runs, the time is the one that it was
    planned for, even if the machine is late: what happens does not depend on how fast the machine is.
    """

    def __init__(self, *, speed: float | None = 1, start_us: int | None = None) -> None:
        if speed is not None and not speed > 0:
            raise ParameterError(
                f"speed {speed} was given: it is greater than 0 (1 is real time), or None for no waiting"
            )
        self.lock = threading.RLock()
        self._speed = speed
        self._start_us = time.time_ns() // 1000 if start_us is None else start_us
        self._started_ns = time.monotonic_ns()
        self._jumped_us = self._start_us
        self._acting_us: int | None = None
        self._due: list[tuple[int, int, Callable[[], None]]] = []
        self._order = itertools.count()
        self._changed = threading.Condition(self.lock)
        self._closing = False
        self._thread = threading.Thread(target=self._live, name="fuota-sandbox-agenda", daemon=True)

    def now_us(self) -> int:
        """Virtual time in microseconds since 1970-01-01 UTC."""
        if self._acting_us is not None:
            return self._acting_us
        if self._speed is None:
            return self._jumped_us
        return self._start_us + int((time.monotonic_ns() - self._started_ns) / 1000 * self._speed)

    def at(self, time_us: int, action: Callable[[], None]) -> None:
        """Run `action` at `time_us`, or at once if that has passed. Actions of the same time run in the order given."""
        with self._changed:
            heapq.heappush(self._due, (time_us, next(self._order), action))
            self._changed.notify()

    def start(self) -> None:
        """Let time begin."""
        self._thread.start()

    def stop(self) -> None:
        """End time: nothing further runs."""
        with self._changed:
            self._closing = True
            self._changed.notify()
        self._thread.join()

    def _live(self) -> None:
        while True:
            with self._changed:
                while not self._closing and not self._is_due():
                    self._changed.wait(self._seconds_to_next())
                if self._closing:
                    return
                due_us, _, action = heapq.heappop(self._due)
                self._jumped_us = max(self._jumped_us, due_us)
                self._acting_us = self._jumped_us if self._speed is None else due_us
                self._run(action)

    def _run(self, action: Callable[[], None]) -> None:
        """One action. Time goes on whatever it raises: a fault in one task must not freeze the others."""
        try:
            action()
        except Exception:
            _log.exception("an action of the sandbox failed")
        finally:
            self._acting_us = None

    def _is_due(self) -> bool:
        return bool(self._due) and (self._speed is None or self._due[0][0] <= self.now_us())

    def _seconds_to_next(self) -> float | None:
        if not self._due or self._speed is None:
            return None
        return max(0.0, (self._due[0][0] - self.now_us()) / 1e6 / self._speed)
