"""A job is late if the server reports it as running long after the end of its plan."""

from __future__ import annotations

import pytest

from fuota.campaign import CampaignState, Progress, is_late

RUNNING = Progress(state="Running", pct_done=40, uplinks=0, finished=False, answered=True)
EXPECTED = {"nb_frag": 10, "airtime_us": 5_000_000, "frames": 15, "duration_ms": 400_000}
REQUEST = {"fragPkgVer": "1", "startDelaySecs": "300"}


@pytest.fixture
def campaign(journal, new_campaign, clock):
    campaign = new_campaign(expected=EXPECTED, request=REQUEST)
    return journal.set_state(campaign.id, CampaignState.LAUNCHED)


def test_a_job_lasts_its_start_delay_and_the_duration_of_its_plan(campaign):
    assert campaign.lasts_ms == 300_000 + 400_000


@pytest.mark.parametrize(("passed_ms", "late"), [(774_999, False), (775_000, True)])
def test_a_job_is_late_after_a_tenth_of_its_time_and_its_airtime(journal, campaign, clock, passed_ms, late):
    # The server may count its interval from the end of each frame: 5 s of airtime. A tenth of 700 s is more than a minute.
    clock.now_ms += passed_ms
    assert is_late(journal, campaign, RUNNING) is late


def test_a_short_job_is_late_after_a_minute(journal, new_campaign, clock):
    short = new_campaign(expected=EXPECTED | {"duration_ms": 1_000}, request={"fragPkgVer": "1"})
    journal.set_state(short.id, CampaignState.LAUNCHED)
    clock.now_ms += 65_999
    assert not is_late(journal, short, RUNNING)
    clock.now_ms += 1
    assert is_late(journal, short, RUNNING)


def test_a_wait_for_reports_and_a_job_that_has_ended_are_not_late(journal, campaign, clock):
    clock.now_ms += 10_000_000
    waiting = Progress(state="Running", pct_done=40, uplinks=0, finished=False)
    assert not is_late(journal, campaign, waiting)
    journal.set_state(campaign.id, CampaignState.FINISHED)
    assert not is_late(journal, campaign, RUNNING)


def test_a_campaign_without_a_duration_is_not_late(journal, new_campaign, clock):
    campaign = journal.set_state(new_campaign().id, CampaignState.LAUNCHED)
    clock.now_ms += 10_000_000
    assert campaign.lasts_ms is None
    assert not is_late(journal, campaign, RUNNING)
