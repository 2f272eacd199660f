"""A transfer is started at most once and is never forgotten, even if answers are lost."""

from __future__ import annotations

import hashlib
import sqlite3
from contextlib import closing

import pytest

from fuota.campaign import CampaignState, Journal, cancel
from fuota.campaign.sending import Shipment, send_once
from fuota.device import IMAGE_REPORT_FPORT, ImageReport
from fuota.errors import (
    AuthenticationError,
    BadRequestError,
    FuotaError,
    MalformedAnswerError,
    OutcomeUnknownError,
    ParameterError,
    PlanError,
    RefusedError,
    ServerFault,
    StorageError,
    UnreachableError,
)
from fuota.network import TransferRequest, Uplink

KEY = "AK2:0123456789abcdefghijABCDEFGHIJ0123456789"
APP = "AAAAAAAAAAAAAA01"
JOB = f"MCastXferJobReq:{APP}"
CUT = None
STARTED = {"jobId": JOB, "responseMsg": "MCastXferJobReq job starting in: 00:04:00", "statusCode": 200}
IMAGE = bytes(range(200)) * 5
EXPECTED = {"nb_frag": 21, "frames": 32}
REQUEST = TransferRequest(app_eui=APP, dev_euis=["00-00-00-00-00-00-00-0a"], start_delay_s=240, redundancy=0.5)

LOST_ANSWERS = {
    "cut off": (CUT, UnreachableError),
    "server fault": (500, ServerFault),
    "bad gateway": (502, ServerFault),
    "no job named": ({"statusCode": 200}, MalformedAnswerError),
}
losing = pytest.mark.parametrize(("answer", "error"), LOST_ANSWERS.values(), ids=LOST_ANSWERS)


@pytest.fixture
def pauses() -> list[int]:
    return []


@pytest.fixture
def start(client, journal, server, pauses):
    shipment = Shipment(image=IMAGE, request=REQUEST, server=server.url, expected=EXPECTED)

    def started():
        return send_once(client, journal, shipment, sleep=pauses.append)

    return started


def events_of(journal: Journal) -> list[str]:
    """Return the names of the events of the only campaign in the journal."""
    (campaign,) = journal.campaigns()
    return [event["what"] for event in journal.history(campaign.id)]


def calls(server) -> list[str]:
    return [request.call for request in server.requests]


# --- the server answers


def test_a_launch_is_sent_once_and_recorded(server, journal, start):
    server.play("mcastStatus", 404)
    server.play("mcastTransfer", STARTED)
    campaign = start()
    assert calls(server) == ["mcastStatus", "mcastTransfer"]
    assert server.requests[0].query == {"appEui": APP}
    assert server.requests[1].query == REQUEST.query()
    assert IMAGE in server.requests[1].body
    assert campaign == journal.campaign(campaign.id)
    assert (campaign.state, campaign.job_id, campaign.app_eui) == (CampaignState.LAUNCHED, JOB, APP)
    assert (campaign.server, campaign.expected) == (server.url, EXPECTED)
    assert (campaign.image_sha256, campaign.image_bytes) == (hashlib.sha256(IMAGE).hexdigest(), 1000)
    assert (campaign.image_name, campaign.dev_euis) == ("firmware.bin", ("000000000000000A",))
    assert campaign.request == REQUEST.query()
    assert events_of(journal) == ["launched"]


def test_a_launch_is_possible_after_the_last_job_has_ended(server, start):
    server.play("mcastStatus", server.job("Done", 100, endTime=2000))
    server.play("mcastTransfer", STARTED)
    assert start().state is CampaignState.LAUNCHED


def test_the_intent_is_on_disk_before_anything_is_sent(server, journal, start):
    on_disk = []

    def read_journal():
        other = Journal(journal.path.parent)
        on_disk.extend(other.campaigns())
        other.close()
        return STARTED

    server.play("mcastTransfer", read_journal)
    start()
    assert [(campaign.state, campaign.job_id) for campaign in on_disk] == [(CampaignState.INTENDED, None)]


def test_a_campaign_with_tags_has_no_list_of_devices(server, client, journal):
    server.play("mcastTransfer", STARTED)
    request = TransferRequest(app_eui=APP, dev_tags=["north"], start_delay_s=1, redundancy=0)
    shipment = Shipment(image=IMAGE, request=request, server=server.url, expected={})
    assert send_once(client, journal, shipment, sleep=print).dev_euis == ()


# --- nothing is sent


@pytest.mark.parametrize("state", ["Running", "Queued", "WhoKnows"])
def test_a_running_job_is_refused_with_advice(server, journal, start, state):
    server.play("mcastStatus", server.job(state, 37))
    with pytest.raises(PlanError, match=rf"{JOB} is {state} \(37 %\).*fuota transfer cancel --job-id {JOB}"):
        start()
    assert server.posts() == []
    assert journal.campaigns() == []


