"""sendmsg, sendmcastmsg and clearmsgs against a real HTTP server, row by row of the API reference."""

from __future__ import annotations

import pytest

from fuota.errors import (
    AuthenticationError,
    BadRequestError,
    MalformedAnswerError,
    NotFoundError,
    ParameterError,
    UnreachableError,
)
from fuota.network import SenraClient

KEY = "AK2:0123456789abcdefghijABCDEFGHIJ0123456789"
EUI = "A" * 16
PDU = "0102030405060708090A0B0C0D0E0F"
BSTNS = ("AAAAAAAAAAAAAAAA", "AAAAAAAAAAAAAAAB")
SENT = {"message": "Success!", "msgId": 119}
PLAIN = {
    "eui": EUI,
    "pdu": PDU,
    "port": "1",
    "confirmed": "false",
    "timeoutMinutes": "65",
    "clear": "false",
    "immediate": "false",
}


@pytest.fixture
def downlinks(server):
    return SenraClient(server.url, KEY, backoff_ms=1).downlinks


def test_example_downlink_of_the_reference(server, downlinks):
    server.play(SENT)
    receipt = downlinks.send(EUI, PDU.lower(), confirmed=True, port=88, timeout_minutes=2)
    assert (receipt.message, receipt.msg_id, receipt.raw) == ("Success!", 119, SENT)
    (request,) = server.received
    assert (request.method, request.path) == ("POST", "/rest/integration/device/sendmsg")
    assert request.headers["authorization"] == KEY
    assert request.body == b""
    assert request.query == PLAIN | {"confirmed": "true", "port": "88", "timeoutMinutes": "2"}


@pytest.mark.parametrize(
    "row",  # argument, wire name, value given, its spelling
    [
        ("dev_eui", "eui", "aa-aa-aa-aa-aa-aa-aa-02", "AAAAAAAAAAAAAA02"),
        ("pdu", "pdu", b"\x00\xff", "00FF"),
        ("pdu", "pdu", "00 ff", "00FF"),
        ("pdu", "pdu", b"", ""),
        ("pdu", "pdu", bytes(242), "00" * 242),
        ("port", "port", 254, "254"),
        ("confirmed", "confirmed", True, "true"),
        ("timeout_minutes", "timeoutMinutes", 1, "1"),
        ("clear", "clear", True, "true"),
        ("dev_class", "class", "A", "A"),
        ("dev_class", "class", "b", "B"),
        ("dev_class", "class", "CLASS_C", "C"),
        ("immediate", "immediate", True, "true"),
    ],
)
def test_each_parameter_of_sendmsg_is_sent(server, downlinks, row):
    argument, wire, value, spelled = row
    downlinks.send(**{"dev_eui": EUI, "pdu": PDU, argument: value})
    assert server.received[0].query == PLAIN | {wire: spelled}


def test_example_multicast_downlink_of_the_reference(server, downlinks):
    server.play(SENT)
    assert downlinks.send_multicast("12ffffff", PDU, BSTNS).msg_id == 119
    (request,) = server.received
    assert (request.method, request.path) == ("POST", "/rest/integration/device/sendmcastmsg")
    assert request.query == {"addr": "12FFFFFF", "pdu": PDU, "port": "1", "bstnEuis": ",".join(BSTNS)}
    assert "bstnEuis=AAAAAAAAAAAAAAAA,AAAAAAAAAAAAAAAB" in request.query_text


@pytest.mark.parametrize(("arguments", "query"), [({"msg_id": 1}, {"eui": EUI, "msgId": "1"}), ({}, {"eui": EUI})])
def test_each_parameter_of_clearmsgs_is_sent(server, downlinks, arguments, query):
    server.play({"clearedIds": [1]})
    assert downlinks.clear(EUI, **arguments).msg_ids == (1,)
    (request,) = server.received
    assert (request.method, request.path, request.query) == ("POST", "/rest/integration/device/clearmsgs", query)


@pytest.mark.parametrize(
    ("answer", "ids"),
    [
        ({"clearedIds": [3, 4]}, (3, 4)),
        ({"msgId": [3, "4"]}, (3, 4)),
        ({"msgId": 3}, (3,)),
        ({"clearedIds": [3], "msgId": 9}, (3,)),
        ({"clearedIds": [], "msgId": 9}, ()),
        ({"clearedIds": [3, None, True, {}]}, (3,)),
        ({"message": "nothing"}, None),
    ],
)
def test_list_of_cleared_messages_is_read_in_both_spellings(server, downlinks, answer, ids):
    server.play(answer)
    cleared = downlinks.clear(EUI)
    assert (cleared.msg_ids, cleared.raw) == (ids, answer)


@pytest.mark.parametrize(
    ("answer", "message", "msg_id"),
    [
        ({}, None, None),
        ({"message": "queued", "msgId": "119", "new": [1]}, "queued", 119),
        ({"message": None, "msgId": {"id": 1}}, None, None),
    ],
)
def test_receipt_is_read_from_incomplete_answers(server, downlinks, answer, message, msg_id):
    server.play(answer)
    receipt = downlinks.send(EUI, PDU)
    assert (receipt.message, receipt.msg_id, receipt.raw) == (message, msg_id, answer)
    assert isinstance(hash(receipt), int)


