"""Commands `fuota device`, against a server that answers as in the API reference."""

from __future__ import annotations

import json
import os
import signal
from collections import deque
from urllib.parse import parse_qsl, urlsplit

import pytest

from tests.network.test_export import EXAMPLE

KEY = "AK2:zyxwvutsrqponmlkjihgfedcba9876543210ZYXW"
OTHER_KEY = "AK2:another.key.of.the.other.application"
APP, APP2 = "AAAAAAAAAAAAAA01", "AAAAAAAAAAAAAA02"
EUI0, EUI1, EUI2 = "123000000000ABC0", "123000000000ABC1", "123000000000ABC2"
AES = "123AAAAAAAAAAAAAAAA000000000ABC0"
UNKNOWN = f"DevEUI: {EUI1} has not been registered. The Device cannot be Activated on JoinEUI: {APP}."
OTAA_CSV = f'Dev EUI,App Key,Lat,Tags\n{EUI0},{AES},40.5,"a,b"\n{EUI1},{AES},,\n'
JOB = f"DevMgmtJobReq:{APP}"


def ended(state="DONE_SUC", errors=0, messages=(), **stats):
    result = {"status": "completed.", "msgs": list(messages), "stats": {**stats, "errors": errors}}
    return {"state": state, "result": result, "pctDone": 100}


class Account:
    """Server that starts tasks. tasks: their last states, in order. requests: what it received."""

    def __init__(self) -> None:
        self.requests = []
        self.tasks = deque()
        self.refusals = deque()
        self.reply_with = self.reply

    def answer(self, *request):
        return self.reply_with(*request)

    def reply(self, method, path, headers, body):
        url = urlsplit(path)
        call = url.path.removeprefix("/rest/integration/device/")
        self.requests.append((call, dict(parse_qsl(url.query)), json.loads(body or b"{}"), headers))
        if call == "status":
            return 200, self.tasks.popleft() if self.tasks else ended()
        if self.refusals and (refusal := self.refusals.popleft()):
            return refusal
        if call == "activateOne":
            return 200, {"message": "Device successfully Activated"}
        return 200, {"statusUrl": f"http://127.0.0.1/rest/integration/device/status?reqId={JOB}"}

    @property
    def calls(self):
        return [(call, query, body) for call, query, body, _ in self.requests if call != "status"]


@pytest.fixture
def account():
    return Account()


@pytest.fixture
def device(fuota, http_server, account, monkeypatch):
    monkeypatch.setenv("FUOTA_API_KEY", KEY)
    url = http_server(account.answer)
    return lambda *arguments, **how: fuota("device", *arguments, "--server", url, **how)


@pytest.fixture
def listed(tmp_path):
    path = tmp_path / "devices.csv"
    path.write_text(OTAA_CSV)
    return path


def saved_results(tmp_path):
    """Return the lines of the only file of results."""
    (path,) = (tmp_path / "state" / "tasks").iterdir()
    return [json.loads(line) for line in path.read_text().splitlines()]


# --- each call


def test_register_reads_csv(device, account, listed, tmp_path, monkeypatch):
    monkeypatch.setenv("FUOTA_REGISTRATION_TOKEN", "012345")
    callback = tmp_path / "callback.json"
    callback.write_text('{"url": "https://example.com/x", "headers": {"X-API-Key": "s3cret"}}')
    where = ("--app-eui", APP, "--join-eui", APP2, "--contract-id", 1, "--profile-id", 2, "--tag", "t1", "--tag", "t2")
    result = device("register", listed, *where, "--callback", callback)
    assert result.code == 0, result.err
    query = {"token": "012345", "appEui": APP, "joinEui": APP2, "contractId": "1", "profId": "2"}
    rows = [{"devEui": EUI0, "appKey": AES, "lat": 40.5, "tags": "a,b"}, {"devEui": EUI1, "appKey": AES}]
    body = {"data": rows, "callback": {"url": "https://example.com/x", "headers": {"X-API-Key": "s3cret"}}}
    assert account.calls == [("register", query | {"tags": "t1,t2", "actType": "OTAA"}, body)]
    assert result.out.startswith("2 done\n")
    assert not [secret for secret in (AES, "012345", "s3cret") if secret in result.out + result.err]


