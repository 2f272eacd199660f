"""The server's books behind the calls, and what every call needs of them."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Protocol
from urllib.parse import urlencode

from fuota.errors import AuthenticationError
from fuota.network.senra.device_rows import Callback
from fuota.sandbox.http.callback import post_result
from fuota.sandbox.server.access import REJECTED, ApiKey, Keys
from fuota.sandbox.server.onboarding import Place
from fuota.sandbox.server.records import Application, DeviceRecord
from fuota.sandbox.server.saved_state import Books, books_json, devices_json
from fuota.sandbox.server.server import NetworkServer
from fuota.sandbox.server.tasks import Outcome, TaskKind, Tasks

STATUS_PATH = "/rest/integration/device/status"


def real_us() -> int:
    """Microseconds since 1970 where people live, who have an hour to use a token."""
    return time.time_ns() // 1000


class Clock(Protocol):
    """Of the agenda: what the calls need."""

    @property
    def lock(self) -> AbstractContextManager[Any]:
        """Held by whoever touches the books."""
        ...

    def now_us(self) -> int:
        """Virtual time."""
        ...

    def at(self, time_us: int, action: Callable[[], None]) -> None:
        """Do something then."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A request whose key fits and whose parameters are legal.

    `values`: the parameters by their keys. `other_key`: of the header authorization2. `url`: of this server, for a statusUrl.
    """

    values: Mapping[str, Any]
    key: ApiKey
    url: str = ""
    body: bytes = b""
    other_key: str | None = field(default=None, repr=False)


class Service:
    """The books of a sandbox, and what they are kept with.

    `books`: those of an earlier sandbox, of which `server` has the devices and downlinks already.
    `forgets`: whether tasks that are over are forgotten in time.
    `on_change`: called when a task has changed devices. `settle`: called before a POST is answered, with whether it has.
    """

    def __init__(
        self, *, server: NetworkServer, clock: Clock, keys: Keys, books: Books | None = None, forgets: bool = True
    ) -> None:
        books = books or Books()
        self.server, self.clock, self.keys = server, clock, keys
        self.directory, self.downlinks = server.directory, server.downlinks
        self.tokens = books.tokens
        self.tasks = Tasks(now_us=clock.now_us, at=clock.at, forgets=forgets)
        self.tasks.by_id = {task.request_id: task for task in books.tasks}
        self.on_change: Callable[[], None] | None = None
        self.settle: Callable[[bool], None] | None = None

    def token(self) -> str:
        """The registration token that is good now."""
        with self.clock.lock:
            return self.tokens.current(real_us())

    def snapshot(self, devices: bool) -> dict[str, Any]:
        """The books as JSON, with the devices or without."""
        with self.clock.lock:
            books = books_json(self.downlinks, self.tokens, self.tasks, now_us=self.clock.now_us())
            return books | (devices_json(self.directory) if devices else {})

    def application(self, asked: Asked, key: str = "app_eui") -> Application:
        """The application that is asked for, or that of the key. Raises NotFoundError, AuthenticationError."""
        found = self.directory.application(asked.values[key] or asked.key.app_eui)
        if found.app_eui != asked.key.app_eui:
            raise AuthenticationError(f"{REJECTED} The key is not one of Application {found.app_eui}.")
        return found

    def device(self, asked: Asked) -> DeviceRecord:
        """The device that is asked for, of the key's application. Raises NotFoundError."""
        return self.directory.device(asked.values["eui"], asked.key.app_eui)

    def place(self, asked: Asked) -> Place:
        """Where the devices of an onboarding call are to be."""
        values = asked.values
        return Place(
            application=self.application(asked),
            now_us=self.clock.now_us(),
            join_eui=values.get("join_eui"),
            contract_id=values.get("contract_id"),
            profile_id=values.get("prof_id"),
            tags=values.get("tags") or (),
        )

    def begin(
        self,
        kind: TaskKind,
        asked: Asked,
        app_euis: tuple[str, ...],
        work: list[Callable[[], Outcome]],
        callback: Callback | None = None,
    ) -> dict[str, str]:
        """Start a task; the answer that tells where to ask for it."""
        task = self.tasks.start(kind, app_euis, work, then=partial(self._done, callback))
        return {"statusUrl": f"{asked.url}{STATUS_PATH}?{urlencode({'reqId': task.request_id}, safe=':')}"}

    def _done(self, callback: Callback | None, result: dict[str, Any]) -> None:
        if self.on_change is not None:
            self.on_change()
        if callback is not None:
            post_result(callback, result)
