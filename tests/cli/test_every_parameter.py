"""Options exist for all 105 parameters of the 20 calls, as --dry-run shows."""

from __future__ import annotations

import json
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

import pytest

CALLS = json.loads((Path(__file__).parents[1] / "vectors" / "senra_parameters.json").read_text())["calls"]
APP, APP2, EUI, ADDR = "AAAAAAAAAAAAAA01", "AAAAAAAAAAAAAA02", "123000000000ABC0", "BBBBBB01"
AES = "123AAAAAAAAAAAAAAAA000000000ABC0"
PLACE = ["--app-eui", APP, "--join-eui", APP2, "--contract-id", 1, "--profile-id", 2]
DETAILS = ["--lat", 1, "--lng", 2, "--metadata", "m", "--dev-type", "t"]
GROUP = [ADDR, "--app-eui", APP, "--type", "D2D"]
SESSION = ["--channel", 7, "--data-rate", 3, "--contract-id", 4, "--class", "B"]
DEVICES = (["--dev-eui", EUI], ["--tag", "a"])  # one or the other
ROW = f"dev_eui,app_key\n{EUI},{AES}\n"
IN_ROWS = {"app_key": AES, "nwk_key": AES, "lat": 1, "lng": 2, "tags": "a", "metadata": "m"}
IN_ROWS |= {"dev_type": "t", "dev_class": "B", "fw_ver": "1"}

# By call: command lines that together give all its parameters.
LINES = {
    "device/sendmsg": [
        [
            "downlink",
            "send",
            EUI,
            "01",
            "--port",
            2,
            "--confirmed",
            "--timeout-minutes",
            3,
            "--clear",
            "--class",
            "C",
            "--immediate",
        ]
    ],
    "device/sendmcastmsg": [["downlink", "multicast", ADDR, "01", "--gateway", EUI, "--port", 2]],
    "device/clearmsgs": [["downlink", "clear", EUI, "--msg-id", 1]],
    "device/register": [["device", "register", "-", *PLACE, "--tag", "a"]],
    "device/activate": [["device", "activate", "--dev-eui", EUI, *PLACE, "--tag", "a"]],
    "device/activateOne": [["device", "activate-one", EUI, *PLACE, *DETAILS, "--tag", "a"]],
    "device/deactivate": [["device", "deactivate", "--dev-eui", EUI, *PLACE]],
    "device/update": [
        [
            "device",
            "update",
            "--dev-eui",
            EUI,
            "--app-eui",
            APP,
            "--profile-id",
            2,
            "--tag",
            "a",
            "--tags-operation",
            "REPLACE",
        ]
    ],
    "device/csvExport": [
        [
            "device",
            "export",
            "--app-eui",
            APP,
            "--field",
            "all",
            "--state",
            "JOINED",
            "--psr-days",
            3,
            "--contract-id",
            1,
            "--dev-eui",
            EUI,
        ]
    ],
    "device/transfer": [
        [
            "device",
            "transfer",
            "--dev-eui",
            EUI,
            "--from-app-eui",
            APP,
            "--to-app-eui",
            APP2,
            "--contract-id",
            1,
            "--profile-id",
            2,
        ]
    ],
    "device/status": [["device", "task", "DevMgmtJobReq:X"]],
    "mcastTransfer": [
        [
            "transfer",
            "start",
            "-",
            "--app-eui",
            APP,
            *devices,
            *SESSION,
            "--redundancy",
            0.3,
            "--start-delay",
            9,
            "--interval-ms",
            4000,
            "--frag-size",
            48,
            "--frag-alg",
            "NB_TRANS",
            "--version",
            2,
            "--descriptor",
            "01020304",
            "--multi-package",
        ]
        for devices in DEVICES
    ],
    "mcastCancel": [
        ["transfer", "cancel", "--job-id", "J"],
        *(["transfer", "cancel", "--app-eui", APP, *devices] for devices in DEVICES),
    ],
    "mcastStatus": [["transfer", "status", "--job-id", "J"], ["transfer", "status", "--app-eui", APP]],
    "mcast/setup": [
        ["group", "setup", "--app-eui", APP, *devices, *SESSION, "--type", "D2D", "--periodicity", 5]
        for devices in DEVICES
    ],
    "mcast/addDevices": [["group", "add", *GROUP, *devices] for devices in DEVICES],
    "mcast/removeDevices": [["group", "remove", *GROUP, *devices] for devices in DEVICES],
    "mcast/status": [["group", "status", *GROUP]],
    "mcast/sendmsg": [["group", "send", *GROUP, "01", "--port", 2]],
    "mcast/delete": [["group", "delete", *GROUP]],
}


def requests(fuota, call: str, *more: str) -> list[dict]:
    stdin = b"image" if call == "mcastTransfer" else ROW.encode()
    shown = []
    for line in LINES[call]:
        result = fuota(*line, *more, "--server", "https://api.senraco.invalid", "--dry-run", "--json", stdin=stdin)
        assert result.code == 0, result.err
        shown.append(result.event("request"))
    return shown


def test_there_are_20_calls_with_105_parameters():
    assert list(LINES) == [call["call"] for call in CALLS]
    names = [row["name"] for call in CALLS for row in call["parameters"]]
    assert (len(CALLS), len([name for name in names if name != "Request Body"])) == (20, 105)


@pytest.mark.parametrize("call", CALLS, ids=lambda call: call["call"])
def test_every_parameter_has_an_option_and_nothing_else_is_sent(fuota, call):
    spelled = ("--other-spelling", "jobID") if call["call"] in ("mcastStatus", "mcastCancel") else ()
    shown = requests(fuota, call["call"], *spelled)
    sent = {name for request in shown for name, _ in parse_qsl(urlsplit(request["url"]).query)}
    sent |= {"Request Body"} if shown[0]["body"] and "file" in shown[0]["body"] else set()
    unlisted = (
        {"devEui"} if call["call"] == "device/activateOne" else set()
    )  # missing in the table, shown in the example
    assert sent == {row["name"] for row in call["parameters"]} | unlisted
    assert {(request["method"], urlsplit(request["url"]).path) for request in shown} == {
        (call["method"], f"/rest/integration/{call['call']}")
    }


@pytest.mark.parametrize("call", LINES)
def test_a_dry_run_needs_no_key_and_shows_none(fuota, call):
    for request in requests(fuota, call):
        assert request["headers"]["authorization"] == "[redacted]"
        assert AES not in json.dumps(request)
        assert "authorization2" in request["headers"] or call != "device/transfer"


@pytest.mark.parametrize(
    "line", [line for lines in LINES.values() for line in lines[:1]], ids=lambda line: " ".join(line[:2])
)
def test_a_dry_run_has_output_for_people(fuota, line):
    stdin = b"image" if line[:2] == ["transfer", "start"] else ROW.encode()
    shown = fuota(*line, "--dry-run", stdin=stdin).out.splitlines()
    assert shown[0].split(" ")[0] in ("GET", "POST")
    assert "authorization: [redacted]" in shown


def test_every_field_of_a_device_can_be_given_in_a_file(fuota):
    row = json.dumps([{"dev_eui": EUI, **IN_ROWS}]).encode()
    result = fuota(
        "device", "update", "-", "--app-eui", APP, "--tags-operation", "APPEND", "--dry-run", "--json", stdin=row
    )
    (sent,) = result.event("request")["body"]["data"]
    fields = {"devEui", "appKey", "nwkKey", "lat", "lng", "tags", "metadata", "devType", "devClass", "fwVer"}
    assert (set(sent), sent["appKey"], sent["nwkKey"]) == (fields, "[redacted]", "[redacted]")
