from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fuota.device import DeviceProfile
from fuota.fragmentation import FragDecoder, ideal_probability
from fuota.planning import Fleet, FleetMember
from fuota.planning.completion import DRAWN_NODES, NODES, CompletionModel, LossClasses
from fuota.radio import region
from fuota.sim import Bernoulli, GilbertElliott

RATE = region("EU868").data_rate(5)
IDEAL = DeviceProfile()
DEVICES = 600
SLACK = 5
"""Standard deviations of a simulation: the seeds are fixed, but the tests must hold for other seeds too."""


def model_of(*members, **limits):
    fleet = Fleet(
        members=tuple(
            FleetMember(name=f"{i}", devices=devices, loss=loss, burst_frames=burst)
            for i, (devices, loss, burst) in enumerate(members)
        )
    )
    return CompletionModel(classes=LossClasses.of(fleet, RATE), profile=DeviceProfile(**limits))


def simulated_failure(nb_frag, nb_coded, law, profile):
    """Return the share of devices whose decoder fails; a device that lost more than its decoder holds gives up."""
    rng, failed = np.random.default_rng(1), 0
    payloads = np.zeros((nb_frag + nb_coded, 1), dtype=np.uint8)
    numbers, most = np.arange(1, nb_frag + nb_coded + 1), profile.max_repairable()
    for _ in range(DEVICES):
        received = law.draw_received(nb_frag + nb_coded, rng)
        decoder = FragDecoder(nb_frag=nb_frag, frag_size=1, version=profile.version)
        lost = nb_frag - int(received[:nb_frag].sum())
        complete = decoder.feed_many(numbers[received], payloads[received])
        failed += not complete or (most is not None and lost > most)
    return failed / DEVICES


@pytest.mark.slow
@pytest.mark.parametrize(("nb_frag", "nb_coded", "loss"), [(10, 4, 0.1), (40, 25, 0.2)])
@pytest.mark.parametrize("burst", [1.0, 3.0])
@pytest.mark.parametrize("limits", [{"version": 1}, {"version": 2}, {"version": 1, "max_lost": 4}])
def test_failures_agree_with_the_decoder(nb_frag, nb_coded, loss, burst, limits):
    model = model_of((1, loss, burst), **limits)
    estimate = model.of_class(nb_frag, nb_coded, 0, seconds=0.2)
    law = Bernoulli(loss) if burst == 1 else GilbertElliott(loss, burst)
    failed = simulated_failure(nb_frag, nb_coded, law, model.profile)
    spread = SLACK * np.sqrt(max(failed * (1 - failed), 1e-3) / DEVICES)
    places = 0.02 if burst > 1 else 0  # the estimate takes the numbers of losses from the runs, not their places
    assert 1 - estimate.high - spread - places <= failed <= 1 - estimate.low + spread + places
    (real,) = model.real(nb_frag, nb_coded, seconds=0.2)
    assert estimate.low <= 1 - real <= estimate.high


small_fleets = st.lists(
    st.tuples(st.integers(1, 50), st.floats(0, 0.5), st.sampled_from([1.0, 1.5, 4.0])), min_size=1, max_size=5
)
link_fleets = st.lists(st.tuples(st.floats(20, 90), st.sampled_from([1.0, 3.0])), min_size=1, max_size=6)


@settings(max_examples=60)
@given(small_fleets, st.integers(1, 300), st.integers(0, 60), st.one_of(st.none(), st.integers(0, 20)))
def test_ideal_failures_of_a_class_do_not_depend_on_other_classes(members, nb_frag, nb_coded, max_lost):
    model = model_of(*members, max_lost=max_lost)
    failure = model.ideal(nb_frag, nb_coded)
    assert failure.shape == model.classes.loss.shape == model.classes.devices.shape
    assert model.classes.devices.sum() == sum(devices for devices, *_ in members)
    for (loss, burst), failed in zip(model.classes.parameters(), failure, strict=True):
        burst_frames = burst if burst > 1 else None
        alone = 1 - ideal_probability(nb_frag, coded=nb_coded, loss=loss, burst_frames=burst_frames)
        if max_lost is None or max_lost >= nb_frag:
            assert failed == pytest.approx(alone, abs=1e-9)
        else:
            assert failed >= alone - 1e-9


@settings(max_examples=60)
@given(link_fleets, st.integers(1, 200), st.integers(0, 40), st.sampled_from([0, 5, 7]))
def test_failures_are_probabilities_for_any_links(links, nb_frag, nb_coded, data_rate):
    """Sums near 1 must not leave the range, because roots and logarithms follow."""
    members = (
        FleetMember(name=str(i), cn0_dbhz=cn0_dbhz, burst_frames=burst) for i, (cn0_dbhz, burst) in enumerate(links)
    )
    classes = LossClasses.of(Fleet(members=tuple(members)), region("EU868").data_rate(data_rate))
    model = CompletionModel(classes=classes, profile=IDEAL)
    for failure in (model.ideal(nb_frag, nb_coded), model.real(nb_frag, nb_coded, seconds=0.001)):
        assert ((failure >= 0) & (failure <= 1)).all()


