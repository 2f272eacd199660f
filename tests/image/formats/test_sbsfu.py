"""ST SBSFU images, built by UM2262 because ST's tool is not available here."""

from __future__ import annotations

import pytest

from fuota.image import ImageFormat, SignatureState
from tests.image import corpus


@pytest.mark.parametrize("header_bytes", [320, 192])
def test_unencrypted_image_has_a_checked_hash(describe, message_of, header_bytes):
    description = describe(corpus.sbsfu(header_bytes=header_bytes), sbsfu_header_bytes=header_bytes)
    assert (description.format, description.version, description.encrypted) == (ImageFormat.SBSFU, "7", False)
    assert description.digests[0].matches
    assert description.signature is SignatureState.PRESENT
    assert f"protocol version 1, header assumed to have {header_bytes} bytes" in message_of(
        description, "sbsfu-protocol"
    )
    assert len(description.findings) == 1


def test_encrypted_image_has_an_unchecked_hash(describe):
    description = describe(corpus.sbsfu(encrypted=True))
    assert description.encrypted
    assert description.digests[0].matches is None
    assert len(description.findings) == 1


@pytest.mark.parametrize("magic", [b"SFU2", b"SFU3", b"SFUM"])
def test_every_magic_number_is_recognised(describe, magic):
    assert describe(magic + corpus.sbsfu()[4:]).format is ImageFormat.SBSFU


@pytest.mark.parametrize("kept", [4, 191, 319, 320, 1000, -1])
def test_cut_off_file_is_a_structure_error(describe, message_of, kept):
    assert "cut off" in message_of(describe(corpus.sbsfu()[:kept]), "structure")


def test_trailing_bytes_are_an_error_unless_they_are_padding(describe, message_of):
    padded = corpus.sbsfu() + bytes(-len(corpus.FIRMWARE) % 16)
    assert [finding.code for finding in describe(padded).findings] == ["sbsfu-protocol"]
    assert "16 unexpected bytes follow" in message_of(describe(corpus.sbsfu() + b"\xff" * 16), "trailing")
    assert "1 unexpected bytes follow" in message_of(describe(corpus.sbsfu() + b"x"), "trailing")
