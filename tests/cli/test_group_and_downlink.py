"""The calls of downlinks and groups, against a server that answers as the reference shows."""

from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

import pytest

APP, ADDR, DEV = "AAAAAAAAAAAAAA01", "BBBBBB01", "DEDEDEDEDEDEDE00"
GROUP = {
    "appEui": APP,
    "devClass": "CLASS_C",
    "devs": [{"devEui": DEV, "groupId": 3, "state": "Initializing"}],
    "dr": 13,
    "freq": 927.5,
    "mcAddr": ADDR,
    "mcastType": "APP",
}
SENT = {"message": "Success!", "msgId": 119}
IN_GROUP = [ADDR, "--app-eui", APP]
CALLS = [
    (["downlink", "send", DEV, "0102", "--confirmed", "--timeout-minutes", 2, "--class", "C"], "device/sendmsg", SENT),
    (["downlink", "multicast", ADDR, "0102", "--gateway", DEV], "device/sendmcastmsg", SENT),
    (["downlink", "clear", DEV, "--msg-id", 7], "device/clearmsgs", {"clearedIds": [7]}),
    (["downlink", "clear", DEV, "--all"], "device/clearmsgs", {"msgId": [7, 8]}),
    (["group", "setup", "--app-eui", APP, "--dev-eui", DEV, "-d", 13, "--channel", 7], "mcast/setup", GROUP),
    (["group", "add", *IN_GROUP, "--dev-eui", DEV], "mcast/addDevices", GROUP),
    (["group", "remove", *IN_GROUP, "--tag", "meters"], "mcast/removeDevices", GROUP),
    (["group", "status", *IN_GROUP], "mcast/status", GROUP),
    (["group", "send", *IN_GROUP, "0102", "--port", 201], "mcast/sendmsg", SENT),
    (["group", "delete", *IN_GROUP], "mcast/delete", GROUP),
]


@pytest.fixture
def server(http_server):
    asked = []

    def serve(answer, status=200):
        def reply(method, path, headers, body):
            asked.append(
                (method, urlsplit(path).path.removeprefix("/rest/integration/"), parse_qs(urlsplit(path).query))
            )
            return status, answer

        return http_server(reply)

    serve.asked = asked
    return serve


@pytest.mark.parametrize(("arguments", "call", "answer"), CALLS, ids=[call for _, call, _ in CALLS])
def test_each_command_makes_its_call_and_shows_the_answer(fuota, server, arguments, call, answer):
    url = server(answer)
    result = fuota(*arguments, "--server", url, "--json")
    assert (result.code, [asked[1] for asked in server.asked]) == (0, [call])
    assert {name: result.events[0][name] for name in answer} == answer


def test_people_see_the_group_and_its_devices(fuota, server):
    result = fuota("group", "status", *IN_GROUP, "--server", server(GROUP))
    assert result.stdout.decode() == f"{ADDR}, class C, data rate 13, 927.5 MHz\n  {DEV}  Initializing\n"


def test_people_see_the_number_of_a_message(fuota, server):
    result = fuota("downlink", "send", DEV, "01", "--port", 230, "--server", server(SENT))
    assert result.stdout.decode() == "msgId 119: Success!\n"
    assert "FPort 230 is not an application's" in result.err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["downlink", "send", DEV, "010"], "odd number of hex digits"),
        (["downlink", "send", DEV[1:], "01"], "16 hexadecimal digits"),
        (["downlink", "send", DEV, "01", "--port", 0], "the nearest is 1"),
        (["downlink", "send", DEV, "01", "--port", 255], "the nearest is 254"),
        (["downlink", "clear", DEV], "exactly one of --msg-id and --all"),
        (["downlink", "clear", DEV, "--all", "--msg-id", 1], "exactly one of --msg-id and --all"),
        (["group", "setup", "--app-eui", APP], "exactly one of dev_euis and dev_tags"),
        (["group", "add", *IN_GROUP, "--dev-eui", DEV, "--tag", "x"], "exactly one of dev_euis and dev_tags"),
        (["group", "status", "BBBBBB0", "--app-eui", APP], "8 hexadecimal digits"),
    ],
)
def test_mistakes_are_refused_before_anything_is_sent(fuota, server, arguments, said):
    result = fuota(*arguments, "--server", server({}))
    assert (result.code, said in result.err, server.asked) == (2, True, []), result.err


def test_a_refusal_of_the_server_has_its_exit_code(fuota, server):
    assert fuota("group", "status", *IN_GROUP, "--server", server({"message": "no"}, 403)).code == 4
