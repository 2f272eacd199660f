"""fuota.validate_image and the functions behind it: checks of an image for a device."""

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
    "image", [SAMPLE, str(SAMPLE), FIRMWARE, FirmwareImage.open(SAMPLE)], ids=["path", "text", "bytes", "open"]
)
def test_image_as_path_text_bytes_or_open(image):
    findings = fuota.validate_image(image, profile="lora-basics-modem")
    assert isinstance(findings, Findings)
    assert findings.ok
    assert not fuota.validate_image(image, profile="loramac-node").ok


@pytest.mark.parametrize("convert", [str, Path, load_profile], ids=["name", "path", "profile"])
def test_profile_as_name_path_or_value(convert, tmp_path):
    path = tmp_path / "small.toml"
    path.write_text("slot_bytes = 1000\n")
    assert fuota.validate_image(SAMPLE, profile=convert(path)).errors[0].code == "slot"


def test_bad_image_gives_findings(tmp_path):
    for image in (tmp_path / "none.bin", tmp_path, b"", b"\x7fELF", b":00", "nul\0l"):
        findings = fuota.validate_image(image)
        assert not findings.ok or "raw-too-short" in findings.codes
    assert fuota.validate_image(tmp_path / "none.bin").codes == ("unreadable",)


def test_slot_and_session_of_the_device_apply():
    nb_frag = -(-len(FIRMWARE) // 48)
    profile = DeviceProfile(max_nb_frag=200, max_frag_size=50, frag_size_multiple=8, slot_bytes=64_000)
    assert profile.image_requirements() == ImageRequirements(slot_bytes=64_000, max_block_bytes=200 * 48)
    assert fuota.validate_image(SAMPLE, profile=profile).errors[0].code == "session"
    assert fuota.validate_image(SAMPLE, profile=replace(profile, max_nb_frag=nb_frag)).ok
    assert not fuota.validate_image(SAMPLE, profile=replace(profile, max_nb_frag=nb_frag - 1)).ok


def test_image_table_overrides_the_device():
    requirements = ImageRequirements(slot_bytes=10, max_block_bytes=20)
    assert DeviceProfile(image=requirements).image_requirements() == requirements


def test_profile_file_has_an_image_table(tmp_path):
    path = tmp_path / "meter.toml"
    path.write_text(
        '[image]\nformats = ["mcuboot", "raw"]\nhardware = "STM32WL"\nflash_start = 0x0800_0000\nsigned = true\n'
    )
    assert load_profile(path).image == ImageRequirements(
        formats=("mcuboot", "raw"), hardware="STM32WL", flash_start=0x0800_0000, signed=True
    )
    assert fuota.validate_image(SAMPLE, profile=path).errors[0].code == "unsigned"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('formats = "raw"', "formats of image of meter.toml must be a list, got 'raw'"),
        ("formats = [1]", "each of formats of image of meter.toml must be a text, got 1"),
        ('formats = ["exe"]', "formats must be one of raw, intel-hex"),
        ("signed = 1", "signed of image of meter.toml must be true or false, got 1"),
        ("slots = 1", "has an unknown key 'slots' (did you mean 'slot_bytes'?)"),
    ],
)
def test_invalid_image_table_is_refused(tmp_path, text, words):
    path = tmp_path / "meter.toml"
    path.write_text("[image]\n" + text)
    with pytest.raises(ParameterError) as raised:
        load_profile(path)
    assert words in str(raised.value)


def test_open_image_keeps_its_requirements():
    image = FirmwareImage.open(SAMPLE, requirements=ImageRequirements(slot_bytes=100))
    assert fuota.validate_image(image).errors[0].code == "slot"


def test_single_requirements_replace_the_profile():
    assert inspect_image(SAMPLE, profile="loramac-node", slot_bytes=64_000, max_block_bytes=64_000).ok
    with pytest.raises(ImageError, match="cannot be read"):
        inspect_image("/no/such/image")


def test_target_of_a_patch_has_the_requirements_that_the_patch_has_not():
    old, patch = (
        FirmwareImage.open(SAMPLE.with_name(f"sensor-{name}")) for name in ("1.0.0.bin", "1.0.0-to-1.1.0.patch")
    )
    profile = DeviceProfile(image=ImageRequirements(signed=True, hardware="STM32WL"))
    patch_check, target_check = inspect_patch(patch, old.data, profile=profile)
    assert target_check.image.data == FIRMWARE
    assert {"unsigned", "hardware-unknown"} <= set(target_check.findings.codes)
    assert {"unsigned", "hardware-unknown"}.isdisjoint(patch_check.findings.codes)
    assert patch_check.image.requirements.base_sha256 == old.sha256
    with pytest.raises(ImageError, match="cannot be applied to this base"):
        inspect_patch(patch, old.data[:100])


def test_hash_in_the_target_proves_the_base():
    """A sequential patch of detools accepts any base; a hash in the target shows a wrong base."""
    for suffix, proves_base in (("", False), (".signed", True)):
        patch = FirmwareImage.open(SAMPLE.with_name(f"sensor-1.0.0-to-1.1.0{suffix}.patch"))
        old, new = (SAMPLE.with_name(f"sensor-{version}{suffix}.bin").read_bytes() for version in ("1.0.0", "1.1.0"))
        patch_check, target_check = inspect_patch(patch, old)
        assert target_check.image.data == new
        assert ("base-unproven" in patch_check.findings.codes) is not proves_base
        assert patch_check.ok
        severities = [finding.severity.value for finding in patch_check.findings]
        assert severities == sorted(severities, key=["error", "warning", "note"].index)
    wrong_base = bytes([old[300] ^ 1 if offset == 300 else byte for offset, byte in enumerate(old)])
    assert not inspect_patch(patch, wrong_base)[1].ok


