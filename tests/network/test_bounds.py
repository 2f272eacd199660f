"""Answers without an end, packed answers and answers that drip, over real sockets."""

from __future__ import annotations

import gzip
import json
import socket
import threading
import time
import tracemalloc
import zlib

import pytest

from fuota.errors import MalformedAnswerError, NetworkError, ServerFault, UnreachableError
from fuota.network import HttpClient, bounds
from fuota.network.bounds import MAX_ANSWER_BYTES

SPARE = {"answer": "x" * 100}


class RawServer:
    """Server that answers each connection with `play`, a function of the connection, after it has read the header."""

    def __init__(self, play) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self._play, self.connections = play, 0
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            threading.Thread(target=self._answer, args=(connection,), daemon=True).start()

    def _answer(self, connection: socket.socket) -> None:
        with connection:
            try:
                connection.recv(65536)
                self._play(connection)
            except OSError:
                pass

    def stop(self) -> None:
        self._listener.close()


@pytest.fixture
def serve():
    servers: list[RawServer] = []

    def started(play) -> RawServer:
        servers.append(RawServer(play))
        return servers[-1]

    yield started
    for server in servers:
        server.stop()


def client(server: RawServer, **options) -> HttpClient:
    return HttpClient(server.url, **{"timeout_s": 1, "retries": 0, "backoff_ms": 1, **options})


def head(*lines: str, status: str = "200 OK") -> bytes:
    return "\r\n".join([f"HTTP/1.1 {status}", "Connection: close", *lines, "", ""]).encode()


def whole(body: bytes, *lines: str, status: str = "200 OK"):
    return lambda connection: connection.sendall(head(f"Content-Length: {len(body)}", *lines, status=status) + body)


def drip(connection: socket.socket, start: bytes, piece: bytes) -> None:
    connection.sendall(start)
    for _ in range(100):
        connection.sendall(piece)
        time.sleep(0.2)


def endless(connection: socket.socket, start: bytes) -> None:
    connection.sendall(start)
    while True:
        connection.sendall(b" " * 65536)


# --- length


@pytest.mark.parametrize("status", ["200 OK", "404 Not Found", "503 Busy"])
def test_an_endless_answer_ends_at_the_limit(serve, status):
    server = serve(lambda connection: endless(connection, head(status=status)))
    with pytest.raises(MalformedAnswerError, match=f"longer than {MAX_ANSWER_BYTES} bytes"):
        client(server, timeout_s=20).get_json("/x", {})


def test_an_endless_answer_is_not_read_before_the_request_is_repeated(serve):
    def play(connection: socket.socket) -> None:
        if server.connections < 3:
            endless(connection, head(status="503 Busy"))
        whole(json.dumps(SPARE).encode())(connection)

    server = serve(play)
    begun = time.monotonic()
    assert client(server, retries=3).get_json("/x", {}) == SPARE
    assert time.monotonic() - begun < 5


@pytest.mark.parametrize("encoding", ["gzip", "x-gzip", "deflate"])
def test_packed_answers_are_read(serve, encoding):
    packed = (zlib if encoding == "deflate" else gzip).compress(json.dumps(SPARE).encode())
    server = serve(whole(packed, f"Content-Encoding: {encoding}"))
    assert client(server).get_json("/x", {}) == SPARE


@pytest.mark.slow
def test_a_bomb_is_unpacked_up_to_the_limit(serve):
    packed = zlib.compressobj(9, zlib.DEFLATED, 31)
    bomb = b"".join([packed.compress(bytes(1_000_000)) for _ in range(200)]) + packed.flush()
    server = serve(whole(bomb, "Content-Encoding: gzip"))
    tracemalloc.start()
    with pytest.raises(MalformedAnswerError, match="longer than"):
        client(server, timeout_s=20).get_json("/x", {})
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 4 * MAX_ANSWER_BYTES, "200 MB were not unpacked"


@pytest.mark.parametrize(
    ("body", "encoding"),
    [
        (gzip.compress(gzip.compress(b"{}")), "gzip, gzip"),
        (b"{}", "br"),
        (b"no gzip", "gzip"),
        (gzip.compress(b"{}")[:-4], "gzip"),
        (b"", "gzip"),
    ],
    ids=["two encodings", "brotli", "not gzip", "cut off", "empty"],
)
def test_other_encodings_and_bad_gzip_are_malformed(serve, body, encoding):
    server = serve(whole(body, f"Content-Encoding: {encoding}"))
    with pytest.raises(MalformedAnswerError):
        client(server).get_json("/x", {})


