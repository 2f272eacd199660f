"""Bodies that are too long or cut off are refused, without a traceback in the log."""

from __future__ import annotations

import contextlib
import http.client
import socket
from urllib.parse import urlsplit

import pytest

from fuota.sandbox.http.bodies import MAX_BODY_BYTES

CALLS = ["device/register?token=123456", "mcastTransfer?appEui=02000000F0A00001&startDelaySecs=1&redundancy=0"]
TYPES = ["application/json", "multipart/form-data; boundary=xx"]


def head(world, target, length, media_type):
    return (
        f"POST /rest/integration/{target} HTTP/1.1\r\nhost: x\r\nauthorization: {world.api_key}\r\n"
        f"content-type: {media_type}\r\ncontent-length: {length}\r\n\r\n"
    ).encode()


@pytest.fixture
def connect(make_world):
    """Yield a world and a connection to it."""
    world = make_world()
    parts = urlsplit(world.url)
    with contextlib.closing(socket.create_connection((parts.hostname, parts.port), timeout=10)) as connection:
        yield world, connection


@pytest.mark.parametrize("target", CALLS)
@pytest.mark.parametrize("media_type", TYPES)
def test_a_body_with_a_too_large_content_length_is_not_read(connect, target, media_type):
    world, connection = connect
    connection.sendall(head(world, target, MAX_BODY_BYTES + 1, media_type))
    answer = http.client.HTTPResponse(connection)
    answer.begin()
    assert answer.status == 400
    assert b"longer than 64000000 bytes" in answer.read()


@pytest.mark.parametrize("target", CALLS)
@pytest.mark.parametrize("media_type", TYPES)
def test_a_body_that_is_cut_off_does_not_affect_other_requests(connect, caplog, target, media_type):
    world, connection = connect
    connection.sendall(head(world, target, 1000, media_type) + b'--xx\r\nContent-Disposition: form-data; name="file"')
    connection.close()
    assert world.call("GET", "device/csvExport", {"fields": "colour"})[0] == 400, "other requests are answered"
    assert caplog.text == ""


@pytest.mark.parametrize("length", ["-1", "x", "1.5", ""])
def test_an_invalid_content_length_is_refused(connect, length):
    world, connection = connect
    connection.sendall(head(world, CALLS[0], length, TYPES[0]))
    answer = http.client.HTTPResponse(connection)
    answer.begin()
    assert answer.status == 400


@pytest.mark.parametrize("target", CALLS)
@pytest.mark.parametrize("media_type", TYPES)
def test_a_chunked_body_is_read_only_up_to_the_limit(connect, monkeypatch, target, media_type):
    monkeypatch.setattr("fuota.sandbox.http.app.MAX_BODY_BYTES", 1_000)
    world, connection = connect
    request_head = head(world, target, 0, media_type).replace(b"content-length: 0", b"transfer-encoding: chunked")
    chunk = b'--xx\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\n'.ljust(2_000, b"x")
    connection.sendall(request_head + b"7d0\r\n" + chunk + b"\r\n")  # without an end
    answer = http.client.HTTPResponse(connection)
    answer.begin()
    assert answer.status == 400
    assert b"longer than" in answer.read()