@pytest.mark.parametrize(
    "text",
    [
        json.dumps([{"devEui": EUI0, "devAddr": "00000001"}]),
        json.dumps({"data": [{"dev_eui": EUI0, "dev_addr": "00000001"}]}),
        json.dumps({"devEui": EUI0, "devAddr": "00000001"}) + "\n",
        f"\ufeffdevEui;devAddr\n{EUI0};00000001\n",
    ],
)
def test_register_reads_abp_devices_from_a_pipe(device, account, tmp_path, text):
    token = tmp_path / "token"
    token.write_text("123456\n")
    token.chmod(0o600)
    assert device("register", "-", "--token-file", token, stdin=text.encode()).code == 0
    ((call, query, body),) = account.calls
    assert (call, query) == ("register", {"token": "123456", "actType": "ABP"})
    assert body == {"data": [{"devEui": EUI0, "devAddr": "00000001"}]}


def test_activate_sends_the_details_for_each_dev_eui(device, account):
    details = ("--lat", 1.5, "--lng", -2, "--metadata", "roof", "--dev-type", "METER")
    assert device("activate", "--dev-eui", EUI0, "--dev-eui", EUI1, *details, "--app-eui", APP).code == 0
    row = {"lat": 1.5, "lng": -2, "metadata": "roof", "devType": "METER"}
    data = [{"devEui": EUI0, **row}, {"devEui": EUI1, **row}]
    assert account.calls == [("activate", {"appEui": APP}, {"data": data})]


def test_list_of_euis_and_export_are_lists_of_devices(device, account):
    """Columns that the call does not need are named and left out."""
    assert device("deactivate", "-", stdin=f"{EUI0}\n{EUI1.lower()}\n".encode()).code == 0
    result = device("deactivate", "-", stdin=EXAMPLE)
    assert "not used: Contract, Tags, State, Registration Date" in result.err
    assert [len(body["data"]) for _, _, body in account.calls] == [2, 3]
    assert account.calls[0][2] == {"data": [{"devEui": EUI0}, {"devEui": EUI1}]}


def test_activate_one_shows_the_message_of_the_server(device, account):
    result = device("activate-one", EUI0, "--app-eui", APP, "--lat", 1, "--tag", "a", "--tag", "b")
    assert (result.code, result.out) == (0, "Device successfully Activated\n")
    assert account.calls == [("activateOne", {"appEui": APP, "devEui": EUI0, "tags": "a,b", "lat": "1.0"}, {})]


def test_update_sends_details_and_columns(device, account):
    flags = ("--fw-ver", "1.1", "--class", "B", "--tag", "x", "--tags-operation", "APPEND", "--profile-id", 3)
    assert device("update", "--dev-eui", EUI0, "--app-eui", APP, *flags).code == 0
    text = f"dev_eui,nwk_key,dev_class\n{EUI0},{AES},CLASS_C\n"
    assert device("update", "-", "--app-eui", APP, stdin=text.encode()).code == 0
    query = {"appEui": APP, "profId": "3", "tagsOperation": "APPEND", "tags": "x"}
    assert account.calls[0] == ("update", query, {"data": [{"devEui": EUI0, "devClass": "CLASS_B", "fwVer": "1.1"}]})
    assert account.calls[1][2] == {"data": [{"devEui": EUI0, "nwkKey": AES, "devClass": "CLASS_C"}]}


