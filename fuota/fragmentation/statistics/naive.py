"""The statistics in plain Python: the executable specification that the kernels are compared with.

A row or a column is an integer: bit i of a row is fragment i + 1, bit k of a column is the k-th coded fragment.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import combinations
from math import prod

from fuota.gf2.naive import rank, set_columns


def matrix_columns(rows: Sequence[int], nb_frag: int) -> list[int]:
    """Return the columns of the matrix."""
    return [sum((row >> i & 1) << k for k, row in enumerate(rows)) for i in range(nb_frag)]


def near_pairs(rows: Sequence[int], max_distance: int) -> list[tuple[int, int, int]]:
    """Return the pairs of rows (i, j, distance) that differ in at most `max_distance` bits."""
    pairs = combinations(range(len(rows)), 2)
    distances = [(i, j, (rows[i] ^ rows[j]).bit_count()) for i, j in pairs]
    return [near for near in distances if near[2] <= max_distance]


def sum_weights(columns: Sequence[int], terms: int, nb_coded: int) -> list[int]:
    """Return how often each weight, 0 to nb_coded, occurs among the sums of `terms` different columns."""
    histogram = [0] * (nb_coded + 1)
    for chosen in combinations(columns, terms):
        total = 0
        for column in chosen:
            total ^= column
        histogram[total.bit_count()] += 1
    return histogram


def decodable(columns: Sequence[int], lost: Iterable[int], received: int) -> bool:
    """Return whether a device is complete.

    lost: indexes, from 0, of the lost uncoded fragments. received: bits of the received coded fragments.
    """
    restricted = [columns[i] & received for i in lost]
    return rank(restricted) == len(restricted)


def draw_to_front(order: list[int], draws: Sequence[int]) -> None:
    """Move a random choice of len(draws) entries to the front: draw k selects among the entries from k on."""
    for k, draw in enumerate(draws):
        j = k + (draw * (len(order) - k) >> 32)
        order[k], order[j] = order[j], order[k]


def decode_patterns(
    columns: Sequence[int], nb_coded: int, losses: Sequence[tuple[int, int]], draws: Sequence[int]
) -> list[bool]:
    """Return, for each loss pattern, whether a device with this pattern is complete.

    losses: numbers of lost uncoded and lost coded fragments of each pattern. draws: random numbers that select them.
    """
    uncoded, coded = list(range(len(columns))), list(range(nb_coded))
    unused = list(draws)
    complete = []
    for lost, lost_coded in losses:
        draw_to_front(uncoded, unused[:lost])
        draw_to_front(coded, unused[lost : lost + lost_coded])
        unused = unused[lost + lost_coded :]
        received = sum(1 << k for k in coded[lost_coded:])
        complete.append(decodable(columns, uncoded[:lost], received))
    return complete


def patterns(columns: Sequence[int], nb_coded: int) -> Iterator[tuple[int, int, bool]]:
    """Yield, for every loss pattern, the numbers of lost uncoded and received coded fragments, and whether it can be decoded."""
    for lost in range(1 << len(columns)):
        for received in range(1 << nb_coded):
            yield lost.bit_count(), received.bit_count(), decodable(columns, set_columns(lost), received)


def success_probability(columns: Sequence[int], nb_coded: int, loss: float) -> float:
    """Return the decoding probability, as the sum over all loss patterns."""
    nb_frag = len(columns)
    return sum(
        loss ** (lost + nb_coded - received) * (1 - loss) ** (nb_frag - lost + received)
        for lost, received, complete in patterns(columns, nb_coded)
        if complete
    )


def lost_failure(columns: Sequence[int], nb_coded: int, loss: float, lost: int) -> float:
    """Return the probability that a device fails if it lost exactly `lost` uncoded fragments."""
    failures = [
        loss ** (nb_coded - received.bit_count()) * (1 - loss) ** received.bit_count()
        for chosen in combinations(range(len(columns)), lost)
        for received in range(1 << nb_coded)
        if not decodable(columns, chosen, received)
    ]
    return sum(failures) / sum(1 for _ in combinations(range(len(columns)), lost))


def worth(row: int, single: Sequence[int], pair: Sequence[Sequence[int]]) -> int:
    """Return the sum of `single` over the columns of a row, plus the sum of `pair` over the pairs of columns that differ in it."""
    has = [bool(row >> i & 1) for i in range(len(single))]
    total = sum(single[i] for i in range(len(single)) if has[i])
    return total + sum(pair[i][j] for i, j in combinations(range(len(single)), 2) if has[i] != has[j])


def union_bound(columns: Sequence[int], loss: float, terms: int) -> float:
    """Return the sum, over all x of up to `terms` fragments, of the probability that x and all that see x are lost."""
    total = 0.0
    for count in range(1, terms + 1):
        for chosen in combinations(columns, count):
            visible = 0
            for column in chosen:
                visible ^= column
            total += loss ** (count + visible.bit_count())
    return total


def ideal_success(nb_frag: int, nb_coded: int, loss: float) -> float:
    """Return the decoding probability of the ideal random code, term by term."""
    total = 0.0
    for lost in range(nb_frag + 1):
        for received in range(lost, nb_coded + 1):
            probability = _binomial(nb_frag, lost, loss) * _binomial(nb_coded, received, 1 - loss)
            total += probability * prod(1 - 2.0 ** -(received - i) for i in range(lost))
    return total


def _binomial(trials: int, count: int, probability: float) -> float:
    ways = prod(range(trials - count + 1, trials + 1)) // prod(range(1, count + 1))
    return float(ways * probability**count * (1 - probability) ** (trials - count))
