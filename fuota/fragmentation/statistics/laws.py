"""How many fragments a device loses: the law that a channel makes of a session."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from fuota.errors import ParameterError

Floats = NDArray[np.float64]
NEGLIGIBLE = 1e-18
"""Numbers of losses less likely than this are left out of sums that can take any of them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LossLaw:
    """P(k uncoded fragments lost and j coded ones received) = sum over states s of lost[s, k] * received[s, j].

    `lost` float64 (states, nb_frag + 1) and `received` float64 (states, nb_coded + 1): a state is that of the channel when the
    coded fragments begin; each row of `received` sums to 1, all of `lost` together to 1. Independent losses need one state.
    `overflow`: how likely more are lost than the decoder can hold, where `limited_to` took that part out of `lost`.
    """

    lost: Floats
    received: Floats
    overflow: float = 0.0

    @property
    def nb_coded(self) -> int:
        """Coded fragments sent."""
        return int(self.received.shape[1]) - 1

    @property
    def nb_frag(self) -> int:
        """Uncoded fragments."""
        return int(self.lost.shape[1]) - 1

    def limited_to(self, most_lost: int) -> LossLaw:
        """The law for a decoder that can hold at most so many lost fragments."""
        lost = self.lost.copy()
        lost[:, most_lost + 1 :] = 0
        return LossLaw(lost=lost, received=self.received, overflow=float(self.lost[:, most_lost + 1 :].sum()))

    def likely(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """The numbers of uncoded fragments lost, and of coded ones received, that are not negligible; both ascending."""
        lost, received = self.lost.max(axis=0), self.received.max(axis=0)
        return np.flatnonzero(lost > NEGLIGIBLE), np.flatnonzero(received > NEGLIGIBLE)

    def table(self, lost: NDArray[np.int64], received: NDArray[np.int64]) -> Floats:
        """float64 (len(lost), len(received)): the probability of each pair."""
        return np.asarray(self.lost[:, lost].T @ self.received[:, received])

    def by_surplus(self, surpluses: int) -> tuple[NDArray[np.int64], Floats]:
        """Numbers of uncoded fragments lost that are likely, and float64 (.., surpluses): the probability that so many are lost
        and 0, 1, .. coded fragments more than that are received.
        """
        lost = self.likely()[0]
        lost = lost[lost <= self.nb_coded]
        received = np.concatenate([self.received, np.zeros((len(self.received), surpluses))], axis=1)
        table = np.zeros((len(lost), surpluses))
        for state, law in zip(self.lost, received, strict=True):
            table += state[lost, None] * sliding_window_view(law, surpluses)[lost]
        return lost, table

    def fewer_received(self, *, more_than: int = -1) -> float:
        """Return the probability that a device fails for certain: that more than `more_than` uncoded fragments are lost, and fewer
        coded fragments are received than uncoded fragments are lost.
        """
        received_fewer = np.concatenate([np.zeros((len(self.received), 1)), np.cumsum(self.received, axis=1)], axis=1)
        within = min(
            self.nb_frag, self.nb_coded + 1
        )  # whoever lost more than there are coded ones has received fewer, surely
        partly = (self.lost[:, : within + 1] * received_fewer[:, : within + 1])[:, more_than + 1 :].sum()
        return float(partly + self.lost[:, max(within, more_than) + 1 :].sum())


def check_loss(loss: float) -> None:
    """Raise ParameterError unless `loss` is a probability."""
    if not 0 <= loss <= 1:
        nearest = "" if math.isnan(loss) else f"; the nearest is {min(max(loss, 0), 1)}"
        raise ParameterError(f"loss {loss!r} was given: it is the probability that a fragment is lost, 0 to 1{nearest}")


def loss_law(nb_frag: int, nb_coded: int, loss: float, burst_frames: float | None = None) -> LossLaw:
    """The law of a channel that loses the share `loss` of all frames.

    Independently, or, with `burst_frames`, in runs of that mean length (1 or more): two states, one that hears every frame and
    one that hears none, started where it is in the long run (Gilbert 1960, Elliott 1963). Raises ParameterError where no
    such channel exists.
    """
    check_loss(loss)
    if burst_frames is None or loss in {0, 1}:
        return LossLaw(lost=binomial(nb_frag, loss)[None], received=binomial(nb_coded, 1 - loss)[None])
    return _burst_law(nb_frag, nb_coded, loss, _transitions(loss, burst_frames))


def mixture(laws: Sequence[LossLaw], shares: Floats) -> LossLaw:
    """The law of a device that has one of these with the probabilities `shares` (laws,); they are of one session."""
    return LossLaw(
        lost=np.concatenate([share * law.lost for law, share in zip(laws, shares, strict=True)]),
        received=np.concatenate([law.received for law in laws]),
        overflow=float(sum(share * law.overflow for law, share in zip(laws, shares, strict=True))),
    )


def binomial(trials: int, probability: float) -> Floats:
    """float64 (trials + 1,): how likely each count of successes is among independent trials."""
    if probability in {0, 1}:
        return np.asarray(np.eye(1, trials + 1, k=trials if probability else 0)[0])
    log_factorial = _log_factorials(trials)
    count = np.arange(trials + 1)
    ways = log_factorial[trials] - log_factorial - log_factorial[::-1]
    return np.asarray(np.exp(ways + count * np.log(probability) + (trials - count) * np.log1p(-probability)))


@lru_cache(maxsize=64)
def _log_factorials(largest: int) -> Floats:
    return np.concatenate([[0.0], np.cumsum(np.log(np.arange(1, largest + 1)))])


def _transitions(loss: float, burst_frames: float) -> Floats:
    """float64 (2, 2): from state (hears, loses) to state, one frame on."""
    if not burst_frames >= 1:
        raise ParameterError(f"burst_frames {burst_frames!r} was given: a run of losses has 1 frame or more")
    to_losing = loss / (burst_frames * (1 - loss))
    if to_losing > 1:
        raise ParameterError(
            f"loss {loss} was given with bursts of {burst_frames} frames: runs of received frames would be shorter than one;"
            f" a loss of {burst_frames / (burst_frames + 1):.3f} or less is possible"
        )
    to_hearing = 1 / burst_frames
    return np.array([[1 - to_losing, to_losing], [to_hearing, 1 - to_hearing]])


def _burst_law(nb_frag: int, nb_coded: int, loss: float, transitions: Floats) -> LossLaw:
    """Both counts by their generating functions, read off at the roots of unity."""
    start = np.array([1 - loss, loss])
    lost = start @ _marked_power(transitions, nb_frag, marked=1)
    received = _marked_power(transitions, nb_coded, marked=0).sum(axis=2)
    return LossLaw(lost=_coefficients(lost.T), received=_coefficients(received.T))


def _marked_power(transitions: Floats, frames: int, *, marked: int) -> NDArray[np.complex128]:
    """complex128 (frames + 1, 2, 2): (diag(z) T) ** frames, where z marks frames met in the state `marked`."""
    roots = np.exp(2j * np.pi * np.arange(frames + 1) / (frames + 1))
    steps = np.repeat(transitions[None].astype(np.complex128), frames + 1, axis=0)
    steps[:, marked] *= roots[:, None]
    return np.asarray(np.linalg.matrix_power(steps, frames))


def _coefficients(values: NDArray[np.complex128]) -> Floats:
    """The coefficients (.., n) of the polynomials with these values (.., n) at the n-th roots of unity; none is negative."""
    coefficients = np.fft.fft(values, axis=-1).real / values.shape[-1]
    return np.where(coefficients > 1e-15, coefficients, 0.0)
