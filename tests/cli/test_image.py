"""fuota image: on a terminal, in a pipe, and for programs."""

from __future__ import annotations

import hashlib
import os
import pty
import subprocess
from pathlib import Path

import pytest

from tests.cli.conftest import PROGRAM
from tests.cli.plan_cases import codes, kinds, says_one_line
from tests.image import corpus

FOLDER = Path(__file__).parents[2] / "sample_firmware"
OLD, NEW = FOLDER / "sensor-1.0.0.bin", FOLDER / "sensor-1.1.0.bin"
LONGEST_S = 30


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.fixture
def small(tmp_path) -> Path:
    path = tmp_path / "small.toml"
    path.write_text("slot_bytes = 12000\n")
    return path


# --- inspect


def test_inspect_says_what_it_is(fuota):
    elf, size = FOLDER / "sensor-1.1.0.elf", len(NEW.read_bytes())
    result = fuota("image", "inspect", elf)
    assert result.code == 0
    for words in (
        f"sensor-1.1.0.elf, {len(elf.read_bytes())} bytes",
        f"elf, for a binary of {size} bytes",
        sha256(elf),
    ):
        assert words in result.out
    assert f"addresses  0x00000000 to 0x{size:08X}" in result.out


def test_inspect_never_refuses_what_it_can_read(fuota, tmp_path):
    junk = tmp_path / "junk.elf"
    junk.write_bytes(b"\x7fELF and nothing else")
    result = fuota("image", "inspect", junk, "--json")
    assert result.code == 0
    assert not result.event("image")["ok"]
    assert "structure" in codes(result)


def test_the_event_of_an_image_is_all_that_a_program_needs(fuota):
    event = fuota("image", "inspect", NEW, "--json").event("image")
    assert event["name"] == "sensor-1.1.0.bin"
    assert (event["format"], event["bytes"], event["sha256"]) == ("raw", len(NEW.read_bytes()), sha256(NEW))
    assert (event["signature"], event["version"], event["ok"]) == ("none", None, True)
    assert 7 < event["entropy_bits"] < 7.3
    assert 0 < event["filler_bytes"] < 2000
    assert event["airtime_us"] is None


