"""The answer that starts a task, its status, and waiting for its end."""

from __future__ import annotations

import pytest

from fuota.errors import (
    AuthenticationError,
    BadRequestError,
    IncompleteError,
    MalformedAnswerError,
    NotFoundError,
    ParameterError,
)
from fuota.network import SenraClient
from fuota.network.senra import TaskRef, TaskStatus

KEY = "AK2:0123456789abcdefghijABCDEFGHIJ0123456789"
REQ = "DevMgmtJobReq:AAAAAAAAAAAAAA01"
URL = f"https://api.senraco.io/rest/integration/device/status?reqId={REQ}"
DONE = {
    "state": "DONE_SUC",
    "result": {
        "status": "Device activation on App EUI: AAAAAAAAAAAAAA01 completed. Activated: 0 Updated: 0 Not Changed: 0 "
        "Errors: 1",
        "msgs": [
            "DevEUI: 1230000000000ABC has not been registered. The Device cannot be Activated on JoinEUI: "
            "AAAAAAAAAAAAAA01."
        ],
        "stats": {"activated": 0, "updated": 0, "notChanged": 0, "errors": 1},
    },
    "pctDone": 100,
}
RUNNING = {"state": "RUNNING", "pctDone": 40}


@pytest.fixture
def devices(server):
    return SenraClient(server.url, KEY, backoff_ms=1).devices


def test_example_status_of_the_reference_is_not_a_success(server, devices):
    server.play(DONE)
    status = devices.task_status(REQ)
    (request,) = server.received
    assert (request.method, request.path) == ("GET", "/rest/integration/device/status")
    assert request.query == {"reqId": REQ}
    assert (status.state, status.pct_done, status.errors) == ("DONE_SUC", 100, 1)
    assert (status.finished, status.succeeded) == (True, False)
    assert status.summary == DONE["result"]["status"]
    assert status.messages == tuple(DONE["result"]["msgs"])
    assert status.stats == DONE["result"]["stats"]
    assert status.raw == DONE


@pytest.mark.parametrize(
    ("answer", "finished", "succeeded", "errors"),
    [
        ({"state": "done_suc", "result": {"stats": {"errors": 0}}}, True, True, 0),
        ({"state": "DONE_SUC"}, True, True, None),
        ({"state": "DONE_SUC", "result": {"status": "completed. Errors: 2"}}, True, False, 2),
        ({"state": "DONE_SUC", "result": {"stats": {"errors": "3"}}}, True, False, 3),
        ({"state": "DONE_FAIL", "result": "broken"}, True, False, None),
        ({"state": "DONE_NEW"}, True, False, None),
        ({"state": "INITIAL", "pctDone": 0, "result": None}, False, False, None),
        ({"state": "QUEUED"}, False, False, None),
        ({"state": "RUNNING", "pctDone": 100}, False, False, None),
        ({"state": "PAUSED", "pctDone": 99}, False, False, None),
        ({"state": "ENDED", "pctDone": 100}, True, False, None),
    ],
)
def test_finished_succeeded_and_errors_of_each_state(answer, finished, succeeded, errors):
    status = TaskStatus.from_answer(answer)
    assert (status.finished, status.succeeded, status.errors) == (finished, succeeded, errors)


def test_keys_in_messages_are_hidden():
    old, new = "A" * 32, "b" * 32
    message = f"The AppKey for DevEUI: 1230000000000ABC has been updated. Old AppKey: {old} New AppKey: {new}."
    status = TaskStatus.from_answer({"state": "DONE_SUC", "result": {"status": message, "msgs": [message]}})
    shown = repr(status) + repr(status.raw) + status.summary + "".join(status.messages)
    assert "1230000000000ABC" in shown
    assert old not in shown
    assert new not in shown


def test_a_status_without_a_state_is_refused():
    with pytest.raises(MalformedAnswerError, match="no state; it has pctDone"):
        TaskStatus.from_answer({"pctDone": 3})


@pytest.mark.parametrize(
    ("http_status", "kind"), [(400, BadRequestError), (403, AuthenticationError), (404, NotFoundError)]
)
def test_each_failure_of_the_status_raises_its_error(server, devices, http_status, kind):
    server.play({"message": f"no, {KEY}"}, status=http_status)
    with pytest.raises(kind) as caught:
        devices.task(REQ)
    assert KEY[4:] not in str(caught.value)


# --- waiting


def test_status_is_requested_until_the_end_and_the_result_is_stored(server, devices):
    server.play({"state": "QUEUED"})
    for _ in range(4):
        server.play(RUNNING)
    server.play(DONE)
    pauses, stored = [], []
    ref = TaskRef(request_id=REQ, status_url=URL, raw={})
    status = devices.task(ref, poll_ms=400, on_result=stored.append, sleep=pauses.append)
    assert pauses == [0.05, 0.1, 0.2, 0.4, 0.4]
    assert stored == [status]
    assert [request.query for request in server.received] == [{"reqId": REQ}] * 6


def test_task_that_does_not_end_in_time_raises(server, devices):
    for _ in range(6):
        server.play(RUNNING)
    pauses, stored = [], []
    with pytest.raises(IncompleteError, match=r"after 5 s \(RUNNING, 40 % done\)\. It continues"):
        devices.task(REQ, poll_ms=2000, timeout_s=5, on_result=stored.append, sleep=pauses.append)
    assert stored == []
    assert sum(pauses) == pytest.approx(5, abs=0.5)


@pytest.mark.parametrize(
    "bad", [{"task": ""}, {"task": "a b"}, {"task": None}, {"task": REQ, "poll_ms": 0}, {"task": REQ, "timeout_s": -1}]
)
def test_refused_wait_sends_nothing(server, devices, bad):
    with pytest.raises(ParameterError):
        devices.task(**bad)
    assert server.received == []


# --- the answer that starts a task


def test_the_request_id_comes_from_the_status_url():
    ref = TaskRef.from_answer({"statusUrl": URL, "message": "ok"}, host="api.senraco.io")
    assert (ref.request_id, ref.status_url, ref.message) == (REQ, URL, "ok")


def test_request_id_that_looks_like_a_key_is_not_redacted():
    url = URL.replace(REQ, "0a" * 16)
    assert TaskRef.from_answer({"statusUrl": url}, host="api.senraco.io").request_id == "0a" * 16


def test_status_url_of_another_host_is_refused_with_the_task():
    with pytest.raises(MalformedAnswerError, match=f"api.senraco.io.*api.senetco.io.*{REQ}"):
        TaskRef.from_answer({"statusUrl": URL}, host="api.senetco.io")


@pytest.mark.parametrize(
    "url", [None, "", 5, "https://api.senraco.io/x", "https://[", "https://api.senraco.io/?reqId=a%20b"]
)
def test_a_status_url_without_a_request_id_is_refused(url):
    with pytest.raises(MalformedAnswerError, match="probably started"):
        TaskRef.from_answer({"statusUrl": url}, host="api.senraco.io")


def test_answer_with_a_message_instead_of_the_url():
    ref = TaskRef.from_answer({"message": "Accepted"}, host="h", default_request_id="DevTransferJobReq:A-B")
    assert (ref.request_id, ref.status_url, ref.message) == ("DevTransferJobReq:A-B", "", "Accepted")
