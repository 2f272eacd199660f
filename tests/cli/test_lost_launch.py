"""Launches whose answer is lost, and watches of campaigns that have ended, as a user sees them."""

from __future__ import annotations

import contextlib
import threading

import pytest
import requests

from fuota.campaign import CampaignState, Journal
from fuota.device import IMAGE_REPORT_FPORT, ImageReport
from fuota.errors import StorageError
from fuota.network import Uplink

APP = "02000000F0A00001"
JOB = f"MCastXferJobReq:{APP}"
DEVICE = "02000000F007A001"
ON_A_SERVER = ("--app-eui", APP, "--dev-eui", DEVICE, "--region", "EU868", "-y")
RUNNING = {"jobId": JOB, "state": "Running", "startTime": 1000, "endTime": 0, "pctDone": 20}
DONE = RUNNING | {"state": "Done", "endTime": 10_000_000, "pctDone": 100}


@pytest.fixture(autouse=True)
def short_pauses(monkeypatch):
    monkeypatch.setattr("fuota.campaign.sending.PAUSE_MS", 1)


class Script:
    """Server that loses the answer to the launch. statuses: answers to mcastStatus after the first, which is 404."""

    def __init__(self, *statuses) -> None:
        self.statuses, self.calls = [404, *statuses], []

    def __call__(self, method, path, headers, body):
        self.calls.append((method, path.partition("?")[0].rpartition("/")[2]))
        if method == "POST":
            return (200, {"jobId": JOB, "responseMsg": "cancelled"}) if "mcastCancel" in path else (503, {})
        answer = self.statuses.pop(0) if len(self.statuses) > 1 else self.statuses[0]
        answer = answer() if callable(answer) else answer
        return (answer, {}) if isinstance(answer, int) else (200, answer)

    def posts(self) -> list[str]:
        return [call for method, call in self.calls if method == "POST"]


def only_campaign(tmp_path):
    with contextlib.closing(Journal(tmp_path / "state")) as journal:
        (campaign,) = journal.campaigns()
        return campaign


def proof(campaign) -> Uplink:
    report = ImageReport(sha256=bytes.fromhex(campaign.image_sha256))
    return Uplink(dev_eui=DEVICE, port=IMAGE_REPORT_FPORT, pdu=report.to_bytes())


def post_proof(campaign, port: int) -> None:
    body = {"devEui": DEVICE, "port": IMAGE_REPORT_FPORT, "pdu": proof(campaign).pdu.hex()}
    requests.post(f"http://127.0.0.1:{port}/uplinks", json=body, timeout=10)


def test_a_job_found_after_a_lost_answer_may_be_somebody_elses(fuota, small_image, http_server, tmp_path, journal):
    script = Script(RUNNING)
    url = http_server(script)
    result = fuota("launch", small_image, "--server", url, *ON_A_SERVER, "--detach", "--json")
    assert result.code == 8
    assert "may be somebody else's" in result.err
    campaign = only_campaign(tmp_path)
    assert (campaign.state, campaign.job_id) == (CampaignState.LAUNCHED, JOB)

    refused = fuota("cancel", campaign.id)
    assert refused.code == 2
    assert "add --yes" in refused.complaint
    assert script.posts() == ["mcastTransfer"], "nothing is cancelled without a question"

    script.statuses = [DONE]
    assert fuota("watch", campaign.id).code == 8, "no device has proved whose job it was"
    journal.store_uplinks([proof(campaign)])
    assert fuota("watch", campaign.id).code == 0


def test_a_job_that_may_be_somebody_elses_is_cancelled_with_yes(fuota, small_image, http_server, tmp_path):
    script = Script(RUNNING)
    url = http_server(script)
    fuota("launch", small_image, "--server", url, *ON_A_SERVER, "--detach")
    assert fuota("cancel", only_campaign(tmp_path).id, "--yes").code == 0
    assert script.posts() == ["mcastTransfer", "mcastCancel"]


def test_a_second_launch_of_the_image_is_refused(fuota, small_image, http_server, tmp_path):
    script = Script(404)
    url = http_server(script)
    assert fuota("launch", small_image, "--server", url, *ON_A_SERVER).code == 8
    second = fuota("launch", small_image, "--server", url, *ON_A_SERVER)
    assert second.code == 3
    assert f"`fuota watch {only_campaign(tmp_path).id}` finds out; --again" in second.complaint
    assert fuota("launch", small_image, "--server", url, *ON_A_SERVER, "--again").code == 8
    assert script.posts() == ["mcastTransfer"] * 2


