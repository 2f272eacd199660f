from __future__ import annotations

import hashlib
import shutil
import zlib

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from fuota import FragDecoder, FragmentationSession
from fuota.device import native_build
from fuota.device.native import DecoderMemory, NativeDecoder
from fuota.errors import IncompleteError, ParameterError, StorageError

needs_compiler = pytest.mark.skipif(
    not any(shutil.which(name) for name in native_build.COMPILERS), reason="no C compiler on this machine"
)
READINGS = [(1, "deployed"), (2, "deployed"), (2, "literal")]
NAMED = dict(zip(["v1", "v2_lbm", "v2_spec"], READINGS, strict=True))


def parameters_of(session):
    return {
        "nb_frag": session.nb_frag,
        "frag_size": session.frag_size,
        "padding": session.padding,
        "version": session.version,
        "variant": session.code.variant,
    }


@st.composite
def sessions(draw, max_nb_frag=40):
    frag_size, nb_frag = draw(st.integers(1, 12)), draw(st.integers(1, max_nb_frag))
    size = nb_frag * frag_size - draw(st.integers(0, frag_size - 1))
    version, variant = draw(st.sampled_from(READINGS))
    redundancy = draw(st.integers(0, 2 * nb_frag + 8))
    data = np.random.default_rng(draw(st.integers(0, 99))).bytes(size)
    return FragmentationSession.fit(data, frag_size=frag_size, redundancy=redundancy, version=version, variant=variant)


@needs_compiler
@given(st.data())
def test_agrees_with_the_python_decoder_after_every_fragment(data):
    session = data.draw(sessions())
    block = session.encode()
    spare = data.draw(st.sampled_from([0, 3, 30, 300]))
    memory = DecoderMemory(granularity=data.draw(st.sampled_from([1, 4, 8, 32])), spare_words=spare)
    native, python = NativeDecoder(**parameters_of(session), memory=memory), FragDecoder(**parameters_of(session))
    for n in data.draw(st.lists(st.integers(1, len(block)), max_size=3 * session.nb_frag + 20)):
        assert native.feed(n, block[n - 1].tobytes()) == python.feed(n, block[n - 1])
        assert (native.missing, native.complete, native.received) == (python.missing, python.complete, python.received)
    if native.complete:
        assert native.data() == python.data() == session.data
    else:
        with pytest.raises(IncompleteError, match=f"{native.missing} more useful fragments"):
            native.data()
    assert (native.storage_use.rewritten, native.storage_use.faults) == (0, 0)


@needs_compiler
def test_recorded_sequences_complete_at_the_same_fragment(vectors):
    for case in vectors("fec_decode")["cases"]:
        version, variant = NAMED[case["variant"]]
        decoder = NativeDecoder(nb_frag=case["M"], frag_size=case["frag_size"], version=version, variant=variant)
        received = zip(case["received_N"], map(bytes.fromhex, case["fragments"]), strict=True)
        completions = [decoder.feed(n, payload) for n, payload in received]
        assert (completions.index(True) if True in completions else None) == case["completes_at_index"], case["name"]
        assert case["completes_at_index"] is None or decoder.data().hex() == case["payload"], case["name"]


@needs_compiler
def test_published_blocks_decode_with_coded_fragments_first(vectors):
    for case in (case for case in vectors("fec_encode")["cases"] if "fragments" in case):
        version, variant = NAMED[case["variant"]]
        fragments = [bytes.fromhex(fragment) for fragment in case["fragments"]]
        nb_frag = len(fragments) - case["redundancy"]
        decoder = NativeDecoder(nb_frag=nb_frag, frag_size=case["frag_size"], version=version, variant=variant)
        for n in [*range(len(fragments), nb_frag, -1), *range(1, nb_frag + 1)]:
            decoder.feed(n, fragments[n - 1])
        assert decoder.data().hex() == case["payload"]


def lossy(nb_frag=40, lost=range(3, 13), redundancy=40, **changes):
    """Return a session and its received fragments as (n, payload), in order."""
    data = np.random.default_rng(nb_frag).bytes(nb_frag * 8)
    session = FragmentationSession.fit(data, frag_size=8, redundancy=redundancy, **changes)
    return session, [(f.n, f.payload) for f in session.fragments() if f.n not in lost]


def feed_all(decoder, fragments):
    completions = [decoder.feed(n, payload) for n, payload in fragments]
    return any(completions)


@needs_compiler
def test_losses_beyond_the_memory_fail_for_ever():
    session, fragments = lossy()
    decoder = NativeDecoder(**parameters_of(session), memory=DecoderMemory(capacity=9, scratch=12))
    assert not feed_all(decoder, fragments)
    assert (decoder.gave_up, decoder.complete, decoder.missing) == (True, False, 10)
    decoder.feed(4, session.encode()[3].tobytes())
    assert (decoder.gave_up, decoder.complete, decoder.missing) == (True, False, 10)


