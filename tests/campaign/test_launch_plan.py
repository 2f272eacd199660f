"""The plan of a launch: what it needs on air, computed by hand, its limits, and the request that sends it."""

from __future__ import annotations

import pytest

from fuota.campaign.launch_plan import TransferChoices, expected_of, plan_for, request_of
from fuota.errors import ImageError, ParameterError, PlanError
from fuota.image import FirmwareImage
from fuota.network import TransferRequest
from fuota.planning import APPLICATION_MANAGED, PlanRecipe, TransmissionPlan

APP = "AAAAAAAAAAAAAA01"


def recipe(**choices: object) -> PlanRecipe:
    return PlanRecipe(**({"region": "EU868", "redundancy": 0.5} | choices))  # type: ignore[arg-type]


def planned(image: bytes, *, repeats: bool = False, **choices: object) -> TransmissionPlan:
    return plan_for(FirmwareImage(data=image), recipe(**choices), repeats=repeats)


def sent(image: bytes, *, frag_alg: str = "FWD_ERR_CORR", **choices: object) -> TransferRequest:
    """Return the request that sends an image."""
    transfer = TransferChoices(app_eui=APP, file_name="app.bin", dev_tags=["a"], frag_alg=frag_alg)  # type: ignore[arg-type]
    plan_recipe = recipe(**choices)
    return request_of(plan_for(FirmwareImage(data=image), plan_recipe, repeats=transfer.repeats), transfer, plan_recipe)


@pytest.mark.slow
def test_eu868_dr5_by_hand():
    # A frame carries 242 bytes, 3 of them the TS004 header: fragments of 239, and 55 of them hold 12 988 bytes.
    # PHYPayload 239 + 3 + 13 = 255; SF7 at 125 kHz: ceil((8 * 255 + 28 - 28) / 28) = 73 groups of 5 symbols, and
    # 8 + 4.25 + 8 around them: 385.25 symbols of 1.024 ms are 394.496 ms. The sub-band of RX2 allows a duty cycle of 10 %:
    # 912 of these frames in an hour, so one in 3 947.37 ms.
    assert expected_of(planned(bytes(12_988), data_rate=5)).to_json() == {
        "data_rate": 5,
        "nb_frag": 55,
        "nb_coded": 28,
        "frag_size": 239,
        "frames": 83,
        "airtime_us": 83 * 394_496,
        "interval_ms": 3948,
        "duration_ms": 82 * 3948 + 395,
    }


def test_eu868_without_a_data_rate_uses_dr0_of_rx2_by_hand():
    # 51 bytes a frame: fragments of 48. PHYPayload 64; SF12 at 125 kHz with low data rate optimisation:
    # ceil((512 + 28 - 48) / 40) = 13 groups of 5, 85.25 symbols of 32.768 ms are 2793.472 ms. A duty cycle of 10 % allows
    # 128 of these frames in an hour, so one in 28 125 ms.
    assert expected_of(planned(bytes(480), redundancy=0.25)).to_json() == {
        "data_rate": 0,
        "nb_frag": 10,
        "nb_coded": 3,
        "frag_size": 48,
        "frames": 13,
        "airtime_us": 13 * 2_793_472,
        "interval_ms": 28_125,
        "duration_ms": 12 * 28_125 + 2794,
    }


@pytest.mark.parametrize("data_rate", [0, 3, 5])
@pytest.mark.parametrize("repeats", [False, True])
def test_airtime_stays_within_the_duty_cycle_of_eu868(data_rate, repeats):
    plan = planned(bytes(5_000), data_rate=data_rate, repeats=repeats)
    assert plan.time_on_air_us <= 0.10 * plan.interval_ms * 1000
    request = sent(bytes(5_000), data_rate=data_rate, frag_alg="NB_TRANS" if repeats else "FWD_ERR_CORR")
    assert request.millis_between_pkts == plan.interval_ms


def test_an_interval_that_breaks_the_duty_cycle_is_refused_with_the_nearest():
    with pytest.raises(PlanError, match=r"nearest.*28125"):
        planned(bytes(480), data_rate=0, interval_ms=5_000)
    assert planned(bytes(480), data_rate=0, interval_ms=28_125).interval_ms == 28_125
    assert planned(bytes(480), data_rate=0, interval_ms=40_000).interval_ms == 40_000


@pytest.mark.parametrize(
    ("redundancy", "frames", "share"), [(0, 10, 0), (0.2, 20, 0.2), (1.0, 20, 1.0), (None, 20, 0.5)]
)
def test_repeats_send_every_fragment_twice_unless_redundancy_is_0(redundancy, frames, share):
    expected = expected_of(planned(bytes(480), redundancy=redundancy, repeats=True), repeats=True)
    assert (expected.nb_frag, expected.nb_coded, expected.frames) == (10, 0, frames)
    request = sent(bytes(480), redundancy=redundancy, frag_alg="NB_TRANS")
    assert (request.frag_alg, request.redundancy) == ("NB_TRANS", share)


def test_a_finished_plan_cannot_repeat_fragments():
    with pytest.raises(ParameterError, match="NB_TRANS"):
        plan_for(FirmwareImage(data=bytes(480)), planned(bytes(480)), repeats=True)


def test_the_frag_size_may_be_smaller():
    plan = planned(bytes(480), frag_size=20)
    assert (plan.frag_size, plan.nb_frag) == (20, 24)
    assert sent(bytes(480), frag_size=20).max_frag_size == 20


def test_a_redundancy_of_1_is_a_share_and_not_a_count():
    assert planned(bytes(480), redundancy=1.0).nb_coded == 10


def test_a_plan_for_the_application_to_send_is_refused():
    with pytest.raises(PlanError):
        sent(bytes(480), redundancy=2.0, server=APPLICATION_MANAGED)


@pytest.mark.parametrize(
    ("size", "changed", "error", "words"),
    [
        (0, {}, ImageError, "empty"),
        (100, {"frag_size": 49, "data_rate": 0}, PlanError, "49.*DR0.*48"),
        (100, {"data_rate": 8}, PlanError, "DR8 of EU868 is for uplinks only"),
        (100, {"data_rate": 15}, ParameterError, "EU868 has no DR15"),
        (16_384, {"redundancy": 0.0, "frag_size": 1, "data_rate": 5}, PlanError, "16384.*16383"),
        (16_000, {"redundancy": 0.5, "frag_size": 1, "data_rate": 5}, PlanError, "16383"),
    ],
)
def test_an_image_that_cannot_be_sent_is_refused(size, changed, error, words):
    with pytest.raises(error, match=words):
        planned(bytes(size), **changed)