def test_target_of_a_patch_needs_no_session():
    """A patch is sent because the image would not fit, and the devices may accept only patches."""
    patch = FirmwareImage.open(SAMPLE.with_name("sensor-1.0.0-to-1.1.0.patch"))
    old = SAMPLE.with_name("sensor-1.0.0.bin").read_bytes()
    for formats, codes in (("detools-patch",), []), (("detools-patch", "mcuboot"), ["wrong-format"]):
        requirements = ImageRequirements(max_block_bytes=len(patch.data), formats=formats)
        patch_check, target_check = inspect_patch(patch, old, profile=DeviceProfile(image=requirements))
        assert patch_check.ok
        assert [finding.code for finding in target_check.findings.errors] == codes
    patch_check, _ = inspect_patch(patch, old, max_block_bytes=len(patch.data) - 1, formats=("mcuboot",))
    assert {finding.code for finding in patch_check.findings.errors} == {"session", "wrong-format"}


def test_base_that_the_devices_do_not_run_is_an_error():
    patch = FirmwareImage.open(SAMPLE.with_name("sensor-1.0.0-to-1.1.0.patch"))
    old = SAMPLE.with_name("sensor-1.0.0.bin").read_bytes()
    assert inspect_patch(patch, old, base_sha256=hashlib.sha256(old).hexdigest())[0].ok
    patch_check, _ = inspect_patch(patch, old, base_sha256=hashlib.sha256(FIRMWARE).hexdigest())
    assert [finding.code for finding in patch_check.findings.errors] == ["base"]


def test_signature_beside_the_target_of_a_patch():
    patch = FirmwareImage.open(SAMPLE.with_name("sensor-1.0.0-to-1.1.0.patch"))
    old = SAMPLE.with_name("sensor-1.0.0.bin").read_bytes()
    key_and_signature = {
        "public_key": corpus.public_pem("ed25519"),
        "signature": corpus.private_key("ed25519").sign(FIRMWARE),
    }
    patch_check, target_check = inspect_patch(
        patch, old, profile=DeviceProfile(image=ImageRequirements(signed=True)), **key_and_signature
    )
    assert target_check.signature.value == "verified"
    assert patch_check.ok
    assert target_check.ok
    assert "base-unproven" not in patch_check.findings.codes


def test_target_of_a_patch_must_fit_the_slot():
    patch = SAMPLE.with_name("sensor-1.0.0-to-1.1.0.patch")
    assert fuota.validate_image(patch, profile=DeviceProfile(slot_bytes=len(FIRMWARE) - 1)).errors[0].code == "flash"
    assert fuota.validate_image(patch, profile=DeviceProfile(slot_bytes=len(FIRMWARE))).ok
    signed_only = DeviceProfile(image=ImageRequirements(signed=True))
    assert "name its base" in fuota.validate_image(patch, profile=signed_only).errors[0].message


def test_signature_as_bytes_path_or_text(tmp_path):
    signature = corpus.private_key("ed25519").sign(FIRMWARE)
    (tmp_path / "app.sig").write_bytes(signature)
    (tmp_path / "key.pem").write_bytes(corpus.public_pem("ed25519"))
    profile = DeviceProfile(image=ImageRequirements(signed=True))
    assert not fuota.validate_image(SAMPLE, profile=profile).ok
    for signature_source in (signature, tmp_path / "app.sig", str(tmp_path / "app.sig")):
        assert fuota.validate_image(
            SAMPLE, profile=profile, public_key=tmp_path / "key.pem", signature=signature_source
        ).ok
    with pytest.raises(ParameterError, match="the signature /no/such/signature cannot be read"):
        fuota.validate_image(SAMPLE, public_key=b"", signature="/no/such/signature")


def test_wrong_argument_raises():
    with pytest.raises(StorageError):
        fuota.validate_image(SAMPLE, profile="/no/such/profile")
    with pytest.raises(ParameterError, match="the public key /no/such/key cannot be read"):
        fuota.validate_image(SAMPLE, public_key="/no/such/key")


def test_public_names_and_parameters():
    assert {"FirmwareImage", "validate_image"} <= set(fuota.__all__)
    assert list(inspect.signature(fuota.validate_image).parameters) == ["image", "profile", "public_key", "signature"]


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: fuota.validate_image(b"x", profil="ideal"), "did you mean 'profile'"),
        (lambda: fuota.validate_image(b"x", profile=5), "profile must be a DeviceProfile or a text or a path or None"),
        (lambda: fuota.validate_image(b"x", public_key=3), "public_key must be bytes or a text or a path or None"),
        (lambda: fuota.validate_image(5), "image must be a text or a path or bytes or a FirmwareImage"),
        (lambda: inspect_image(b"x", slot_byts=5), "did you mean 'slot_bytes'"),
        (lambda: inspect_patch(b"x", b"y"), "patch must be a FirmwareImage"),
        (lambda: load_profile(7), "path_or_name must be a text or a path, got 7"),
        (lambda: DeviceProfile(max_frag=5), "DeviceProfile has no parameter 'max_frag'"),
        (lambda: DeviceProfile(version="1"), "version must be a whole number, got '1'"),
    ],
)
def test_argument_of_the_wrong_kind_raises_parameter_error(call, words):
    with pytest.raises(ParameterError, match=words):
        call()
