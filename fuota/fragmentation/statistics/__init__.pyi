"""Statistics of the code of TS004: which losses it repairs, and how to choose coded fragments and fragment sizes."""

from fuota.fragmentation.statistics.choice import choose_coded as choose_coded
from fuota.fragmentation.statistics.coverage import NearCopy as NearCopy
from fuota.fragmentation.statistics.coverage import column_weights as column_weights
from fuota.fragmentation.statistics.coverage import near_copies as near_copies
from fuota.fragmentation.statistics.coverage import uncovered as uncovered
from fuota.fragmentation.statistics.ideal import ideal_failure as ideal_failure
from fuota.fragmentation.statistics.ideal import ideal_probability as ideal_probability
from fuota.fragmentation.statistics.probability import DecodingProbability as DecodingProbability
from fuota.fragmentation.statistics.probability import decoding_probability as decoding_probability
from fuota.fragmentation.statistics.sizes import FragSize as FragSize
from fuota.fragmentation.statistics.sizes import good_frag_sizes as good_frag_sizes
