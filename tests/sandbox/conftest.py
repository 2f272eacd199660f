"""Sandboxes to test: one behind real HTTP with its clock in the test's hand, and a receiver of uplinks."""

from __future__ import annotations

import heapq
import itertools
import threading
import time

import pytest
import requests

from fuota.network import SenraClient
from fuota.network.background import BackgroundServer
from fuota.network.webhook import create_receiver
from fuota.radio import region as find_region
from fuota.sandbox import SANDBOX_API_KEY, SANDBOX_APP_EUI, SANDBOX_SECOND_APP_EUI, FleetRecipe
from fuota.sandbox.http.app import create_app
from fuota.sandbox.http.service import Service
from fuota.sandbox.server.access import Keys, RegistrationToken, Role
from fuota.sandbox.server.faults import Faults
from fuota.sandbox.server.network_server import NetworkServer
from fuota.sandbox.server.records import Application
from fuota.sandbox.server.saved_state import RunningState
from fuota.sandbox.server.tasks import Tasks

APP_EUIS = (SANDBOX_APP_EUI, SANDBOX_SECOND_APP_EUI)
NO_FAULTS = Faults()


class SteppedClock:
    """A clock that stands still until the test runs an action."""

    def __init__(self, start_us=1_700_000_000_000_000):
        self.lock = threading.RLock()
        self._now_us = start_us
        self._planned, self._order = [], itertools.count()

    def now_us(self):
        return self._now_us

    def at(self, time_us, action):
        heapq.heappush(self._planned, (time_us, next(self._order), action))

    def step(self):
        """Run the next action. Return False if there is none."""
        if not self._planned:
            return False
        due_us, _, action = heapq.heappop(self._planned)
        with self.lock:
            self._now_us = max(self._now_us, due_us)
            action()
        return True

    def run_until(self, reached):
        """Run actions until `reached()` is true. Fail if no action is left before that."""
        while not reached():
            assert self.step(), "no action is left"

    def run(self):
        """Run all actions."""
        while self.step():
            pass

    def pass_us(self, duration_us):
        """Move the time forward without running an action."""
        self._now_us += duration_us


class Switch:
    """An ASGI application that calls the present test's application, so that one HTTP server serves many tests."""

    app = None

    async def __call__(self, scope, receive, send):
        if scope["type"] == "http":
            await self.app(scope, receive, send)


class RecordingPackage:
    """A package of a device that records each message as (time, multicast group, bytes)."""

    def __init__(self, package, now_us):
        self._package, self._now_us, self.messages = package, now_us, []

    def __getattr__(self, name):
        return getattr(self._package, name)

    def receive(self, payload, *, mc_group=None):
        self.messages.append((self._now_us(), mc_group, payload))
        return self._package.receive(payload, mc_group=mc_group)


