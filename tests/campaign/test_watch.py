"""Watching a campaign through outages, on a clock that only the tests advance."""

from __future__ import annotations

import threading
from dataclasses import replace

import pytest

from fuota.campaign import CampaignState, Progress, WatchTimeouts, watch
from fuota.device import IMAGE_REPORT_FPORT, ImageReport
from fuota.errors import AuthenticationError, NetworkError, OutcomeUnknownError
from fuota.network import Uplink

APP = "AAAAAAAAAAAAAA01"
JOB = f"MCastXferJobReq:{APP}"
SHA256 = "ab" * 32
CUT = None
TIMEOUTS = WatchTimeouts(poll_ms=1000, outage_ms=10_000, reports_ms=30_000)
DEVICES = ("0000000000000001", "0000000000000002")


def image_report(dev_eui: str) -> Uplink:
    return Uplink(dev_eui=dev_eui, port=IMAGE_REPORT_FPORT, pdu=ImageReport(sha256=bytes.fromhex(SHA256)).to_bytes())


@pytest.fixture
def campaign(journal, new_campaign, clock):
    return journal.set_state(new_campaign().id, CampaignState.LAUNCHED, job_id=JOB)


@pytest.fixture
def followed(client, journal, clock):
    """Return a function that watches to the end. meanwhile: functions to call, by the seconds after which they are called."""

    def follow(campaign, *, timeouts: WatchTimeouts = TIMEOUTS, meanwhile: dict | None = None) -> list[Progress]:
        begun_ms, plan = clock.now_ms, dict(meanwhile or {})

        def sleep_ms(pause_ms: int) -> None:
            clock.sleep_ms(pause_ms)
            for second in [second for second in plan if clock.now_ms - begun_ms >= second * 1000]:
                plan.pop(second)()

        return list(watch(campaign, client=client, journal=journal, timeouts=timeouts, sleep=sleep_ms))

    return follow


@pytest.fixture
def settle(journal):
    return lambda *devices: journal.store_uplinks(image_report(device) for device in devices or DEVICES)


# --- answers of the server


def test_watch_ends_with_the_job_if_every_device_has_settled(server, journal, campaign, followed, settle, clock):
    begun_ms = clock.now_ms
    server.play("mcastStatus", server.job("Queued"), server.job("Running", 40), server.job("Done", 100, endTime=9000))
    settle(*DEVICES[:1])
    shown = followed(campaign, meanwhile={2: settle})
    assert [(progress.state, progress.pct_done, progress.uplinks) for progress in shown] == [
        ("Queued", 0, 1),
        ("Running", 40, 1),
        ("Done", 100, 3),
        ("Done", 100, 3),
    ]
    assert [progress.finished for progress in shown] == [False, False, False, True]
    assert clock.now_ms - begun_ms == 2000, "two polls, and nothing to wait for after the end"
    assert journal.campaign(campaign.id).state is CampaignState.FINISHED
    ended = journal.history(campaign.id)[-1]
    assert (ended["what"], ended["start_time_ms"], ended["end_time_ms"]) == ("ended", 1000, 9000)
    assert {request.query["appEui"] for request in server.requests} == {APP}


def test_the_end_is_recorded_once(server, journal, campaign, followed, settle):
    settle()
    server.play("mcastStatus", server.job("Done", 100, endTime=9000))
    followed(campaign)
    followed(journal.campaign(campaign.id))
    assert [event["what"] for event in journal.history(campaign.id)] == ["started", "ended"]
    assert len(server.requests) == 1, "the server is not asked about a campaign that is over"


@pytest.mark.parametrize("state", ["Cancelled", "canceled", "DONE_CANCEL"])
def test_a_job_cancelled_by_somebody_else_cancels_the_campaign(server, journal, campaign, followed, settle, state):
    settle()
    server.play("mcastStatus", server.job("Running", 40), server.job(state, 40, endTime=9000))
    assert followed(campaign)[-1].state == state
    assert journal.campaign(campaign.id).state is CampaignState.CANCELLED


