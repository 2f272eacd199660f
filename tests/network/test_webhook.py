from __future__ import annotations

import http.client
import json
import socket
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor, wait
from typing import Any
from urllib.parse import urlsplit

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fuota.errors import IncompleteError, NetworkError, ParameterError, ServerFault
from fuota.network import HttpClient, webhook
from fuota.network.background import BackgroundServer
from fuota.network.credentials import Secrets
from fuota.network.webhook import create_receiver

ONE = {"devEui": "000000000000000A", "pdu": "0108", "port": 201, "seqno": 74503}
TWO = [ONE, {**ONE, "devEui": "000000000000000B", "brandNew": 1}]
HEAD = b"POST /uplinks HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
TOKEN = Secrets(headers={"x-fuota-token": "s3cret"})


class Store:
    """Storage that keeps uplinks, and the bodies as they came.

    It fails `failures` times, always fails for the metadata "poison", and waits until `free` is set.
    """

    def __init__(self) -> None:
        self.kept: list[list[dict[str, Any]]] = []
        self.raw: list[bytes] = []
        self.failures = 0
        self.entered = threading.Event()
        self.free = threading.Event()
        self.free.set()

    def __call__(self, bodies) -> None:
        uplinks = [uplink for body in bodies for _, uplink in body.uplinks]
        self.entered.set()
        assert self.free.wait(10)
        if any(uplink.metadata == "poison" for uplink in uplinks):
            raise RuntimeError("poison")
        if self.failures:
            self.failures -= 1
            raise RuntimeError("disk full")
        self.kept.append([uplink.to_json() for uplink in uplinks])
        self.raw += [body.raw for body in bodies]


@pytest.fixture(scope="module")
def receiver():
    store = Store()
    with BackgroundServer(create_receiver(store, token="s3cret", max_body_bytes=5000)) as server:
        yield store, server.url


@pytest.fixture
def store(receiver):
    receiver[0].kept.clear()
    receiver[0].raw.clear()
    receiver[0].failures = 0
    receiver[0].entered.clear()
    return receiver[0]


@pytest.fixture
def post(receiver):
    def send(body, *, token="s3cret", path="/uplinks", method="POST", **headers):
        connection = http.client.HTTPConnection(urlsplit(receiver[1]).netloc, timeout=5)
        try:
            token_header = {"x-fuota-token": token} if token is not None else {}
            connection.request(method, path, body, token_header | headers)
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()

    return send


@pytest.mark.parametrize(("posted", "stored"), [(ONE, [ONE]), ([ONE], [ONE]), (TWO, TWO), ([], [])])
def test_notifications_are_stored_before_they_are_acknowledged(store, post, posted, stored):
    assert post(json.dumps(posted))[0] == 200
    assert store.kept == [stored]


@pytest.mark.parametrize("body", [b"", b"hello", b"{}", b'{"devEui": "\\ud800"}', b"[" * 4000, b"\xff\xfe"])
def test_garbage_is_answered_400(store, post, body):
    status, answer = post(body)
    assert status == 400
    assert json.loads(answer)["message"]
    assert store.kept == [[]]
    assert store.raw == [body], "it is kept as it came"


def test_bad_notification_does_not_cost_its_batch(store, post):
    batch = [ONE, {**ONE, "port": 999}, 7, {**ONE, "seqno": 2, "estLat": "", "rssi": "-100", "txtime": 5}]
    body = json.dumps(batch)
    status, answer = post(body)
    assert status == 200
    message = json.loads(answer)["message"]
    assert message.startswith("stored 2, refused 2: notification 2 of 4: port must be an FPort")
    assert [uplink["seqno"] for uplink in store.kept[0]] == [ONE["seqno"], 2]
    assert store.raw == [body.encode()]


@pytest.mark.parametrize(("size", "status"), [(5000, 200), (5001, 413), (50_000, 413)])
def test_the_size_of_the_body_is_limited(store, post, size, status):
    body = json.dumps(ONE).encode()
    assert post(body + b" " * (size - len(body)))[0] == status
    assert len(store.kept) == (status == 200)
    assert post(json.dumps(ONE))[0] == 200


def test_endless_body_is_refused_at_the_limit(receiver, store):
    """Send chunks until the answer arrives: a receiver that waits for the end would never answer."""
    where = urlsplit(receiver[1])
    with socket.create_connection((where.hostname, where.port), timeout=5) as connection:
        connection.sendall(
            b"POST /uplinks HTTP/1.1\r\nHost: x\r\nx-fuota-token: s3cret\r\nTransfer-Encoding: chunked\r\n\r\n"
        )
        for _ in range(6):
            connection.sendall(b"3e8\r\n" + b" " * 1000 + b"\r\n")  # 6000 bytes, the limit is 5000, and no last chunk
        assert connection.recv(100).startswith(b"HTTP/1.1 413")
    assert store.kept == []


