"""Following a campaign through outages and forgetful servers, on a clock that only the tests move."""

from __future__ import annotations

import threading

import pytest

from fuota.campaign import CampaignState, Patience, Progress, watch
from fuota.device import IMAGE_REPORT_FPORT, ImageReport
from fuota.errors import AuthenticationError, OutcomeUnknownError, ServerFault, UnreachableError
from fuota.network import Uplink

APP = "AAAAAAAAAAAAAA01"
JOB = f"MCastXferJobReq:{APP}"
SHA256 = "ab" * 32
CUT = None
PATIENCE = Patience(poll_ms=1000, outage_ms=10_000, reports_ms=30_000)
DEVICES = ("0000000000000001", "0000000000000002")


def says_it_runs_the_image(dev_eui: str) -> Uplink:
    return Uplink(dev_eui=dev_eui, port=IMAGE_REPORT_FPORT, pdu=ImageReport(sha256=bytes.fromhex(SHA256)).to_bytes())


@pytest.fixture
def campaign(journal, new_campaign, clock):
    return journal.set_state(new_campaign().id, CampaignState.LAUNCHED, job_id=JOB)


@pytest.fixture
def followed(client, journal, clock):
    """Watches to the end. `meanwhile` maps a number of seconds to what happens when they have passed."""

    def follow(campaign, *, patience: Patience = PATIENCE, meanwhile: dict | None = None) -> list[Progress]:
        begun_ms, plan = clock.now_ms, dict(meanwhile or {})

        def sleep_ms(pause_ms: int) -> None:
            clock.sleep_ms(pause_ms)
            for second in [second for second in plan if clock.now_ms - begun_ms >= second * 1000]:
                plan.pop(second)()

        return list(watch(client, journal, campaign, patience=patience, sleep_ms=sleep_ms))

    return follow


@pytest.fixture
def settle(journal):
    return lambda *devices: journal.store_uplinks(says_it_runs_the_image(device) for device in devices or DEVICES)


# --- the server's word


def test_from_queued_to_done_with_every_device_settled(server, journal, campaign, followed, settle, clock):
    begun_ms = clock.now_ms
    server.play("mcastStatus", server.job("Queued"), server.job("Running", 40), server.job("Done", 100, endTime=9000))
    settle(*DEVICES[:1])
    shown = followed(campaign, meanwhile={2: settle})
    assert [(one.state, one.pct_done, one.heard) for one in shown] == [
        ("Queued", 0, 1),
        ("Running", 40, 1),
        ("Done", 100, 3),
        ("Done", 100, 3),
    ]
    assert [one.finished for one in shown] == [False, False, False, True]
    assert clock.now_ms - begun_ms == 2000, "two polls, and nothing to wait for after the end"
    assert journal.campaign(campaign.id).state is CampaignState.FINISHED
    ended = journal.history(campaign.id)[-1]
    assert (ended["what"], ended["start_time_ms"], ended["end_time_ms"]) == ("ended", 1000, 9000)
    assert {one.query["appEui"] for one in server.asked} == {APP}


def test_the_end_is_noted_once_however_often_it_is_watched(server, journal, campaign, followed, settle):
    settle()
    server.play("mcastStatus", server.job("Done", 100, endTime=9000))
    followed(campaign)
    followed(journal.campaign(campaign.id))
    assert [event["what"] for event in journal.history(campaign.id)] == ["started", "ended"]
    assert len(server.asked) == 1, "of a campaign that is over the server knows nothing: another job has its name"


@pytest.mark.parametrize("state", ["Cancelled", "canceled", "DONE_CANCEL"])
def test_cancelled_by_somebody_else(server, journal, campaign, followed, settle, state):
    settle()
    server.play("mcastStatus", server.job("Running", 40), server.job(state, 40, endTime=9000))
    assert followed(campaign)[-1].state == state
    assert journal.campaign(campaign.id).state is CampaignState.CANCELLED


def test_a_server_that_forgot_the_job_leaves_the_reports(server, journal, campaign, followed, settle):
    server.play("mcastStatus", server.job("Running", 90), 404)
    shown = followed(campaign, meanwhile={5: settle})
    assert [(one.state, one.pct_done, one.heard) for one in shown][-1] == ("Running", 90, 2)
    assert shown[-1].finished
    assert journal.campaign(campaign.id).state is CampaignState.LAUNCHED, "how it ended, nobody said"


def test_an_intended_campaign_that_is_found_running_was_launched(
    server, journal, new_campaign, followed, settle, clock
):
    campaign = new_campaign()
    settle()
    server.play("mcastStatus", server.job("Running", 1), server.job("Done", 100, endTime=9000))
    followed(campaign)
    found = journal.campaign(campaign.id)
    assert (found.state, found.job_id) == (CampaignState.FINISHED, JOB)
    assert [event["what"] for event in journal.history(campaign.id)] == ["found", "started", "ended"]


def test_an_intended_campaign_that_the_server_does_not_know_stays_intended(server, journal, new_campaign, followed):
    campaign = new_campaign()
    with pytest.raises(OutcomeUnknownError, match="shows no job"):
        followed(campaign)
    assert journal.campaign(campaign.id).state is CampaignState.INTENDED