def test_the_airtime_is_that_of_the_uncoded_fragments(fuota):
    event = fuota("image", "inspect", NEW, "--region", "EU868", "-d", 0, "--json").event("image")
    fragments, size = -(-event["bytes"] // 48), event["bytes"] - event["filler_bytes"]
    assert event["airtime_us"] == fragments * 2_793_472  # each of 64 octets at SF12
    wasted_s = (fragments - -(-size // 48)) * 2.793472
    said = f"{fragments * 2.793472:.1f} s in uncoded fragments; {wasted_s:.1f} s of it for filler"
    assert said in fuota("image", "inspect", NEW, "--region", "EU868").out


def test_an_image_from_a_pipe(fuota):
    result = fuota("image", "inspect", "-", "--json", stdin=NEW.read_bytes())
    assert result.event("image")["sha256"] == sha256(NEW)


# --- check


def test_a_sound_image_is_exit_code_0(fuota):
    result = fuota("image", "check", NEW)
    assert result.code == 0
    assert result.out.endswith("sensor-1.1.0.bin can be sent, with 1 warning.\n")
    assert result.err == ""


def test_an_image_that_must_not_be_sent_is_exit_code_3(fuota, small):
    result = fuota("image", "check", NEW, "--profile", small)
    assert result.code == 3
    assert f"{len(NEW.read_bytes()) - 12_000} too many" in result.out
    assert result.out.endswith("sensor-1.1.0.bin must not be sent: 1 error.\n")
    told = fuota("image", "check", NEW, "--profile", small, "--json")
    assert (told.code, kinds(told)[0]) == (3, "image")
    assert {"slot", "no-container"} <= codes(told)


@pytest.mark.parametrize(
    ("options", "code", "found"),
    [
        (["--running-version", "1.0.9"], 0, None),
        (["--running-version", "1.1.1"], 3, "downgrade"),
        (["--running-version", "1.1.1", "--downgrade"], 0, "downgrade"),
        (["--running-version", "1.1.0"], 0, "same-version"),
    ],
)
def test_the_version_that_runs_is_compared(fuota, options, code, found):
    result = fuota("image", "check", FOLDER / "sensor-1.1.0.signed.bin", *options, "--json")
    assert result.code == code
    assert (found in codes(result)) == (found is not None)
    assert result.event("image")["version"] == "1.1.0"


def test_what_the_profile_says_of_the_version_holds_where_no_option_does(fuota, tmp_path):
    profile = tmp_path / "meter.toml"
    profile.write_text('[image]\nrunning_version = "2.0"\n')
    run = ("image", "check", FOLDER / "sensor-1.1.0.signed.bin", "--profile", profile)
    assert fuota(*run).code == 3
    assert fuota(*run, "--running-version", "1.0").code == 0
    profile.write_text('[image]\nrunning_version = "2.0"\ndowngrade = true\n')
    assert fuota(*run).code == 0


def test_strict_refuses_what_is_warned_of(fuota):
    assert fuota("image", "check", NEW, "--strict").code == 3


def test_each_error_stands_on_stdout_with_its_code(fuota):
    result = fuota("image", "check", FOLDER / "sensor-1.1.0.hex")
    assert result.code == 3
    assert "(not-binary)" in result.out
    made = f"{FOLDER / 'sensor-1.1.0.hex'} -o {FOLDER / 'sensor-1.1.0.bin'}"
    assert result.out.endswith(f"What can be sent: fuota image convert {made}\n")
    piped = fuota("image", "check", "-", stdin=(FOLDER / "sensor-1.1.0.hex").read_bytes())
    assert piped.out.endswith("What can be sent: fuota image convert - -o image.bin\n")


def test_no_command_is_named_that_would_be_refused(fuota, tmp_path):
    far = tmp_path / "far.hex"
    far.write_text(":0100000061 9E\n:020000048000 7A\n:01000000629D\n:00000001FF\n".replace(" ", ""))
    result = fuota("image", "check", far, "--json")
    assert result.event("image")["mended_by"] is None
    assert {"gaps", "not-binary"} <= codes(result)
    assert "0x80000000-0x80000001" in result.out
    said = ("--address-range", "0x80000000-0x80000001", "-o", tmp_path / "part.bin")
    assert fuota("image", "convert", far, *said).code == 0
    assert (tmp_path / "part.bin").read_bytes() == b"b"


def test_padding_of_a_slot_is_stripped_by_the_command_that_is_named(fuota, tmp_path, monkeypatch):
    padded = tmp_path / "padded.bin"
    padded.write_bytes((FOLDER / "sensor-1.1.0.signed.bin").read_bytes().ljust(65_536, b"\xff"))
    event = fuota("image", "check", padded, "--json").event("image")
    program, *command = event["mended_by"].split()
    monkeypatch.chdir(tmp_path)
    assert program == "fuota"
    assert fuota(*command).code == 0
    assert (tmp_path / "padded.stripped.bin").read_bytes() == (FOLDER / "sensor-1.1.0.signed.bin").read_bytes()
    assert fuota("image", "check", tmp_path / "padded.stripped.bin").code == 0


def test_a_signature_is_verified_by_the_public_key(fuota, tmp_path):
    signed, key = FOLDER / "sensor-1.1.0.signed.bin", FOLDER / "test-key.pub.pem"
    assert "signature  verified" in fuota("image", "check", signed, "--public-key", key).out
    other = tmp_path / "other.pem"
    other.write_bytes(corpus.public_pem("ed25519"))
    result = fuota("image", "check", signed, "--public-key", other)
    assert (result.code, "(other-key)" in result.out) == (3, True)
    assert fuota("image", "check", NEW, "--public-key", key, "--json").code == 3


def test_a_signature_beside_the_image(fuota, tmp_path):
    key, signature = tmp_path / "key.pem", tmp_path / "app.sig"
    key.write_bytes(corpus.public_pem("ed25519"))
    signature.write_bytes(corpus.private_key("ed25519").sign(NEW.read_bytes()))
    good = fuota("image", "check", NEW, "--public-key", key, "--signature", signature, "--json")
    assert (good.code, good.event("image")["signature"]) == (0, "verified")
    bad = fuota("image", "check", OLD, "--public-key", key, "--signature", signature, "--json")
    assert (bad.code, bad.event("image")["signature"]) == (3, "wrong")
    says_one_line(fuota("image", "check", NEW, "--signature", signature), 2, "a signature needs a public key")
    says_one_line(fuota("image", "check", NEW, "--public-key", NEW, "--signature", signature), 2, "public_key must be")


@pytest.mark.parametrize(
    ("options", "code", "words"),
    [
        (["/no/such/image"], 2, "No such file or directory"),
        (["/"], 2, "Is a directory"),
        ([NEW, "--profile", "no-such"], 2, "neither a file nor a built-in profile"),
        ([NEW, "--public-key", "/no/such/key"], 2, "does not exist"),
        ([NEW, "--data-rate", 3], 2, "say --region too"),
        ([NEW, "--region", "EU00"], 2, "unknown region 'EU00'"),
    ],
)
def test_what_cannot_be_checked_is_one_line(fuota, options, code, words):
    says_one_line(fuota("image", "check", *options), code, words)


def test_a_patch_is_checked_with_what_it_makes(fuota, patch, small):
    good = fuota("image", "check", patch, "--base", OLD, "--json")
    assert good.code == 0
    assert [event["name"] for event in good.events if event["event"] == "image"] == [
        "app.patch",
        "target of app.patch",
    ]
    assert [event["sha256"] for event in good.events if event["event"] == "image"][1] == sha256(NEW)
    assert fuota("image", "check", patch, "--base", OLD, "--profile", small).code == 3


# --- convert


@pytest.mark.parametrize("suffix", ["elf", "hex", "srec", "uf2"])
def test_convert_makes_the_binary(fuota, tmp_path, suffix):
    made = tmp_path / "made.bin"
    result = fuota("image", "convert", FOLDER / f"sensor-1.1.0.{suffix}", "-o", made, "--json")
    assert result.code == 0
    assert made.read_bytes() == NEW.read_bytes()
    assert result.event("converted") == {
        "event": "converted",
        "output": str(made),
        "bytes": len(NEW.read_bytes()),
        "sha256": sha256(NEW),
        "format": "raw",
    }


def test_convert_into_a_pipe(fuota):
    result = fuota("image", "convert", FOLDER / "sensor-1.1.0.hex", "-o", "-")
    assert (result.code, result.stdout) == (0, NEW.read_bytes())


def test_what_is_binary_already_is_left_as_it_is(fuota, tmp_path):
    made = tmp_path / "made.bin"
    result = fuota("image", "convert", NEW, "-o", made)
    assert made.read_bytes() == NEW.read_bytes()
    assert "as it is" in result.err


def test_gaps_are_filled_and_a_range_is_cut(fuota, tmp_path):
    records = ":0400000001020304F2\n:0400080005060708DA\n:00000001FF\n"
    run = ("image", "convert", "-", "-o", "-")
    assert fuota(*run, stdin=records.encode()).stdout.hex() == "01020304ffffffff05060708"
    assert fuota(*run, "--fill", "0x00", stdin=records.encode()).stdout.hex() == "010203040000000005060708"
    assert fuota(*run, "--address-range", "0x8-0xA", stdin=records.encode()).stdout.hex() == "0506"


@pytest.mark.parametrize(
    ("options", "code", "words"),
    [
        (["-o", "-", "--fill", "300"], 2, "it is an octet, 0 to 255"),
        (["-o", "-", "--fill", "x"], 2, "'x' is no number"),
        (["-o", "-", "--address-range", "8"], 2, "is not LOW-HIGH"),
        (["-o", "-", "--address-range", "9-8"], 2, "is empty"),
        (["-o", "/no/such/folder/made.bin"], 2, "cannot be written"),
    ],
)
def test_what_cannot_be_converted_is_one_line(fuota, options, code, words):
    says_one_line(fuota("image", "convert", FOLDER / "sensor-1.1.0.hex", *options), code, words)


def test_the_source_is_never_written_over(fuota, tmp_path):
    source = tmp_path / "app.hex"
    source.write_bytes((FOLDER / "sensor-1.1.0.hex").read_bytes())
    result = fuota("image", "convert", source, "-o", source)
    assert result.code == 2
    assert "name another file" in result.complaint
    assert source.read_bytes() == (FOLDER / "sensor-1.1.0.hex").read_bytes()


def test_a_damaged_file_is_not_converted(fuota, tmp_path):
    cut = tmp_path / "cut.hex"
    cut.write_bytes((FOLDER / "sensor-1.1.0.hex").read_bytes()[:-13])
    made = tmp_path / "made.bin"
    says_one_line(fuota("image", "convert", cut, "-o", made), 3, "no end record", "cut.hex")
    assert not made.exists()


# --- how it looks


@pytest.mark.parametrize(
    "words", [("inspect", NEW), ("check", NEW), ("inspect", FOLDER / "sensor-1.1.0.elf"), ("delta", OLD, NEW)]
)
def test_a_pipe_has_80_columns(fuota, words):
    result = fuota("image", *words, "--region", "EU868")
    assert result.out
    assert max(map(len, result.out.splitlines())) <= 80


@pytest.mark.parametrize("columns", [60, 80, 120])
def test_a_terminal_has_the_columns_that_it_has(default_width, columns):
    leader, follower = pty.openpty()
    subprocess.run(["stty", "cols", str(columns)], stdin=follower, check=True)
    subprocess.run(
        [PROGRAM, "image", "check", NEW],
        stdin=follower,
        stdout=follower,
        stderr=follower,
        check=True,
        timeout=LONGEST_S,
        env=os.environ | {"TERM": "xterm"},
    )
    os.close(follower)
    shown = os.read(leader, 100_000).decode()
    os.close(leader)
    assert "\x1b[1m" in shown
    lines = [line for line in shown.replace("\r", "").splitlines() if "SHA-256" not in line]
    assert max(len(line.replace("\x1b[1m", "").replace("\x1b[0m", "")) for line in lines) <= columns


def test_a_name_that_would_move_the_cursor_is_shown_as_it_is_spelled(fuota, tmp_path):
    path = tmp_path / "a\x1b[2Jb.bin"
    path.write_bytes(NEW.read_bytes())
    result = fuota("image", "check", path)
    assert "\x1b" not in result.out
    assert "a\\x1b[2Jb.bin" in result.out
