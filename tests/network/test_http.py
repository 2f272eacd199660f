from __future__ import annotations

import json
import socket
import traceback

import pytest
import urllib3

from fuota.errors import (
    AuthenticationError,
    BadRequestError,
    MalformedAnswerError,
    NetworkError,
    NotFoundError,
    ParameterError,
    ServerFault,
    UnreachableError,
)
from fuota.network import HttpClient

KEY = "AK2:0123456789abcdefghijABCDEFGHIJ0123456789"
HOST = "portal.test"  # its name is not a loopback host, so that the proxy settings of the environment apply


def client(url: str, **options) -> HttpClient:
    return HttpClient(url, **{"api_key": KEY, "backoff_ms": 1, **options})


def assert_hides_key(exc: BaseException) -> None:
    shown = "".join(traceback.format_exception(exc)) + repr(exc) + str(exc) + repr(vars(exc))
    assert KEY not in shown
    assert KEY[4:] not in shown


# --- what is sent


def test_get_sends_query_and_key_in_the_header_only(server):
    server.play({"a": 1})
    assert client(server.url).get_json("/x/y", {"list": "A,B", "job": "J:1", "odd": "a b&c+d/é"}) == {"a": 1}
    (request,) = server.received
    assert (request.method, request.path) == ("GET", "/x/y")
    assert request.query == {"list": "A,B", "job": "J:1", "odd": "a b&c+d/é"}
    assert request.query_text.startswith("list=A,B&job=J:1&")  # as the reference writes lists and job ids
    assert request.headers["authorization"] == KEY
    assert KEY not in request.query_text


def test_post_sends_json_or_files(server):
    http = client(server.url)
    http.post_json("/j", {}, json={"data": [1]})
    http.post_json("/f", {"q": "1"}, files={"file": ("a.bin", b"\0\xff\r\n", "application/octet-stream")})
    http.post_json("/n", {})
    as_json, as_files, empty = server.received
    assert as_json.headers["content-type"] == "application/json"
    assert json.loads(as_json.body) == {"data": [1]}
    (part,) = as_files.parts
    assert (part.get_param("name", header="content-disposition"), part.get_filename()) == ("file", "a.bin")
    assert part.get_payload(decode=True) == b"\0\xff\r\n"
    assert empty.body == b""


def test_client_without_a_key_sends_no_authorization(server):
    HttpClient(server.url).get_json("/x", {})
    assert "authorization" not in server.received[0].headers


def test_path_of_the_base_url_is_kept(server):
    client(f"{server.url}/proxied/").get_json("/x", {})
    assert server.received[0].path == "/proxied/x"


def test_proxy_of_the_environment_is_ignored_for_loopback(server, free_port, monkeypatch):
    for name in ("no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{free_port}")
    server.play({"direct": True})
    assert client(server.url).get_json("/x", {}) == {"direct": True}


# --- answers that are failures


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (301, BadRequestError),
        (400, BadRequestError),
        (401, AuthenticationError),
        (403, AuthenticationError),
        (404, NotFoundError),
        (409, BadRequestError),
        (429, BadRequestError),
        (500, ServerFault),
        (501, ServerFault),
        (503, ServerFault),
        (202, MalformedAnswerError),
    ],
)
@pytest.mark.parametrize("in_body", [False, True])
def test_each_status_becomes_its_error(server, status, kind, in_body):
    body = {"message": "said by the server", "statusCode": status}
    server.play(body, status=200 if in_body else status)
    with pytest.raises(NetworkError) as caught:
        client(server.url, retries=0).post_json("/x/y", {"q": "1"})
    assert type(caught.value) is kind
    assert caught.value.status == status
    assert "POST /x/y" in str(caught.value)
    assert str(status) in str(caught.value)
    if status != 301:
        assert "said by the server" in str(caught.value)
    assert_hides_key(caught.value)


@pytest.mark.parametrize("code", [200, "200"])
def test_a_status_code_of_200_in_the_body_is_success(server, code):
    server.play({"statusCode": code})
    assert client(server.url).get_json("/x", {}) == {"statusCode": code}


@pytest.mark.parametrize("code", [None, True, "fine", 0, [200], "9" * 5000])
def test_invalid_status_code_in_the_body_is_malformed(server, code):
    server.play({"statusCode": code})
    with pytest.raises(MalformedAnswerError):
        client(server.url).get_json("/x", {})


@pytest.mark.parametrize(
    "body", [b"", b"<html>Busy</html>", b"[1]", b'"text"', b"null", b'{"a":', b"\xff\xfe\x00", b"[" * 100_000]
)
def test_answer_without_a_json_object_is_malformed(server, body):
    server.play(body)
    with pytest.raises(MalformedAnswerError, match="GET /x"):
        client(server.url).get_json("/x", {})


def test_403_names_the_roles_that_may_be_missing(server):
    server.play({"message": "no"}, status=403)
    with pytest.raises(AuthenticationError, match="'FUOTA' keys list only mcastTransfer"):
        client(server.url).get_json("/x", {})


