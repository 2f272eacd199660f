"""Nothing is started twice, and nothing started is forgotten, whatever becomes of the answers."""

from __future__ import annotations

import hashlib

import pytest

from fuota.campaign import CampaignState, Journal, cancel, launch
from fuota.errors import (
    AuthenticationError,
    BadRequestError,
    FuotaError,
    MalformedAnswerError,
    OutcomeUnknownError,
    ParameterError,
    PlanError,
    ServerFault,
    StorageError,
    UnreachableError,
)
from fuota.network import TransferRequest

KEY = "AK2:0123456789abcdefghijABCDEFGHIJ0123456789"
APP = "AAAAAAAAAAAAAA01"
JOB = f"MCastXferJobReq:{APP}"
CUT = None
STARTED = {"jobId": JOB, "responseMsg": "MCastXferJobReq job starting in: 00:04:00", "statusCode": 200}
IMAGE = bytes(range(200)) * 5
EXPECTED = {"nb_frag": 21, "frames": 32}
REQUEST = TransferRequest(app_eui=APP, dev_euis=["00-00-00-00-00-00-00-0a"], start_delay_s=240, redundancy=0.5)

WAYS_TO_LOSE_THE_ANSWER = {
    "cut off": (CUT, UnreachableError),
    "server fault": (500, ServerFault),
    "bad gateway": (502, ServerFault),
    "no job named": ({"statusCode": 200}, MalformedAnswerError),
}
losing = pytest.mark.parametrize(("answer", "error"), WAYS_TO_LOSE_THE_ANSWER.values(), ids=WAYS_TO_LOSE_THE_ANSWER)


@pytest.fixture
def pauses() -> list[int]:
    return []


@pytest.fixture
def start(client, journal, server, pauses):
    def started():
        return launch(client, journal, IMAGE, REQUEST, server=server.url, expected=EXPECTED, sleep_ms=pauses.append)

    return started


def happened(journal: Journal) -> list[str]:
    """What the journal says of its only campaign."""
    (campaign,) = journal.campaigns()
    return [event["what"] for event in journal.history(campaign.id)]


def asked(server) -> list[str]:
    return [one.call for one in server.asked]


# --- the answer came


def test_a_launch_is_sent_once_and_written_down(server, journal, start):
    server.play("mcastStatus", 404)
    server.play("mcastTransfer", STARTED)
    campaign = start()
    assert asked(server) == ["mcastStatus", "mcastTransfer"]
    assert server.asked[0].query == {"appEui": APP}
    assert server.asked[1].query == REQUEST.query()
    assert IMAGE in server.asked[1].body
    assert campaign == journal.campaign(campaign.id)
    assert (campaign.state, campaign.job_id, campaign.app_eui) == (CampaignState.LAUNCHED, JOB, APP)
    assert (campaign.server, campaign.expected) == (server.url, EXPECTED)
    assert (campaign.image_sha256, campaign.image_bytes) == (hashlib.sha256(IMAGE).hexdigest(), 1000)
    assert (campaign.image_name, campaign.dev_euis) == ("firmware.bin", ("000000000000000A",))
    assert campaign.request == REQUEST.query()
    assert happened(journal) == ["launched"]


def test_a_job_that_has_ended_is_no_obstacle(server, start):
    server.play("mcastStatus", server.job("Done", 100, endTime=2000))
    server.play("mcastTransfer", STARTED)
    assert start().state is CampaignState.LAUNCHED


def test_the_intent_is_on_disk_before_anything_is_sent(server, journal, start):
    found = []

    def look():
        other = Journal(journal.path.parent)
        found.extend(other.campaigns())
        other.close()
        return STARTED

    server.play("mcastTransfer", look)
    start()
    assert [(campaign.state, campaign.job_id) for campaign in found] == [(CampaignState.INTENDED, None)]


def test_devices_named_by_tag_leave_no_list_of_devices(server, client, journal):
    server.play("mcastTransfer", STARTED)
    request = TransferRequest(app_eui=APP, dev_tags=["north"], start_delay_s=1, redundancy=0)
    assert launch(client, journal, IMAGE, request, server=server.url, expected={}, sleep_ms=print).dev_euis == ()


