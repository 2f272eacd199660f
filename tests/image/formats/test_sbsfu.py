"""ST SBSFU images, put together by UM2262: ST's tool is not to be had here."""

from __future__ import annotations

import pytest

from fuota.image import ImageFormat, SignatureState
from tests.image import corpus


@pytest.mark.parametrize("header_bytes", [320, 192])
def test_in_clear(describe, complaint, header_bytes):
    found = describe(corpus.sbsfu(header_bytes=header_bytes), sbsfu_header_bytes=header_bytes)
    assert (found.format, found.version, found.encrypted) == (ImageFormat.SBSFU, "7", False)
    assert found.digests[0].matches
    assert found.signature is SignatureState.PRESENT
    assert f"protocol version 1, header taken to have {header_bytes} bytes" in complaint(found, "sbsfu-protocol")
    assert len(found.findings) == 1


def test_encrypted(describe):
    found = describe(corpus.sbsfu(encrypted=True))
    assert found.encrypted
    assert found.digests[0].matches is None
    assert len(found.findings) == 1


@pytest.mark.parametrize("magic", [b"SFU2", b"SFU3", b"SFUM"])
def test_other_slots_and_the_older_magic(describe, magic):
    assert describe(magic + corpus.sbsfu()[4:]).format is ImageFormat.SBSFU


@pytest.mark.parametrize("kept", [4, 191, 319, 320, 1000, -1])
def test_every_way_to_cut_it_off_is_found(describe, complaint, kept):
    assert "cut off" in complaint(describe(corpus.sbsfu()[:kept]), "structure")


def test_what_follows(describe, complaint):
    padded = corpus.sbsfu() + bytes(-len(corpus.FIRMWARE) % 16)
    assert [one.code for one in describe(padded).findings] == ["sbsfu-protocol"]
    assert "16 bytes follow" in complaint(describe(corpus.sbsfu() + b"\xff" * 16), "trailing")
    assert "1 bytes follow" in complaint(describe(corpus.sbsfu() + b"x"), "trailing")