@pytest.mark.parametrize(
    ("answer", "error"),
    [(401, AuthenticationError), (403, AuthenticationError), (CUT, UnreachableError), (500, ServerFault)],
)
def test_a_refused_key_or_failing_server_is_noticed_before_anything_is_sent(server, journal, start, answer, error):
    server.play("mcastStatus", answer)
    with pytest.raises(error):
        start()
    assert server.posts() == []
    assert journal.campaigns() == []


def test_nothing_is_sent_if_the_intent_cannot_be_recorded(server, journal, start):
    with closing(sqlite3.connect(journal.path)) as other:
        other.execute("DROP TABLE campaign")
    with pytest.raises(StorageError):
        start()
    assert server.posts() == []


# --- the server refuses


@pytest.mark.parametrize(("status", "error"), [(400, BadRequestError), (403, AuthenticationError)])
def test_a_refusal_by_the_server_is_recorded_and_raised(server, journal, start, status, error):
    server.play("mcastTransfer", status)
    with pytest.raises(error):
        start()
    assert calls(server) == ["mcastStatus", "mcastTransfer"], "a refusal is an answer: no status is needed"
    assert journal.campaigns()[0].state is CampaignState.REFUSED
    assert events_of(journal) == ["refused"]


def test_a_refused_connection_marks_the_campaign_refused(server, journal, start):
    def stop_server():
        server.stop()
        return 404

    server.play("mcastStatus", stop_server)
    with pytest.raises(UnreachableError) as caught:
        start()
    assert not caught.value.maybe_received
    assert calls(server) == ["mcastStatus"]
    assert journal.campaigns()[0].state is CampaignState.REFUSED


# --- the answer is lost


@losing
def test_after_a_lost_answer_a_new_job_means_launched(server, journal, start, answer, error):
    server.play("mcastStatus", 404, server.job("Queued"))
    server.play("mcastTransfer", answer)
    campaign = start()
    assert (campaign.state, campaign.job_id) == (CampaignState.LAUNCHED, JOB)
    assert events_of(journal) == ["answer lost", "found"]
    assert len(server.posts()) == 1


def test_after_a_lost_answer_a_job_with_other_times_means_launched(server, start):
    server.play("mcastStatus", server.job("Done", 100, endTime=2000), server.job("Queued", 0))
    server.play("mcastTransfer", CUT)
    assert start().state is CampaignState.LAUNCHED
    assert len(server.posts()) == 1


@losing
@pytest.mark.parametrize("before", [404, "the old job"])
def test_after_a_lost_answer_without_a_new_job_the_outcome_is_unknown(  # noqa: PLR0917 - fixtures
    server, journal, start, pauses, answer, error, before
):
    old = server.job("Done", 100, endTime=2000)
    server.play("mcastStatus", 404 if before == 404 else old, 404 if before == 404 else old | {"serverTime": 5})
    server.play("mcastTransfer", answer)
    with pytest.raises(OutcomeUnknownError, match=r"it shows no (new )?job"):
        start()
    assert journal.campaigns()[0].state is CampaignState.INTENDED
    assert events_of(journal) == ["answer lost"]
    assert len(server.posts()) == 1
    assert sum(pauses) >= 10_000


def test_after_a_lost_answer_a_slow_server_is_asked_again(server, start, pauses):
    server.play("mcastStatus", 404, 404, 503, 404, server.job("Queued"))
    server.play("mcastTransfer", CUT)
    assert start().state is CampaignState.LAUNCHED
    assert len(server.posts()) == 1


@losing
@pytest.mark.parametrize("status", [CUT, 503, {"no": "job"}, 403])
def test_after_a_lost_answer_and_a_lost_status_the_outcome_is_unknown(server, journal, start, answer, error, status):
    server.play("mcastStatus", 404, status)
    server.play("mcastTransfer", answer)
    with pytest.raises(OutcomeUnknownError) as caught:
        start()
    (campaign,) = journal.campaigns()
    assert f"`fuota watch {campaign.id}`" in str(caught.value)
    assert "\n" not in str(caught.value)
    assert campaign.state is CampaignState.INTENDED
    assert events_of(journal) == ["answer lost"]
    assert len(server.posts()) == 1


