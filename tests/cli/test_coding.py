"""Commands `fuota encode` and `fuota decode`, with losses between them."""

from __future__ import annotations

import hashlib
import json
import os
import random
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

IMAGE = random.Random(7).randbytes(4000)
PROGRAM = Path(sys.executable).parent / "fuota"


@pytest.fixture
def image(tmp_path) -> Path:
    path = tmp_path / "app.bin"
    path.write_bytes(IMAGE)
    return path


def through_the_air(encoded: bytes, *, lost: int, seed: int = 1) -> bytes:
    """Return the lines shuffled, five of them twice, without `lost` of the fragments."""
    lines = encoded.splitlines(keepends=True)
    session, fragments = lines[:1], lines[1:]
    dice = random.Random(seed)
    kept = dice.sample(fragments, len(fragments) - lost)
    mixed = [*session, *kept, *kept[:5]]
    dice.shuffle(mixed)
    return b"".join(mixed)


# --- round trips


def test_round_trip_through_files(fuota, image, tmp_path):
    fragments, back = tmp_path / "fragments", tmp_path / "back.bin"
    encoded = fuota("encode", image, "-o", fragments)
    assert (encoded.code, encoded.out) == (0, "")
    summary = encoded.err.splitlines()[-1]  # a notice about the compilation may come before it
    assert "4000 bytes in 17 uncoded and 6 coded fragments of 239 bytes, 63 bytes of padding" in summary
    decoded = fuota("decode", fragments, "--output", back)
    assert (decoded.code, decoded.out) == (0, "")
    assert decoded.err.splitlines()[-1] == f"4000 bytes from 17 fragments, SHA-256 {hashlib.sha256(IMAGE).hexdigest()}"
    assert back.read_bytes() == IMAGE


@pytest.mark.parametrize(
    "options",
    [["--version", "1"], ["--version", "2"], ["--version", "2", "--variant", "literal"], ["--coded", "chosen"]],
)
def test_round_trip_with_shuffled_repeated_and_lost_lines(fuota, options):
    encoded = fuota("encode", "-", *options, "-s", 40, "-r", "40%", stdin=IMAGE).stdout
    assert encoded.count(b"\n") == 1 + 100 + 40
    assert fuota("decode", "-", stdin=through_the_air(encoded, lost=25)).stdout == IMAGE


@pytest.mark.skipif(shutil.which("cc") is None, reason="no C compiler on this machine")
def test_round_trip_with_the_native_decoder(fuota):
    encoded = fuota("encode", "-", "-s", 40, "-r", "40%", stdin=IMAGE).stdout
    assert fuota("decode", "-", "--native", stdin=through_the_air(encoded, lost=25)).stdout == IMAGE
    short = fuota("decode", "-", "--native", stdin=b"\n".join(encoded.split(b"\n")[:90]))
    assert (short.code, short.stdout) == (1, b"")
    assert "more useful fragments" in short.err


@pytest.mark.slow
def test_native_decoder_without_a_compiler_is_refused(fuota):
    encoded = fuota("encode", "-", "-s", 40, "-r", "0", stdin=IMAGE).stdout
    environment = os.environ | {"CC": "no-such-compiler"}
    command = [PROGRAM, "decode", "-", "--native"]
    result = subprocess.run(command, input=encoded, env=environment, capture_output=True, check=False)
    assert (result.returncode, result.stdout) == (2, b"")
    assert b"no C compiler was found ('no-such-compiler' ($CC))" in result.stderr


