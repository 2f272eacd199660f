from __future__ import annotations

import hashlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fuota.device import IMAGE_REPORT_FPORT, DeviceReport, ImageReport, Outcome, Verdict, judge
from fuota.errors import MessageError
from fuota.lorawan.fragmentation import (
    FragDataBlockReceivedReq,
    FragSessionDeleteAns,
    FragSessionSetupAns,
    FragSessionStatusAns,
    PackageVersionAns,
)

NEW, OLD = hashlib.sha256(b"new").digest(), hashlib.sha256(b"old").digest()
RUNS_NEW, RUNS_OLD = ImageReport(sha256=NEW), ImageReport(sha256=OLD)
ACCEPTED = FragSessionSetupAns(version=2, frag_index=0)
RECEIVED = FragDataBlockReceivedReq(frag_index=0)
M = 32


def status(missing, received=M + 5, version=1, **flags):
    return FragSessionStatusAns(version=version, frag_index=0, nb_frag_received=received, missing_frag=missing, **flags)


def after(*messages, nb_frag=M):
    return judge("0A", messages, sha256=NEW.hex(), nb_frag=nb_frag)


# --- ImageReport


@given(st.binary(min_size=32, max_size=32))
def test_image_report_round_trips(sha256):
    payload = ImageReport(sha256=sha256).to_bytes()
    assert payload == b"\x01" + sha256
    assert ImageReport.parse(payload) == ImageReport(sha256=sha256)


@pytest.mark.parametrize(
    "payload", [b"", b"\x01", b"\x01" + NEW[:31], b"\x01" + NEW + b"\x00", b"\x02" + NEW, NEW + b"\x01"]
)
def test_other_bytes_are_not_an_image_report(payload):
    with pytest.raises(MessageError, match=rf" 33 bytes, got {len(payload)} bytes$"):
        ImageReport.parse(payload)


def test_port_of_image_reports():
    assert IMAGE_REPORT_FPORT == 10


# --- judge: each outcome


@pytest.mark.parametrize(
    ("messages", "outcome", "missing", "received"),
    [
        ((), Outcome.SILENT, None, None),
        ((PackageVersionAns(package_identifier=3, package_version=2),), Outcome.SILENT, None, None),
        ((FragSessionDeleteAns(frag_index=0),), Outcome.SILENT, None, None),
        ((FragSessionStatusAns(version=2, session_does_not_exist=True),), Outcome.SILENT, None, None),
        ((ACCEPTED,), Outcome.SILENT, None, None),
        ((RUNS_OLD,), Outcome.SILENT, None, None),
        ((RUNS_NEW,), Outcome.UPDATED, 0, None),
        ((ACCEPTED, status(0), RUNS_NEW), Outcome.UPDATED, 0, M + 5),
        ((status(0),), Outcome.COMPLETE, 0, M + 5),
        ((status(0, version=2),), Outcome.COMPLETE, 0, M + 5),
        ((RECEIVED,), Outcome.COMPLETE, 0, None),
        ((status(7, 25),), Outcome.INCOMPLETE, 7, 25),
        ((status(255, 3, version=2),), Outcome.INCOMPLETE, 255, 3),
        ((status(0, memory_error=True),), Outcome.INCOMPLETE, 0, M + 5),
        ((status(0, version=2, mic_error=True),), Outcome.CORRUPT, 0, M + 5),
        ((FragDataBlockReceivedReq(frag_index=0, mic_error=True),), Outcome.CORRUPT, 0, None),
        ((FragSessionSetupAns(version=1, frag_index=0, not_enough_memory=True),), Outcome.REFUSED, None, None),
    ],
)
def test_outcome_that_follows_from_messages(messages, outcome, missing, received):
    report = after(*messages)
    assert (report.dev_eui, report.outcome, report.missing, report.received) == ("0A", outcome, missing, received)


def test_detail_lists_each_reason_of_a_refusal():
    refusal = FragSessionSetupAns(
        version=2,
        frag_index=0,
        frag_algo_unsupported=True,
        not_enough_memory=True,
        frag_index_unsupported=True,
        wrong_descriptor=True,
        session_cnt_replay=True,
    )
    assert after(refusal).detail.split(", ") == [
        "the algorithm is not supported",
        "not enough memory",
        "FragIndex not supported",
        "wrong descriptor",
        "SessionCnt was used before",
    ]
    assert after(FragSessionSetupAns(version=1, frag_index=0, wrong_descriptor=True)).detail == "wrong descriptor"


def test_detail_explains_the_outcome():
    assert after().detail == ""
    assert "sent no status" in after(ACCEPTED).detail
    assert "not enough memory to decode" in after(status(3, memory_error=True)).detail
    assert "runs another image" in after(status(0), RUNS_OLD).detail
    for messages in ((ACCEPTED, status(4)), (ACCEPTED, RUNS_NEW), (status(0), RUNS_OLD, RUNS_NEW)):
        assert after(*messages).detail == ""


# --- judge: a later message replaces an earlier one, but nothing replaces the proof