def test_transfer_sends_both_keys(device, account, monkeypatch, tmp_path):
    where = ("--from-app-eui", APP, "--to-app-eui", APP2, "--contract-id", 5, "--profile-id", 6)
    monkeypatch.setenv("FUOTA_TO_API_KEY", OTHER_KEY)
    result = device("transfer", "--dev-eui", EUI0, *where)
    assert (result.code, OTHER_KEY in result.out + result.err) == (0, False)
    query = {"fromAppEui": APP, "toAppEui": APP2, "contractId": "5", "profId": "6"}
    assert account.calls == [("transfer", query, {"data": [{"devEui": EUI0}]})]
    headers = account.requests[0][3]
    assert (headers["authorization"], headers["authorization2"]) == (KEY, OTHER_KEY)
    monkeypatch.delenv("FUOTA_TO_API_KEY")
    assert device("transfer", "--dev-eui", EUI0, *where).code == 4


# --- results


def test_results_of_a_chunk_are_saved_before_the_next_chunk(device, account, tmp_path):
    account.tasks.extend([{"state": "RUNNING", "pctDone": 10}, ended(activated=2), ended(errors=0, activated=1)])
    euis = [word for dev_eui in (EUI0, EUI1, EUI2) for word in ("--dev-eui", dev_eui)]
    result = device("activate", *euis, "--chunk", 2, "--json")
    assert result.code == 0
    assert [len(body["data"]) for _, _, body in account.calls] == [2, 1]
    assert [event["event"] for event in result.events if event["event"] != "progress"] == ["result"]
    assert {
        "event": "progress",
        "what": f"{JOB}, chunk 1 of 2, 2 devices",
        "state": "RUNNING",
        "pct_done": 10,
    } in result.events
    assert result.event("result")["devices"] == {"done": 3}
    lines = saved_results(tmp_path)
    assert [(line["event"], line["chunk"]) for line in lines] == [
        ("started", 1),
        ("ended", 1),
        ("started", 2),
        ("ended", 2),
    ]
    assert (lines[0]["task"], lines[0]["dev_euis"]) == (JOB, [EUI0, EUI1])
    assert lines[1]["answer"]["result"]["stats"] == {
        "activated": 2,
        "errors": 0,
    }
    assert [device["fate"] for device in lines[3]["devices"]] == ["done"]


def test_task_with_errors_has_exit_code_6(device, account, tmp_path):
    account.tasks.append(ended(errors=1, messages=[UNKNOWN], activated=1))
    result = device("activate", "--dev-eui", EUI0, "--dev-eui", EUI1)
    assert result.code == 6
    assert result.out.splitlines() == [
        "1 done, 1 failed",
        "counts of the server: activated 1, errors 1",
        f"{EUI1}  failed: {UNKNOWN}",
    ]
    assert "results are in" in result.err
    assert {outcome["dev_eui"]: outcome["fate"] for outcome in saved_results(tmp_path)[-1]["devices"]} == {
        EUI0: "done",
        EUI1: "failed",
    }


def test_exit_code_is_3_for_none_done_and_8_for_unknown(device, account):
    account.tasks.append(ended(errors=1, messages=[UNKNOWN]))
    assert device("activate", "--dev-eui", EUI1).code == 3
    account.tasks.append(ended("DONE_FAIL"))
    result = device("activate", "--dev-eui", EUI0, "--dev-eui", EUI1)
    assert (result.code, result.out.splitlines()[0]) == (8, "2 unknown")
    assert "2 devices  unknown: the task ended as DONE_FAIL. completed." in result.out


def test_lost_answer_is_unknown_and_later_chunks_are_not_sent(device, account):
    account.refusals.extend([(500, {"message": "oops"})])
    result = device("activate", "--dev-eui", EUI0, "--dev-eui", EUI1, "--chunk", 1)
    assert (result.code, result.out.splitlines()[0]) == (8, "1 not sent, 1 unknown")
    assert "`fuota device task DevMgmtJobReq:APPEUI`" in result.err
    assert len(account.calls) == 1


@pytest.mark.parametrize(("status", "code"), [(400, 3), (403, 4), (404, 5)])
def test_refusal_has_its_exit_code_and_no_results(device, account, tmp_path, status, code):
    account.refusals.append((status, {"message": "no"}))
    result = device("activate", "--dev-eui", EUI0)
    assert (result.code, (tmp_path / "state" / "tasks").exists()) == (code, False)


