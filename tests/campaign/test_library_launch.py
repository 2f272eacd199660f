"""fuota.launch has the checks of `fuota launch`: over HTTP, with the sandbox as the server."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path

import pytest

import fuota
from fuota.campaign import CampaignState, Journal
from fuota.device import IMAGE_REPORT_FPORT, ImageReport
from fuota.errors import ImageError, NotFoundError, ParameterError, PlanError
from fuota.network import Uplink
from fuota.planning import PlanRecipe

FOLDER = Path(__file__).parents[2] / "sample_firmware"
OLD, NEW = FOLDER / "sensor-1.0.0.bin", FOLDER / "sensor-1.1.0.bin"
PATCH = FOLDER / "sensor-1.0.0-to-1.1.0.patch"
DR5 = PlanRecipe(region="EU868", data_rate=5, redundancy=0.1)


@pytest.fixture(scope="module")
def sandbox():
    with fuota.Sandbox(speed=None) as running:
        yield running


@pytest.fixture
def client(sandbox):
    return fuota.SenraClient(sandbox.url, sandbox.api_key)


@pytest.fixture
def launch(client, sandbox, journal):
    """Call fuota.launch for the devices of the sandbox."""

    def start(image, **options):
        usual = {"client": client, "app_eui": sandbox.app_eui, "dev_tags": ["sandbox"], "journal": journal}
        return fuota.launch(image, **(usual | options))

    return start


def nothing_was_sent(client, sandbox, journal: Journal) -> bool:
    """Return whether the server has no job and the journal no campaign."""
    with pytest.raises(NotFoundError):
        client.transfers.status(app_eui=sandbox.app_eui)
    return journal.campaigns() == []


@pytest.mark.parametrize("suffix", ["hex", "elf", "srec", "uf2"])
def test_a_refused_image_is_never_sent(launch, client, sandbox, journal, suffix):
    with pytest.raises(ImageError, match=r"cannot be sent.*\(not-binary\)"):
        launch(FOLDER / f"sensor-1.1.0.{suffix}", plan=DR5)
    assert nothing_was_sent(client, sandbox, journal)


def test_a_refused_image_is_not_sent_with_a_finished_plan(launch, client, sandbox, journal):
    content = (FOLDER / "sensor-1.1.0.hex").read_bytes()
    plan = fuota.plan(content, region="EU868", data_rate=5, nb_coded=3)
    with pytest.raises(ImageError, match="not-binary"):
        launch(content, plan=plan)
    assert nothing_was_sent(client, sandbox, journal)


def test_a_finished_plan_is_only_for_its_image(launch, client, sandbox, journal):
    with pytest.raises(ImageError, match="plan again"):
        launch(NEW, plan=fuota.plan(OLD, region="EU868", data_rate=5, nb_coded=3))
    assert nothing_was_sent(client, sandbox, journal)


def test_a_finished_plan_that_breaks_the_duty_cycle_is_not_sent(launch, client, sandbox, journal):
    plan = fuota.plan(NEW, region="EU868", data_rate=5, nb_coded=3)
    edited = replace(plan, pace=replace(plan.pace, interval_us=1_000_000))
    with pytest.raises(PlanError, match="duty cycle"):
        launch(NEW, plan=edited)
    assert nothing_was_sent(client, sandbox, journal)


def test_a_warning_refuses_an_image_if_the_gate_is_strict(launch, client, sandbox, journal):
    with pytest.raises(ImageError, match="no-container"):
        launch(NEW, plan=DR5, gate=fuota.GateOptions(strict=True))
    assert nothing_was_sent(client, sandbox, journal)


def test_the_profile_of_the_gate_limits_image_and_plan(launch, client, sandbox, journal):
    small = fuota.DeviceProfile(slot_bytes=1_000)
    with pytest.raises(ImageError, match="1000"):
        launch(NEW, region="EU868", gate=fuota.GateOptions(profile=small))
    with pytest.raises(ImageError, match="1000"):
        launch(NEW, plan=PlanRecipe(region="EU868", profile=small))
    assert nothing_was_sent(client, sandbox, journal)


def test_an_interval_that_breaks_the_duty_cycle_is_not_sent(launch, client, sandbox, journal):
    with pytest.raises(PlanError, match="duty cycle"):
        launch(NEW, plan=PlanRecipe(region="EU868", data_rate=0, redundancy=0.1, interval_ms=5_000))
    assert nothing_was_sent(client, sandbox, journal)


def test_a_patch_is_not_sent_to_a_device_that_runs_another_image(launch, client, sandbox, journal, new_campaign):
    device = sandbox.dev_euis[0]
    new_campaign(server=client.url)
    report = ImageReport(sha256=hashlib.sha256(NEW.read_bytes()).digest())
    journal.store_uplinks([Uplink(dev_eui=device, port=IMAGE_REPORT_FPORT, pdu=report.to_bytes())])
    with pytest.raises(PlanError, match="1 of 1 devices do not run the base"):
        launch(PATCH, plan=DR5, gate=fuota.GateOptions(base=OLD), dev_euis=[device], dev_tags=None)
    assert len(journal.campaigns()) == 1, "only the earlier campaign"


def test_an_exception_before_sending_stops_the_launch(launch, client, sandbox, journal):
    class StoppedError(Exception):
        pass

    def stop(checked):
        assert checked.expected.duration_ms == checked.plan.duration_ms
        raise StoppedError

    with pytest.raises(StoppedError):
        launch(NEW, plan=DR5, before_sending=stop)
    assert nothing_was_sent(client, sandbox, journal)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({}, "plan or region must be given"),
        ({"plan": DR5, "region": "EU868"}, "must not be given together"),
        ({"regoin": "EU868"}, "did you mean 'region'"),
        ({"plan": "plan.json"}, "plan must be"),
        ({"region": "EU00"}, "EU00"),
        ({"region": "EU868", "app_eui": "1"}, "app_eui"),
        ({"region": "EU868", "target": 1.5}, "target must be 0 to 1"),
        ({"region": "EU868", "expect": 0}, "expect must be 1 or more"),
        ({"region": "EU868", "dev_euis": ["0" * 16]}, "exactly one of dev_euis and dev_tags"),
    ],
)
def test_wrong_parameters_raise_parameter_error(launch, client, sandbox, journal, options, words):
    with pytest.raises(ParameterError, match=words):
        launch(NEW, **options)
    assert nothing_was_sent(client, sandbox, journal)


def test_a_launch_with_a_plan_is_watched_to_its_end(launch, client, journal):
    plan = fuota.plan(NEW, region="EU868", data_rate=5, redundancy=0.2)
    campaign = launch(NEW, plan=plan)
    assert campaign.state is CampaignState.LAUNCHED
    assert campaign.expected["duration_ms"] == plan.duration_ms
    assert (campaign.target, campaign.expect) == (plan.target, None)
    assert [event["what"] for event in journal.history(campaign.id)] == ["launched"]
    timeouts = fuota.WatchTimeouts(poll_ms=20, outage_ms=5_000, reports_ms=0)
    last = list(fuota.watch(campaign, client=client, journal=journal, timeouts=timeouts))[-1]
    assert last.finished
    (ended,) = (event for event in journal.history(campaign.id) if event["what"] == "ended")
    run_ms = ended["end_time_ms"] - ended["start_time_ms"]
    # The sandbox counts its interval from the end of each frame, the longer of the two readings; at the end it asks for the
    # status of each device, which takes a few minutes.
    assert plan.duration_ms <= run_ms <= plan.longest_ms + 300_000
