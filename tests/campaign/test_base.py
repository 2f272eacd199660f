"""The base of a patch against the reports of the devices, and the verdict for its target."""

from __future__ import annotations

import pytest

from fuota.campaign import check_base, known_images, verdict_of
from fuota.device import IMAGE_REPORT_FPORT, ImageReport
from fuota.errors import PlanError
from fuota.network import Uplink

BASE, TARGET, OTHER = "ab" * 32, "cd" * 32, "ef" * 32
A, B, C = (f"000000000000000{digit}" for digit in "ABC")


def runs(dev_eui: str, sha256: str) -> Uplink:
    return Uplink(dev_eui=dev_eui, port=IMAGE_REPORT_FPORT, pdu=ImageReport(sha256=bytes.fromhex(sha256)).to_bytes())


def test_the_last_report_of_a_device_counts_over_all_campaigns(journal, new_campaign, clock):
    for reports in ([runs(A, OTHER), runs(B, BASE)], [runs(A, BASE)], [runs(C, TARGET)]):
        new_campaign()
        journal.store_uplinks(reports)
        clock.now_ms += 10
    assert known_images(journal) == {A: BASE, B: BASE, C: TARGET}


def test_campaigns_of_several_applications_overlap(journal, new_campaign, clock):
    for app_eui, sha256 in (("1" * 16, OTHER), ("2" * 16, BASE), ("1" * 16, TARGET), ("2" * 16, BASE)):
        new_campaign(app_eui=app_eui)
        journal.store_uplinks([runs(A, sha256)])
        clock.now_ms += 10
    assert known_images(journal) == {A: BASE}


def test_other_ports_and_malformed_reports_are_ignored(journal, new_campaign):
    new_campaign()
    journal.store_uplinks([Uplink(dev_eui=A, port=IMAGE_REPORT_FPORT, pdu=b"\x01"), Uplink(dev_eui=A, port=2)])
    assert known_images(journal) == {}


def test_reports_in_other_sandboxes_do_not_count(journal, new_campaign):
    sandbox, real = "http://127.0.0.1:1", "https://api.senraco.io"
    new_campaign(server=sandbox)
    journal.store_uplinks([runs(A, OTHER)])
    assert known_images(journal) == known_images(journal, sandbox) == {A: OTHER}
    assert known_images(journal, "http://127.0.0.1:2") == known_images(journal, real) == {}


def test_devices_that_run_the_base_or_have_not_reported_pass(journal, new_campaign):
    new_campaign()
    journal.store_uplinks([runs(A, BASE)])
    assert check_base(journal, [A], BASE) == ()
    assert check_base(journal, [A, B, C], BASE) == (B, C)


@pytest.mark.parametrize("runs_now", [OTHER, TARGET])
def test_a_device_that_runs_another_image_is_refused(journal, new_campaign, runs_now):
    new_campaign()
    journal.store_uplinks([runs(A, BASE), runs(B, runs_now)])
    with pytest.raises(PlanError, match=f"1 of 3 devices do not run the base .*{B} .{runs_now[:16]}…"):
        check_base(journal, [A, B, C], BASE)


def test_a_device_that_reports_the_target_of_a_patch_is_updated(journal, new_campaign):
    campaign = new_campaign(dev_euis=[A, B, C], image_sha256=OTHER, target_sha256=TARGET)
    journal.store_uplinks([runs(A, TARGET), runs(B, OTHER), runs(C, BASE)])
    verdict = verdict_of(journal, campaign)
    assert verdict.sha256 == TARGET
    assert [str(device.outcome) for device in verdict.devices] == ["updated", "silent", "silent"]