@pytest.mark.slow
def test_round_trip_through_a_pipe_of_processes(image):
    encode = subprocess.Popen([PROGRAM, "encode", image], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    decode = subprocess.run([PROGRAM, "decode", "-"], stdin=encode.stdout, capture_output=True, check=True)
    encode.communicate()
    assert (encode.returncode, decode.stdout) == (0, IMAGE)


@pytest.mark.slow
def test_reader_that_closes_the_pipe_causes_no_error(tmp_path):
    (tmp_path / "large.bin").write_bytes(bytes(300_000))
    process = subprocess.Popen(
        [PROGRAM, "encode", tmp_path / "large.bin"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    with process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert process.stdout.readline().startswith('{"session"')
        process.stdout.close()
        messages = process.stderr.read()
        assert not any(word in messages for word in ("fuota:", "Broken", "Exception", "Traceback"))
    assert process.returncode == 0


@pytest.mark.slow
@pytest.mark.parametrize("arguments", [["encode", "-"], ["airtime", "20"]])
def test_pipe_without_reader_causes_no_error(arguments):
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run(
        [PROGRAM, *arguments], input=b"short", stdout=writing, stderr=subprocess.PIPE, check=False, timeout=60
    )
    os.close(writing)
    assert done.returncode == 0
    assert not any(word in done.stderr for word in (b"fuota:", b"Broken", b"Exception", b"Traceback"))


@pytest.mark.parametrize(("redundancy", "nb_coded"), [("0", 0), ("3", 3), ("0.1", 10), ("12.5%", 13), ("0.0", 0)])
def test_redundancy_is_a_share_or_a_count(fuota, tmp_path, redundancy, nb_coded):
    result = fuota("encode", "-", "-s", 40, "-r", redundancy, "-o", tmp_path / "f", "--json", stdin=IMAGE)
    assert result.event("encoded")["nb_coded"] == nb_coded


@pytest.mark.parametrize("variant", ["deployed", "literal"])
def test_variant_of_version_2_is_in_the_session_line(fuota, variant):
    described = fuota("encode", "-", "--version", 2, "--variant", variant, stdin=IMAGE).events[0]["session"]
    assert (described["version"], described["variant"]) == (2, variant)


# --- JSON


def test_json_event_describes_the_written_file(fuota, image, tmp_path):
    fragments, back = tmp_path / "fragments", tmp_path / "back.bin"
    assert fuota("encode", image, "-o", fragments, "--json").events == [
        {
            "event": "encoded",
            "output": str(fragments),
            "nb_coded": 6,
            "nb_frag": 17,
            "frag_size": 239,
            "padding": 63,
            "version": 1,
            "variant": "deployed",
            "sha256": hashlib.sha256(IMAGE).hexdigest(),
        }
    ]
    lines = [json.loads(line) for line in fragments.read_text().splitlines()]
    assert lines[0]["session"]["nb_frag"] == 17
    assert [line["n"] for line in lines[1:]] == list(range(1, 24))
    assert bytes.fromhex(lines[1]["payload"]) == IMAGE[:239]
    assert fuota("decode", fragments, "-o", back, "--json").events == [
        {
            "event": "decoded",
            "output": str(back),
            "bytes": 4000,
            "sha256": hashlib.sha256(IMAGE).hexdigest(),
            "fragments": 17,
        }
    ]


def test_json_pipe_carries_only_fragments(fuota):
    encoded = fuota("encode", "-", "--json", stdin=IMAGE)
    assert [set(line) for line in encoded.events] == [{"session"}, *[{"n", "payload"}] * 23]
    assert fuota("decode", "-", "--json", stdin=encoded.stdout).stdout == IMAGE


# --- missing and wrong fragments


def test_message_gives_the_number_of_missing_fragments(fuota, tmp_path):
    lines = fuota("encode", "-", "-s", 40, "-r", "0", stdin=IMAGE).stdout.splitlines(keepends=True)
    result = fuota("decode", "-", "-o", tmp_path / "back", "--json", stdin=b"".join(lines[:-7]))
    assert result.code == 1
    assert "7 more useful fragments" in result.complaint
    assert result.event("error") == {"event": "error", "code": 1, "message": result.complaint.removeprefix("fuota: ")}
    assert not (tmp_path / "back").exists(), "an incomplete image is not written"


def test_contradicting_fragments_are_refused(fuota, tmp_path):
    lines = fuota("encode", "-", "-s", 40, "-r", "40", stdin=IMAGE).stdout.splitlines()
    damaged = [json.dumps({"n": json.loads(line)["n"], "payload": "00" * 40}).encode() for line in lines[101:]]
    # An uncoded fragment is last: before it, the coded fragments without it add no information, and contradict.
    mixed = b"\n".join([*lines[:100], *damaged, lines[100]])
    result = fuota("decode", "-", "-o", tmp_path / "back", stdin=mixed)
    assert (result.code, (tmp_path / "back").exists()) == (3, False)
    assert "nothing was written" in result.err


def test_contradicting_fragments_are_refused_without_a_hash(fuota, tmp_path):
    described, *lines = fuota("encode", "-", "-s", 40, "-r", "40", stdin=IMAGE).stdout.splitlines()
    session = json.loads(described)["session"]
    del session["sha256"]
    repeated = json.dumps({"n": 1, "payload": "00" * 40}).encode()
    mixed = b"\n".join([json.dumps({"session": session}).encode(), lines[0], repeated, *lines[1:]])
    result = fuota("decode", "-", "-o", tmp_path / "back", stdin=mixed)
    assert (result.code, (tmp_path / "back").exists()) == (3, False)
    assert "1 fragments contradict the others" in result.err


def test_fragments_of_two_images_are_refused(fuota):
    first, second = (fuota("encode", "-", "-s", 40, stdin=image).stdout for image in (IMAGE, IMAGE[::-1]))
    result = fuota("decode", "-", stdin=b"\n".join(first.splitlines()[:50]) + b"\n" + second)
    assert (result.code, result.stdout) == (2, b"")
    assert "fragments of two images" in result.err


# --- lines that are not understood


@pytest.mark.parametrize(
    ("line", "words"),
    [
        (b"nonsense", "line 2 is not a fragment"),
        (b'{"n": 1}', "line 2 is not a fragment"),
        (b'{"n": 1, "payload": "0g"}', "line 2 is not a fragment"),
        (b'{"n": 1e999, "payload": "00"}', "line 2 is not a fragment"),
        (b'{"n": null, "payload": "00"}', "line 2 is not a fragment"),
        (b"[1, 2]", "line 2 is not a fragment"),
        (b"17", "line 2 is not a fragment"),
        (b"\xff\xfe\x00\x80", "line 2 is not a fragment"),
        (b"[" * 200_000, "line 2 is not a fragment"),
        (b'{"n": 0, "payload": "%s"}' % (b"00" * 40), "fragment number must be 1 to 16383"),
        (b'{"n": 5, "payload": "00"}', "must have 40 bytes"),
    ],
)
def test_bad_line_is_refused_with_its_number(fuota, line, words):
    session = fuota("encode", "-", "-s", 40, stdin=IMAGE).stdout.splitlines()[0]
    result = fuota("decode", "-", stdin=session + b"\n" + line + b"\n")
    assert (result.code, result.stdout) == (2, b"")
    assert words in result.complaint


@pytest.mark.parametrize(
    ("session", "words"),
    [
        ("", "no line describes the session"),
        ('{"session": 5}', "session line must have frag_size and nb_frag"),
        ('{"session": {"nb_frag": 3}}', "session line must have frag_size and nb_frag"),
        ('{"session": {"nb_frag": "3", "frag_size": 40}}', "nb_frag of the session line"),
        ('{"session": {"nb_frag": 0, "frag_size": 40}}', "nb_frag must be 1 to 16383"),
        ('{"session": {"nb_frag": 3, "frag_size": 40, "version": 3}}', "version must be one of 1, 2, got 3"),
        ('{"session": {"nb_frag": 3, "frag_size": 40, "padding": 40}}', "padding must be 0 to 39"),
    ],
)
def test_invalid_session_line_is_refused(fuota, session, words):
    result = fuota("decode", "-", stdin=f'{{"n": 1, "payload": "{"00" * 40}"}}\n{session}\n'.encode().strip())
    assert result.code == 2
    assert words in result.complaint


# --- refused before any work


@pytest.mark.parametrize(
    ("arguments", "content", "words"),
    [
        (["-s", "240"], IMAGE, "fragment size 240 does not fit DR5 of EU868"),
        (["-d", "0", "-s", "49"], IMAGE, "at most 48"),
        (["-d", "8"], IMAGE, "uplinks only"),
        ([], b"", "the data block is empty"),
        (["-s", "1"], bytes(16_384), "16384 fragments of 1 bytes"),
        (["-s", "1", "-r", "1"], bytes(16_383), "together must be at most 16383"),
    ],
)
def test_plan_or_image_that_cannot_work_has_exit_code_3(fuota, tmp_path, arguments, content, words):
    result = fuota("encode", "-", "-o", tmp_path / "f", *arguments, "--json", stdin=content)
    assert (result.code, result.event("error")["code"]) == (3, 3)
    assert words in result.complaint
    assert not (tmp_path / "f").exists()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["-s", "0"], "fragment size must be 1 or more, got 0"),
        (["-r", "many"], "'many' is neither a share (0.3, 30%) nor a number of fragments (25)"),
        (["-r", "-1"], "redundancy"),
        (["-r", "nan"], "redundancy"),
        (["--region", "XX1"], "unknown region"),
        (["--version", "3"], "--version"),
        (["-d", "99"], "EU868 has no DR99"),
    ],
)
def test_parameter_out_of_range_has_exit_code_2(fuota, arguments, words):
    result = fuota("encode", "-", *arguments, stdin=IMAGE)
    assert result.code == 2
    assert words in result.complaint


