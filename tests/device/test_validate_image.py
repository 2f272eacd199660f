"""fuota.validate_image: an image, by whatever it is given, against a device."""

from __future__ import annotations

import hashlib
import inspect
from dataclasses import replace
from pathlib import Path

import pytest

import fuota
from fuota.device import DeviceProfile, inspect_image, inspect_patch, load_profile
from fuota.errors import ImageError, ParameterError, StorageError
from fuota.findings import Findings
from fuota.image import FirmwareImage, ImageRequirements
from tests.image import corpus

SAMPLE = Path(__file__).parents[2] / "sample_firmware" / "sensor-1.1.0.bin"
FIRMWARE = SAMPLE.read_bytes()


@pytest.mark.parametrize(
    "image", [SAMPLE, str(SAMPLE), FIRMWARE, FirmwareImage.open(SAMPLE)], ids=["path", "text", "octets", "open"]
)
def test_an_image_in_any_shape(image):
    findings = fuota.validate_image(image, profile="lora-basics-modem")
    assert isinstance(findings, Findings)
    assert findings.ok
    assert not fuota.validate_image(image, profile="loramac-node").ok


@pytest.mark.parametrize("of", [str, Path, load_profile], ids=["name", "path", "profile"])
def test_a_profile_in_any_shape(of, tmp_path):
    path = tmp_path / "small.toml"
    path.write_text("slot_bytes = 1000\n")
    assert fuota.validate_image(SAMPLE, profile=of(path)).errors[0].code == "slot"


def test_no_image_raises(tmp_path):
    for image in (tmp_path / "none.bin", tmp_path, b"", b"\x7fELF", b":00", "nul\0l"):
        findings = fuota.validate_image(image)
        assert not findings.ok or "raw-too-short" in findings.codes
    assert fuota.validate_image(tmp_path / "none.bin").codes == ("unreadable",)


def test_the_slot_and_the_session_of_the_device_count():
    enough = -(-len(FIRMWARE) // 48)
    profile = DeviceProfile(max_nb_frag=200, max_frag_size=50, frag_size_multiple=8, slot_bytes=64_000)
    assert profile.image_requirements() == ImageRequirements(slot_bytes=64_000, max_block_bytes=200 * 48)
    assert fuota.validate_image(SAMPLE, profile=profile).errors[0].code == "session"
    assert fuota.validate_image(SAMPLE, profile=replace(profile, max_nb_frag=enough)).ok
    assert not fuota.validate_image(SAMPLE, profile=replace(profile, max_nb_frag=enough - 1)).ok


def test_what_the_table_of_images_says_goes_before():
    own = ImageRequirements(slot_bytes=10, max_block_bytes=20)
    assert DeviceProfile(image=own).image_requirements() == own


def test_a_profile_in_a_file_has_a_table_of_images(tmp_path):
    path = tmp_path / "meter.toml"
    path.write_text(
        '[image]\nformats = ["mcuboot", "raw"]\nhardware = "STM32WL"\nflash_start = 0x0800_0000\nsigned = true\n'
    )
    assert load_profile(path).image == ImageRequirements(
        formats=("mcuboot", "raw"), hardware="STM32WL", flash_start=0x0800_0000, signed=True
    )
    assert fuota.validate_image(SAMPLE, profile=path).errors[0].code == "unsigned"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('formats = "raw"', "formats of image of meter.toml must be a list, got 'raw'"),
        ("formats = [1]", "each of formats of image of meter.toml must be a text, got 1"),
        ('formats = ["exe"]', "formats must be one of raw, intel-hex"),
        ("signed = 1", "signed of image of meter.toml must be true or false, got 1"),
        ("slots = 1", "has an unknown key 'slots' (did you mean 'slot_bytes'?)"),
    ],
)
def test_what_no_table_of_images_has_is_refused(tmp_path, text, said):
    path = tmp_path / "meter.toml"
    path.write_text("[image]\n" + text)
    with pytest.raises(ParameterError) as refused:
        load_profile(path)
    assert said in str(refused.value)


def test_an_open_image_keeps_the_requirements_by_which_it_was_opened():
    image = FirmwareImage.open(SAMPLE, requirements=ImageRequirements(slot_bytes=100))
    assert fuota.validate_image(image).errors[0].code == "slot"


def test_requirements_may_be_said_one_by_one():
    assert inspect_image(SAMPLE, profile="loramac-node", slot_bytes=64_000, max_block_bytes=64_000).ok
    with pytest.raises(ImageError, match="cannot be read"):
        inspect_image("/no/such/image")


def test_of_a_patch_what_it_makes_is_asked_for_the_rest():
    old, patch = (
        FirmwareImage.open(SAMPLE.with_name(f"sensor-{name}")) for name in ("1.0.0.bin", "1.0.0-to-1.1.0.patch")
    )
    profile = DeviceProfile(image=ImageRequirements(signed=True, hardware="STM32WL"))
    of_patch, of_target = inspect_patch(patch, old.data, profile=profile)
    assert of_target.image.data == FIRMWARE
    assert {"unsigned", "hardware-unknown"} <= set(of_target.findings.codes)
    assert {"unsigned", "hardware-unknown"}.isdisjoint(of_patch.findings.codes)
    assert of_patch.image.requirements.base_sha256 == old.sha256
    with pytest.raises(ImageError, match="cannot be applied to this base"):
        inspect_patch(patch, old.data[:100])