class World:
    """A network server and its fleet behind `url`. uplinks: the uplinks of its data stream."""

    def __init__(
        self, url, *, region="EU868", uplink_period_s=30, faults=NO_FAULTS, clock=None, app_euis=APP_EUIS, **recipe
    ):
        self.url, self.api_key, self.app_eui = url, SANDBOX_API_KEY, app_euis[0]
        self.job_id = f"MCastXferJobReq:{self.app_eui}"
        self.clock, self.uplinks = clock or SteppedClock(), []
        recipe = FleetRecipe(**({"devices": 3, "loss_high": 0.0} | recipe))
        self.fleet = recipe.make(join_eui=self.app_eui, region=find_region(region))
        self.server = NetworkServer(
            applications=[Application(app_eui=eui, join_eui=eui) for eui in app_euis],
            region=find_region(region),
            fleet=self.fleet,
            clock=self.clock,
            data_stream=self,
            uplink_period_s=uplink_period_s,
            faults=faults,
        )
        self.state = RunningState(
            clock=self.clock,
            directory=self.server.directory,
            downlinks=self.server.downlinks,
            token=RegistrationToken(),
            tasks=Tasks(clock=self.clock),
        )
        self.keys = Keys.of(app_euis, first_key=SANDBOX_API_KEY)
        self.service = Service(server=self.server, keys=self.keys, state=self.state)
        self.client = SenraClient(url, self.api_key, retries=0)

    def publish(self, uplink):
        self.uplinks.append(uplink)

    @property
    def devices(self):
        return list(self.fleet.by_eui.values())

    def call(self, method, name, params=None, *, key=SANDBOX_API_KEY, **body):
        """Send a real HTTP request. Return (status, JSON)."""
        answer = self.request(method, name, params, key=key, **body)
        return answer.status_code, answer.json()

    def status_of(self, method, name, params=None, *, key=SANDBOX_API_KEY, **body):
        """Send a real HTTP request. Return its status."""
        return self.request(method, name, params, key=key, **body).status_code

    def request(self, method, name, params=None, *, key=SANDBOX_API_KEY, **body):
        """Send a real HTTP request. Return its answer."""
        with requests.Session() as session:
            session.trust_env = False
            headers = body.pop("headers", {}) | ({"authorization": key} if key is not None else {})
            url = f"{self.url}/rest/integration/{name}"
            return session.request(method, url, params=params, headers=headers, timeout=60, **body)

    def transfer(self, image=bytes(480), *, leave_out=(), **params):
        """Start a transfer to all devices. Return (status, JSON). leave_out: parameters that are not sent."""
        query = {"appEui": self.app_eui, "devTags": "sandbox", "startDelaySecs": 120, "redundancy": "1.0"} | params
        query = {name: value for name, value in query.items() if name not in leave_out}
        return self.call("POST", "mcastTransfer", query, data=image)

    def start(self, image=bytes(480), **params):
        """Start a transfer that must be accepted. Return this world."""
        status, answer = self.transfer(image, **params)
        assert status == 200, answer
        return self

    def key(self, role=Role.FULL_ACCESS, app_eui=None):
        """Return the key of a role for an application, by default the first application."""
        return next(key for *of, key in self.keys.listed() if tuple(of) == (app_eui or self.app_eui, role))

    def onboard(self, name, params=None, *rows, key=SANDBOX_API_KEY, **body):
        """Send an onboarding call with these rows and run its task to the end. Return the result of the task."""
        status, answer = self.call("POST", f"device/{name}", params, key=key, json={"data": list(rows)} | body)
        assert status == 200, answer
        request_id = answer["statusUrl"].split("reqId=")[1]
        self.clock.run_until(lambda: self.service.tasks.by_id[request_id].done is not None)
        status, answer = self.call("GET", "device/status", {"reqId": request_id}, key=key)
        assert (status, answer["state"], answer["pctDone"]) == (200, "DONE_SUC", 100)
        return answer["result"]

    def register(self, *rows, **params):
        """Register devices, each a row or an EUI. Return the result of the task."""
        whole = [{"devEui": row, "appKey": "A" * 32} if isinstance(row, str) else row for row in rows]
        return self.onboard("register", {"token": self.service.token()} | params, *whole)

    def status(self):
        """Return the answer of mcastStatus for the application's transfer."""
        status, answer = self.call("GET", "mcastStatus", {"appEui": self.app_eui})
        assert status == 200, answer
        return answer

    def current_transfer(self):
        """The application's transfer, as the server has it."""
        return self.server.transfers.find(app_eui=self.app_eui)

    def group(self):
        """The multicast group of the application's transfer, as the server has it."""
        return self.current_transfer().group

    def member(self, device=None):
        """Return the membership of a device, by default the first, in the group of the transfer."""
        return self.group().members[(device or self.devices[0]).dev_eui]

    def listen(self, device):
        """Record what this device hears from now on. The returned list grows."""
        device.package = RecordingPackage(device.package, self.clock.now_us)
        return device.package.messages

    def assert_refused(self, answer, status, message):
        """Assert that an answer is this error: the status in header and body, and a text that contains `message`."""
        code, body = answer
        assert (code, body["statusCode"]) == (status, status)
        assert set(body) == {"responseMsg", "statusCode"}
        assert message in body["responseMsg"]

    def run_to(self, state):
        """Run actions until the transfer is in this state. Return this world."""
        self.clock.run_until(lambda: self.current_transfer().state == state)
        return self


@pytest.fixture(scope="session")
def _switched():
    switch = Switch()
    with BackgroundServer(switch) as http:
        yield switch, http.url


@pytest.fixture
def make_world(_switched):
    """Return a function that makes the world of a test: `make_world(devices=..., region=..., ...)`."""
    switch, url = _switched

    def make(**kwargs):
        world = World(url, **kwargs)
        switch.app = create_app(world.service)
        return world

    return make


class Collector:
    """A receiver of the data stream over HTTP."""

    def __init__(self):
        self.uplinks, self.bodies = [], []
        self.url = ""
        self._receiver = create_receiver(self._store)

    async def __call__(self, scope, receive, send):
        """Receive a post and record its body."""
        body = bytearray()

        async def recording():
            message = await receive()
            body.extend(message.get("body", b""))
            if message["type"] == "http.request" and not message.get("more_body"):
                self.bodies.append(bytes(body))
            return message

        await self._receiver(scope, recording, send)

    def _store(self, bodies):
        assert not any(body.refusals for body in bodies), "the stream of the sandbox has only usable notifications"
        self.uplinks += [uplink for body in bodies for _, uplink in body.uplinks]


@pytest.fixture(scope="session")
def _collector():
    collector = Collector()
    with BackgroundServer(collector) as http:
        collector.url = f"{http.url}/uplinks"
        yield collector


@pytest.fixture
def collector(_collector):
    """Return the receiver, emptied."""
    _collector.uplinks, _collector.bodies = [], []
    return _collector


@pytest.fixture(scope="session")
def wait_until():
    """Return a function that polls until a condition holds, and fails after `timeout_s` seconds."""

    def wait(reached, *, timeout_s=10):
        deadline = time.monotonic() + timeout_s
        while not reached():
            assert time.monotonic() < deadline, f"not reached in {timeout_s} seconds"
            time.sleep(0.002)

    return wait
