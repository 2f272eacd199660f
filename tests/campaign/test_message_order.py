"""The verdict depends on what the devices sent and in which order, not on the order, time or number of arrivals."""

from __future__ import annotations

import itertools
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fuota.campaign import Journal, verdict_of
from fuota.campaign.status import record_status
from fuota.device import IMAGE_REPORT_FPORT, ImageReport, judge
from fuota.lorawan.fragmentation import FPORT, FragSessionSetupAns, FragSessionStatusAns, parse_uplink
from fuota.network import TransferStatus, Uplink

NEW, OLD = "ab" * 32, "cd" * 32
DEVICES = ("0000000000000001", "0000000000000002")
APP = "AAAAAAAAAAAAAA01"
BEGIN = datetime(2026, 11, 30, 10, tzinfo=UTC)

images = st.sampled_from((NEW, OLD)).map(
    lambda sha256: (IMAGE_REPORT_FPORT, ImageReport(sha256=bytes.fromhex(sha256)).to_bytes())
)
statuses = st.tuples(st.integers(0, 12), st.integers(0, 3)).map(
    lambda pair: (
        FPORT,
        FragSessionStatusAns(version=1, frag_index=0, nb_frag_received=pair[0], missing_frag=pair[1]).to_bytes(),
    )
)
setups = st.booleans().map(
    lambda full: (FPORT, FragSessionSetupAns(version=1, frag_index=0, not_enough_memory=full).to_bytes())
)
messages = st.lists(images | statuses | setups, min_size=1, max_size=6)


def sent(dev_eui: str, payloads, *, joins_after: int, numbered: bool, timed: bool) -> list[Uplink]:
    """Return the uplinks of a device in the order in which it sent them. It joins again after some of them."""
    uplinks = []
    for number, (port, payload) in enumerate(payloads):
        joined = number >= joins_after
        uplink = Uplink(dev_eui=dev_eui, port=port, pdu=payload)
        if numbered:
            uplink = replace(uplink, join_id=5 + joined, seqno=number - joins_after + 1 if joined else 100 + number)
        if timed:
            uplink = replace(uplink, txtime=BEGIN + timedelta(minutes=number))
        uplinks.append(uplink)
    return uplinks


@settings(max_examples=40, deadline=None)
@given(data=st.data(), numbered=st.booleans())
def test_every_order_of_delivery_gives_the_same_verdict(data, numbered, tmp_path_factory, new_journal_campaign):
    by_device = {
        dev_eui: sent(
            dev_eui, data.draw(messages), joins_after=data.draw(st.integers(0, 6)), numbered=numbered, timed=True
        )
        for dev_eui in DEVICES
    }
    uplinks = list(itertools.chain.from_iterable(by_device.values()))
    repeats = data.draw(st.lists(st.sampled_from(uplinks), max_size=4))
    arrived = data.draw(st.permutations([*uplinks, *repeats]))
    looks = data.draw(st.sets(st.integers(0, len(arrived)), max_size=3))

    with closing(Journal(tmp_path_factory.mktemp("state"))) as journal:
        campaign = new_journal_campaign(journal)
        for number, uplink in enumerate(arrived):
            if number in looks:
                verdict_of(journal, campaign)  # a verdict in between must not change the last verdict
            journal.store_uplinks([uplink])
        verdict = verdict_of(journal, campaign)

    for report in verdict.devices:
        parts = [part for uplink in by_device[report.dev_eui] for part in parts_of(uplink)]
        assert report == judge(report.dev_eui, parts, sha256=NEW, nb_frag=10)


def parts_of(uplink: Uplink):
    if uplink.port == IMAGE_REPORT_FPORT:
        return [ImageReport.parse(uplink.pdu)]
    return parse_uplink(uplink.pdu, version=1).commands


@pytest.fixture(scope="module")
def new_journal_campaign():
    def record(journal: Journal, **facts):
        usual = {
            "image_name": "app.bin",
            "image_sha256": NEW,
            "image_bytes": 500,
            "dev_euis": list(DEVICES),
            "request": {"fragPkgVer": "1"},
            "expected": {"nb_frag": 10},
        }
        return journal.open_campaign(server="http://127.0.0.1:1", app_eui=APP, facts=usual | facts)

    return record