def test_receiver_continues_after_a_sender_disconnects(receiver, store, post):
    where = urlsplit(receiver[1])
    with socket.create_connection((where.hostname, where.port), timeout=5) as connection:
        connection.sendall(b"POST /uplinks HTTP/1.1\r\nHost: x\r\nx-fuota-token: s3cret\r\nContent-Length: 99\r\n\r\n{")
    assert post(json.dumps(ONE))[0] == 200
    assert len(store.kept) == 1


@pytest.mark.parametrize("token", [None, "", "wrong", "s3cret2", "\xe9"])
def test_a_wrong_token_is_answered_403(store, post, token):
    assert post(json.dumps(ONE), token=token)[0] == 403
    assert store.kept == []


def test_a_failing_handler_is_answered_500_and_the_next_request_works(store, post, caplog):
    store.failures = 1
    status, answer = post(json.dumps(ONE))
    assert status == 500
    assert b"disk full" not in answer
    assert "disk full" in caplog.text
    assert "Traceback" not in caplog.text
    assert store.kept == []
    assert post(json.dumps(ONE))[0] == 200
    assert len(store.kept) == 1


def together(store, post, bodies):
    """Post the bodies so that all except the first wait for the storage at the same time, and return their statuses."""
    store.free.clear()
    with ThreadPoolExecutor(len(bodies)) as posting:
        answers = [posting.submit(post, json.dumps(bodies[0]))]
        assert store.entered.wait(10)
        answers += [posting.submit(post, json.dumps(body)) for body in bodies[1:]]
        try:
            finished, _ = wait(answers, timeout=0.3)
            assert not finished  # no acknowledgement before the uplinks are stored
        finally:
            store.free.set()
        return [answer.result()[0] for answer in answers]


def test_uplinks_that_arrive_while_the_storage_is_busy_are_stored_together(store, post):
    bodies = [{**ONE, "seqno": number} for number in range(9)]
    assert together(store, post, bodies) == [200] * 9
    assert len(store.kept) == 2
    assert sorted(uplink["seqno"] for group in store.kept for uplink in group) == list(range(9))


def test_request_that_cannot_be_stored_does_not_stop_the_others(store, post, caplog):
    bodies = [ONE, {**ONE, "seqno": 1}, {**ONE, "metadata": "poison"}, {**ONE, "seqno": 2}]
    assert together(store, post, bodies) == [200, 200, 500, 200]
    assert sorted(uplink["seqno"] for group in store.kept for uplink in group) == [1, 2, ONE["seqno"]]


def test_request_beyond_the_waiting_limit_is_refused_and_can_be_repeated():
    store = Store()
    store.free.clear()
    with BackgroundServer(create_receiver(store, max_waiting=3)) as server, ThreadPoolExecutor(1) as posting:
        client = HttpClient(server.url)
        first = posting.submit(client.post_json, "/uplinks", {}, json=TWO)
        assert store.entered.wait(10)
        with pytest.raises(ServerFault) as refused:
            client.post_json("/uplinks", {}, json=TWO)
        assert refused.value.status == 503
        store.free.set()
        assert first.result() == {"message": "stored 2"}
        assert client.post_json("/uplinks", {}, json=[ONE] * 4) == {"message": "stored 4"}


def test_slow_body_is_answered_408(monkeypatch):
    monkeypatch.setattr(webhook, "_READ_TIMEOUT_S", 0.05)
    with BackgroundServer(create_receiver(Store())) as server:
        where = urlsplit(server.url)
        with socket.create_connection((where.hostname, where.port), timeout=5) as connection:
            connection.sendall(HEAD + b"Content-Length: 99\r\n\r\n{")
            assert connection.recv(100).startswith(b"HTTP/1.1 408")


def test_bodies_beyond_the_common_limit_are_refused(monkeypatch):
    monkeypatch.setattr(webhook, "_MAX_READING_BYTES", 5000)
    with BackgroundServer(create_receiver(Store(), max_body_bytes=4000)) as server:
        where = urlsplit(server.url)
        head = HEAD + b"Content-Length: 4000\r\n\r\n"
        with socket.create_connection((where.hostname, where.port), timeout=5) as slow:
            slow.sendall(head + b" " * 3000)
            answers = []
            while not answers or answers[-1].startswith(
                b"HTTP/1.1 400"
            ):  # until the bytes of the slow body have arrived
                with socket.create_connection((where.hostname, where.port), timeout=5) as other:
                    other.sendall(head + b" " * 4000)
                    answers.append(other.recv(100))
            assert answers[-1].startswith(b"HTTP/1.1 503")
        HttpClient(server.url).post_json("/uplinks", {}, json=ONE)


