"""The six calls mcast/* against a real HTTP server, row by row of the API reference."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from fuota.errors import AuthenticationError, BadRequestError, MalformedAnswerError, NotFoundError, ParameterError
from fuota.network import SenraClient
from fuota.network.senra import McGroupMember
from fuota.network.senra.parameters import class_letter

KEY = "AK2:0123456789abcdefghijABCDEFGHIJ0123456789"
APP = "AAAAAAAAAAAAAA01"
ADDR = "BBBBBB01"
EUIS = ("DEDEDEDEDEDEDE00", "DEDEDEDEDEDEDE01")
PDU = "0102030405060708090A0B0C0D0E0F"
SENT = {"message": "Success!", "msgId": 119}
GROUP = {"appEui": APP, "mcAddr": ADDR, "type": "APP"}
VECTORS = json.loads((Path(__file__).parents[1] / "vectors" / "senra_parameters.json").read_text())


def answer_of_the_reference(*devs):
    return {
        "appEui": APP,
        "devClass": "CLASS_C",
        "devs": [{"devEui": eui, "groupId": group_id, "state": state} for eui, group_id, state in devs],
        "dr": 13,
        "durationSecs": 32768,
        "endTime": 1643414453519,
        "freq": 927.5,
        "maxFCnt": 4294967296,
        "mcAddr": ADDR,
        "mcastType": "D2D",
        "minFCnt": 1327416903,
        "startTime": 1643381685519,
    }


ANSWER = answer_of_the_reference((EUIS[0], 3, "Initializing"), (EUIS[1], 2, "Initializing"))
CALLS = {
    "setup": lambda multicast, **more: multicast.setup(**{"app_eui": APP, "dev_euis": EUIS} | more),
    "addDevices": lambda multicast, **more: multicast.add_devices(
        **{"app_eui": APP, "mc_addr": ADDR, "dev_euis": EUIS} | more
    ),
    "removeDevices": lambda multicast, **more: multicast.remove_devices(
        **{"app_eui": APP, "mc_addr": ADDR, "dev_euis": EUIS} | more
    ),
    "status": lambda multicast, **more: multicast.status(**{"app_eui": APP, "mc_addr": ADDR} | more),
    "delete": lambda multicast, **more: multicast.delete(**{"app_eui": APP, "mc_addr": ADDR} | more),
    "sendmsg": lambda multicast, **more: multicast.send(**{"app_eui": APP, "mc_addr": ADDR, "pdu": PDU} | more),
}


@pytest.fixture
def multicast(server):
    return SenraClient(server.url, KEY, backoff_ms=1).multicast


def test_example_setup_of_the_reference(server, multicast):
    server.play(ANSWER)
    group = multicast.setup(APP, dev_euis=EUIS, dev_class="C", tx_channel=7, tx_data_rate=13, mcast_type="D2D")
    (request,) = server.received
    assert (request.method, request.path) == ("POST", "/rest/integration/mcast/setup")
    assert request.headers["authorization"] == KEY
    assert request.query == {
        "appEui": APP,
        "devEuis": ",".join(EUIS),
        "devClass": "C",
        "txChnl": "7",
        "txDr": "13",
        "type": "D2D",
    }
    assert (group.app_eui, group.mc_addr, group.dev_class, group.mcast_type) == (APP, ADDR, "C", "D2D")
    assert (group.data_rate, group.frequency_hz, group.duration_s) == (13, 927_500_000, 32768)
    assert (group.start_time_ms, group.end_time_ms) == (1643381685519, 1643414453519)
    assert (group.min_fcnt, group.max_fcnt) == (1327416903, 1 << 32)
    assert group.members == (
        McGroupMember(dev_eui=EUIS[0], group_id=3, state="Initializing"),
        McGroupMember(dev_eui=EUIS[1], group_id=2, state="Initializing"),
    )
    assert group.raw == ANSWER


@pytest.mark.parametrize(
    ("call", "method", "query"),
    [
        ("setup", "POST", {"appEui": APP, "devEuis": ",".join(EUIS), "devClass": "C", "type": "APP"}),
        ("addDevices", "POST", GROUP | {"devEuis": ",".join(EUIS)}),
        ("removeDevices", "POST", GROUP | {"devEuis": ",".join(EUIS)}),
        ("status", "GET", GROUP),
        ("delete", "POST", GROUP),
        ("sendmsg", "POST", GROUP | {"pdu": PDU, "port": "1"}),
    ],
)
def test_shortest_query_of_each_call(server, multicast, call, method, query):
    server.play(ANSWER)
    CALLS[call](multicast)
    (request,) = server.received
    assert (request.method, request.path, request.query) == (method, f"/rest/integration/mcast/{call}", query)
    assert request.body == b""


@pytest.mark.parametrize(
    "row",  # call, argument, wire name, value given, its spelling
    [
        ("setup", "tx_channel", "txChnl", 0, "0"),
        ("setup", "tx_data_rate", "txDr", 0, "0"),
        ("setup", "contract_id", "contractId", 20, "20"),
        ("setup", "dev_class", "devClass", "CLASS_B", "B"),
        ("setup", "mcast_type", "type", "D2D", "D2D"),
        ("setup", "periodicity", "periodicity", 0, "0"),
        ("addDevices", "mcast_type", "type", "D2D", "D2D"),
        ("removeDevices", "app_eui", "appEui", "aaaaaaaaaaaaaa02", "AAAAAAAAAAAAAA02"),
        ("status", "mc_addr", "mcAddr", "bbbbbb02", "BBBBBB02"),
        ("delete", "mcast_type", "type", "D2D", "D2D"),
        ("sendmsg", "pdu", "pdu", b"\x01", "01"),
        ("sendmsg", "port", "port", 200, "200"),
        ("sendmsg", "mcast_type", "type", "D2D", "D2D"),
    ],
)
def test_each_argument_changes_its_parameter(server, multicast, row):
    call, argument, wire, value, spelled = row
    server.play(ANSWER)
    server.play(ANSWER)
    CALLS[call](multicast)
    CALLS[call](multicast, **{argument: value})
    plain, changed = (request.query for request in server.received)
    assert changed == plain | {wire: spelled}


@pytest.mark.parametrize("call", ["setup", "addDevices", "removeDevices"])
def test_tags_are_sent_instead_of_euis(server, multicast, call):
    server.play(ANSWER)
    CALLS[call](multicast, dev_euis=None, dev_tags=["north wing", "b"])
    assert server.received[0].query["devTags"] == "north wing,b"
    assert "devEuis" not in server.received[0].query


def test_example_message_of_the_reference(server, multicast):
    server.play(SENT)
    receipt = multicast.send(APP, ADDR, PDU.lower())
    assert (receipt.message, receipt.msg_id, receipt.raw) == ("Success!", 119, SENT)


@pytest.mark.parametrize(
    ("call", "devs"),
    [
        ("addDevices", [(EUIS[0], 3, "Initialized"), ("DEDEDEDEDEDEDE02", 1, "Initializing")]),
        ("removeDevices", [(EUIS[0], 3, "Initialized"), ("DEDEDEDEDEDEDE02", 1, "Closing")]),
        ("status", [(EUIS[0], 3, "Initialized"), (EUIS[1], 2, "Failed")]),
        ("delete", [(EUIS[0], 3, "Closing"), (EUIS[1], 2, "Closing")]),
    ],
)
def test_other_example_answers_of_the_reference(server, multicast, call, devs):
    server.play(answer_of_the_reference(*devs))
    group = CALLS[call](multicast)
    assert [(member.dev_eui, member.group_id, member.state) for member in group.members] == devs
    assert isinstance(hash(group), int)


# --- variants of the answer


def test_answer_with_only_the_address(server, multicast):
    server.play({"mcAddr": "bbbbbb01"})
    group = multicast.status(APP, ADDR)
    assert group.mc_addr == ADDR
    assert group.members == ()
    names = ("app_eui", "dev_class", "mcast_type", "data_rate", "frequency_hz", "duration_s", "start_time_ms")
    assert {getattr(group, name) for name in (*names, "end_time_ms", "min_fcnt", "max_fcnt")} == {None}


@pytest.mark.parametrize("mc_addr", [None, "", "BBBBBB0", "BBBBBB0G", 12])
def test_an_answer_without_an_address_is_malformed(server, multicast, mc_addr):
    server.play(ANSWER | {"mcAddr": mc_addr})
    with pytest.raises(MalformedAnswerError, match="mcAddr"):
        multicast.setup(APP, dev_euis=EUIS)


def test_answer_with_other_spellings_and_unknown_fields(server, multicast):
    devs = [{"eui": "de-de-de-de-de-de-de-00"}, {"devEui": "x", "groupId": "1"}, {}, "odd"]
    answer = ANSWER | {"devs": devs, "devClass": "Z9", "appEui": APP.lower(), "freq": "868.1", "key": "0F" * 16}
    server.play(answer)
    group = multicast.status(APP, ADDR)
    assert [(member.dev_eui, member.group_id) for member in group.members] == [(EUIS[0], None), ("x", 1), (None, None)]
    assert (group.dev_class, group.app_eui, group.frequency_hz) == ("Z9", APP, 868_100_000)
    assert group.raw == answer | {"key": "[redacted]"}


@pytest.mark.parametrize(
    ("freq", "frequency_hz"),
    [
        (868.1, 868_100_000),
        (923, 923_000_000),
        (865.0625, 865_062_500),
        ("-", None),
        (True, None),
        ([], None),
        (float("nan"), None),
        (1e300, None),
    ],
)
def test_frequency_in_mhz_is_read_as_hz(server, multicast, freq, frequency_hz):
    server.play(ANSWER | {"freq": freq})
    assert multicast.status(APP, ADDR).frequency_hz == frequency_hz


@pytest.mark.parametrize(
    ("spelled", "letter"),
    [
        ("A", "A"),
        ("b", "B"),
        ("CLASS_C", "C"),
        ("class_a", "A"),
        ("Class B", "B"),
        ("CLASS-C", "C"),
        ("CLASSA", "A"),
        ("CLASS_D", "CLASS_D"),
        ("", ""),
        ("CLASS", "CLASS"),
    ],
)
def test_class_letter_from_every_spelling(spelled, letter):
    assert class_letter(spelled) == letter


# --- refusals


@pytest.mark.parametrize(
    ("calls", "changed", "words"),
    [
        (CALLS, {"app_eui": "A" * 15}, "app_eui must be .*16 hex.*'A{15}'"),
        (CALLS, {"mcast_type": "FUOTA"}, "mcast_type must be one of APP, D2D, got 'FUOTA'"),
        (CALLS.keys() - {"setup"}, {"mc_addr": "BBBBBB1"}, "mc_addr must be .*8 hex.*'BBBBBB1'"),
        (("setup", "addDevices", "removeDevices"), {"dev_tags": ["a"]}, "exactly one of.*got dev_euis, dev_tags"),
        (("setup", "addDevices", "removeDevices"), {"dev_euis": None}, "exactly one of.*got none"),
        (("setup", "addDevices", "removeDevices"), {"dev_euis": []}, "exactly one of.*got none"),
        (("setup", "addDevices", "removeDevices"), {"dev_euis": ["D" * 15]}, "dev_euis must be .*'D{15}'"),
        (("setup",), {"tx_channel": -1}, "tx_channel must be .*-1.*nearest: 0"),
        (("setup",), {"tx_data_rate": 16}, "tx_data_rate must be .*16.*nearest: 15"),
        (("setup",), {"contract_id": 0}, "contract_id must be .*0.*nearest: 1"),
        (("setup",), {"dev_class": "A"}, "dev_class must be one of B, C, got 'A'"),
        (("setup",), {"periodicity": 8}, "periodicity must be .*8.*nearest: 7"),
        (("sendmsg",), {"pdu": "012"}, "pdu must be .*odd number.*'012'"),
        (("sendmsg",), {"port": 0}, "port must be .*0.*nearest: 1"),
        (("sendmsg",), {"port": 255}, "port must be .*255.*nearest: 254"),
    ],
)
def test_refused_call_sends_nothing(server, multicast, calls, changed, words):
    for call in calls:
        with pytest.raises(ParameterError, match=words):
            CALLS[call](multicast, **changed)
    assert server.received == []


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize(
    ("http_status", "body", "kind"),
    [
        (403, {"message": "authorization issue"}, AuthenticationError),
        (400, {"message": "Invalid request"}, BadRequestError),
        (404, {"message": "no such group"}, NotFoundError),
        (200, {"statusCode": 400, "message": "Invalid request"}, BadRequestError),
    ],
)
def test_each_failure_raises_its_error(server, multicast, call, http_status, body, kind):
    server.play(body, status=http_status)
    with pytest.raises(kind):
        CALLS[call](multicast)
    assert len(server.received) == 1


# --- all parameters of the reference

SETUP = {"tx_channel": 7, "tx_data_rate": 13, "contract_id": 20, "dev_class": "B", "periodicity": 3}
EVERYTHING = {
    "device/sendmsg": lambda client: client.downlinks.send(APP, PDU, dev_class="A"),
    "device/sendmcastmsg": lambda client: client.downlinks.send_multicast(ADDR, PDU, [APP]),
    "device/clearmsgs": lambda client: client.downlinks.clear(APP, msg_id=1),
    "mcast/setup": lambda client: (
        client.multicast.setup(APP, dev_euis=EUIS, **SETUP),
        client.multicast.setup(APP, dev_tags=["a"], **SETUP),
    ),
    "mcast/addDevices": lambda client: (
        client.multicast.add_devices(APP, ADDR, dev_euis=EUIS),
        client.multicast.add_devices(APP, ADDR, dev_tags=["a"]),
    ),
    "mcast/removeDevices": lambda client: (
        client.multicast.remove_devices(APP, ADDR, dev_euis=EUIS),
        client.multicast.remove_devices(APP, ADDR, dev_tags=["a"]),
    ),
    "mcast/status": lambda client: client.multicast.status(APP, ADDR),
    "mcast/sendmsg": lambda client: client.multicast.send(APP, ADDR, PDU),
    "mcast/delete": lambda client: client.multicast.delete(APP, ADDR),
}


@pytest.mark.parametrize("call", EVERYTHING)
def test_every_parameter_of_the_reference_is_sent_and_no_other(server, call):
    (row,) = (row for row in VECTORS["calls"] if row["call"] == call)
    server.play(ANSWER)
    server.play(ANSWER)
    EVERYTHING[call](SenraClient(server.url, KEY))
    assert {name for request in server.received for name in request.query} == {
        parameter["name"] for parameter in row["parameters"]
    }
    assert {(request.method, request.path) for request in server.received} == {
        (row["method"], f"/rest/integration/{call}")
    }
