"""Commands `fuota downlink` and `fuota group`, against a server that answers as in the API reference."""

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
    requests = []

    def serve(answer, status=200):
        def reply(method, path, headers, body):
            requests.append(
                (method, urlsplit(path).path.removeprefix("/rest/integration/"), parse_qs(urlsplit(path).query))
            )
            return status, answer

        return http_server(reply)

    serve.requests = requests
    return serve


@pytest.mark.parametrize(("arguments", "call", "answer"), CALLS, ids=[call for _, call, _ in CALLS])
def test_each_command_makes_its_call_and_shows_the_answer(fuota, server, arguments, call, answer):
    url = server(answer)
    result = fuota(*arguments, "--server", url, "--json")
    assert (result.code, [request[1] for request in server.requests]) == (0, [call])
    assert {name: result.events[0][name] for name in answer} == answer


def test_group_and_its_devices_are_shown(fuota, server):
    result = fuota("group", "status", *IN_GROUP, "--server", server(GROUP))
    assert result.stdout.decode() == f"{ADDR}, class C, data rate 13, 927.5 MHz\n  {DEV}  Initializing\n"


def test_large_group_is_summarised(fuota, server):
    devs = [{"devEui": f"{number:016X}", "state": "Failed" if number < 5 else "Initialized"} for number in range(300)]
    lines = fuota("group", "status", *IN_GROUP, "--server", server(GROUP | {"devs": devs})).out.splitlines()
    assert len(lines) == 22
    assert lines[-1] == "  and 280 more; in total 295 Initialized, 5 Failed"


def test_number_of_a_message_and_warning_of_its_port_are_shown(fuota, server):
    result = fuota("downlink", "send", DEV, "01", "--port", 230, "--server", server(SENT))
    assert result.stdout.decode() == "msgId 119: Success!\n"
    assert "FPort 230 is reserved" in result.err


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["downlink", "send", DEV, "010"], "an odd number"),
        (["downlink", "send", DEV[1:], "01"], "16 hexadecimal digits"),
        (["downlink", "send", DEV, "01", "--port", 0], "nearest: 1"),
        (["downlink", "send", DEV, "01", "--port", 255], "nearest: 254"),
        (["downlink", "clear", DEV], "exactly one of --msg-id and --all"),
        (["downlink", "clear", DEV, "--all", "--msg-id", 1], "exactly one of --msg-id and --all"),
        (["group", "setup", "--app-eui", APP], "exactly one of dev_euis and dev_tags"),
        (["group", "add", *IN_GROUP, "--dev-eui", DEV, "--tag", "x"], "exactly one of dev_euis and dev_tags"),
        (["group", "status", "BBBBBB0", "--app-eui", APP], "8 hexadecimal digits"),
    ],
)
def test_mistakes_are_refused_before_anything_is_sent(fuota, server, arguments, words):
    result = fuota(*arguments, "--server", server({}))
    assert (result.code, words in result.err, server.requests) == (2, True, []), result.err


def test_refusal_of_the_server_has_its_exit_code(fuota, server):
    assert fuota("group", "status", *IN_GROUP, "--server", server({"message": "no"}, 403)).code == 4


# --- lists from files

OTHER = "DEDEDEDEDEDEDE01"
MESSAGES = f"dev_eui,pdu,port,confirmed\n{DEV},01,10,true\n{OTHER},0203,,\n"


def test_messages_in_a_file_are_sent_one_after_the_other(fuota, server):
    url = server(SENT)
    result = fuota("downlink", "send", "--messages", "-", "--port", 7, "--server", url, stdin=MESSAGES.encode())
    assert (result.code, result.out) == (0, f"{DEV}  done  msgId 119: Success!\n{OTHER}  done  msgId 119: Success!\n")
    first, second = (query for _, _, query in server.requests)
    assert (first["eui"], first["port"], first["confirmed"]) == ([DEV], ["10"], ["true"])
    assert (second["pdu"], second["port"], second["confirmed"]) == (["0203"], ["7"], ["false"])


@pytest.mark.parametrize(("status", "code", "fate"), [(404, 3, "failed"), (400, 3, "failed"), (500, 8, "unknown")])
def test_a_refusal_is_the_device_s_own(fuota, server, status, code, fate):
    url = server({"message": "no"}, status)
    result = fuota("downlink", "send", "--messages", "-", "--server", url, "--json", stdin=MESSAGES.encode())
    assert (result.code, len(server.requests)) == (code, 2)
    assert [event["fate"] for event in result.events] == [fate, fate]


def test_refused_key_ends_the_command(fuota, server, closed_port):
    url = server({"message": "no"}, 403)
    result = fuota("downlink", "send", "--messages", "-", "--server", url, stdin=MESSAGES.encode())
    assert (result.code, result.out, len(server.requests)) == (4, "", 1)
    nobody = f"http://127.0.0.1:{closed_port}"
    assert fuota("downlink", "send", "--messages", "-", "--server", nobody, stdin=MESSAGES.encode()).code == 5


def test_queues_of_all_devices_in_a_file_are_cleared(fuota, server):
    url = server({"clearedIds": [7]})
    result = fuota("downlink", "clear", "--all", "--dev-file", "-", "--server", url, stdin=f"{DEV}\n{OTHER}\n".encode())
    assert (result.code, result.out) == (0, f"{DEV}  done  cleared: 7\n{OTHER}  done  cleared: 7\n")


