"""The parity rows of TS004 in plain Python: the executable specification that the kernels are compared with."""

from __future__ import annotations


def prbs23(state: int) -> int:
    """One step of the generator (TS004-1.0.0 and 2.0.0, appendix: PRBS23).

    The feedback bit is added, not ORed: a seed above 2^23 (from row 8381 on) may already have bit 22 set after the shift.
    """
    return (state >> 1) + (((state ^ (state >> 5)) & 1) << 22)


def parity_row(nb_frag: int, seed_number: int, *, distinct: bool) -> int:
    """The uncoded fragments that one coded fragment is the XOR of: bit i is fragment i + 1 (TS004 appendix, matrix_line).

    floor(nb_frag / 2) draws; with `distinct` a draw that hits a fragment again is repeated (version 2), else it counts.
    """
    modulus = nb_frag + 1 if nb_frag & (nb_frag - 1) == 0 else nb_frag
    state = 1 + 1001 * seed_number
    row = 0
    draws = 0
    while draws < nb_frag // 2:
        state = prbs23(state)
        drawn = state % modulus
        if drawn >= nb_frag or (distinct and row >> drawn & 1):
            continue
        row |= 1 << drawn
        draws += 1
    return row
