"""Compiled loops of the statistics. `naive.py` specifies what they compute.

A code is represented by its columns (see `matrix.matrix_columns`). A device that lost some uncoded fragments is complete exactly
if their columns, restricted to the coded fragments that it received, are linearly independent.
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
SPARE_BITS = 24
"""With this many more bits than lost fragments, independent columns look dependent once in 2**24 times."""
_PAIRS = np.uint64(0x5555555555555555)
_NIBBLES = np.uint64(0x3333333333333333)
_BYTES = np.uint64(0x0F0F0F0F0F0F0F0F)


@kernel
def bit_count(word: np.uint64) -> int:
    """Return the number of set bits in a word, by adding neighbouring fields that double in width each time."""
    word = word - ((word >> np.uint64(1)) & _PAIRS)
    word = (word & _NIBBLES) + ((word >> np.uint64(2)) & _NIBBLES)
    word = (word + (word >> np.uint64(4))) & _BYTES
    word = word + (word >> np.uint64(8))
    word = word + (word >> np.uint64(16))
    word = word + (word >> np.uint64(32))
    return int(np.int64(word & np.uint64(0x7F)))


@kernel
def distance(rows: Words, a: int, b: int, enough: int) -> int:
    """Return the number of bits in which rows `a` and `b` differ. Counting stops once it exceeds `enough`."""
    count = 0
    for w in range(rows.shape[1]):
        count += bit_count(rows[a, w] ^ rows[b, w])
        if count > enough:
            break
    return count


@kernel
def near_pairs(rows: Words, max_distance: int, pairs: NDArray[np.int64]) -> int:
    """Write the pairs of rows that differ in at most `max_distance` bits to `pairs`, as far as they fit. Return their number.

    pairs: (capacity, 3), filled with two indexes of rows and the number of bits in which the rows differ.
    """
    count = 0
    for i in range(rows.shape[0]):
        for j in range(i + 1, rows.shape[0]):
            bits = distance(rows, i, j, max_distance)
            if bits > max_distance:
                continue
            if count < pairs.shape[0]:
                pairs[count, 0], pairs[count, 1], pairs[count, 2] = i, j, bits
            count += 1
    return count


@kernel
def pair_histograms(columns: Words, either: NDArray[np.int64], differ: NDArray[np.int64]) -> None:
    """Count how often each weight of a | b (`either`) and of a ^ b (`differ`) occurs among all pairs a, b of columns."""
    for i in range(columns.shape[0]):
        for j in range(i + 1, columns.shape[0]):
            both = odd = 0
            for w in range(columns.shape[1]):
                both += bit_count(columns[i, w] | columns[j, w])
                odd += bit_count(columns[i, w] ^ columns[j, w])
            either[both] += 1
            differ[odd] += 1


@kernel
def triple_histograms(columns: Words, histograms: NDArray[np.int64]) -> None:
    """Count how often each weight of the combinations of a, b, c occurs among all triples a, b, c of columns.

    histograms: (4, weights), for a ^ b ^ c; for a | (b ^ c), b | (a ^ c) and c | (a ^ b) together; for (a ^ b) | (b ^ c); for
    a | b | c.
    """
    for i in range(columns.shape[0]):
        for j in range(i + 1, columns.shape[0]):
            count_thirds(columns, i, j, histograms)


@kernel
def count_thirds(columns: Words, i: int, j: int, histograms: NDArray[np.int64]) -> None:
    """Count the triples of `triple_histograms` whose first two columns are `i` and `j`."""
    for k in range(j + 1, columns.shape[0]):
        odd = with_a = with_b = with_c = unequal = union = 0
        for w in range(columns.shape[1]):
            a, b, c = columns[i, w], columns[j, w], columns[k, w]
            odd += bit_count(a ^ b ^ c)
            with_a += bit_count(a | (b ^ c))
            with_b += bit_count(b | (a ^ c))
            with_c += bit_count(c | (a ^ b))
            unequal += bit_count((a ^ b) | (b ^ c))
            union += bit_count(a | b | c)
        histograms[0, odd] += 1
        histograms[1, with_a] += 1
        histograms[1, with_b] += 1
        histograms[1, with_c] += 1
        histograms[2, unequal] += 1
        histograms[3, union] += 1


@kernel
def draw_to_front(order: NDArray[np.int64], draws: NDArray[np.uint32]) -> None:
    """Move a random choice of len(draws) entries to the front of `order` (the first steps of a Fisher-Yates shuffle)."""
    for i in range(draws.shape[0]):
        j = i + np.int64((np.uint64(draws[i]) * np.uint64(order.shape[0] - i)) >> np.uint64(32))
        order[i], order[j] = order[j], order[i]


@kernel
def decodable(columns: Words, lost: NDArray[np.int64], received: Words, space: Words) -> bool:
    """Return whether the columns `lost`, restricted to the bits of `received`, are linearly independent.

    space: working memory, one line for each 512 bits of each lost column and of one more. SPARE_BITS more bits than there are lost
    columns nearly always show independence; all bits are used only if these do not.
    """
    words, few = columns.shape[1], 0
    bits = 0
    while few < words and bits < lost.shape[0] + SPARE_BITS:
        bits += count_ones(received[few])
        few += 1
    for used in (few, words):
        width = (used + 7) & ~7
        system = space[: lost.shape[0] * width].reshape(lost.shape[0], width)
        mask = space[lost.shape[0] * width : (lost.shape[0] + 1) * width]
        system[:] = np.uint64(0)
        mask[:] = np.uint64(0)
        mask[:used] = received[:used]
        for i in range(lost.shape[0]):
            for w in range(used):
                system[i, w] = columns[lost[i], w] & received[w]
        if rank_at_most(system, mask, lost.shape[0])[0] == lost.shape[0]:
            return True
        if used == words:
            break
    return False


@kernel
def decode_patterns(
    columns: Words, nb_coded: int, losses: NDArray[np.int64], draws: NDArray[np.uint32], complete: NDArray[np.bool_]
) -> None:
    """Set complete[k] to whether a device with loss pattern k is complete, for each pattern.

    losses: (patterns, 2), numbers of uncoded and of coded fragments that each pattern loses. draws: random numbers that select the
    lost fragments, one for each loss.
    """
    uncoded = np.arange(columns.shape[0])
    coded = np.arange(nb_coded)
    space = aligned_words((losses[:, 0].max() + 1) * ((columns.shape[1] + 7) & ~7))
    received = np.empty(columns.shape[1], dtype=np.uint64)
    position = 0
    for k in range(losses.shape[0]):
        middle = position + losses[k, 0]
        end = middle + losses[k, 1]
        draw_to_front(uncoded, draws[position:middle])
        draw_to_front(coded, draws[middle:end])
        position = end
        received[:] = ALL_ONES
        if nb_coded & 63:
            received[-1] = (np.uint64(1) << np.uint64(nb_coded & 63)) - np.uint64(1)
        for i in range(losses[k, 1]):
            received[coded[i] >> 6] &= ~(np.uint64(1) << np.uint64(coded[i] & 63))
        complete[k] = decodable(columns, uncoded[: losses[k, 0]], received, space)


@kernel
def count_independent(columns: Words, nb_coded: int, counts: NDArray[np.int64]) -> None:
    """Add to counts[j, l] the number of choices of j coded fragments and l >= 1 columns that are independent on them.

    columns: (nb_frag, 1), at most 64 coded fragments. For each choice of coded fragments, the kernel walks the sets of columns
    depth first and does not extend a set that is dependent.
    """
    nb_frag = columns.shape[0]
    basis = np.empty(nb_coded + 1, dtype=np.uint64)
    chosen = np.empty(nb_coded + 1, dtype=np.int64)
    for choice in range(1, 1 << nb_coded):
        received = np.uint64(choice)
        rank = bit_count(received)
        depth = column = 0
        while depth >= 0:
            if column == nb_frag or depth == rank:
                depth -= 1
                if depth >= 0:
                    column = chosen[depth] + 1
                continue
            word = columns[column, 0] & received
            for i in range(depth):
                word = min(word, word ^ basis[i])
            if word != 0:
                counts[rank, depth + 1] += 1
                basis[depth], chosen[depth] = word, column
                depth += 1
            column += 1


@kernel
def count_near(rows: Words, chosen: int, max_distance: int, step: int, near: NDArray[np.int16]) -> None:
    """Add `step` to near[c] for each row c that differs from row `chosen` in at most `max_distance` bits."""
    for c in range(rows.shape[0]):
        if distance(rows, c, chosen, max_distance) <= max_distance:
            near[c] += step


@kernel
def count_row(bits: NDArray[np.uint8], step: int, weights: NDArray[np.int16], differences: NDArray[np.int16]) -> None:
    """Add `step` to the weights of the columns that a row contains, and to the pairs of columns that differ in the row.

    bits: (nb_frag,), the row. weights: (nb_frag,). differences: (nb_frag, nb_frag).
    """
    for i in range(bits.shape[0]):
        weights[i] += step * np.int16(bits[i])
        pairs = differences[i]
        for j in range(bits.shape[0]):
            pairs[j] += step * np.int16(bits[i] ^ bits[j])


@kernel
def worths(
    bits: NDArray[np.uint8], single: NDArray[np.int32], pair: NDArray[np.int32], worth: NDArray[np.int64]
) -> None:
    """Set worth[c] to the sum of `single` over the columns of row c, plus the sum of `pair` over the pairs that differ in it.

    bits: (rows, nb_frag). single: (nb_frag,). pair: (nb_frag, nb_frag).
    """
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
    """Add `source` to `target`."""
    for i in range(target.shape[0]):
        target[i] += source[i]


@kernel
def most_needed(bits: NDArray[np.uint8], free: NDArray[np.bool_], need: NDArray[np.int32], window: int) -> int:
    """Return the row, among the first `window` free rows, with the largest sum of `need` over its columns; -1 if none is free."""
    best, best_sum, examined = -1, np.int64(-1), 0
    for c in range(bits.shape[0]):
        if not free[c]:
            continue
        total = np.int64(0)
        for i in range(bits.shape[1]):
            total += need[i] * bits[c, i]
        if total > best_sum:
            best, best_sum = c, total
        examined += 1
        if examined == window:
            break
    return best