def test_reports_are_awaited_if_the_server_has_forgotten_the_job(server, journal, campaign, followed, settle):
    server.play("mcastStatus", server.job("Running", 90), 404)
    shown = followed(campaign, meanwhile={5: settle})
    assert [(progress.state, progress.pct_done, progress.uplinks) for progress in shown][-1] == ("Running", 90, 2)
    assert shown[-1].finished
    assert journal.campaign(campaign.id).state is CampaignState.LAUNCHED, "how the job ended is unknown"


def test_an_intended_campaign_with_a_running_job_was_launched(server, journal, new_campaign, followed, settle, clock):
    campaign = new_campaign()
    settle()
    server.play("mcastStatus", server.job("Running", 1), server.job("Done", 100, endTime=9000))
    followed(campaign)
    recorded = journal.campaign(campaign.id)
    assert (recorded.state, recorded.job_id) == (CampaignState.FINISHED, JOB)
    assert [event["what"] for event in journal.history(campaign.id)] == ["found", "started", "ended"]


def test_an_intended_campaign_without_a_job_stays_intended(server, journal, new_campaign, followed):
    campaign = new_campaign()
    with pytest.raises(OutcomeUnknownError, match="shows no job"):
        followed(campaign)
    assert journal.campaign(campaign.id).state is CampaignState.INTENDED


def test_the_previous_job_is_not_the_job_of_an_intended_campaign(server, journal, new_campaign, followed):
    campaign = new_campaign(before={"job_id": JOB, "start_time_ms": 1000, "end_time_ms": 9000})
    server.play("mcastStatus", server.job("Done", 100, endTime=9000))
    with pytest.raises(OutcomeUnknownError, match="shows no job"):
        followed(campaign)
    assert journal.campaign(campaign.id).state is CampaignState.INTENDED


def test_a_job_that_somebody_else_started_is_not_watched(server, journal, campaign, followed, settle):
    settle()
    other_job = server.job("Running", 90, startTime=7000)
    server.play("mcastStatus", server.job("Running", 10), other_job)
    assert [progress.pct_done for progress in followed(campaign)] == [10, 10]
    assert journal.campaign(campaign.id).state is CampaignState.LAUNCHED


def test_a_replaced_campaign_ignores_the_status_of_the_next_job(
    server, campaign, new_campaign, followed, settle, clock
):
    settle()
    clock.now_ms += 1
    new_campaign()
    server.play("mcastStatus", server.job("Running", 3))
    assert followed(campaign)[-1].finished
    assert server.requests == []


# --- outages


MAINTENANCE = "<html><body>Back in a few minutes</body></html>"


@pytest.mark.parametrize("outage", [CUT, 500, 503, 408, 425, 429, MAINTENANCE, "", "[]", "null", '{"cut'])
def test_a_short_outage_is_waited_out(server, campaign, followed, settle, outage, clock):
    def answers_when(second: int):
        begun_ms = clock.now_ms
        return lambda: outage if clock.now_ms - begun_ms < second * 1000 else server.job("Done", 100, endTime=9000)

    settle()
    server.play("mcastStatus", server.job("Running", 10), answers_when(10))
    assert [progress.state for progress in followed(campaign)] == ["Running", "Done", "Done"]


@pytest.mark.parametrize("outage", [CUT, 503, 429, MAINTENANCE])
def test_a_long_outage_is_raised_and_the_campaign_stays_launched(server, journal, campaign, followed, outage, clock):
    begun_ms = clock.now_ms
    server.play("mcastStatus", server.job("Running", 10), outage)
    with pytest.raises(NetworkError):
        followed(campaign)
    assert clock.now_ms - begun_ms == 10_000
    assert journal.campaign(campaign.id).state is CampaignState.LAUNCHED


def test_a_busy_server_is_asked_again_when_it_says(server, campaign, followed, settle, clock):
    begun_ms = clock.now_ms
    settle()
    busy = (429, {"Retry-After": "25"})
    server.play("mcastStatus", server.job("Running", 10), busy, server.job("Done", 100, endTime=9000))
    assert [progress.state for progress in followed(campaign)] == ["Running", "Done", "Done"]
    assert clock.now_ms - begun_ms == 1000 + 25_000


