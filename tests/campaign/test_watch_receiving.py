"""A watch that receives uplinks goes on until the planned end of the job, whatever the server or the journal says."""

from __future__ import annotations

import pytest

from fuota.campaign import CampaignState, Journal, WatchTimeouts, verdict_of, watch
from fuota.device import IMAGE_REPORT_FPORT, ImageReport
from fuota.errors import NetworkError, OutcomeUnknownError, StorageError
from fuota.lorawan.fragmentation import FPORT, FragSessionSetupAns
from fuota.network import Uplink

APP = "AAAAAAAAAAAAAA01"
JOB = f"MCastXferJobReq:{APP}"
SHA256 = "ab" * 32
CUT = None
DEVICES = ("0000000000000001", "0000000000000002")
TIMEOUTS = WatchTimeouts(poll_ms=1000, outage_ms=10_000, reports_ms=30_000)
PLANNED = {"nb_frag": 10, "airtime_us": 5_000_000, "frames": 15, "duration_ms": 95_000}
PLANNED_END_S = 200
"""Start delay, duration and airtime."""
REQUEST = {"fragPkgVer": "1", "startDelaySecs": "100"}


def image_report(dev_eui: str) -> Uplink:
    return Uplink(dev_eui=dev_eui, port=IMAGE_REPORT_FPORT, pdu=ImageReport(sha256=bytes.fromhex(SHA256)).to_bytes())


def setup_answer(dev_eui: str) -> Uplink:
    return Uplink(dev_eui=dev_eui, port=FPORT, pdu=FragSessionSetupAns(version=1, frag_index=0).to_bytes())


@pytest.fixture
def campaign(journal, new_campaign, clock):
    return new_campaign(expected=PLANNED, request=REQUEST)


@pytest.fixture
def launched(journal, campaign):
    return journal.set_state(campaign.id, CampaignState.LAUNCHED, job_id=JOB)


@pytest.fixture
def receive(client, journal, clock):
    """Return a function that watches while uplinks arrive at given seconds, and returns the seconds that it took."""

    def received(campaign, uplinks: dict[int, Uplink], *, timeouts: WatchTimeouts = TIMEOUTS, receiving=True) -> float:
        begun_ms, plan = clock.now_ms, dict(uplinks)

        def sleep_ms(pause_ms: int) -> None:
            clock.sleep_ms(pause_ms)
            for second in [second for second in plan if clock.now_ms - begun_ms >= second * 1000]:
                journal.store_uplinks([plan.pop(second)])

        for _ in watch(
            campaign, client=client, journal=journal, timeouts=timeouts, receiving=receiving, sleep=sleep_ms
        ):
            pass
        return (clock.now_ms - begun_ms) / 1000

    return received


def updated(journal, campaign) -> int:
    return verdict_of(journal, journal.campaign(campaign.id)).updated


# --- whatever the server says


@pytest.mark.parametrize(
    "word",
    [
        403,
        404,
        "another job",
        *(pytest.param(word, marks=pytest.mark.slow) for word in (CUT, 500, 401, 400, 429, "<html>", "{}")),
    ],
)
def test_reports_are_received_to_the_planned_end(server, journal, launched, receive, word):
    answer = server.job("Running", 5, startTime=7000) if word == "another job" else word
    server.play("mcastStatus", server.job("Running", 10), answer)
    took_s = receive(launched, {150: image_report(DEVICES[0])})
    assert updated(journal, launched) == 1
    assert took_s >= PLANNED_END_S, "fragments may be sent until then"


def test_a_server_that_comes_back_ends_the_watch_as_usual(server, journal, launched, receive, clock):
    def down_for_a_minute():
        down = clock.now_ms - launched.created_ms < 60_000
        return 503 if down else server.job("Done", 100, startTime=1000, endTime=96_000)

    server.play("mcastStatus", server.job("Running", 10), down_for_a_minute)
    assert receive(launched, {}) == 60 + 30, "the job ended, and no report followed"
    assert journal.campaign(launched.id).state is CampaignState.FINISHED


def test_an_end_long_before_the_plan_is_not_believed(server, journal, launched, receive):
    server.play("mcastStatus", server.job("Done", 100, startTime=1000, endTime=9000))
    assert receive(launched, {150: image_report(DEVICES[0])}) >= PLANNED_END_S
    assert updated(journal, launched) == 1


@pytest.mark.parametrize("state", ["Cancelled", "DONE_FAIL", "Done"])
def test_a_plausible_end_is_believed(server, launched, receive, state):
    end_ms = 96_000 if state == "Done" else 9000
    server.play("mcastStatus", server.job(state, 50, startTime=1000, endTime=end_ms))
    assert receive(launched, {}) == 30


def test_the_watch_ends_when_every_device_has_settled(server, launched, receive):
    server.play("mcastStatus", server.job("Running", 10), 403)
    assert receive(launched, {20: image_report(DEVICES[0]), 40: image_report(DEVICES[1])}) == 40


