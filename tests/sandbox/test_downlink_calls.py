"""sendmsg, clearmsgs and sendmcastmsg over HTTP."""

from __future__ import annotations

import pytest

FIRST, SECOND = "02000000F007A001", "02000000F007A002"
NEW = "AAAAAAAAAAAAAAA1"  # registered and no more: nothing goes out to it


@pytest.fixture
def world(make_world):
    made = make_world()
    made.register(NEW)
    return made


def send(world, **query):
    return world.call("POST", "device/sendmsg", {"eui": NEW, "pdu": "0102"} | query)


def queued(world, eui=NEW):
    return world.server.downlinks.queued(eui, world.clock.now_us())


def test_a_message_is_queued_with_all_that_was_said_of_it(world):
    status, answer = send(world, port=88, confirmed="true", timeoutMinutes=2, **{"class": "C"})
    assert (status, set(answer), answer["message"]) == (200, {"message", "msgId"}, "Success!")
    (found,) = queued(world)
    assert (found.msg_id, found.pdu, found.port, found.confirmed) == (answer["msgId"], b"\1\2", 88, True)
    assert (found.expires_us, found.dev_class) == (world.clock.now_us() + 120_000_000, "C")


def test_what_is_not_said_is_the_reference_s_default(world):
    send(world)
    (found,) = queued(world)
    assert (found.port, found.confirmed, found.dev_class, found.immediate) == (1, False, None, False)
    assert found.expires_us == world.clock.now_us() + 65 * 60_000_000


def test_a_fourth_is_refused_unless_it_clears_the_others(world):
    for _ in range(3):
        assert send(world)[0] == 200
    status, answer = send(world)
    assert (status, "3 downlinks are queued" in answer["message"]) == (400, True)
    assert send(world, clear="true")[0] == 200
    assert len(queued(world)) == 1


def test_numbers_rise_and_clearing_names_them(world):
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
def test_a_bad_request_is_told_and_queues_nothing(world, name, query, status, words):
    given = {"eui": NEW, "pdu": "0102"} if name == "sendmsg" else {"eui": NEW, "pdu": ""}
    code, answer = world.call("POST", f"device/{name}", given | query)
    assert (code, set(answer)) == (status, {"message"})
    assert words in answer["message"]
    assert queued(world) == []


def test_our_client_sends_and_clears(world):
    receipt = world.client.downlinks.send(NEW, b"\1", port=201, confirmed=True)
    assert receipt.message == "Success!"
    assert world.client.downlinks.clear(NEW).msg_ids == (receipt.msg_id,)
