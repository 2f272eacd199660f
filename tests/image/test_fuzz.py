"""Damaged images of every format: no exception but ours, no hang, no memory without end, and nothing accepted that was changed."""

from __future__ import annotations

import contextlib
import hashlib
import random
import struct
import time
import tracemalloc
from collections import Counter
from dataclasses import dataclass, field

import bincopy
import cbor2
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fuota.errors import ImageError
from fuota.image import PATCHES, FirmwareImage, SignatureState, check, convert
from fuota.image.delta import apply
from tests.image import corpus, mutation
from tests.image.corpus import ihex

LONGEST_S = 1.0
MOST_MEMORY = 10
"""Times the octets of the file."""
OWN_BYTES = 256 * 1024
"""What readers take for themselves however small the file: tables of a decompressor, a chunk, caches of regular expressions."""
BZIP2_BYTES, LZMA_BYTES = 4 * 1024 * 1024, 9 * 1024 * 1024
"""What they take however small the file: for a block of 900 kB (bzip2(1)), for the dictionary of preset 6 (xz(1))."""


@dataclass
class Seen:
    """What came of all of it."""

    images: int = 0
    longest_s: float = 0
    largest: float = 0
    formats: Counter[str] = field(default_factory=Counter)
    verified: Counter[str] = field(default_factory=Counter)


def look_at(data: bytes, key: bytes) -> tuple[FirmwareImage, SignatureState]:
    """All that is done with an image before it is sent."""
    image = FirmwareImage.open(data)
    result = check(image, public_key=key)
    assert result.ok == (not result.findings.errors)
    with contextlib.suppress(ImageError):
        convert(image)
    if image.format in PATCHES:
        with contextlib.suppress(ImageError):
            apply(corpus.OLD[: mutation.FIRMWARE_BYTES], data)
    return image, result.signature


def fuzz(count: int, seed: int, measured: int) -> Seen:
    """`count` images; of each `measured`-th the memory is measured too."""
    rng, seen = random.Random(seed), Seen()
    names = list(mutation.seeds())
    for number in range(count):
        name = names[number % len(names)]
        data = mutation.mutated(mutation.seeds()[name], rng)
        start = time.perf_counter()
        image, signature = look_at(data, mutation.public_key(name))
        seen.longest_s = max(seen.longest_s, time.perf_counter() - start)
        assert seen.longest_s < LONGEST_S, f"{name}: {seen.longest_s:.2f} s for {data[:80]!r}"
        if number % measured == 0:
            seen.largest = max(seen.largest, memory(data, name))
        if signature is SignatureState.VERIFIED:
            assert not differs(name, data), f"{name}: verified though what is signed was changed"
            seen.verified[name] += 1
        seen.images += 1
        seen.formats[image.format.value] += 1
    return seen


def memory(data: bytes, name: str) -> float:
    """Octets that were allocated at the worst moment of reading it, for each octet of the file beyond what readers take anyway."""
    tracemalloc.start()
    try:
        check(FirmwareImage.open(data), public_key=mutation.public_key(name))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    own = LZMA_BYTES if data[:1] in (b"\x01", b"\x11") else BZIP2_BYTES if b"BZh" in data else OWN_BYTES
    assert peak <= MOST_MEMORY * len(data) + own, f"{name}: {peak} bytes for {len(data)}, {data[:80]!r}"
    return (peak - own) / max(len(data), 1)


def differs(name: str, data: bytes) -> bool:
    """Whether an octet that is signed is not as it was in the seed of that name."""
    whole = mutation.seeds()[name]
    return any(data[start:end] != whole[start:end] for start, end in mutation.signed_ranges(name))


def test_the_seeds_are_sound():
    """Fuzzing that begins with what is refused at once proves nothing."""
    for name, data in mutation.seeds().items():
        image, signature = look_at(data, mutation.public_key(name))
        codes = image.findings.codes
        assert name == "esp" or not {"structure", "hash", "trailing"} & set(codes), name
        if mutation.signed_ranges(name):
            assert signature is SignatureState.VERIFIED, name
    assert {FirmwareImage.open(data).format.value for data in mutation.seeds().values()} == {
        *("raw", "intel-hex", "s-record", "elf", "uf2", "mcuboot", "esp-app", "sbsfu", "mbed-signed", "suit"),
        *("detools-patch", "bsdiff-patch"),
    }


def test_a_few_thousand_damaged_images():
    seen = fuzz(3_000, seed=1, measured=20)
    assert seen.images == 3_000
    assert len(seen.formats) == 12
    assert seen.verified, "damage beyond what is signed leaves the signature as it is"


@pytest.mark.slow
def test_a_hundred_thousand_damaged_images():
    seen = fuzz(100_000, seed=2, measured=20)
    assert seen.images == 100_000
    assert min(seen.formats.values()) > 100


