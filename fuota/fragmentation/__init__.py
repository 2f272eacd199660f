"""The engine of TS004: encode a data block to uncoded and coded fragments, decode it, and compute statistics of the code.

All names are loaded on first use, so that encoding and decoding do not wait for the statistics.
"""

from __future__ import annotations

from fuota.lazy import lazy_names

__getattr__, __dir__, __all__ = lazy_names(
    __name__,
    {
        "decoder": ("FragDecoder",),
        "limits": ("MAX_FRAGMENT_NUMBER", "Variant"),
        "parity": ("parity_matrix",),
        "session": (
            "DataFragment",
            "FragmentationSession",
        ),
        "statistics": (
            "DecodingProbability",
            "FragSize",
            "NearCopy",
            "choose_coded",
            "column_weights",
            "decoding_probability",
            "good_frag_sizes",
            "ideal_failure",
            "ideal_probability",
            "near_copies",
            "uncovered",
        ),
    },
)
