"""Objects that the handlers of the calls share, and operations that every handler needs."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Protocol
from urllib.parse import urlencode

from fuota.errors import AuthenticationError
from fuota.network.senra.device_rows import Callback
from fuota.sandbox.http.callback import post_result
from fuota.sandbox.server.access import REJECTED, ApiKey, Keys
from fuota.sandbox.server.network_server import NetworkServer
from fuota.sandbox.server.onboarding import TaskScope
from fuota.sandbox.server.records import Application, RegisteredDevice
from fuota.sandbox.server.saved_state import RunningState
from fuota.sandbox.server.tasks import TaskAnswer, TaskKind, TaskOutcome

STATUS_PATH = "/rest/integration/device/status"


def real_us() -> int:
    """Return real time in microseconds since 1970. Registration tokens are valid for an hour of real time."""
    return time.time_ns() // 1000


class Storage(Protocol):
    """A place that keeps the state, such as a `StateFile`."""

    def note_change(self) -> None:
        """Request a writing, since a task has changed devices."""
        ...

    def settle(self, *, devices: bool) -> None:
        """Return when the present state is stored. devices: whether devices have changed. Raises StorageError."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiRequest:
    """A request with a valid key and legal parameters.

    values: the parameters by key, as `fuota.sandbox.http.calls` declares them. url: URL of this server, for a statusUrl.
    other_key: content of the header authorization2.
    """

    values: Mapping[str, Any]
    key: ApiKey
    url: str = ""
    body: bytes = b""
    other_key: str | None = field(default=None, repr=False)


class Service:
    """The server, its keys and its state, for the handlers of the calls.

    storage: keeps the state; None if it is kept in memory only.
    """

    def __init__(
        self, *, server: NetworkServer, keys: Keys, state: RunningState, storage: Storage | None = None
    ) -> None:
        self.server, self.keys, self.storage = server, keys, storage
        self.clock, self.directory, self.downlinks = state.clock, state.directory, state.downlinks
        self.registration_token, self.tasks = state.token, state.tasks

    def token(self) -> str:
        """Return the valid registration token. Takes the clock's lock."""
        with self.clock.lock:
            return self.registration_token.current(real_us())

    def application(self, request: ApiRequest, parameter: str = "app_eui") -> Application:
        """Return the application named by a parameter, or the application of the key.

        Raises NotFoundError, and AuthenticationError if the key belongs to another application.
        """
        application = self.directory.application(request.values[parameter] or request.key.app_eui)
        if application.app_eui != request.key.app_eui:
            raise AuthenticationError(f"{REJECTED} The key does not belong to Application {application.app_eui}.")
        return application

    def device(self, request: ApiRequest) -> RegisteredDevice:
        """Return the device of the parameter eui, in the application of the key. Raises NotFoundError."""
        return self.directory.device(request.values["eui"], request.key.app_eui)

    def scope(self, request: ApiRequest) -> TaskScope:
        """Return the parameters of an onboarding call that apply to all its devices. Raises the errors of `application`."""
        values = request.values
        return TaskScope(
            application=self.application(request),
            now_us=self.clock.now_us(),
            join_eui=values.get("join_eui"),
            contract_id=values.get("contract_id"),
            profile_id=values.get("prof_id"),
            tags=values.get("tags") or (),
        )

    def start_task(
        self,
        kind: TaskKind,
        request: ApiRequest,
        app_euis: tuple[str, ...],
        steps: Sequence[Callable[[], TaskOutcome]],
        callback: Callback | None = None,
    ) -> dict[str, object]:
        """Start a task and return the answer with its status URL. app_euis, steps: see `Tasks.start`. callback: gets the result."""
        task = self.tasks.start(kind, app_euis, steps, then=partial(self._on_task_end, callback))
        return {"statusUrl": f"{request.url}{STATUS_PATH}?{urlencode({'reqId': task.request_id}, safe=':')}"}

    def _on_task_end(self, callback: Callback | None, result: TaskAnswer) -> None:
        if self.storage is not None:
            self.storage.note_change()
        if callback is not None:
            post_result(callback, result)
