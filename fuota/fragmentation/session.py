"""The sending side: a data block cut into fragments, and the coded fragments made from them."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from fuota.calls import checked_call
from fuota.errors import ImageError, PlanError
from fuota.fragmentation.limits import MAX_FRAGMENT_NUMBER, Variant, check_frag_size, coded_count
from fuota.fragmentation.parity import ParityCode
from fuota.gf2 import LINE_BYTES, words_for_bits
from fuota.parallel import run_in_parts
from fuota.rules import integer, one_of

DATA_FRAGMENT_CID = 0x08
CodedChoice = Literal["consecutive", "chosen"]
"""How the numbers of the coded fragments are selected: nb_frag + 1 and the following, or by `choose_coded`."""
_HEADER = struct.Struct("<BH")


@dataclass(frozen=True, slots=True, kw_only=True)
class DataFragment:
    """Fragment number `n` (from 1) of a session, with its `payload` of exactly frag_size bytes."""

    n: int
    payload: bytes

    def to_bytes(self, frag_index: int) -> bytes:
        """Return the DataFragment command as the content of FRMPayload (TS004 §DataFragment): frag_size + 3 bytes.

        frag_index: FragIndex of the session, 0 to 3. Raises ParameterError for other values.
        """
        integer("frag_index", frag_index, 0, 3, why="FragIndex has two bits")
        return _HEADER.pack(DATA_FRAGMENT_CID, frag_index << 14 | self.n) + self.payload


@dataclass(frozen=True, slots=True, kw_only=True)
class FragmentationSession:
    """A data block and the way it is fragmented. Create a session with `fit`.

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
    @checked_call
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
        """Return the session that sends a data block in fragments of `frag_size` bytes.

        data: the data block, 1 byte or more. frag_size: 1 to 255 bytes. redundancy: a float is a share of the uncoded fragments
        (0.3 = 30 %), rounded up; an int is the number of coded fragments. version: TS004 version, 1 or 2. variant: reading of the
        parity matrix, "deployed", or "literal" for version 2. coded: numbers of the coded fragments, "consecutive" from
        nb_frag + 1, or "chosen" by `choose_coded`, so that they repair more; every decoder understands both.

        Raises ImageError if the data block is empty, PlanError if there are more than 16383 fragments (with the smallest
        frag_size that fits), and ParameterError for any other value that breaks its rule.
        """
        check_frag_size(frag_size)
        if not data:
            raise ImageError("the data block is empty: there is nothing to send; it must have 1 byte or more")
        nb_frag = -(-len(data) // frag_size)
        if nb_frag > MAX_FRAGMENT_NUMBER:
            raise PlanError(_too_large(data, frag_size, nb_frag))
        nb_coded = coded_count(nb_frag, redundancy)
        if nb_frag + nb_coded > MAX_FRAGMENT_NUMBER:
            raise PlanError(
                f"uncoded and coded fragments together must be at most {MAX_FRAGMENT_NUMBER} (N has 14 bits in TS004 Index&N),"
                f" got {nb_frag} and {nb_coded} (nearest: {MAX_FRAGMENT_NUMBER - nb_frag} coded fragments)"
            )
        code = ParityCode(nb_frag=nb_frag, version=version, variant=variant)
        chosen = _chosen_numbers(code, nb_coded, coded)
        return cls(data=bytes(data), frag_size=frag_size, nb_coded=nb_coded, code=code, chosen_numbers=chosen)

    @property
    def nb_frag(self) -> int:
        """M: number of uncoded fragments."""
        return self.code.nb_frag

    @property
    def padding(self) -> int:
        """Number of zero bytes at the end of the last uncoded fragment."""
        return self.nb_frag * self.frag_size - len(self.data)

    @property
    def version(self) -> int:
        """TS004 version: 1 or 2."""
        return self.code.version

    @property
    def coded_numbers(self) -> NDArray[np.int64]:
        """Numbers N of the coded fragments, ascending: int64 (nb_coded,)."""
        if self.chosen_numbers is not None:
            return np.array(self.chosen_numbers, dtype=np.int64)
        return self.code.coded_numbers(self.nb_coded)

    @property
    def numbers(self) -> NDArray[np.int64]:
        """Numbers of all fragments, in the order of `encode`: int64 (nb_frag + nb_coded,)."""
        return np.concatenate([np.arange(1, self.nb_frag + 1, dtype=np.int64), self.coded_numbers])

    def encode(self, *, threads: int | None = None) -> NDArray[np.uint8]:
        """Return all fragments: uint8 (nb_frag + nb_coded, frag_size), read-only.

        Row i is fragment n = `numbers`[i], which is i + 1 if the coded fragments are consecutive. threads: number of threads;
        None chooses it from the amount of work. Raises ParameterError if `threads` is below 1.
        """
        from fuota.fragmentation.kernels.rows import encode  # imports numba

        total_bytes = (self.nb_frag + self.nb_coded) * self.frag_size
        flat = np.zeros(total_bytes + LINE_BYTES, dtype=np.uint8)
        flat[: len(self.data)] = np.frombuffer(self.data, dtype=np.uint8)
        coded = flat[self.nb_frag * self.frag_size : total_bytes].reshape(self.nb_coded, self.frag_size)
        seeds = self.code.seeds(self.coded_numbers)
        portion = portion_rows(self.nb_frag, self.frag_size)

        def work(first: int, last: int) -> None:
            rows = np.empty((min(portion, last - first), words_for_bits(self.nb_frag)), dtype=np.uint64)
            encode(self.nb_frag, self.version == 2, seeds[first:last], rows, flat, coded[first:last])

        cost_ns = self.nb_frag * (0.5 + 0.1 * (self.frag_size / LINE_BYTES))
        run_in_parts(work, self.nb_coded, threads=threads, cost_ns=cost_ns)
        flat.flags.writeable = False
        return flat[:total_bytes].reshape(-1, self.frag_size)

    def fragments(self) -> Iterator[DataFragment]:
        """Yield all fragments in the order of their numbers."""
        for n, payload in zip(self.numbers.tolist(), self.encode(), strict=True):
            yield DataFragment(n=n, payload=payload.tobytes())


def portion_rows(nb_frag: int, frag_size: int) -> int:
    """Return the number of parity rows to hold at a time.

    With their products they need at most a third of the memory of the data block; at least 16 rows.
    """
    row_bytes = words_for_bits(nb_frag) * 8 + LINE_BYTES
    return max(16, min(512, nb_frag * frag_size // 3 // row_bytes))


def _chosen_numbers(code: ParityCode, nb_coded: int, coded: CodedChoice) -> tuple[int, ...] | None:
    """Return the numbers of the coded fragments, or None for consecutive numbers."""
    if one_of("coded", coded, get_args(CodedChoice)) == "consecutive":
        return None
    from fuota.fragmentation.statistics import choose_coded  # takes long to import, and is rarely needed

    return tuple(choose_coded(code.nb_frag, nb_coded, code.version, code.variant).tolist())


def _too_large(data: bytes, frag_size: int, nb_frag: int) -> str:
    smallest = -(-len(data) // MAX_FRAGMENT_NUMBER)
    remedy = (
        f"use fragments of {smallest} bytes or more"
        if smallest <= 255
        else f"no fragment size carries more than {255 * MAX_FRAGMENT_NUMBER} bytes: send a delta, or split the image"
    )
    return (
        f"a data block must have at most {MAX_FRAGMENT_NUMBER} fragments (N has 14 bits in TS004 Index&N),"
        f" got {len(data)} bytes in {nb_frag} fragments of {frag_size} bytes; {remedy}"
    )
