"""The hot loops of the statistics, jitted. Their meaning is written in `naive.py`.

A code is given by its columns (see `matrix.columns_of`): a device that lost some uncoded fragments is complete exactly when
their columns, restricted to the coded fragments that it heard, are linearly independent.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from fuota.gf2 import Words
from fuota.gf2.kernels.matmul import aligned_words
from fuota.gf2.kernels.rank import rank_at_most
from fuota.gf2.kernels.vectors import count_ones
from fuota.jit import kernel

ALL_ONES = np.uint64(0xFFFFFFFFFFFFFFFF)
ENOUGH_MORE = 24
"""With so many more bits than losses, independence fails to show once in 2**24."""
_PAIRS = np.uint64(0x5555555555555555)
_NIBBLES = np.uint64(0x3333333333333333)
_OCTETS = np.uint64(0x0F0F0F0F0F0F0F0F)


@kernel
def ones(word: np.uint64) -> int:
    """How many bits of a word are one: neighbouring fields added, twice as wide each time."""
    word = word - ((word >> np.uint64(1)) & _PAIRS)
    word = (word & _NIBBLES) + ((word >> np.uint64(2)) & _NIBBLES)
    word = (word + (word >> np.uint64(4))) & _OCTETS
    word = word + (word >> np.uint64(8))
    word = word + (word >> np.uint64(16))
    word = word + (word >> np.uint64(32))
    return int(np.int64(word & np.uint64(0x7F)))


@kernel
def distance(rows: Words, a: int, b: int, enough: int) -> int:
    """In how many bits rows a and b differ; counting ends early once it is more than `enough`."""
    count = 0
    for w in range(rows.shape[1]):
        count += ones(rows[a, w] ^ rows[b, w])
        if count > enough:
            break
    return count


@kernel
def near_pairs(rows: Words, most: int, found: NDArray[np.int64]) -> int:
    """Pairs of rows that differ in at most `most` bits, into found (room, 3) as far as there is room; how many there are."""
    count = 0
    for i in range(rows.shape[0]):
        for j in range(i + 1, rows.shape[0]):
            apart = distance(rows, i, j, most)
            if apart > most:
                continue
            if count < found.shape[0]:
                found[count, 0], found[count, 1], found[count, 2] = i, j, apart
            count += 1
    return count


@kernel
def pair_histograms(columns: Words, either: NDArray[np.int64], differ: NDArray[np.int64]) -> None:
    """Over all pairs a, b of columns: how often each weight of a | b and of a ^ b occurs."""
    for i in range(columns.shape[0]):
        for j in range(i + 1, columns.shape[0]):
            both = odd = 0
            for w in range(columns.shape[1]):
                both += ones(columns[i, w] | columns[j, w])
                odd += ones(columns[i, w] ^ columns[j, w])
            either[both] += 1
            differ[odd] += 1


@kernel
def triple_histograms(columns: Words, histograms: NDArray[np.int64]) -> None:
    """Over all triples a, b, c of columns, how often each weight occurs of the supports of what three lost fragments can say.

    histograms (4, weights): of a ^ b ^ c; of a | (b ^ c), b | (a ^ c) and c | (a ^ b) together; of (a ^ b) | (b ^ c); of
    a | b | c.
    """
    for i in range(columns.shape[0]):
        for j in range(i + 1, columns.shape[0]):
            count_thirds(columns, i, j, histograms)


@kernel
def count_thirds(columns: Words, i: int, j: int, histograms: NDArray[np.int64]) -> None:
    """The part of `triple_histograms` where the first two columns are i and j."""
    for k in range(j + 1, columns.shape[0]):
        odd = one_a = one_b = one_c = unequal = some = 0
        for w in range(columns.shape[1]):
            a, b, c = columns[i, w], columns[j, w], columns[k, w]
            odd += ones(a ^ b ^ c)
            one_a += ones(a | (b ^ c))
            one_b += ones(b | (a ^ c))
            one_c += ones(c | (a ^ b))
            unequal += ones((a ^ b) | (b ^ c))
            some += ones(a | b | c)
        histograms[0, odd] += 1
        histograms[1, one_a] += 1
        histograms[1, one_b] += 1
        histograms[1, one_c] += 1
        histograms[2, unequal] += 1
        histograms[3, some] += 1


@kernel
def draw_to_front(order: NDArray[np.int64], draws: NDArray[np.uint32]) -> None:
    """Bring a random choice of len(draws) entries to the front of `order` (the first steps of a Fisher-Yates shuffle)."""
    for i in range(draws.shape[0]):
        j = i + np.int64((np.uint64(draws[i]) * np.uint64(order.shape[0] - i)) >> np.uint64(32))
        order[i], order[j] = order[j], order[i]


@kernel
def decodable(columns: Words, lost: NDArray[np.int64], heard: Words, space: Words) -> bool:
    """Whether the `lost` columns, restricted to the bits of `heard`, are linearly independent.

    `space` is working space of a line for each 512 bits of each lost column. Not many more bits than losses nearly always settle
    it; all of them are looked at only where these do not.
    """
    words, few = columns.shape[1], 0
    bits = 0
    while few < words and bits < lost.shape[0] + ENOUGH_MORE:
        bits += count_ones(heard[few])
        few += 1
    for used in (few, words):
        width = (used + 7) & ~7
        system = space[: lost.shape[0] * width].reshape(lost.shape[0], width)
        mask = space[lost.shape[0] * width : (lost.shape[0] + 1) * width]
        system[:] = np.uint64(0)
        mask[:] = np.uint64(0)
        mask[:used] = heard[:used]
        for i in range(lost.shape[0]):
            for w in range(used):
                system[i, w] = columns[lost[i], w] & heard[w]
        if rank_at_most(system, mask, lost.shape[0])[0] == lost.shape[0]:
            return True
        if used == words:
            break
    return False


@kernel
def decode_patterns(
    columns: Words, nb_coded: int, losses: NDArray[np.int64], draws: NDArray[np.uint32], complete: NDArray[np.bool_]
) -> None:
    """For each loss pattern, whether a device that met it is complete.

    losses (patterns, 2): how many uncoded and how many coded fragments each pattern loses. Which ones, `draws` tells: as many
    numbers as there are losses.
    """
    uncoded = np.arange(columns.shape[0])
    coded = np.arange(nb_coded)
    space = aligned_words((losses[:, 0].max() + 1) * ((columns.shape[1] + 7) & ~7))
    heard = np.empty(columns.shape[1], dtype=np.uint64)
    position = 0
    for k in range(losses.shape[0]):
        middle = position + losses[k, 0]
        end = middle + losses[k, 1]
        draw_to_front(uncoded, draws[position:middle])
        draw_to_front(coded, draws[middle:end])
        position = end
        heard[:] = ALL_ONES
        if nb_coded & 63:
            heard[-1] = (np.uint64(1) << np.uint64(nb_coded & 63)) - np.uint64(1)
        for i in range(losses[k, 1]):
            heard[coded[i] >> 6] &= ~(np.uint64(1) << np.uint64(coded[i] & 63))
        complete[k] = decodable(columns, uncoded[: losses[k, 0]], heard, space)


@kernel
def count_independent(columns: Words, nb_coded: int, counts: NDArray[np.int64]) -> None:
    """counts[j, l] += the choices of j coded fragments and l columns, l >= 1, that are independent on them.

    columns (M, 1): at most 64 coded fragments. For each choice of coded fragments, walks the sets of columns depth first
    and turns back where one becomes dependent.
    """
    nb_frag = columns.shape[0]
    basis = np.empty(nb_coded + 1, dtype=np.uint64)
    chosen = np.empty(nb_coded + 1, dtype=np.int64)
    for choice in range(1, 1 << nb_coded):
        heard = np.uint64(choice)
        rank = ones(heard)
        depth = column = 0
        while depth >= 0:
            if column == nb_frag or depth == rank:
                depth -= 1
                if depth >= 0:
                    column = chosen[depth] + 1
                continue
            word = columns[column, 0] & heard
            for i in range(depth):
                word = min(word, word ^ basis[i])
            if word != 0:
                counts[rank, depth + 1] += 1
                basis[depth], chosen[depth] = word, column
                depth += 1
            column += 1


@kernel
def count_near(rows: Words, chosen: int, most: int, by: int, near: NDArray[np.int16]) -> None:
    """Add `by` to near[c] for each row that differs from the `chosen` one in at most `most` bits."""
    for c in range(rows.shape[0]):
        if distance(rows, c, chosen, most) <= most:
            near[c] += by


@kernel
def count_row(bits: NDArray[np.uint8], by: int, weights: NDArray[np.int16], differences: NDArray[np.int16]) -> None:
    """Add `by` to the weights of the columns that a row has, and to those of the pairs of which it has one."""
    for i in range(bits.shape[0]):
        weights[i] += by * np.int16(bits[i])
        pairs = differences[i]
        for j in range(bits.shape[0]):
            pairs[j] += by * np.int16(bits[i] ^ bits[j])


@kernel
def worths(
    bits: NDArray[np.uint8], single: NDArray[np.int32], pair: NDArray[np.int32], worth: NDArray[np.int64]
) -> None:
    """worth[c]: the sum of `single` over the columns that row c has, and of `pair` over the pairs of which it has one."""
    partners = np.empty(bits.shape[1], dtype=np.int32)
    for c in range(bits.shape[0]):
        total = np.int64(0)
        partners[:] = 0
        for i in range(bits.shape[1]):
            if bits[c, i]:
                total += single[i]
                add_to(partners, pair[i])
        for j in range(bits.shape[1]):
            if not bits[c, j]:
                total += partners[j]
        worth[c] = total


@kernel
def add_to(target: NDArray[np.int32], source: NDArray[np.int32]) -> None:
    """target += source"""
    for i in range(target.shape[0]):
        target[i] += source[i]


@kernel
def most_needed(bits: NDArray[np.uint8], free: NDArray[np.bool_], need: NDArray[np.int32], window: int) -> int:
    """Among the first `window` free rows, the one with the largest sum of `need` over its columns; -1 if none is free."""
    best, best_sum, seen = -1, np.int64(-1), 0
    for c in range(bits.shape[0]):
        if not free[c]:
            continue
        total = np.int64(0)
        for i in range(bits.shape[1]):
            total += need[i] * bits[c, i]
        if total > best_sum:
            best, best_sum = c, total
        seen += 1
        if seen == window:
            break
    return best