@pytest.mark.parametrize("header", ["soon", "-1", "Wed, 21 Oct 2026 07:28:00 GMT", "9" * 30])
def test_an_odd_retry_after_is_not_used(server, campaign, followed, settle, clock, header):
    begun_ms = clock.now_ms
    settle()
    server.play("mcastStatus", (429, {"Retry-After": header}), server.job("Done", 100, endTime=9000))
    assert followed(campaign)[-1].finished
    assert clock.now_ms - begun_ms == 1000


@pytest.mark.parametrize("times", [1, 2])
def test_an_unknown_job_is_asked_for_again(server, journal, campaign, followed, settle, times):
    settle()
    unknown = [404] * times
    server.play("mcastStatus", server.job("Running", 10), *unknown, server.job("Done", 100, endTime=9000))
    assert [progress.state for progress in followed(campaign)] == ["Running", "Done", "Done"]
    assert journal.campaign(campaign.id).state is CampaignState.FINISHED


def test_two_outages_are_counted_separately(server, campaign, followed, settle, clock):
    begun_ms = clock.now_ms

    def up_for_one_second_in_eight():
        second = (clock.now_ms - begun_ms) // 1000
        if second >= 30:
            return server.job("Done", 100, endTime=9000)
        return CUT if second % 8 else server.job("Running", second)

    settle()
    server.play("mcastStatus", up_for_one_second_in_eight)
    assert [progress.pct_done for progress in followed(campaign)] == [0, 8, 16, 24, 100, 100]


def test_a_refused_key_is_raised_at_once(server, campaign, followed, clock):
    begun_ms = clock.now_ms
    server.play("mcastStatus", server.job("Running", 10), 403)
    with pytest.raises(AuthenticationError):
        followed(campaign)
    assert clock.now_ms - begun_ms == 1000


# --- reports of the devices


@pytest.fixture
def ended(server):
    server.play("mcastStatus", server.job("Done", 100, endTime=9000))


def test_the_wait_for_reports_ends_with_the_last_device(ended, campaign, followed, settle, clock):
    begun_ms = clock.now_ms
    shown = followed(campaign, meanwhile={20: lambda: settle(DEVICES[0]), 45: lambda: settle(DEVICES[1])})
    assert shown[-1].finished
    assert [progress.uplinks for progress in shown][-1] == 2
    assert clock.now_ms - begun_ms == 45_000


def test_the_wait_for_reports_ends_when_no_report_arrives(ended, campaign, followed, settle, clock):
    begun_ms = clock.now_ms
    shown = followed(campaign, meanwhile={20: lambda: settle(DEVICES[0])})
    assert (shown[-1].finished, shown[-1].uplinks) == (True, 1)
    assert clock.now_ms - begun_ms == 20_000 + 30_000, "30 s after the last report"


def test_with_tags_only_a_timeout_ends_the_wait(ended, new_campaign, followed, settle, clock):
    campaign = new_campaign(dev_euis=[])
    begun_ms = clock.now_ms
    shown = followed(campaign, meanwhile={20: settle})
    assert (shown[-1].uplinks, clock.now_ms - begun_ms) == (2, 50_000)


def test_a_timeout_of_zero_does_not_wait_for_reports(ended, campaign, followed, clock):
    begun_ms = clock.now_ms
    assert followed(campaign, timeouts=WatchTimeouts(poll_ms=1000, outage_ms=0, reports_ms=0))[-1].finished
    assert clock.now_ms == begun_ms


def test_watch_sleeps_by_default(server, client, journal, new_campaign, settle):
    campaign = journal.set_state(new_campaign().id, CampaignState.LAUNCHED)
    running = threading.Event()

    def done_once_seen():
        return server.job("Done", 100, endTime=9000) if running.is_set() else server.job("Running", 5)

    settle()
    server.play("mcastStatus", done_once_seen)
    shown = []
    for progress in watch(campaign, client=client, journal=journal, timeouts=WatchTimeouts(poll_ms=10)):
        shown.append(progress)
        running.set()
    counts = {"updated": 2, "complete": 0, "incomplete": 0, "corrupt": 0, "refused": 0, "silent": 0}
    last = Progress(state="Done", pct_done=100, uplinks=2, finished=True, counts=counts, wait_ms=120_000)
    assert replace(shown[-1], wait_ms=120_000) == last
