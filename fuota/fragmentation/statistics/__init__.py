"""Statistics of the code of TS004: which losses it repairs, and how to choose coded fragments and fragment sizes.

    coverage       fragments that the coded fragments protect; coded fragments that are nearly copies of each other
    probability    probability that a device completes with the real code; `ideal` is the usual formula
    choice         coded fragments to send, if the sender is free to choose them
    sizes          fragment sizes that make a good code, if the sender is not free to choose

The other modules contain the matrix, its exact sums, the loss laws, the intervals and the search.
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