@given(st.lists(st.binary(max_size=300), min_size=1, max_size=8))
@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_receiver_continues_after_any_bytes(receiver, pieces):
    where = urlsplit(receiver[1])
    for piece in pieces:
        with socket.create_connection((where.hostname, where.port), timeout=5) as connection:
            connection.sendall(piece)
    assert HttpClient(receiver[1]).post_json("/uplinks", {}, json=[], secrets=TOKEN) == {"message": "stored 0"}


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("GET", "/uplinks", 405)] + [("GET", p, 404) for p in ("/docs", "/redoc", "/openapi.json", "/")],
)
def test_nothing_else_is_served(post, method, path, status):
    assert post(None, method=method, path=path)[0] == status


def test_receiver_without_a_token_requires_none():
    store = Store()
    with BackgroundServer(create_receiver(store)) as server:
        connection = http.client.HTTPConnection(urlsplit(server.url).netloc, timeout=5)
        connection.request("POST", "/uplinks", json.dumps(ONE), {"content-type": "application/json"})
        assert connection.getresponse().status == 200
        connection.close()
    assert len(store.kept) == 1


@pytest.mark.parametrize("token", ["", "a b", "é", "a\n"])
def test_tokens_that_no_header_can_carry_are_refused(token):
    with pytest.raises(ParameterError, match="token"):
        create_receiver(Store(), token=token)


# --- the server


async def _bare(scope, receive, send):
    """Answer everything with 204: the smallest ASGI application."""
    if scope["type"] == "http":
        await send({"type": "http.response.start", "status": 204, "headers": []})
        await send({"type": "http.response.body", "body": b""})


def test_port_in_use_is_reported_and_is_free_after_stop():
    with BackgroundServer(_bare) as first:
        port = urlsplit(first.url).port
        with pytest.raises(NetworkError, match=f"port {port} on 127.0.0.1 is in use"):
            BackgroundServer(_bare, port=port).start()
    with BackgroundServer(_bare, port=port) as second:
        assert second.url == f"http://127.0.0.1:{port}"


def test_address_of_another_machine_is_reported():
    with pytest.raises(NetworkError, match=r"192\.0\.2\.1 cannot be opened"):
        BackgroundServer(_bare, host="192.0.2.1").start()


def test_requests_are_accepted_as_soon_as_start_returns_and_not_after_stop():
    server = BackgroundServer(_bare).start()
    where = urlsplit(server.url)
    socket.create_connection((where.hostname, where.port), timeout=1).close()
    server.stop()
    server.stop()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection((where.hostname, where.port), timeout=1)


def test_a_server_has_a_url_only_while_it_runs():
    server = BackgroundServer(_bare)
    with pytest.raises(IncompleteError):
        _ = server.url
    with server:
        assert server.url.startswith("http://127.0.0.1:")
        with pytest.raises(ParameterError, match="already runs"):
            server.start()
    with pytest.raises(IncompleteError):
        _ = server.url


def test_a_server_runs_again_after_it_was_stopped():
    server = BackgroundServer(_bare)
    for _ in range(2):
        with server:
            assert server.url


def test_application_that_fails_to_start_is_reported():
    async def broken(scope, receive, send):
        await receive()
        await send({"type": "lifespan.startup.failed", "message": "no disk"})

    with pytest.raises(NetworkError, match="did not start"):
        BackgroundServer(broken).start()


@pytest.mark.parametrize("port", [-1, 65536])
def test_ports_out_of_range_are_refused(port):
    with pytest.raises(ParameterError, match="port"):
        BackgroundServer(_bare, port=port)


def test_stopped_server_has_no_thread():
    before = threading.active_count()
    with BackgroundServer(_bare):
        assert threading.active_count() == before + 1
    assert threading.active_count() == before


def test_importing_network_does_not_import_the_web_framework():
    code = "import sys, fuota.network; sys.exit(bool({'fastapi', 'uvicorn', 'starlette', 'numpy', 'numba'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_answers_are_sent_without_delay():
    """Check TCP_NODELAY: an answer in two writes would wait for the client's delayed acknowledgement of the first."""
    no_delay = []

    async def record_option(scope, receive, send):
        if scope["type"] == "http":
            connection = send.__self__.transport.get_extra_info("socket")
            no_delay.append(connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY))
        await _bare(scope, receive, send)

    with BackgroundServer(record_option) as server:
        connection = http.client.HTTPConnection(urlsplit(server.url).netloc, timeout=5)
        connection.request("GET", "/")
        connection.getresponse()
        connection.close()
    assert no_delay
    assert all(no_delay)