def test_no_wait_shows_the_request_id(device, account):
    result = device("activate", "--dev-eui", EUI0, "--no-wait")
    assert (result.code, result.out) == (0, f"{JOB}\n")
    assert [call for call, *_ in account.requests] == ["activate"]
    assert device("activate", "--dev-eui", EUI0, "--no-wait", "--chunk", 5).code == 2


def test_task_that_does_not_end_in_time_is_unknown(device, account):
    account.tasks.append({"state": "RUNNING", "pctDone": 40})
    result = device("activate", "--dev-eui", EUI0, "--timeout", 0)
    assert result.code == 8
    assert "has not ended after 0 s (RUNNING, 40 % done)" in result.out


def test_ctrl_c_leaves_the_task_running_and_shows_its_id(device, account, tmp_path, monkeypatch):
    reply = account.reply

    def interrupted(method, path, headers, body):
        if "device/status" in path:
            os.kill(os.getpid(), signal.SIGINT)
        return reply(method, path, headers, body)

    account.tasks.extend([{"state": "RUNNING"}] * 9)
    account.reply_with = interrupted
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        result = device("activate", "--dev-eui", EUI0)
    finally:
        signal.signal(signal.SIGINT, before)
    assert (result.code, result.out) == (8, "")
    assert f"`fuota device task {JOB}`" in result.err
    assert [line["event"] for line in saved_results(tmp_path)] == ["started"]


def test_results_are_saved_in_the_named_file(device, tmp_path):
    path = tmp_path / "sub" / "r.jsonl"
    assert device("activate", "--dev-eui", EUI0, "--results", path).code == 0
    assert len(path.read_text().splitlines()) == 2
    assert device("activate", "--dev-eui", EUI0, "--results", tmp_path).code == 2


def test_keys_in_messages_of_the_server_are_not_saved(device, account, tmp_path):
    message = f"The AppKey for DevEUI: {EUI0} has been updated. Old AppKey: {AES} New AppKey: {AES}."
    account.tasks.append(ended(messages=[message], updated=1))
    result = device("activate", "--dev-eui", EUI0, "--json")
    assert result.code == 0
    assert AES not in result.out + result.err + json.dumps(saved_results(tmp_path))
    assert "has been updated" in result.event("device")["message"]


# --- task


@pytest.mark.parametrize(
    ("status", "code"),
    [
        (ended(activated=1), 0),
        (ended(errors=1), 6),
        (ended("DONE_FAIL"), 3),
    ],
)
def test_task_is_named_by_url_and_its_result_saved(device, account, tmp_path, status, code):
    account.tasks.append(status)
    result = device("task", f"http://127.0.0.1/rest/integration/device/status?reqId={JOB}", "--json")
    assert (result.code, result.event("task")["state"]) == (code, status["state"])
    assert account.requests[0][1] == {"reqId": JOB}
    assert saved_results(tmp_path) == [
        {"event": "task", "at": saved_results(tmp_path)[0]["at"], "task": JOB, "answer": status}
    ]


def test_running_task_is_shown_and_not_saved(device, account, tmp_path):
    running = {"state": "RUNNING", "pctDone": 40}
    account.tasks.extend([running, running])
    result = device("task", JOB, "--no-wait")
    assert (result.code, result.out) == (0, "RUNNING 40 %\n")
    assert device("task", JOB, "--timeout", 0).code == 8
    assert not (tmp_path / "state" / "tasks").exists()


# --- mistakes


