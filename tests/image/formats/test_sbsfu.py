"""ST SBSFU images, built by UM2262 because ST's tool is not available here."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fuota.image import FirmwareImage, ImageFormat, ImageRequirements, SignatureState, check
from tests.image import corpus

PUBLIC = corpus.public_pem("p256")
OFFSETS = [(192, 192), (512, 192), (320, 320), (512, 320), (1024, 320), (2048, 320), (4096, 320)]
FIRMWARE = corpus.FIRMWARE[: len(corpus.FIRMWARE) // 16 * 16]


def signature_of(image: bytes) -> SignatureState:
    return check(FirmwareImage.open(image), public_key=PUBLIC).signature


def errors_of(image: bytes) -> list[str]:
    return [finding.code for finding in check(FirmwareImage.open(image), public_key=PUBLIC).findings.errors]


# --- where the firmware begins


@pytest.mark.parametrize(("offset", "header_bytes"), OFFSETS)
@pytest.mark.parametrize("encrypted", [False, True])
def test_firmware_is_found_at_every_offset(offset, header_bytes, encrypted):
    image = corpus.sbsfu(offset=offset, header_bytes=header_bytes, encrypted=encrypted)
    result = check(FirmwareImage.open(image), public_key=PUBLIC)
    assert result.findings.errors == ()
    assert [part.offset for part in result.image.description.parts] == [0, offset]
    assert result.signature is (SignatureState.BODY_NOT_READABLE if encrypted else SignatureState.VERIFIED)


def test_offset_of_the_profile_is_used(describe):
    description = describe(corpus.sbsfu(offset=1024), sbsfu_header_bytes=1024)
    assert description.digests[0].matches
    assert "trailing" in [
        finding.code for finding in describe(corpus.sbsfu(offset=1024), sbsfu_header_bytes=512).findings
    ]


@given(st.sampled_from(OFFSETS), st.binary(min_size=16, max_size=400).filter(lambda body: body.strip(b"\xff\0")))
def test_any_firmware_is_found(place, firmware):
    offset, header_bytes = place
    description = FirmwareImage.open(corpus.sbsfu(firmware, offset=offset, header_bytes=header_bytes)).description
    assert (description.parts[1].offset, description.digests[0].matches) == (offset, True)


def test_image_of_an_older_tool_states_no_partial_size(describe):
    image = bytearray(corpus.sbsfu())
    image[16:20] = bytes(4)
    assert describe(bytes(image)).digests[0].matches


@pytest.mark.parametrize("magic", [b"SFU2", b"SFU3", b"SFUM"])
def test_every_magic_number_is_recognised(describe, magic):
    assert describe(magic + corpus.sbsfu()[4:]).format is ImageFormat.SBSFU


# --- the scheme


def test_clear_image_has_a_checked_hash(describe, message_of):
    description = describe(corpus.sbsfu())
    assert (description.format, description.version, description.encrypted) == (ImageFormat.SBSFU, "7", False)
    assert description.digests[0].matches
    assert description.signature is SignatureState.PRESENT
    assert "protocol version 1, signed, not encrypted, firmware at byte 512" in message_of(
        description, "sbsfu-protocol"
    )
    assert len(description.findings) == 1


def test_encrypted_image_has_an_unchecked_hash(describe, message_of):
    description = describe(corpus.sbsfu(encrypted=True))
    assert description.encrypted
    assert description.digests[0].matches is None
    assert "encrypted with AES-CBC" in message_of(description, "sbsfu-protocol")
    assert len(description.findings) == 1


def test_gcm_image_has_a_mac_that_no_public_key_verifies(describe, message_of):
    description = describe(corpus.sbsfu_gcm())
    assert (description.encrypted, description.digests, description.version) == (True, (), "7")
    assert "AES-GCM" in message_of(description, "sbsfu-protocol")
    assert errors_of(corpus.sbsfu_gcm()) == ["signature-not-verified"]
    assert signature_of(corpus.sbsfu_gcm()) is SignatureState.PRESENT
    assert check(FirmwareImage.open(corpus.sbsfu_gcm())).ok


@pytest.mark.parametrize("vector", [None, b"0123456789abcdef"])
def test_damaged_clear_firmware_is_not_taken_for_an_encrypted_firmware(vector):
    image = bytearray(corpus.sbsfu(initialization_vector=vector))
    image[3000] ^= 4
    assert "hash" in errors_of(bytes(image))
    assert signature_of(bytes(image)) is SignatureState.WRONG


def test_encrypted_image_may_be_sent_if_a_signature_is_required():
    image = FirmwareImage.open(corpus.sbsfu(encrypted=True), requirements=ImageRequirements(signed=True))
    result = check(image, public_key=PUBLIC)
    assert result.ok
    assert [finding.code for finding in result.findings.warnings] == ["body-not-readable"]
    assert not check(image, public_key=corpus.public_pem("p256", 1)).ok


# --- partial images


@pytest.mark.parametrize("encrypted", [False, True])
def test_partial_image_is_checked_with_its_own_hash(describe, message_of, encrypted):
    image = corpus.sbsfu(FIRMWARE, part=(512, 1344), encrypted=encrypted)
    description = describe(image)
    words = message_of(description, "sbsfu-partial")
    assert f"832 bytes at offset 512 of a firmware of {len(FIRMWARE)} bytes" in words
    assert description.image_bytes == len(FIRMWARE)
    assert description.digests[0].matches is (None if encrypted else True)
    assert errors_of(image) == []


def test_whole_firmware_of_a_partial_image_must_fit_the_flash():
    requirements = ImageRequirements(slot_bytes=len(FIRMWARE) - 1)
    image = FirmwareImage.open(corpus.sbsfu(FIRMWARE, part=(512, 1344)), requirements=requirements)
    assert [finding.code for finding in check(image).findings.errors] == ["flash"]


# --- lengths


@pytest.mark.parametrize("encrypted", [False, True])
@pytest.mark.parametrize(("offset", "header_bytes"), OFFSETS)
@pytest.mark.parametrize("lost", [1, 16, 100, 128, 192, 256, 320, 512, 1024, 2048, 3584, 4000, 12_000])
def test_cut_off_file_is_a_structure_error(offset, header_bytes, lost, encrypted):
    image = corpus.sbsfu(offset=offset, header_bytes=header_bytes, encrypted=encrypted)
    assert "structure" in errors_of(image[:-lost])


@pytest.mark.parametrize("kept", [4, 191, 192, 319, 320, 512, 1000])
def test_file_that_ends_in_its_header_is_a_structure_error(describe, message_of, kept):
    assert "cut off" in message_of(describe(corpus.sbsfu()[:kept]), "structure")


@pytest.mark.parametrize(("offset", "header_bytes"), OFFSETS)
def test_bytes_behind_the_firmware_are_an_error(offset, header_bytes):
    image = corpus.sbsfu(offset=offset, header_bytes=header_bytes)
    assert errors_of(image + b"U" * 100) == ["trailing"]
    assert errors_of(image + b"\xff" * 16) == ["trailing"]


def test_firmware_padded_to_a_block_is_whole(describe):
    image = corpus.sbsfu(FIRMWARE[:-5])
    assert [finding.code for finding in describe(image + bytes(5)).findings] == ["sbsfu-protocol"]


def test_changed_filler_is_not_accepted():
    image = bytearray(corpus.sbsfu(offset=1024))
    image[700] = 0
    assert errors_of(bytes(image)) != []


@pytest.mark.parametrize("change", [-64, -5, 1, 64, 200])
def test_firmware_that_moved_in_its_file_is_an_error(change):
    image = corpus.sbsfu(offset=1024)
    moved = image[:400] + (b"\xff" * change if change > 0 else b"") + image[400 - min(change, 0) :]
    assert errors_of(moved) != []
