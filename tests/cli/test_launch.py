"""fuota launch in the sandbox of this process and on servers that refuse it; exit codes."""

from __future__ import annotations

import contextlib
import subprocess
import sys
import time

import pytest

from fuota.campaign import CampaignState, Journal, conclusion_of
from fuota.cli.exits import code_of
from fuota.device import IMAGE_REPORT_FPORT, DeviceReport, ImageReport, Outcome, Verdict
from fuota.network import Uplink

APP = "AAAAAAAAAAAAAA01"
JOB = f"MCastXferJobReq:{APP}"
ON_A_SERVER = ("--app-eui", APP, "--tag", "north", "--region", "EU868")
SHORT = ("--region", "US915", "-d", 13, "-r", 0.5)
"""Without a duty cycle, the transfer of a small image takes less than a second."""


@pytest.fixture
def small(tmp_path):
    path = tmp_path / "small.bin"
    path.write_bytes(b"a small firmware\0" * 20)
    return path


def campaigns(tmp_path):
    journal = Journal(tmp_path / "state")
    recorded = journal.campaigns()
    journal.close()
    return recorded


def exit_code(verdict, *, population, target, state=CampaignState.FINISHED):
    return code_of(conclusion_of(verdict, population=population, target=target, state=state))


# --- in the sandbox


def test_a_launch_without_a_server_goes_to_virtual_devices(fuota, small, tmp_path):
    result = fuota("launch", small, "--speed", "max", "--devices", 3, "--loss", "0", "--json")
    assert result.code == 0
    launched, verdict = result.event("launched"), result.event("verdict")
    # DR0 is the data rate of RX2 in EU868: fragments of 48 bytes. Devices that lose nothing need no coded fragments.
    assert (launched["data_rate"], launched["nb_frag"], launched["nb_coded"]) == (0, 8, 0)
    assert verdict["counts"] == {outcome: 3 if outcome == "updated" else 0 for outcome in map(str, Outcome)}
    (campaign,) = campaigns(tmp_path)
    assert (campaign.id, campaign.state, campaign.image_name) == (launched["campaign"], "finished", "small.bin")
    assert len(campaign.dev_euis) == 3


def test_every_option_of_the_transfer_reaches_the_server(fuota, small, tmp_path):
    # The sub-band of channel 2 (868.5 MHz) has a duty cycle of 1 %, and a frame takes some 0.4 s.
    options = "-r 0.3 --start-delay 77 --interval-ms 45678 -d 3 --channel 2 -s 50 --version 2 --descriptor 01020304"
    result = fuota("launch", "-", *options.split(), "--speed", "max", "--devices", 1, "--loss", 0, stdin=b"\xa5" * 500)
    assert result.code == 0
    (campaign,) = campaigns(tmp_path)
    assert campaign.image_name == "image.bin"
    assert {name: value for name, value in campaign.request.items() if name not in ("appEui", "devEuis")} == {
        "startDelaySecs": "77",
        "txChnl": "2",
        "txDr": "3",
        "fragAlg": "FWD_ERR_CORR",
        "fragPkgVer": "2",
        "devClass": "C",
        "redundancy": "0.3",
        "millisBetweenPkts": "45678",
        "descriptor": "01020304",
        "useMultiPkg": "false",
        "maxFragSize": "50",
    }


@pytest.mark.slow
def test_a_launch_that_updates_some_devices_is_partial(fuota, small):
    # With losses spread this wide, the coded fragments are enough for some devices only.
    wide = ("launch", small, "-s", 6, "-r", 0.5, "--speed", "max", "--devices", 14, "--loss", "0-0.9", "--json")
    partial = fuota(*wide)
    assert 0 < partial.event("verdict")["counts"]["updated"] < 14
    assert partial.code == 6
    assert {event["outcome"] for event in partial.events if event["event"] == "device"} > {"updated"}


