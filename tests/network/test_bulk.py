"""Onboarding in chunks: checked as a whole, one task at a time, and an outcome for every device."""

from __future__ import annotations

import json
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fuota.errors import AuthenticationError, BadRequestError, ParameterError, UnreachableError
from fuota.network import SenraClient
from fuota.network.senra import Chunk, Fate, TaskStatus
from fuota.network.senra.device_rows import DeviceDetails
from fuota.network.senra.task_requests import TaskRequest

KEY = "AK2:0123456789abcdefghijABCDEFGHIJ0123456789"
APP = "AAAAAAAAAAAAAA01"
AES = "123AAAAAAAAAAAAAAAA000000000ABC0"
EUIS = [f"{number:016X}" for number in range(1, 8)]
JOINED = f"DevEUI: {EUIS[0]} has already joined on AppEUI: {APP}. The Device cannot be Activated on AppEUI: {APP}."
UNKNOWN = f"DevEUI: {EUIS[1]} has not been registered. The Device cannot be Activated on JoinEUI: {APP}."
NEW_KEY = f"The AppKey for DevEUI: {EUIS[2]} has been updated. Old AppKey: {AES} New AppKey: {AES}."
SKIPPED = "An internal server error occurred while registering Devices. 3 Devices were skipped."


def ended(state="DONE_SUC", errors=0, messages=(), **stats):
    result = {"status": "Device activation completed.", "msgs": list(messages), "stats": {"errors": errors, **stats}}
    return {"state": state, "result": result, "pctDone": 100}


@pytest.fixture
def devices(server):
    return SenraClient(server.url, KEY, backoff_ms=1, retries=0).devices


@pytest.fixture
def started(server):
    def starts(number: int) -> None:
        server.play({"statusUrl": f"{server.url}/rest/integration/device/status?reqId=job{number}"})

    return starts


def no_pause(_seconds: float) -> None:
    pass


def sizes(server) -> list[int]:
    return [len(json.loads(request.body)["data"]) for request in server.received if request.method == "POST"]


def test_chunks_are_sent_one_after_the_other(server, devices, started):
    for number in (1, 2, 3):
        started(number)
        server.play({"state": "RUNNING", "pctDone": 50})
        server.play(ended(activated=2))
    events = []
    bulk = devices.bulk(
        chunk_devices=3,
        on_started=lambda chunk: events.append((chunk.number, chunk.task.request_id, chunk.status)),
        on_chunk=lambda chunk: events.append((chunk.number, chunk.count, chunk.status.state)),
        on_status=lambda status: events.append(status.pct_done),
        sleep=no_pause,
    )
    result = bulk.activate(EUIS, app_eui=APP, tags=["a"])
    assert events[:4] == [(1, "job1", None), 50, 100, (1, 3, "DONE_SUC")]
    assert [request.method for request in server.received] == ["POST", "GET", "GET"] * 3
    assert sizes(server) == [3, 3, 1]
    assert {request.query["tags"] for request in server.received if request.method == "POST"} == {"a"}
    assert [outcome.dev_eui for outcome in result.outcomes] == EUIS
    assert (result.succeeded, result.counts, result.stats["activated"]) == (True, {Fate.DONE: 7}, 6)


def test_ten_thousand_devices_are_checked_before_the_first_is_sent(server, devices):
    many = [{"dev_eui": f"{number:016X}"} for number in range(10_000)]
    many[9_999] = {"dev_eui": "123000000000ABC"}
    with pytest.raises(ParameterError, match=r"row 10000: dev_eui must be .*16 hex.*'123000000000ABC'"):
        devices.bulk().activate(many)
    assert server.received == []


def test_usual_and_chosen_sizes_of_chunks():
    rows = tuple(DeviceDetails(dev_eui=f"{number:016X}") for number in range(10_000))
    assert [len(part.rows) for part in TaskRequest(call="activate", query={}, rows=rows).chunks()] == [1000] * 10
    # A registration's token is good for one use.
    assert [len(part.rows) for part in TaskRequest(call="register", query={}, rows=rows).chunks()] == [10_000]
    parts = TaskRequest(call="register", query={}, rows=rows).chunks(4_000)
    assert [len(part.rows) for part in parts] == [4_000, 4_000, 2_000]
    assert tuple(eui for part in parts for eui in part.dev_euis) == tuple(row.dev_eui for row in rows)


@pytest.mark.parametrize("size", [0, -1, True, "2"])
def test_chunk_without_devices_is_refused(devices, size):
    with pytest.raises(ParameterError, match="chunk_devices"):
        devices.bulk(chunk_devices=size)


def test_every_onboarding_call_is_sent_in_chunks(server, devices):
    body = {"statusUrl": f"{server.url}/x?reqId=j", **ended()}
    for _ in range(16):
        server.play(body)
    bulk = devices.bulk(chunk_devices=1, sleep=no_pause)
    two = EUIS[:2]
    assert bulk.register([{"dev_eui": eui} for eui in two], token="123456", activation="ABP").succeeded
    assert bulk.deactivate(two, app_eui=APP).succeeded
    assert bulk.update([{"dev_eui": two[0], "tags": ["a"]}, two[1]], app_eui=APP, tags_operation="APPEND").succeeded
    transferred = bulk.transfer(two, from_app_eui=APP, to_app_eui="B" * 16, contract_id=1, to_api_key="AK2:other")
    assert transferred.succeeded
    posts = [request for request in server.received if request.method == "POST"]
    assert [request.path.rsplit("/", 1)[1] for request in posts] == ["register"] * 2 + ["deactivate"] * 2 + [
        "update"
    ] * 2 + ["transfer"] * 2
    assert posts[0].query["actType"] == "ABP"


# --- outcomes


