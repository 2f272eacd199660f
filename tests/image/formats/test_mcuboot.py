"""MCUboot images, made by imgtool."""

from __future__ import annotations

import struct
from uuid import NAMESPACE_DNS, uuid5

import pytest

from fuota.errors import ImageError
from fuota.image import FirmwareImage, ImageFormat, SignatureState, convert
from tests.image import corpus

SIGNED = corpus.imgtool(key="ed25519")
KEYS = ("rsa-2048", "rsa-3072", "p256", "p384", "ed25519")


@pytest.mark.parametrize("key", KEYS)
def test_signed_by_any_kind_of_key(describe, key):
    found = describe(corpus.imgtool(key=key))
    assert found.format is ImageFormat.MCUBOOT
    assert found.version == "1.2.3"
    assert found.signature is SignatureState.PRESENT
    assert found.findings == ()
    (digest,) = found.digests
    assert digest.matches
    assert digest.algorithm == ("sha384" if key == "p384" else "sha256" if key != "ed25519" else digest.algorithm)


def test_its_parts_cover_the_file():
    for image in (SIGNED, corpus.imgtool("-d", "(0,1.0.0+0)", key="p256")):
        parts = FirmwareImage.open(image).description.parts
        assert [part.name for part in parts] == ["header", "image", "TLVs"]
        assert [part.offset for part in parts] == [0, parts[0].size, parts[0].size + parts[1].size]
        assert sum(part.size for part in parts) == len(image)
        assert image[parts[1].offset :].startswith(corpus.FIRMWARE)


def test_the_key_is_named_by_its_hash(describe):
    for number in (0, 1):
        image = corpus.imgtool(key="ed25519", number=number)
        assert bytes.fromhex(describe(image).key_sha256) in image
    assert describe(corpus.imgtool(key="ed25519", number=1)).key_sha256 != describe(SIGNED).key_sha256


def test_a_hash_alone_is_no_signature(describe):
    found = describe(corpus.imgtool())
    assert found.signature is SignatureState.HASH_ONLY
    assert found.key_sha256 is None


def test_a_version_with_a_build_number(describe):
    assert describe(corpus.imgtool("-v", "1.2.3+45", key="ed25519")).version == "1.2.3+45"


def test_protected_tlvs_are_told(describe, complaint):
    found = describe(corpus.imgtool("-d", "(0,1.0.0+0)", "-s", "9", key="p256"))
    assert "1 other images" in complaint(found, "dependency")
    assert "security counter 9" in complaint(found, "security-counter")
    assert all(digest.matches for digest in found.digests), "the hash covers them"


def test_a_vendor_s_own_tlvs_are_no_surprise(describe):
    options = ("--custom-tlv", "0xa0", "ours", "--vid", "example.com", "--cid", "sensor", "--boot-record", "CoFM")
    assert describe(corpus.imgtool(*options, key="ed25519")).findings == ()


def test_tlvs_that_mcuboot_does_not_define_are_told(describe, complaint):
    more = struct.pack("<HH", 0x0666, 2) + b"??"
    area = len(SIGNED) - describe(SIGNED).parts[2].size
    magic, size = struct.unpack_from("<HH", SIGNED, area)
    image = SIGNED[:area] + struct.pack("<HH", magic, size + len(more)) + SIGNED[area + 4 :] + more
    assert "0x666" in complaint(describe(image), "unknown-tlv")


@pytest.mark.parametrize("encrypt", ["p256", "rsa-2048"])
def test_of_an_encrypted_image_the_hash_cannot_be_told(describe, encrypt):
    found = describe(corpus.imgtool(key="p256" if encrypt == "p256" else "rsa-2048", encrypt=encrypt))
    assert found.encrypted
    assert [digest.matches for digest in found.digests] == [None]
    assert found.signature is SignatureState.PRESENT
    assert found.findings == ()


