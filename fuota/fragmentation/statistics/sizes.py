"""Fragment sizes that make a good code, for servers that choose the numbers N themselves."""

from __future__ import annotations

from dataclasses import dataclass

from fuota.errors import ParameterError, PlanError
from fuota.fragmentation.parity import MAX_FRAGMENT_NUMBER, Variant, check_frag_size, coded_count
from fuota.fragmentation.statistics.coverage import uncovered
from fuota.fragmentation.statistics.probability import DecodingProbability, decoding_probability

FRAME_BYTES = 16
"""Octets of a downlink beside the fragment: CID and Index&N of DataFragment (TS004), 3; MHDR, FHDR, FPort and MIC, 13
(LoRaWAN 1.0.4 section 4, no FOpts)."""
EFFORT_S = 0.1


@dataclass(frozen=True, slots=True, kw_only=True)
class FragSize:
    """What a fragment size makes of a data block: the numbers of fragments, and how well the coded ones protect it.

    `uncovered` counts the fragments that no coded one contains; `air_bytes` the octets of all frames (PHYPayload), to
    compare the time on air by.
    """

    frag_size: int
    nb_frag: int
    nb_coded: int
    uncovered: int
    probability: DecodingProbability
    air_bytes: int


def good_frag_sizes(  # noqa: PLR0913 - the block, the code and the channel are named apart
    data_bytes: int,
    *,
    largest: int,
    coded: float | int,
    loss: float = 0.1,
    version: int = 1,
    variant: Variant = "deployed",
    within: int = 8,
) -> list[FragSize]:
    """The fragment sizes from `largest` down to `within` octets less, best first, for a block of `data_bytes` octets.

    `coded` is a share of the uncoded fragments when it is a float (0.3 = 30 %, rounded up), a count when it is an int; the
    coded fragments are N = nb_frag + 1 and on. Best is the highest decoding probability at this `loss`; among those whose
    intervals do not tell them apart, the one with the fewest octets on air. Raises ParameterError, and PlanError where no
    such size keeps N within 14 bits.
    """
    check_frag_size(largest)
    if data_bytes < 1 or within < 0:
        raise ParameterError(
            f"data_bytes {data_bytes}, within {within} were given: a block has 1 octet or more, and within is 0 or more"
        )
    shapes = [(size, *_shape(data_bytes, size, coded)) for size in range(max(1, largest - within), largest + 1)]
    legal = [shape for shape in shapes if sum(shape[1:]) <= MAX_FRAGMENT_NUMBER]
    if not legal:
        raise PlanError(
            f"{data_bytes} octets in fragments of {largest} octets or up to {within} less, {coded!r} coded: N has 14 bits"
            f" (TS004 Index&N), so at most {MAX_FRAGMENT_NUMBER} together; {_remedy(data_bytes, coded)}"
        )
    return _best_first([_frag_size(shape, loss, version, variant) for shape in legal])


def _shape(data_bytes: int, frag_size: int, coded: float | int) -> tuple[int, int]:
    """Uncoded and coded fragments."""
    nb_frag = -(-data_bytes // frag_size)
    return nb_frag, coded_count(nb_frag, coded)


def _frag_size(shape: tuple[int, int, int], loss: float, version: int, variant: Variant) -> FragSize:
    frag_size, nb_frag, nb_coded = shape
    probability = decoding_probability(
        nb_frag, coded=nb_coded, loss=loss, version=version, variant=variant, seconds=EFFORT_S
    )
    return FragSize(
        frag_size=frag_size,
        nb_frag=nb_frag,
        nb_coded=nb_coded,
        uncovered=len(uncovered(nb_frag, nb_coded, version, variant)),
        probability=probability,
        air_bytes=(nb_frag + nb_coded) * (frag_size + FRAME_BYTES),
    )


def _best_first(sizes: list[FragSize]) -> list[FragSize]:
    """Again and again the size with the fewest octets among those that may be as good as the best one left."""
    left = list(sizes)
    ordered = []
    while left:
        best = max(left, key=lambda size: size.probability.estimate)
        rivals = [size for size in left if size.probability.high >= best.probability.low]
        chosen = min(rivals, key=lambda size: (size.air_bytes, -size.frag_size))
        ordered.append(chosen)
        left.remove(chosen)
    return ordered


def _remedy(data_bytes: int, coded: float | int) -> str:
    fits = (size for size in range(1, 256) if sum(_shape(data_bytes, size, coded)) <= MAX_FRAGMENT_NUMBER)
    smallest = next(fits, None)
    return "no fragment size does that" if smallest is None else f"fragments of {smallest} octets or more would do"
