"""A second launch of the same image is refused while the first may run; a job found after a lost answer must be proven."""

from __future__ import annotations

from contextlib import closing

import pytest

from fuota.campaign import CampaignState, Journal, is_proven
from fuota.campaign.claim import refuse_second_launch
from fuota.campaign.sending import Shipment, send_once
from fuota.device import IMAGE_REPORT_FPORT, ImageReport
from fuota.errors import OutcomeUnknownError, PlanError, StorageError
from fuota.network import TransferRequest, Uplink

APP = "AAAAAAAAAAAAAA01"
JOB = f"MCastXferJobReq:{APP}"
SHA256 = "ab" * 32
SERVER = "https://api.example.com"
EXPECTED = {"nb_frag": 10, "airtime_us": 5_000_000, "frames": 15, "duration_ms": 95_000}
REQUEST = {"fragPkgVer": "1", "startDelaySecs": "100"}
YOUNG_MS = (100 + 95 + 5 + 15 * 60) * 1000
"""Start delay, duration and airtime of the job, and 15 minutes in which the server remembers it."""


@pytest.fixture
def earlier(new_campaign, clock):
    return new_campaign(server=SERVER, expected=EXPECTED, request=REQUEST)


def refuse(journal, *, server=SERVER, app_eui=APP, image_sha256=SHA256) -> None:
    refuse_second_launch(journal, server=server, app_eui=app_eui, image_sha256=image_sha256)


@pytest.mark.parametrize("state", [CampaignState.INTENDED, CampaignState.LAUNCHED])
@pytest.mark.parametrize("age_ms", [0, YOUNG_MS - 1, -86_400_000])
def test_a_second_launch_is_refused_while_the_first_may_run(journal, earlier, clock, state, age_ms):
    journal.set_state(earlier.id, state)
    clock.now_ms += age_ms
    with pytest.raises(PlanError, match=f"`fuota watch {earlier.id}` finds out; --again"):
        refuse(journal)


@pytest.mark.parametrize("state", [CampaignState.FINISHED, CampaignState.CANCELLED, CampaignState.REFUSED])
def test_a_launch_is_possible_if_the_end_of_the_first_is_known(journal, earlier, state):
    journal.set_state(earlier.id, state)
    refuse(journal)


def test_a_launch_is_possible_when_the_first_cannot_run_any_more(journal, earlier, clock):
    clock.now_ms += YOUNG_MS
    refuse(journal)


def test_a_launch_is_possible_if_another_campaign_has_followed(journal, earlier, new_campaign):
    followed = new_campaign(server=SERVER, image_sha256="cd" * 32)
    journal.set_state(followed.id, CampaignState.FINISHED)
    refuse(journal)


@pytest.mark.parametrize(
    "other", [{"app_eui": "AAAAAAAAAAAAAA02"}, {"image_sha256": "cd" * 32}, {"server": "http://127.0.0.1:8380"}]
)
def test_other_images_applications_and_sandboxes_are_free(journal, earlier, other):
    refuse(journal, **other)


def test_another_name_of_the_server_is_no_way_around(journal, earlier):
    with pytest.raises(PlanError):
        refuse(journal, server="https://10.1.2.3")


# --- a lost answer


@pytest.fixture
def send(client, journal, server):
    request = TransferRequest(app_eui=APP, dev_euis=["0000000000000001"], start_delay_s=100, redundancy=0.5)
    shipment = Shipment(image=b"image", request=request, server=server.url, expected=EXPECTED)
    return lambda: send_once(client, journal, shipment, sleep=lambda _: None)


def test_a_confirmed_launch_is_proven(server, journal, send):
    server.play("mcastTransfer", {"jobId": JOB})
    assert is_proven(journal, send())


def test_a_job_that_was_found_is_proven_by_a_report_of_the_image(server, journal, send):
    server.play("mcastStatus", 404, server.job("Running"))
    server.play("mcastTransfer", 503)
    campaign = send()
    assert not is_proven(journal, campaign)
    for sha256, proven in ((bytes(32), False), (bytes.fromhex(campaign.image_sha256), True)):
        report = ImageReport(sha256=sha256).to_bytes()
        journal.store_uplinks([Uplink(dev_eui="0000000000000001", port=IMAGE_REPORT_FPORT, pdu=report)])
        assert is_proven(journal, campaign) is proven


@pytest.mark.parametrize("failing", ["note", "set_state"])
@pytest.mark.parametrize("answer", [{"jobId": JOB}, 503])
def test_a_full_disk_after_the_launch_is_an_unknown_outcome_with_the_job(
    server, journal, send, monkeypatch, failing, answer
):
    def fails(*_arguments, **_keywords):
        raise StorageError("the journal cannot be used: database or disk is full")

    server.play("mcastStatus", 404, server.job("Running"))
    server.play("mcastTransfer", answer)
    monkeypatch.setattr(Journal, failing, fails)
    with pytest.raises(OutcomeUnknownError, match=rf"has the job {JOB}.*disk is full.*`fuota watch"):
        send()
    assert len(server.posts()) == 1
    monkeypatch.undo()
    with closing(Journal(journal.path.parent)) as reopened:
        assert reopened.campaigns()[0].state is CampaignState.INTENDED