# --- nothing is sent


@pytest.mark.parametrize("state", ["Running", "Queued", "WhoKnows"])
def test_a_busy_application_is_refused_with_the_way_out(server, journal, start, state):
    server.play("mcastStatus", server.job(state, 37))
    with pytest.raises(PlanError, match=rf"{JOB} is {state} \(37 %\).*fuota transfer cancel --job-id {JOB}"):
        start()
    assert server.posts() == []
    assert journal.campaigns() == []


@pytest.mark.parametrize(
    ("answer", "error"),
    [(401, AuthenticationError), (403, AuthenticationError), (CUT, UnreachableError), (500, ServerFault)],
)
def test_a_key_or_a_server_that_will_not_do_is_found_out_before_anything_is_sent(server, journal, start, answer, error):
    server.play("mcastStatus", answer)
    with pytest.raises(error):
        start()
    assert server.posts() == []
    assert journal.campaigns() == []


def test_where_the_intent_cannot_be_written_down_nothing_is_sent(server, journal, start):
    journal.path.write_bytes(b"overwritten by somebody" * 1000)
    with pytest.raises(StorageError):
        start()
    assert server.posts() == []


# --- sent, and refused


@pytest.mark.parametrize(("status", "error"), [(400, BadRequestError), (403, AuthenticationError)])
def test_a_refusal_by_the_server_is_noted_and_raised(server, journal, start, status, error):
    server.play("mcastTransfer", status)
    with pytest.raises(error):
        start()
    assert asked(server) == ["mcastStatus", "mcastTransfer"], "a refusal is an answer: there is nothing to ask"
    assert journal.campaigns()[0].state is CampaignState.REFUSED
    assert happened(journal) == ["refused"]


def test_a_connection_that_is_refused_never_reached_the_server(server, journal, start):
    def close_the_door():
        server.stop()
        return 404

    server.play("mcastStatus", close_the_door)
    with pytest.raises(UnreachableError) as caught:
        start()
    assert not caught.value.maybe_received
    assert asked(server) == ["mcastStatus"]
    assert journal.campaigns()[0].state is CampaignState.REFUSED


# --- sent, and the answer lost


@losing
def test_answer_lost_and_the_job_is_there_then_it_was_taken(server, journal, start, answer, error):
    server.play("mcastStatus", 404, server.job("Queued"))
    server.play("mcastTransfer", answer)
    campaign = start()
    assert (campaign.state, campaign.job_id) == (CampaignState.LAUNCHED, JOB)
    assert happened(journal) == ["answer lost", "launched"]
    assert len(server.posts()) == 1


def test_answer_lost_and_another_job_is_there_than_before(server, start):
    server.play("mcastStatus", server.job("Done", 100, endTime=2000), server.job("Queued", 0))
    server.play("mcastTransfer", CUT)
    assert start().state is CampaignState.LAUNCHED
    assert len(server.posts()) == 1


@losing
@pytest.mark.parametrize("before", [404, "the old job"])
def test_answer_lost_and_no_new_job_then_nobody_knows_yet(  # noqa: PLR0917 - fixtures
    server, journal, start, pauses, answer, error, before
):
    old = server.job("Done", 100, endTime=2000)
    server.play("mcastStatus", 404 if before == 404 else old, 404 if before == 404 else old | {"serverTime": 5})
    server.play("mcastTransfer", answer)
    with pytest.raises(OutcomeUnknownError, match=r"it shows no (new )?job"):
        start()
    assert journal.campaigns()[0].state is CampaignState.INTENDED
    assert happened(journal) == ["answer lost"]
    assert len(server.posts()) == 1
    assert sum(pauses) >= 10_000


def test_answer_lost_and_the_server_is_slow_to_show_the_job(server, start, pauses):
    server.play("mcastStatus", 404, 404, 503, 404, server.job("Queued"))
    server.play("mcastTransfer", CUT)
    assert start().state is CampaignState.LAUNCHED
    assert len(server.posts()) == 1


