"""The parity rows of TS004 in plain Python: the executable specification that the kernels are compared with."""

from __future__ import annotations


def prbs23(state: int) -> int:
    """Return the state of the generator after `state` (TS004-1.0.0 and 2.0.0, appendix: PRBS23).

    The feedback bit is added, not ORed: a seed above 2^23 (from row 8381 on) may already have bit 22 set after the shift.
    """
    return (state >> 1) + (((state ^ (state >> 5)) & 1) << 22)


def parity_row(nb_frag: int, seed_number: int, *, distinct: bool) -> int:
    """Return the uncoded fragments whose XOR is a coded fragment: bit i is fragment i + 1 (TS004 appendix, matrix_line).

    The row has floor(nb_frag / 2) draws. If `distinct` (version 2), a draw that hits a fragment again is repeated; otherwise
    it counts.
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
