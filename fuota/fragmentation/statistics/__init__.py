"""What the code of TS004 can and cannot repair, and how to get the best of it.

    coverage       which fragments the coded ones protect; coded ones that say the same thing twice
    probability    how likely a device completes, of the real code; `ideal` is the formula that others use
    choice         the coded fragments to send, where the sender is free to choose
    sizes          the fragment sizes that make a good code, where it is not

The matrix, its exact sums, the intervals and the search behind these are in the modules beside them.
"""

from __future__ import annotations

from fuota.lazy import lazy_names

__getattr__, __dir__, __all__ = lazy_names(
    __name__,
    {
        "choice": ("choose_coded",),
        "coverage": (
            "NearCopy",
            "column_weights",
            "near_copies",
            "uncovered",
        ),
        "ideal": (
            "ideal_failure",
            "ideal_probability",
        ),
        "probability": (
            "DecodingProbability",
            "decoding_probability",
        ),
        "sizes": (
            "FragSize",
            "good_frag_sizes",
        ),
    },
)