@pytest.mark.slow
def test_a_launch_that_updates_no_device_is_below_the_target(fuota, small):
    lossy = fuota("launch", small, "-s", 6, "-r", 0, "--speed", "max", "--devices", 4, "--loss", "0.4")
    assert lossy.code == 1
    assert "fragments missing: " in lossy.out


@pytest.mark.parametrize(
    ("updated", "others", "target", "code"),
    [
        (10, 0, None, 0),
        (9, 1, None, 6),
        (0, 10, None, 1),
        (9, 1, 0.9, 0),
        (8, 2, 0.9, 1),
        (0, 10, 0.9, 1),
        (0, 10, 0.0, 0),
        (55, 45, 0.55, 0),  # 0.55 * 100 is more than 55 in floating point
        (7, 93, 0.07, 0),
        (54, 46, 0.55, 1),
    ],
)
def test_exit_codes_of_a_verdict(updated, others, target, code):
    outcomes = [Outcome.UPDATED] * updated + [Outcome.INCOMPLETE] * others
    verdict = Verdict(sha256="", devices=tuple(DeviceReport(dev_eui="", outcome=outcome) for outcome in outcomes))
    assert exit_code(verdict, population=verdict.targeted, target=target) == code
    assert exit_code(verdict, population=verdict.targeted, target=target, state=CampaignState.CANCELLED) == 7


def test_a_verdict_without_reports_is_unknown():
    silent = Verdict(sha256="", devices=(DeviceReport(dev_eui=""),))
    assert exit_code(silent, population=1, target=0.0) == 8
    assert exit_code(Verdict(sha256="", devices=()), population=None, target=None) == 8


@pytest.mark.parametrize(
    ("population", "target", "code"), [(None, 0.5, 8), (3, None, 0), (4, None, 6), (4, 0.75, 0), (5, 0.75, 1)]
)
def test_with_tags_devices_that_never_reported_count_as_not_updated(population, target, code):
    reports = tuple(DeviceReport(dev_eui=str(i), outcome=Outcome.UPDATED) for i in range(3))
    assert exit_code(Verdict(sha256="", devices=reports), population=population, target=target) == code


@pytest.mark.slow
def test_the_same_seed_makes_the_same_fleet(fuota, small):
    def received(seed: int) -> dict[str, int]:
        """Return the fragments received, for the devices that sent a status before they proved which image they run."""
        recipe = ("-d", 5, "-s", 6, "-r", 1, "--speed", "max", "--devices", 8, "--loss", "0.2", "--seed", seed)
        devices = [event for event in fuota("launch", small, *recipe, "--json").events if event["event"] == "device"]
        return {device["dev_eui"]: device["received"] for device in devices if device["received"] is not None}

    first, again, another = received(3), received(3), received(4)
    assert all(first[dev_eui] == again[dev_eui] for dev_eui in first.keys() & again.keys())
    assert any(first[dev_eui] != another[dev_eui] for dev_eui in first.keys() & another.keys())


@pytest.fixture
def half_done(tmp_path):
    """Id of a campaign that has ended, and that one of its two devices has proved."""
    journal = Journal(tmp_path / "state")
    facts = {
        "image_name": "app.bin",
        "image_sha256": "ab" * 32,
        "image_bytes": 500,
        "dev_euis": ["000000000000000A", "000000000000000B"],
        "request": {"fragPkgVer": "1"},
        "expected": {"nb_frag": 10, "airtime_us": 1_500_000, "frames": 15},
    }
    campaign = journal.open_campaign(server="http://127.0.0.1:1", app_eui=APP, facts=facts)
    journal.set_state(campaign.id, CampaignState.FINISHED)
    proof = ImageReport(sha256=bytes.fromhex("ab" * 32)).to_bytes()
    journal.store_uplinks([Uplink(dev_eui="000000000000000B", port=IMAGE_REPORT_FPORT, pdu=proof)])
    journal.close()
    return campaign.id


