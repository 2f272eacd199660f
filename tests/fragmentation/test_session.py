from __future__ import annotations

import hashlib
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numba import config

from fuota import FragDecoder, FragmentationSession, parity_matrix
from fuota.errors import ImageError, ParameterError, PlanError
from fuota.fragmentation import choose_coded, decoding_probability, naive, uncovered
from fuota.gf2.naive import multiply

READINGS = {"v1": (1, "deployed"), "v2_lbm": (2, "deployed"), "v2_spec": (2, "literal")}


def test_published_sessions_are_encoded_exactly(vectors):
    for case in vectors("fec_encode")["cases"]:
        version, variant = READINGS[case["variant"]]
        session = FragmentationSession.fit(
            bytes.fromhex(case["payload"]),
            frag_size=case["frag_size"],
            redundancy=case["redundancy"],
            version=version,
            variant=variant,
        )
        encoded = [row.tobytes().hex() for row in session.encode()]
        if "fragments" in case:
            assert encoded == case["fragments"]
        else:
            coded = encoded[session.nb_frag :]
            assert coded[:2] == [case["first_coded"], case["second_coded"]]
            assert hashlib.sha256(session.encode().tobytes()).hexdigest() == case["fragments_sha256"]


@given(
    st.binary(min_size=1, max_size=300),
    st.integers(1, 40),
    st.integers(0, 12),
    st.sampled_from([(1, "deployed"), (2, "deployed"), (2, "literal")]),
)
def test_encode_equals_the_naive_encoder(data, frag_size, nb_coded, reading):
    version, variant = reading
    session = FragmentationSession.fit(data, frag_size=frag_size, redundancy=nb_coded, version=version, variant=variant)
    padded = data + bytes(session.padding)
    uncoded = [padded[i : i + frag_size] for i in range(0, len(padded), frag_size)]
    rows = [
        naive.parity_row(len(uncoded), n if variant == "literal" else n - len(uncoded), distinct=version == 2)
        for n in session.coded_numbers.tolist()
    ]
    coded = multiply(rows, [int.from_bytes(fragment, "little") for fragment in uncoded])
    expected = uncoded + [value.to_bytes(frag_size, "little") for value in coded]
    assert [row.tobytes() for row in session.encode()] == expected
    assert [(f.n, f.payload) for f in session.fragments()] == list(enumerate(expected, start=1))


@pytest.mark.parametrize(
    ("redundancy", "nb_coded"), [(0, 0), (0.0, 0), (0.1, 3), (0.101, 4), (1.0, 30), (1, 1), (7, 7), (2.0, 60)]
)
def test_redundancy_is_a_share_or_a_count(redundancy, nb_coded):
    assert FragmentationSession.fit(bytes(300), frag_size=10, redundancy=redundancy).nb_coded == nb_coded


def test_the_shape_of_a_session():
    session = FragmentationSession.fit(b"x" * 25, frag_size=10, redundancy=2)
    assert (session.nb_frag, session.padding, session.version) == (3, 5, 1)
    assert session.coded_numbers.tolist() == [4, 5]
    block = session.encode()
    assert block.shape == (5, 10)
    assert block.dtype == np.uint8
    assert block[2].tobytes() == b"xxxxx" + bytes(5)
    with pytest.raises(ValueError, match="read-only"):
        block[0, 0] = 1


@pytest.mark.skipif(bool(config.DISABLE_JIT), reason="the search takes minutes without the compiler")
@pytest.mark.parametrize("version", [1, 2])
def test_chosen_coded_fragments_are_standard_fragments(version):
    session = FragmentationSession.fit(bytes(range(200)), frag_size=8, redundancy=9, version=version, coded="chosen")
    numbers = session.coded_numbers
    assert session.nb_coded == len(numbers) == 9
    assert len(set(numbers.tolist())) == 9
    assert numbers.min() > 25
    assert uncovered(25, numbers, version=version) == ()
    whole = FragmentationSession.fit(
        bytes(range(200)), frag_size=8, redundancy=int(numbers.max()) - 25, version=version
    )
    assert np.array_equal(session.encode(), whole.encode()[session.numbers - 1])
    decoder = FragDecoder(nb_frag=25, frag_size=8, version=version)
    for fragment in session.fragments():
        if fragment.n not in {3, 11}:
            decoder.feed(fragment.n, fragment.payload)
    assert decoder.data() == session.data


def test_a_data_fragment_on_the_wire():
    fragment = next(FragmentationSession.fit(b"abc", frag_size=3).fragments())
    assert fragment.to_bytes(2).hex() == "080180" + b"abc".hex()
    with pytest.raises(ParameterError, match="0 to 3"):
        fragment.to_bytes(4)


@pytest.mark.parametrize(
    ("data", "kwargs", "error", "message"),
    [
        (b"", {"frag_size": 10}, ImageError, "nothing to send"),
        (b"x", {"frag_size": 0}, ParameterError, "1 to 255"),
        (b"x", {"frag_size": 256}, ParameterError, "1 to 255"),
        (b"x", {"frag_size": 1, "redundancy": -0.1}, ParameterError, "redundancy must be 0 to"),
        (b"x", {"frag_size": 1, "redundancy": float("nan")}, ParameterError, "redundancy must be 0 to"),
        (b"x", {"frag_size": 1, "redundancy": True}, ParameterError, "redundancy must be a number"),
        (b"x", {"frag_size": 1, "coded": "any"}, ParameterError, "one of consecutive, chosen, got 'any'"),
        (bytes(16384), {"frag_size": 1}, PlanError, "use fragments of 2 bytes or more"),
        (bytes(255 * 16383 + 1), {"frag_size": 255}, PlanError, "send a delta"),
        (bytes(16383), {"frag_size": 1, "redundancy": 1}, PlanError, "nearest: 0 coded fragments"),
    ],
)
def test_illegal_sessions_are_refused_with_the_rule(data, kwargs, error, message):
    with pytest.raises(error, match=message):
        FragmentationSession.fit(data, **kwargs)


@pytest.mark.parametrize(
    ("function", "arguments", "hint"),
    [
        (FragmentationSession.fit, {"data": b"x", "frag_size": 1, "redundanc": 1}, "did you mean 'redundancy'"),
        (FragDecoder, {"nb_frag": 1, "frag_siz": 1}, "did you mean 'frag_size'"),
        (parity_matrix, {"nb_frag": 1, "nb_code": 1}, "did you mean 'nb_coded'"),
        (decoding_probability, {"nb_frag": 1, "los": 0.1}, "did you mean 'loss'"),
        (uncovered, {"nb_frag": 1, "coded": 1, "versio": 1}, "did you mean 'version'"),
        (choose_coded, {"nb_frag": 1, "coun": 1}, "did you mean 'count'"),
    ],
)
def test_unknown_parameters_are_refused_with_the_closest_name(function, arguments, hint):
    with pytest.raises(ParameterError, match=hint):
        function(**arguments)


def test_importing_sessions_does_not_import_numba():
    code = "import sys, fuota.fragmentation.parity, fuota.fragmentation.session; print('numba' in sys.modules)"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "False"
