"""Linear algebra over GF(2). This room has never heard of LoRaWAN: here are bits, words and equations."""

from __future__ import annotations

from fuota.lazy import lazy_names

__getattr__, __dir__, __all__ = lazy_names(
    __name__,
    {
        "elimination": (
            "Octets",
            "Solver",
        ),
        "layout": (
            "LINE_OCTETS",
            "Words",
            "pack_bits",
            "unpack_bits",
            "words_for_bits",
        ),
        "matmul": ("multiply",),
    },
)
