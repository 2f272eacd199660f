"""Combining many small writes into a few large writes: what arrives while a group is being stored becomes the next group."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass

from fuota.network.stream_body import StreamBody

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Waiting:
    body: StreamBody
    stored: asyncio.Future[bool]


class GroupCommit:
    """Stores the bodies of many requests together, in a thread, one group at a time.

    store: stores bodies, or raises an exception. max_waiting: most notifications that may wait; a single request may exceed it.
    waiting: number of notifications that wait. fails: whether the last attempt to store failed.
    """

    def __init__(self, store: Callable[[list[StreamBody]], None], *, max_waiting: int) -> None:
        self._store = store
        self._max_waiting = max_waiting
        self._waiting: list[_Waiting] = []
        self.waiting = 0
        self._task: asyncio.Task[None] | None = None
        self.fails = False

    def has_room(self, count: int) -> bool:
        """Return whether `keep` may be called with a body of `count` notifications now."""
        return self.waiting == 0 or self.waiting + count <= self._max_waiting

    async def keep(self, body: StreamBody) -> bool:
        """Wait until the body is stored; return False if it cannot be stored. The log has the reason."""
        request = _Waiting(body=body, stored=asyncio.get_running_loop().create_future())
        self._waiting.append(request)
        self.waiting += body.size
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._store_all())
        return await request.stored

    async def _store_all(self) -> None:
        while self._waiting:
            group, self._waiting = self._waiting, []
            await self._store_group(group)
            self.waiting -= sum(request.body.size for request in group)

    async def _store_group(self, group: list[_Waiting]) -> None:
        all_stored = await asyncio.to_thread(self._try, [request.body for request in group])
        for request in group:
            # A request that cannot be stored must not make the others fail.
            stored = all_stored
            if not all_stored and len(group) > 1:
                stored = await asyncio.to_thread(self._try, [request.body])
            if not request.stored.done():  # the request may have been cancelled
                request.stored.set_result(stored)

    def _try(self, bodies: list[StreamBody]) -> bool:
        try:
            self._store(bodies)
        except Exception as error:  # the receiver must continue, and the sender must not believe that it is stored
            if not self.fails:  # one line for an outage, however many requests it costs
                _log.error("uplinks cannot be stored, and the server is asked to send them again: %s", error)
            self.fails = True
            return False
        if self.fails:
            _log.warning("uplinks can be stored again")
        self.fails = False
        return True
