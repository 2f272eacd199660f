"""Many small writes as few large ones: what arrives while a group is being stored is the next group."""

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
    """Calls `store` in a thread of its own, never twice at the same time, with the uplinks of many requests.

    max_waiting: uplinks that may wait; one request alone may exceed it.
    """

    def __init__(self, store: Callable[[list[Uplink]], None], *, max_waiting: int) -> None:
        self._store = store
        self._max_waiting = max_waiting
        self._waiting: list[_Waiting] = []
        self._count = 0
        self._task: asyncio.Task[None] | None = None

    def has_room(self, count: int) -> bool:
        """Whether `keep` may be called with so many uplinks now."""
        return self._count == 0 or self._count + count <= self._max_waiting

    async def keep(self, uplinks: list[Uplink]) -> bool:
        """Whether they are stored, once they are; the log tells why they are not."""
        one = _Waiting(uplinks=uplinks, stored=asyncio.get_running_loop().create_future())
        self._waiting.append(one)
        self._count += len(uplinks)
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._store_all())
        return await one.stored

    async def _store_all(self) -> None:
        while self._waiting:
            group, self._waiting = self._waiting, []
            await self._store_group(group)
            self._count -= sum(len(one.uplinks) for one in group)

    async def _store_group(self, group: list[_Waiting]) -> None:
        done = await asyncio.to_thread(self._try, [uplink for one in group for uplink in one.uplinks])
        for one in group:
            # One request that cannot be stored must not take the others with it.
            settled = done if done or len(group) == 1 else await asyncio.to_thread(self._try, one.uplinks)
            if not one.stored.done():  # the request may have been given up
                one.stored.set_result(settled)

    def _try(self, uplinks: list[Uplink]) -> bool:
        try:
            self._store(uplinks)
        except Exception:  # whatever it is, the receiver must go on and the sender must not take it for stored
            _log.exception("uplinks could not be stored")
            return False
        return True
