"""The three FUOTA calls against a real HTTP server, parameter row by parameter row of the API reference."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fuota.errors import (
    AuthenticationError,
    BadRequestError,
    ImageError,
    MalformedAnswerError,
    NotFoundError,
    ParameterError,
    UnreachableError,
)
from fuota.network import SenraClient, TransferRequest

KEY = "AK2:0123456789abcdefghijABCDEFGHIJ0123456789"
APP = "AAAAAAAAAAAAAA01"
EUIS = ("123000000000ABC0", "123000000000ABC1")
JOB = "MCastXferJobReq:AAAAAAAAAAAAAA01"
STARTED = {"jobId": JOB, "responseMsg": "MCastXferJobReq job starting in: 00:01:59", "statusCode": 200}
CANCELLED = {"jobId": JOB, "responseMsg": "MCastXferJobReq job cancelled.", "statusCode": 200}
STATUS = {
    "jobId": JOB,
    "serverId": "string",
    "state": "Running",
    "startTime": 0,
    "endTime": 0,
    "removeTime": 0,
    "pctDone": 0,
    "username": "string",
    "result": "string",
    "acctId": 0,
    "operId": 0,
    "jobLauncherClsNm": "string",
}
LEAST = {"app_eui": APP, "dev_euis": EUIS, "start_delay_s": 120, "redundancy": 1.0}

VECTORS = Path(__file__).parents[1] / "vectors" / "senra_parameters.json"
SAID = {
    "tx_channel": 7, "tx_data_rate": 3, "contract_id": 4, "frag_alg": "NB_TRANS", "frag_pkg_ver": 2, "dev_class": "B",
    "millis_between_pkts": 4000, "descriptor": b"abcd", "use_multi_pkg": True, "max_frag_size": 48,
}  # fmt: skip
# Of each call, requests that say all its parameters between them: some of them exclude each other.
WHOLE = {
    "mcastTransfer": [
        ("start", {"image": b"x", **LEAST, **SAID, **who}) for who in ({}, {"dev_euis": None, "dev_tags": ["a"]})
    ],
    "mcastStatus": [("status", {"job_id": JOB}), ("status", {"app_eui": APP})],
    "mcastCancel": [
        ("cancel", {"job_id": JOB}),
        ("cancel", {"app_eui": APP, "dev_euis": EUIS}),
        ("cancel", {"app_eui": APP, "dev_tags": ["a"]}),
    ],
}


@pytest.mark.parametrize("name", WHOLE)
def test_every_parameter_of_the_tables_is_sent(server, name):
    """Send jobID of the tables, which is usually sent as jobId as in every example, on request."""
    (call,) = [entry for entry in json.loads(VECTORS.read_text())["calls"] if entry["call"] == name]
    transfers = SenraClient(server.url, KEY, other_spellings=["jobID"]).transfers
    for method, arguments in WHOLE[name]:
        server.play(STATUS)
        getattr(transfers, method)(**arguments)
    assert {(request.method, request.path) for request in server.received} == {
        (call["method"], f"/rest/integration/{name}")
    }
    sent = {parameter for request in server.received for parameter in request.query}
    sent |= {"Request Body"} if any(request.body for request in server.received) else set()
    assert sent == {row["name"] for row in call["parameters"]}


@pytest.fixture
def transfers(server):
    return SenraClient(server.url, KEY, backoff_ms=1).transfers


# --- mcastTransfer


def test_example_start_of_the_reference(server, transfers):
    server.play(STARTED)
    job = transfers.start(
        b"\x00firmware\r\n\xff",
        app_eui=APP,
        dev_euis=EUIS,
        dev_class="C",
        tx_channel=7,
        tx_data_rate=13,
        start_delay_s=120,
        redundancy=1.0,
        millis_between_pkts=4000,
        contract_id=20,
        file_name="patch-to_new.bin",
    )
    assert (job.job_id, job.message, job.raw) == (JOB, STARTED["responseMsg"], STARTED)
    (request,) = server.received
    assert (request.method, request.path) == ("POST", "/rest/integration/mcastTransfer")
    assert request.headers["authorization"] == KEY
    shown_in_the_reference = {
        "appEui": "AAAAAAAAAAAAAA01",
        "devEuis": "123000000000ABC0,123000000000ABC1",
        "devClass": "C",
        "txChnl": "7",
        "txDr": "13",
        "startDelaySecs": "120",
        "fragAlg": "FWD_ERR_CORR",
        "redundancy": "1.0",
        "millisBetweenPkts": "4000",
        "contractId": "20",
    }
    defaults = {"fragPkgVer": "1", "descriptor": "00000000", "useMultiPkg": "false", "maxFragSize": "0"}
    assert request.query == shown_in_the_reference | defaults
    assert "devEuis=123000000000ABC0,123000000000ABC1" in request.query_text


def test_the_request_body_is_one_multipart_part_called_file(server, transfers):
    server.play(STARTED)
    image = bytes(range(256)) * 40
    transfers.start(image, **LEAST, file_name="app.signed.bin")
    (part,) = server.received[0].parts
    assert part.get_param("name", header="content-disposition") == "file"
    assert part.get_filename() == "app.signed.bin"
    assert part.get_content_type() == "application/octet-stream"
    assert part.get_payload(decode=True) == image


@pytest.mark.parametrize(
    "row",  # argument, wire name, what is sent without the argument, value given, its spelling
    [
        ("app_eui", "appEui", APP, "aa-aa-aa-aa-aa-aa-aa-02", "AAAAAAAAAAAAAA02"),
        ("dev_euis", "devEuis", ",".join(EUIS), ["00:00:00:00:00:00:00:0a"], "000000000000000A"),
        ("start_delay_s", "startDelaySecs", "120", 1, "1"),
        ("tx_channel", "txChnl", None, 0, "0"),
        ("tx_data_rate", "txDr", None, 0, "0"),
        ("contract_id", "contractId", None, 123456, "123456"),
        ("frag_alg", "fragAlg", "FWD_ERR_CORR", "NB_TRANS", "NB_TRANS"),
        ("frag_pkg_ver", "fragPkgVer", "1", 2, "2"),
        ("dev_class", "devClass", "C", "B", "B"),
        ("redundancy", "redundancy", "1.0", 0.00001, "0.00001"),
        ("redundancy", "redundancy", "1.0", 0, "0.0"),
        ("millis_between_pkts", "millisBetweenPkts", "5000", 1, "1"),
        ("descriptor", "descriptor", "00000000", b"\x01\x02\xab\x04", "0102AB04"),
        ("descriptor", "descriptor", "00000000", "0102ab04", "0102AB04"),
        ("use_multi_pkg", "useMultiPkg", "false", True, "true"),
        ("max_frag_size", "maxFragSize", "0", 253, "253"),
    ],
)
def test_each_parameter_of_mcast_transfer_is_sent(server, transfers, row):
    argument, wire, default, given_value, spelled = row
    server.play(STARTED)
    server.play(STARTED)
    transfers.start(b"x", **LEAST)
    transfers.start(b"x", **{**LEAST, argument: given_value})
    plain, changed = (request.query for request in server.received)
    assert plain.get(wire) == default
    assert changed[wire] == spelled
    assert {name for name in changed if changed[name] != plain.get(name)} == {wire}, "another parameter changed too"


def test_tags_are_sent_instead_of_euis(server, transfers):
    server.play(STARTED)
    transfers.start(b"x", app_eui=APP, dev_tags=["north wing", "série+2"], start_delay_s=1, redundancy=0.5)
    assert server.received[0].query["devTags"] == "north wing,série+2"
    assert "devEuis" not in server.received[0].query


def test_send_is_the_same_call_as_start(server, transfers):
    server.play(STARTED)
    request = TransferRequest(**LEAST)
    assert transfers.send(request, b"x").job_id == JOB
    assert server.received[0].query == request.query()


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"app_eui": "AAAAAAAAAAAAAA0"}, "app_eui.*16 hex"),
        ({"app_eui": "AAAAAAAAAAAAAA0G"}, "app_eui.*16 hex"),
        ({"app_eui": None}, "app_eui must be a text, got None"),
        ({"dev_euis": None}, "exactly one of dev_euis and dev_tags, got none"),
        ({"dev_euis": []}, "exactly one of dev_euis and dev_tags, got none"),
        ({"dev_tags": ["a"]}, "got dev_euis, dev_tags"),
        ({"dev_euis": EUIS[0]}, "must be a list"),
        ({"dev_euis": [EUIS[0], EUIS[0].lower()]}, "twice"),
        ({"dev_euis": [EUIS[0], "short"]}, "dev_euis.*'short'"),
        ({"dev_euis": None, "dev_tags": ["a,b"]}, "comma"),
        ({"dev_euis": None, "dev_tags": [" "]}, "not empty"),
        ({"dev_euis": None, "dev_tags": ["a", "a"]}, "twice"),
        ({"start_delay_s": 0}, "start_delay_s.*nearest: 1"),
        ({"start_delay_s": 1.5}, "start_delay_s"),
        ({"start_delay_s": True}, "start_delay_s"),
        ({"tx_channel": -1}, "tx_channel.*nearest: 0"),
        ({"tx_data_rate": 16}, "tx_data_rate.*nearest: 15"),
        ({"contract_id": 0}, "contract_id.*nearest: 1"),
        ({"frag_alg": "FEC"}, "FWD_ERR_CORR"),
        ({"frag_pkg_ver": 3}, "frag_pkg_ver.*nearest: 2"),
        ({"frag_pkg_ver": 1.0}, "frag_pkg_ver"),
        ({"dev_class": "A"}, "dev_class must be one of B, C"),
        ({"redundancy": 1.01}, "redundancy.*nearest: 1"),
        ({"redundancy": -0.1}, "redundancy.*nearest: 0"),
        ({"redundancy": float("nan")}, "redundancy"),
        ({"redundancy": True}, "redundancy"),
        ({"redundancy": "0.5"}, "redundancy"),
        ({"millis_between_pkts": 0}, "millis_between_pkts.*nearest: 1"),
        ({"descriptor": b"\0\0\0"}, "descriptor.*4 bytes"),
        ({"descriptor": "0g000000"}, "descriptor.*4 bytes"),
        ({"descriptor": 5}, "descriptor"),
        ({"descriptor": 4}, "descriptor"),
        ({"use_multi_pkg": "false"}, "use_multi_pkg"),
        ({"max_frag_size": 254}, "max_frag_size.*nearest: 253"),
        ({"max_frag_size": -1}, "max_frag_size.*nearest: 0"),
        ({"file_name": "a/b.bin"}, "file_name"),
        ({"file_name": 'a"\r\n'}, "file_name"),
    ],
)
def test_refused_start_sends_nothing(server, transfers, changed, words):
    with pytest.raises(ParameterError, match=words):
        transfers.start(b"x", **{**LEAST, **changed})
    assert server.received == []


def test_an_empty_image_is_refused(server, transfers):
    with pytest.raises(ImageError, match="0 bytes"):
        transfers.start(b"", **LEAST)
    assert server.received == []


def test_a_request_cannot_be_changed_after_its_checks():
    with pytest.raises(dataclasses.FrozenInstanceError):
        TransferRequest(**LEAST).redundancy = 7


@given(redundancy=st.floats(0, 1), start_delay_s=st.integers(1, 10**9), descriptor=st.binary(min_size=4, max_size=4))
def test_numbers_in_the_query_have_the_same_value(redundancy, start_delay_s, descriptor):
    query = TransferRequest(
        **{**LEAST, "redundancy": redundancy, "start_delay_s": start_delay_s, "descriptor": descriptor}
    ).query()
    assert float(query["redundancy"]) == redundancy
    assert "e" not in query["redundancy"]
    assert int(query["startDelaySecs"]) == start_delay_s
    assert bytes.fromhex(query["descriptor"]) == descriptor


@pytest.mark.parametrize("limit", range(1000, 1018))
def test_message_of_a_long_url_has_the_number_of_devices_that_fit(server, limit):
    transfers = SenraClient(server.url, KEY, max_url_bytes=limit).transfers
    euis = [f"{number:016X}" for number in range(100)]
    with pytest.raises(ParameterError, match=r"entries of devEuis fit.*tags.*campaigns") as caught:
        transfers.start(b"x", **{**LEAST, "dev_euis": euis})
    fitting = int(str(caught.value).split(f"limit is {limit}: ")[1].split(" of the 100 ")[0])
    with pytest.raises(ParameterError):
        transfers.start(b"x", **{**LEAST, "dev_euis": euis[: fitting + 1]})
    assert server.received == []
    server.play(STARTED)
    transfers.start(b"x", **{**LEAST, "dev_euis": euis[:fitting]})
    assert len(server.received) == 1


def test_default_limit_of_the_url_accepts_900_devices_and_refuses_1000(server, transfers):
    euis = [f"{number:016X}" for number in range(1000)]
    server.play(STARTED)
    transfers.start(b"x", **{**LEAST, "dev_euis": euis[:900]})
    with pytest.raises(ParameterError, match="limit is 16000"):
        transfers.start(b"x", **{**LEAST, "dev_euis": euis})
    assert len(server.received) == 1


# --- mcastStatus


@pytest.mark.parametrize(
    ("by", "query"), [({"job_id": JOB}, {"jobId": JOB}), ({"app_eui": APP.lower()}, {"appEui": APP})]
)
def test_each_parameter_of_mcast_status_is_sent(server, transfers, by, query):
    server.play(STATUS)
    status = transfers.status(**by)
    (request,) = server.received
    assert (request.method, request.path, request.query) == ("GET", "/rest/integration/mcastStatus", query)
    assert request.headers["authorization"] == KEY
    assert (status.job_id, status.state, status.pct_done, status.finished) == (JOB, "Running", 0, False)
    assert (status.start_time_ms, status.end_time_ms, status.remove_time_ms) == (0, 0, 0)
    assert (status.server_id, status.username, status.result) == ("string", "string", "string")
    assert (status.acct_id, status.oper_id, status.job_launcher_cls_nm) == (0, 0, "string")
    assert status.raw == STATUS


@pytest.mark.parametrize(
    "by", [{}, {"job_id": JOB, "app_eui": APP}, {"job_id": ""}, {"job_id": "a b"}, {"app_eui": "1"}]
)
def test_refused_status_call_sends_nothing(server, transfers, by):
    with pytest.raises(ParameterError):
        transfers.status(**by)
    assert server.received == []


def test_status_is_requested_again_if_the_server_is_busy(server, transfers):
    server.play({"message": "Server is busy"}, status=500)
    server.play(STATUS)
    assert transfers.status(job_id=JOB).state == "Running"
    assert len(server.received) == 2


# --- mcastCancel


@pytest.mark.parametrize(
    ("by", "query"),
    [
        ({"job_id": JOB}, {"jobId": JOB}),
        ({"app_eui": APP, "dev_euis": EUIS}, {"appEui": APP, "devEuis": ",".join(EUIS)}),
        ({"app_eui": APP, "dev_tags": ["a", "b"]}, {"appEui": APP, "devTags": "a,b"}),
    ],
)
def test_each_parameter_of_mcast_cancel_is_sent(server, transfers, by, query):
    server.play(CANCELLED)
    job = transfers.cancel(**by)
    (request,) = server.received
    assert (request.method, request.path, request.query) == ("POST", "/rest/integration/mcastCancel", query)
    assert request.headers["authorization"] == KEY
    assert request.body == b""
    assert (job.job_id, job.message) == (JOB, "MCastXferJobReq job cancelled.")


@pytest.mark.parametrize(
    "by",
    [
        {},
        {"app_eui": APP},
        {"dev_euis": EUIS},
        {"job_id": JOB, "app_eui": APP},
        {"job_id": JOB, "dev_euis": EUIS},
        {"job_id": JOB, "dev_tags": ["a"]},
        {"app_eui": APP, "dev_euis": EUIS, "dev_tags": ["a"]},
        {"app_eui": APP, "dev_euis": []},
    ],
)
def test_refused_cancellation_sends_nothing(server, transfers, by):
    with pytest.raises(ParameterError):
        transfers.cancel(**by)
    assert server.received == []


# --- failures


@pytest.mark.parametrize(
    ("http_status", "body", "kind"),
    [
        (403, {"message": "Access to this resource was rejected due to an authorization issue."}, AuthenticationError),
        (200, {"jobId": JOB, "responseMsg": "Invalid request", "statusCode": 400}, BadRequestError),
        (404, {"message": "no such application"}, NotFoundError),
        (200, {"statusCode": 200, "responseMsg": "fine"}, MalformedAnswerError),
    ],
)
def test_each_failure_of_a_start_raises_its_error(server, transfers, http_status, body, kind):
    server.play(body, status=http_status)
    with pytest.raises(kind):
        transfers.start(b"x", **LEAST)
    assert len(server.received) == 1


def test_start_with_a_lost_answer_may_have_been_received(server, transfers):
    server.play(does="reset")
    with pytest.raises(UnreachableError) as caught:
        transfers.start(b"x", **LEAST)
    assert caught.value.maybe_received is True
    assert len(server.received) == 1


# --- the client


def test_the_client_does_not_show_its_key():
    client = SenraClient("https://api.senraco.io/", api_key=KEY)
    shown = repr(client) + repr(vars(client)) + repr(vars(client._http))
    assert "api.senraco.io" in shown
    assert KEY[4:] not in shown


def test_the_base_url_may_end_in_the_path_of_the_api(server):
    server.play(STATUS)
    SenraClient(f"{server.url}/rest/integration/", KEY).transfers.status(app_eui=APP)
    assert server.received[0].path == "/rest/integration/mcastStatus"


@pytest.mark.parametrize("key", ["", None])
def test_a_client_without_a_key_is_refused(key):
    with pytest.raises(ParameterError, match=r"(?i)api.key"):
        SenraClient("https://api.senraco.io", key)