def test_the_servers_message_is_redacted_and_shortened(server):
    bare_key = KEY[4:]
    # The secret lies across the 200th character: cut first, its half would no longer be recognised.
    server.play({"message": f"{'x' * 185} key {'0123456789ABCDEF' * 2} {KEY} {bare_key} token=123456"}, status=400)
    with pytest.raises(BadRequestError) as caught:
        HttpClient(server.url, api_key=bare_key).get_json("/x", {})
    assert "0123" not in str(caught.value)
    assert_hides_key(caught.value)
    assert len(str(caught.value)) < 350


def test_control_characters_of_the_server_do_not_reach_the_message(server):
    server.play(b"\x1b[2Jboo\r\nboo", status=400)
    with pytest.raises(BadRequestError) as caught:
        client(server.url).get_json("/x", {})
    assert str(caught.value).isprintable()


def test_key_without_prefix_that_the_server_repeats_is_redacted(server):
    server.play(b"bad header my-own-sandbox-key !", status=401)
    with pytest.raises(AuthenticationError) as caught:
        HttpClient(server.url, api_key="my-own-sandbox-key").get_json("/x", {})
    assert "my-own-sandbox-key" not in str(caught.value)


@pytest.mark.parametrize("call", ["get_json", "post_json"])
@pytest.mark.parametrize("location", ["/elsewhere", "http://[broken", "https://portal.test/?apikey=" + KEY])
def test_redirects_are_not_followed(server, call, location):
    server.play(status=302, Location=location)
    with pytest.raises(NetworkError) as caught:
        getattr(client(server.url), call)("/x", {})
    assert len(server.received) == 1
    assert_hides_key(caught.value)


# --- retries


@pytest.mark.parametrize("status", [500, 502, 503, 504])
def test_get_is_repeated_until_it_succeeds(server, status):
    server.play(status=status)
    server.play(status=status)
    server.play({"ok": 1})
    assert client(server.url, retries=2).get_json("/x", {}) == {"ok": 1}
    assert len(server.received) == 3


def test_get_stops_after_its_retries_with_the_servers_message(server):
    for _ in range(3):
        server.play({"message": "Server is busy"}, status=500)
    with pytest.raises(ServerFault, match="Server is busy"):
        client(server.url, retries=2).get_json("/x", {})
    assert len(server.received) == 3


def test_get_is_repeated_after_a_lost_connection(server):
    server.play(does="reset")
    server.play({"ok": 1})
    assert client(server.url).get_json("/x", {}) == {"ok": 1}


def test_get_is_not_repeated_after_a_refusal(server):
    server.play(status=400)
    with pytest.raises(BadRequestError):
        client(server.url).get_json("/x", {})
    assert len(server.received) == 1


def test_retry_after_header_is_ignored(server, monkeypatch):
    pauses = []
    monkeypatch.setattr("urllib3.util.retry.time.sleep", pauses.append)
    for _ in range(3):
        server.play(status=503, Retry_After="3600")
    server.play({"ok": 1})
    assert client(server.url, backoff_ms=500).get_json("/x", {}) == {"ok": 1}
    assert pauses == [1.0, 2.0]  # none before the first repetition, then 2 and 4 times backoff_ms


def test_post_to_a_closed_port_fails_without_pause(free_port, monkeypatch):
    pauses = []
    monkeypatch.setattr("urllib3.util.retry.time.sleep", pauses.append)
    with pytest.raises(UnreachableError):
        client(f"http://127.0.0.1:{free_port}").post_json("/x", {})
    assert pauses == []


@pytest.mark.parametrize(("status", "does"), [(503, "answer"), (200, "reset"), (200, "cut")])
def test_post_is_never_repeated(server, status, does):
    server.play({"padding": "x" * 100}, status=status, does=does)
    with pytest.raises((ServerFault, UnreachableError)):
        client(server.url, retries=5).post_json("/x", {})
    assert len(server.received) == 1


# --- no answer


@pytest.mark.parametrize("does", ["reset", "cut"])
def test_post_with_a_lost_answer_may_have_been_received(server, does):
    server.play({"padding": "x" * 100}, does=does)
    with pytest.raises(UnreachableError, match="may have reached") as caught:
        client(server.url).post_json("/x", {})
    assert caught.value.maybe_received is True
    assert_hides_key(caught.value)


@pytest.mark.parametrize("lost", [{"does": "reset"}, {"status": 503}])
@pytest.mark.parametrize(
    ("path", "advice"),
    [
        ("/rest/integration/mcastTransfer", "ask for the status before sending it again"),
        ("/rest/integration/mcast/addDevices", "ask for the status before sending it again"),
        ("/rest/integration/mcast/setup", "no list of its groups, and a second request creates another group"),
        ("/rest/integration/mcast/sendmsg", "the message may go out twice"),
        ("/rest/integration/device/sendmsg", "the message may go out twice"),
        ("/rest/integration/device/clearmsgs", "it can be sent again"),
    ],
)
def test_advice_after_a_lost_answer_depends_on_the_call(server, path, advice, lost):
    server.play({}, **lost)
    with pytest.raises(NetworkError, match=advice):
        client(server.url).post_json(path, {})


