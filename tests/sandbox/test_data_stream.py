from __future__ import annotations

import json
import time
from collections import deque

import pytest
from fastapi import FastAPI, Request
from fastapi.responses import PlainTextResponse

from fuota.errors import ParameterError
from fuota.network import Uplink
from fuota.network.background import BackgroundServer
from fuota.sandbox.server import data_stream
from fuota.sandbox.server.data_stream import ATTEMPTS, MAX_BATCH, DataStream
from fuota.sandbox.server.faults import Faults


class Scripted:
    """A receiver that answers with the statuses of its script, then 200. Its answers are not JSON."""

    def __init__(self):
        self.script, self.received, self.url = deque(), [], ""
        self.app = FastAPI(openapi_url=None)
        self.app.add_api_route("/{path:path}", self._take, methods=["POST"], response_model=None)

    async def _take(self, request: Request) -> PlainTextResponse:
        query = f"?{request.url.query}" if request.url.query else ""
        self.received.append((request.url.path + query, json.loads(await request.body())))
        status = self.script.popleft() if self.script else 200
        return PlainTextResponse("" if status == 204 else "thank you", status_code=status)

    @property
    def bodies(self):
        return [body for _, body in self.received]


@pytest.fixture(scope="module")
def _receiver():
    scripted = Scripted()
    with BackgroundServer(scripted.app) as http:
        scripted.url = http.url
        yield scripted


@pytest.fixture
def receiver(_receiver, monkeypatch):
    monkeypatch.setattr(data_stream, "PAUSE_S", 0.001)
    _receiver.script, _receiver.received = deque(), []
    return _receiver


def uplinks(count):
    return [Uplink(dev_eui=f"{i:016X}", pdu=bytes((i % 256,)), port=201, seqno=i) for i in range(count)]


def post(url, published, *, until=lambda stream: True, wait_until=None, **how):
    """Publish uplinks before the stream starts, so that the batches are deterministic. Return the stream after its end."""
    stream = DataStream(url, **how)
    for uplink in published:
        stream.publish(uplink)
    stream.start()
    if wait_until:
        wait_until(lambda: until(stream))
    stream.stop()
    return stream


def test_batched_uplinks_are_posted_as_arrays_in_order(receiver):
    sent = uplinks(2 * MAX_BATCH + 7)
    stream = post(f"{receiver.url}/here", sent)
    assert [len(body) for body in receiver.bodies] == [MAX_BATCH, MAX_BATCH, 7]
    assert [notification for body in receiver.bodies for notification in body] == [uplink.to_json() for uplink in sent]
    assert {path for path, _ in receiver.received} == {"/here"}
    assert stream.lost == 0


def test_a_batch_of_one_is_an_array_too(receiver):
    post(receiver.url, uplinks(1))
    assert receiver.bodies == [[uplinks(1)[0].to_json()]]


def test_without_batching_each_uplink_is_a_separate_object(receiver):
    post(receiver.url, uplinks(5), batch=False)
    assert receiver.bodies == [uplink.to_json() for uplink in uplinks(5)]


@pytest.mark.parametrize(
    ("suffix", "target"), [("", "/"), ("/a/b", "/a/b"), ("/up?token=x%20y&empty=", "/up?token=x%20y&empty=")]
)
def test_path_and_query_of_the_url_are_kept(receiver, suffix, target):
    post(receiver.url + suffix, uplinks(1))
    assert [path for path, _ in receiver.received] == [target]


@pytest.mark.parametrize("batch", [True, False])
def test_our_receiver_reads_the_posted_uplinks(collector, batch):
    post(collector.url, uplinks(3), batch=batch)
    assert collector.uplinks == uplinks(3)


def test_uplinks_published_while_it_runs_arrive_in_order(receiver, wait_until):
    stream = DataStream(receiver.url, batch=False)
    stream.start()
    for uplink in uplinks(10):
        stream.publish(uplink)
    wait_until(lambda: len(receiver.received) == 10)
    stream.stop()
    assert [body["seqno"] for body in receiver.bodies] == list(range(10))


@pytest.mark.parametrize("status", [200, 201, 202, 204])
def test_an_answer_that_is_not_json_counts_as_delivery(receiver, status, wait_until):
    receiver.script += [status]
    stream = post(receiver.url, uplinks(3), wait_until=wait_until, until=lambda _: receiver.received)
    assert (len(receiver.received), stream.lost) == (1, 0)


@pytest.mark.parametrize("failures", [[500], [503, 404], [302, 500]])
def test_a_refused_batch_is_posted_again_unchanged(receiver, failures, wait_until):
    receiver.script += failures
    stream = post(
        receiver.url, uplinks(3), wait_until=wait_until, until=lambda _: len(receiver.received) > len(failures)
    )
    assert receiver.bodies == [[uplink.to_json() for uplink in uplinks(3)]] * (len(failures) + 1)
    assert stream.lost == 0


def test_after_three_attempts_uplinks_are_lost_and_later_uplinks_are_posted(receiver, wait_until):
    receiver.script += [500] * ATTEMPTS
    sent = uplinks(MAX_BATCH + 2)
    stream = post(receiver.url, sent, wait_until=wait_until, until=lambda _: len(receiver.received) == ATTEMPTS + 1)
    assert stream.lost == MAX_BATCH
    assert [len(body) for body in receiver.bodies] == [MAX_BATCH] * ATTEMPTS + [2]


def test_without_batching_one_uplink_is_lost_at_a_time(receiver, wait_until):
    receiver.script += [500] * ATTEMPTS
    stream = post(
        receiver.url,
        uplinks(2),
        batch=False,
        wait_until=wait_until,
        until=lambda _: len(receiver.received) == ATTEMPTS + 1,
    )
    assert (stream.lost, receiver.bodies[-1]["seqno"]) == (1, 1)