def test_a_large_answer_below_the_limit_is_read(serve):
    large = {"answer": "x" * 15_000_000}
    assert client(serve(whole(json.dumps(large).encode())), timeout_s=20).get_json("/x", {}) == large


# --- time


@pytest.mark.slow
@pytest.mark.parametrize(
    ("start", "piece"),
    [
        (b"HTTP/1.1 200 OK\r\nX-Slow: ", b"y"),
        (b"HTTP/1.1 200 OK\r\n", b"X-Slow: y\r\n"),
        (b"H", b""),
        (head("Content-Length: 1000000"), b" "),
        (head("Transfer-Encoding: chunked"), b"1\r\n \r\n"),
        (head("Content-Encoding: gzip", "Content-Length: 1000"), b"\x1f"),
    ],
)
@pytest.mark.parametrize("method", ["get_json", "post_json"])
def test_a_dripping_answer_has_a_total_time(serve, start, piece, method):
    server = serve(lambda connection: drip(connection, start, piece))
    begun = time.monotonic()
    with pytest.raises(UnreachableError) as caught:
        getattr(client(server), method)("/x", {})
    assert caught.value.maybe_received
    assert "\n" not in str(caught.value)
    assert time.monotonic() - begun < 6, "twice the time to connect and once the time to read, 3 s"


def test_the_total_time_is_named(serve):
    server = serve(lambda connection: drip(connection, head("Content-Length: 1000000"), b" "))
    with pytest.raises(UnreachableError, match="the answer was not complete after 3 s"):
        client(server).get_json("/x", {})


@pytest.mark.slow
def test_each_attempt_has_its_own_time(serve):
    def play(connection: socket.socket) -> None:
        if server.connections < 3:
            drip(connection, b"HTTP/1.1 200 OK\r\nX-Slow: ", b"y")
        whole(json.dumps(SPARE).encode())(connection)

    server = serve(play)
    assert client(server, retries=3).get_json("/x", {}) == SPARE


def test_no_thread_stays_behind(serve):
    server = serve(whole(json.dumps(SPARE).encode()))
    client(server).get_json("/x", {})
    assert not [thread for thread in threading.enumerate() if isinstance(thread, threading.Timer)]


# --- an export is read in blocks


def test_a_long_export_is_read_whole(serve, monkeypatch):
    monkeypatch.setattr(bounds, "MAX_ANSWER_BYTES", 1000)
    body = b"devEui\n" + b"x" * 100_000
    with client(serve(whole(gzip.compress(body), "Content-Encoding: gzip"))).get_stream("/x", {}) as blocks:
        assert b"".join(blocks) == body


def test_a_bomb_in_an_export_is_unpacked_in_small_blocks(serve):
    bomb = gzip.compress(b"devEui\n" + bytes(50_000_000))
    with client(serve(whole(bomb, "Content-Encoding: gzip")), timeout_s=20).get_stream("/x", {}) as blocks:
        assert max(len(block) for block in blocks) <= bounds.BLOCK_BYTES


@pytest.mark.slow
def test_an_export_that_stops_has_a_total_time_for_each_block(serve):
    server = serve(lambda connection: drip(connection, head("Content-Length: 1000000") + b"devEui\n", b"x"))
    begun = time.monotonic()
    with pytest.raises(NetworkError), client(server).get_stream("/x", {}) as blocks:
        list(blocks)
    assert time.monotonic() - begun < 6


def test_a_failing_export_has_a_limit(serve):
    server = serve(lambda connection: endless(connection, head(status="500 Broken")))
    with pytest.raises(MalformedAnswerError), client(server, timeout_s=20).get_stream("/x", {}) as blocks:
        list(blocks)


# --- text


def test_lone_surrogates_become_replacement_characters(serve):
    server = serve(whole(rb'{"a": "x\ud800y", "\udfff": ["\ud83d\ude00"]}'))
    answer = client(server).get_json("/x", {})
    assert answer == {"a": "x\ufffdy", "\ufffd": ["😀"]}


def test_a_failure_with_lone_surrogates_can_be_printed(serve):
    server = serve(whole(rb'{"message": "x\ud800y"}', status="500 Broken"))
    with pytest.raises(ServerFault) as caught:
        client(server).get_json("/x", {})
    str(caught.value).encode()
