"""A receiver serves genuine requests while others open connections and wait, over real sockets."""

from __future__ import annotations

import contextlib
import json
import socket
import threading
import time
from urllib.parse import urlsplit

import pytest
import requests

from fuota.network import connections as limits
from fuota.network.background import BackgroundServer
from fuota.network.connections import Connections
from fuota.network.webhook import MAX_HEADER_BYTES, ReceiverCounts, create_receiver

ONE = {"devEui": "000000000000000A", "pdu": "0108", "port": 201}
TOKEN = {"x-fuota-token": "s3cret"}
HALF = b"POST /uplinks HTTP/1.1\r\nHost: x\r\nX-Slow: "


class Receiver:
    """A running receiver. stored: uplinks. stall: makes the storage wait while it is set."""

    def __init__(self, *, token: str | None = "s3cret", **limit: int) -> None:
        self.stored: list[object] = []
        self.free = threading.Event()
        self.free.set()
        self.connections, self.counts = Connections(**limit), ReceiverCounts()
        app = create_receiver(self._store, token=token, counts=self.counts, connections=self.connections)
        self.server = BackgroundServer(app, max_header_bytes=MAX_HEADER_BYTES, connections=self.connections)

    def _store(self, bodies) -> None:
        assert self.free.wait(20)
        self.stored += [uplink for body in bodies for _, uplink in body.uplinks]

    @property
    def address(self) -> tuple[str, int]:
        where = urlsplit(self.server.url)
        return str(where.hostname), int(where.port or 0)

    def connect(self) -> socket.socket:
        return socket.create_connection(self.address, timeout=5)

    def post(self, **headers: str) -> int:
        return requests.post(f"{self.server.url}/uplinks", json=ONE, headers=TOKEN | headers, timeout=10).status_code


@pytest.fixture
def open_receiver():
    """Return a function that starts a receiver."""
    with contextlib.ExitStack() as stack:

        def started(**options) -> Receiver:
            receiver = Receiver(**options)
            stack.enter_context(receiver.server)
            stack.callback(receiver.free.set)
            return receiver

        yield started


@pytest.fixture
def open_sockets():
    with contextlib.ExitStack() as stack:
        yield lambda receiver: stack.enter_context(receiver.connect())


def is_closed(connection: socket.socket) -> bool:
    connection.settimeout(5)
    try:
        return connection.recv(1) == b""
    except ConnectionResetError:
        return True


@pytest.mark.parametrize("sent", [b"", HALF])
def test_genuine_posts_are_stored_beside_waiting_connections(open_receiver, open_sockets, sent):
    receiver = open_receiver(limit=20)
    waiting = [open_sockets(receiver) for _ in range(50)]
    for connection in waiting:
        with contextlib.suppress(ConnectionError):  # the oldest connections are closed
            connection.sendall(sent)
    assert [receiver.post() for _ in range(5)] == [200] * 5
    assert len(receiver.stored) == 5
    assert receiver.connections.open <= 20
    assert all(is_closed(connection) for connection in waiting[:20]), "the oldest make room"


def test_an_address_cannot_use_all_connections(open_receiver, open_sockets):
    receiver = open_receiver(limit=20, limit_of_address=5)
    for _ in range(15):
        open_sockets(receiver)
    assert receiver.post() == 200
    assert receiver.connections.open <= 5


def test_requests_in_progress_are_not_closed_for_others(open_receiver, open_sockets):
    receiver = open_receiver(limit=4)
    receiver.free.clear()
    statuses: list[int] = []
    posting = [threading.Thread(target=lambda: statuses.append(receiver.post())) for _ in range(3)]
    for thread in posting:
        thread.start()
    deadline = time.monotonic() + 10
    while len(receiver.connections._busy) < 3 and time.monotonic() < deadline:
        time.sleep(0.01)
    for _ in range(10):
        open_sockets(receiver)
    receiver.free.set()
    for thread in posting:
        thread.join()
    assert statuses == [200] * 3


@pytest.mark.parametrize("drip", [False, True])
def test_a_slow_header_is_closed_at_its_deadline(open_receiver, open_sockets, monkeypatch, drip):
    monkeypatch.setattr(limits, "HEADER_DEADLINE_S", 0.5)
    receiver = open_receiver()
    connection = open_sockets(receiver)
    begun = time.monotonic()
    connection.sendall(HALF)
    with contextlib.suppress(ConnectionError):
        while drip and time.monotonic() - begun < 5:
            connection.sendall(b"x")
            time.sleep(0.05)
    assert is_closed(connection)
    assert 0.4 < time.monotonic() - begun < 4
    assert receiver.connections.late == 1
    assert receiver.post() == 200