@pytest.mark.parametrize(
    ("messages", "outcome", "missing"),
    [
        ((status(9), status(2)), Outcome.INCOMPLETE, 2),
        ((status(9), status(0)), Outcome.COMPLETE, 0),
        ((status(9), RECEIVED), Outcome.COMPLETE, 0),
        ((status(0), status(4)), Outcome.INCOMPLETE, 4),
        ((status(0, version=2, mic_error=True), status(0, version=2)), Outcome.COMPLETE, 0),
        ((RECEIVED, FragDataBlockReceivedReq(frag_index=0, mic_error=True)), Outcome.CORRUPT, 0),
        ((FragSessionSetupAns(version=1, frag_index=0, wrong_descriptor=True), ACCEPTED), Outcome.SILENT, None),
        ((ACCEPTED, FragSessionSetupAns(version=1, frag_index=0, wrong_descriptor=True)), Outcome.REFUSED, None),
        ((status(4), FragSessionStatusAns(version=2, session_does_not_exist=True)), Outcome.INCOMPLETE, 4),
        ((RUNS_OLD, RUNS_NEW), Outcome.UPDATED, 0),
        ((status(0), RUNS_NEW, RUNS_OLD), Outcome.COMPLETE, 0),
        ((RUNS_NEW, status(5)), Outcome.UPDATED, 0),
        ((RUNS_NEW, FragSessionSetupAns(version=1, frag_index=0, wrong_descriptor=True)), Outcome.UPDATED, 0),
        ((status(0, version=2, mic_error=True), RUNS_NEW), Outcome.UPDATED, 0),
    ],
)
def test_later_message_replaces_earlier_except_the_proof(messages, outcome, missing):
    report = after(*messages)
    assert (report.outcome, report.missing) == (outcome, missing)


def test_last_reported_image_is_kept():
    assert after(RUNS_OLD).sha256 == OLD.hex()
    assert after(RUNS_NEW, RUNS_OLD).sha256 == OLD.hex()
    assert after(status(0)).sha256 is None


# --- tolerance of field bugs


def test_bug_08_lora_basics_modem_reports_one_missing_without_loss():
    report = after(status(1, M))
    assert (report.outcome, report.settled) == (Outcome.COMPLETE, False)
    assert "reports 1 missing" in report.detail
    assert after(status(1, M), RUNS_NEW).outcome is Outcome.UPDATED


def test_bug_08_image_report_shows_that_a_fragment_is_really_missing():
    for messages in ((status(1, M), RUNS_OLD), (RUNS_OLD, status(1, M))):
        report = after(*messages)
        assert (report.outcome, report.missing, report.settled) == (Outcome.INCOMPLETE, 1, True)
        assert "runs another image" in report.detail


@pytest.mark.parametrize(("missing", "received", "nb_frag"), [(1, M - 1, M), (1, M + 1, M), (2, M, M), (1, M, None)])
def test_bug_08_other_numbers_are_not_mistaken_for_the_miscount(missing, received, nb_frag):
    report = after(status(missing, received), nb_frag=nb_frag)
    assert (report.outcome, report.missing) == (Outcome.INCOMPLETE, missing)


def test_bug_09_loramac_node_missing_frag_that_never_shrank_waits_for_the_image_report():
    """It repaired 6 lost fragments and still reports 6. The image report overrules it, so nothing is settled before."""
    assert not after(status(6)).settled
    assert after(status(6), RUNS_NEW).outcome is Outcome.UPDATED


def test_zero_missing_and_zero_received_is_silent():
    """LoRa Basics Modem answers zeros for a session that has had no fragment."""
    report = after(status(0, 0))
    assert (report.outcome, report.missing, report.detail) == (
        Outcome.SILENT,
        None,
        "reports that it received no fragment",
    )


@pytest.mark.parametrize("received", [3, M, M + 40, 16383])
def test_bug_10_nb_frag_received_does_not_matter(received):
    assert after(status(0, received)).outcome is Outcome.COMPLETE
    assert after(status(2, received)).outcome is Outcome.INCOMPLETE


def test_bug_21_repeated_completion_changes_nothing():
    assert after(RECEIVED, RECEIVED, RECEIVED) == after(RECEIVED)


# --- settled, and the verdict


@pytest.mark.parametrize(
    ("messages", "settled"),
    [
        ((), False),
        ((ACCEPTED,), False),
        ((RUNS_OLD,), False),
        ((status(0),), False),
        ((status(0), RUNS_OLD), False),
        ((status(5),), False),
        ((status(5), RUNS_OLD), True),
        ((status(0, version=2, mic_error=True),), True),
        ((FragSessionSetupAns(version=1, frag_index=0, wrong_descriptor=True),), True),
        ((RUNS_NEW,), True),
    ],
)
def test_settled_means_that_no_message_is_expected(messages, settled):
    assert after(*messages).settled is settled


def verdict_of(*outcomes):
    devices = tuple(DeviceReport(dev_eui=f"{i:016X}", outcome=outcome) for i, outcome in enumerate(outcomes))
    return Verdict(sha256=NEW.hex(), devices=devices)


def test_verdict_counts_every_outcome():
    verdict = verdict_of(Outcome.UPDATED, Outcome.SILENT, Outcome.UPDATED, Outcome.CORRUPT)
    assert (verdict.targeted, verdict.updated) == (4, 2)
    assert verdict.counts == dict.fromkeys(Outcome, 0) | {Outcome.UPDATED: 2, Outcome.SILENT: 1, Outcome.CORRUPT: 1}
    assert list(verdict.counts) == list(Outcome)
    assert [report.dev_eui[-1] for report in verdict.with_outcome(Outcome.UPDATED)] == ["0", "2"]
    assert verdict.with_outcome(Outcome.REFUSED) == ()


def test_verdict_is_settled_when_every_device_is():
    assert verdict_of(Outcome.UPDATED, Outcome.REFUSED, Outcome.CORRUPT).settled
    assert not verdict_of(Outcome.UPDATED, Outcome.SILENT).settled
    assert not verdict_of(Outcome.COMPLETE).settled


def test_report_becomes_a_flat_object():
    assert json.loads(json.dumps(after(status(7, 25), RUNS_OLD).to_json())) == {
        "dev_eui": "0A",
        "outcome": "incomplete",
        "missing": 7,
        "received": 25,
        "sha256": OLD.hex(),
        "detail": "",
    }