def test_the_receiver_goes_on_after_a_lost_answer(fuota, small_image, http_server, tmp_path, closed_port):
    script = Script()

    def report_once():
        if script.calls.count(("GET", "mcastStatus")) == 9:
            threading.Thread(target=lambda: post_proof(only_campaign(tmp_path), closed_port)).start()
        return 404

    script.statuses = [404, report_once]
    watching = ("--listen", f"127.0.0.1:{closed_port}", "--poll", 0.05)
    result = fuota("launch", small_image, "--server", http_server(script), *ON_A_SERVER, *watching, "--json")
    assert result.code == 0, "the report of the device proves that the server took the launch"
    assert result.event("verdict")["counts"]["updated"] == 1
    assert script.posts() == ["mcastTransfer"]


@pytest.mark.parametrize("failing", ["note", "set_state", "conclude", "count_uplinks"])
def test_a_journal_that_fails_after_the_launch_is_exit_code_8_with_the_job(
    fuota, small_image, http_server, monkeypatch, failing
):
    launched: list[bool] = []

    def fails(*_arguments, **_keywords):
        raise StorageError("the journal cannot be used: database or disk is full")

    def reply(method, path, headers, body):
        if method == "POST":
            launched.append(True)
            monkeypatch.setattr(Journal, failing, fails)
            return 200, {"jobId": JOB}
        return (200, DONE) if launched else (404, {})

    result = fuota("launch", small_image, "--server", http_server(reply), *ON_A_SERVER, "--json")
    assert (result.code, result.event("error")["code"]) == (8, 8)
    assert JOB in result.complaint
    assert "disk is full" in result.complaint
    assert "fuota watch" in result.complaint


# --- campaigns that have ended


@pytest.fixture
def small_image(tmp_path):
    path = tmp_path / "small.bin"
    path.write_bytes(bytes(range(100)))
    return path


FACTS = {
    "image_name": "app.bin",
    "image_sha256": "ab" * 32,
    "image_bytes": 500,
    "dev_euis": [DEVICE, "02000000F007A002"],
    "request": {"fragPkgVer": "1"},
    "expected": {"nb_frag": 10, "airtime_us": 40_000_000, "frames": 100},
}


@pytest.fixture
def recorded(journal):
    """Return a function that records a campaign with a state and an event of its history."""

    def record(end, what=None, **detail):
        campaign = journal.open_campaign(server="http://127.0.0.1:1", app_eui=APP, facts=FACTS)
        if what:
            journal.note(campaign.id, what, detail)
        return journal.set_state(campaign.id, CampaignState(end))

    return record


def test_an_ended_campaign_is_shown_as_it_ended(fuota, recorded):
    campaign = recorded(
        "finished", "ended", state="Done", pct_done=100, result="", start_time_ms=1, end_time_ms=2, failed=False
    )
    first = fuota("watch", campaign.id)
    assert "done 100 %, 0 uplinks" in first.err
    assert "0 %," not in first.err.replace("100 %,", "")
    again = fuota("watch", campaign.id, "--json")
    assert again.code == first.code == 8
    assert [event["event"] for event in again.events if event["event"] == "progress"] == [], "the verdict is recorded"


@pytest.mark.parametrize(
    ("state", "event", "words"),
    [
        ("cancelled", ("cancelled", {"message": "", "pct_done": 21}), "cancelled at 21%, about 8.4 s sent"),
        ("cancelled", ("cancelled", {"message": "", "pct_done": 0}), "cancelled, nothing sent"),
        ("cancelled", (None, {}), "how much was sent is unknown"),
        ("refused", (None, {}), "refused, nothing sent"),
    ],
)
def test_the_share_that_was_sent_is_shown(fuota, recorded, state, event, words):
    what, detail = event
    campaign = recorded(state, what, **detail)
    result = fuota("watch", campaign.id)
    assert "airtime: 40.0 s in 100 frames planned" in result.out
    assert words in " ".join(result.out.split())
    verdict = fuota("watch", campaign.id, "--json").event("verdict")
    sent = {"21%": (8_400_000, 21), "nothing": (0, 0), "unknown": (None, None)}
    expected = next(numbers for mark, numbers in sent.items() if mark in words)
    assert (verdict["airtime_us"], verdict["frames"]) == expected
    assert (verdict["planned_airtime_us"], verdict["planned_frames"]) == (40_000_000, 100)


def test_the_wait_for_reports_is_announced(fuota, http_server, journal):
    facts = FACTS | {"expected": FACTS["expected"] | {"duration_ms": 1000}}
    campaign = journal.open_campaign(server=http_server(lambda *_: (200, DONE)), app_eui=APP, facts=facts)
    campaign = journal.set_state(campaign.id, CampaignState.LAUNCHED, job_id=JOB)
    journal.store_uplinks([proof(campaign)])
    result = fuota("watch", campaign.id, "--reports", 0.2, "--poll", 0.05)
    assert "waiting up to 0.2 s for the next report: 1 of 2 devices updated, 1 to come" in result.err
