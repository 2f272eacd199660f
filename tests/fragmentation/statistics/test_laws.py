from __future__ import annotations

import json
from itertools import pairwise, product
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fuota.errors import ParameterError
from fuota.fragmentation.parity import ParityCode
from fuota.fragmentation.statistics import decoding_probability, ideal_probability, naive
from fuota.fragmentation.statistics.ideal import ideal_failure_under
from fuota.fragmentation.statistics.laws import loss_law
from fuota.fragmentation.statistics.matrix import matrix_columns
from fuota.fragmentation.statistics.probability import SamplingEffort, TransmittedCode, probability_under

# "exact" cases of planning_cases.json: computed for this project by an independent reference model.
CASES = json.loads((Path(__file__).parents[2] / "vectors" / "planning_cases.json").read_text())["cases"]
BURSTS = [case for case in CASES if case["id"].startswith("E-ge-")]


def burst_law_by_hand(nb_frag, nb_coded, loss, burst_frames):
    """Return P(lost, received) from all paths of the two-state chain, frame by frame."""
    to_bad, to_good = loss / (burst_frames * (1 - loss)), 1 / burst_frames
    law = np.zeros((nb_frag + 1, nb_coded + 1))
    for path in product((0, 1), repeat=nb_frag + nb_coded):  # 1: the frame is lost
        probability = loss if path[0] else 1 - loss
        for before, now in pairwise(path):
            leave = to_good if before else to_bad
            probability *= leave if before != now else 1 - leave
        law[sum(path[:nb_frag]), nb_coded - sum(path[nb_frag:])] += probability
    return law


@pytest.mark.parametrize(("nb_frag", "nb_coded"), [(1, 0), (3, 4), (6, 3)])
@pytest.mark.parametrize(("loss", "burst_frames"), [(0.1, 5.0), (0.5, 1.0), (0.3, 2.5)])
def test_burst_law_equals_the_sum_over_all_paths(nb_frag, nb_coded, loss, burst_frames):
    law = loss_law(nb_frag, nb_coded, loss, burst_frames)
    expected = burst_law_by_hand(nb_frag, nb_coded, loss, burst_frames)
    assert law.table(np.arange(nb_frag + 1), np.arange(nb_coded + 1)) == pytest.approx(expected, abs=1e-13)


@given(st.integers(1, 60), st.integers(0, 40), st.floats(0.01, 0.6))
def test_bursts_of_random_length_are_independent_losses(nb_frag, nb_coded, loss):
    law, runs = loss_law(nb_frag, nb_coded, loss), loss_law(nb_frag, nb_coded, loss, 1 / (1 - loss))
    every = np.arange(nb_frag + 1), np.arange(nb_coded + 1)
    assert runs.table(*every) == pytest.approx(law.table(*every), abs=1e-12)


@given(st.integers(1, 300), st.integers(0, 100), st.floats(0, 1), st.none() | st.floats(1, 50))
def test_a_law_sums_to_one_and_has_its_loss(nb_frag, nb_coded, loss, burst_frames):
    if burst_frames is not None and loss > burst_frames / (burst_frames + 1) - 1e-9:
        return
    law = loss_law(nb_frag, nb_coded, loss, burst_frames)
    assert law.lost.sum() == pytest.approx(1)
    assert law.received.sum(axis=1) == pytest.approx(1)
    assert (law.lost.sum(axis=0) @ np.arange(nb_frag + 1)) / nb_frag == pytest.approx(loss, abs=1e-9)


@pytest.mark.parametrize(("nb_frag", "nb_coded"), [(12, 9), (100, 20)], ids=["all patterns", "random patterns"])
def test_a_decoder_that_can_hold_few_losses(nb_frag, nb_coded):
    """The device fails if it loses more than the decoder can hold, or if the code fails."""
    code = ParityCode(nb_frag=nb_frag)
    transmitted = TransmittedCode.of(code, code.coded_numbers(nb_coded))
    law, effort = loss_law(nb_frag, nb_coded, 0.1), SamplingEffort(patterns=20_000)
    laws = law, law.limited_to(nb_frag // 10)
    whole, limited = (probability_under(transmitted, each, effort).estimate for each in laws)
    more = law.lost[0, nb_frag // 10 + 1 :].sum()
    assert whole - more - 1e-9 <= limited <= min(whole, 1 - more)
    assert ideal_failure_under(law.limited_to(nb_frag)) == pytest.approx(ideal_failure_under(law))
    assert ideal_failure_under(law.limited_to(0)) == pytest.approx(1 - 0.9**nb_frag)


@pytest.mark.parametrize("case", BURSTS, ids=lambda case: case["id"])
def test_burst_law_equals_the_reference_model(case):
    inputs, expected = case["inputs"], case["expected"]
    arguments = {"coded": inputs["R"], "loss": inputs["mean_loss"]}
    bursts = ideal_probability(inputs["M"], **arguments, burst_frames=inputs["mean_burst"])
    assert bursts == pytest.approx(expected["p_uniform"], abs=2e-6)
    assert ideal_probability(inputs["M"], **arguments) == pytest.approx(expected["p_iid_same_loss"], abs=2e-6)


@pytest.mark.parametrize("version", [1, 2])
def test_simulated_devices_with_bursts_agree(version):
    """A burst loses neighbouring fragments, which makes no difference to the real code (4 standard deviations)."""
    nb_frag, nb_coded, loss, burst_frames, devices = 40, 14, 0.12, 4, 4000
    code = ParityCode(nb_frag=nb_frag, version=version)
    words = matrix_columns(code, code.coded_numbers(nb_coded))
    columns = [sum(int(word) << 64 * w for w, word in enumerate(column)) for column in words]
    rng = np.random.default_rng(5)
    complete = 0
    for _ in range(devices):
        lost = lost_frames(nb_frag + nb_coded, loss, burst_frames, rng)
        received = sum(1 << k for k in range(nb_coded) if not lost[nb_frag + k])
        complete += naive.decodable(columns, np.flatnonzero(lost[:nb_frag]).tolist(), received)
    result = decoding_probability(
        nb_frag, coded=nb_coded, loss=loss, burst_frames=burst_frames, version=version, patterns=50_000
    )
    assert result.estimate == pytest.approx(complete / devices, abs=4 * 0.5 / devices**0.5)


def lost_frames(frames, loss, burst_frames, rng):
    to_bad, to_good = loss / (burst_frames * (1 - loss)), 1 / burst_frames
    lost, bad = np.zeros(frames, dtype=bool), rng.random() < loss
    for i in range(frames):
        lost[i] = bad
        bad = rng.random() >= to_good if bad else rng.random() < to_bad
    return lost


def test_impossible_channels_are_refused():
    with pytest.raises(ParameterError, match=r"0\.833"):
        loss_law(10, 5, 0.9, 5)
    with pytest.raises(ParameterError, match=r"burst_frames must be 1 or more, got 0.5"):
        loss_law(10, 5, 0.1, 0.5)
    with pytest.raises(ParameterError, match=r"got -0.1 \(nearest: 0\)"):
        loss_law(10, 5, -0.1)
    with pytest.raises(ParameterError, match="0 to 1"):
        loss_law(10, 5, float("nan"))