def test_get_with_a_lost_answer_can_be_repeated_by_the_caller(server):
    server.play({}, does="reset")
    with pytest.raises(UnreachableError, match=r"Try again later\.$"):
        client(server.url, retries=0).get_json("/x", {})


def test_post_with_a_read_timeout_may_have_been_received(server):
    server.play(does="hang")
    token = str(3 * 41152)
    with pytest.raises(UnreachableError, match="POST /x") as caught:
        client(server.url, timeout_s=(5, 1)).post_json("/x", {"token": token})
    assert caught.value.maybe_received is True
    assert caught.value.status is None
    assert_hides_key(caught.value)
    assert token not in "".join(traceback.format_exception(caught.value))


def test_post_to_a_closed_port_was_not_received(free_port):
    token = str(3 * 41152)
    with pytest.raises(UnreachableError, match="never reached") as caught:
        client(f"http://127.0.0.1:{free_port}").post_json("/x", {"token": token})
    assert caught.value.maybe_received is False
    assert_hides_key(caught.value)
    assert token not in "".join(traceback.format_exception(caught.value))
    assert caught.value.__context__ is None  # an exception of requests would carry the header with the key


def test_exception_of_the_caller_does_not_change_maybe_received(server):
    server.play(does="reset")
    try:
        raise urllib3.exceptions.ConnectTimeoutError("of another call")
    except urllib3.exceptions.ConnectTimeoutError:
        with pytest.raises(UnreachableError) as caught:
            client(server.url).post_json("/x", {})
    assert caught.value.maybe_received is True


def test_post_to_an_unknown_name_was_not_received(no_proxies, monkeypatch):

    def unknown(*args, **options):
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    with pytest.raises(UnreachableError) as caught:
        client(f"https://{HOST}").post_json("/x", {})
    assert caught.value.maybe_received is False


def test_post_refused_by_the_proxy_was_not_received(server, no_proxies, monkeypatch):
    monkeypatch.setenv("https_proxy", server.url)  # answers 501 to CONNECT
    with pytest.raises(UnreachableError) as caught:
        client(f"https://{HOST}").post_json("/x", {})
    assert caught.value.maybe_received is False


def test_post_through_a_dead_proxy_was_not_received(no_proxies, monkeypatch, free_port):
    monkeypatch.setenv("https_proxy", f"http://127.0.0.1:{free_port}")
    with pytest.raises(UnreachableError) as caught:
        client(f"https://{HOST}").post_json("/x", {})
    assert caught.value.maybe_received is False


# --- arguments


@pytest.mark.parametrize(
    "url",
    [
        "http://api.senraco.io",
        "http://127.0.0.1.example.com",
        "http://10.0.0.1",
        "ftp://127.0.0.1",
        "api.senraco.io",
        "https://",
        "https://user:secret-word@api.senraco.io",
        "https://api.senraco.io?apikey=secret-word",
        "https://api.senraco.io#secret-word",
        "https://api.senraco.io:99999",
        "https://[::1",
        "http://127.0.0.1\\.example.com",
        "https://api.senraco.io/a b",
        "",
    ],
)
def test_invalid_base_url_is_refused_and_not_quoted(url):
    with pytest.raises(ParameterError, match="base_url") as caught:
        HttpClient(url)
    assert "secret-word" not in str(caught.value)


@pytest.mark.parametrize("url", ["https://api.senraco.io", "http://localhost:1", "http://[::1]:1", "http://127.8.8.8"])
def test_valid_base_url_is_accepted(url):
    assert repr(HttpClient(url, api_key=KEY)) == f"HttpClient({url!r})"


@pytest.mark.parametrize("key", ["", "AK2:abc\n", " AK2:abc", "AK2:äbc", "AK2:a b"])
def test_key_that_no_header_can_carry_is_refused_and_not_shown(key):
    with pytest.raises(ParameterError) as caught:
        HttpClient("https://api.senraco.io", api_key=key)
    assert not key or key.strip() not in str(caught.value)


def test_invalid_ca_file_is_refused(tmp_path):
    (tmp_path / "no.pem").write_text("not a certificate")
    for name in ("no.pem", "missing.pem"):
        with pytest.raises(ParameterError, match=name):
            HttpClient("https://api.senraco.io", ca_file=tmp_path / name)


@pytest.mark.parametrize("option", [{"timeout_s": 0}, {"timeout_s": (1, -1)}, {"retries": -1}, {"backoff_ms": -1}])
def test_numbers_out_of_range_are_refused(option):
    with pytest.raises(ParameterError, match=next(iter(option))):
        HttpClient("https://api.senraco.io", **option)
