"""Data stream: posts uplinks to the application (reference, "Application Payload")."""

from __future__ import annotations

import logging
import random
import threading
import time
from collections import deque
from dataclasses import replace

from fuota import rules
from fuota.errors import MalformedAnswerError, NetworkError
from fuota.network.http import HttpClient
from fuota.network.uplinks import Uplink
from fuota.network.urls import split_url
from fuota.sandbox.server.faults import Faults

ATTEMPTS = 3
PAUSE_S = 0.3
MAX_BATCH = 200
MAX_WAITING = 100_000
BATCH_DELAY_MS = 5
"""A batch has the uplinks that came "within a few milliseconds of each other" (reference, "Batching"), in real time."""
MAX_BATCH_DELAY_MS = 10_000
LAST_POSTS_S = 10
"""Time limit for posting queued uplinks after `stop`."""
MAX_DUPLICATES = 15

_GATEWAY_STEP_DB = 4
"""Loss of signal from one further gateway to the next."""
_NO_FAULTS = Faults()
_log = logging.getLogger(__name__)


class DataStream:
    """A queue of uplinks and the thread that posts them to `url`.

    batch: whether uplinks are posted in batches (arrays) instead of single objects. batch_delay_ms: waiting time of a
    batch for further uplinks, 0 to 10000. duplicates: number of further gateways that hear an uplink, 0 to 15.
    max_waiting: limit of queued uplinks. faults: only drop_notification and repeat_notification are used here.

    An uplink is lost if the application does not accept it in three attempts, or if the queue is full. The log reports the first
    loss. Counters: `lost`; `dropped` and `repeated` by faults. Raises ParameterError.
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
        base_url, self._path, self._query = split_url(url)
        self._client = HttpClient(base_url, timeout_s=5)
        self._batch = batch
        self._delay_s = rules.integer("batch_delay_ms", batch_delay_ms, 0, MAX_BATCH_DELAY_MS) / 1000
        self._duplicates = rules.integer("duplicates", duplicates, 0, MAX_DUPLICATES)
        self._max_waiting = max_waiting
        self._faults = faults
        self._draws = random.Random(f"data stream {faults.seed}")  # noqa: S311 - not used for secrets
        self._waiting: deque[tuple[Uplink, int]] = deque()
        self._changed = threading.Condition()
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._run, name="fuota-sandbox-data-stream", daemon=True)
        self.lost = self.dropped = self.repeated = 0

    def start(self) -> None:
        """Begin to post uplinks."""
        self._thread.start()

    def publish(self, uplink: Uplink, *, duplicates: int | None = None) -> None:
        """Queue one uplink and return at once. duplicates: number of further gateways; None for the number of the stream."""
        gateways = self._duplicates
        if duplicates is not None:
            gateways = rules.integer("duplicates", duplicates, 0, MAX_DUPLICATES)
        with self._changed:
            if len(self._waiting) < self._max_waiting:
                self._waiting.append((uplink, gateways))
                self._changed.notify()
                return
            self._lose(1, f"the queue of the data stream is full ({self._max_waiting} uplinks)")

    def stop(self) -> None:
        """Post the queued uplinks, once each and for at most ten seconds, and end."""
        with self._changed:
            self._closing.set()
            self._changed.notify()
        self._thread.join()

    def _run(self) -> None:
        end_s = None
        while batch := self._take():
            if self._closing.is_set():
                end_s = end_s or time.monotonic() + LAST_POSTS_S
                if time.monotonic() > end_s:
                    self._give_up(len(batch))
                    return
            self._send(batch)

    def _take(self) -> list[tuple[Uplink, int]]:
        """Return the uplinks of the next batch; [] when the stream ends and all uplinks are posted."""
        with self._changed:
            self._changed.wait_for(lambda: self._waiting or self._closing.is_set())
            if self._batch:
                self._changed.wait_for(lambda: len(self._waiting) >= MAX_BATCH or self._closing.is_set(), self._delay_s)
            count = min(len(self._waiting), MAX_BATCH if self._batch else 1)
            return [self._waiting.popleft() for _ in range(count)]

    def _send(self, batch: list[tuple[Uplink, int]]) -> None:
        relayed = [copy for uplink, duplicates in batch for copy in _by_gateways(uplink, duplicates)]
        notifications = [uplink for uplink in relayed for _ in range(self._repetitions())]
        size = MAX_BATCH if self._batch else 1
        for first in range(0, len(notifications), size):
            self._deliver(notifications[first : first + size])

    def _repetitions(self) -> int:
        """Return the number of times that the next notification is posted."""
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
                return  # accepted: the content of the answer does not matter
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
        """Count lost uplinks. To be called with the lock held, since both threads count."""
        if self.lost == 0:  # only once: a receiver that is down would fill the log
            _log.warning("uplinks of the data stream are being lost: %s", reason)
        self.lost += count


def _by_gateways(uplink: Uplink, duplicates: int) -> list[Uplink]:
    """Return the uplink as relayed by its gateway and by `duplicates` further gateways.

    `dup` marks later copies (reference, "Fields"). Without further gateways the uplink has no `dup`, which requires a contract.
    """
    if duplicates == 0:
        return [uplink]
    return [replace(uplink, dup=False)] + [_duplicate(uplink, number) for number in range(1, duplicates + 1)]


def _duplicate(uplink: Uplink, number: int) -> Uplink:
    gateway = (int(uplink.gw_eui or "0", 16) + number) % 2**64
    weaker = _GATEWAY_STEP_DB * number
    return replace(
        uplink,
        dup=True,
        gw_eui=f"{gateway:016X}",
        rssi_dbm=None if uplink.rssi_dbm is None else uplink.rssi_dbm - weaker,
        snr_db=None if uplink.snr_db is None else uplink.snr_db - weaker,
    )
