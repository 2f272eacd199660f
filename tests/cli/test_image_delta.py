"""Command `fuota image delta`, and patches in `fuota image check` and `fuota plan`."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from tests.cli.plan_cases import codes, says_one_line

FOLDER = Path(__file__).parents[2] / "sample_firmware"
OLD, NEW = FOLDER / "sensor-1.0.0.bin", FOLDER / "sensor-1.1.0.bin"


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_delta_event_has_savings_and_needs_of_the_device(fuota, tmp_path):
    path = tmp_path / "app.patch"
    result = fuota("image", "delta", OLD, NEW, "-o", path, "--region", "EU868", "--json")
    event = result.event("delta")
    assert result.code == 0
    assert (event["base_sha256"], event["target_sha256"]) == (sha256(OLD), sha256(NEW))
    assert (event["bytes"], event["sha256"]) == (path.stat().st_size, sha256(path))
    assert event["airtime_us"] < event["target_airtime_us"] / 5
    assert (event["ram_bytes"], event["patch_type"], event["compression"]) == (256, "sequential", "heatshrink")


def test_delta_of_elf_and_hex_is_the_delta_of_the_binaries(fuota, tmp_path):
    paths = [tmp_path / "bins.patch", tmp_path / "others.patch"]
    fuota("image", "delta", OLD, NEW, "-o", paths[0])
    fuota("image", "delta", FOLDER / "sensor-1.0.0.elf", FOLDER / "sensor-1.1.0.hex", "-o", paths[1])
    assert paths[0].read_bytes() == paths[1].read_bytes() == (FOLDER / "sensor-1.0.0-to-1.1.0.patch").read_bytes()


def test_delta_warns_of_large_memory(fuota):
    result = fuota("image", "delta", OLD, NEW, "--compression", "lzma", "--json")
    assert codes(result) == {"delta-ram"}
    assert "not to a file: use -o" in fuota("image", "delta", OLD, NEW).out


def test_base_may_be_an_elf_file(fuota, patch):
    elf = FOLDER / "sensor-1.0.0.elf"
    plain, converted = (fuota("image", "check", patch, "--base", base, "--json") for base in (OLD, elf))
    assert plain.stdout == converted.stdout
    options = ("--region", "IN865", "--loss", "0.1", "--coded", "20", "--json")
    assert fuota("plan", patch, "--base", elf, *options).event("plan")["image"]["base_sha256"] == sha256(OLD)


def test_delta_refuses_a_damaged_image(fuota, tmp_path):
    signed, damaged = FOLDER / "sensor-1.0.0.signed.bin", tmp_path / "new.bin"
    for change in (lambda data: data[:5_000], lambda data: data[:400] + b"?" + data[401:], lambda data: data + b"tail"):
        damaged.write_bytes(change((FOLDER / "sensor-1.1.0.signed.bin").read_bytes()))
        result = fuota("image", "delta", signed, damaged, "-o", tmp_path / "no.patch")
        says_one_line(result, 3, "new.bin: ")
        says_one_line(fuota("image", "delta", damaged, signed), 3, "new.bin: ")
    assert not (tmp_path / "no.patch").exists()


def test_delta_shows_airtime_and_memory_that_it_saves(fuota):
    """The decoder (TS004-2.0.0 A.4: m(m + 1)/16 + 2m bytes) repairs a fifth of the fragments."""
    options = ("--region", "EU868", "-d", 0)
    event = fuota("image", "delta", OLD, NEW, *options, "--json").event("delta")
    for size, airtime, memory in (
        (event["bytes"], event["airtime_us"], event["decoder_ram_bytes"]),
        (event["target_bytes"], event["target_airtime_us"], event["target_decoder_ram_bytes"]),
    ):
        fragments = -(-size // 48)
        lost = -(-fragments // 5)
        assert airtime == fragments * 2_793_472
        assert memory == -(-lost * (lost + 33) // 16)
    text = fuota("image", "delta", OLD, NEW, *options).out
    assert f"{event['decoder_ram_bytes']} bytes of RAM instead of {event['target_decoder_ram_bytes']}" in text


@pytest.mark.parametrize(
    ("options", "code", "words"),
    [
        (["--in-place", "--memory-size", "4096"], 2, "nearest: "),
        (["--memory-size", "65536"], 2, "memory_size needs in_place"),
        (["--window", 5, "--lookahead", 5], 2, "lookahead must be 3 to 4, got 5"),
        (["-o", OLD], 2, "is the file that BASE reads"),
    ],
)
def test_delta_refuses_wrong_arguments_in_one_line(fuota, options, code, words):
    says_one_line(fuota("image", "delta", OLD, NEW, *options), code, words)


def test_plan_of_a_patch_has_the_hashes_of_base_and_target(fuota, patch):
    options = ("--region", "IN865", "--loss", "0.1", "--coded", "20", "--json")
    image = fuota("plan", patch, "--base", OLD, *options).event("plan")["image"]
    assert (image["base_sha256"], image["target_sha256"]) == (sha256(OLD), sha256(NEW))
    says_one_line(fuota("plan", OLD, "--base", NEW, *options[:-1]), 3, "it makes no image from this base")
