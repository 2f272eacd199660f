"""Commands `fuota image inspect`, `check` and `convert`."""

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


def test_inspect_shows_format_size_hash_and_addresses(fuota):
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


def test_inspect_shows_a_damaged_image_with_exit_code_0(fuota, tmp_path):
    junk = tmp_path / "junk.elf"
    junk.write_bytes(b"\x7fELF and nothing else")
    result = fuota("image", "inspect", junk, "--json")
    assert result.code == 0
    assert not result.event("image")["ok"]
    assert "structure" in codes(result)


def test_image_event_has_all_values(fuota):
    event = fuota("image", "inspect", NEW, "--json").event("image")
    assert event["name"] == "sensor-1.1.0.bin"
    assert (event["format"], event["bytes"], event["sha256"]) == ("raw", len(NEW.read_bytes()), sha256(NEW))
    assert (event["signature"], event["version"], event["ok"]) == ("none", None, True)
    assert 7 < event["entropy_bits"] < 7.3
    assert 0 < event["filler_bytes"] < 2000
    assert event["airtime_us"] is None


def test_airtime_is_that_of_the_uncoded_fragments(fuota):
    event = fuota("image", "inspect", NEW, "--region", "EU868", "-d", 0, "--json").event("image")
    fragments, size = -(-event["bytes"] // 48), event["bytes"] - event["filler_bytes"]
    assert event["airtime_us"] == fragments * 2_793_472  # each frame has 64 bytes at SF12
    wasted_s = (fragments - -(-size // 48)) * 2.793472
    text = f"{fragments * 2.793472:.1f} s in uncoded fragments; {wasted_s:.1f} s of it for filler"
    assert text in fuota("image", "inspect", NEW, "--region", "EU868").out


def test_inspect_reads_a_pipe(fuota):
    result = fuota("image", "inspect", "-", "--json", stdin=NEW.read_bytes())
    assert result.event("image")["sha256"] == sha256(NEW)


# --- check


def test_image_without_errors_has_exit_code_0(fuota):
    result = fuota("image", "check", NEW)
    assert result.code == 0
    assert result.out.endswith("sensor-1.1.0.bin can be sent, with 1 warning.\n")
    assert result.err == ""


def test_image_with_an_error_has_exit_code_3(fuota, small):
    result = fuota("image", "check", NEW, "--profile", small)
    assert result.code == 3
    assert f"{len(NEW.read_bytes()) - 12_000} too many" in result.out
    assert result.out.endswith("sensor-1.1.0.bin must not be sent: 1 error.\n")
    result = fuota("image", "check", NEW, "--profile", small, "--json")
    assert (result.code, kinds(result)[0]) == (3, "image")
    assert {"slot", "no-container"} <= codes(result)


@pytest.mark.parametrize(
    ("options", "code", "finding"),
    [
        (["--running-version", "1.0.9"], 0, None),
        (["--running-version", "1.1.1"], 3, "downgrade"),
        (["--running-version", "1.1.1", "--downgrade"], 0, "downgrade"),
        (["--running-version", "1.1.0"], 0, "same-version"),
    ],
)
def test_version_is_compared_with_the_running_version(fuota, options, code, finding):
    result = fuota("image", "check", FOLDER / "sensor-1.1.0.signed.bin", *options, "--json")
    assert result.code == code
    assert (finding in codes(result)) == (finding is not None)
    assert result.event("image")["version"] == "1.1.0"


def test_options_override_the_running_version_of_the_profile(fuota, tmp_path):
    profile = tmp_path / "meter.toml"
    profile.write_text('[image]\nrunning_version = "2.0"\n')
    run = ("image", "check", FOLDER / "sensor-1.1.0.signed.bin", "--profile", profile)
    assert fuota(*run).code == 3
    assert fuota(*run, "--running-version", "1.0").code == 0
    profile.write_text('[image]\nrunning_version = "2.0"\ndowngrade = true\n')
    assert fuota(*run).code == 0


def test_strict_refuses_an_image_with_a_warning(fuota):
    assert fuota("image", "check", NEW, "--strict").code == 3


def test_errors_are_shown_with_code_and_remedy(fuota):
    result = fuota("image", "check", FOLDER / "sensor-1.1.0.hex")
    assert result.code == 3
    assert "(not-binary)" in result.out
    paths = f"{FOLDER / 'sensor-1.1.0.hex'} -o {FOLDER / 'sensor-1.1.0.bin'}"
    assert result.out.endswith(f"This makes an image that can be sent: fuota image convert {paths}\n")
    piped = fuota("image", "check", "-", stdin=(FOLDER / "sensor-1.1.0.hex").read_bytes())
    assert piped.out.endswith("This makes an image that can be sent: fuota image convert - -o image.bin\n")


def test_convert_is_not_offered_if_it_would_be_refused(fuota, tmp_path):
    far = tmp_path / "far.hex"
    far.write_text(":0100000061 9E\n:020000048000 7A\n:01000000629D\n:00000001FF\n".replace(" ", ""))
    result = fuota("image", "check", far, "--json")
    assert result.event("image")["mended_by"] is None
    assert {"gaps", "not-binary"} <= codes(result)
    assert "0x80000000-0x80000001" in result.out
    options = ("--address-range", "0x80000000-0x80000001", "-o", tmp_path / "part.bin")
    assert fuota("image", "convert", far, *options).code == 0
    assert (tmp_path / "part.bin").read_bytes() == b"b"


def test_offered_command_strips_the_padding_of_a_slot(fuota, tmp_path, monkeypatch):
    padded = tmp_path / "padded.bin"
    padded.write_bytes((FOLDER / "sensor-1.1.0.signed.bin").read_bytes().ljust(65_536, b"\xff"))
    event = fuota("image", "check", padded, "--json").event("image")
    program, *command = event["mended_by"].split()
    monkeypatch.chdir(tmp_path)
    assert program == "fuota"
    assert fuota(*command).code == 0
    assert (tmp_path / "padded.stripped.bin").read_bytes() == (FOLDER / "sensor-1.1.0.signed.bin").read_bytes()
    assert fuota("image", "check", tmp_path / "padded.stripped.bin").code == 0


def test_signature_is_verified_with_the_public_key(fuota, tmp_path):
    signed, key = FOLDER / "sensor-1.1.0.signed.bin", FOLDER / "test-key.pub.pem"
    assert "signature  verified" in fuota("image", "check", signed, "--public-key", key).out
    other = tmp_path / "other.pem"
    other.write_bytes(corpus.public_pem("ed25519"))
    result = fuota("image", "check", signed, "--public-key", other)
    assert (result.code, "(other-key)" in result.out) == (3, True)
    assert fuota("image", "check", NEW, "--public-key", key, "--json").code == 3


def test_detached_signature_is_verified(fuota, tmp_path):
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
        ([NEW, "--data-rate", 3], 2, "--data-rate needs --region"),
        ([NEW, "--region", "EU00"], 2, "unknown region 'EU00'"),
    ],
)
def test_check_refuses_wrong_arguments_in_one_line(fuota, options, code, words):
    says_one_line(fuota("image", "check", *options), code, words)


def test_patch_is_checked_with_the_image_it_makes(fuota, patch, small):
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
def test_convert_writes_the_binary(fuota, tmp_path, suffix):
    output = tmp_path / "made.bin"
    result = fuota("image", "convert", FOLDER / f"sensor-1.1.0.{suffix}", "-o", output, "--json")
    assert result.code == 0
    assert output.read_bytes() == NEW.read_bytes()
    assert result.event("converted") == {
        "event": "converted",
        "output": str(output),
        "bytes": len(NEW.read_bytes()),
        "sha256": sha256(NEW),
        "format": "raw",
    }


def test_convert_writes_to_a_pipe(fuota):
    result = fuota("image", "convert", FOLDER / "sensor-1.1.0.hex", "-o", "-")
    assert (result.code, result.stdout) == (0, NEW.read_bytes())


def test_convert_leaves_a_binary_unchanged(fuota, tmp_path):
    output = tmp_path / "made.bin"
    result = fuota("image", "convert", NEW, "-o", output)
    assert output.read_bytes() == NEW.read_bytes()
    assert "unchanged" in result.err


def test_convert_fills_gaps_and_cuts_an_address_range(fuota, tmp_path):
    records = ":0400000001020304F2\n:0400080005060708DA\n:00000001FF\n"
    run = ("image", "convert", "-", "-o", "-")
    assert fuota(*run, stdin=records.encode()).stdout.hex() == "01020304ffffffff05060708"
    assert fuota(*run, "--fill", "0x00", stdin=records.encode()).stdout.hex() == "010203040000000005060708"
    assert fuota(*run, "--address-range", "0x8-0xA", stdin=records.encode()).stdout.hex() == "0506"


@pytest.mark.parametrize(
    ("options", "code", "words"),
    [
        (["-o", "-", "--fill", "300"], 2, "--fill must be 0 to 255, got 300 (nearest: 255)"),
        (["-o", "-", "--fill", "x"], 2, "'x' is not a whole number"),
        (["-o", "-", "--address-range", "8"], 2, "is not LOW-HIGH"),
        (["-o", "-", "--address-range", "9-8"], 2, "is empty"),
        (["-o", "/no/such/folder/made.bin"], 2, "cannot be written"),
    ],
)
def test_convert_refuses_wrong_arguments_in_one_line(fuota, options, code, words):
    says_one_line(fuota("image", "convert", FOLDER / "sensor-1.1.0.hex", *options), code, words)


def test_convert_does_not_overwrite_its_source(fuota, tmp_path):
    source = tmp_path / "app.hex"
    source.write_bytes((FOLDER / "sensor-1.1.0.hex").read_bytes())
    result = fuota("image", "convert", source, "-o", source)
    assert result.code == 2
    assert "name another file" in result.complaint
    assert source.read_bytes() == (FOLDER / "sensor-1.1.0.hex").read_bytes()


def test_convert_refuses_a_damaged_file(fuota, tmp_path):
    cut = tmp_path / "cut.hex"
    cut.write_bytes((FOLDER / "sensor-1.1.0.hex").read_bytes()[:-13])
    output = tmp_path / "made.bin"
    says_one_line(fuota("image", "convert", cut, "-o", output), 3, "no end record", "cut.hex")
    assert not output.exists()


# --- layout


@pytest.mark.parametrize(
    "words", [("inspect", NEW), ("check", NEW), ("inspect", FOLDER / "sensor-1.1.0.elf"), ("delta", OLD, NEW)]
)
def test_output_in_a_pipe_fits_80_columns(fuota, words):
    result = fuota("image", *words, "--region", "EU868")
    assert result.out
    assert max(map(len, result.out.splitlines())) <= 80


@pytest.mark.parametrize("columns", [60, 80, 120])
def test_output_fits_the_width_of_the_terminal(default_width, columns):
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


def test_control_characters_in_a_name_are_escaped(fuota, tmp_path):
    path = tmp_path / "a\x1b[2Jb.bin"
    path.write_bytes(NEW.read_bytes())
    result = fuota("image", "check", path)
    assert "\x1b" not in result.out
    assert "a\\x1b[2Jb.bin" in result.out
