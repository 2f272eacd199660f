"""Images of lorawan-fota-signing-tool: no magic number, so also what must not be taken for one."""

from __future__ import annotations

from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from fuota.image import FirmwareImage, ImageFormat, SignatureState
from tests.image import corpus


def test_firmware(describe):
    found = describe(corpus.mbed())
    assert (found.format, found.version) == (ImageFormat.MBED_SIGNED, "1700000000")
    assert found.hardware == f"{UUID(bytes=b'M' * 16)}/{UUID(bytes=b'C' * 16)}"
    assert found.signature is SignatureState.PRESENT
    assert [part.size for part in found.parts] == [len(corpus.FIRMWARE), 113]
    assert found.findings == ()


def test_a_patch_says_of_how_large_a_base_it_is(describe, complaint):
    found = describe(corpus.mbed(patch=b"\xa7 what jdiff writes"))
    assert f"a base of {len(corpus.OLD)} bytes" in complaint(found, "patch")
    assert found.parts[0].name == "patch"


def test_whatever_is_wrong_with_the_manifest_makes_it_none(describe):
    image = corpus.mbed()
    start = len(image) - 113
    for at, octet in ((start, 80), (start, 60), (start + 1, 0x31), (start + 3, 3), (start + 109, 2)):
        assert describe(image[:at] + bytes([octet]) + image[at + 1 :]).format is not ImageFormat.MBED_SIGNED
    assert describe(image[-113:]).format is ImageFormat.RAW, "a manifest of nothing"
    assert describe(image + b"\0").format is ImageFormat.RAW


@given(st.binary(min_size=113, max_size=300))
def test_random_octets_are_none(data):
    assert FirmwareImage.open(data).format is not ImageFormat.MBED_SIGNED
