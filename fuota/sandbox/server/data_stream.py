"""Posts uplinks to the application, as the network server's data stream does (reference, "Application Payload")."""

from __future__ import annotations

import logging
import random
import threading
import time
from collections import deque
from dataclasses import replace

from fuota.errors import MalformedAnswerError, NetworkError, ParameterError
from fuota.network import HttpClient, Uplink
from fuota.network.urls import split_url
from fuota.sandbox.server.faults import Faults

ATTEMPTS = 3
PAUSE_S = 0.3
MAX_BATCH = 200
MAX_WAITING = 100_000
BATCH_DELAY_MS = 5
"""A batch is what came "within a few milliseconds of each other" (reference, "Batching"); in real time."""
LAST_POSTS_S = 10
"""What is queued when the stream ends is posted for that long."""
MAX_DUPLICATES = 15

_FARTHER_DB = 4
"""Each further gateway hears an uplink that much worse."""
_NO_FAULTS = Faults()
_log = logging.getLogger(__name__)


class DataStream:
    """A queue of uplinks and the thread that posts them to `url`, in batches (an array) or one by one (an object).

    batch_delay_ms: a batch waits that long for company. duplicates: how many further gateways hear an uplink.
    max_waiting: uplinks queued at most. `faults`: which notifications are never posted, or twice.

    An uplink is lost that the application does not take in three attempts, or that finds the queue full; the log tells.
    Counted: `lost`; `dropped` and `repeated` by faults. Raises ParameterError.
    """

    def __init__(
        self,
        url: str,
        *,
        batch: bool = True,
        batch_delay_ms: int = BATCH_DELAY_MS,
        duplicates: int = 0,
        max_waiting: int = MAX_WAITING,
        faults: Faults = _NO_FAULTS,
    ) -> None:
        if not 0 <= batch_delay_ms <= 10_000:
            raise ParameterError(f"batch_delay_ms {batch_delay_ms} was given: it lies from 0 to 10000")
        base_url, self._path, self._query = split_url(url)
        self._client = HttpClient(base_url, timeout_s=5)
        self._batch = batch
        self._delay_s = batch_delay_ms / 1000
        self._duplicates = _checked_duplicates(duplicates)
        self._max_waiting = max_waiting
        self._faults = faults
        self._draws = random.Random(f"data stream {faults.seed}")  # noqa: S311 - chance, not secrecy
        self._waiting: deque[tuple[Uplink, int]] = deque()
        self._changed = threading.Condition()
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._run, name="fuota-sandbox-data-stream", daemon=True)
        self.lost = self.dropped = self.repeated = 0

    def start(self) -> None:
        """Begin to post."""
        self._thread.start()

    def publish(self, uplink: Uplink, *, duplicates: int | None = None) -> None:
        """Queue one uplink; returns at once. `duplicates`: as of the stream, for this uplink."""
        further = self._duplicates if duplicates is None else _checked_duplicates(duplicates)
        with self._changed:
            if len(self._waiting) < self._max_waiting:
                self._waiting.append((uplink, further))
                self._changed.notify()
                return
            self._lose(1, f"the queue of the data stream is full ({self._max_waiting} uplinks)")

    def stop(self) -> None:
        """Post what is queued, without repeating anything that fails and for ten seconds at most, and end."""
        with self._changed:
            self._closing.set()
            self._changed.notify()
        self._thread.join()

    def _run(self) -> None:
        end_s = None
        while taken := self._take():
            if self._closing.is_set():
                end_s = end_s or time.monotonic() + LAST_POSTS_S
                if time.monotonic() > end_s:
                    self._give_up(len(taken))
                    return
            self._send(taken)

    def _take(self) -> list[tuple[Uplink, int]]:
        """The next uplinks that go together; none once all is posted and the stream ends."""
        with self._changed:
            self._changed.wait_for(lambda: self._waiting or self._closing.is_set())
            if self._batch:
                self._changed.wait_for(lambda: len(self._waiting) >= MAX_BATCH or self._closing.is_set(), self._delay_s)
            count = min(len(self._waiting), MAX_BATCH if self._batch else 1)
            return [self._waiting.popleft() for _ in range(count)]

    def _send(self, taken: list[tuple[Uplink, int]]) -> None:
        heard = [one for uplink, duplicates in taken for one in _by_gateways(uplink, duplicates)]
        posted = [one for one in heard for _ in range(self._times())]
        size = MAX_BATCH if self._batch else 1
        for first in range(0, len(posted), size):
            self._deliver(posted[first : first + size])

    def _times(self) -> int:
        """How often a notification is posted."""
        if self._draws.random() < self._faults.drop_notification:
            self.dropped += 1
            return 0
        if self._draws.random() < self._faults.repeat_notification:
            self.repeated += 1
            return 2
        return 1

    def _deliver(self, batch: list[Uplink]) -> None:
        body = [uplink.to_json() for uplink in batch]
        for attempt in range(ATTEMPTS):
            try:
                self._client.post_json(self._path, self._query, json=body if self._batch else body[0])
            except MalformedAnswerError:
                return  # taken: what the application says besides is its own business
            except NetworkError as error:
                reason = str(error)
                if self._closing.is_set() or attempt == ATTEMPTS - 1:
                    break
                self._closing.wait(PAUSE_S * 2**attempt)
            else:
                return
        with self._changed:
            self._lose(len(batch), reason)

    def _give_up(self, count: int) -> None:
        with self._changed:
            self._lose(count + len(self._waiting), f"the data stream has ended, {LAST_POSTS_S} s were not enough")

    def _lose(self, count: int, reason: str) -> None:
        """To be called with the lock held, which keeps the count right."""
        if self.lost == 0:  # once: a receiver that is down would fill the log
            _log.warning("uplinks of the data stream are being lost: %s", reason)
        self.lost += count


def _checked_duplicates(duplicates: int) -> int:
    if not 0 <= duplicates <= MAX_DUPLICATES:
        raise ParameterError(f"duplicates {duplicates} was given: it lies from 0 to {MAX_DUPLICATES} further gateways")
    return duplicates


def _by_gateways(uplink: Uplink, duplicates: int) -> list[Uplink]:
    """The uplink as relayed by its gateway and by so many more; `dup` marks those that came later (reference, "Fields").

    Where there are none it goes without `dup`, which requires a contract.
    """
    if duplicates == 0:
        return [uplink]
    return [replace(uplink, dup=False)] + [_duplicate(uplink, number) for number in range(1, duplicates + 1)]


def _duplicate(uplink: Uplink, number: int) -> Uplink:
    gateway = (int(uplink.gw_eui or "0", 16) + number) % 2**64
    weaker = _FARTHER_DB * number
    return replace(
        uplink,
        dup=True,
        gw_eui=f"{gateway:016X}",
        rssi_dbm=None if uplink.rssi_dbm is None else uplink.rssi_dbm - weaker,
        snr_db=None if uplink.snr_db is None else uplink.snr_db - weaker,
    )
