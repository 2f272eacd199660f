"""Linear algebra over GF(2): bits in words, systems of equations, and matrix products. Independent of LoRaWAN."""

from fuota.gf2.elimination import BytesLike as BytesLike
from fuota.gf2.elimination import Solver as Solver
from fuota.gf2.layout import LINE_BYTES as LINE_BYTES
from fuota.gf2.layout import Words as Words
from fuota.gf2.layout import pack_bits as pack_bits
from fuota.gf2.layout import unpack_bits as unpack_bits
from fuota.gf2.layout import words_for_bits as words_for_bits
from fuota.gf2.matmul import multiply as multiply
