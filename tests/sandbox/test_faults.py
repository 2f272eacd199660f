from __future__ import annotations

import contextlib
import http.client
from urllib.parse import urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fuota.errors import ParameterError, ServerFault, UnreachableError
from fuota.network import HttpClient
from fuota.network.background import BackgroundServer
from fuota.sandbox.server.faults import Faults, Restart


class Work:
    """An application that counts its work and answers {"done": n}."""

    def __init__(self):
        self.done = 0
        self.bytes = 0

    async def __call__(self, scope, receive, send):
        if scope["type"] != "http":
            return
        more = True
        while more:
            message = await receive()
            self.bytes += len(message.get("body", b""))
            more = message.get("more_body", False)
        self.done += 1
        body = b'{"done":%d}' % self.done
        headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body})


@pytest.fixture
def serving():
    """Return a function that starts an application and returns a client that repeats nothing."""
    servers = []

    def start(app):
        servers.append(BackgroundServer(app).start())
        return HttpClient(servers[-1].url, retries=0, timeout_s=5)

    yield start
    for server in servers:
        server.stop()


def outcomes(client, count):
    """Return the outcome of each of `count` calls: "done", the status of a failure, or "lost"."""
    results = []
    for _ in range(count):
        try:
            client.post_json("/work", {})
            results.append("done")
        except ServerFault as error:
            results.append(error.status)
        except UnreachableError as error:
            results.append("lost" if error.maybe_received else "refused")
    return results


def test_every_fault_is_read():
    texts = ["latency=200", "5xx=0.1", "lost-answer=0.05", "drop-notification=0.2", "repeat-notification=1", "stall=50"]
    assert Faults.parse([*texts, "restart=120:5"], seed=9) == Faults(
        latency_ms=200,
        server_error=0.1,
        lost_answer=0.05,
        drop_notification=0.2,
        repeat_notification=1,
        stall_at_pct=50,
        restart=Restart(at_s=120, for_s=5),
        seed=9,
    )
    assert Faults.parse([]) == Faults()


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("", "one of latency=MS, 5xx=SHARE"),
        ("rain=1", "one of latency=MS, 5xx=SHARE"),
        ("latency", "latency must be a whole number, 0 to 600000"),
        ("latency=-1", "latency must be a whole number, 0 to 600000"),
        ("latency=²", "latency must be a whole number, 0 to 600000"),
        ("5xx=10", "5xx must be 0 to 1, got 10.0 .nearest: 1."),
        ("5xx=nan", "5xx must be 0 to 1"),
        ("lost-answer=often", "lost-answer must be a share from 0 to 1, such as 0.1, got 'often'"),
        ("stall=100", "stall must be 0 to 99, got 100 .nearest: 99."),
        ("restart=120", "such as 120:5"),
        ("restart=x:5", "second of restart must be a whole number, 0 to 86400"),
        ("restart=1:0", "duration of restart must be 1 to 86400, got 0"),
    ],
)
def test_a_wrong_fault_is_explained_with_its_rule(text, rule):
    with pytest.raises(ParameterError, match=rule) as refusal:
        Faults.parse([text])
    assert repr(text) in str(refusal.value)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"latency_ms": -1}, "latency_ms must be 0 to 600000, got -1 .nearest: 0."),
        ({"server_error": 1.5}, "server_error must be 0 to 1, got 1.5 .nearest: 1."),
        ({"lost_answer": float("nan")}, "lost_answer must be 0 to 1, got nan"),
        ({"drop_notification": -0.1}, "drop_notification must be 0 to 1, got -0.1 .nearest: 0."),
        ({"repeat_notification": 2}, "repeat_notification must be 0 to 1, got 2 .nearest: 1."),
        ({"stall_at_pct": 100}, "stall_at_pct must be 0 to 99, got 100 .nearest: 99."),
    ],
)
def test_a_wrong_value_is_explained_with_the_nearest(values, message):
    with pytest.raises(ParameterError, match=message):
        Faults(**values)


def test_a_fault_given_twice_is_refused():
    with pytest.raises(ParameterError, match="'5xx' is given twice"):
        Faults.parse(["5xx=0.1", "5xx=0.2"])


@given(st.lists(st.text(max_size=20) | st.sampled_from(["stall=", "5xx=1", "restart=1:"]), max_size=3))
def test_any_other_text_raises_parameter_error_only(texts):
    with contextlib.suppress(ParameterError):
        assert isinstance(Faults.parse(texts), Faults)


def test_without_http_faults_the_application_stays_the_same():
    app = Work()
    assert Faults(drop_notification=1, repeat_notification=1, stall_at_pct=50).middleware(app) is app


def test_a_share_of_requests_fails_before_anything_is_done(serving):
    app = Work()
    results = outcomes(serving(Faults(server_error=0.5).middleware(app)), 60)
    assert results.count("done") == app.done
    assert 15 < app.done < 45
    assert set(results) == {"done", 500, 502, 503}


def test_a_failing_request_is_read_to_its_end_before_it_is_answered(serving):
    client = serving(Faults(server_error=1).middleware(Work()))
    with pytest.raises(ServerFault):
        client.post_json("/work", {}, json="x" * 5_000_000)


def test_an_answer_is_lost_after_the_work_was_done(serving):
    app = Work()
    client = serving(Faults(lost_answer=1).middleware(app))
    assert outcomes(client, 3) == ["lost"] * 3
    assert app.done == 3
    with pytest.raises(UnreachableError):
        client.post_json("/work", {}, json="x" * 300_000)
    assert app.bytes > 300_000


def test_during_a_restart_connections_are_closed_and_nothing_is_done(serving):
    app, clock = Work(), [1000.0]
    client = serving(Faults(restart=Restart(at_s=120, for_s=5)).middleware(app, now_s=lambda: clock[0]))
    results = {}
    for second in (0, 119.9, 120, 124.9, 125, 500):
        clock[0] = 1000 + second
        results[second] = outcomes(client, 1)[0]
    assert results == {0: "done", 119.9: "done", 120: "lost", 124.9: "lost", 125: "done", 500: "done"}
    assert app.done == 4


def test_the_same_seed_meets_the_same_faults(serving):
    faults = Faults(server_error=0.3, lost_answer=0.3, seed=4)
    first, second = (outcomes(serving(faults.middleware(Work())), 30) for _ in range(2))
    assert first == second
    assert first != outcomes(serving(Faults(server_error=0.3, lost_answer=0.3, seed=5).middleware(Work())), 30)


def test_a_latency_does_not_change_answers(serving):
    assert serving(Faults(latency_ms=1).middleware(Work())).post_json("/work", {}) == {"done": 1}


def test_other_requests_continue_when_a_connection_is_closed(serving, caplog):
    """Nothing is logged either. uvicorn would send an answer, or log an error, if a request got no answer."""
    client = serving(Faults(lost_answer=0.5).middleware(Work()))
    assert {"done", "lost"} == set(outcomes(client, 20))
    assert caplog.text == ""


def test_a_connection_kept_alive_is_closed_too():
    with BackgroundServer(Faults(lost_answer=1).middleware(Work())) as server:
        connection = http.client.HTTPConnection(urlsplit(server.url).netloc, timeout=5)
        connection.request("GET", "/")
        with pytest.raises((http.client.RemoteDisconnected, ConnectionResetError)):
            connection.getresponse()
        connection.close()
