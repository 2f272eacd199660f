"""Signatures of ESP32 secure boot behind an image, as espsecure 5.6 writes them and the bootloader of ESP-IDF looks for them.

Version 1: 68 bytes directly behind the image: a zero word, then r and s of ECDSA P-256 over everything before, big-endian.
Version 2: a sector of 4096 bytes behind the image, which is filled with 0xFF to a sector. It holds 1 to 3 blocks of 1216 bytes,
then 0xFF. A block has a digest of everything before the sector, a key, a signature (both little-endian), a CRC-32 and 16 zeros.
"""

from __future__ import annotations

import hashlib
import struct
import zlib
from dataclasses import dataclass

from fuota.image.description import Digest, Part

SECTOR_BYTES, BLOCK_BYTES, MAX_BLOCKS = 4096, 1216, 3
V1_BYTES = 68
_MAGIC, _RSA, _ECDSA = 0xE7, 2, 3
_CRC_OFFSET = 1196
_PADDING = bytes(16)
_CURVES = {1: ("secp192r1", 24), 2: ("secp256r1", 32), 3: ("secp384r1", 48)}
"""Curve of each number in a block, and bytes in a coordinate."""
_RSA_KEY = slice(36, 36 + 776)
"""n, e, R^2 mod n and -1/n mod 2^32 of RSA-3072: what the eFuse holds the SHA-256 of."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """A signature block of version 2.

    number: from 1. content: its 1216 bytes. scheme: "RSA-3072", "ECDSA on ..." or None if it is unknown.
    key, signature: as in the block; empty if the scheme is unknown. digest_name, digest: digest of the image in the block.
    unused: bytes without meaning, which espsecure writes as zeros.
    """

    number: int
    content: bytes
    scheme: str | None = None
    key: bytes = b""
    signature: bytes = b""
    digest_name: str = "sha256"
    digest: bytes = b""
    unused: bytes = b""

    @property
    def has_right_crc(self) -> bool:
        """Whether the CRC-32 is right, and zeros follow it."""
        stated = int.from_bytes(self.content[_CRC_OFFSET : _CRC_OFFSET + 4], "little")
        return zlib.crc32(self.content[:_CRC_OFFSET]) == stated and self.content[_CRC_OFFSET + 4 :] == _PADDING

    @property
    def key_sha256(self) -> str:
        """SHA-256 of the key as `espsecure digest-sbv2-public-key` prints it, and as the eFuse of the chip holds it."""
        return hashlib.sha256(self.key).hexdigest()


@dataclass(frozen=True, slots=True, kw_only=True)
class SecureBoot:
    """The signature of an image.

    signed_bytes: number of bytes from the start that the signature covers. end: offset of the byte after the signature.
    v1: r and s of version 1; empty for version 2. blocks: blocks of version 2. is_filled: whether nothing but 0xFF, or zeros,
    follows the blocks in their sector.
    """

    signed_bytes: int
    end: int
    v1: bytes = b""
    blocks: tuple[Block, ...] = ()
    is_filled: bool = True

    @property
    def parts(self) -> tuple[Part, ...]:
        """The signature as parts of the file."""
        if self.v1:
            return (Part(name="signature of secure boot v1", offset=self.signed_bytes, size=V1_BYTES),)
        return tuple(
            Part(
                name=f"signature block {block.number} ({block.scheme or 'unknown scheme'})",
                offset=self.signed_bytes + (block.number - 1) * BLOCK_BYTES,
                size=BLOCK_BYTES,
            )
            for block in self.blocks
        )


def read_secure_boot(data: bytes, image_end: int) -> SecureBoot | None:
    """Return the signature behind an image that ends at `image_end`, where the bootloader looks for it; None if there is none."""
    sector = sector_offset(image_end)
    content = data[sector : sector + SECTOR_BYTES]
    if len(content) == SECTOR_BYTES and content[0] == _MAGIC:
        blocks = _blocks(content)
        fill = content[len(blocks) * BLOCK_BYTES :]
        return SecureBoot(
            signed_bytes=sector,
            end=sector + SECTOR_BYTES,
            blocks=blocks,
            is_filled=not fill.strip(b"\xff") or not any(fill),
        )
    signature = data[image_end : image_end + V1_BYTES]
    if len(signature) == V1_BYTES and signature[:4] == bytes(4) and any(signature) and signature[4:].strip(b"\xff"):
        return SecureBoot(signed_bytes=image_end, end=image_end + V1_BYTES, v1=signature[4:])
    return None


def sector_offset(image_end: int) -> int:
    """Return where the bootloader looks for the signature sector of an image that ends at `image_end`."""
    return -(-image_end // SECTOR_BYTES) * SECTOR_BYTES


def is_cut_sector(content: bytes) -> bool:
    """Return whether the bytes are the start of a signature sector that is cut off."""
    return len(content) < SECTOR_BYTES and content[:2] in (bytes([_MAGIC, _RSA]), bytes([_MAGIC, _ECDSA]))


def misplaced_sector(data: bytes) -> int | None:
    """Return the offset of a sector of signatures at the end of the file; None if there is none."""
    block = Block(number=1, content=data[-SECTOR_BYTES:][:BLOCK_BYTES])
    is_sector = len(data) > SECTOR_BYTES and block.content[0] == _MAGIC and block.has_right_crc
    return len(data) - SECTOR_BYTES if is_sector else None


def signature_digests(data: bytes, boot: SecureBoot) -> tuple[Digest, ...]:
    """Return the CRC and the image digest of each block. Equal digests of several blocks are given once."""
    signed = memoryview(data)[: boot.signed_bytes]
    digests = []
    for block in boot.blocks:
        crc = block.content[_CRC_OFFSET : _CRC_OFFSET + 4][::-1].hex()
        covers = f"signature block {block.number}"
        digests.append(Digest(algorithm="crc32", value=crc, covers=covers, matches=block.has_right_crc))
    stated = dict.fromkeys((block.digest_name, block.digest) for block in boot.blocks if block.scheme is not None)
    actual = {name: hashlib.new(name, signed).digest() for name in dict.fromkeys(name for name, _ in stated)}
    covers = "everything before the signature sector"
    digests += [
        Digest(algorithm=name, value=value.hex(), covers=covers, matches=value == actual[name])
        for name, value in stated
    ]
    return tuple(digests)


def _blocks(sector: bytes) -> tuple[Block, ...]:
    blocks: list[Block] = []
    while len(blocks) < MAX_BLOCKS and sector[len(blocks) * BLOCK_BYTES] == _MAGIC:
        start = len(blocks) * BLOCK_BYTES
        blocks.append(_read_block(sector[start : start + BLOCK_BYTES], len(blocks) + 1))
    return tuple(blocks)


def _read_block(content: bytes, number: int) -> Block:
    if content[1] == _RSA:
        return Block(
            number=number,
            content=content,
            scheme="RSA-3072",
            key=content[_RSA_KEY],
            signature=content[_RSA_KEY.stop : _CRC_OFFSET],
            digest=content[4:36],
            unused=content[2:4],
        )
    hash_bytes, digest_name = (48, "sha384") if content[2] == 1 else (32, "sha256")
    start, field_bytes = 4 + hash_bytes, 2 * hash_bytes
    curve = _CURVES.get(content[start])
    if content[1] != _ECDSA or content[2] > 1 or curve is None or (content[2] == 1) != (curve[0] == "secp384r1"):
        return Block(number=number, content=content)
    signature_start = start + 1 + field_bytes
    signature_end = signature_start + 2 * curve[1]
    return Block(
        number=number,
        content=content,
        scheme=f"ECDSA on {curve[0]}",
        key=content[start:signature_start],
        signature=content[signature_start:signature_end],
        digest_name=digest_name,
        digest=content[4:start],
        unused=content[3:4] + content[signature_end:_CRC_OFFSET],
    )


def rsa_key_bytes(modulus: int, exponent: int) -> bytes:
    """Return an RSA-3072 key as it is in a block; empty if no block can hold it."""
    if modulus % 2 == 0 or exponent >= 1 << 32:
        return b""
    square, inverse = (1 << 2 * 3072) % modulus, -pow(modulus, -1, 1 << 32) % (1 << 32)
    return struct.pack(
        "<384sI384sI", modulus.to_bytes(384, "little"), exponent, square.to_bytes(384, "little"), inverse
    )


def ecdsa_key_bytes(curve: str, x: int, y: int) -> bytes:
    """Return an ECDSA key as it is in a block, padded with zeros to its field."""
    number, size = next((number, size) for number, (name, size) in _CURVES.items() if name == curve)
    point = x.to_bytes(size, "little") + y.to_bytes(size, "little")
    return bytes([number]) + point.ljust(max(64, 2 * size), b"\0")


def ecdsa_big_endian(curve: str, signature: bytes) -> bytes:
    """Return r and s of a block's signature as two big-endian numbers."""
    size = next(size for name, size in _CURVES.values() if name == curve)
    return signature[:size][::-1] + signature[size : 2 * size][::-1]