@pytest.mark.parametrize(("target", "code"), [([], 6), (["--target", 0.5], 0), (["--target", 0.51], 1)])
def test_a_campaign_that_has_ended_is_watched_without_its_server(fuota, half_done, target, code):
    result = fuota("watch", half_done, *target)
    assert result.code == code
    rows = [line.split() for line in result.out.splitlines()]
    assert ["updated", "1", "abababababababab…", "the", "image", "sent"] in rows
    assert ["silent", "1", "not", "reported"] in rows
    assert "airtime 1.5 s in 15 frames" in result.out


@pytest.mark.parametrize(
    ("recorded", "options", "code"),
    [
        ({}, [], 8),
        ({"expect": 2}, [], 6),
        ({"expect": 1}, [], 0),
        ({"expect": 2, "target": 0.5}, [], 0),
        ({"expect": 2, "target": 0.9}, [], 1),
        ({"expect": 2, "target": 0.9}, ["--target", 0.5], 0),
        ({"expect": 1}, ["--expect", 4, "--target", 0.5], 1),
    ],
)
def test_watch_uses_what_the_launch_recorded(fuota, tmp_path, recorded, options, code):
    facts = {
        "image_name": "app.bin",
        "image_sha256": "ab" * 32,
        "image_bytes": 500,
        "dev_euis": [],
        "request": {"fragPkgVer": "1", "devTags": "north"},
        "expected": {"nb_frag": 10, "airtime_us": 1_500_000, "frames": 15},
    }
    with contextlib.closing(Journal(tmp_path / "state")) as journal:
        campaign = journal.open_campaign(server="http://127.0.0.1:1", app_eui=APP, facts=facts | recorded)
        journal.set_state(campaign.id, CampaignState.FINISHED)
        proof = ImageReport(sha256=bytes.fromhex("ab" * 32)).to_bytes()
        journal.store_uplinks([Uplink(dev_eui="000000000000000B", port=IMAGE_REPORT_FPORT, pdu=proof)])
    assert fuota("watch", campaign.id, *options).code == code