def fates(status: dict, euis=EUIS) -> list[str]:
    chunk = Chunk(number=1, count=1, dev_euis=tuple(euis), sent=True, status=TaskStatus.from_answer(status))
    return [str(outcome.fate) for outcome in chunk.outcomes]


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (ended(activated=7), ["done"] * 7),
        ({"state": "DONE_SUC"}, ["done"] * 7),
        (ended(messages=[NEW_KEY], updated=1), ["done"] * 7),
        (ended(errors=2, messages=[JOINED, UNKNOWN]), ["failed", "failed", *["done"] * 5]),
        (ended(errors=0, messages=[UNKNOWN]), ["done", "failed", *["done"] * 5]),
        (ended(errors=3, messages=[JOINED, NEW_KEY]), ["failed", *["unknown"] * 6]),
        (ended(errors=7), ["failed"] * 7),
        (ended(errors=9, messages=[UNKNOWN]), ["failed"] * 7),
        (ended(errors=1, messages=[SKIPPED]), ["unknown"] * 7),
        (ended(errors=1, messages=[f"DevEUI: {'9' * 16} has not been registered."]), ["unknown"] * 7),
        (ended("DONE_FAIL", errors=1, messages=[UNKNOWN]), ["unknown", "failed", *["unknown"] * 5]),
        (ended("DONE_NEW"), ["unknown"] * 7),
    ],
)
def test_outcomes_of_devices_follow_from_counts_and_messages(status, expected):
    assert fates(status) == expected


@given(st.integers(0, 9), st.lists(st.sampled_from([JOINED, UNKNOWN, NEW_KEY, SKIPPED, "", "x"]), max_size=6))
def test_no_device_is_done_if_errors_are_unexplained(errors, messages):
    counts = Counter(fates(ended(errors=errors, messages=messages)))
    assert sum(counts.values()) == len(EUIS)
    named = len({JOINED, UNKNOWN} & set(messages))
    assert counts["failed"] >= min(named, 7)
    if errors > named or {SKIPPED, "", "x"} & set(messages):
        assert counts["done"] == 0


def test_message_of_a_device_is_the_servers_without_keys(server, devices, started):
    started(1)
    server.play(ended(errors=2, messages=[NEW_KEY, UNKNOWN]))
    outcomes = list(devices.bulk(sleep=no_pause).activate(EUIS[:4]).outcomes)
    assert outcomes[1].message == UNKNOWN
    assert (str(outcomes[2].fate), AES in outcomes[2].message, "has been updated" in outcomes[2].message) == (
        "unknown",
        False,
        True,
    )
    assert outcomes[0].message.startswith("1 of 3 devices ")
    assert outcomes[0].message.endswith("the server does not name them")


# --- failures


def test_refusal_of_the_first_chunk_is_raised(server, devices):
    server.play({"message": "no"}, status=403)
    stored = []
    with pytest.raises(AuthenticationError):
        devices.bulk(chunk_devices=3, on_chunk=stored.append).activate(EUIS)
    assert (len(server.received), stored) == (1, [])


def test_unreachable_server_is_raised(free_port):
    with pytest.raises(UnreachableError):
        SenraClient(f"http://127.0.0.1:{free_port}", KEY, retries=0).devices.bulk().activate(EUIS)


def test_refusal_of_a_later_chunk_leaves_the_others_unsent(server, devices, started):
    started(1)
    server.play(ended())
    server.play({"message": "a job is running"}, status=400)
    stored = []
    result = devices.bulk(chunk_devices=3, on_chunk=stored.append, sleep=no_pause).activate(EUIS)
    assert [str(outcome.fate) for outcome in result.outcomes] == ["done"] * 3 + ["not_sent"] * 4
    assert [chunk.number for chunk in stored] == [1, 2]
    assert isinstance(stored[1].error, BadRequestError)
    assert "a job is running" in stored[1].problem
    assert "chunk 2 did not succeed" in result.chunks[2].problem


@pytest.mark.parametrize("lost", [{"does": "reset"}, {"status": 500}, {"body": {"message": "ok"}}])
def test_lost_answer_is_unknown_and_nothing_is_sent_again(server, devices, lost):
    server.play(**lost)
    result = devices.bulk(chunk_devices=3, sleep=no_pause).activate(EUIS)
    assert [str(outcome.fate) for outcome in result.outcomes] == ["unknown"] * 3 + ["not_sent"] * 4
    assert len(server.received) == 1


def test_task_that_does_not_end_stops_the_next_chunk(server, devices, started):
    started(1)
    server.play({"state": "RUNNING", "pctDone": 40})
    result = devices.bulk(chunk_devices=3, timeout_s=0, sleep=no_pause).activate(EUIS)
    assert result.counts == {Fate.UNKNOWN: 3, Fate.NOT_SENT: 4}
    assert "job1 has not ended after 0 s (RUNNING, 40 % done)" in result.chunks[0].problem


def test_task_that_fails_as_a_whole_stops_the_next_chunk(server, devices, started):
    started(1)
    server.play(ended("DONE_FAIL"))
    result = devices.bulk(chunk_devices=3, sleep=no_pause).activate(EUIS)
    assert result.counts == {Fate.UNKNOWN: 3, Fate.NOT_SENT: 4}
    assert next(result.outcomes).message == "the task ended as DONE_FAIL. Device activation completed."


def test_errors_of_single_devices_do_not_stop_the_others(server, devices, started):
    started(1)
    server.play(ended(errors=1, messages=[UNKNOWN]))
    started(2)
    server.play(ended())
    result = devices.bulk(chunk_devices=4, sleep=no_pause).activate(EUIS)
    assert result.counts == {Fate.FAILED: 1, Fate.DONE: 6}
    assert not result.succeeded
