"""Other programs to compare with: a plain C row loop and Debian's libm4ri, compiled here and called through ctypes.

They are compiled at each start, because -march=native must refer to this processor. If the compiler or the library is missing,
the program is None, and `Peers.left_out` gives the reason.
"""

from __future__ import annotations

import ctypes
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

Words = NDArray[np.uint64]

HERE = Path(__file__).parent
BUILD = HERE / "build"
COMPILER = os.environ.get("CC", "cc")
FLAGS = ("-std=c99", "-O3", "-march=native", "-fPIC", "-shared")

_INT = ctypes.c_int
_WORDS = np.ctypeslib.ndpointer(np.uint64, flags="C_CONTIGUOUS")
_NUMBERS = np.ctypeslib.ndpointer(np.int64, flags="C_CONTIGUOUS")


@dataclass(frozen=True, slots=True, kw_only=True)
class PlainRows:
    """The row loop in plain_rows.c."""

    library: ctypes.CDLL

    def job(self, nb_frag: int, numbers: NDArray[np.int64], version: int) -> tuple[Callable[[], object], Words]:
        """Return a function that makes the rows of `numbers`, and the array (count, row words) that it writes to."""
        rows = np.zeros((len(numbers), -(-nb_frag // 64)), dtype=np.uint64)
        function = self.library.plain_rows
        function.argtypes = [ctypes.c_uint32, _NUMBERS, ctypes.c_size_t, _INT, _WORDS]
        function.restype = None
        return lambda: function(nb_frag, numbers, len(numbers), version == 2, rows), rows


@dataclass(frozen=True, slots=True, kw_only=True)
class M4ri:
    """libm4ri with given rows, called by m4ri_peer.c. A job encodes or decodes once; its preparation is not timed."""

    library: ctypes.CDLL

    @contextmanager
    def encoder(self, rows: Words, block: Words) -> Iterator[tuple[Callable[[], object], Callable[[], Words]]]:
        """Yield the multiplication and a function that returns its result.

        rows: (coded, row words). block: (nb_frag, value words).
        """
        handle = self._prepare("encode", rows, len(rows), block, len(block), block.shape[1] * 64)
        try:
            yield self._job("encode", handle), lambda: self._result("encode", handle, (len(rows), block.shape[1]))
        finally:
            self._call("m4ri_encode_free", handle)

    @contextmanager
    def decoder(
        self, rows: Words, coded: Words, block: Words, lost: NDArray[np.int64]
    ) -> Iterator[tuple[Callable[[], object], Callable[[], Words]]]:
        """Yield the computation of syndrome and solution, and a function that returns the lost fragments.

        rows, coded: parity rows and values of the coded fragments that arrived. block: uncoded fragments, zeros if lost. lost:
        indexes of the lost fragments.
        """
        mask = np.zeros(rows.shape[1] * 64, dtype=np.uint8)
        mask[lost] = 1
        mask_words = np.packbits(mask, bitorder="little").view(np.uint64)
        shape = (len(lost), block.shape[1])
        handle = self._prepare(
            "decode", rows, coded, len(rows), block, len(block), block.shape[1] * 64, mask_words, len(lost)
        )
        try:
            yield self._job("decode", handle), lambda: self._result("decode", handle, shape)
        finally:
            self._call("m4ri_decode_free", handle)

    def _prepare(self, what: str, *arguments: object) -> ctypes.c_void_p:
        function = self.library[f"m4ri_{what}_new"]
        function.argtypes = [_WORDS if isinstance(a, np.ndarray) else _INT for a in arguments]
        function.restype = ctypes.c_void_p
        return ctypes.c_void_p(function(*arguments))

    def _job(self, what: str, handle: ctypes.c_void_p) -> Callable[[], object]:
        function = self.library[f"m4ri_{what}"]
        function.restype = None
        return lambda: function(handle)

    def _result(self, what: str, handle: ctypes.c_void_p, shape: tuple[int, int]) -> Words:
        values = np.zeros(shape, dtype=np.uint64)
        function = self.library[f"m4ri_{what}_result"]
        function.argtypes, function.restype = [ctypes.c_void_p, _WORDS], None
        function(handle, values)
        return values

    def _call(self, name: str, handle: ctypes.c_void_p) -> None:
        function = self.library[name]
        function.restype = None
        function(handle)


@dataclass(frozen=True, slots=True, kw_only=True)
class Peers:
    """The programs that could be compiled."""

    plain_rows: PlainRows | None
    m4ri: M4ri | None
    left_out: tuple[str, ...]
    """A sentence for each missing program, with the reason."""


@cache
def load() -> Peers:
    """Compile and load the programs."""
    left_out: list[str] = []
    plain = _build("plain_rows", (), left_out)
    m4ri = _build("m4ri_peer", ("-lm4ri",), left_out)
    return Peers(
        plain_rows=PlainRows(library=plain) if plain else None,
        m4ri=M4ri(library=m4ri) if m4ri else None,
        left_out=tuple(left_out),
    )


def _build(name: str, libraries: tuple[str, ...], left_out: list[str]) -> ctypes.CDLL | None:
    if not shutil.which(COMPILER):
        left_out.append(
            f"{name} left out: the C compiler {COMPILER!r} is not installed (set CC to use another compiler)"
        )
        return None
    BUILD.mkdir(exist_ok=True)
    target = BUILD / f"{name}-{os.getpid()}.so"
    command = [COMPILER, *FLAGS, "-o", str(target), str(HERE / f"{name}.c"), *libraries]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode == 0:
            return ctypes.CDLL(str(target))
    finally:
        target.unlink(missing_ok=True)
    reason = next((line for line in done.stderr.splitlines() if "error" in line), "the compiler failed")
    left_out.append(f"{name} left out: {reason.strip()} (libm4ri: Debian's libm4ri-dev)")
    return None
