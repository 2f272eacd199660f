"""Linear algebra over GF(2): bits in words, systems of equations, and matrix products. Independent of LoRaWAN."""

from __future__ import annotations

from fuota.lazy import lazy_names

__getattr__, __dir__, __all__ = lazy_names(
    __name__,
    {
        "elimination": (
            "BytesLike",
            "Solver",
        ),
        "layout": (
            "LINE_BYTES",
            "Words",
            "pack_bits",
            "unpack_bits",
            "words_for_bits",
        ),
        "matmul": ("multiply",),
    },
)