@needs_compiler
def test_coded_fragments_that_come_first_are_stored():
    session, fragments = lossy(lost=range(1, 9))
    decoder = NativeDecoder(**parameters_of(session), memory=DecoderMemory(capacity=9, scratch=12))
    coded = [fragment for fragment in fragments if fragment[0] > 40]
    assert not feed_all(decoder, coded[:12])
    assert feed_all(decoder, fragments[:32])
    assert decoder.data() == session.data


@needs_compiler
def test_reception_without_loss_needs_no_step_and_no_read():
    session, fragments = lossy(lost=())
    decoder = NativeDecoder(**parameters_of(session))
    assert feed_all(decoder, fragments[:40])
    assert decoder.step() is False
    assert (decoder.storage_use.row_reads, decoder.storage_use.row_writes, decoder.storage_use.mark_writes) == (
        0,
        40,
        40,
    )
    assert decoder.data() == session.data


@needs_compiler
@pytest.mark.parametrize("n", [0, -1, 16384])
def test_impossible_fragment_is_refused(n):
    decoder = NativeDecoder(nb_frag=4, frag_size=8)
    with pytest.raises(ParameterError, match="1 to 16383"):
        decoder.feed(n, bytes(8))
    with pytest.raises(ParameterError, match="must have 8 bytes"):
        decoder.feed(1, bytes(7))
    assert (decoder.missing, decoder.received) == (4, 0)


@needs_compiler
@pytest.mark.parametrize(
    ("changes", "memory"),
    [
        ({"nb_frag": 0}, {}),
        ({"nb_frag": 16384}, {}),
        ({"frag_size": 0}, {}),
        ({"frag_size": 256}, {}),
        ({"padding": 8}, {}),
        ({"version": 3}, {}),
        ({"variant": "literal"}, {}),
        ({}, {"capacity": 0}),
        ({}, {"capacity": 5}),
        ({}, {"granularity": 3}),
        ({}, {"granularity": 0}),
        ({}, {"granularity": 64}),
    ],
)
def test_impossible_session_or_memory_is_refused(changes, memory):
    with pytest.raises(ParameterError, match=r"must be|given"):
        NativeDecoder(**{"nb_frag": 4, "frag_size": 8, **changes}, memory=DecoderMemory(**memory))


@needs_compiler
def test_reset_after_power_failure_continues():
    session, fragments = lossy()
    decoder = NativeDecoder(**parameters_of(session))
    decoder.cut_power(5, torn=2)
    with pytest.raises(StorageError, match="reset it"):
        feed_all(decoder, fragments)
    decoder.reset()
    assert decoder.missing == 38
    assert feed_all(decoder, fragments)
    assert decoder.data() == session.data


