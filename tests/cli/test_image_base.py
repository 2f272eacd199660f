"""Command `fuota image`: patches that do not fit, repairs that are not offered, and long values."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.plan_cases import says_one_line
from tests.image import corpus

FOLDER = Path(__file__).parents[2] / "sample_firmware"
OLD, NEW = FOLDER / "sensor-1.0.0.bin", FOLDER / "sensor-1.1.0.bin"
SIGNED_OLD, SIGNED_PATCH = FOLDER / "sensor-1.0.0.signed.bin", FOLDER / "sensor-1.0.0-to-1.1.0.signed.patch"


def errors(result) -> list[str]:
    findings = [event for event in result.events if event["event"] == "finding"]
    return [finding["code"] for finding in findings if finding["severity"] == "error"]


@pytest.fixture
def damaged_base(tmp_path) -> Path:
    """Base from which the patch makes an image whose hash is wrong."""
    content = bytearray(SIGNED_OLD.read_bytes())
    content[1000:16000:100] = bytes(150)
    path = tmp_path / "other.bin"
    path.write_bytes(content)
    return path


def test_patch_that_does_not_fit_its_base_is_an_error(fuota):
    result = fuota("image", "check", NEW, "--base", OLD, "--json")
    assert (result.code, errors(result)) == (3, ["base"])
    assert result.event("image")["name"] == NEW.name


def test_truncated_patch_is_one_error(fuota, tmp_path):
    cut = tmp_path / "cut.patch"
    cut.write_bytes((FOLDER / "sensor-1.0.0-to-1.1.0.patch").read_bytes()[:1500])
    result = fuota("image", "check", cut, "--base", OLD, "--json")
    assert (result.code, errors(result)) == (3, ["structure"])


def test_plan_refuses_a_base_from_which_the_patch_makes_a_damaged_image(fuota, damaged_base, tmp_path):
    plan = tmp_path / "plan.json"
    options = ("--region", "IN865", "--loss", "0.1", "--coded", "20", "-o", plan)
    says_one_line(fuota("plan", SIGNED_PATCH, "--base", damaged_base, *options), 3, "target of sensor-", "(hash)")
    assert not plan.exists()


@pytest.mark.parametrize("requirement", ["flash_start = 0x0800_0000", 'formats = ["mcuboot"]', "signed = true"])
def test_convert_is_not_offered_if_it_does_not_remove_the_error(fuota, tmp_path, requirement):
    profile = tmp_path / "meter.toml"
    profile.write_text(f"[image]\n{requirement}\n")
    result = fuota("image", "check", FOLDER / "sensor-1.1.0.elf", "--profile", profile, "--json")
    assert (result.code, result.event("image")["mended_by"]) == (3, None)


def test_convert_is_offered_for_slot_padding_of_a_signed_image(fuota, tmp_path):
    padded, profile = tmp_path / "padded.bin", tmp_path / "meter.toml"
    padded.write_bytes(SIGNED_OLD.read_bytes().ljust(65536, b"\xff"))
    profile.write_text("[image]\nsigned = true\nmax_block_bytes = 24_200\n")
    run = ("--profile", profile, "--public-key", FOLDER / "test-key.pub.pem", "--json")
    result = fuota("image", "check", padded, *run)
    assert set(errors(result)) == {"slot-padding", "session"}
    assert "padded.stripped.bin" in result.event("image")["mended_by"]


def test_long_hardware_name_is_shown_uncut(fuota, tmp_path):
    """The two UUIDs of an mbed manifest are longer than a line."""
    image = tmp_path / "app.bin"
    image.write_bytes(corpus.mbed())
    hardware = fuota("image", "inspect", image, "--json").event("image")["hardware"]
    assert hardware in fuota("image", "inspect", image).out.replace("\n", "").replace(" ", "")