def test_watch_loads_neither_the_engine_nor_the_sandbox(half_done, tmp_path):
    script = f"""
import sys
from fuota.cli import main
try:
    main(["watch", {half_done!r}, "--state-dir", {str(tmp_path / "state")!r}, "--json"])
except SystemExit:
    print([name for name in ("numba", "numpy", "fastapi", "fuota.sandbox", "fuota.planning") if name in sys.modules])
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


# --- refused before anything is sent


@pytest.mark.parametrize("where", [(), ("--server", "http://127.0.0.1:1", *ON_A_SERVER)], ids=["sandbox", "server"])
@pytest.mark.parametrize(
    ("arguments", "content", "refusal"),
    [
        ([], b"", (3, "(empty)")),
        (["-d", "5", "-s", "1", "-r", "0"], bytes(range(256)) * 64, (3, "16383")),
        (["-d", "0", "-s", "49"], b"\xa5", (3, "49")),
        (["-d", "8"], b"\xa5", (3, "uplinks only")),
        (["-r", "1.5"], b"\xa5", (2, "redundancy must be 0 to 1")),
        (["--descriptor", "zz"], b"\xa5", (2, "descriptor must be 4 bytes")),
        (["--region", "EU00"], b"\xa5", (2, "EU00")),
        (["--start-delay", "0"], b"\xa5", (2, "start_delay_s")),
        (["--poll", "inf"], b"\xa5", (2, "inf is not in the range")),
        (["--target", "1.1"], b"\xa5", (2, "1.1 is not in the range")),
    ],
)
def test_a_refused_launch_prints_one_line_and_leaves_no_campaign(fuota, tmp_path, where, arguments, content, refusal):
    code, words = refusal
    result = fuota("launch", "-", *where, *arguments, "--json", stdin=content)
    assert (result.code, result.event("error")["code"]) == (code, code)
    assert words in result.complaint
    assert result.err.count("\n") == 1, "one line, and nothing was sent"
    assert campaigns(tmp_path) == []


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--app-eui", APP], "name the server with --server"),
        (["--tag", "north"], "name the server with --server"),
        (["--server", "http://127.0.0.1:1"], "--app-eui is required"),
        (["--server", "http://127.0.0.1:1", "--app-eui", APP], "--region is required"),
        (
            ["--server", "http://127.0.0.1:1", "--app-eui", APP, "--region", "EU868"],
            "exactly one of dev_euis and dev_tags",
        ),
        (["--server", "http://127.0.0.1:1", *ON_A_SERVER, "--listen", "8381"], "--listen must be HOST:PORT"),
        (["--server", "http://192.0.2.1", *ON_A_SERVER, "--api-key-command", "echo k"], "must be https"),
        (["--server", "nonsense", *ON_A_SERVER, "--api-key-command", "echo k"], "neither a URL such as https://"),
    ],
)
def test_a_launch_without_a_valid_server_or_devices_is_exit_code_2(fuota, small, arguments, words):
    result = fuota("launch", small, *arguments)
    assert result.code == 2
    assert words in result.complaint


@pytest.mark.parametrize("command", [["demo"], ["launch", "-"], ["watch", "x"], ["cancel", "x"]])
def test_a_state_folder_that_cannot_be_written_is_exit_code_2(fuota, tmp_path, command):
    (tmp_path / "file").write_text("in the way")
    result = fuota(*command, "--state-dir", tmp_path / "file" / "state", "--json", stdin=b"image")
    assert (result.code, result.event("error")["code"]) == (2, 2)
    assert f"the journal {tmp_path / 'file' / 'state' / 'journal.sqlite'} cannot be used" in result.complaint


@pytest.mark.parametrize("command", ["watch", "cancel"])
def test_an_unknown_campaign_is_exit_code_2(fuota, command):
    result = fuota(command, "20200101-000000")
    assert result.code == 2
    assert "campaign '20200101-000000' is not in" in result.complaint


# --- on a server


def test_progress_is_shown_only_when_it_changes(fuota, small, http_server):
    states = ["Queued"] * 3 + ["Running"] * 4
    statuses = iter([(404, {}), *((200, {"jobId": JOB, "state": state, "pctDone": 0}) for state in states)])

    def reply(method, path, headers, body):
        if "mcastTransfer" in path:
            return 200, {"jobId": JOB}
        return next(statuses, (200, {"jobId": JOB, "state": "Done"}))

    begun_s = time.monotonic()
    result = fuota("launch", small, "--server", http_server(reply), *ON_A_SERVER, "--poll", 0.05, "--json")
    assert time.monotonic() - begun_s < 15, "seven polls, 50 ms apart"
    assert [event["state"] for event in result.events if event["event"] == "progress"] == ["Queued", "Running", "Done"]
    assert result.code == 8


@pytest.mark.slow
def test_a_late_job_is_reported_once(fuota, small, http_server, monkeypatch):
    monkeypatch.setattr("fuota.campaign.lateness.LATE_MS", 300)
    statuses = iter([(404, {})] + [(200, {"jobId": JOB, "state": "Running", "pctDone": 40})] * 60)

    def reply(method, path, headers, body):
        if "mcastTransfer" in path:
            return 200, {"jobId": JOB}
        return next(statuses, (200, {"jobId": JOB, "state": "Done", "pctDone": 100}))

    how = ("--poll", 0.05, "--start-delay", 1, *SHORT, "--json")
    result = fuota("launch", small, "--server", http_server(reply), *ON_A_SERVER, *how, "--reports", 0.1)
    late = [(event["state"], event["pct_done"]) for event in result.events if event["event"] == "late"]
    assert late == [("Running", 40)]
    assert "should have ended 0 minutes after its launch; the server reports it as running at 40 %" in result.err


@pytest.mark.slow
def test_a_job_that_ends_in_time_is_not_reported_as_late(fuota, small, http_server, monkeypatch):
    monkeypatch.setattr("fuota.campaign.lateness.LATE_MS", 0)  # and the reports are awaited beyond that
    statuses = iter([(404, {})] + [(200, {"jobId": JOB, "state": "Running", "pctDone": 40})] * 2)

    def reply(method, path, headers, body):
        if "mcastTransfer" in path:
            return 200, {"jobId": JOB}
        return next(statuses, (200, {"jobId": JOB, "state": "Done", "pctDone": 100}))

    how = ("--start-delay", 1, *SHORT, "--json", "--reports", 1.5)
    result = fuota("launch", small, "--server", http_server(reply), *ON_A_SERVER, "--poll", 0.05, *how)
    assert result.event("launched")["duration_ms"] < 1000
    assert not [event for event in result.events if event["event"] == "late"]


# --- the server refuses or does not answer


def test_a_wrong_key_is_exit_code_4_and_nothing_is_posted(fuota, small, http_server, tmp_path):
    methods = []

    def reply(method, path, headers, body):
        methods.append(method)
        return 403, {"responseMsg": "Access to this resource was rejected"}

    result = fuota("launch", small, "--server", http_server(reply), *ON_A_SERVER, "--json")
    assert (result.code, result.event("error")["code"]) == (4, 4)
    assert "Access to this resource was rejected" in result.complaint
    assert (methods, campaigns(tmp_path)) == (["GET"], [])


@pytest.mark.parametrize("command", ["launch", "start", "status", "cancel"])
def test_a_server_that_is_not_there_is_exit_code_5(fuota, small, closed_port, command):
    commands = {
        "launch": ["launch", small, *ON_A_SERVER],
        "start": ["transfer", "start", small, "--app-eui", APP, "--tag", "north"],
        "status": ["transfer", "status", "--app-eui", APP],
        "cancel": ["transfer", "cancel", "--job-id", "job"],
    }
    result = fuota(*commands[command], "--server", f"http://127.0.0.1:{closed_port}", "--json")
    assert (result.code, result.event("error")["code"]) == (5, 5)
    assert "Connection refused" in result.complaint
    assert "The request never reached it" in result.complaint


def test_a_launch_on_a_real_server_without_a_key_is_exit_code_4(fuota, small):
    result = fuota("launch", small, "--server", "https://api.invalid", *ON_A_SERVER)
    assert result.code == 4
    assert "no API key: set FUOTA_API_KEY" in result.complaint


def test_a_busy_application_is_exit_code_3(fuota, small, http_server):
    server = http_server(lambda *_: (200, {"jobId": JOB, "state": "Running", "pctDone": 12}))
    result = fuota("launch", small, "--server", server, *ON_A_SERVER)
    assert result.code == 3
    assert f"{JOB} is Running (12 %)" in result.complaint


@pytest.mark.parametrize("command", [["launch"], ["transfer", "start"]])
def test_a_lost_answer_without_a_job_is_exit_code_8(fuota, small, http_server, tmp_path, monkeypatch, command):
    monkeypatch.setattr("fuota.campaign.sending.PAUSE_MS", 1)
    methods = []

    def reply(method, path, headers, body):
        methods.append(method)
        return 404 if methods == ["GET"] else 500, {}

    where = [word for word in ON_A_SERVER if command == ["launch"] or word not in ("--region", "EU868")]
    result = fuota(*command, small, "--server", http_server(reply), *where, "--json")
    assert (result.code, result.event("error")["code"]) == (8, 8)
    assert methods.count("POST") == 1
    if command == ["launch"]:
        (campaign,) = campaigns(tmp_path)
        assert (campaign.state, f"fuota watch {campaign.id}" in result.complaint) == ("intended", True)
    else:
        assert f"fuota transfer status --app-eui {APP}" in result.complaint
