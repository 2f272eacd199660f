"""Virtual time: the clock of a sandbox, and GPS time."""

from __future__ import annotations

import heapq
import itertools
import logging
import threading
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from typing import Protocol

from fuota import rules
from fuota.lorawan.gps_time import gps_seconds

SECOND_US = 1_000_000
_log = logging.getLogger(__name__)

_LAST_LEAP_SECOND = datetime(2017, 1, 1, tzinfo=UTC)
GPS_AHEAD_US = (gps_seconds(_LAST_LEAP_SECOND) - int(_LAST_LEAP_SECOND.timestamp())) * SECOND_US
"""GPS time minus Unix time since 2017. No leap second has been inserted since then, and none is planned."""


class Clock(Protocol):
    """The clock of a sandbox: it reports virtual time and runs actions at their time."""

    @property
    def lock(self) -> AbstractContextManager[object]:
        """Lock that every action holds. Code that touches the same objects from another thread must hold it too."""
        ...

    def now_us(self) -> int:
        """Return virtual time in microseconds since 1970-01-01 UTC."""
        ...

    def at(self, time_us: int, action: Callable[[], None]) -> None:
        """Run `action` at `time_us`, or at once if that time has passed."""
        ...


class VirtualClock:
    """A clock that runs `speed` times as fast as real time, and the thread that runs its actions.

    speed: greater than 0, or None for no waiting: the clock then jumps to the next action.
    start_us: virtual time at the start, in microseconds since 1970; None for the present time.

    All actions run on one thread, each holding `lock`. While an action runs, the time is the action's planned time, even if the
    machine is late: the result does not depend on the speed of the machine. Raises ParameterError for any other speed.
    """

    def __init__(self, *, speed: float | None = 1, start_us: int | None = None) -> None:
        if speed is not None and not speed > 0:
            rules.refuse("speed", "greater than 0 (1 is real time), or None for no waiting", speed)
        self.lock = threading.RLock()
        self._speed = speed
        self._start_us = time.time_ns() // 1000 if start_us is None else start_us
        self._started_ns = time.monotonic_ns()
        self._jumped_us = self._start_us
        self._action_us: int | None = None
        self._planned: list[tuple[int, int, Callable[[], None]]] = []
        self._order = itertools.count()
        self._changed = threading.Condition(self.lock)
        self._closing = False
        self._thread = threading.Thread(target=self._run_all, name="fuota-sandbox-clock", daemon=True)

    def now_us(self) -> int:
        """Return virtual time in microseconds since 1970-01-01 UTC."""
        if self._action_us is not None:
            return self._action_us
        if self._speed is None:
            return self._jumped_us
        return self._start_us + int((time.monotonic_ns() - self._started_ns) / 1000 * self._speed)

    def at(self, time_us: int, action: Callable[[], None]) -> None:
        """Run `action` at `time_us`, or at once if that time has passed. Actions of the same time run in the order of the calls."""
        with self._changed:
            heapq.heappush(self._planned, (time_us, next(self._order), action))
            self._changed.notify()

    def start(self) -> None:
        """Begin to run actions."""
        self._thread.start()

    def stop(self) -> None:
        """End the clock. No further action runs."""
        with self._changed:
            self._closing = True
            self._changed.notify()
        self._thread.join()

    def _run_all(self) -> None:
        while True:
            with self._changed:
                while not self._closing and not self._is_due():
                    self._changed.wait(self._seconds_to_next())
                if self._closing:
                    return
                due_us, _, action = heapq.heappop(self._planned)
                self._jumped_us = max(self._jumped_us, due_us)
                self._action_us = self._jumped_us if self._speed is None else due_us
                self._run(action)

    def _run(self, action: Callable[[], None]) -> None:
        """Run one action. The clock continues after any exception: a fault in one transfer must not freeze the others."""
        try:
            action()
        except Exception:
            _log.exception("an action of the sandbox failed")
        finally:
            self._action_us = None

    def _is_due(self) -> bool:
        return bool(self._planned) and (self._speed is None or self._planned[0][0] <= self.now_us())

    def _seconds_to_next(self) -> float | None:
        if not self._planned or self._speed is None:
            return None
        return max(0.0, (self._planned[0][0] - self.now_us()) / 1e6 / self._speed)


def gps_us(unix_us: int) -> int:
    """Return GPS time in microseconds for a time in microseconds since 1970."""
    return unix_us + GPS_AHEAD_US


def unix_us(gps_us: int) -> int:
    """Return the time in microseconds since 1970 for a GPS time in microseconds."""
    return gps_us - GPS_AHEAD_US
