"""The engine of TS004: encode a data block to uncoded and coded fragments, decode it, and compute statistics of the code."""

from fuota.fragmentation.decoder import FragDecoder as FragDecoder
from fuota.fragmentation.limits import MAX_FRAGMENT_NUMBER as MAX_FRAGMENT_NUMBER
from fuota.fragmentation.limits import Variant as Variant
from fuota.fragmentation.parity import parity_matrix as parity_matrix
from fuota.fragmentation.session import DataFragment as DataFragment
from fuota.fragmentation.session import FragmentationSession as FragmentationSession
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
