from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fuota import FragDecoder, FragmentationSession
from fuota.errors import IncompleteError, ParameterError
from fuota.fragmentation import naive
from fuota.gf2.naive import rank

READINGS = [(1, "deployed"), (2, "deployed"), (2, "literal")]
NAMED = dict(zip(["v1", "v2_lbm", "v2_spec"], READINGS, strict=True))


def decoder_for(session, **kwargs):
    return FragDecoder(
        nb_frag=session.nb_frag,
        frag_size=session.frag_size,
        padding=session.padding,
        version=session.version,
        variant=session.code.variant,
        **kwargs,
    )


def row_of(session, n):
    """Return the row of fragment n from the naive twin: a unit row up to M, a parity row above."""
    if n <= session.nb_frag:
        return 1 << n - 1
    seed = n if session.code.variant == "literal" else n - session.nb_frag
    return naive.parity_row(session.nb_frag, seed, distinct=session.version == 2)


@st.composite
def sessions(draw, max_nb_frag=40):
    frag_size = draw(st.integers(1, 12))
    nb_frag = draw(st.integers(1, max_nb_frag))
    padding = draw(st.integers(0, frag_size - 1))
    data = draw(st.binary(min_size=nb_frag * frag_size - padding, max_size=nb_frag * frag_size - padding))
    version, variant = draw(st.sampled_from(READINGS))
    redundancy = draw(st.integers(0, 2 * nb_frag + 8))
    return FragmentationSession.fit(data, frag_size=frag_size, redundancy=redundancy, version=version, variant=variant)


@given(st.data())
def test_complete_if_and_only_if_the_rank_is_full(data):
    """In any order, with repeats: after every fragment, `missing` is M minus the rank of the distinct rows received."""
    session = data.draw(sessions())
    block = session.encode()
    order = data.draw(st.lists(st.integers(1, len(block)), max_size=3 * session.nb_frag + 20))
    decoder = decoder_for(session)
    rows: dict[int, int] = {}
    for n in order:
        done = decoder.feed(n, block[n - 1])
        if len(rows) == 0 or rank(rows.values()) < session.nb_frag:
            rows[n] = row_of(session, n)
        assert decoder.missing == session.nb_frag - rank(rows.values())
        assert done == decoder.complete == (decoder.missing == 0)
    assert decoder.received == len(rows)
    assert decoder.contradictions == 0
    if decoder.complete:
        assert decoder.data() == session.data
        assert decoder.missing_fragments() == []
    else:
        with pytest.raises(IncompleteError, match=f"{decoder.missing} more useful fragments"):
            decoder.data()


@given(sessions(), st.randoms(use_true_random=False))
def test_order_and_repeats_do_not_matter(session, random):
    numbers = [n for n in range(1, session.nb_frag + session.nb_coded + 1) if random.random() < 0.7]
    block = session.encode()
    results = set()
    for _ in range(3):
        decoder = decoder_for(session)
        for n in [*numbers, *numbers[:5]]:
            decoder.feed(n, block[n - 1])
        results.add((decoder.missing, decoder.data() if decoder.complete else None))
        random.shuffle(numbers)
    assert len(results) == 1


@given(sessions(), st.randoms(use_true_random=False))
def test_feed_many_ends_like_feed(session, random):
    block = session.encode()
    numbers = [n for n in range(1, len(block) + 1) if random.random() < 0.6]
    numbers += random.choices(range(1, len(block) + 1), k=4)
    cut = random.randrange(len(numbers) + 1)
    decoder, twin = decoder_for(session, threads=random.choice([1, 2])), decoder_for(session)
    for part in (numbers[:cut], numbers[cut:]):
        done = decoder.feed_many(np.array(part, dtype=np.int64), block[np.array(part, dtype=np.int64) - 1])
    for n in numbers:
        twin.feed(n, block[n - 1])
    assert (decoder.missing, decoder.contradictions, done) == (twin.missing, 0, twin.complete)
    if done:
        assert decoder.data() == session.data


def test_feed_many_checks_all_before_anything_changes():
    decoder = FragDecoder(nb_frag=3, frag_size=2)
    with pytest.raises(ParameterError, match=r"must have the shape \(2, 2\)"):
        decoder.feed_many(np.array([1, 2]), np.zeros((2, 3), dtype=np.uint8))
    with pytest.raises(ParameterError, match="got 16384"):
        decoder.feed_many(np.array([1, 16384]), np.zeros((2, 2), dtype=np.uint8))
    with pytest.raises(ParameterError, match="got 0"):
        decoder.feed_many(np.array([1, 0]), np.zeros((2, 2), dtype=np.uint8))
    assert (decoder.received, decoder.missing) == (0, 3)


@pytest.mark.parametrize("kind", [bytes, bytearray, memoryview, lambda row: np.frombuffer(row, dtype=np.uint8)])
def test_payloads_may_be_any_kind_of_bytes(kind):
    session = FragmentationSession.fit(bytes(range(30)), frag_size=7, redundancy=30)
    block = session.encode()
    decoder = decoder_for(session)
    for n in (*range(6, 36), 1, 2):
        decoder.feed(n, kind(block[n - 1].tobytes()))
    assert decoder.data() == session.data


