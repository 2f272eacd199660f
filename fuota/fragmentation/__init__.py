"""TS004 as an engine: a data block to uncoded and coded fragments, and back; and what its code is good for.

The statistics are loaded on first use: who only encodes or decodes does not wait for them.
"""

from __future__ import annotations

from fuota.lazy import lazy_names

__getattr__, __dir__, __all__ = lazy_names(
    __name__,
    {
        "decoder": ("FragDecoder",),
        "parity": (
            "MAX_FRAGMENT_NUMBER",
            "Variant",
            "parity_matrix",
        ),
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