def test_missing_compiler_is_reported(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("CC", raising=False)
    with pytest.raises(StorageError, match=r"no C compiler was found \(cc, gcc, clang\)"):
        native_build.compiler()
    monkeypatch.setenv("CC", "no-such-compiler -m32")
    with pytest.raises(StorageError, match=r"'no-such-compiler' \(\$CC\)"):
        native_build.compiler()


@pytest.mark.slow
@needs_compiler
def test_library_is_compiled_again_only_for_other_flags(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    first = native_build.library()
    stamp = first.stat().st_mtime_ns
    assert (native_build.library(), first.stat().st_mtime_ns) == (first, stamp)
    monkeypatch.setattr(native_build, "FLAGS", (*native_build.FLAGS, "-DOTHER"))
    assert native_build.library() != first
    assert sorted(path.suffix for path in first.parent.iterdir()) == [".so", ".so", ".stored", ".stored"]


@needs_compiler
def test_message_of_a_failing_compiler_is_quoted(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(native_build, "FLAGS", ("-std=c99", "--no-such-flag"))
    with pytest.raises(StorageError, match=r"could not compile the decoder: .*no-such-flag"):
        native_build.library()
    assert list((tmp_path / "fuota" / "native").iterdir()) == []


@needs_compiler
@given(st.binary(min_size=1, max_size=400), st.integers(1, 30), st.integers(0, 40))
def test_crc32_and_sha256_match_other_implementations(data, frag_size, lost):
    session = FragmentationSession.fit(data, frag_size=frag_size, redundancy=lost + 20)
    decoder = NativeDecoder(**parameters_of(session), memory=DecoderMemory(granularity=8))
    fragments = [(f.n, f.payload) for f in session.fragments()]
    assume(feed_all(decoder, [*fragments[lost:], fragments[0]]))
    assert decoder.crc32() == zlib.crc32(data)
    assert decoder.sha256() == hashlib.sha256(data).digest()


@needs_compiler
@pytest.mark.parametrize("frag_size", [1, 7, 50])
def test_mic_matches_the_vectors(vectors, frag_size):
    cases = [case for case in vectors("data_block_mic")["cases"] if case["data"]]  # a session has at least 1 fragment
    assert len(cases) == 2
    for case in cases:
        session = FragmentationSession.fit(bytes.fromhex(case["data"]), frag_size=frag_size, redundancy=0, version=2)
        decoder = NativeDecoder(**parameters_of(session))
        feed_all(decoder, [(f.n, f.payload) for f in session.fragments()])
        setup = {
            "key": bytes.fromhex(case["data_block_int_key"]),
            "session_cnt": case["session_cnt"],
            "frag_index": case["frag_index"],
            "descriptor": bytes.fromhex(case["descriptor_wire"]),
        }
        mic = bytes.fromhex(case["mic_wire"])
        assert decoder.has_mic(mic, **setup)
        assert not decoder.has_mic(mic[:3] + bytes([mic[3] ^ 1]), **setup)
        assert not decoder.has_mic(mic, **setup | {"session_cnt": case["session_cnt"] + 1})


@needs_compiler
@given(st.data())
def test_agrees_with_the_python_decoder_despite_resets_and_power_failures(data):
    """Only the fragment during which the power failed is sent again."""
    session = data.draw(sessions(max_nb_frag=25))
    block = session.encode()
    memory = DecoderMemory(scratch=400, granularity=data.draw(st.sampled_from([1, 8])))
    native, python = NativeDecoder(**parameters_of(session), memory=memory), FragDecoder(**parameters_of(session))
    for n in data.draw(st.lists(st.integers(1, len(block)), max_size=2 * session.nb_frag + 20)):
        payload = block[n - 1].tobytes()
        if data.draw(st.booleans()):
            native.cut_power(data.draw(st.integers(0, 3)), torn=data.draw(st.sampled_from([0, 1, 2, 5, 2**32 - 1])))
        try:
            native.feed(n, payload)
        except StorageError:
            native.reset()
            native.feed(n, payload)
        native.reset()
        python.feed(n, payload)
        assert native.missing == python.missing
    assert native.storage_use.faults == 0
    if native.complete:
        assert native.data() == session.data


@needs_compiler
@pytest.mark.parametrize(("version", "variant"), READINGS)
@pytest.mark.parametrize("nb_frag", [8192, 16343])
def test_largest_sessions_in_minimum_memory(nb_frag, version, variant):
    """Masks in windows, seeds above 2^23, powers of two: 12 of thousands are lost, with memory for just 12."""
    session, fragments = lossy(nb_frag, range(5000, 5012), 40, version=version, variant=variant)
    decoder = NativeDecoder(**parameters_of(session), memory=DecoderMemory(capacity=12, scratch=12))
    assert feed_all(decoder, fragments)
    assert decoder.data() == session.data
    assert decoder.storage_use.row_reads < 40 * nb_frag


@needs_compiler
def test_rows_of_the_decoder_match_the_vectors(vectors):
    """Coded payloads are made from the recorded rows, not by our encoder: another row would give other bytes."""
    recorded = vectors("fec_rows")
    groups = {}
    for case in recorded["matrices"]:
        packed = [f"{int(row, 16):0{4 * len(row)}b}" for row in case.get("first_rows_packed_hex", [])]
        rows = [(case["M"] + k, bits) for k, bits in enumerate(case.get("first_rows_bits", packed), start=1)]
        groups.setdefault((case["variant"], case["M"]), []).extend(rows)
    for case in recorded["far_rows_seed_above_2^23"]:
        groups.setdefault((case["variant"], case["M"]), []).append((case["N"], case["row_bits"]))
    checked = 0
    for (variant, nb_frag), rows in groups.items():
        block = np.frombuffer(np.random.default_rng(nb_frag).bytes(nb_frag * 8), dtype=np.uint8).reshape(nb_frag, 8)
        for n, bits in rows:
            indexes = [i for i, bit in enumerate(bits) if bit == "1"]
            if not indexes:
                continue
            decoder = NativeDecoder(nb_frag=nb_frag, frag_size=8, version=NAMED[variant][0], variant=NAMED[variant][1])
            feed_all(decoder, [(i + 1, block[i].tobytes()) for i in range(nb_frag) if i != indexes[-1]])
            assert decoder.feed(n, np.bitwise_xor.reduce(block[indexes]).tobytes()), (variant, nb_frag, n)
            assert decoder.data() == block.tobytes(), (variant, nb_frag, n)
            checked += 1
    assert checked > 350


@needs_compiler
@pytest.mark.parametrize("n", [1, "1", 1.5, None])
@pytest.mark.parametrize("payload", [48, "x" * 48, None, [0] * 48])
def test_a_fragment_of_another_kind_is_refused(n, payload):
    decoder = NativeDecoder(nb_frag=2, frag_size=48)
    with pytest.raises(ParameterError):
        decoder.feed(n, payload)
    assert decoder.missing == 2


@pytest.mark.parametrize("memory", [{"spare_words": -1}, {"spare_words": "x"}, {"capacity": -1}, {"granularity": 1.5}])
def test_memory_of_another_kind_is_refused(memory):
    with pytest.raises(ParameterError):
        DecoderMemory(**memory)
