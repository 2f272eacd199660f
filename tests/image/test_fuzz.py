"""Damaged images of every format: no exception but ours, no hang, no memory without end, and nothing accepted that was changed."""

from __future__ import annotations

import contextlib
import random
import time
import tracemalloc
from collections import Counter
from dataclasses import dataclass, field

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fuota.errors import ImageError
from fuota.image import PATCHES, FirmwareImage, SignatureState, check, convert
from fuota.image.delta import apply
from tests.image import corpus, mutation

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


@pytest.mark.parametrize("kind", ["bin", "hex", "srec", "elf", "uf2"])
def test_an_image_of_a_mebibyte_takes_no_more_than_ten_of_them(kind):
    rng = random.Random(4)
    firmware = rng.randbytes(1 << 20)
    import bincopy

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
