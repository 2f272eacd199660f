"""MCUboot images, made by imgtool."""

from __future__ import annotations

import struct
from uuid import NAMESPACE_DNS, uuid5

import pytest

from fuota.errors import ImageError
from fuota.image import FirmwareImage, ImageFormat, ImageRequirements, SignatureState, check, convert
from tests.image import corpus

SIGNED = corpus.imgtool(key="ed25519")
KEYS = ("rsa-2048", "rsa-3072", "p256", "p384", "ed25519")


@pytest.mark.parametrize("key", KEYS)
def test_image_signed_by_each_kind_of_key(describe, key):
    description = describe(corpus.imgtool(key=key))
    assert description.format is ImageFormat.MCUBOOT
    assert description.version == "1.2.3"
    assert description.signature is SignatureState.PRESENT
    assert description.findings == ()
    (digest,) = description.digests
    assert digest.matches
    assert digest.algorithm == ("sha384" if key == "p384" else "sha256" if key != "ed25519" else digest.algorithm)


def test_parts_cover_the_file():
    for image in (SIGNED, corpus.imgtool("-d", "(0,1.0.0+0)", key="p256")):
        parts = FirmwareImage.open(image).description.parts
        assert [part.name for part in parts] == ["header", "image", "TLVs"]
        assert [part.offset for part in parts] == [0, parts[0].size, parts[0].size + parts[1].size]
        assert sum(part.size for part in parts) == len(image)
        assert image[parts[1].offset :].startswith(corpus.FIRMWARE)


def test_key_is_named_by_its_hash(describe):
    for number in (0, 1):
        image = corpus.imgtool(key="ed25519", number=number)
        assert bytes.fromhex(describe(image).key_sha256) in image
    assert describe(corpus.imgtool(key="ed25519", number=1)).key_sha256 != describe(SIGNED).key_sha256


def test_hash_alone_is_not_a_signature(describe):
    description = describe(corpus.imgtool())
    assert description.signature is SignatureState.HASH_ONLY
    assert description.key_sha256 is None


def test_version_with_a_build_number(describe):
    assert describe(corpus.imgtool("-v", "1.2.3+45", key="ed25519")).version == "1.2.3+45"


def test_protected_tlvs_are_notes(describe, message_of):
    description = describe(corpus.imgtool("-d", "(0,1.0.0+0)", "-s", "9", key="p256"))
    assert "1 other images" in message_of(description, "dependency")
    assert "security counter 9" in message_of(description, "security-counter")
    assert all(digest.matches for digest in description.digests), "the hash covers them"


def test_tlvs_of_a_vendor_are_not_a_finding(describe):
    options = ("--custom-tlv", "0xa0", "ours", "--vid", "example.com", "--cid", "sensor", "--boot-record", "CoFM")
    assert describe(corpus.imgtool(*options, key="ed25519")).findings == ()


def with_tlv(image: bytes, kind: int, value: bytes) -> bytes:
    """Return the image with another unprotected TLV."""
    more = struct.pack("<HH", kind, len(value)) + value
    area = len(image) - FirmwareImage.open(image).description.parts[2].size
    magic, size = struct.unpack_from("<HH", image, area)
    return image[:area] + struct.pack("<HH", magic, size + len(more)) + image[area + 4 :] + more


@pytest.mark.parametrize("kind", [0x0666, 0x05, 0x40, 0x50, 0xA0])
def test_tlvs_that_mcuboot_refuses_outside_the_signed_area_are_an_error(describe, message_of, kind):
    assert hex(kind) in message_of(describe(with_tlv(SIGNED, kind, b"????")), "unprotected-tlv")


def test_undefined_protected_tlvs_are_a_warning(describe, message_of):
    image = corpus.imgtool("--custom-tlv", "0xa0", "ours", key="ed25519").replace(
        b"\xa0\x00\x04\x00ours", b"\x66\x06\x04\x00ours"
    )
    description = describe(image)
    assert "0x666" in message_of(description, "unknown-tlv")
    assert "unprotected-tlv" not in [finding.code for finding in description.findings]


# --- what a header says of its use


@pytest.mark.parametrize(
    ("requirements", "codes"),
    [
        ({"flash_start": 0x0800_0000, "flash_bytes": 0x40000}, []),
        ({"ram_start": 0x2000_0000, "ram_bytes": 0x20000}, []),
        ({"ram_start": 0x1000_0000, "ram_bytes": 0x4000}, ["address"]),
        ({"ram_start": 0x2001_0000, "ram_bytes": 0x1000}, ["address"]),
    ],
)
def test_image_that_runs_in_ram_is_compared_with_ram(requirements, codes):
    image = FirmwareImage.open(
        corpus.imgtool("-L", "0x20010000", key="p256"), requirements=ImageRequirements(**requirements)
    )
    assert [finding.code for finding in check(image).findings.errors] == codes