@pytest.mark.parametrize("command", ["encode", "decode"])
def test_output_that_cannot_be_written_is_refused(fuota, tmp_path, command):
    (tmp_path / "file").write_text("in the way")
    content = IMAGE if command == "encode" else fuota("encode", "-", stdin=IMAGE).stdout
    below_a_file = fuota(command, "-", "-o", tmp_path / "file" / "out", stdin=content)
    assert (below_a_file.code, below_a_file.stdout) == (2, b"")
    assert f"{tmp_path / 'file' / 'out'} cannot be written: Not a directory" in below_a_file.complaint
    full_disk = fuota(command, "-", "-o", "/dev/full", stdin=content)
    assert full_disk.code == 2
    assert "/dev/full cannot be written: No space left on device" in full_disk.complaint


@pytest.mark.slow
@pytest.mark.parametrize("size", [50, 4000])  # within the buffer of stdout, and beyond
@pytest.mark.parametrize("arguments", [["encode", "-"], ["airtime", "20", "--json"]])
def test_full_disk_behind_stdout_gives_one_line(arguments, size):
    with open("/dev/full", "wb") as full:
        done = subprocess.run(
            [PROGRAM, *arguments], input=IMAGE[:size], stdout=full, stderr=subprocess.PIPE, check=False, timeout=60
        )
    assert done.returncode == 2
    assert done.stderr.decode().splitlines()[-1].endswith("No space left on device")
    assert b"Traceback" not in done.stderr
    assert b"Exception" not in done.stderr
