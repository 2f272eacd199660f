"""The statistics in plain Python: the executable specification that the kernels are compared with.

A row or a column is an integer (of a row, bit i is fragment i + 1; of a column, bit k is the k-th coded fragment).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import combinations
from math import prod

from fuota.gf2.naive import rank, set_columns


def columns_of(rows: Sequence[int], nb_frag: int) -> list[int]:
    """The matrix on its side."""
    return [sum((row >> i & 1) << k for k, row in enumerate(rows)) for i in range(nb_frag)]


def near_pairs(rows: Sequence[int], most: int) -> list[tuple[int, int, int]]:
    """The pairs of rows (i, j, distance) that differ in at most `most` bits."""
    pairs = combinations(range(len(rows)), 2)
    apart = [(i, j, (rows[i] ^ rows[j]).bit_count()) for i, j in pairs]
    return [near for near in apart if near[2] <= most]


def sum_weights(columns: Sequence[int], terms: int, nb_coded: int) -> list[int]:
    """How often each weight, 0 to nb_coded, occurs among the sums of `terms` different columns."""
    histogram = [0] * (nb_coded + 1)
    for chosen in combinations(columns, terms):
        total = 0
        for column in chosen:
            total ^= column
        histogram[total.bit_count()] += 1
    return histogram


def decodable(columns: Sequence[int], lost: Iterable[int], heard: int) -> bool:
    """Whether a device that lost these uncoded fragments (from 0) and heard the coded ones in `heard` (bits) is complete."""
    restricted = [columns[i] & heard for i in lost]
    return rank(restricted) == len(restricted)


def draw_to_front(order: list[int], draws: Sequence[int]) -> None:
    """Bring a random choice of len(draws) entries to the front: draw k picks among the entries from k on."""
    for k, draw in enumerate(draws):
        j = k + (draw * (len(order) - k) >> 32)
        order[k], order[j] = order[j], order[k]


def decode_patterns(
    columns: Sequence[int], nb_coded: int, losses: Sequence[tuple[int, int]], draws: Sequence[int]
) -> list[bool]:
    """For each pattern of so many (uncoded, coded) losses, whether a device that met it is complete."""
    uncoded, coded = list(range(len(columns))), list(range(nb_coded))
    left = list(draws)
    complete = []
    for lost, unheard in losses:
        draw_to_front(uncoded, left[:lost])
        draw_to_front(coded, left[lost : lost + unheard])
        left = left[lost + unheard :]
        heard = sum(1 << k for k in coded[unheard:])
        complete.append(decodable(columns, uncoded[:lost], heard))
    return complete


def patterns(columns: Sequence[int], nb_coded: int) -> Iterator[tuple[int, int, bool]]:
    """Every loss pattern: how many uncoded fragments it loses, how many coded ones it hears, whether it can be decoded."""
    for lost in range(1 << len(columns)):
        for heard in range(1 << nb_coded):
            yield lost.bit_count(), heard.bit_count(), decodable(columns, set_columns(lost), heard)


def success_probability(columns: Sequence[int], nb_coded: int, loss: float) -> float:
    """The decoding probability, pattern by pattern."""
    nb_frag = len(columns)
    return sum(
        loss ** (lost + nb_coded - heard) * (1 - loss) ** (nb_frag - lost + heard)
        for lost, heard, complete in patterns(columns, nb_coded)
        if complete
    )


def lost_failure(columns: Sequence[int], nb_coded: int, loss: float, lost: int) -> float:
    """How likely a device fails that lost exactly `lost` uncoded fragments."""
    failures = [
        loss ** (nb_coded - heard.bit_count()) * (1 - loss) ** heard.bit_count()
        for chosen in combinations(range(len(columns)), lost)
        for heard in range(1 << nb_coded)
        if not decodable(columns, chosen, heard)
    ]
    return sum(failures) / sum(1 for _ in combinations(range(len(columns)), lost))


def worth(row: int, single: Sequence[int], pair: Sequence[Sequence[int]]) -> int:
    """The sum of `single` over the columns that a row has, and of `pair` over the pairs of columns of which it has one."""
    has = [bool(row >> i & 1) for i in range(len(single))]
    ones = sum(single[i] for i in range(len(single)) if has[i])
    return ones + sum(pair[i][j] for i, j in combinations(range(len(single)), 2) if has[i] != has[j])


def union_bound(columns: Sequence[int], loss: float, terms: int) -> float:
    """The sum over all x of up to `terms` fragments of the probability that all of x, and all that see it, is lost."""
    total = 0.0
    for count in range(1, terms + 1):
        for chosen in combinations(columns, count):
            seen = 0
            for column in chosen:
                seen ^= column
            total += loss ** (count + seen.bit_count())
    return total


def ideal_success(nb_frag: int, nb_coded: int, loss: float) -> float:
    """The decoding probability of the ideal random code, term by term."""
    total = 0.0
    for lost in range(nb_frag + 1):
        for heard in range(lost, nb_coded + 1):
            likely = _binomial(nb_frag, lost, loss) * _binomial(nb_coded, heard, 1 - loss)
            total += likely * prod(1 - 2.0 ** -(heard - i) for i in range(lost))
    return total


def _binomial(trials: int, count: int, probability: float) -> float:
    ways = prod(range(trials - count + 1, trials + 1)) // prod(range(1, count + 1))
    return float(ways * probability**count * (1 - probability) ** (trials - count))