def test_the_job_before_is_not_taken_for_that_of_an_intended_campaign(server, journal, new_campaign, followed):
    campaign = new_campaign(before={"job_id": JOB, "start_time_ms": 1000, "end_time_ms": 9000})
    server.play("mcastStatus", server.job("Done", 100, endTime=9000))
    with pytest.raises(OutcomeUnknownError, match="shows no job"):
        followed(campaign)
    assert journal.campaign(campaign.id).state is CampaignState.INTENDED


def test_a_job_that_somebody_else_started_since_is_not_followed(server, journal, campaign, followed, settle):
    settle()
    others = server.job("Running", 90, startTime=7000)
    server.play("mcastStatus", server.job("Running", 10), others)
    assert [progress.pct_done for progress in followed(campaign)] == [10, 10]
    assert journal.campaign(campaign.id).state is CampaignState.LAUNCHED


def test_a_campaign_followed_by_another_takes_nothing_from_its_status(
    server, campaign, new_campaign, followed, settle, clock
):
    settle()
    clock.now_ms += 1
    new_campaign()
    server.play("mcastStatus", server.job("Running", 3))
    assert followed(campaign)[-1].finished
    assert server.asked == []


# --- outages


@pytest.mark.parametrize("outage", [CUT, 500, 503])
def test_an_outage_shorter_than_the_patience_is_waited_out(server, campaign, followed, settle, outage, clock):
    def answers_when(second: int):
        begun_ms = clock.now_ms
        return lambda: outage if clock.now_ms - begun_ms < second * 1000 else server.job("Done", 100, endTime=9000)

    settle()
    server.play("mcastStatus", server.job("Running", 10), answers_when(10))
    assert [one.state for one in followed(campaign)] == ["Running", "Done", "Done"]


@pytest.mark.parametrize("outage", [CUT, 503])
def test_an_outage_longer_than_the_patience_is_raised_and_the_campaign_goes_on(
    server, journal, campaign, followed, outage, clock
):
    begun_ms = clock.now_ms
    server.play("mcastStatus", server.job("Running", 10), outage)
    with pytest.raises((UnreachableError, ServerFault)):
        followed(campaign)
    assert clock.now_ms - begun_ms == 10_000
    assert journal.campaign(campaign.id).state is CampaignState.LAUNCHED


def test_two_outages_are_not_added_up(server, campaign, followed, settle, clock):
    begun_ms = clock.now_ms

    def up_for_a_second_after_each_seven():
        second = (clock.now_ms - begun_ms) // 1000
        if second >= 30:
            return server.job("Done", 100, endTime=9000)
        return CUT if second % 8 else server.job("Running", second)

    settle()
    server.play("mcastStatus", up_for_a_second_after_each_seven)
    assert [one.pct_done for one in followed(campaign)] == [0, 8, 16, 24, 100, 100]


def test_a_key_that_is_refused_meanwhile_is_no_outage(server, campaign, followed, clock):
    begun_ms = clock.now_ms
    server.play("mcastStatus", server.job("Running", 10), 403)
    with pytest.raises(AuthenticationError):
        followed(campaign)
    assert clock.now_ms - begun_ms == 1000


# --- the devices' word


@pytest.fixture
def ended(server):
    server.play("mcastStatus", server.job("Done", 100, endTime=9000))


def test_the_wait_for_reports_ends_with_the_last_device(ended, campaign, followed, settle, clock):
    begun_ms = clock.now_ms
    shown = followed(campaign, meanwhile={20: lambda: settle(DEVICES[0]), 45: lambda: settle(DEVICES[1])})
    assert shown[-1].finished
    assert [one.heard for one in shown][-1] == 2
    assert clock.now_ms - begun_ms == 45_000


def test_the_wait_for_reports_ends_in_silence(ended, campaign, followed, settle, clock):
    begun_ms = clock.now_ms
    shown = followed(campaign, meanwhile={20: lambda: settle(DEVICES[0])})
    assert (shown[-1].finished, shown[-1].heard) == (True, 1)
    assert clock.now_ms - begun_ms == 20_000 + 30_000, "30 s after the last that was heard"


def test_where_tags_were_given_only_silence_ends_the_wait(ended, new_campaign, followed, settle, clock):
    campaign = new_campaign(dev_euis=[])
    begun_ms = clock.now_ms
    shown = followed(campaign, meanwhile={20: settle})
    assert (shown[-1].heard, clock.now_ms - begun_ms) == (2, 50_000)


def test_without_patience_for_reports_there_is_no_wait(ended, campaign, followed, clock):
    begun_ms = clock.now_ms
    assert followed(campaign, patience=Patience(poll_ms=1000, outage_ms=0, reports_ms=0))[-1].finished
    assert clock.now_ms == begun_ms


def test_without_being_told_otherwise_it_really_sleeps(server, client, journal, new_campaign, settle):
    campaign = journal.set_state(new_campaign().id, CampaignState.LAUNCHED)
    running = threading.Event()

    def goes_on_once_seen():
        return server.job("Done", 100, endTime=9000) if running.is_set() else server.job("Running", 5)

    settle()
    server.play("mcastStatus", goes_on_once_seen)
    shown = []
    for progress in watch(client, journal, campaign, patience=Patience(poll_ms=10)):
        shown.append(progress)
        running.set()
    assert shown[-1] == Progress(state="Done", pct_done=100, heard=2, finished=True)
