"""Damaged images of every format: only our exceptions, limits for time and memory, and no changed image is verified."""

from __future__ import annotations

import contextlib
import hashlib
import io
import random
import struct
import time
import tracemalloc
import zipfile
from collections import Counter
from dataclasses import dataclass, field

import bincopy
import cbor2
import lz4.frame
import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from fuota.errors import ImageError
from fuota.image import FirmwareImage, SignatureState, check, convert
from fuota.image.delta import apply_patch
from tests.image import corpus, mutation
from tests.image.corpus import ihex

MAX_TIME_S = 1.0
MAX_MEMORY_RATIO = 10
"""Limit for allocated memory, as a multiple of the length of the file."""
OWN_BYTES = 256 * 1024
"""Memory of readers that does not depend on the file: tables of a decompressor, a chunk, caches of regular expressions."""
BZIP2_BYTES, LZMA_BYTES = 4 * 1024 * 1024, 9 * 1024 * 1024
"""Memory that does not depend on the file: for a block of 900 kB (bzip2(1)), for the dictionary of preset 6 (xz(1))."""


@dataclass
class Summary:
    """Summary of a fuzz run."""

    images: int = 0
    longest_s: float = 0
    largest: float = 0
    formats: Counter[str] = field(default_factory=Counter)
    verified: Counter[str] = field(default_factory=Counter)


def key_for(image: FirmwareImage, name: str) -> bytes:
    """Return the public key of the seed; another key if damage made another format of it, which P-192 does not sign."""
    return mutation.public_key("raw" if name == "esp-v2-p192" and image.format.value != "esp-app" else name)


def check_all(data: bytes, name: str) -> tuple[FirmwareImage, SignatureState]:
    """Do everything that is done with an image before it is sent, and return the image and the state of its signature."""
    image = FirmwareImage.open(data)
    result = check(image, public_key=key_for(image, name))
    assert result.ok == (not result.findings.errors)
    with contextlib.suppress(ImageError):
        convert(image)
    if image.description.is_patch:
        with contextlib.suppress(ImageError):
            apply_patch(corpus.OLD[: mutation.FIRMWARE_BYTES], data)
    return image, result.signature


def timed_check(data: bytes, name: str) -> tuple[FirmwareImage, SignatureState, float]:
    """Return the image, its signature state, and the processor time in s; the least of three if the first is too long.

    A busy neighbour on the same core can double one measurement. A check that is really slow is slow each time.
    """
    seconds = []
    while not seconds or (seconds[-1] >= MAX_TIME_S and len(seconds) < 3):
        start = time.process_time()
        image, signature = check_all(data, name)
        seconds.append(time.process_time() - start)
    return image, signature, min(seconds)


def fuzz(count: int, seed: int, every: int) -> Summary:
    """Check `count` damaged images, and measure the memory of each `every`-th image."""
    rng, summary = random.Random(seed), Summary()
    names = list(mutation.seeds())
    for number in range(count):
        name = names[number % len(names)]
        data = mutation.mutated(mutation.seeds()[name], rng)
        image, signature, seconds = timed_check(data, name)
        summary.longest_s = max(summary.longest_s, seconds)
        assert summary.longest_s < MAX_TIME_S, f"{name}: {summary.longest_s:.2f} s for {data[:80]!r}"
        if number % every == 0:
            summary.largest = max(summary.largest, memory(data, name))
        if signature is SignatureState.VERIFIED:
            assert not differs(name, data), f"{name}: verified although signed bytes were changed"
            summary.verified[name] += 1
        summary.images += 1
        summary.formats[image.format.value] += 1
    return summary


def memory(data: bytes, name: str) -> float:
    """Return the peak of allocated bytes beyond the fixed memory of readers, per byte of the file."""
    tracemalloc.start()
    try:
        image = FirmwareImage.open(data)
        check(image, public_key=key_for(image, name))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    own_bytes = LZMA_BYTES if data[:1] in (b"\x01", b"\x11") else BZIP2_BYTES if b"BZh" in data else OWN_BYTES
    assert peak <= MAX_MEMORY_RATIO * len(data) + own_bytes, f"{name}: {peak} bytes for {len(data)}, {data[:80]!r}"
    return (peak - own_bytes) / max(len(data), 1)


def differs(name: str, data: bytes) -> bool:
    """Return whether a signed byte differs from the seed of that name."""
    seed = mutation.seeds()[name]
    return any(data[start:end] != seed[start:end] for start, end in mutation.signed_ranges(name))


def test_seeds_are_good_images():
    """Fuzzing of images that are refused at once would prove nothing."""
    for name, data in mutation.seeds().items():
        image, signature = check_all(data, name)
        codes = image.findings.codes
        assert name == "esp" or not {"structure", "hash", "trailing"} & set(codes), name
        if mutation.signed_ranges(name):
            assert signature is SignatureState.VERIFIED, name
    assert {FirmwareImage.open(data).format.value for data in mutation.seeds().values()} == {
        *(
            "raw",
            "intel-hex",
            "s-record",
            "elf",
            "uf2",
            "mcuboot",
            "esp-app",
            "esp-flash",
            "sbsfu",
            "mbed-signed",
            "suit",
        ),
        *("detools-patch", "bsdiff-patch", "jojodiff-patch", "esp-delta-patch", "dfu", "ti-txt", "not-firmware"),
    }


@pytest.mark.slow
def test_three_thousand_damaged_images():
    summary = fuzz(3_000, seed=1, every=20)
    assert summary.images == 3_000
    assert len(summary.formats) == 18
    assert summary.verified, "damage outside the signed bytes does not change the signature"


