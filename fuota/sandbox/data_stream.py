"""Posts uplinks to the application, as the network server's data stream does."""

from __future__ import annotations

import queue
import threading
from urllib.parse import parse_qsl, urlsplit

from fuota.errors import MalformedAnswerError, NetworkError
from fuota.network import HttpClient, Uplink

ATTEMPTS = 3
PAUSE_S = 0.3
MAX_BATCH = 200


class DataStream:
    """A queue of uplinks and the thread that posts them to `url`, in batches (an array) or one by one (an object).

    An uplink that the application does not take in three attempts is lost; `lost` counts them.
    """

    def __init__(self, url: str, *, batch: bool = True) -> None:
        parts = urlsplit(url)
        self._client = HttpClient(f"{parts.scheme}://{parts.netloc}", timeout_s=5)
        self._path = parts.path or "/"
        self._query = dict(parse_qsl(parts.query, keep_blank_values=True))
        self._batch = batch
        self._waiting: queue.SimpleQueue[Uplink | None] = queue.SimpleQueue()
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._run, name="fuota-sandbox-data-stream", daemon=True)
        self.lost = 0

    def start(self) -> None:
        """Begin to post."""
        self._thread.start()

    def publish(self, uplink: Uplink) -> None:
        """Queue one uplink; returns at once."""
        self._waiting.put(uplink)

    def stop(self) -> None:
        """Post what is queued, without repeating anything that fails, and end."""
        self._closing.set()
        self._waiting.put(None)
        self._thread.join()

    def _run(self) -> None:
        while (first := self._waiting.get()) is not None:
            batch = [first]
            while self._batch and len(batch) < MAX_BATCH and not self._waiting.empty():
                further = self._waiting.get()
                if further is None:
                    self._deliver(batch)
                    return
                batch.append(further)
            self._deliver(batch)

    def _deliver(self, batch: list[Uplink]) -> None:
        body = [uplink.to_json() for uplink in batch]
        for attempt in range(ATTEMPTS):
            try:
                self._client.post_json(self._path, self._query, json=body if self._batch else body[0])
            except MalformedAnswerError:
                return  # taken: what the application says besides is its own business
            except NetworkError:
                if self._closing.is_set() or attempt == ATTEMPTS - 1:
                    break
                self._closing.wait(PAUSE_S * 2**attempt)
            else:
                return
        self.lost += len(batch)
