"""Linear algebra over GF(2). This room has never heard of LoRaWAN: here are bits, words and equations."""

from __future__ import annotations

from fuota.gf2.elimination import Solver
from fuota.gf2.layout import Words, pack_bits, pack_octets, unpack_bits, unpack_octets, words_for_bits, words_for_octets
from fuota.gf2.matmul import multiply

__all__ = [
    "Solver",
    "Words",
    "multiply",
    "pack_bits",
    "pack_octets",
    "unpack_bits",
    "unpack_octets",
    "words_for_bits",
    "words_for_octets",
]
