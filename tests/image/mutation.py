"""Random damage of images: the usual damage of files, and damage made to let a parser fail."""

from __future__ import annotations

import bz2
import hashlib
import io
import random
import struct
import zipfile
import zlib
from functools import lru_cache

import bincopy
import bsdiff4
import detools

from tests.image import corpus

FIRMWARE_BYTES = 2_000
EXTREMES = (0, 1, 0x7F, 0x80, 0xFF, 0x7FFF, 0x8000, 0xFFFF, 0x7FFF_FFFF, 0x8000_0000, 0xFFFF_FFFF)


@lru_cache(maxsize=1)
def seeds() -> dict[str, bytes]:
    """Return a good image of every format, small so that many can be tried."""
    small, older = corpus.FIRMWARE[:FIRMWARE_BYTES], corpus.OLD[:FIRMWARE_BYTES]
    records = bincopy.BinFile()
    records.add_binary(small, address=0x0800_0000)
    records.execution_start_address = 0x0800_0100
    images = {
        "raw": small,
        "hex": records.as_ihex().encode(),
        "srec": records.as_srec().encode(),
        "elf": corpus.elf([(0x0800_0000, small), (0x0801_0000, older[:100])]),
        "hex-with-mark": b"\xef\xbb\xbf; a comment\r\n" + records.as_ihex().lower().encode(),
        "srec-count": "".join(
            f"{line}\n" for line in records.as_srec().splitlines() if not line.startswith(("S7", "S8", "S9"))
        ).encode(),
        "ti-txt": records.as_ti_txt().encode(),
        "uf2": corpus.uf2(small, address=0x0800_0000, family=0x21460FF0),
        "esp": corpus.esp_app()[:24] + corpus.esp_app()[-400:],
        "esp-whole": _esp(small),
        "esp-v1": corpus.espsecure_sign(_esp(small), "p256", version="1"),
        "esp-v2-rsa-3072": corpus.espsecure_sign(_esp(small), "rsa-3072"),
        "esp-v2-p192": corpus.espsecure_sign(_esp(small), "p384", "p192"),
        "esp-flash": _esp_flash(small),
        "esp8266": struct.pack("<BBBBIII", 0xE9, 1, 0, 0, 0x4010_0004, 0x4010_0000, 2_000) + small + bytes(16),
        "sbsfu": corpus.sbsfu(small),
        "sbsfu-encrypted": corpus.sbsfu(small, encrypted=True, offset=1024),
        "sbsfu-partial": corpus.sbsfu(small, part=(512, 1024), header_bytes=192),
        "sbsfu-gcm": corpus.sbsfu_gcm(small),
        "mbed": corpus.mbed(small),
        "mbed-patch": corpus.mbed(small, patch=corpus.jojodiff(older, small), base_bytes=FIRMWARE_BYTES),
        "jojodiff": corpus.jojodiff(older, small),
        "jojodiff-without-mod": corpus.jojodiff(older, small, states_mod=False),
        "esp-delta": corpus.esp_delta(older, small, sha256=hashlib.sha256(older).digest()),
        "suit": corpus.suit(small),
        "suit-ed25519": corpus.suit(small, key="ed25519"),
        "suit-draft": corpus.DRAFT_EXAMPLE_0,
        "suit-nested": corpus.TRUST_DOMAINS_EXAMPLE_2,
        "bsdiff": bsdiff4.diff(older, small),
        "dfuse": _dfu(struct.pack("<5sBIB", b"DfuSe", 1, 11 + 274 + 8 + len(small), 1) + _dfuse_target(small)),
        "dfu": _dfu(small),
        "zip": _zip(small),
        "page": b"<!DOCTYPE html><html><head><title>404</title></head><body>" + b"<p>gone</p>" * 20 + b"</body></html>",
        "endsley": b"ENDSLEY/BSDIFF43" + struct.pack("<Q", 5) + bz2.compress(struct.pack("<3Q", 3, 2, 0) + b"abcde"),
    }
    for key in ("rsa-2048", "p256", "ed25519"):
        images[f"mcuboot-{key}"] = corpus.imgtool("-s", "3", key=key, size=FIRMWARE_BYTES)
    images["mcuboot-padded"] = corpus.imgtool("--confirm", key="p256", size=FIRMWARE_BYTES)[:-58_000]
    for name in ("lz4", "zstd"):
        images[f"detools-{name}"] = _patch(older, small, compression=name)
    for name in ("heatshrink", "crle", "lzma", "bz2", "none"):
        images[f"detools-{name}"] = _patch(older, small, compression=name)
        images[f"detools-in-place-{name}"] = _patch(
            older, small, compression=name, patch_type="in-place", memory_size=8192, segment_size=1024
        )
    return images


def _dfu(content: bytes) -> bytes:
    """Return the content with a DFU suffix."""
    whole = content + struct.pack("<HHHH3sB", 0xFFFF, 0xDF11, 0x0483, 0x011A, b"UFD", 16)
    return whole + struct.pack("<I", zlib.crc32(whole) ^ 0xFFFF_FFFF)


def _dfuse_target(content: bytes) -> bytes:
    head = struct.pack("<6sBI255sII", b"Target", 0, 1, b"ST...", 8 + len(content), 1)
    return head + struct.pack("<II", 0x0800_0000, len(content)) + content


