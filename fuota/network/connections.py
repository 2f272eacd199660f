"""Limits on the connections of a server: nobody who opens connections and waits can keep others out."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import Any

from uvicorn.protocols.http.h11_impl import H11Protocol

HEADER_DEADLINE_S = 10
"""Time in s for the header of a request, from its first byte or from the start of the connection."""
MAX_CONNECTIONS = 512
MAX_CONNECTIONS_OF_ADDRESS = 256
"""Limit for one address. Beyond it, the oldest connection of the address that has no request in progress is closed."""


class Connections:
    """Open connections of one server. To be used in the event loop of the server.

    limit, limit_of_address: largest number of connections, of all and of one address; None: from the constants above and from the
    number of files that the process may open.
    dropped: number of connections that were closed for others. late: number of connections closed because of a slow header.
    """

    def __init__(self, *, limit: int | None = None, limit_of_address: int | None = None) -> None:
        self._limit = _default_limit() if limit is None else limit
        self._limit_of_address = min(
            self._limit, MAX_CONNECTIONS_OF_ADDRESS if limit_of_address is None else limit_of_address
        )
        self._waiting: dict[_LimitedH11, None] = {}  # without a request in progress, the oldest first
        self._busy: set[_LimitedH11] = set()
        self._addresses: Counter[str] = Counter()
        self.dropped = 0
        self.late = 0

    @property
    def open(self) -> int:
        """Number of open connections."""
        return len(self._waiting) + len(self._busy)

    def admit(self, connection: _LimitedH11) -> bool:
        """Count a new connection, and close the oldest one without a request if there are too many.

        Return False if all others have requests in progress; the new connection is then not counted.
        """
        address = connection.address
        if self._addresses[address] >= self._limit_of_address:
            victim = next((other for other in self._waiting if other.address == address), None)
        elif self.open >= self._limit:
            victim = next(iter(self._waiting), None)
        else:
            self._waiting[connection] = None
            self._addresses[address] += 1
            return True
        self.dropped += 1
        if victim is None:
            return False
        self.remove(victim)
        victim.transport.abort()
        return self.admit(connection)

    def remove(self, connection: _LimitedH11) -> None:
        """Forget a connection that is closed."""
        if connection in self._waiting or connection in self._busy:
            self._waiting.pop(connection, None)
            self._busy.discard(connection)
            self._addresses[connection.address] -= 1
            if not self._addresses[connection.address]:
                del self._addresses[connection.address]

    def note(self, connection: _LimitedH11, *, busy: bool) -> None:
        """Record whether a connection has a request in progress."""
        if busy and connection in self._waiting:
            del self._waiting[connection]
            self._busy.add(connection)
        elif not busy and connection in self._busy:
            self._busy.discard(connection)
            self._waiting[connection] = None


class _LimitedH11(H11Protocol):
    """HTTP connection that is counted in `limits`, and closed if the header of a request takes too long.

    Connections are counted when they are made: the event loop accepts many connections before it makes the first.
    """

    limits: Connections
    address: str = ""
    _admitted = False
    _deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        self.address = str((transport.get_extra_info("peername") or ("",))[0])
        self._admitted = self.limits.admit(self)
        if not self._admitted:
            transport.abort()
            return
        super().connection_made(transport)
        self._expect_header()

    def connection_lost(self, exc: Exception | None) -> None:
        if self._admitted:
            self.limits.remove(self)
            self._stop_deadline()
            super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if not self._is_busy:  # the header is not complete, or bytes follow an answered request
            self._expect_header()

    def handle_events(self) -> None:
        super().handle_events()
        self._note()

    def on_response_complete(self) -> None:
        super().on_response_complete()
        self._note()

    @property
    def _is_busy(self) -> bool:
        return self.cycle is not None and not self.cycle.response_complete

    def _note(self) -> None:
        self.limits.note(self, busy=self._is_busy)
        if self._is_busy:
            self._stop_deadline()

    def _expect_header(self) -> None:
        if self._deadline is None:
            self._deadline = self.loop.call_later(HEADER_DEADLINE_S, self._too_late)

    def _stop_deadline(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _too_late(self) -> None:
        self.limits.late += 1
        self.transport.abort()


def protocol_with(limits: Connections) -> type[Any]:
    """Return a class of connections that count in `limits`."""
    return type("CountedH11", (_LimitedH11,), {"limits": limits})


def _default_limit() -> int:
    """Return half of the number of files that this process may open, and `MAX_CONNECTIONS` at most."""
    try:
        import resource
    except ImportError:  # Windows
        return MAX_CONNECTIONS
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return MAX_CONNECTIONS if soft == resource.RLIM_INFINITY else min(MAX_CONNECTIONS, soft // 2)