def test_image_at_a_fixed_address_is_compared_with_flash():
    requirements = ImageRequirements(flash_start=0x0800_0000, flash_bytes=0x8000)
    image = FirmwareImage.open(corpus.imgtool("-F", "0x08010000", key="p256"), requirements=requirements)
    assert [finding.code for finding in check(image).findings.errors] == ["address"]


def test_image_that_is_not_bootable_is_a_warning(describe, message_of):
    assert "not bootable" in message_of(describe(corpus.imgtool("--non-bootable", key="p256")), "non-bootable")


@pytest.mark.parametrize("compression", ["lzma2", "lzma2armthumb"])
def test_compressed_image_must_fit_the_slot_unpacked(describe, message_of, compression):
    image = corpus.imgtool("--compression", compression, key="p256")
    assert f"unpacked it has {len(corpus.FIRMWARE)} bytes" in message_of(describe(image), "compressed")
    assert len(image) < len(corpus.FIRMWARE)
    opened = FirmwareImage.open(image, requirements=ImageRequirements(slot_bytes=len(image)))
    assert [finding.code for finding in check(opened).findings.errors] == ["flash"]


@pytest.mark.parametrize("flags", [0x4, 0x8])
@pytest.mark.parametrize("options", [(), ("--compression", "lzma2")], ids=str)
def test_flag_of_encryption_without_a_key_hides_no_change(flags, options):
    """Without the TLV of a key no device can decrypt an image, so the hash is compared."""
    image = bytearray(corpus.imgtool(*options, key="p256", size=2_000))
    image[16] |= flags
    image[500] ^= 1
    result = check(FirmwareImage.open(bytes(image)), public_key=corpus.public_pem("p256"))
    assert "hash" in [finding.code for finding in result.findings.errors]
    assert result.signature is SignatureState.WRONG


@pytest.mark.parametrize("kind", range(0x30, 0x35))
def test_key_of_an_encryption_has_the_length_of_its_kind(describe, kind):
    image = corpus.imgtool(key="p256", encrypt="p256")
    other = image.replace(b"\x32\x00\x71\x00", bytes([kind]) + b"\x00\x71\x00")
    codes = [finding.code for finding in describe(other).findings]
    assert codes == ([] if kind == 0x32 else ["tlv-length"])


def test_image_in_ram_needs_room_for_header_and_tlvs():
    image = corpus.imgtool("-L", "0x20000000", key="p256")
    for size, codes in ((len(image), []), (len(image) - 1, ["address"])):
        requirements = ImageRequirements(ram_start=0x2000_0000, ram_bytes=size)
        result = check(FirmwareImage.open(image, requirements=requirements))
        assert [finding.code for finding in result.findings.errors] == codes


def test_image_at_address_zero_in_ram_is_compared():
    requirements = ImageRequirements(ram_start=0x2000_0000, ram_bytes=0x10000)
    image = bytearray(corpus.imgtool("-L", "0x20000000", key="p256"))
    image[4:8] = bytes(4)
    opened = FirmwareImage.open(bytes(image), requirements=requirements)
    assert "address" in [finding.code for finding in check(opened).findings]


@pytest.mark.parametrize(
    "tail",
    [
        bytes([1, 2, 3]) * 900 + struct.pack("<H", 32768) + bytes.fromhex("2de15d29410b8d77679c110f1f8a"),
        bytes([1]) * 100 + bytes.fromhex("77c295f360d2ef7f3552500f2cb67980"),
        b"\xff" * 100 + b"\x01\x01" + b"\xff" * 7 + bytes.fromhex("77c295f360d2ef7f3552500f2cb67980"),
    ],
)
def test_trailer_has_flags_only_at_the_places_of_its_fields(describe, message_of, tail):
    assert message_of(describe(SIGNED + tail), "trailing")


def test_big_endian_image_is_named(describe, message_of):
    image = corpus.imgtool("-e", "big", key="p256")
    assert "big-endian" in message_of(describe(image), "unsupported")
    assert describe(image).format is ImageFormat.MCUBOOT


def test_security_counter_has_four_bytes(describe, message_of):
    image = corpus.imgtool("--custom-tlv", "0xa0", "87654321", key="ed25519")
    image = image.replace(b"\xa0\x00\x08\x0087654321", b"\x50\x00\x08\x0087654321")
    assert "has 8 bytes" in message_of(describe(image), "security-counter")
    assert {finding.severity for finding in describe(image).findings} == {"error"}


def test_dependency_has_twelve_bytes(describe, message_of):
    image = corpus.imgtool("--custom-tlv", "0xa0", "87654321", key="ed25519")
    image = image.replace(b"\xa0\x00\x08\x0087654321", b"\x40\x00\x08\x0087654321")
    assert "must have 12 bytes" in message_of(describe(image), "dependency")


# --- encryption


