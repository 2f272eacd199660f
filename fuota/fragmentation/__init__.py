"""TS004 as an engine: a data block to uncoded and coded fragments, and back."""

from __future__ import annotations

from fuota.fragmentation.decoder import FragDecoder
from fuota.fragmentation.parity import MAX_FRAGMENT_NUMBER, Variant, parity_matrix
from fuota.fragmentation.session import DataFragment, FragmentationSession

__all__ = ["MAX_FRAGMENT_NUMBER", "DataFragment", "FragDecoder", "FragmentationSession", "Variant", "parity_matrix"]