def test_a_load_address_is_where_the_image_lies(describe):
    found = describe(corpus.imgtool("-L", "0x20001000", key="ed25519"))
    assert found.address_range[0] == 0x2000_1000
    assert found.parts[1].address == 0x2000_1000 + corpus.HEADER_BYTES


@pytest.mark.parametrize("options", [("--pad",), ("--confirm",), ("--test",), ("--pad", "-R", "0")], ids=" ".join)
def test_the_padding_of_a_slot_is_an_error_and_stripped(describe, complaint, options):
    padded = corpus.imgtool(*options, key="ed25519")
    assert len(padded) == corpus.SLOT_BYTES
    assert f"of {corpus.SLOT_BYTES} bytes are padding" in complaint(describe(padded), "slot-padding")
    assert convert(FirmwareImage.open(padded)).data == corpus.imgtool(*options[1:], key="ed25519")


def test_what_else_follows_is_an_error_and_not_stripped(describe, complaint):
    for tail in (b"x", bytes(50) + b"x", b"\xff" * 200 + b"x" + b"\xff" * 200):
        assert f"{len(tail)} bytes follow" in complaint(describe(SIGNED + tail), "trailing")
        with pytest.raises(ImageError, match="no padding of a slot"):
            convert(FirmwareImage.open(SIGNED + tail, requirements=None))


def test_damage_is_found_by_the_hash(describe, complaint):
    for at in (40, 100, len(corpus.FIRMWARE)):
        damaged = bytearray(SIGNED)
        damaged[at] ^= 0x10
        assert "damaged" in complaint(describe(bytes(damaged)), "hash")


def test_without_a_hash_mcuboot_refuses_it(describe, complaint):
    area = len(SIGNED) - describe(SIGNED).parts[2].size
    assert "it has no hash" in complaint(describe(SIGNED[:area] + struct.pack("<HH", 0x6907, 4)), "hash")


def test_every_way_to_cut_it_off_is_found(describe, complaint):
    area = len(SIGNED) - describe(SIGNED).parts[2].size
    for kept in (4, 31, 32, 5_000, area - 1, area, area + 3, area + 4, area + 20, len(SIGNED) - 1):
        assert describe(SIGNED[:kept]).format is ImageFormat.MCUBOOT
        assert complaint(describe(SIGNED[:kept]), "structure")


@pytest.mark.parametrize(
    ("at", "value", "said"),
    [
        (8, struct.pack("<H", 31), "says that it has 31 bytes"),
        (12, struct.pack("<I", 0xFFFF_FFFF), "was cut off, or never signed"),
        (12, struct.pack("<I", 5_000), "there are no TLVs"),
        (10, struct.pack("<H", 40), "there are no protected TLVs"),
    ],
)
def test_sizes_that_do_not_add_up(describe, complaint, at, value, said):
    image = SIGNED[:at] + value + SIGNED[at + len(value) :]
    assert said in complaint(describe(image), "structure")


def test_protected_tlvs_of_another_length_than_the_header_says(describe, complaint):
    image = bytearray(corpus.imgtool("-s", "9", key="ed25519"))
    struct.pack_into("<H", image, 10, struct.unpack_from("<H", image, 10)[0] + 1)
    assert "protected TLVs, there are" in complaint(describe(bytes(image)), "structure")


def test_a_tlv_that_reaches_beyond_its_area(describe, complaint):
    area = len(SIGNED) - describe(SIGNED).parts[2].size
    image = bytearray(SIGNED)
    struct.pack_into("<H", image, area + 6, 60_000)
    assert "reaches beyond" in complaint(describe(bytes(image)), "structure")


def test_vendor_and_class_are_the_hardware(describe):
    """imgtool makes both of a name (UUID version 5)."""
    found = describe(corpus.imgtool("--vid", "example.com", "--cid", "sensor", key="ed25519"))
    vendor = uuid5(NAMESPACE_DNS, "example.com")
    assert found.hardware == f"{vendor}/{uuid5(vendor, 'sensor')}"
    assert describe(SIGNED).hardware is None
