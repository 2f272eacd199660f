"""The verdict of a campaign, from the uplinks in the journal."""

from __future__ import annotations

import pytest

from fuota.campaign import Journal, verdict_of
from fuota.device import IMAGE_REPORT_FPORT, ImageReport
from fuota.lorawan.fragmentation import FPORT, FragDataBlockReceivedReq, FragSessionSetupAns, FragSessionStatusAns
from fuota.network import Uplink

SHA256 = "ab" * 32
OTHER_SHA256 = "cd" * 32
A, B, C, D = (f"000000000000000{digit}" for digit in "ABCD")
APP = "AAAAAAAAAAAAAA01"


def uplink(dev_eui: str, payload: bytes, port: int = FPORT, app_eui: str | None = None) -> Uplink:
    return Uplink(dev_eui=dev_eui, port=port, pdu=payload, app_eui=app_eui)


def runs(dev_eui: str, sha256: str = SHA256, app_eui: str | None = None) -> Uplink:
    return uplink(dev_eui, ImageReport(sha256=bytes.fromhex(sha256)).to_bytes(), IMAGE_REPORT_FPORT, app_eui)


def status(received: int, missing: int, **more) -> bytes:
    return FragSessionStatusAns(
        **{"version": 1, "frag_index": 0, "nb_frag_received": received, "missing_frag": missing} | more
    ).to_bytes()


def outcomes(journal: Journal, campaign) -> dict[str, str]:
    return {report.dev_eui: str(report.outcome) for report in verdict_of(journal, campaign).devices}


def test_every_named_device_is_judged_even_if_it_is_silent(journal, new_campaign):
    campaign = new_campaign(dev_euis=[A, B, C, D])
    setup = FragSessionSetupAns(version=1, frag_index=0, not_enough_memory=True)
    journal.store_uplinks(
        [uplink(A, status(9, 2)), uplink(B, setup.to_bytes()), runs(C), runs(A, OTHER_SHA256), uplink(A, status(10, 1))]
    )
    verdict = verdict_of(journal, campaign)
    assert outcomes(journal, campaign) == {A: "incomplete", B: "refused", C: "updated", D: "silent"}
    first, second, _, _ = verdict.devices
    assert (first.missing, first.received, first.sha256) == (1, 10, OTHER_SHA256), "the last report counts"
    assert second.detail == "not enough memory"
    assert (verdict.targeted, verdict.updated, verdict.sha256) == (4, 1, SHA256)


def test_the_number_of_fragments_comes_from_the_plan(journal, new_campaign):
    # A device that has every uncoded fragment and says "1 missing" runs Semtech's stack; 10 is `nb_frag` of the campaign.
    campaign = new_campaign(dev_euis=[A, B], expected={"nb_frag": 10})
    journal.store_uplinks([uplink(A, status(10, 1)), uplink(B, status(11, 1))])
    assert outcomes(journal, campaign) == {A: "complete", B: "incomplete"}


def test_a_verdict_needs_no_expected_values(journal, new_campaign):
    campaign = new_campaign(dev_euis=[A], expected={})
    journal.store_uplinks([uplink(A, status(10, 1))])
    assert outcomes(journal, campaign) == {A: "incomplete"}


def test_messages_are_parsed_with_the_version_of_the_request(journal, new_campaign):
    campaign = new_campaign(dev_euis=[A, B], request={"fragPkgVer": "2"})
    corrupt = FragDataBlockReceivedReq(frag_index=0, mic_error=True)
    journal.store_uplinks([uplink(A, corrupt.to_bytes()), uplink(B, status(10, 0, version=2, mic_error=True))])
    assert outcomes(journal, campaign) == {A: "corrupt", B: "corrupt"}


def test_with_tags_every_device_of_the_application_that_reported_is_judged(journal, new_campaign):
    campaign = new_campaign(dev_euis=[])
    journal.store_uplinks(
        [
            runs(B, app_eui=APP),
            uplink(A, status(3, 7)),
            uplink(C, b"\x15\x2a", port=2, app_eui=APP),
            runs(D, app_eui="AAAAAAAAAAAAAA02"),
        ]
    )
    assert outcomes(journal, campaign) == {B: "updated", A: "incomplete"}


def test_other_devices_and_other_ports_are_ignored(journal, new_campaign):
    campaign = new_campaign(dev_euis=[A])
    report = ImageReport(sha256=bytes.fromhex(SHA256)).to_bytes()
    journal.store_uplinks([runs(B), uplink(A, report, port=11), uplink(A, report[:-1], port=IMAGE_REPORT_FPORT)])
    journal.store_uplinks([Uplink(dev_eui=A)])
    assert outcomes(journal, campaign) == {A: "silent"}


def test_uplinks_of_the_next_campaign_do_not_count(journal, new_campaign, clock):
    first = new_campaign(dev_euis=[A])
    clock.now_ms += 10
    second = new_campaign(dev_euis=[A])
    journal.store_uplinks([runs(A)])
    assert (outcomes(journal, first), outcomes(journal, second)) == ({A: "silent"}, {A: "updated"})


@pytest.mark.parametrize("port", [FPORT, IMAGE_REPORT_FPORT])
@pytest.mark.parametrize("payload", ["", "01", "0100", "80", "ff" * 40, "02", "0100ff01", "00" * 33, "01" * 32])
def test_malformed_uplinks_of_one_device_do_not_change_the_verdict_of_others(journal, new_campaign, port, payload):
    campaign = new_campaign(dev_euis=[A, B])
    journal.store_uplinks([uplink(A, bytes.fromhex(payload), port), runs(B)])
    assert outcomes(journal, campaign)[B] == "updated"
    assert outcomes(journal, campaign)[A] != "updated"
