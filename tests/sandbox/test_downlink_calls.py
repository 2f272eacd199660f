"""sendmsg, clearmsgs and sendmcastmsg over HTTP."""

from __future__ import annotations

import pytest

FIRST, SECOND = "02000000F007A001", "02000000F007A002"
NEW = "AAAAAAAAAAAAAAA1"  # registered only: nothing is sent to it


@pytest.fixture
def world(make_world):
    world = make_world()
    world.register(NEW)
    return world


def send(world, **query):
    return world.call("POST", "device/sendmsg", {"eui": NEW, "pdu": "0102"} | query)


def queued(world, eui=NEW):
    return world.server.downlinks.queued(eui, world.clock.now_us())


def test_a_message_is_queued_with_all_its_parameters(world):
    status, answer = send(world, port=88, confirmed="true", timeoutMinutes=2, **{"class": "C"})
    assert (status, set(answer), answer["message"]) == (200, {"message", "msgId"}, "Success!")
    (downlink,) = queued(world)
    assert (downlink.msg_id, downlink.pdu, downlink.port, downlink.confirmed) == (answer["msgId"], b"\1\2", 88, True)
    assert (downlink.expires_us, downlink.dev_class) == (world.clock.now_us() + 120_000_000, "C")


@pytest.mark.slow
def test_missing_parameters_get_the_defaults_of_the_reference(world):
    send(world)
    (downlink,) = queued(world)
    assert (downlink.port, downlink.confirmed, downlink.dev_class, downlink.immediate) == (1, False, None, False)
    assert downlink.expires_us == world.clock.now_us() + 65 * 60_000_000


def test_a_fourth_message_is_refused_unless_it_clears_the_others(world):
    for _ in range(3):
        assert send(world)[0] == 200
    status, answer = send(world)
    assert (status, "3 downlinks are queued" in answer["message"]) == (400, True)
    assert send(world, clear="true")[0] == 200
    assert len(queued(world)) == 1


def test_message_numbers_rise_and_clearing_returns_them(world):
    first, second, third = (send(world)[1]["msgId"] for _ in range(3))
    assert first < second < third
    assert world.call("POST", "device/clearmsgs", {"devEui": NEW, "msgId": second}) == (200, {"clearedIds": [second]})
    assert world.call("POST", "device/clearmsgs", {"eui": NEW, "msgId": second}) == (200, {"clearedIds": []})
    assert world.call("POST", "device/clearmsgs", {"eui": NEW}) == (200, {"clearedIds": [first, third]})
    assert queued(world) == []


@pytest.mark.parametrize(
    ("name", "query", "status", "words"),
    [
        ("sendmsg", {"eui": "BBBBBBBBBBBBBBBB"}, 404, "Device EUI was not found: BBBBBBBBBBBBBBBB"),
        ("sendmsg", {"eui": "BBBBBBBBBBBBBBB"}, 400, "16 hexadecimal digits"),
        ("sendmsg", {"pdu": "012"}, 400, "odd number"),
        ("sendmsg", {"port": 0}, 400, "nearest: 1"),
        ("sendmsg", {"port": 255}, 400, "nearest: 254"),
        ("sendmsg", {"timeoutMinutes": 0}, 400, "nearest: 1"),
        ("clearmsgs", {"eui": "BBBBBBBBBBBBBBBB"}, 404, "Device EUI was not found"),
        ("clearmsgs", {"msgId": 0}, 400, "nearest: 1"),
        ("sendmcastmsg", {"addr": "0BADADD0", "bstnEuis": "A" * 16}, 404, "0BADADD0"),
        ("sendmcastmsg", {"addr": "0BADADD0"}, 400, "missing: bstnEuis"),
    ],
)
def test_a_bad_request_is_explained_and_queues_nothing(world, name, query, status, words):
    required = {"eui": NEW, "pdu": "0102"} if name == "sendmsg" else {"eui": NEW, "pdu": ""}
    code, answer = world.call("POST", f"device/{name}", required | query)
    assert (code, set(answer)) == (status, {"message"})
    assert words in answer["message"]
    assert queued(world) == []


def test_our_client_sends_and_clears(world):
    receipt = world.client.downlinks.send(NEW, b"\1", port=201, confirmed=True)
    assert receipt.message == "Success!"
    assert world.client.downlinks.clear(NEW).msg_ids == (receipt.msg_id,)
