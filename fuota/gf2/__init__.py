"""Linear algebra over GF(2). This room has never heard of LoRaWAN: here are bits, words and equations."""

from __future__ import annotations

from fuota.gf2.elimination import Octets, Solver
from fuota.gf2.layout import LINE_OCTETS, Words, pack_bits, unpack_bits, words_for_bits
from fuota.gf2.matmul import multiply
from fuota.parallel import check_threads, in_parts

__all__ = [
    "LINE_OCTETS",
    "Octets",
    "Solver",
    "Words",
    "check_threads",
    "in_parts",
    "multiply",
    "pack_bits",
    "unpack_bits",
    "words_for_bits",
]
