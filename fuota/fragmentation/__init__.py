"""TS004 as an engine: a data block to uncoded and coded fragments, and back; and what its code is good for.

The statistics are loaded on first use: who only encodes or decodes does not wait for them.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from fuota.fragmentation.decoder import FragDecoder
from fuota.fragmentation.parity import MAX_FRAGMENT_NUMBER, Variant, parity_matrix
from fuota.fragmentation.session import DataFragment, FragmentationSession

if TYPE_CHECKING:
    from fuota.fragmentation.statistics import DecodingProbability as DecodingProbability
    from fuota.fragmentation.statistics import FragSize as FragSize
    from fuota.fragmentation.statistics import NearCopy as NearCopy
    from fuota.fragmentation.statistics import choose_coded as choose_coded
    from fuota.fragmentation.statistics import column_weights as column_weights
    from fuota.fragmentation.statistics import decoding_probability as decoding_probability
    from fuota.fragmentation.statistics import good_frag_sizes as good_frag_sizes
    from fuota.fragmentation.statistics import ideal_failure as ideal_failure
    from fuota.fragmentation.statistics import ideal_probability as ideal_probability
    from fuota.fragmentation.statistics import near_copies as near_copies
    from fuota.fragmentation.statistics import uncovered as uncovered

_STATISTICS = (
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
)

__all__ = [  # noqa: PLE0604 - the names of the tuple above
    "MAX_FRAGMENT_NUMBER",
    "DataFragment",
    "FragDecoder",
    "FragmentationSession",
    "Variant",
    "parity_matrix",
    *_STATISTICS,
]


def __getattr__(name: str) -> Any:
    if name not in _STATISTICS:
        raise AttributeError(f"module 'fuota.fragmentation' has no attribute {name!r}")
    value = getattr(import_module("fuota.fragmentation.statistics"), name)
    globals()[name] = value
    return value
