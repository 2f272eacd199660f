"""The receiving side: fragments in any order, until the data block is whole."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from fuota.errors import IncompleteError, ParameterError
from fuota.fragmentation.parity import MAX_FRAGMENT_NUMBER, ParityCode, Variant, check_frag_size
from fuota.gf2 import Solver, Words, pack_octets, unpack_octets, words_for_octets


class FragDecoder:
    """Reassembles one TS004 session from whatever fragments arrive.

    Any order, repeats, late uncoded fragments, coded fragments alone: the block is complete exactly when the rank of what
    arrived says so (`missing` is 0), and never before. What a decoder cannot see is whether the sender used another version or
    variant: then `contradictions` counts the fragments that disagree with the others, as far as there are any to spare.
    Version 1 has no integrity check of the block, so compare a hash.

    Raises ParameterError for a session that TS004 cannot describe.
    """

    def __init__(
        self, *, nb_frag: int, frag_size: int, padding: int = 0, version: int = 1, variant: Variant = "deployed"
    ) -> None:
        check_frag_size(frag_size)
        if not 0 <= padding <= min(frag_size - 1, 255):
            raise ParameterError(
                f"padding {padding} was given for fragments of {frag_size} octets: it is less than one fragment,"
                f" so 0 to {frag_size - 1}"
            )
        self._code = ParityCode(nb_frag=nb_frag, version=version, variant=variant)
        self._frag_size = frag_size
        self._padding = padding
        self._solver = Solver(nb_frag, words_for_octets(frag_size))
        self._seen = np.zeros(MAX_FRAGMENT_NUMBER + 1, dtype=np.bool_)
        self.received = 0
        """Distinct fragment numbers taken so far, uncoded and coded."""

    @property
    def nb_frag(self) -> int:
        """M: the number of uncoded fragments."""
        return self._code.nb_frag

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
    def complete(self) -> bool:
        """Whether every octet of the block is determined."""
        return self.missing == 0

    @property
    def contradictions(self) -> int:
        """How many fragments disagreed with the others. Not 0: the sender's variant is another, or octets were damaged."""
        return self._solver.contradictions

    def feed(self, n: int, payload: bytes | bytearray | memoryview | NDArray[np.uint8]) -> bool:
        """Take fragment number `n` (1 to 16383); True once the block is complete.

        A repeat is dropped, and so is everything after completion. Raises ParameterError, with nothing changed, for a number
        or a length that the session cannot have.
        """
        if not 1 <= n <= MAX_FRAGMENT_NUMBER:
            raise ParameterError(
                f"fragment number {n} was given: N counts from 1 and has 14 bits, so 1 to {MAX_FRAGMENT_NUMBER}"
            )
        octets = bytes(payload)
        if len(octets) != self._frag_size:
            raise ParameterError(
                f"fragment {n} has {len(octets)} octets: in this session each has exactly {self._frag_size}"
            )
        if self.complete or self._seen[n]:
            return self.complete
        self._seen[n] = True
        self.received += 1
        if n <= self.nb_frag:
            self._solver.learn(n - 1, self._words(octets))
        else:
            self._solver.add(self._code.rows(np.array([n], dtype=np.int64))[0], self._words(octets))
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
        block = unpack_octets(self._solver.values, self._frag_size).tobytes()
        return block[: len(block) - self._padding]

    def _words(self, octets: bytes) -> Words:
        packed: Words = pack_octets(np.frombuffer(octets, dtype=np.uint8).reshape(1, -1))[0]
        return packed
