"""Sending the other spellings of names in requests."""

from __future__ import annotations

import json

import pytest

from fuota.errors import ParameterError
from fuota.network import SenraClient
from fuota.network.senra import OTHER_SPELLINGS

KEY = "AK2:0123456789abcdefghijABCDEFGHIJ0123456789"
EUI, APP, JOB = "123000000000ABC0", "AAAAAAAAAAAAAA01", "MCastXferJobReq:AAAAAAAAAAAAAA01"
SENT = {
    "mcastStatus": (lambda client: client.transfers.status(job_id=JOB), {"jobId": JOB}, {"jobID": JOB}),
    "mcastCancel": (lambda client: client.transfers.cancel(job_id=JOB), {"jobId": JOB}, {"jobID": JOB}),
    "device/clearmsgs": (lambda client: client.downlinks.clear(EUI), {"eui": EUI}, {"devEui": EUI}),
    "device/activateOne": (lambda client: client.devices.activate_one(EUI), {"devEui": EUI}, {"eui": EUI}),
}
ANSWER = {"jobId": JOB, "state": "Running"}


@pytest.mark.parametrize(("call", "usual", "other"), SENT.values(), ids=SENT)
def test_usual_names_are_sent_unless_others_are_requested(server, call, usual, other):
    server.play(ANSWER)
    server.play(ANSWER)
    call(SenraClient(server.url, KEY))
    call(SenraClient(server.url, KEY, other_spellings=OTHER_SPELLINGS))
    assert [request.query for request in server.received] == [usual, other]


def test_single_other_spelling_is_used_in_its_calls_only(server):
    client = SenraClient(server.url, KEY, other_spellings=["devEui"])
    client.downlinks.send(EUI, b"\1")
    server.play(ANSWER)
    client.transfers.status(job_id=JOB)
    client.devices.activate_one(EUI)
    assert [set(request.query) & {"eui", "devEui", "jobId", "jobID"} for request in server.received] == [
        {"devEui"},
        {"jobId"},
        {"devEui"},
    ]


def test_rows_of_an_update_use_the_other_spelling(server):
    for others in ([], ["fwVersion"]):
        server.play({"statusUrl": f"{server.url}/x?reqId=j"})
        client = SenraClient(server.url, KEY, other_spellings=others)
        client.devices.update([{"dev_eui": EUI, "fw_ver": "1.0"}], app_eui=APP)
    rows = [json.loads(request.body)["data"][0] for request in server.received]
    assert rows == [{"devEui": EUI, "fwVer": "1.0"}, {"devEui": EUI, "fwVersion": "1.0"}]


@pytest.mark.parametrize("others", [["jobId"], "jobID", [None]])
def test_unknown_spelling_is_refused(others):
    with pytest.raises(ParameterError, match="spelling"):
        SenraClient("https://api.senraco.io", KEY, other_spellings=others)