@losing
@pytest.mark.parametrize("status", [CUT, 503, {"no": "job"}, 403])
def test_answer_lost_and_status_lost_then_nobody_knows(server, journal, start, answer, error, status):
    server.play("mcastStatus", 404, status)
    server.play("mcastTransfer", answer)
    with pytest.raises(OutcomeUnknownError) as caught:
        start()
    (campaign,) = journal.campaigns()
    assert f"`fuota watch {campaign.id}`" in str(caught.value)
    assert "\n" not in str(caught.value)
    assert campaign.state is CampaignState.INTENDED
    assert happened(journal) == ["answer lost"]
    assert len(server.posts()) == 1


def test_a_process_that_dies_while_sending_leaves_the_intent(server, journal, monkeypatch, client):
    def dies(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(client.transfers, "send", dies)
    with pytest.raises(OutcomeUnknownError, match=r"interrupted .* `fuota watch"):
        launch(client, journal, IMAGE, REQUEST, server=server.url, expected={}, sleep_ms=print)
    assert journal.campaigns()[0].state is CampaignState.INTENDED


# --- secrets


def test_the_key_is_in_no_octet_of_the_journal(server, journal, start):
    says_the_key = {"jobId": JOB, "responseMsg": f"hello {KEY}", "statusCode": 400}
    server.play("mcastTransfer", says_the_key, CUT, STARTED)
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


# --- cancelling


@pytest.fixture
def launched(server, start):
    server.play("mcastTransfer", STARTED)
    return start()


def test_cancelling_names_the_job_once_and_notes_it(server, client, journal, launched):
    server.play("mcastStatus", server.job("Running"))
    server.play("mcastCancel", {"jobId": JOB, "responseMsg": "MCastXferJobReq job cancelled."})
    campaign = cancel(client, journal, launched)
    assert campaign == journal.campaign(launched.id)
    assert campaign.state is CampaignState.CANCELLED
    assert [(one.call, one.query) for one in server.posts()[1:]] == [("mcastCancel", {"jobId": JOB})]
    assert journal.history(launched.id)[-1]["message"] == "MCastXferJobReq job cancelled."


@pytest.mark.parametrize("answer", [CUT, 500, 403])
def test_a_cancellation_whose_answer_is_lost_changes_nothing_here(server, client, journal, launched, answer):
    server.play("mcastStatus", server.job("Running"))
    server.play("mcastCancel", answer)
    with pytest.raises(FuotaError):
        cancel(client, journal, launched)
    assert journal.campaign(launched.id).state is CampaignState.LAUNCHED
    assert [one.call for one in server.posts()[1:]] == ["mcastCancel"]


def test_what_has_ended_meanwhile_is_not_cancelled_but_noted(server, client, journal, launched):
    server.play("mcastStatus", server.job("Done", 100, endTime=2000))
    with pytest.raises(ParameterError, match="has ended"):
        cancel(client, journal, launched)
    assert journal.campaign(launched.id).state is CampaignState.FINISHED
    assert len(server.posts()) == 1


def test_a_campaign_of_which_only_the_intent_is_known_is_cancelled_by_its_application(
    server, client, journal, new_campaign
):
    server.play("mcastStatus", server.job("Running"))
    server.play("mcastCancel", {"jobId": JOB})
    campaign = cancel(client, journal, new_campaign())
    assert (campaign.state, campaign.job_id) == (CampaignState.CANCELLED, JOB)
    assert [one.query for one in server.asked] == [{"appEui": APP}, {"jobId": JOB}]


def test_what_is_over_is_not_cancelled_since_another_job_has_its_name_now(server, client, journal, new_campaign, clock):
    finished = journal.set_state(new_campaign().id, CampaignState.FINISHED)
    with pytest.raises(ParameterError, match=rf"{finished.id} is over \(finished\)"):
        cancel(client, journal, finished)
    old = journal.set_state(new_campaign().id, CampaignState.LAUNCHED, job_id=JOB)
    clock.now_ms += 1
    new_campaign()
    with pytest.raises(ParameterError, match=rf"{old.id} is over"):
        cancel(client, journal, old)
    assert server.asked == []
