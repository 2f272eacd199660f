"""Fragment sizes that make a good code, for use with servers that choose the numbers N themselves."""

from __future__ import annotations

from dataclasses import dataclass

from fuota.calls import checked_call
from fuota.errors import PlanError
from fuota.fragmentation.limits import MAX_FRAGMENT_NUMBER, Variant, check_frag_size, coded_count
from fuota.fragmentation.statistics.coverage import uncovered
from fuota.fragmentation.statistics.probability import DecodingProbability, decoding_probability
from fuota.rules import integer

FRAME_BYTES = 16
"""Bytes of a downlink beside the fragment: CID and Index&N of DataFragment (TS004), 3; MHDR, FHDR, FPort and MIC, 13
(LoRaWAN 1.0.4 section 4, no FOpts)."""
EFFORT_S = 0.1
"""Computing time for the decoding probability of each size, in seconds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FragSize:
    """Consequences of a fragment size for a data block.

    frag_size: bytes of a fragment. nb_frag, nb_coded: numbers of uncoded and coded fragments. uncovered: number of fragments
    that no coded fragment contains. probability: decoding probability. air_bytes: bytes of all frames (PHYPayload), for comparing
    the time on air.
    """

    frag_size: int
    nb_frag: int
    nb_coded: int
    uncovered: int
    probability: DecodingProbability
    air_bytes: int


@checked_call
def good_frag_sizes(  # noqa: PLR0913 - the fields of a data block, a code and a channel
    data_bytes: int,
    *,
    largest: int,
    coded: float | int,
    loss: float = 0.1,
    version: int = 1,
    variant: Variant = "deployed",
    within: int = 8,
) -> list[FragSize]:
    """Return the fragment sizes from `largest` down to `largest` - `within`, best first.

    The best size has the highest decoding probability. Among sizes whose confidence intervals overlap, it is the size with the
    fewest bytes on air.

    data_bytes: size of the data block, 1 or more. largest: largest fragment size, 1 to 255 bytes. coded: a float is a share of
    the uncoded fragments (0.3 = 30 %), rounded up; an int is the number of coded fragments; their numbers are N = nb_frag + 1 and
    the following. loss: probability that a fragment is lost. version: TS004 version, 1 or 2. variant: reading of the parity
    matrix, "deployed", or "literal" for version 2. within: range of sizes in bytes, 0 or more.
    Raises ParameterError for other values, and PlanError if N exceeds 14 bits with every size.
    """
    check_frag_size(largest)
    integer("data_bytes", data_bytes, 1)
    integer("within", within, 0)
    shapes = [(size, *_shape(data_bytes, size, coded)) for size in range(max(1, largest - within), largest + 1)]
    legal = [shape for shape in shapes if sum(shape[1:]) <= MAX_FRAGMENT_NUMBER]
    if not legal:
        raise PlanError(
            f"uncoded and coded fragments together must be at most {MAX_FRAGMENT_NUMBER} (N has 14 bits in TS004 Index&N),"
            f" got more for {data_bytes} bytes in fragments of {max(1, largest - within)} to {largest} bytes with coded"
            f" {coded!r}; {_remedy(data_bytes, coded)}"
        )
    return _best_first([_frag_size(shape, loss, version, variant) for shape in legal])


def _shape(data_bytes: int, frag_size: int, coded: float | int) -> tuple[int, int]:
    """Return the numbers of uncoded and coded fragments."""
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
    """Return the sizes in order: repeatedly the size with the fewest bytes among the sizes that may be as good as the best."""
    remaining = list(sizes)
    ordered = []
    while remaining:
        best = max(remaining, key=lambda size: size.probability.estimate)
        rivals = [size for size in remaining if size.probability.high >= best.probability.low]
        chosen = min(rivals, key=lambda size: (size.air_bytes, -size.frag_size))
        ordered.append(chosen)
        remaining.remove(chosen)
    return ordered


def _remedy(data_bytes: int, coded: float | int) -> str:
    fits = (size for size in range(1, 256) if sum(_shape(data_bytes, size, coded)) <= MAX_FRAGMENT_NUMBER)
    smallest = next(fits, None)
    return "no fragment size fits" if smallest is None else f"use fragments of {smallest} bytes or more"