@pytest.mark.parametrize(
    ("arguments", "name"),
    [
        (["group", "setup", "--app-eui", APP, "--dev-file", "-"], "devEuis"),
        (["group", "add", *IN_GROUP, "--dev-file", "-"], "devEuis"),
        (["group", "remove", *IN_GROUP, "--dev-file", "-"], "devEuis"),
        (["downlink", "multicast", ADDR, "01", "--gateway-file", "-"], "bstnEuis"),
    ],
)
@pytest.mark.parametrize(
    "text", [f"{DEV}\n{OTHER}\n", f'["{DEV}", "{OTHER}"]', f"State,Dev EUI\nJOINED,{DEV}\nJOINED,{OTHER}\n"]
)
def test_devices_are_read_from_a_file(fuota, server, arguments, name, text):
    url = server(GROUP | SENT)
    assert fuota(*arguments, "--server", url, stdin=text.encode()).code == 0
    assert server.requests[0][2][name] == [f"{DEV},{OTHER}"]


def test_devices_in_a_file_join_the_devices_of_dev_eui(fuota, server, sample):
    url = server({"jobId": "J", "responseMsg": "ok"})
    where = ("--app-eui", APP, "--dev-eui", DEV, "--dev-file", "-", "--server", url)
    for command in (("start", sample), ("cancel",)):
        assert fuota("transfer", *command, *where, stdin=OTHER.encode()).code == 0
    assert [query["devEuis"] for _, _, query in server.requests] == [[f"{DEV},{OTHER}"]] * 2


@pytest.mark.parametrize(
    ("arguments", "text", "words"),
    [
        (
            ["downlink", "send", "--messages", "-"],
            f"dev_eui,pdu\n{DEV},01\n{DEV},0\n",
            "standard input, row 2: pdu must be 0 to 242 bytes",
        ),
        (
            ["downlink", "send", "--messages", "-"],
            f"dev_eui,pdu,port\n{DEV},01,0\n",
            "row 1: port must be 1 to 254, got 0",
        ),
        (
            ["downlink", "send", "--messages", "-"],
            f"dev_eui,pdu,port\n{DEV},01,ten\n",
            "row 1: port must be a whole number",
        ),
        (
            ["downlink", "send", "--messages", "-"],
            f"dev_eui,pdu,timeout_minutes\n{DEV},01,-5\n",
            "row 1: timeout_minutes must be 1 or more, got -5",
        ),
        (["downlink", "send", "--messages", "-"], f"dev_eui\n{DEV}\n", "row 1: pdu is missing"),
        (["downlink", "send", "--messages", "-"], "dev_eui,pdu\n", "messages is empty"),
        (["downlink", "send", "--messages", "-", DEV], MESSAGES, "a device and its payload, or --messages"),
        (["downlink", "send", DEV], "", "a device and its payload, or --messages"),
        (["downlink", "clear", "--dev-file", "-", "--msg-id", 1], DEV, "--dev-file with --all"),
        (["downlink", "clear", "--all"], "", "either a device, or --dev-file"),
        (["downlink", "multicast", ADDR, "01"], "", "bstn_euis is empty"),
        (
            ["group", "setup", "--app-eui", APP, "--dev-file", "-"],
            f"{DEV}\n{DEV[1:]}\n",
            "standard input, row 2: dev_eui",
        ),
        (["group", "setup", "--app-eui", APP, "--dev-file", "-"], f"{DEV}\n{DEV}\n", f"row 2: {DEV} is also row 1"),
        (["group", "setup", "--app-eui", APP, "--dev-eui", DEV, "--dev-file", "-"], DEV, f"{DEV!r} twice"),
    ],
)
def test_mistakes_in_a_file_are_refused_with_their_row(fuota, server, arguments, text, words):
    result = fuota(*arguments, "--server", server({}), stdin=text.encode())
    assert (result.code, words in result.err, server.requests) == (2, True, []), result.err


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--start-delay", -1], "start_delay_s must be 1 or more, got -1 (nearest: 1)"),
        (["--interval-ms", 0], "millis_between_pkts must be 1 or more"),
        (["--redundancy", 1.1], "redundancy must be 0 to 1, got 1.1"),
        (["--frag-size", 254], "max_frag_size must be 0 to 253, got 254"),
        (["--descriptor", "0"], "descriptor must be 4 bytes"),
        (["--dev-eui", DEV[1:]], "16 hexadecimal digits"),
        (["--dev-eui", DEV, "--dev-eui", DEV], "twice"),
        (["--dev-eui", DEV, "--tag", "x"], "exactly one of dev_euis and dev_tags"),
        ([], "exactly one of dev_euis and dev_tags"),
    ],
)
def test_transfer_with_wrong_options_is_refused(fuota, server, sample, options, words):
    who = [] if not options or "--dev-eui" in options else ["--dev-eui", DEV]
    result = fuota("transfer", "start", sample, "--app-eui", APP, *who, *options, "--server", server({}))
    assert (result.code, words in result.err, server.requests) == (2, True, []), result.err