@given(sessions())
def test_threads_change_nothing(session):
    assert np.array_equal(session.encode(threads=1), session.encode(threads=3))


@given(sessions())
def test_decode_of_encode_is_the_block(session):
    decoder = decoder_for(session)
    for fragment in session.fragments():
        if decoder.feed(fragment.n, fragment.payload):
            break
    assert decoder.received == session.nb_frag
    assert decoder.data() == session.data


@given(sessions(max_nb_frag=20))
def test_coded_fragments_alone(session):
    decoder = decoder_for(session)
    rows = []
    for n, payload in list(enumerate(session.encode(), start=1))[session.nb_frag :]:
        rows.append(row_of(session, n))
        assert decoder.feed(n, payload) == (rank(rows) == session.nb_frag)
    if decoder.complete:
        assert decoder.data() == session.data


def test_sequences_complete_at_the_same_fragment_as_other_decoders(vectors):
    for case in vectors("fec_decode")["cases"]:
        version, variant = NAMED[case["variant"]]
        decoder = FragDecoder(nb_frag=case["M"], frag_size=case["frag_size"], version=version, variant=variant)
        completed_at = None
        for i, (n, payload) in enumerate(zip(case["received_N"], case["fragments"], strict=True)):
            if decoder.feed(n, bytes.fromhex(payload)):
                completed_at = i
                break
        assert completed_at == case["completes_at_index"], case["name"]
        if completed_at is not None:
            assert decoder.data().hex() == case["payload"], case["name"]


@pytest.mark.parametrize("frag_size", [1, 7, 8, 9, 48, 232, 255])
@pytest.mark.parametrize("nb_frag", [1, 2, 3, 63, 64, 65, 255, 256, 257])
@pytest.mark.parametrize("version", [1, 2])
def test_sizes_at_the_edges(nb_frag, frag_size, version):
    rng = np.random.default_rng(nb_frag * 1000 + frag_size)
    session = FragmentationSession.fit(
        rng.bytes(nb_frag * frag_size), frag_size=frag_size, redundancy=60, version=version
    )
    block = session.encode()
    lost = set(rng.choice(nb_frag, size=min(nb_frag, 20), replace=False) + 1) if nb_frag > 3 else set()
    decoder = decoder_for(session)
    for n in range(1, len(block) + 1):
        if n not in lost and decoder.feed(n, block[n - 1]):
            break
    assert decoder.complete
    assert decoder.data() == session.data


@pytest.mark.slow
@pytest.mark.parametrize("reading", READINGS)
def test_the_largest_session(reading):
    version, variant = reading
    rng = np.random.default_rng(16383)
    data = rng.bytes(13652 * 48 - 7)
    session = FragmentationSession.fit(data, frag_size=48, redundancy=2731, version=version, variant=variant)
    assert session.nb_frag + session.nb_coded == 16383
    decoder = decoder_for(session)
    received = rng.random(16383) > 0.1
    for n, payload in enumerate(session.encode(), start=1):
        if received[n - 1] and decoder.feed(n, payload):
            break
    assert decoder.data() == data


@pytest.mark.slow
def test_coded_only_reception_of_a_large_session():
    session = FragmentationSession.fit(np.random.default_rng(1).bytes(4000 * 8), frag_size=8, redundancy=4100)
    decoder = decoder_for(session)
    block = session.encode()
    assert any(decoder.feed(n, block[n - 1]) for n in range(4001, 8101))
    assert decoder.data() == session.data


@pytest.mark.parametrize(
    ("kwargs", "message"),
    [
        ({"nb_frag": 0, "frag_size": 1}, "nb_frag must be 1 to 16383 .*got 0"),
        ({"nb_frag": 16384, "frag_size": 1}, "1 to 16383"),
        ({"nb_frag": 1, "frag_size": 256}, "1 to 255"),
        ({"nb_frag": 1, "frag_size": 10, "padding": 10}, "0 to 9"),
        ({"nb_frag": 1, "frag_size": 10, "padding": -1}, "0 to 9"),
        ({"nb_frag": 1, "frag_size": 10, "version": 3}, "version must be one of 1, 2, got 3"),
    ],
)
def test_illegal_sessions_are_refused(kwargs, message):
    with pytest.raises(ParameterError, match=message):
        FragDecoder(**kwargs)


@pytest.mark.parametrize(("n", "payload"), [("1", bytes(4)), (1.5, bytes(4)), (None, bytes(4)), (1, 4), (3, "abcd")])
def test_a_fragment_of_another_kind_is_refused(n, payload):
    decoder = FragDecoder(nb_frag=2, frag_size=4)
    with pytest.raises(ParameterError):
        decoder.feed(n, payload)
    assert decoder.missing == 2


@pytest.mark.parametrize(
    ("numbers", "payloads"),
    [
        (np.array([[1], [2]]), np.zeros((2, 4), np.uint8)),
        (np.array(1), np.zeros((1, 4), np.uint8)),
        (1, np.zeros((1, 4), np.uint8)),
        ([1, 2], "xx"),
        ([1, 2], [[0] * 4] * 2),
    ],
)
def test_fragments_of_another_kind_are_refused(numbers, payloads):
    with pytest.raises(ParameterError):
        FragDecoder(nb_frag=2, frag_size=4).feed_many(numbers, payloads)
