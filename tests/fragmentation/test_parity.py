from __future__ import annotations

import hashlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fuota import parity_matrix
from fuota.errors import ParameterError
from fuota.fragmentation import naive
from fuota.fragmentation.parity import ParityCode
from fuota.gf2.naive import rank

READINGS = {"v1": (1, "deployed"), "v2_lbm": (2, "deployed"), "v2_spec": (2, "literal")}


def lines(matrix):
    return b"".join((row + ord("0")).tobytes() + b"\n" for row in matrix)


@pytest.mark.parametrize("variant", READINGS)
def test_matrices_equal_the_matrices_of_other_implementations(vectors, variant):
    version, reading = READINGS[variant]
    for entry in (m for m in vectors("fec_rows")["matrices"] if m["variant"] == variant):
        matrix = parity_matrix(entry["M"], entry["rows"], version=version, variant=reading)
        assert hashlib.sha256(lines(matrix)).hexdigest() == entry["sha256"], entry["M"]
        assert matrix[:8].sum(axis=1).tolist() == entry["weights_first8"]


@pytest.mark.parametrize("variant", READINGS)
def test_rows_with_seeds_above_23_bits(vectors, variant):
    """The feedback must be added, not ORed, as some implementations do (wire reference, PRBS23)."""
    version, reading = READINGS[variant]
    entries = [e for e in vectors("fec_rows")["far_rows_seed_above_2^23"] if e["variant"] == variant]
    assert entries
    for entry in entries:
        code = ParityCode(nb_frag=entry["M"], version=version, variant=reading)
        row = code.rows(np.array([entry["N"]]))[0]
        bits = "".join(str(int(row[i // 64]) >> (i % 64) & 1) for i in range(entry["M"]))
        assert bits == entry["row_bits"]


def test_prbs23_steps(vectors):
    for entry in vectors("fec_rows")["prbs23"]:
        state = entry["start"]
        for expected in entry["next8"]:
            state = naive.prbs23(state)
            assert state == expected


def test_rows_can_be_written_to_an_existing_array():
    code = ParityCode(nb_frag=100)
    numbers = code.coded_numbers(7)
    out = np.full((7, 2), 2**64 - 1, dtype=np.uint64)
    assert code.rows(numbers, out=out) is out
    assert np.array_equal(out, code.rows(numbers))
    with pytest.raises(ParameterError, match="out must have the shape"):
        code.rows(numbers, out=out[:6])


def test_published_rows(vectors):
    published = {entry["what"]: entry.get("row_bits") for entry in vectors("fec_rows")["published_peer_values"]}
    for what, version in (("v1 M=16 row k=3", 1), ("distinct M=16 row k=3", 2)):
        assert "".join(map(str, parity_matrix(16, 3, version=version)[2])) == published[what]


@given(st.integers(1, 300), st.integers(1, 16383), st.sampled_from(sorted(READINGS.values())))
def test_kernel_equals_the_naive_row(nb_frag, k, reading):
    version, variant = reading
    n = min(nb_frag + k, 16383)
    row = ParityCode(nb_frag=nb_frag, version=version, variant=variant).rows(np.array([n]))[0]
    seed = n if variant == "literal" else n - nb_frag
    expected = naive.parity_row(nb_frag, seed, distinct=version == 2)
    assert sum(int(word) << 64 * i for i, word in enumerate(row)) == expected


@pytest.mark.parametrize("nb_frag", [4, 5, 16, 17, 32, 100, 101, 1000])
def test_version_2_rows_of_even_weight_never_reach_full_rank(nb_frag):
    """If M//2 is even, every coded row has even weight, so that coded fragments alone have at most rank M - 1."""
    matrix = parity_matrix(nb_frag, min(3 * nb_frag, 16383 - nb_frag), version=2)
    assert (matrix.sum(axis=1) == nb_frag // 2).all()
    rows = [int("".join(map(str, row)), 2) for row in matrix]
    assert rank(rows) == nb_frag - 1


def test_rows_of_a_single_fragment_are_empty():
    assert not parity_matrix(1, 8).any()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((0, 1), "nb_frag must be 1 to 16383 .*got 0"),
        ((16384, 0), "nb_frag must be .*got 16384"),
        ((10, 16374), "nb_coded must be 0 to 16373 .*got 16374"),
        ((10, -1), "nb_coded must be 0 .*got -1"),
        ((10, 1, 3), "version must be one of 1, 2, got 3"),
        ((10, 1, 2, "spec"), "variant must be one of deployed, literal, got 'spec'"),
        ((10, 1, 1, "literal"), "only version 2 has 'literal'"),
    ],
)
def test_illegal_sessions_are_refused(arguments, message):
    with pytest.raises(ParameterError, match=message):
        parity_matrix(*arguments)