@pytest.mark.parametrize(
    ("arguments", "text", "words"),
    [
        (["activate", "-"], f"{EUI0}\n{EUI0[:-1]}\n", "standard input, row 2: dev_eui must be"),
        (["activate", "-"], f"{EUI0}\n{EUI1}\n{EUI0}\n", f"standard input, row 3: {EUI0} is also row 1"),
        (["activate", "-"], "", "devices is empty"),
        (["activate", "-"], "Contract\n7\n", "possible: dev_eui, lat"),
        (["activate", "-"], "Dev EUI,Lat\n,7\n", "row 1: dev_eui is missing"),
        (["activate", "-"], f"dev_eui,lat\n{EUI0},north\n", "row 1: lat must be a number, -90 to 90, got 'north'"),
        (["activate", "-"], f"dev_eui\n{EUI0},1\n", "line 2: the row has 2 cells, the heading has 1"),
        (["activate", "-"], '[{"devEui": 5}]', "row 1: a value of type int stands where"),
        (["activate", "-"], "[5]", "row 1 must be an object or an EUI, got a value of type int"),
        (["activate", "-"], "[", "is not valid JSON"),
        (["activate", "-"], "{}\n{\n", "row 2 is not valid JSON"),
        (["activate", "-"], b"\xff", "not UTF-8 text"),
        (["activate"], "", "either in FILE or with --dev-eui"),
        (["activate", "-", "--dev-eui", EUI0], EUI1, "either in FILE or with --dev-eui"),
        (["activate", "-", "--dev-type", "X"], EUI1, "--dev-type goes with --dev-eui"),
        (["activate", "--dev-eui", EUI0, "--contract-id", 0], "", "contract_id"),
        (["activate", "--dev-eui", EUI0, "--chunk", 0], "", "chunk_devices"),
        (["activate", "--dev-eui", EUI0, "--timeout", -1], "", "timeout_s"),
        (["activate-one", EUI0[1:]], "", "16 hexadecimal digits"),
        (["update", "--dev-eui", EUI0, "--app-eui", APP, "--tag", "x"], "", "tags without tags_operation"),
        (["register", "-"], f"dev_eui,app_key\n{EUI0},{AES}\n", "no registration token"),
        (["export", "--psr-days", 32], "", "nearest: 31"),
        (["export", "--field", "colour"], "", "got 'colour'"),
        (["task", "a b"], "", "without white space"),
        (["task", "http://127.0.0.1/"], "", "no statusUrl with a reqId"),
    ],
)
def test_mistakes_are_refused_before_anything_is_sent(device, account, arguments, text, words):
    result = device(*arguments, stdin=text if isinstance(text, bytes) else text.encode())
    assert (result.code in (2, 5), words in result.err, account.requests) == (True, True, []), result.err


@pytest.mark.parametrize("key", [AES[:-1], AES + "0", f"{AES}x"])
def test_invalid_key_is_refused_with_its_row_but_not_shown(device, account, monkeypatch, key):
    monkeypatch.setenv("FUOTA_REGISTRATION_TOKEN", "012345")
    result = device("register", "-", stdin=f"dev_eui,app_key\n{EUI0},{AES}\n{EUI1},{key}\n".encode())
    assert (result.code, account.requests) == (2, [])
    assert "row 2: app_key must be an AES-128 key" in result.complaint
    assert f"got a text of {len(key)} characters" in result.complaint
    assert key not in result.err


@pytest.mark.parametrize("heading", ["", "dev_eui,key\n"])
def test_key_in_the_heading_or_in_an_unknown_column_is_not_shown(device, account, monkeypatch, heading):
    monkeypatch.setenv("FUOTA_REGISTRATION_TOKEN", "012345")
    result = device("register", "-", stdin=f"{heading}{EUI0},{AES}\n{EUI1},{AES}\n".encode())
    assert (result.code, account.requests, AES in result.err) == (2, [], False)


@pytest.mark.parametrize("text", ["[]", "{}", "[1]", "x", '{"url": 5}', '{"url": "https://e", "key": 1}'])
def test_invalid_callback_is_refused(device, account, listed, monkeypatch, tmp_path, text):
    monkeypatch.setenv("FUOTA_REGISTRATION_TOKEN", "012345")
    path = tmp_path / "callback.json"
    path.write_text(text)
    result = device("register", listed, "--callback", path)
    assert (result.code, "callback" in result.complaint, account.requests) == (2, True, [])