def runs(sha256: str, **more) -> Uplink:
    payload = ImageReport(sha256=bytes.fromhex(sha256)).to_bytes()
    return Uplink(dev_eui=DEVICES[0], port=IMAGE_REPORT_FPORT, pdu=payload, **more)


def start_job(journal, campaign) -> None:
    """Record what the server says of a job that began at BEGIN."""
    start_ms = int(BEGIN.timestamp() * 1000)
    answer = {"jobId": "job", "state": "Running", "startTime": start_ms, "endTime": 0, "pctDone": 1}
    record_status(journal, campaign, TransferStatus.from_answer(answer))


def outcome(journal, campaign) -> str:
    return str(verdict_of(journal, campaign).devices[0].outcome)


def test_older_report_that_arrives_later_changes_nothing(journal, new_campaign):
    campaign = new_campaign()
    journal.store_uplinks([runs(NEW, join_id=1, seqno=10), runs(OLD, join_id=1, seqno=8)])
    assert outcome(journal, campaign) == "updated"


def test_counter_of_uplinks_starts_again_with_each_join(journal, new_campaign):
    campaign = new_campaign()
    journal.store_uplinks([runs(NEW, join_id=2, seqno=1), runs(OLD, join_id=1, seqno=500)])
    assert outcome(journal, campaign) == "updated"


def test_time_of_the_server_decides_without_numbers(journal, new_campaign):
    campaign = new_campaign()
    journal.store_uplinks([runs(NEW, txtime=BEGIN + timedelta(minutes=10)), runs(OLD, txtime=BEGIN)])
    assert outcome(journal, campaign) == "updated"


def test_order_of_arrival_decides_without_numbers_and_times(journal, new_campaign):
    campaign = new_campaign()
    journal.store_uplinks([runs(OLD), runs(NEW)])
    assert outcome(journal, campaign) == "updated"


@pytest.mark.parametrize("step_ms", [-3_600_000, 3_600_000])
def test_step_of_the_local_clock_loses_no_uplink(journal, new_campaign, clock, step_ms):
    campaign = new_campaign()
    clock.now_ms += step_ms
    journal.store_uplinks([runs(NEW)])
    assert (outcome(journal, campaign), journal.count_uplinks(campaign)) == ("updated", 1)


def test_uplink_from_before_the_job_does_not_count(journal, new_campaign):
    campaign = new_campaign(request={"fragPkgVer": "1", "startDelaySecs": "60"})
    start_job(journal, campaign)
    journal.store_uplinks([runs(NEW, txtime=BEGIN - timedelta(seconds=61))])
    assert outcome(journal, campaign) == "silent"
    journal.store_uplinks([runs(NEW, txtime=BEGIN - timedelta(seconds=59))])
    assert outcome(journal, campaign) == "updated"


def test_start_that_is_learnt_later_counts_for_earlier_uplinks_too(journal, new_campaign):
    campaign = new_campaign()
    journal.store_uplinks([runs(NEW, txtime=BEGIN - timedelta(hours=1))])
    assert outcome(journal, campaign) == "updated"
    start_job(journal, campaign)
    assert outcome(journal, campaign) == "silent"


def test_report_under_another_application_does_not_count(journal, new_campaign):
    campaign = new_campaign()
    journal.store_uplinks([runs(NEW, app_eui="AAAAAAAAAAAAAA02")])
    assert outcome(journal, campaign) == "silent"


def test_sandbox_with_the_same_devices_does_not_change_a_concluded_campaign(journal, new_campaign):
    campaign = new_campaign()
    journal.store_uplinks([runs(NEW)])
    journal.conclude(campaign.id, {"updated": 1})
    new_campaign(server="http://127.0.0.1:2")
    journal.store_uplinks([runs(OLD)])
    assert outcome(journal, campaign) == "updated"
    assert journal.conclusion(campaign.id) == {"updated": 1}


def test_late_report_still_counts_after_the_conclusion(journal, new_campaign):
    campaign = new_campaign()
    journal.conclude(campaign.id, {"updated": 0})
    journal.store_uplinks([runs(NEW)])
    assert outcome(journal, campaign) == "updated"