@pytest.mark.parametrize("encrypt", ["p256", "rsa-2048"])
def test_hash_of_an_encrypted_image_is_not_checked(describe, encrypt):
    description = describe(corpus.imgtool(key="p256" if encrypt == "p256" else "rsa-2048", encrypt=encrypt))
    assert description.encrypted
    assert [digest.matches for digest in description.digests] == [None]
    assert description.signature is SignatureState.PRESENT
    assert description.findings == ()


def test_load_address_is_the_start_of_the_address_range(describe):
    description = describe(corpus.imgtool("-L", "0x20001000", key="ed25519"))
    assert description.address_range[0] == 0x2000_1000
    assert description.parts[1].address == 0x2000_1000 + corpus.HEADER_BYTES


ALIGNS = ((), ("--align", "8"), ("--align", "16", "--max-align", "16"), ("--max-align", "32"))
MODES = (("--pad",), ("--confirm",), ("--test",), ("--confirm", "--overwrite-only"))


@pytest.mark.parametrize("mode", MODES, ids=" ".join)
@pytest.mark.parametrize("erased", [(), ("-R", "0")], ids=" ".join)
@pytest.mark.parametrize("align", ALIGNS, ids=" ".join)
def test_slot_padding_is_an_error_that_conversion_removes(describe, message_of, align, erased, mode):
    padded = corpus.imgtool(*align, *erased, *mode, key="ed25519")
    assert len(padded) == corpus.SLOT_BYTES
    assert f"of {corpus.SLOT_BYTES} bytes are padding" in message_of(describe(padded), "slot-padding")
    assert convert(FirmwareImage.open(padded)).data == corpus.imgtool(*align, *erased, key="ed25519")


def test_other_trailing_bytes_are_an_error_that_conversion_refuses(describe, message_of):
    for tail in (b"x", bytes(50) + b"x", b"\xff" * 200 + b"x" + b"\xff" * 200):
        assert f"{len(tail)} unexpected bytes follow" in message_of(describe(SIGNED + tail), "trailing")
        with pytest.raises(ImageError, match="not padding of a slot"):
            convert(FirmwareImage.open(SIGNED + tail, requirements=None))


def test_hash_shows_damage(describe, message_of):
    for offset in (40, 100, len(corpus.FIRMWARE)):
        damaged = bytearray(SIGNED)
        damaged[offset] ^= 0x10
        assert "damaged" in message_of(describe(bytes(damaged)), "hash")


def test_missing_hash_is_an_error(describe, message_of):
    area = len(SIGNED) - describe(SIGNED).parts[2].size
    assert "it has no hash" in message_of(describe(SIGNED[:area] + struct.pack("<HH", 0x6907, 4)), "hash")


def test_cut_off_file_is_a_structure_error(describe, message_of):
    area = len(SIGNED) - describe(SIGNED).parts[2].size
    for kept in (4, 31, 32, 5_000, area - 1, area, area + 3, area + 4, area + 20, len(SIGNED) - 1):
        assert describe(SIGNED[:kept]).format is ImageFormat.MCUBOOT
        assert message_of(describe(SIGNED[:kept]), "structure")


@pytest.mark.parametrize(
    ("offset", "value", "words"),
    [
        (8, struct.pack("<H", 31), "states a length of 31 bytes"),
        (12, struct.pack("<I", 0xFFFF_FFFF), "was cut off, or never signed"),
        (12, struct.pack("<I", 5_000), "there are no TLVs"),
        (10, struct.pack("<H", 40), "there are no protected TLVs"),
    ],
)
def test_inconsistent_sizes_are_an_error(describe, message_of, offset, value, words):
    image = SIGNED[:offset] + value + SIGNED[offset + len(value) :]
    assert words in message_of(describe(image), "structure")


def test_wrong_length_of_the_protected_tlvs_is_an_error(describe, message_of):
    image = bytearray(corpus.imgtool("-s", "9", key="ed25519"))
    struct.pack_into("<H", image, 10, struct.unpack_from("<H", image, 10)[0] + 1)
    assert "protected TLVs, but there are" in message_of(describe(bytes(image)), "structure")


def test_tlv_beyond_its_area_is_an_error(describe, message_of):
    area = len(SIGNED) - describe(SIGNED).parts[2].size
    image = bytearray(SIGNED)
    struct.pack_into("<H", image, area + 6, 60_000)
    assert "reaches beyond" in message_of(describe(bytes(image)), "structure")


def test_vendor_and_class_are_the_hardware(describe):
    """imgtool makes both UUIDs from names (UUID version 5)."""
    description = describe(corpus.imgtool("--vid", "example.com", "--cid", "sensor", key="ed25519"))
    vendor = uuid5(NAMESPACE_DNS, "example.com")
    assert description.hardware == f"{vendor}/{uuid5(vendor, 'sensor')}"
    assert describe(SIGNED).hardware is None