def test_what_proves_that_a_patch_was_given_its_base():
    """A sequential patch of detools takes any base; a hash in what comes out shows another."""
    for kind, proven in (("", False), (".signed", True)):
        patch = FirmwareImage.open(SAMPLE.with_name(f"sensor-1.0.0-to-1.1.0{kind}.patch"))
        old, new = (SAMPLE.with_name(f"sensor-{version}{kind}.bin").read_bytes() for version in ("1.0.0", "1.1.0"))
        of_patch, of_target = inspect_patch(patch, old)
        assert of_target.image.data == new
        assert ("base-unproven" in of_patch.findings.codes) is not proven
        assert of_patch.ok
        severities = [one.severity.value for one in of_patch.findings]
        assert severities == sorted(severities, key=["error", "warning", "note"].index)
    wrong_base = bytes([old[300] ^ 1 if at == 300 else octet for at, octet in enumerate(old)])
    assert not inspect_patch(patch, wrong_base)[1].ok


def test_what_a_patch_makes_goes_into_no_session():
    """A patch is sent because the image would not fit, to devices that may take nothing but patches."""
    patch = FirmwareImage.open(SAMPLE.with_name("sensor-1.0.0-to-1.1.0.patch"))
    old = SAMPLE.with_name("sensor-1.0.0.bin").read_bytes()
    for formats, wrong in (("detools-patch",), []), (("detools-patch", "mcuboot"), ["wrong-format"]):
        asked = ImageRequirements(max_block_bytes=len(patch.data), formats=formats)
        of_patch, of_target = inspect_patch(patch, old, profile=DeviceProfile(image=asked))
        assert of_patch.ok
        assert [one.code for one in of_target.findings.errors] == wrong
    of_patch, _ = inspect_patch(patch, old, max_block_bytes=len(patch.data) - 1, formats=("mcuboot",))
    assert {one.code for one in of_patch.findings.errors} == {"session", "wrong-format"}


def test_a_base_that_is_not_what_the_devices_run():
    patch = FirmwareImage.open(SAMPLE.with_name("sensor-1.0.0-to-1.1.0.patch"))
    old = SAMPLE.with_name("sensor-1.0.0.bin").read_bytes()
    assert inspect_patch(patch, old, base_sha256=hashlib.sha256(old).hexdigest())[0].ok
    of_patch, _ = inspect_patch(patch, old, base_sha256=hashlib.sha256(FIRMWARE).hexdigest())
    assert [one.code for one in of_patch.findings.errors] == ["base"]


def test_a_signature_beside_what_a_patch_makes():
    patch = FirmwareImage.open(SAMPLE.with_name("sensor-1.0.0-to-1.1.0.patch"))
    old = SAMPLE.with_name("sensor-1.0.0.bin").read_bytes()
    said = {"public_key": corpus.public_pem("ed25519"), "signature": corpus.private_key("ed25519").sign(FIRMWARE)}
    of_patch, of_target = inspect_patch(patch, old, profile=DeviceProfile(image=ImageRequirements(signed=True)), **said)
    assert of_target.signature.value == "verified"
    assert of_patch.ok
    assert of_target.ok
    assert "base-unproven" not in of_patch.findings.codes


def test_what_a_patch_makes_must_fit_the_slot():
    patch = SAMPLE.with_name("sensor-1.0.0-to-1.1.0.patch")
    assert fuota.validate_image(patch, profile=DeviceProfile(slot_bytes=len(FIRMWARE) - 1)).errors[0].code == "flash"
    assert fuota.validate_image(patch, profile=DeviceProfile(slot_bytes=len(FIRMWARE))).ok
    signed_only = DeviceProfile(image=ImageRequirements(signed=True))
    assert "name its base" in fuota.validate_image(patch, profile=signed_only).errors[0].message


def test_a_signature_in_any_shape(tmp_path):
    signature = corpus.private_key("ed25519").sign(FIRMWARE)
    (tmp_path / "app.sig").write_bytes(signature)
    (tmp_path / "key.pem").write_bytes(corpus.public_pem("ed25519"))
    profile = DeviceProfile(image=ImageRequirements(signed=True))
    assert not fuota.validate_image(SAMPLE, profile=profile).ok
    for beside in (signature, tmp_path / "app.sig", str(tmp_path / "app.sig")):
        assert fuota.validate_image(SAMPLE, profile=profile, public_key=tmp_path / "key.pem", signature=beside).ok
    with pytest.raises(ParameterError, match="the signature /no/such/signature cannot be read"):
        fuota.validate_image(SAMPLE, public_key=b"", signature="/no/such/signature")


def test_what_is_wrong_with_the_arguments_is_no_finding():
    with pytest.raises(StorageError):
        fuota.validate_image(SAMPLE, profile="/no/such/profile")
    with pytest.raises(ParameterError, match="the public key /no/such/key cannot be read"):
        fuota.validate_image(SAMPLE, public_key="/no/such/key")


def test_the_public_names():
    assert {"FirmwareImage", "validate_image"} <= set(fuota.__all__)
    assert list(inspect.signature(fuota.validate_image).parameters) == ["image", "profile", "public_key", "signature"]
