"""Loss laws: the joint distribution of the numbers of uncoded fragments lost and coded fragments received in a session."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from fuota.rules import probability, real, refuse

Floats = NDArray[np.float64]
NEGLIGIBLE = 1e-18
"""Sums over numbers of losses leave out numbers whose probability is below this."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LossLaw:
    """Joint distribution of the numbers of lost uncoded fragments and received coded fragments.

    P(k uncoded fragments lost, j coded fragments received) = sum over states s of lost[s, k] * received[s, j]. The state is the
    state of the channel when the coded fragments begin. Independent losses need one state.

    lost: float64 (states, nb_frag + 1), all elements together sum to 1. received: float64 (states, nb_coded + 1), each row sums
    to 1. overflow: probability that more fragments are lost than the decoder can hold; `limited_to` moves it here from `lost`.
    """

    lost: Floats
    received: Floats
    overflow: float = 0.0

    @property
    def nb_coded(self) -> int:
        """Number of coded fragments sent."""
        return int(self.received.shape[1]) - 1

    @property
    def nb_frag(self) -> int:
        """Number of uncoded fragments."""
        return int(self.lost.shape[1]) - 1

    def limited_to(self, max_lost: int) -> LossLaw:
        """Return the law for a decoder that can hold at most `max_lost` lost fragments."""
        lost = self.lost.copy()
        lost[:, max_lost + 1 :] = 0
        return LossLaw(lost=lost, received=self.received, overflow=float(self.lost[:, max_lost + 1 :].sum()))

    def likely_counts(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return the numbers of lost uncoded, and of received coded fragments that are not negligible; both ascending."""
        lost, received = self.lost.max(axis=0), self.received.max(axis=0)
        return np.flatnonzero(lost > NEGLIGIBLE), np.flatnonzero(received > NEGLIGIBLE)

    def table(self, lost: NDArray[np.int64], received: NDArray[np.int64]) -> Floats:
        """Return the probability of each pair of numbers: float64 (len(lost), len(received))."""
        return np.asarray(self.lost[:, lost].T @ self.received[:, received])

    def by_surplus(self, surpluses: int) -> tuple[NDArray[np.int64], Floats]:
        """Return the numbers of lost uncoded fragments that are not negligible, and a table of probabilities by surplus.

        Element [i, k] of the table, float64 (len(numbers), surpluses), is the probability that numbers[i] uncoded fragments are
        lost and numbers[i] + k coded fragments are received.
        """
        lost = self.likely_counts()[0]
        lost = lost[lost <= self.nb_coded]
        received = np.concatenate([self.received, np.zeros((len(self.received), surpluses))], axis=1)
        table = np.zeros((len(lost), surpluses))
        for state, law in zip(self.lost, received, strict=True):
            table += state[lost, None] * sliding_window_view(law, surpluses)[lost]
        return lost, table

    def fewer_received(self, *, more_than: int = -1) -> float:
        """Return the probability of more than `more_than` lost uncoded fragments, and fewer received coded fragments than these.

        A device with fewer received coded fragments than lost uncoded fragments certainly fails.
        """
        received_fewer = np.concatenate([np.zeros((len(self.received), 1)), np.cumsum(self.received, axis=1)], axis=1)
        # A device that lost more than nb_coded uncoded fragments certainly received fewer coded fragments.
        within = min(self.nb_frag, self.nb_coded + 1)
        partly = (self.lost[:, : within + 1] * received_fewer[:, : within + 1])[:, more_than + 1 :].sum()
        return float(partly + self.lost[:, max(within, more_than) + 1 :].sum())


def loss_law(nb_frag: int, nb_coded: int, loss: float, burst_frames: float | None = None) -> LossLaw:
    """Return the law of a channel that loses the share `loss` of all frames.

    nb_frag, nb_coded: numbers of uncoded and coded fragments. loss: probability that a frame is lost, 0 to 1. burst_frames: mean
    length of a run of lost frames, 1 or more; None for independent losses. A channel with bursts has two states: one receives
    every frame, the other loses every frame. Its first state is drawn from the stationary distribution (Gilbert 1960, Elliott
    1963). Raises ParameterError if no such channel exists.
    """
    loss = probability("loss", loss)
    if burst_frames is None or loss in {0, 1}:
        return LossLaw(lost=binomial(nb_frag, loss)[None], received=binomial(nb_coded, 1 - loss)[None])
    return _burst_law(nb_frag, nb_coded, loss, _transitions(loss, burst_frames))


def mixture(laws: Sequence[LossLaw], shares: Floats) -> LossLaw:
    """Return the law of a device that has one of `laws` with the probabilities `shares` (laws,). All laws have the same session."""
    return LossLaw(
        lost=np.concatenate([share * law.lost for law, share in zip(laws, shares, strict=True)]),
        received=np.concatenate([law.received for law in laws]),
        overflow=float(sum(share * law.overflow for law, share in zip(laws, shares, strict=True))),
    )


def binomial(trials: int, success: float) -> Floats:
    """Return the probability of 0 to `trials` successes in independent trials: float64 (trials + 1,).

    success: probability of a success.
    """
    if success in {0, 1}:
        return np.asarray(np.eye(1, trials + 1, k=trials if success else 0)[0])
    log_factorial = _log_factorials(trials)
    count = np.arange(trials + 1)
    ways = log_factorial[trials] - log_factorial - log_factorial[::-1]
    return np.asarray(np.exp(ways + count * np.log(success) + (trials - count) * np.log1p(-success)))


@lru_cache(maxsize=64)
def _log_factorials(largest: int) -> Floats:
    return np.concatenate([[0.0], np.cumsum(np.log(np.arange(1, largest + 1)))])


def _transitions(loss: float, burst_frames: float) -> Floats:
    """Return the probabilities of a change from one state (receiving, losing) to the other after a frame: float64 (2, 2)."""
    burst_frames = real("burst_frames", burst_frames, 1)
    to_losing = loss / (burst_frames * (1 - loss))
    if to_losing > 1:
        highest = f"{burst_frames / (burst_frames + 1):.3f}"
        why = "a run of received frames has 1 frame or more"
        refuse("loss", f"{highest} or less with bursts of {burst_frames:g} frames", loss, nearest=highest, why=why)
    to_receiving = 1 / burst_frames
    return np.array([[1 - to_losing, to_losing], [to_receiving, 1 - to_receiving]])


def _burst_law(nb_frag: int, nb_coded: int, loss: float, transitions: Floats) -> LossLaw:
    """Compute both distributions from their generating functions, evaluated at the roots of unity."""
    start = np.array([1 - loss, loss])
    lost = start @ _marked_power(transitions, nb_frag, marked=1)
    received = _marked_power(transitions, nb_coded, marked=0).sum(axis=2)
    return LossLaw(lost=_coefficients(lost.T), received=_coefficients(received.T))


def _marked_power(transitions: Floats, frames: int, *, marked: int) -> NDArray[np.complex128]:
    """Return (diag(z) T) ** frames, complex128 (frames + 1, 2, 2); z marks the frames that are sent in the state `marked`."""
    roots = np.exp(2j * np.pi * np.arange(frames + 1) / (frames + 1))
    steps = np.repeat(transitions[None].astype(np.complex128), frames + 1, axis=0)
    steps[:, marked] *= roots[:, None]
    return np.asarray(np.linalg.matrix_power(steps, frames))


def _coefficients(values: NDArray[np.complex128]) -> Floats:
    """Return the coefficients (.., n), which are not negative, of the polynomials with `values` (.., n) at the roots of unity."""
    coefficients = np.fft.fft(values, axis=-1).real / values.shape[-1]
    return np.where(coefficients > 1e-15, coefficients, 0.0)
