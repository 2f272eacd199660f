"""Images of lorawan-fota-signing-tool, and files without magic number that must not be mistaken for them."""

from __future__ import annotations

from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fuota.device import inspect_patch
from fuota.errors import ImageError
from fuota.image import FirmwareImage, ImageFormat, SignatureState, check, make_delta
from fuota.image.delta import apply_patch
from tests.image import corpus

PATCH = corpus.jojodiff(corpus.OLD, corpus.FIRMWARE)


def test_signed_firmware(describe):
    description = describe(corpus.mbed())
    assert (description.format, description.version) == (ImageFormat.MBED_SIGNED, "1700000000")
    assert description.hardware == f"{UUID(bytes=b'M' * 16)}/{UUID(bytes=b'C' * 16)}"
    assert description.signature is SignatureState.PRESENT
    assert [part.size for part in description.parts] == [len(corpus.FIRMWARE), 113]
    assert description.findings == ()


def test_patch_states_the_length_of_its_base(describe, message_of):
    description = describe(corpus.mbed(patch=PATCH))
    assert f"a base of {len(corpus.OLD)} bytes" in message_of(description, "patch")
    assert f"it makes {len(corpus.FIRMWARE)} bytes" in message_of(description, "patch")
    assert (description.is_patch, description.image_bytes) == (True, len(corpus.FIRMWARE))
    assert description.parts[0].name == "patch"
    assert len(description.findings) == 1


def test_single_operation_is_a_patch_because_the_manifest_says_so(describe):
    description = describe(corpus.mbed(patch=corpus.jojodiff_operation("EQL", len(corpus.OLD))))
    assert description.image_bytes == len(corpus.OLD)
    assert [finding.code for finding in description.findings] == ["patch"]


def test_patch_of_another_kind_is_a_structure_error(describe, message_of):
    """The client applies every patch with janpatch."""
    for content in (make_delta(corpus.OLD, corpus.FIRMWARE).data, corpus.FIRMWARE, b"\xff" * 50):
        assert "not a patch of JojoDiff" in message_of(describe(corpus.mbed(patch=content)), "structure")


def test_patch_that_reads_more_than_its_base_is_a_structure_error(describe, message_of):
    block = corpus.mbed(patch=PATCH, base_bytes=8_000)
    assert "states that its base has 8000" in message_of(describe(block), "structure")
    assert "cut off" in message_of(describe(corpus.mbed(patch=PATCH + b"\xa7\xa3")), "structure")


@pytest.mark.parametrize("base", [corpus.OLD, corpus.mbed(corpus.OLD)], ids=["firmware", "block"])
def test_patch_with_its_base_is_verified_by_the_signature_over_its_target(base):
    patch = FirmwareImage.open(corpus.mbed(patch=PATCH))
    key = corpus.public_pem("p256")
    patch_check, target = inspect_patch(patch, base, public_key=key, signed=True, formats=("mbed-signed",))
    assert (patch_check.signature, target.signature) == (SignatureState.VERIFIED, SignatureState.VERIFIED)
    assert target.image.data == corpus.FIRMWARE
    assert patch_check.findings.errors == target.findings.errors == ()
    assert {"base-unproven", "signature-not-verified", "base-unknown"}.isdisjoint(patch_check.findings.codes)


def test_patch_with_its_base_and_without_a_key_is_not_verified():
    patch = FirmwareImage.open(corpus.mbed(patch=PATCH))
    patch_check, target = inspect_patch(patch, corpus.OLD)
    assert patch_check.ok
    assert target.ok
    assert "base-unproven" in patch_check.findings.codes
    assert "signature-not-verified" in target.findings.codes
    for result in inspect_patch(patch, corpus.OLD, signed=True):
        assert "unsigned" not in result.findings.codes
    assert [finding.code for finding in inspect_patch(patch, corpus.OLD, signed=True)[1].findings.errors] == [
        "signature-not-verified"
    ]


def test_patch_whose_target_is_not_the_signed_firmware_is_refused():
    key = corpus.public_pem("p256")
    other_base = corpus.OLD[:5000] + bytes([corpus.OLD[5000] ^ 1]) + corpus.OLD[5001:]
    for patch, base, public_key in (
        (corpus.mbed(patch=PATCH), other_base, key),
        (corpus.mbed(patch=PATCH), corpus.OLD, corpus.public_pem("p256", 1)),
        (corpus.mbed(corpus.OLD, patch=PATCH), corpus.OLD, key),
        (corpus.mbed(patch=PATCH), corpus.OLD, corpus.public_pem("rsa-2048")),
    ):
        patch_check, target = inspect_patch(FirmwareImage.open(patch), base, public_key=public_key)
        assert [finding.code for finding in target.findings.errors] == ["signature"]
        (message,) = [finding.message for finding in patch_check.findings if finding.code == "base-unproven"]
        assert "the base may be another image" in message


def test_base_of_another_length_is_refused():
    patch = corpus.mbed(patch=PATCH)
    for base in (corpus.OLD[:-1], corpus.OLD + b"\0", corpus.mbed(corpus.FIRMWARE), b""):
        with pytest.raises(ImageError, match=f"says that its base has {len(corpus.OLD)} bytes"):
            apply_patch(base, patch)
    with pytest.raises(ImageError, match="it is a whole image, not a patch"):
        apply_patch(corpus.OLD, corpus.mbed())


def test_requirements_of_a_patch_and_of_its_target():
    """The manifest states version and hardware of the target."""
    patch = FirmwareImage.open(corpus.mbed(patch=PATCH))
    hardware, size = patch.description.hardware, len(corpus.FIRMWARE)
    good = {
        "hardware": hardware,
        "running_version": "1600000000",
        "slot_bytes": size,
        "max_block_bytes": len(patch.data),
    }
    for result in inspect_patch(patch, corpus.OLD, **good):
        assert result.ok
        assert {"hardware-unknown", "version-unknown"}.isdisjoint(result.findings.codes)
    for changes, number, code in (
        ({"hardware": "another"}, 1, "hardware"),
        ({"running_version": "1800000000"}, 1, "downgrade"),
        ({"slot_bytes": size - 1}, 0, "flash"),
        ({"max_block_bytes": len(patch.data) - 1}, 0, "session"),
        ({"formats": ("mcuboot",)}, 0, "wrong-format"),
    ):
        result = inspect_patch(patch, corpus.OLD, **good | changes)[number]
        assert code in [finding.code for finding in result.findings.errors]


def test_patch_without_a_base():
    patch = FirmwareImage.open(corpus.mbed(patch=PATCH))
    assert "base-unknown" in check(patch).findings.codes
    assert check(patch).ok
    verified = check(patch, public_key=corpus.public_pem("p256"))
    (message,) = [finding.message for finding in verified.findings.errors]
    assert "name its base (--base)" in message


def test_damaged_manifest_is_not_recognised(describe):
    image = corpus.mbed()
    start = len(image) - 113
    for offset, value in ((start, 80), (start, 60), (start + 1, 0x31), (start + 3, 3), (start + 109, 2)):
        assert describe(image[:offset] + bytes([value]) + image[offset + 1 :]).format is not ImageFormat.MBED_SIGNED
    assert describe(image[-113:]).format is ImageFormat.RAW, "a manifest of nothing"
    assert describe(image + b"\0").format is ImageFormat.RAW


@given(st.binary(min_size=113, max_size=300))
def test_random_bytes_are_not_recognised(data):
    assert FirmwareImage.open(data).format is not ImageFormat.MBED_SIGNED