def test_without_a_receiver_all_uplinks_are_lost_and_counted(monkeypatch, wait_until):
    monkeypatch.setattr(data_stream, "PAUSE_S", 0.001)
    with BackgroundServer(FastAPI()) as stopped:
        url = stopped.url
    stream = post(url, uplinks(5), wait_until=wait_until, until=lambda stream: stream.lost == 5)
    assert stream.lost == 5


def test_stop_posts_the_queued_uplinks_once(receiver, monkeypatch, wait_until):
    monkeypatch.setattr(data_stream, "PAUSE_S", 60)  # a pause that only `stop` can end
    receiver.script += [500] * 9
    begun_s = time.monotonic()
    stream = post(
        receiver.url, uplinks(3), batch=False, wait_until=wait_until, until=lambda _: len(receiver.received) == 1
    )
    assert time.monotonic() - begun_s < 10
    # `stop` ends the pause of the first uplink with a last attempt, unless it came before the pause.
    assert [body["seqno"] for body in receiver.bodies] in ([0, 0, 1, 2], [0, 1, 2])
    assert stream.lost == 3


def test_a_url_on_another_machine_must_be_https():
    with pytest.raises(ParameterError, match="must be https"):
        DataStream("http://192.0.2.1/uplinks")


def test_uplinks_within_the_delay_are_posted_together(receiver, wait_until):
    stream = DataStream(receiver.url, batch_delay_ms=10_000)
    stream.start()
    for uplink in uplinks(MAX_BATCH):  # a full batch does not wait
        stream.publish(uplink)
    wait_until(lambda: receiver.received)
    stream.publish(uplinks(1)[0])
    stream.stop()  # `stop` ends the wait
    assert [len(body) for body in receiver.bodies] == [MAX_BATCH, 1]


@pytest.mark.parametrize("batch", [True, False])
def test_an_uplink_is_posted_once_for_each_gateway_that_hears_it(collector, batch):
    uplink = Uplink(dev_eui="0" * 15 + "A", gw_eui="FFFFFFFFFFFFFFFF", rssi_dbm=-57, snr_db=9.25, seqno=7)
    post(collector.url, [uplink], batch=batch, duplicates=2)
    assert [(copy.gw_eui, copy.dup, copy.rssi_dbm, copy.snr_db) for copy in collector.uplinks] == [
        ("FFFFFFFFFFFFFFFF", False, -57, 9.25),
        ("0000000000000000", True, -61, 5.25),
        ("0000000000000001", True, -65, 1.25),
    ]
    assert {copy.seqno for copy in collector.uplinks} == {7}


def test_the_number_of_gateways_can_be_set_for_each_uplink(collector):
    stream = DataStream(collector.url, duplicates=1)
    for uplink, duplicates in zip(uplinks(3), (None, 0, 2), strict=True):
        stream.publish(uplink, duplicates=duplicates)
    stream.start()
    stream.stop()
    assert [(copy.seqno, copy.dup) for copy in collector.uplinks] == [
        (0, False), (0, True), (1, None), (2, False), (2, True), (2, True),
    ]  # fmt: skip


def test_duplicates_do_not_exceed_the_limit_of_a_batch(receiver):
    post(receiver.url, uplinks(MAX_BATCH), duplicates=1)
    assert [len(body) for body in receiver.bodies] == [MAX_BATCH, MAX_BATCH]


@pytest.mark.parametrize("batch", [True, False])
def test_dropped_and_repeated_notifications_are_counted_and_nothing_else_changes(receiver, batch):
    faults = Faults(drop_notification=0.2, repeat_notification=0.3)
    stream = post(receiver.url, uplinks(100), batch=batch, faults=faults)
    posted = [notification for body in receiver.bodies for notification in body] if batch else receiver.bodies
    numbers = [notification["seqno"] for notification in posted]
    assert numbers == sorted(numbers)
    assert stream.dropped == 100 - len(set(numbers)) > 5
    assert stream.repeated == len(numbers) - len(set(numbers)) > 5
    assert stream.lost == 0


def test_the_same_seed_drops_the_same_uplinks(receiver):
    for seed in (1, 1, 2):
        post(receiver.url, uplinks(100), faults=Faults(drop_notification=0.5, seed=seed))
    first, again, other = receiver.bodies
    assert first == again != other


def test_uplinks_beyond_a_full_queue_are_lost_counted_and_logged_once(receiver, caplog):
    stream = post(receiver.url, uplinks(10), max_waiting=4)
    assert [notification["seqno"] for body in receiver.bodies for notification in body] == [0, 1, 2, 3]
    assert stream.lost == 6
    assert caplog.text.count("queue of the data stream is full (4 uplinks)") == 1


def test_uplinks_not_posted_within_the_last_seconds_are_counted(receiver, monkeypatch):
    monkeypatch.setattr(data_stream, "LAST_POSTS_S", 0)
    stream = post(receiver.url, uplinks(MAX_BATCH + 50), batch=False)
    assert stream.lost + len(receiver.received) == MAX_BATCH + 50
    assert stream.lost > 0


@pytest.mark.parametrize(
    "wrong", [{"batch_delay_ms": -1}, {"batch_delay_ms": 10_001}, {"duplicates": -1}, {"duplicates": 16}]
)
def test_values_out_of_range_are_refused(wrong):
    with pytest.raises(ParameterError, match="must be 0 to 1"):
        DataStream("http://127.0.0.1:1/", **wrong)
