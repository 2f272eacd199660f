"""What is measured: blocks, fragment sizes, losses, and the fragments that arrive."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache, cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray
from words import pack_octets

from fuota.fragmentation import MAX_FRAGMENT_NUMBER, FragDecoder, FragmentationSession
from fuota.gf2 import Words

SEED = 5
VERSIONS = (1, 2)
LOSSES = (0.05, 0.10, 0.20)
SHARE = 0.2
"""Redundancy of the encode cases."""

SIZES = (
    (51_200, 48), (51_200, 112), (51_200, 232),
    (235_520, 48), (235_520, 112), (235_520, 232),
    (655_296, 48), (1_048_576, 112), (1_048_576, 232),
)  # fmt: skip
"""(block octets, fragment octets). 1 MB in fragments of 48 octets has no numbers left (N has 14 bits): 655,296 does."""

ROW_COUNT = 300
ROW_SIZES = (1000, 5000, 16383, 1024, 4096, 8192)

SMALL_SIZES = ((5_120, 48), (10_240, 232))
SMALL_ROW_SIZES = (100, 128)
"""For the short form, which is there to run, not to measure."""


@dataclass(frozen=True, kw_only=True)
class Case:
    """One block of `block_bytes` random octets in fragments of `frag_size`, TS004 version `version`."""

    block_bytes: int
    frag_size: int
    version: int

    @property
    def nb_frag(self) -> int:
        return -(-self.block_bytes // self.frag_size)

    @property
    def name(self) -> str:
        return f"{self.block_bytes} B in {self.frag_size} B, v{self.version}"

    @cached_property
    def data(self) -> bytes:
        return np.random.default_rng([SEED, self.block_bytes]).bytes(self.block_bytes)

    def session(self, redundancy: float | int = SHARE) -> dict[str, Any]:
        """What FragmentationSession.fit takes."""
        return {"data": self.data, "frag_size": self.frag_size, "redundancy": redundancy, "version": self.version}


@dataclass(frozen=True, kw_only=True)
class Reception:
    """The fragments of one session that arrive, in order, up to the one that completes the block."""

    case: Case
    loss: float
    numbers: NDArray[np.int64]
    payloads: NDArray[np.uint8]
    lost: NDArray[np.int64]
    """Indices (from 0) of the uncoded fragments that did not arrive."""
    all_coded_arrive: bool
    """The 14 bits of N leave too few coded fragments for losses among them."""

    @property
    def name(self) -> str:
        return f"{self.case.name}, {self.loss:.0%} lost"

    @property
    def nb_coded(self) -> int:
        """Coded fragments among those that arrived."""
        return len(self.numbers) - self.case.nb_frag + len(self.lost)

    @property
    def session(self) -> dict[str, Any]:
        """What FragDecoder takes."""
        case = self.case
        padding = case.nb_frag * case.frag_size - case.block_bytes
        return {"nb_frag": case.nb_frag, "frag_size": case.frag_size, "padding": padding, "version": case.version}

    @property
    def fragments(self) -> list[tuple[int, bytes]]:
        return [(n, payload.tobytes()) for n, payload in zip(self.numbers.tolist(), self.payloads, strict=True)]

    @property
    def coded_words(self) -> Words:
        return pack_octets(self.payloads[len(self.payloads) - self.nb_coded :])

    @property
    def block_words(self) -> Words:
        """The uncoded fragments (nb_frag, value words), zeros for the lost ones."""
        octets = np.zeros((self.case.nb_frag, self.case.frag_size), dtype=np.uint8)
        uncoded = len(self.numbers) - self.nb_coded
        octets[self.numbers[:uncoded] - 1] = self.payloads[:uncoded]
        return pack_octets(octets)

    @cached_property
    def lost_words(self) -> Words:
        """What a decoder has to find (lost, value words)."""
        octets = np.frombuffer(self.case.data.ljust(self.case.nb_frag * self.case.frag_size, b"\0"), dtype=np.uint8)
        return pack_octets(octets.reshape(self.case.nb_frag, self.case.frag_size)[self.lost])


@cache
def receive(case: Case, loss: float) -> Reception:
    """Lose each fragment, uncoded or coded, with probability `loss`; coded ones go out until the block is complete."""
    available = MAX_FRAGMENT_NUMBER - case.nb_frag
    arrived = np.random.default_rng([SEED, case.nb_frag]).random(MAX_FRAGMENT_NUMBER) >= loss
    lost = np.flatnonzero(~arrived[: case.nb_frag])
    nb_coded = min(available, round(1.1 * len(lost) / (1 - loss)) + 50)
    scarce = int(arrived[case.nb_frag : case.nb_frag + nb_coded].sum()) < len(lost)
    if scarce:
        arrived[case.nb_frag :] = True
    fragments = FragmentationSession.fit(**case.session(nb_coded)).encode()
    numbers = np.flatnonzero(arrived[: len(fragments)]) + 1
    reception = Reception(
        case=case,
        loss=loss,
        numbers=numbers,
        payloads=fragments[numbers - 1],
        lost=lost,
        all_coded_arrive=scarce,
    )
    return _up_to_completion(reception)


def _up_to_completion(reception: Reception) -> Reception:
    decoder = FragDecoder(**reception.session)
    for taken, (n, payload) in enumerate(reception.fragments, start=1):
        if decoder.feed(n, payload):
            return Reception(
                case=reception.case,
                loss=reception.loss,
                numbers=reception.numbers[:taken],
                payloads=reception.payloads[:taken],
                lost=reception.lost,
                all_coded_arrive=reception.all_coded_arrive,
            )
    raise RuntimeError(f"{reception.name}: the fragments that arrive do not suffice; choose another SEED")


def cases(sizes: tuple[tuple[int, int], ...] = SIZES) -> list[Case]:
    return [Case(block_bytes=b, frag_size=f, version=v) for b, f in sizes for v in VERSIONS]
