"""From nothing but the uplinks in the journal to how the campaign stands."""

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


def says(dev_eui: str, payload: bytes, port: int = FPORT, app_eui: str | None = None) -> Uplink:
    return Uplink(dev_eui=dev_eui, port=port, pdu=payload, app_eui=app_eui)


def runs(dev_eui: str, sha256: str = SHA256, app_eui: str | None = None) -> Uplink:
    return says(dev_eui, ImageReport(sha256=bytes.fromhex(sha256)).to_bytes(), IMAGE_REPORT_FPORT, app_eui)


def status(received: int, missing: int, **more) -> bytes:
    return FragSessionStatusAns(
        **{"version": 1, "frag_index": 0, "nb_frag_received": received, "missing_frag": missing} | more
    ).to_bytes()


def outcomes(journal: Journal, campaign) -> dict[str, str]:
    return {report.dev_eui: str(report.outcome) for report in verdict_of(journal, campaign).devices}


def test_every_device_that_was_named_is_judged_and_the_silent_one_too(journal, new_campaign):
    campaign = new_campaign(dev_euis=[A, B, C, D])
    setup = FragSessionSetupAns(version=1, frag_index=0, not_enough_memory=True)
    journal.store_uplinks(
        [says(A, status(9, 2)), says(B, setup.to_bytes()), runs(C), runs(A, OTHER_SHA256), says(A, status(10, 1))]
    )
    verdict = verdict_of(journal, campaign)
    assert outcomes(journal, campaign) == {A: "incomplete", B: "refused", C: "updated", D: "silent"}
    first, second, _, _ = verdict.devices
    assert (first.missing, first.received, first.sha256) == (1, 10, OTHER_SHA256), "the last word counts"
    assert second.detail == "not enough memory"
    assert (verdict.targeted, verdict.updated, verdict.sha256) == (4, 1, SHA256)


def test_the_number_of_fragments_is_that_of_the_preflight(journal, new_campaign):
    # A device that has every uncoded fragment and says "1 missing" runs Semtech's stack; 10 is `nb_frag` of the campaign.
    campaign = new_campaign(dev_euis=[A, B], expected={"nb_frag": 10})
    journal.store_uplinks([says(A, status(10, 1)), says(B, status(11, 1))])
    assert outcomes(journal, campaign) == {A: "complete", B: "incomplete"}


def test_without_a_preflight_there_is_still_a_verdict(journal, new_campaign):
    campaign = new_campaign(dev_euis=[A], expected={})
    journal.store_uplinks([says(A, status(10, 1))])
    assert outcomes(journal, campaign) == {A: "incomplete"}


def test_messages_are_read_in_the_version_of_the_request(journal, new_campaign):
    campaign = new_campaign(dev_euis=[A, B], request={"fragPkgVer": "2"})
    corrupt = FragDataBlockReceivedReq(frag_index=0, mic_error=True)
    journal.store_uplinks([says(A, corrupt.to_bytes()), says(B, status(10, 0, version=2, mic_error=True))])
    assert outcomes(journal, campaign) == {A: "corrupt", B: "corrupt"}


def test_where_tags_were_given_all_of_the_application_that_spoke_of_it_are_judged(journal, new_campaign):
    campaign = new_campaign(dev_euis=[])
    journal.store_uplinks(
        [
            runs(B, app_eui=APP),
            says(A, status(3, 7)),
            says(C, b"\x15\x2a", port=2, app_eui=APP),
            runs(D, app_eui="AAAAAAAAAAAAAA02"),
        ]
    )
    assert outcomes(journal, campaign) == {B: "updated", A: "incomplete"}


def test_what_other_devices_and_other_ports_say_is_left_aside(journal, new_campaign):
    campaign = new_campaign(dev_euis=[A])
    report = ImageReport(sha256=bytes.fromhex(SHA256)).to_bytes()
    journal.store_uplinks([runs(B), says(A, report, port=11), says(A, report[:-1], port=IMAGE_REPORT_FPORT)])
    journal.store_uplinks([Uplink(dev_eui=A)])
    assert outcomes(journal, campaign) == {A: "silent"}


def test_uplinks_of_the_campaign_after_it_do_not_count(journal, new_campaign, clock):
    first = new_campaign(dev_euis=[A])
    clock.now_ms += 10
    second = new_campaign(dev_euis=[A])
    journal.store_uplinks([runs(A)])
    assert (outcomes(journal, first), outcomes(journal, second)) == ({A: "silent"}, {A: "updated"})


@pytest.mark.parametrize("port", [FPORT, IMAGE_REPORT_FPORT])
@pytest.mark.parametrize("octets", ["", "01", "0100", "80", "ff" * 40, "02", "0100ff01", "00" * 33, "01" * 32])
def test_no_octets_that_a_device_may_send_spoil_what_the_others_said(journal, new_campaign, port, octets):
    campaign = new_campaign(dev_euis=[A, B])
    journal.store_uplinks([says(A, bytes.fromhex(octets), port), runs(B)])
    assert outcomes(journal, campaign)[B] == "updated"
    assert outcomes(journal, campaign)[A] != "updated"
