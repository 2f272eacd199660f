"""What an image needs on air, by hand, and what is refused before anything is sent."""

from __future__ import annotations

import pytest

from fuota.campaign import preflight
from fuota.errors import ImageError, ParameterError, PlanError
from fuota.network import TransferRequest
from fuota.radio import region

EU868 = region("EU868")


def request(**changed) -> TransferRequest:
    values = {"app_eui": "AAAAAAAAAAAAAA01", "dev_tags": ["a"], "start_delay_s": 1, "redundancy": 0.5}
    return TransferRequest(**values | changed)


def test_eu868_dr5_by_hand():
    # A frame carries 242 octets, 3 of them the TS004 header: fragments of 239, and 55 of them hold 12 988 octets.
    # PHYPayload 239 + 3 + 13 = 255; SF7 at 125 kHz: ceil((8 * 255 + 28 - 28) / 28) = 73 groups of 5 symbols, and
    # 8 + 4.25 + 8 around them: 385.25 symbols of 1.024 ms are 394.496 ms.
    assert preflight(bytes(12_988), request(tx_data_rate=5), EU868).to_json() == {
        "data_rate": 5,
        "nb_frag": 55,
        "nb_coded": 28,
        "frag_size": 239,
        "frames": 83,
        "airtime_us": 83 * 394_496,
        "interval_ms": 5000 + 395,
        "duration_ms": 83 * 5395,
    }


def test_eu868_without_a_data_rate_is_that_of_rx2_which_is_dr0_by_hand():
    # 51 octets a frame: fragments of 48. PHYPayload 64; SF12 at 125 kHz with low data rate optimisation:
    # ceil((512 + 28 - 48) / 40) = 13 groups of 5, 85.25 symbols of 32.768 ms are 2793.472 ms.
    assert preflight(bytes(480), request(redundancy=0.25, millis_between_pkts=1), EU868).to_json() == {
        "data_rate": 0,
        "nb_frag": 10,
        "nb_coded": 3,
        "frag_size": 48,
        "frames": 13,
        "airtime_us": 13 * 2_793_472,
        "interval_ms": 1 + 2794,
        "duration_ms": 13 * 2795,
    }


@pytest.mark.parametrize(("redundancy", "frames"), [(0, 10), (0.2, 20), (1.0, 20)])
def test_repeats_instead_of_coded_fragments(redundancy, frames):
    expected = preflight(bytes(480), request(frag_alg="NB_TRANS", redundancy=redundancy), EU868)
    assert (expected.nb_frag, expected.nb_coded, expected.frames) == (10, 0, frames)


def test_the_request_may_ask_for_smaller_fragments():
    expected = preflight(bytes(480), request(max_frag_size=20), EU868)
    assert (expected.frag_size, expected.nb_frag) == (20, 24)


def test_a_whole_share_is_a_share_and_no_count():
    assert preflight(bytes(480), request(redundancy=1), EU868).nb_coded == 10


@pytest.mark.parametrize(
    ("size", "changed", "error", "words"),
    [
        (0, {}, ImageError, "empty"),
        (100, {"max_frag_size": 49}, PlanError, "fragment size 49 does not fit DR0 of EU868.*at most 48"),
        (100, {"tx_data_rate": 8}, PlanError, "DR8 of EU868 is for uplinks only"),
        (100, {"tx_data_rate": 15}, ParameterError, "EU868 has no DR15"),
        (16_383 * 48 + 1, {"redundancy": 0}, PlanError, "at most 16383.*16384 fragments.*49 bytes or more"),
        (16_383 * 48, {"redundancy": 0.01}, PlanError, "together must be at most 16383"),
    ],
)
def test_refused_before_anything_is_sent(size, changed, error, words):
    with pytest.raises(error, match=words):
        preflight(bytes(size), request(**changed), EU868)


def test_the_largest_image_that_the_fragment_number_can_count():
    assert preflight(bytes(16_383 * 48), request(redundancy=0), EU868).frames == 16_383
