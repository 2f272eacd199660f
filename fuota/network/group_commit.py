"""Combining many small writes into a few large writes: what arrives while a group is being stored becomes the next group."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass

from fuota.network.uplinks import Uplink

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Waiting:
    uplinks: list[Uplink]
    stored: asyncio.Future[bool]


class GroupCommit:
    """Stores the uplinks of many requests together, in a thread, one group at a time.

    store: stores uplinks, or raises an exception. max_waiting: most uplinks that may wait; a single request may exceed it.
    """

    def __init__(self, store: Callable[[list[Uplink]], None], *, max_waiting: int) -> None:
        self._store = store
        self._max_waiting = max_waiting
        self._waiting: list[_Waiting] = []
        self._count = 0
        self._task: asyncio.Task[None] | None = None

    def has_room(self, count: int) -> bool:
        """Return whether `keep` may be called with `count` uplinks now."""
        return self._count == 0 or self._count + count <= self._max_waiting

    async def keep(self, uplinks: list[Uplink]) -> bool:
        """Wait until the uplinks are stored; return False if they cannot be stored. The log has the reason."""
        request = _Waiting(uplinks=uplinks, stored=asyncio.get_running_loop().create_future())
        self._waiting.append(request)
        self._count += len(uplinks)
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._store_all())
        return await request.stored

    async def _store_all(self) -> None:
        while self._waiting:
            group, self._waiting = self._waiting, []
            await self._store_group(group)
            self._count -= sum(len(request.uplinks) for request in group)

    async def _store_group(self, group: list[_Waiting]) -> None:
        all_stored = await asyncio.to_thread(self._try, [uplink for request in group for uplink in request.uplinks])
        for request in group:
            # A request that cannot be stored must not make the others fail.
            stored = all_stored
            if not all_stored and len(group) > 1:
                stored = await asyncio.to_thread(self._try, request.uplinks)
            if not request.stored.done():  # the request may have been cancelled
                request.stored.set_result(stored)

    def _try(self, uplinks: list[Uplink]) -> bool:
        try:
            self._store(uplinks)
        except (
            Exception
        ):  # whatever it is: the receiver must continue, and the sender must not believe that it is stored
            _log.exception("uplinks could not be stored")
            return False
        return True