@pytest.mark.slow
def test_hundred_thousand_damaged_images():
    summary = fuzz(100_000, seed=2, every=20)
    assert summary.images == 100_000
    assert min(summary.formats.values()) > 100


@given(st.binary(max_size=2_000), st.sampled_from(sorted(mutation.EXTREMES)))
@settings(max_examples=200, deadline=None)
def test_any_bytes_after_any_magic_number(data, number):
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
        check_all(start + data, "raw")
        check_all(start + number.to_bytes(4, "little") + data, "raw")


def _hex_that_jumps_between_banks() -> bytes:
    """Return records whose addresses continue only in the low 16 bits: bincopy searched its list for 10 s for these 900 kB."""
    bank, address = [], 0
    for address in range(30_000):
        base = struct.pack(">H", address * 7 & 0x7FFF)
        bank += [(4, 0, base), (0, address, b"x")]
    return ihex(*bank, (1, 0, b""))


def _mcuboot_with(kind: int, value: bytes) -> bytes:
    """Return an image with as many TLVs as possible."""
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


def _elf_of_one_section_many_times() -> bytes:
    """Return a file whose 4000 sections have the same content at other addresses."""
    content, count = bytes(range(256)) * 1000, 4000
    offset = 52 + len(content)
    header = struct.pack("<HHIIIIIHHHHHH", 2, 40, 1, 0, 0, offset, 0, 52, 32, 0, 40, count, 0)
    sections = b"".join(
        struct.pack("<10I", 0, 1, 2, number * len(content), 52, len(content), 0, 0, 4, 0) for number in range(count)
    )
    return b"\x7fELF\1\1\1" + bytes(9) + header + content + sections


def _zip_of_many_names() -> bytes:
    output = io.BytesIO()
    with zipfile.ZipFile(output, "w") as archive:
        for number in range(5_000):
            archive.writestr(f"{number}.bin", b"")
    return output.getvalue()


HOSTILE = {
    "hex with jumps": _hex_that_jumps_between_banks,
    "hex without data": lambda: ihex(*[(4, 0, b"\0\1")] * 70_000, (1, 0, b"")),
    "endless hex": lambda: b":1000000000" + b"\n:" * 500_000,
    "s-record of digits": lambda: b"S1" + b"0" * (1 << 20),
    "uf2 of single bytes": lambda: b"".join(corpus.uf2_blocks([(2 * address, b"x") for address in range(2_000)])),
    "elf of many segments": lambda: corpus.elf([(1000 * address, b"x") for address in range(4_000)]),
    "mcuboot of hashes": lambda: _mcuboot_with(0x10, bytes(32)),
    "mcuboot of signatures": lambda: _mcuboot_with(0x22, b"\x30\x44" + bytes(68)),
    "raw of mcuboot headers": lambda: bytes(4096) + mutation.seeds()["mcuboot-p256"][:32].ljust(256, b"\x5a") * 16_000,
    "elf of one section many times": _elf_of_one_section_many_times,
    "zip of names": _zip_of_many_names,
    "page that never ends": lambda: b"<!-- " * 400_000,
    "json of lists": lambda: b"[" * (1 << 20),
    "suit of lists": lambda: b"\xd8\x6b\xa2\x02" + b"\x81" * (1 << 20),
    "suit of sequences": _suit_of_many_sequences,
    "suit of signatures": _suit_of_many_signatures,
    "esp flash of applications": lambda: (
        corpus.esp_partitions(*[("app", 0, 16, 0x1000 * number, 0x100000) for number in range(1, 90)]).ljust(0x1000)
        + (mutation.seeds()["esp-whole"].ljust(0x1000, b"\xff") * 250)
    ),
    "esp signature blocks": lambda: mutation.seeds()["esp-v2-p192"] + mutation.seeds()["esp-v2-p192"][-4096:] * 250,
    "filler": lambda: (b"\xff" * 64 + b"a") * 16_000,
    "jojodiff of operations": lambda: b"\xa7\xa3\x05" + b"\xa7\xa6x" * 350_000,
    "jojodiff of equal bytes": lambda: b"\xa7\xa3\0" * 350_000,
    "jojodiff of escapes": lambda: b"\xa7\xa3\x05\xa7\xa6" + b"\xa7\xa7" * 500_000,
    "detools of pieces": lambda: b"\0\x90\xc2\x1e" + b"\0" + b"\1x\0\0" * 250_000,
    "detools of a few bytes": lambda: b"\6\xbf\xff\x7f" + lz4.frame.compress(b"\0" * (1 << 26)),
    "detools of fewer bytes": lambda: b"\5\xbf\xff\x7f" + zstandard.compress(b"\0" * (1 << 26)),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_image_does_not_take_long(name):
    """Each image has about a megabyte. The limit is three times the usual limit, for a busy machine."""
    data = HOSTILE[name]()
    start = time.process_time()
    check_all(data, "raw")
    assert time.process_time() - start < 3 * MAX_TIME_S


@pytest.mark.parametrize(
    "kind", ["bin", "elf", "uf2", *(pytest.param(kind, marks=pytest.mark.slow) for kind in ("hex", "srec"))]
)
def test_memory_is_at_most_ten_times_the_file(kind):
    rng = random.Random(4)
    firmware = rng.randbytes(1 << 20)
    records = bincopy.BinFile()
    records.add_binary(firmware)
    records.execution_start_address = 0
    image = {
        "bin": lambda: firmware,
        "hex": lambda: records.as_ihex().encode(),
        "srec": lambda: records.as_srec().encode(),
        "elf": lambda: corpus.elf([(0, firmware)]),
        "uf2": lambda: corpus.uf2(firmware),
    }[kind]()
    check_all(image[:2_000], "raw")  # imports the libraries first
    assert memory(image, "raw") < MAX_MEMORY_RATIO