def test_receipt_shows_no_secret(server, downlinks):
    server.play({"message": "key " + "0F" * 16, "more": {"key": KEY}})
    receipt = downlinks.send(EUI, PDU)
    assert "0F0F" not in f"{receipt}{receipt.raw}"
    assert KEY[4:] not in str(receipt.raw)


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"dev_eui": "A" * 15}, "dev_eui must be .*16 hex.*got 'A{15}'"),
        ({"pdu": "012"}, "pdu must be .*3 hex digits are an odd number.*'012'"),
        ({"pdu": "0g"}, "pdu must be 0 to 242 bytes.*'0g'"),
        ({"pdu": 4}, "pdu must be bytes or a text, got 4"),
        ({"pdu": None}, "pdu must be .*None"),
        ({"pdu": bytes(243)}, "pdu must be 0 to 242 bytes.*got 243 bytes"),
        ({"port": 0}, "port must be 1 to 254, got 0 .*nearest: 1"),
        ({"port": 255}, "port must be .*255.*nearest: 254"),
        ({"port": True}, "port must be .*True"),
        ({"confirmed": "true"}, "confirmed must be true or false, got 'true'"),
        ({"clear": 1}, "clear must be .*got 1"),
        ({"immediate": None}, "immediate must be .*None"),
        ({"timeout_minutes": 0}, "timeout_minutes must be .*got 0 .*nearest: 1"),
        ({"timeout_minutes": 1.5}, "timeout_minutes must be .*got 1.5"),
        ({"dev_class": "D"}, "dev_class must be one of A, B, C, got 'D'"),
        ({"dev_class": 1}, "dev_class must be .*got 1"),
    ],
)
def test_refused_downlink_sends_nothing(server, downlinks, changed, words):
    with pytest.raises(ParameterError, match=words):
        downlinks.send(**({"dev_eui": EUI, "pdu": PDU} | changed))
    assert server.received == []


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"mc_addr": "12FFFFF"}, "mc_addr must be .*8 hex.*'12FFFFF'"),
        ({"mc_addr": "12FFFFFG"}, "mc_addr"),
        ({"mc_addr": 0x12FFFFFF}, "mc_addr"),
        ({"pdu": "1"}, "odd number"),
        ({"bstn_euis": []}, "bstn_euis is empty"),
        ({"bstn_euis": None}, "bstn_euis is empty"),
        ({"bstn_euis": BSTNS[0]}, "bstn_euis.*must be a list"),
        ({"bstn_euis": [BSTNS[0], BSTNS[0].lower()]}, "bstn_euis.*twice"),
        ({"bstn_euis": ["A" * 15]}, "bstn_euis must be .*16 hex.*'A{15}'"),
        ({"port": 255}, "nearest: 254"),
    ],
)
def test_refused_multicast_downlink_sends_nothing(server, downlinks, changed, words):
    with pytest.raises(ParameterError, match=words):
        downlinks.send_multicast(**({"mc_addr": "12FFFFFF", "pdu": PDU, "bstn_euis": BSTNS} | changed))
    assert server.received == []


@pytest.mark.parametrize(
    "arguments", [{"dev_eui": "A" * 15}, {"dev_eui": EUI, "msg_id": 0}, {"dev_eui": EUI, "msg_id": "1"}]
)
def test_refused_clearing_sends_nothing(server, downlinks, arguments):
    with pytest.raises(ParameterError):
        downlinks.clear(**arguments)
    assert server.received == []


@pytest.mark.parametrize(
    ("http_status", "body", "kind"),
    [
        (403, {"message": "Access to this resource was rejected due to an authorization issue."}, AuthenticationError),
        (400, {"message": "Invalid request"}, BadRequestError),
        (404, {"message": "Device EUI was not found"}, NotFoundError),
        (200, {"message": "Invalid request", "statusCode": 400}, BadRequestError),
        (200, [1], MalformedAnswerError),
    ],
)
@pytest.mark.parametrize(
    "call",
    [
        lambda downlinks: downlinks.send(EUI, PDU),
        lambda downlinks: downlinks.send_multicast("12FFFFFF", PDU, BSTNS),
        lambda downlinks: downlinks.clear(EUI),
    ],
    ids=["send", "send_multicast", "clear"],
)
def test_each_failure_raises_its_error(server, downlinks, call, http_status, body, kind):
    server.play(body, status=http_status)
    with pytest.raises(kind):
        call(downlinks)
    assert len(server.received) == 1


def test_downlink_with_a_lost_answer_is_not_repeated(server, downlinks):
    server.play(does="reset")
    with pytest.raises(UnreachableError) as caught:
        downlinks.send(EUI, PDU)
    assert caught.value.maybe_received is True
    assert len(server.received) == 1