def test_with_tags_the_watch_ends_when_the_expected_number_has_settled(server, journal, new_campaign, receive):
    campaign = new_campaign(expected=PLANNED, request=REQUEST, dev_euis=[], expect=2)
    journal.set_state(campaign.id, CampaignState.LAUNCHED)
    server.play("mcastStatus", server.job("Running", 10), 403)
    assert receive(journal.campaign(campaign.id), {20: image_report("A" * 16), 40: image_report("B" * 16)}) == 40


def test_a_clock_that_was_set_back_does_not_shorten_or_lengthen_the_watch(server, launched, receive, clock):
    server.play("mcastStatus", 403)
    clock.now_ms -= 3_600_000
    assert PLANNED_END_S <= receive(launched, {}) <= PLANNED_END_S + 31


def test_after_the_planned_end_an_outage_is_raised_as_usual(server, launched, receive, clock):
    clock.now_ms += PLANNED_END_S * 1000
    server.play("mcastStatus", CUT)
    with pytest.raises(NetworkError):
        receive(launched, {})
    assert clock.now_ms - launched.created_ms == PLANNED_END_S * 1000 + 10_000


def test_without_a_receiver_an_outage_is_raised(server, launched, receive):
    server.play("mcastStatus", server.job("Running", 10), 403)
    with pytest.raises(NetworkError):
        receive(launched, {}, receiving=False)


def test_a_full_disk_does_not_end_the_watch(server, journal, launched, receive, monkeypatch):
    server.play("mcastStatus", server.job("Running", 10), server.job("Done", 100, startTime=1000, endTime=96_000))
    set_state, failures = Journal.set_state, [1] * 5

    def full_at_first(self, *arguments, **keywords):
        if failures:
            failures.pop()
            raise StorageError("the journal cannot be used: database or disk is full")
        return set_state(self, *arguments, **keywords)

    monkeypatch.setattr(Journal, "set_state", full_at_first)
    receive(launched, {})
    assert not failures
    assert journal.campaign(launched.id).state is CampaignState.FINISHED


# --- a launch whose answer was lost


def test_uplinks_prove_that_the_server_took_the_job(server, journal, campaign, receive):
    journal.store_uplinks([setup_answer(DEVICES[0]), image_report(DEVICES[1])])
    receive(campaign, {}, receiving=False)
    assert journal.campaign(campaign.id).state is CampaignState.LAUNCHED
    assert updated(journal, campaign) == 1


def test_reports_of_another_image_prove_nothing(server, journal, campaign, receive):
    other = ImageReport(sha256=bytes(32)).to_bytes()
    journal.store_uplinks([Uplink(dev_eui=DEVICES[0], port=IMAGE_REPORT_FPORT, pdu=other)])
    with pytest.raises(OutcomeUnknownError, match="launch again"):
        receive(campaign, {}, receiving=False)


def test_answers_of_other_devices_prove_nothing(server, journal, campaign, receive):
    journal.store_uplinks([setup_answer("00000000000000FF")])
    with pytest.raises(OutcomeUnknownError):
        receive(campaign, {}, receiving=False)


def test_a_receiver_waits_for_the_proof(server, journal, campaign, receive):
    took_s = receive(campaign, {50: setup_answer(DEVICES[0]), 190: image_report(DEVICES[0])})
    assert took_s >= PLANNED_END_S
    assert updated(journal, campaign) == 1


def test_a_receiver_without_an_answer_ends_at_the_planned_end(server, campaign, receive, clock):
    with pytest.raises(OutcomeUnknownError, match="launch again"):
        receive(campaign, {})
    assert clock.now_ms - campaign.created_ms == PLANNED_END_S * 1000


def test_long_after_the_job_an_unknown_job_says_nothing(server, journal, campaign, receive, clock):
    clock.now_ms += (PLANNED_END_S + 15 * 60) * 1000
    with pytest.raises(OutcomeUnknownError, match="forgets a job 15 minutes after its end") as caught:
        receive(campaign, {}, receiving=False)
    assert "launch again" not in str(caught.value)


# --- the wait for reports


@pytest.mark.parametrize(
    ("uplinks", "reports_ms", "seconds"),
    [
        ({}, None, 1),
        ({0: setup_answer(DEVICES[0])}, None, 121),
        ({}, 20_000, 21),
        ({5: setup_answer(DEVICES[0])}, 0, 1),
    ],
)
def test_without_a_receiver_reports_are_awaited_if_some_arrived(
    server, launched, receive, uplinks, reports_ms, seconds
):
    server.play("mcastStatus", server.job("Running", 10), server.job("Done", 100, startTime=1000, endTime=96_000))
    timeouts = WatchTimeouts(poll_ms=1000, outage_ms=0, reports_ms=reports_ms)
    assert receive(launched, uplinks, timeouts=timeouts, receiving=False) == seconds
