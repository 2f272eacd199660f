"""The receiving side: fragments in any order, until the data block is whole."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from fuota.errors import IncompleteError, ParameterError
from fuota.fragmentation.kernels.reception import first_outside, sort_out
from fuota.fragmentation.parity import (
    MAX_FRAGMENT_NUMBER,
    ParityCode,
    Variant,
    check_frag_size,
    check_padding,
    fragment_error,
)
from fuota.gf2 import Octets, Solver, Words
from fuota.rules import optional_integer


class FragDecoder:
    """Reassembles one TS004 session from whatever fragments arrive.

    Any order, repeats, late uncoded fragments, coded fragments alone: the block is complete exactly when the rank of what
    arrived says so (`missing` is 0), and never before. What a decoder cannot see is whether the sender used another version or
    variant: then `contradictions` counts the fragments that disagree with the others, as far as there are any to spare.
    Version 1 has no integrity check of the block, so compare a hash. One decoder is for one thread at a time.

    `threads`: how many `feed_many` works with; None decides by the amount of work.
    Raises ParameterError for a session that TS004 cannot describe.
    """

    def __init__(
        self,
        *,
        nb_frag: int,
        frag_size: int,
        padding: int = 0,
        version: int = 1,
        variant: Variant = "deployed",
        threads: int | None = None,
    ) -> None:
        check_frag_size(frag_size)
        check_padding(padding, frag_size)
        self._nb_frag = nb_frag
        self._code = ParityCode(nb_frag=nb_frag, version=version, variant=variant)
        self._frag_size = frag_size
        self._padding = padding
        self._threads = optional_integer("threads", threads, 1)
        self._solver = Solver(nb_frag, frag_size)
        self._seen = bytearray(MAX_FRAGMENT_NUMBER + 1)
        self._row_of = self._code.row_maker()

    @property
    def nb_frag(self) -> int:
        """M: the number of uncoded fragments."""
        return self._nb_frag

    @property
    def frag_size(self) -> int:
        """Octets per fragment."""
        return self._frag_size

    @property
    def padding(self) -> int:
        """Octets stripped from the end of the last fragment."""
        return self._padding

    @property
    def missing(self) -> int:
        """The rank still lacking: no fewer further fragments can complete the block. Exact after every fragment."""
        return self._solver.missing

    @property
    def received(self) -> int:
        """Distinct fragment numbers taken so far, uncoded and coded; those that come after completion are not taken."""
        return self._seen.count(1)

    @property
    def complete(self) -> bool:
        """Whether every octet of the block is determined."""
        return self.missing == 0

    @property
    def contradictions(self) -> int:
        """How many fragments disagreed with the others. Not 0: the sender's variant is another, or octets were damaged."""
        return self._solver.contradictions

    def feed(self, n: int, payload: Octets) -> bool:
        """Take fragment number `n` (1 to 16383); True once the block is complete.

        A repeat is dropped (one of an uncoded fragment with other octets counts as a contradiction), and so is everything
        after completion. Raises ParameterError, with nothing changed, for a number
        or a length that the session cannot have.
        """
        if not 1 <= n <= MAX_FRAGMENT_NUMBER or len(payload) != self._frag_size:
            raise fragment_error(n, payload, self._frag_size)
        solver, seen = self._solver, self._seen
        if not solver.missing or (seen[n] and n > self._nb_frag):
            return not solver.missing
        try:
            if n <= self._nb_frag:
                solver.learn(n - 1, payload)
            else:
                solver.add(self._row_of(n), payload)
        except (TypeError, ValueError):
            raise ParameterError(
                f"fragment {n} was given as {type(payload).__name__}: it is octets, or a uint8 array"
            ) from None
        seen[n] = 1
        return not solver.missing

    def feed_many(self, numbers: NDArray[np.int64], payloads: NDArray[np.uint8]) -> bool:
        """Take many fragments at once: int64 (count,) and uint8 (count, frag_size); True once the block is complete.

        Faster than one after the other, and with sound fragments the same, but that `received` counts all that are new. Among
        damaged ones it may rest on others than `feed` would. Raises ParameterError, with
        nothing changed, where a number or the length is one that the session cannot have.
        """
        if not np.issubdtype(np.asarray(numbers).dtype, np.integer) or payloads.dtype != np.uint8:
            raise ParameterError(
                f"numbers of {np.asarray(numbers).dtype} and payloads of {payloads.dtype} were given: integers and uint8"
            )
        numbers = np.ascontiguousarray(numbers, dtype=np.int64)
        if payloads.shape != (len(numbers), self._frag_size):
            raise ParameterError(
                f"payloads of shape {payloads.shape} were given for {len(numbers)} fragments of {self._frag_size} octets:"
                f" it must be ({len(numbers)}, {self._frag_size})"
            )
        if (outside := first_outside(numbers, MAX_FRAGMENT_NUMBER)) >= 0:
            raise fragment_error(int(numbers[outside]), b"", self._frag_size)
        if self.complete:
            return True
        places = np.empty(len(numbers), dtype=np.int32)
        uncoded, coded = sort_out(numbers, self._nb_frag, np.frombuffer(self._seen, dtype=np.uint8), places)
        self._solver.learn_many(numbers - 1, payloads, places[:uncoded])
        coded_places = places[len(places) - coded :]

        def rows_of(first: int, last: int) -> Words:
            return self._code.rows(numbers[coded_places[first:last]], threads=1)

        self._solver.add_many(rows_of, payloads, coded_places, threads=self._threads)
        return self.complete

    def missing_fragments(self) -> list[int]:
        """The numbers of the uncoded fragments that are not known yet, neither received nor solved for."""
        return [n for n in range(1, self.nb_frag + 1) if not self._solver.knows(n - 1)]

    def data(self) -> bytes:
        """The data block without its padding. Raises IncompleteError while `missing` is not 0."""
        if not self.complete:
            raise IncompleteError(
                f"the data block is not complete: {self.missing} more useful fragments are needed of a rank of {self.nb_frag}"
            )
        block = self._solver.values.reshape(-1)
        return block[: len(block) - self._padding].tobytes()
