from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fuota import Bernoulli, GilbertElliott
from fuota.errors import ParameterError

FRAMES = 200_000


def runs_of_losses(received):
    edges = np.flatnonzero(np.diff(np.concatenate([[1], received.astype(np.int8), [1]])))
    return edges[1::2] - edges[::2]


@pytest.mark.parametrize("loss", [0.01, 0.1, 0.5])
def test_bernoulli_loses_its_share(loss):
    lost = FRAMES - Bernoulli(loss).draw_received(FRAMES, np.random.default_rng(1)).sum()
    # Five standard deviations of a binomial.
    assert abs(lost - FRAMES * loss) < 5 * (FRAMES * loss * (1 - loss)) ** 0.5


@pytest.mark.parametrize(("loss", "burst"), [(0.1, 5), (0.3, 2), (0.05, 20), (0.5, 1)])
def test_gilbert_elliott_has_its_mean_loss_and_mean_burst(loss, burst):
    received = GilbertElliott(loss, burst).draw_received(FRAMES, np.random.default_rng(2))
    runs = runs_of_losses(received)
    # The mean of k geometric lengths deviates by burst/sqrt(k) at most; the share of loss follows that of both run kinds.
    assert abs(runs.mean() - burst) < 5 * burst / len(runs) ** 0.5 + 1e-9
    assert abs((~received).mean() - loss) < 10 * loss / len(runs) ** 0.5


def test_the_first_frame_is_lost_as_often_as_any():
    first = [GilbertElliott(0.3, 10).draw_received(1, np.random.default_rng(seed))[0] for seed in range(3000)]
    assert abs(np.mean(first) - 0.7) < 5 * (0.3 * 0.7 / 3000) ** 0.5


@given(st.integers(0, 50), st.integers(0, 2**32))
def test_the_same_seed_gives_the_same_losses(frames, seed):
    for law in (Bernoulli(0.4), GilbertElliott(0.4, 3)):
        first, second = (law.draw_received(frames, np.random.default_rng(seed)) for _ in range(2))
        assert first.shape == (frames,)
        assert np.array_equal(first, second)


def test_no_loss_and_all_loss():
    rng = np.random.default_rng(0)
    assert Bernoulli(0).draw_received(100, rng).all()
    assert GilbertElliott(0, 4).draw_received(100, rng).all()
    assert not Bernoulli(1).draw_received(100, rng).any()


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Bernoulli(1.1), "0 to 1"),
        (lambda: Bernoulli(float("nan")), "0 to 1"),
        (lambda: GilbertElliott(-0.1, 2), "0 to 1"),
        (lambda: GilbertElliott(0.1, 0.5), "1 frame or more"),
        (lambda: GilbertElliott(0.9, 2), "loss must be 0.667 or less"),
        (lambda: GilbertElliott(1, 2), "0.667 or less"),
    ],
)
def test_invalid_laws_are_refused(make, message):
    with pytest.raises(ParameterError, match=message):
        make()
