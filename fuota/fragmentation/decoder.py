"""The receiving side: collect fragments in any order until the data block is complete."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from fuota.calls import checked_init
from fuota.errors import IncompleteError, ParameterError
from fuota.fragmentation.kernels.reception import first_outside, select_new
from fuota.fragmentation.limits import (
    MAX_FRAGMENT_NUMBER,
    Variant,
    check_frag_size,
    check_padding,
    fragment_error,
    kind_error,
)
from fuota.fragmentation.parity import ParityCode
from fuota.gf2 import BytesLike, Solver, Words
from fuota.rules import optional_integer


@checked_init
class FragDecoder:
    """Decoder that reassembles the data block of one TS004 session.

    Fragments may arrive in any order and repeatedly, late uncoded fragments and coded fragments alone included. The block is
    complete exactly when the rank of the received fragments is full (`missing` is 0). The decoder cannot detect that the sender
    used another version or variant; then `contradictions` counts the fragments that disagree with the others, if more fragments
    arrive than are needed. Version 1 has no integrity check of the block, so compare a hash. Use a decoder in one thread at a
    time.

    nb_frag: number of uncoded fragments, 1 to 16383. frag_size: 1 to 255 bytes. padding: bytes to strip from the end of the last
    fragment, less than `frag_size`. version: TS004 version, 1 or 2. variant: reading of the parity matrix, "deployed", or
    "literal" for version 2. threads: number of threads that `feed_many` uses; None chooses it from the amount of work.
    Raises ParameterError for other values.
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
        self._accepted = bytearray(MAX_FRAGMENT_NUMBER + 1)
        self._row_of = self._code.row_function()

    @property
    def nb_frag(self) -> int:
        """M: number of uncoded fragments."""
        return self._nb_frag

    @property
    def frag_size(self) -> int:
        """Number of bytes of a fragment."""
        return self._frag_size

    @property
    def padding(self) -> int:
        """Number of bytes stripped from the end of the last fragment."""
        return self._padding

    @property
    def missing(self) -> int:
        """Rank that is still lacking: at least this many further fragments are needed. Exact after every fragment."""
        return self._solver.missing

    @property
    def received(self) -> int:
        """Number of distinct fragments accepted so far, uncoded and coded. Fragments after completion are not accepted."""
        return self._accepted.count(1)

    @property
    def complete(self) -> bool:
        """Whether every byte of the block is determined."""
        return self.missing == 0

    @property
    def contradictions(self) -> int:
        """Number of fragments that disagreed with the others.

        If it is not 0, the sender uses another version or variant, or bytes were damaged.
        """
        return self._solver.contradictions

    def feed(self, n: int, payload: BytesLike) -> bool:
        """Add a fragment. Return True once the block is complete.

        A repeated fragment is dropped, and so is every fragment after completion. A repeated uncoded fragment with other bytes
        counts as a contradiction.

        n: fragment number, 1 to 16383. payload: exactly frag_size bytes. Raises ParameterError, with nothing changed, for a
        number or a length that does not fit the session.
        """
        solver, accepted = self._solver, self._accepted
        try:
            if not 1 <= n <= MAX_FRAGMENT_NUMBER or len(payload) != self._frag_size:
                raise fragment_error(n, payload, self._frag_size)
            if not solver.missing or (accepted[n] and n > self._nb_frag):
                return not solver.missing
            if n <= self._nb_frag:
                solver.add_value(n - 1, payload)
            else:
                solver.add_equation(self._row_of(n), payload)
        except ParameterError:
            raise
        except (TypeError, ValueError):
            raise kind_error(n, payload) from None
        accepted[n] = 1
        return not solver.missing

    def feed_many(self, numbers: NDArray[np.int64], payloads: NDArray[np.uint8]) -> bool:
        """Add many fragments at once. Return True once the block is complete.

        This is faster than `feed`. The result is the same for correct fragments, but `received` counts all new fragments. With
        damaged fragments, the block may be computed from other fragments than with `feed`.

        numbers: integers (count,), each 1 to 16383. payloads: uint8 (count, frag_size). Raises ParameterError, with nothing
        changed, for a number or a length that does not fit the session.
        """
        numbers = self._checked_numbers(numbers, payloads)
        if self.complete:
            return True
        places = np.empty(len(numbers), dtype=np.int32)
        uncoded, coded = select_new(numbers, self._nb_frag, np.frombuffer(self._accepted, dtype=np.uint8), places)
        self._solver.add_values(numbers - 1, payloads, places[:uncoded])
        coded_places = places[len(places) - coded :]

        def rows_of(first: int, last: int) -> Words:
            return self._code.rows(numbers[coded_places[first:last]], threads=1)

        self._solver.add_equations(rows_of, payloads, coded_places, threads=self._threads)
        return self.complete

    def _checked_numbers(self, numbers: NDArray[np.int64], payloads: NDArray[np.uint8]) -> NDArray[np.int64]:
        """Return the numbers as int64, or raise ParameterError if the arguments of `feed_many` do not fit the session."""
        if not isinstance(payloads, np.ndarray) or np.ndim(numbers) != 1:
            raise ParameterError(
                f"numbers must have one dimension and payloads be an array, got {np.ndim(numbers)} dimensions and"
                f" {type(payloads).__name__}"
            )
        kind = np.asarray(numbers).dtype
        if not np.issubdtype(kind, np.integer) or payloads.dtype != np.uint8:
            raise ParameterError(f"numbers must be integers and payloads uint8, got {kind} and {payloads.dtype}")
        numbers = np.ascontiguousarray(numbers, dtype=np.int64)
        shape = (len(numbers), self._frag_size)
        if payloads.shape != shape:
            raise ParameterError(f"payloads must have the shape {shape}, got {payloads.shape}")
        if (outside := first_outside(numbers, MAX_FRAGMENT_NUMBER)) >= 0:
            raise fragment_error(int(numbers[outside]), b"", self._frag_size)
        return numbers

    def missing_fragments(self) -> list[int]:
        """Return the numbers of the uncoded fragments that are unknown: neither received nor solved for."""
        return [n for n in range(1, self.nb_frag + 1) if not self._solver.is_known(n - 1)]

    def data(self) -> bytes:
        """Return the data block without its padding. Raises IncompleteError while `missing` is not 0."""
        if not self.complete:
            raise IncompleteError(
                f"the data block is not complete: {self.missing} more useful fragments are needed to reach rank {self.nb_frag}"
            )
        block = self._solver.values.reshape(-1)
        return block[: len(block) - self._padding].tobytes()
