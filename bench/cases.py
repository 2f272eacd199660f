"""The measured cases: blocks, fragment sizes, losses, and the fragments that arrive."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache, cached_property
from typing import TypedDict

import numpy as np
from numpy.typing import NDArray
from words import pack_bytes

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
"""(bytes of the block, bytes of a fragment). 1 MB in fragments of 48 bytes is impossible, as N has 14 bits: 655,296 bytes fit."""

ROW_COUNT = 300
ROW_SIZES = (1000, 5000, 16383, 1024, 4096, 8192)

SMALL_SIZES = ((5_120, 48), (10_240, 232))
SMALL_ROW_SIZES = (100, 128)
"""Cases of the short tests, which only show that the measurements run."""


class SessionParameters(TypedDict):
    """Parameters of FragmentationSession.fit."""

    data: bytes
    frag_size: int
    redundancy: float | int
    version: int


class DecoderParameters(TypedDict):
    """Parameters of FragDecoder."""

    nb_frag: int
    frag_size: int
    padding: int
    version: int


@dataclass(frozen=True, kw_only=True)
class Case:
    """A block of `block_bytes` random bytes in fragments of `frag_size` bytes, TS004 version `version`."""

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

    def session(self, redundancy: float | int = SHARE) -> SessionParameters:
        """Return the parameters of FragmentationSession.fit."""
        return {"data": self.data, "frag_size": self.frag_size, "redundancy": redundancy, "version": self.version}


@dataclass(frozen=True, kw_only=True)
class Reception:
    """The fragments of a session that arrive, in order, up to the fragment that completes the block."""

    case: Case
    loss: float
    numbers: NDArray[np.int64]
    payloads: NDArray[np.uint8]
    lost: NDArray[np.int64]
    """Indexes (from 0) of the uncoded fragments that did not arrive."""
    all_coded_arrive: bool
    """Whether all coded fragments arrive, because the 14 bits of N leave too few of them."""

    @property
    def name(self) -> str:
        return f"{self.case.name}, {self.loss:.0%} lost"

    @property
    def nb_coded(self) -> int:
        """Number of coded fragments that arrived."""
        return len(self.numbers) - self.case.nb_frag + len(self.lost)

    @property
    def session(self) -> DecoderParameters:
        """The parameters of FragDecoder."""
        case = self.case
        padding = case.nb_frag * case.frag_size - case.block_bytes
        return {"nb_frag": case.nb_frag, "frag_size": case.frag_size, "padding": padding, "version": case.version}

    @property
    def fragments(self) -> list[tuple[int, bytes]]:
        return [(n, payload.tobytes()) for n, payload in zip(self.numbers.tolist(), self.payloads, strict=True)]

    @property
    def coded_words(self) -> Words:
        return pack_bytes(self.payloads[len(self.payloads) - self.nb_coded :])

    @property
    def block_words(self) -> Words:
        """The uncoded fragments (nb_frag, value words), with zeros for lost fragments."""
        values = np.zeros((self.case.nb_frag, self.case.frag_size), dtype=np.uint8)
        uncoded = len(self.numbers) - self.nb_coded
        values[self.numbers[:uncoded] - 1] = self.payloads[:uncoded]
        return pack_bytes(values)

    @cached_property
    def lost_words(self) -> Words:
        """The lost fragments, which a decoder must compute (lost, value words)."""
        values = np.frombuffer(self.case.data.ljust(self.case.nb_frag * self.case.frag_size, b"\0"), dtype=np.uint8)
        return pack_bytes(values.reshape(self.case.nb_frag, self.case.frag_size)[self.lost])


@cache
def receive(case: Case, loss: float) -> Reception:
    """Lose each fragment, uncoded or coded, with probability `loss`. Coded fragments are sent until the block is complete."""
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
    for count, (n, payload) in enumerate(reception.fragments, start=1):
        if decoder.feed(n, payload):
            return Reception(
                case=reception.case,
                loss=reception.loss,
                numbers=reception.numbers[:count],
                payloads=reception.payloads[:count],
                lost=reception.lost,
                all_coded_arrive=reception.all_coded_arrive,
            )
    raise RuntimeError(f"{reception.name}: the fragments that arrive are too few; choose another SEED")


def cases(sizes: tuple[tuple[int, int], ...] = SIZES) -> list[Case]:
    return [Case(block_bytes=b, frag_size=f, version=v) for b, f in sizes for v in VERSIONS]