def test_an_interruption_while_sending_leaves_the_campaign_intended(server, journal, monkeypatch, client):
    def dies(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(client.transfers, "send", dies)
    with pytest.raises(OutcomeUnknownError, match=r"interrupted .* `fuota watch"):
        send_once(client, journal, Shipment(image=IMAGE, request=REQUEST, server=server.url, expected={}), sleep=print)
    assert journal.campaigns()[0].state is CampaignState.INTENDED


# --- secrets


def test_the_journal_does_not_contain_the_key(server, journal, start):
    answer_with_key = {"jobId": JOB, "responseMsg": f"hello {KEY}", "statusCode": 400}
    server.play("mcastTransfer", answer_with_key, CUT, STARTED)
    for _ in range(2):
        with pytest.raises(FuotaError) as caught:
            start()
        assert KEY not in str(caught.value)
    start()
    journal.close()
    written = b"".join(path.read_bytes() for path in journal.path.parent.iterdir())
    assert JOB.encode() in written
    for part in (KEY, KEY.removeprefix("AK2:"), KEY[4:24]):
        assert part.encode() not in written


# --- cancel


@pytest.fixture
def launched(server, start):
    server.play("mcastTransfer", STARTED)
    return start()


def test_cancel_names_the_job_once_and_records_it(server, client, journal, launched):
    server.play("mcastStatus", server.job("Running"))
    server.play("mcastCancel", {"jobId": JOB, "responseMsg": "MCastXferJobReq job cancelled."})
    campaign = cancel(launched, client=client, journal=journal)
    assert campaign == journal.campaign(launched.id)
    assert campaign.state is CampaignState.CANCELLED
    assert [(request.call, request.query) for request in server.posts()[1:]] == [("mcastCancel", {"jobId": JOB})]
    assert journal.history(launched.id)[-1]["message"] == "MCastXferJobReq job cancelled."


@pytest.mark.parametrize("answer", [CUT, 500, 403])
def test_a_cancellation_with_a_lost_answer_leaves_the_campaign_launched(server, client, journal, launched, answer):
    server.play("mcastStatus", server.job("Running"))
    server.play("mcastCancel", answer)
    with pytest.raises(FuotaError):
        cancel(launched, client=client, journal=journal)
    assert journal.campaign(launched.id).state is CampaignState.LAUNCHED
    assert [request.call for request in server.posts()[1:]] == ["mcastCancel"]


def test_a_job_that_has_ended_is_recorded_and_not_cancelled(server, client, journal, launched):
    server.play("mcastStatus", server.job("Done", 100, endTime=2000))
    with pytest.raises(ParameterError, match="has ended"):
        cancel(launched, client=client, journal=journal)
    assert journal.campaign(launched.id).state is CampaignState.FINISHED
    assert len(server.posts()) == 1


def test_an_intended_campaign_is_cancelled_by_its_application(server, client, journal, new_campaign):
    server.play("mcastStatus", server.job("Running"))
    server.play("mcastCancel", {"jobId": JOB})
    campaign = cancel(new_campaign(), client=client, journal=journal, unproven=True)
    assert (campaign.state, campaign.job_id) == (CampaignState.CANCELLED, JOB)
    assert [request.query for request in server.requests] == [{"appEui": APP}, {"jobId": JOB}]


def test_a_job_that_may_be_another_one_is_not_cancelled(server, client, journal, new_campaign):
    campaign = new_campaign()
    server.play("mcastStatus", server.job("Running"))
    server.play("mcastCancel", {"jobId": JOB})
    with pytest.raises(RefusedError, match="may be somebody else's"):
        cancel(campaign, client=client, journal=journal)
    assert server.posts() == []
    report = ImageReport(sha256=bytes.fromhex(campaign.image_sha256)).to_bytes()
    journal.store_uplinks([Uplink(dev_eui=campaign.dev_euis[0], port=IMAGE_REPORT_FPORT, pdu=report)])
    assert cancel(campaign, client=client, journal=journal).state is CampaignState.CANCELLED, "a device has proved it"


def test_the_previous_job_is_not_cancelled(server, client, journal, new_campaign):
    campaign = new_campaign(before={"job_id": JOB, "start_time_ms": 1000, "end_time_ms": 0})
    server.play("mcastStatus", server.job("Running"))
    with pytest.raises(ParameterError, match="another job"):
        cancel(campaign, client=client, journal=journal)
    assert server.posts() == []


def test_a_campaign_that_is_over_is_not_cancelled(server, client, journal, new_campaign, clock):
    finished = journal.set_state(new_campaign().id, CampaignState.FINISHED)
    with pytest.raises(ParameterError, match=rf"{finished.id} is over \(finished\)"):
        cancel(finished, client=client, journal=journal)
    old = journal.set_state(new_campaign().id, CampaignState.LAUNCHED, job_id=JOB)
    clock.now_ms += 1
    new_campaign()
    with pytest.raises(ParameterError, match=rf"{old.id} is over"):
        cancel(old, client=client, journal=journal)
    assert server.requests == []
