"""Linear algebra over GF(2). This room has never heard of LoRaWAN: here are bits, words and equations."""

from fuota.gf2.elimination import Octets as Octets
from fuota.gf2.elimination import Solver as Solver
from fuota.gf2.layout import LINE_OCTETS as LINE_OCTETS
from fuota.gf2.layout import Words as Words
from fuota.gf2.layout import pack_bits as pack_bits
from fuota.gf2.layout import unpack_bits as unpack_bits
from fuota.gf2.layout import words_for_bits as words_for_bits
from fuota.gf2.matmul import multiply as multiply
