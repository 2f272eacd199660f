"""What the code of TS004 can and cannot repair, and how to get the best of it.

    coverage       which fragments the coded ones protect; coded ones that say the same thing twice
    probability    how likely a device completes, of the real code; `ideal` is the formula that others use
    choice         the coded fragments to send, where the sender is free to choose
    sizes          the fragment sizes that make a good code, where it is not

The matrix, its exact sums, the intervals and the search behind these are in the modules beside them.
"""

from __future__ import annotations

from fuota.fragmentation.statistics.choice import choose_coded
from fuota.fragmentation.statistics.coverage import NearCopy, column_weights, near_copies, uncovered
from fuota.fragmentation.statistics.ideal import ideal_failure, ideal_probability
from fuota.fragmentation.statistics.probability import DecodingProbability, decoding_probability
from fuota.fragmentation.statistics.sizes import FragSize, good_frag_sizes

__all__ = [
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
]