def _zip(content: bytes) -> bytes:
    output = io.BytesIO()
    with zipfile.ZipFile(output, "w") as archive:
        archive.writestr("manifest.json", '{"manifest": {"application": {"bin_file": "app.bin"}}}')
        archive.writestr("app.bin", content)
    return output.getvalue()


def public_key(name: str) -> bytes:
    """Return the public key of the seed of this name; any key if the seed is not signed."""
    if name == "suit-draft":
        return corpus.DRAFT_KEY
    if name.startswith("esp-v2"):
        return corpus.public_pem(name.removeprefix("esp-v2-"), 1 if name == "esp-v2-p192" else 0)
    kind = name.split("-", 1)[1] if name.startswith(("mcuboot-", "suit-")) else "p256"
    return corpus.public_pem(kind if kind in ("rsa-2048", "ed25519") else "p256")


def signed_ranges(name: str) -> list[tuple[int, int]]:
    """Return the ranges of signed bytes of the seed."""
    data = seeds()[name]
    if name.startswith("mcuboot"):
        return [(0, 2_064 + 12)]
    whole = (0, len(data))
    ranges = {"sbsfu": [(0, 192), (512, len(data))], "mbed": [(0, FIRMWARE_BYTES)]}
    if name in ranges or name.startswith("esp-v"):
        return ranges.get(name, [whole])
    if name == "suit-draft":
        return [(data.index(b"\x03\x58\x71") + 3, len(data))]
    if name.startswith("suit"):
        return [(data.index(b"\xa3\x01\x01\x02\x09"), len(data))] if name != "suit-nested" else []
    return []


def mutated(data: bytes, rng: random.Random) -> bytes:
    """Return the data after one to four kinds of damage."""
    output = data
    for _ in range(rng.choice((1, 1, 1, 2, 4))):
        output = rng.choice(_KINDS)(output, rng)
    return output


def _bit(data: bytes, rng: random.Random) -> bytes:
    return _put(data, rng, lambda old: bytes([old ^ 1 << rng.randrange(8)]))


def _byte(data: bytes, rng: random.Random) -> bytes:
    return _put(data, rng, lambda _: rng.randbytes(1))


def _word(data: bytes, rng: random.Random) -> bytes:
    """Replace a number of 16, 32 or 64 bits by an extreme value."""
    size, order = rng.choice((2, 4, 8)), rng.choice(("little", "big"))
    value = (rng.choice(EXTREMES) if rng.random() < 0.7 else rng.randrange(5_000)) % (1 << 8 * size)
    return _put(data, rng, lambda _: value.to_bytes(size, order))


def _put(data: bytes, rng: random.Random, change: object) -> bytes:
    if not data:
        return data
    reach = min(len(data), rng.choice((8, 64, 512, len(data))))  # damage of a header has most effects
    offset = rng.randrange(reach) if rng.random() < 0.7 else len(data) - 1 - rng.randrange(reach)
    content = change(data[offset])
    return data[:offset] + content + data[offset + len(content) :]


def _cut(data: bytes, rng: random.Random) -> bytes:
    return data[: rng.randrange(len(data) + 1)]


def _append(data: bytes, rng: random.Random) -> bytes:
    return data + rng.choice((rng.randbytes(rng.randrange(1, 200)), b"\xff" * 100, bytes(100), data[-200:], data))


def _without(data: bytes, rng: random.Random) -> bytes:
    offset = rng.randrange(len(data) + 1)
    return data[:offset] + data[offset + rng.randrange(1, 300) :]


def _insert(data: bytes, rng: random.Random) -> bytes:
    offset = rng.randrange(len(data) + 1)
    return data[:offset] + rng.choice((rng.randbytes(rng.randrange(1, 50)), data[:100], bytes(50))) + data[offset:]


def _splice(data: bytes, rng: random.Random) -> bytes:
    """Return the head of this image and the tail of another image."""
    other = rng.choice(list(seeds().values()))
    return data[: rng.randrange(len(data) + 1)] + other[rng.randrange(len(other) + 1) :]


def _digit(data: bytes, rng: random.Random) -> bytes:
    """Replace a byte by another digit."""
    return _put(data, rng, lambda _: rng.choice(b"0123456789ABCDEFS:\n").to_bytes(1, "big"))


_KINDS = (_bit, _bit, _byte, _word, _word, _cut, _append, _without, _insert, _splice, _digit)


def _patch(base: bytes, target: bytes, **how: object) -> bytes:
    output = io.BytesIO()
    detools.create_patch(io.BytesIO(base), io.BytesIO(target), output, **how)
    return output.getvalue()


def _esp(firmware: bytes) -> bytes:
    """Return an image with one segment, with a checksum and without a hash."""
    head = struct.pack("<BBBBI4sHBHH4sB", 0xE9, 1, 0, 0, 0, b"", 5, 0, 0, 0, b"", 0)
    body = head + struct.pack("<II", 0x4200_0020, len(firmware)) + firmware
    checksum = 0xEF
    for byte in firmware:
        checksum ^= byte
    return body + bytes(-(len(body) + 1) % 16) + bytes([checksum])


def _esp_flash(firmware: bytes) -> bytes:
    """Return a dump of flash from the partition table on, with one application."""
    table = corpus.esp_partitions(("factory", 0, 0, 0x10000, 0x100000))
    return table.ljust(0x2000, b"\xff") + _esp(firmware)