@given(st.binary(max_size=2_000), st.sampled_from(sorted(mutation.EXTREMES)))
@settings(max_examples=200, deadline=None)
def test_any_octets_after_any_beginning(data, number):
    for start in (
        b"\x7fELF",
        b"UF2\nWQ]\x9e",
        b"\x3d\xb8\xf3\x96",
        b"SFU1",
        b"\xd8\x6b\xa2",
        b"\xe9\x02",
        b":10",
        b"S1",
        b"BSDIFF40",
    ):
        look_at(start + data, corpus.public_pem("p256"))
        look_at(start + number.to_bytes(4, "little") + data, corpus.public_pem("p256"))


def _hex_that_jumps_between_banks() -> bytes:
    """Addresses go on by their low 16 bits: bincopy searched its list 10 s for these 900 kB."""
    bank, at = [], 0
    for at in range(30_000):
        base = struct.pack(">H", at * 7 & 0x7FFF)
        bank += [(4, 0, base), (0, at, b"x")]
    return ihex(*bank, (1, 0, b""))


def _mcuboot_with(kind: int, value: bytes) -> bytes:
    """As many TLVs as there can be."""
    tlv = struct.pack("<HH", kind, len(value)) + value
    body = struct.pack("<IIHHIIBBHII", 0x96F3B83D, 0, 32, 0, 1 << 20, 0, 1, 0, 0, 0, 0) + bytes(1 << 20)
    tlvs = struct.pack("<HH", 0x10, 32) + hashlib.sha256(body).digest()
    tlvs += tlv * ((0xFFF0 - len(tlvs)) // len(tlv))
    return body + struct.pack("<HH", 0x6907, 4 + len(tlvs)) + tlvs


def _suit_of_many_sequences() -> bytes:
    sequences = [cbor2.dumps([0] * 100) for _ in range(10_000)]
    return corpus.suit(manifest={20: cbor2.dumps(sequences)})


def _suit_of_many_signatures() -> bytes:
    manifest = cbor2.dumps({1: 1})
    digest = cbor2.dumps([-16, hashlib.sha256(cbor2.dumps(manifest)).digest()])
    blocks = cbor2.dumps([digest, *[corpus.sign1(b"another", "p256")] * 10_000])
    return cbor2.dumps(cbor2.CBORTag(107, {2: blocks, 3: manifest}))


HOSTILE = {
    "hex that jumps": _hex_that_jumps_between_banks,
    "hex of nothing": lambda: ihex(*[(4, 0, b"\0\1")] * 70_000, (1, 0, b"")),
    "hex without end": lambda: b":1000000000" + b"\n:" * 500_000,
    "s-record of digits": lambda: b"S1" + b"0" * (1 << 20),
    "uf2 of single octets": lambda: b"".join(corpus.uf2_blocks([(2 * at, b"x") for at in range(2_000)])),
    "elf of many segments": lambda: corpus.elf([(1000 * at, b"x") for at in range(4_000)]),
    "mcuboot of hashes": lambda: _mcuboot_with(0x10, bytes(32)),
    "mcuboot of signatures": lambda: _mcuboot_with(0x22, b"\x30\x44" + bytes(68)),
    "suit of lists": lambda: b"\xd8\x6b\xa2\x02" + b"\x81" * (1 << 20),
    "suit of sequences": _suit_of_many_sequences,
    "suit of signatures": _suit_of_many_signatures,
    "filler": lambda: (b"\xff" * 64 + b"a") * 16_000,
}


@pytest.mark.parametrize("name", HOSTILE)
def test_what_was_made_to_take_long_does_not(name):
    """Each is of a megabyte or so. Three times the limit, for a machine that does other things meanwhile."""
    data = HOSTILE[name]()
    start = time.perf_counter()
    look_at(data, corpus.public_pem("p256"))
    assert time.perf_counter() - start < 3 * LONGEST_S


@pytest.mark.parametrize("kind", ["bin", "hex", "srec", "elf", "uf2"])
def test_an_image_of_a_mebibyte_takes_no_more_than_ten_of_them(kind):
    rng = random.Random(4)
    firmware = rng.randbytes(1 << 20)
    records = bincopy.BinFile()
    records.add_binary(firmware)
    records.execution_start_address = 0
    made = {
        "bin": lambda: firmware,
        "hex": lambda: records.as_ihex().encode(),
        "srec": lambda: records.as_srec().encode(),
        "elf": lambda: corpus.elf([(0, firmware)]),
        "uf2": lambda: corpus.uf2(firmware),
    }[kind]()
    look_at(made[:2_000], corpus.public_pem("p256"))  # imports what it needs
    assert memory(made, "raw") < MOST_MEMORY
