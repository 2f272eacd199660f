"""Images of lorawan-fota-signing-tool, and files without magic number that must not be mistaken for them."""

from __future__ import annotations

from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from fuota.image import FirmwareImage, ImageFormat, SignatureState
from tests.image import corpus


def test_signed_firmware(describe):
    description = describe(corpus.mbed())
    assert (description.format, description.version) == (ImageFormat.MBED_SIGNED, "1700000000")
    assert description.hardware == f"{UUID(bytes=b'M' * 16)}/{UUID(bytes=b'C' * 16)}"
    assert description.signature is SignatureState.PRESENT
    assert [part.size for part in description.parts] == [len(corpus.FIRMWARE), 113]
    assert description.findings == ()


def test_patch_states_the_length_of_its_base(describe, message_of):
    description = describe(corpus.mbed(patch=b"\xa7 patch of jdiff"))
    assert f"a base of {len(corpus.OLD)} bytes" in message_of(description, "patch")
    assert description.parts[0].name == "patch"


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