@settings(max_examples=40)
@given(small_fleets, st.integers(2, 40))
def test_the_mean_is_the_mean_over_the_devices(members, nb_frag):
    model = model_of(*members)
    mean = model.mean(nb_frag, 2, seconds=0.01)
    real = model.real(nb_frag, 2, seconds=0.01)
    share = 1 - real @ model.classes.devices / model.classes.devices.sum()
    assert mean.low - 0.1 <= share <= mean.high + 0.1  # both from few patterns
    assert 0 <= mean.low <= mean.estimate <= mean.high <= 1


def test_no_loss_never_fails_and_full_loss_always_fails():
    model = model_of((3, 0.0, 1.0), (5, 1.0, 1.0))
    assert model.ideal(50, 10).tolist() == [0, pytest.approx(1)]
    assert model.real(50, 10, seconds=0.01).tolist() == [0, pytest.approx(1)]


def test_a_decoder_that_holds_no_losses_completes_only_without_losses():
    model = model_of((1, 0.01, 1.0), max_lost=0)
    expected = pytest.approx(1 - 0.99**50)
    assert model.ideal(50, 20)[0] == expected
    assert model.real(50, 20, seconds=0.1)[0] == expected


# --- Classes ---


def test_devices_with_equal_loss_are_one_class():
    model = model_of((3, 0.2, 1.0), (4, 0.1, 1.0), (5, 0.2, 1.0), (6, 0.2, 2.0))
    assert model.classes.loss.tolist() == [0.1, 0.2, 0.2]
    assert model.classes.burst_frames.tolist() == [1, 1, 2]
    assert model.classes.devices.tolist() == [4, 8, 6]


@settings(max_examples=30)
@given(st.integers(0, 2**32 - 1), st.integers(NODES + 1, 3000))
def test_many_different_losses_are_rounded_up_a_little(seed, count):
    losses = np.random.default_rng(seed).uniform(1e-4, 1, count)
    model = model_of(*((2, float(loss), 1.0) for loss in losses))
    classes = model.classes
    assert classes.devices.sum() == 2 * count
    assert len(classes.loss) < 500
    each = np.repeat(classes.loss, classes.devices // 2)
    ordered = np.sort(losses)
    assert (each >= ordered * (1 - 1e-9)).all()
    assert (each <= ordered * 1.0200001).all()
    assert each.max() <= 1


def test_losses_in_runs_stay_possible_when_they_are_rounded():
    """Runs of 3 frames limit the loss to 3 of 4 frames."""
    losses = np.linspace(0.5, 0.7499, 60)
    model = model_of(*((1, float(loss), 3.0) for loss in losses))
    failure = model.ideal(20, 20)
    assert ((failure >= 0) & (failure <= 1)).all()


# --- Many classes, computed at some losses ---


def spread_losses(count, low=0.002, high=0.9):
    return np.geomspace(low, high, count)


@pytest.mark.parametrize(("nb_frag", "nb_coded"), [(30, 10), (300, 40), (2000, 150)])
@pytest.mark.parametrize("burst", [1.0, 4.0])
@pytest.mark.parametrize("max_lost", [None, 12])
def test_interpolated_failures_agree_with_computed_failures(nb_frag, nb_coded, burst, max_lost):
    losses = spread_losses(300, high=0.75)
    many = model_of(*((1, float(loss), burst) for loss in losses), max_lost=max_lost)
    assert len(many.classes.loss) > NODES
    failure = many.ideal(nb_frag, nb_coded)
    places = range(0, len(failure), 7)
    alone = [model_of((1, many.classes.loss[i], burst), max_lost=max_lost).ideal(nb_frag, nb_coded)[0] for i in places]
    assert failure[list(places)] == pytest.approx(
        np.array(alone), abs=0.03
    )  # the largest difference is at a failure of one half
    assert (np.diff(failure) >= -1e-9).all()
    assert failure @ many.classes.devices == pytest.approx(
        np.interp(range(len(failure)), list(places), alone) @ many.classes.devices, rel=0.02, abs=0.2
    )


@pytest.mark.slow
@pytest.mark.parametrize("version", [1, 2])
def test_real_failures_of_many_classes_agree_with_computed_failures(version):
    nb_frag, nb_coded = 60, 20
    losses = spread_losses(25, 0.01, 0.4)
    assert len(losses) > DRAWN_NODES
    many = model_of(*((1, float(loss), 1.0) for loss in losses), version=version)
    failure = many.real(nb_frag, nb_coded, seconds=0.2)
    for i in range(0, len(losses), 4):
        alone = many.of_class(nb_frag, nb_coded, i, seconds=0.1)
        failed = 1 - alone.estimate
        assert failure[i] == pytest.approx(failed, rel=0.25, abs=1e-5 + alone.high - alone.low)


@settings(max_examples=20)
@given(st.integers(1, 400), st.integers(0, 100), st.booleans())
def test_a_lossless_class_among_many_never_fails(nb_frag, nb_coded, bursts):
    losses = [0.0, *spread_losses(100, high=0.6)]
    model = model_of(*((1, float(loss), 2.0 if bursts else 1.0) for loss in losses))
    failure = model.ideal(nb_frag, nb_coded)
    assert failure[0] == 0
    assert ((failure >= 0) & (failure <= 1)).all()
    assert (np.diff(failure) >= -1e-6).all()