@pytest.mark.parametrize("path", [b"/uplinks", b"/elsewhere"])
def test_bytes_after_an_answer_do_not_keep_a_connection(open_receiver, open_sockets, monkeypatch, path):
    monkeypatch.setattr(limits, "HEADER_DEADLINE_S", 0.5)
    receiver = open_receiver()
    connection = open_sockets(receiver)
    connection.sendall(b"POST " + path + b" HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\n")
    assert connection.recv(100).startswith((b"HTTP/1.1 403", b"HTTP/1.1 404"))
    begun = time.monotonic()
    with contextlib.suppress(ConnectionError):
        while time.monotonic() - begun < 5:
            connection.sendall(b"x")
            time.sleep(0.05)
    assert time.monotonic() - begun < 4


def test_a_kept_connection_is_used_again(open_receiver):
    receiver = open_receiver()
    with requests.Session() as session:
        for _ in range(3):
            answer = session.post(f"{receiver.server.url}/uplinks", json=ONE, headers=TOKEN, timeout=5)
            assert answer.status_code == 200
            time.sleep(0.05)
    assert len(receiver.stored) == 3


def test_the_header_is_limited(open_receiver, open_sockets):
    receiver = open_receiver()
    assert receiver.post(**{"x-padding": "y" * 12_000}) == 200
    assert receiver.post(**{"x-padding": "y" * 40_000}) in {400, 431}
    connection = open_sockets(receiver)
    with contextlib.suppress(ConnectionError):
        connection.sendall(HALF + b"y" * 2_000_000)
    assert is_closed(connection) or connection.recv(100)


# --- without a token


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 200),
        ({"content-type": "application/json; charset=utf-8"}, 200),
        ({"content-type": "Application/JSON"}, 200),
        ({"content-type": "text/plain"}, 415),
        ({"content-type": "application/x-www-form-urlencoded"}, 415),
        ({"content-type": ""}, 415),
        ({"origin": "https://attacker.example"}, 403),
        ({"origin": "null"}, 403),
        ({"origin": "http://["}, 403),
        ({"host": "["}, 403),
        ({"origin": "http://attacker.example", "host": "attacker.example"}, 403),  # DNS rebinding
        ({"host": "localhost:8381"}, 200),
        ({"host": "[::1]:8381"}, 200),
        ({"origin": "http://localhost:8381", "host": "localhost:8381"}, 200),
        ({"origin": "http://localhost:1234", "host": "localhost:8381"}, 403),
    ],
)
def test_without_a_token_web_pages_cannot_post(open_receiver, headers, status):
    receiver = open_receiver(token=None)
    sent = {"content-type": "application/json"} | headers
    answer = requests.post(f"{receiver.server.url}/uplinks", data=json.dumps(ONE), headers=sent, timeout=5)
    assert answer.status_code == status, answer.text
    assert len(receiver.stored) == (status == 200)


def test_with_a_token_the_content_type_does_not_matter(open_receiver):
    receiver = open_receiver()
    assert receiver.post(**{"content-type": "text/plain", "origin": "https://portal.example"}) == 200


# --- metrics


def test_metrics_count_what_happened(open_receiver):
    receiver = open_receiver()
    receiver.post()
    receiver.post(**{"x-fuota-token": "wrong"})
    url = f"{receiver.server.url}/metrics"
    assert requests.get(url, timeout=5).status_code == 403
    answer = requests.get(url, headers=TOKEN, timeout=5)
    assert answer.headers["content-type"].startswith("text/plain")
    samples = dict(line.rsplit(" ", 1) for line in answer.text.splitlines() if not line.startswith("#"))
    assert samples["fuota_uplinks_stored_total"] == "1"
    assert samples['fuota_requests_total{status="200"}'] == samples['fuota_requests_total{status="403"}'] == "1"
    assert float(samples["fuota_last_stored_timestamp_seconds"]) == pytest.approx(time.time(), abs=60)
    assert int(samples["fuota_connections"]) >= 1
    assert samples["fuota_storage_failing"] == "0"


# --- a long attack


@pytest.mark.slow
def test_600_half_open_connections_and_300_large_headers(open_receiver, open_sockets):
    """Genuine posts are stored during the attack, and the memory of the process stays small."""
    import resource

    receiver = open_receiver()
    before_kb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    deadline, statuses = time.monotonic() + 25, []
    attackers = [open_sockets(receiver) for _ in range(600)]
    while time.monotonic() < deadline:
        for number, connection in enumerate(attackers):
            with contextlib.suppress(OSError):
                connection.sendall(HALF + b"y" * 1_900_000 if number >= 300 else b"X-Slow: 1\r\n")
        statuses.append(receiver.post())
        time.sleep(0.5)
    assert set(statuses) == {200}
    assert len(receiver.stored) == len(statuses) > 5
    grown_mb = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before_kb) / 1024
    assert grown_mb < 150, "300 MB for the whole process"
