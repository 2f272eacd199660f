"""The sending side: a data block cut into fragments, and the coded fragments made from them."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from fuota.errors import ImageError, ParameterError, PlanError
from fuota.fragmentation.kernels.rows import encode
from fuota.fragmentation.parity import MAX_FRAGMENT_NUMBER, ParityCode, Variant, check_frag_size, coded_count
from fuota.gf2 import LINE_OCTETS, words_for_bits
from fuota.parallel import run_in_parts

DATA_FRAGMENT_CID = 0x08
CodedChoice = Literal["consecutive", "chosen"]
_HEADER = struct.Struct("<BH")


@dataclass(frozen=True, slots=True, kw_only=True)
class DataFragment:
    """Fragment `n` (from 1) of a session and its `payload`, exactly frag_size octets."""

    n: int
    payload: bytes

    def to_bytes(self, frag_index: int) -> bytes:
        """The DataFragment command as it sits in FRMPayload (TS004 §DataFragment): frag_size + 3 octets."""
        if not 0 <= frag_index <= 3:
            raise ParameterError(f"frag_index {frag_index} was given: FragIndex has two bits, so 0 to 3")
        return _HEADER.pack(DATA_FRAGMENT_CID, frag_index << 14 | self.n) + self.payload


@dataclass(frozen=True, slots=True, kw_only=True)
class FragmentationSession:
    """A data block and the way it is fragmented. Make one with `fit`.

    The session sends `data` as `nb_frag` uncoded fragments of `frag_size` bytes, the last of them padded with `padding` zero
    bytes, and `nb_coded` coded fragments (TS004 §FragSessionSetupReq: block length = NbFrag x FragSize - Padding).
    chosen_numbers: numbers of the coded fragments, ascending; None if they are nb_frag + 1 and the following.
    """

    data: bytes
    frag_size: int
    nb_coded: int
    code: ParityCode
    chosen_numbers: tuple[int, ...] | None = None

    @classmethod
    def fit(
        cls,
        data: bytes,
        *,
        frag_size: int,
        redundancy: float | int = 0,
        version: int = 1,
        variant: Variant = "deployed",
        coded: CodedChoice = "consecutive",
    ) -> FragmentationSession:
        """Fit a data block into fragments of `frag_size` octets.

        `redundancy` is a share of the uncoded fragments when it is a float (0.3 = 30 %, rounded up), a count of coded
        fragments when it is an int. `coded`: the numbers of the coded fragments, "consecutive" from nb_frag + 1, or "chosen" by
        `choose_coded` so that they repair more; every decoder understands both.

        Raises ImageError for an empty block, PlanError where M + redundancy passes 16383 (with the smallest frag_size that
        fits), ParameterError for anything else out of its rule.
        """
        check_frag_size(frag_size)
        if not data:
            raise ImageError("the data block is empty: there is nothing to send; it has 1 octet or more")
        nb_frag = -(-len(data) // frag_size)
        if nb_frag > MAX_FRAGMENT_NUMBER:
            raise PlanError(_too_large(data, frag_size, nb_frag))
        nb_coded = coded_count(nb_frag, redundancy)
        if nb_frag + nb_coded > MAX_FRAGMENT_NUMBER:
            raise PlanError(
                f"{nb_frag} uncoded and {nb_coded} coded fragments were asked for: N has 14 bits (TS004 Index&N), so together"
                f" at most {MAX_FRAGMENT_NUMBER}; redundancy can be {MAX_FRAGMENT_NUMBER - nb_frag} fragments at most here"
            )
        code = ParityCode(nb_frag=nb_frag, version=version, variant=variant)
        return cls(
            data=bytes(data),
            frag_size=frag_size,
            nb_coded=nb_coded,
            code=code,
            chosen_numbers=_chosen(code, nb_coded, coded),
        )

    @property
    def nb_frag(self) -> int:
        """M: the number of uncoded fragments."""
        return self.code.nb_frag

    @property
    def padding(self) -> int:
        """Zero octets at the end of the last uncoded fragment."""
        return self.nb_frag * self.frag_size - len(self.data)

    @property
    def version(self) -> int:
        """TS004 version: 1 or 2."""
        return self.code.version

    @property
    def coded_numbers(self) -> NDArray[np.int64]:
        """int64 (nb_coded,): the numbers N of the coded fragments, ascending."""
        if self.chosen_numbers is not None:
            return np.array(self.chosen_numbers, dtype=np.int64)
        return self.code.coded_numbers(self.nb_coded)

    @property
    def numbers(self) -> NDArray[np.int64]:
        """int64 (nb_frag + nb_coded,): the numbers of all fragments, in the order of `encode`."""
        return np.concatenate([np.arange(1, self.nb_frag + 1, dtype=np.int64), self.coded_numbers])

    def encode(self, *, threads: int | None = None) -> NDArray[np.uint8]:
        """All fragments: uint8 (nb_frag + nb_coded, frag_size), read-only; row i is fragment n = `numbers`[i].

        With consecutive coded fragments that is n = i + 1.
        `threads`: how many to work with; None decides by the amount of work.
        """
        octets = (self.nb_frag + self.nb_coded) * self.frag_size
        flat = np.zeros(octets + LINE_OCTETS, dtype=np.uint8)
        flat[: len(self.data)] = np.frombuffer(self.data, dtype=np.uint8)
        coded = flat[self.nb_frag * self.frag_size : octets].reshape(self.nb_coded, self.frag_size)
        seeds = self.code.seeds(self.coded_numbers)
        portion = portion_rows(self.nb_frag, self.frag_size)

        def work(first: int, last: int) -> None:
            rows = np.empty((min(portion, last - first), words_for_bits(self.nb_frag)), dtype=np.uint64)
            encode(self.nb_frag, self.version == 2, seeds[first:last], rows, flat, coded[first:last])

        cost_ns = self.nb_frag * (0.5 + 0.1 * (self.frag_size / LINE_OCTETS))
        run_in_parts(work, self.nb_coded, threads=threads, cost_ns=cost_ns)
        flat.flags.writeable = False
        return flat[:octets].reshape(-1, self.frag_size)

    def fragments(self) -> Iterator[DataFragment]:
        """Every fragment in the order of its number."""
        for n, payload in zip(self.numbers.tolist(), self.encode(), strict=True):
            yield DataFragment(n=n, payload=payload.tobytes())


def portion_rows(nb_frag: int, frag_size: int) -> int:
    """How many parity rows to hold at a time: with their products a third of the data block at most, and 16 at least."""
    row_octets = words_for_bits(nb_frag) * 8 + LINE_OCTETS
    return max(16, min(512, nb_frag * frag_size // 3 // row_octets))


def _chosen(code: ParityCode, nb_coded: int, coded: CodedChoice) -> tuple[int, ...] | None:
    """The numbers of the coded fragments, or None for consecutive ones."""
    if coded not in get_args(CodedChoice):
        raise ParameterError(f"coded {coded!r} was given: it is 'consecutive' or 'chosen'")
    if coded == "consecutive":
        return None
    from fuota.fragmentation.statistics import choose_coded  # only who chooses pays for loading it

    return tuple(choose_coded(code.nb_frag, nb_coded, code.version, code.variant).tolist())


def _too_large(data: bytes, frag_size: int, nb_frag: int) -> str:
    smallest = -(-len(data) // MAX_FRAGMENT_NUMBER)
    remedy = (
        f"fragments of {smallest} octets or more would fit"
        if smallest <= 255
        else f"no fragment size carries more than {255 * MAX_FRAGMENT_NUMBER} octets: send a delta or split the image"
    )
    return (
        f"the data block of {len(data)} octets makes {nb_frag} fragments of {frag_size} octets:"
        f" N has 14 bits (TS004 Index&N), so at most {MAX_FRAGMENT_NUMBER}; {remedy}"
    )
