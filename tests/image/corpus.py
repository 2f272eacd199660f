"""Images made by the tools of users; formats without a tool here are built by their description."""

from __future__ import annotations

import difflib
import hashlib
import io
import os
import struct
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path

import cbor2
import detools
import pytest
from click.testing import CliRunner
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

SAMPLE = Path(__file__).parents[2] / "sample_firmware"
OLD, FIRMWARE = ((SAMPLE / f"sensor-{version}.bin").read_bytes() for version in ("1.0.0", "1.1.0"))
HEADER_BYTES, SLOT_BYTES = 64, 65_536


def sample(kind: str, version: str = "1.1.0") -> bytes:
    """Return a committed file of the sample firmware."""
    return (SAMPLE / f"sensor-{version}.{kind}").read_bytes()


# --- keys


def private_key(kind: str, number: int = 0):
    """Return the key of this kind and number, the same throughout a run."""
    return _private_key(kind, number)


@lru_cache(maxsize=32)
def _private_key(kind: str, number: int):
    if kind.startswith("rsa-"):
        return rsa.generate_private_key(public_exponent=65_537, key_size=int(kind[4:]))
    if kind == "ed25519":
        return ed25519.Ed25519PrivateKey.from_private_bytes(hashlib.sha256(bytes([number])).digest())
    return ec.generate_private_key(
        {"p192": ec.SECP192R1(), "p256": ec.SECP256R1(), "p384": ec.SECP384R1(), "p521": ec.SECP521R1()}[kind]
    )


def public_pem(kind: str, number: int = 0) -> bytes:
    return (
        private_key(kind, number)
        .public_key()
        .public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    )


def private_pem(kind: str, number: int = 0) -> bytes:
    return private_key(kind, number).private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def rsa_public_der(modulus: int, exponent: int) -> bytes:
    """Return SubjectPublicKeyInfo (RFC 8017 §A.1.1) of any two numbers, also of numbers that are not a key."""
    sequence = b"".join(_tlv(2, number.to_bytes(number.bit_length() // 8 + 1, "big")) for number in (modulus, exponent))
    algorithm = bytes.fromhex("300d06092a864886f70d0101010500")
    return _tlv(0x30, algorithm + _tlv(3, b"\0" + _tlv(0x30, sequence)))


def _tlv(kind: int, value: bytes) -> bytes:
    length = bytes([len(value)]) if len(value) < 128 else b"\x82" + len(value).to_bytes(2, "big")
    return bytes([kind]) + length + value


def ecdsa(key: ec.EllipticCurvePrivateKey, data: bytes, *, raw: bool) -> bytes:
    """Return a signature in DER, or as r and s."""
    size = (key.key_size + 7) // 8
    signature = key.sign(data, ec.ECDSA(hashes.SHA384() if size == 48 else hashes.SHA256()))
    if not raw:
        return signature
    return b"".join(number.to_bytes(size, "big") for number in decode_dss_signature(signature))


# --- MCUboot, by imgtool


@lru_cache(maxsize=64)
def imgtool(
    *options: str, key: str | None = None, number: int = 0, encrypt: str | None = None, size: int | None = None
) -> bytes:
    """Return the image that `imgtool sign` makes from the firmware, or from its first `size` bytes, in this process."""
    from imgtool.main import imgtool as command

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "in.bin").write_bytes(FIRMWARE[:size])
        words = ["-H", str(HEADER_BYTES), "--pad-header", "-S", str(SLOT_BYTES), "--align", "4"]
        words += [] if "-v" in options else ["-v", "1.2.3"]
        if key is not None:
            (folder / "key.pem").write_bytes(private_pem(key, number))
            words += ["-k", str(folder / "key.pem")]
        if encrypt is not None:
            (folder / "enc.pem").write_bytes(public_pem(encrypt))
            words += ["-E", str(folder / "enc.pem")]
        output = folder / "out.bin"
        result = CliRunner().invoke(command, ["sign", *words, *options, str(folder / "in.bin"), str(output)])
        assert result.exit_code == 0, result.output
        return output.read_bytes()


# --- ESP, by esptool as a process


def _program(tool: str) -> Path:
    """Return the path of a tool of this environment; without the tool, the test is skipped."""
    program = Path(sys.executable).parent / tool
    if not program.exists():
        pytest.skip(f"{tool} is not installed (pip install esptool)")
    return program


def esptool(tool: str, *words: str, folder: Path) -> None:
    subprocess.run([_program(tool), *words], cwd=folder, check=True, capture_output=True, timeout=120)


def tool_output(tool: str, *words: str, folder: Path) -> str:
    """Return what the tool prints, without line breaks in its words."""
    wide = {**os.environ, "COLUMNS": "200"}
    return subprocess.run(
        [_program(tool), *words], cwd=folder, check=True, capture_output=True, timeout=120, env=wide, text=True
    ).stdout


def tool_succeeds(tool: str, *words: str, folder: Path) -> bool:
    """Return whether the tool ends with the exit code 0."""
    return (
        subprocess.run([_program(tool), *words], cwd=folder, check=False, capture_output=True, timeout=120).returncode
        == 0
    )


ESP_DESCRIPTOR = struct.pack("<II8s32s32s", 0xABCD5432, 0, b"", b"2.3.4", b"sensor").ljust(256, b"\0")
ESP_BOOTLOADER_DESCRIPTOR = struct.pack("<B3sI32s24s16s", 0x50, b"", 1, b"v5.4", b"Nov 30 2026", b"")
ESP_PIECES = ((0x3C00_0020, ESP_DESCRIPTOR), (0x4200_0020, FIRMWARE), (0x4038_0000, FIRMWARE[:1000]))
ESP32_PIECES = ((0x3F40_0020, ESP_DESCRIPTOR), (0x400D_0020, OLD), (0x4008_0000, OLD[:1000]))
"""Segments of an application for the ESP32-C3, and for the ESP32."""


@lru_cache(maxsize=32)
def esp_image(pieces: tuple[tuple[int, bytes], ...], *words: str, chip: str = "esp32c3", entry: int = 0) -> bytes:
    """Return the image that `esptool elf2image` makes from an ELF file built here without a compiler."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        machine = 94 if chip in ("esp32", "esp32s2", "esp32s3", "esp8266") else 243
        (folder / "app.elf").write_bytes(elf(pieces, machine=machine, entry=entry or pieces[-1][0]))
        options = ("elf2image", *words, "-o", "app.bin", "app.elf")
        esptool("esptool", "--chip", chip, *options, folder=folder)
        return next(folder.glob("app.bin*")).read_bytes()


def esp_app() -> bytes:
    """Return an application for the ESP32-C3."""
    return esp_image(ESP_PIECES, "--use-segments")


def esp_bootloader() -> bytes:
    """Return a bootloader for the ESP32-C3: it has no application descriptor, and all of it is loaded to RAM."""
    return esp_image(((0x3FCD_5820, OLD[:1000]), (0x403C_C710, OLD[1000:5000])), "--use-segments")


@lru_cache(maxsize=32)
def espsecure_sign(image: bytes, *keys: str, version: str = "2", number: int = 0) -> bytes:
    """Return the image with the signatures of `espsecure sign-data`. The key with the index i has the number `number` + i."""
    with tempfile.TemporaryDirectory() as name:
        folder, words = Path(name), []
        (folder / "app.bin").write_bytes(image)
        for index, key in enumerate(keys):
            (folder / f"{index}.pem").write_bytes(private_pem(key, number + index))
            words += ["-k", f"{index}.pem"]
        esptool("espsecure", "sign-data", "-v", version, *words, "-o", "signed.bin", "app.bin", folder=folder)
        return (folder / "signed.bin").read_bytes()


def esp_signed(*keys: str, version: str = "2") -> bytes:
    """Return the application signed for secure boot by `espsecure`, by default with RSA-3072."""
    return espsecure_sign(esp_app(), *(keys or ("rsa-3072",)), version=version)


@lru_cache(maxsize=8)
def esp_merged(*pieces: tuple[int, bytes], chip: str = "esp32c3", words: tuple[str, ...] = ()) -> bytes:
    """Return the pieces at their offsets, merged by `esptool merge-bin`."""
    with tempfile.TemporaryDirectory() as name:
        folder, places = Path(name), []
        for index, (offset, data) in enumerate(pieces):
            (folder / f"{index}.bin").write_bytes(data)
            places += [hex(offset), f"{index}.bin"]
        esptool("esptool", "--chip", chip, "merge-bin", *words, "-o", "merged.bin", *places, folder=folder)
        return (folder / "merged.bin").read_bytes()


def esp_partitions(*entries: tuple[str, int, int, int, int]) -> bytes:
    """Return a partition table: name, type, subtype, offset and size of each partition, then the MD5 (gen_esp32part.py)."""
    table = b"".join(
        struct.pack("<2sBBII16sI", b"\xaa\x50", kind, subtype, offset, size, name.encode(), 0)
        for name, kind, subtype, offset, size in entries
    )
    end = b"\xeb\xeb" + b"\xff" * 14 + hashlib.md5(table, usedforsecurity=False).digest()
    return (table + end).ljust(0xC00, b"\xff")


@lru_cache(maxsize=1)
def esp_uf2() -> bytes:
    """Return the application as UF2, made by `esptool merge-bin`."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "app.bin").write_bytes(esp_app())
        words = ("--chip", "esp32c3", "merge-bin", "--format", "uf2", "-o", "app.uf2", "0x10000", "app.bin")
        esptool("esptool", *words, folder=folder)
        return (folder / "app.uf2").read_bytes()


def elf(pieces: Iterable[tuple[int, bytes]], *, machine: int = 40, entry: int = 0) -> bytes:
    """Return an ELF32 file, little-endian: loaded segments, and a section for each (ELF 1.2, figures 1-3, 1-8 and 2-1)."""
    pieces, names = list(pieces), b"\0.shstrtab\0.text\0"
    body, segments, sections, offset = b"", b"", bytes(40), 52 + 32 * len(pieces)
    for address, data in pieces:
        segments += struct.pack("<8I", 1, offset + len(body), address, address, len(data), len(data), 5, 4)
        sections += struct.pack("<10I", 11, 1, 6, address, offset + len(body), len(data), 0, 0, 4, 0)
        body += data
    sections += struct.pack("<10I", 1, 3, 0, 0, offset + len(body), len(names), 0, 0, 1, 0)
    body += names
    count = len(pieces) + 2
    header = struct.pack(
        "<HHIIIIIHHHHHH", 2, machine, 1, entry, 52, offset + len(body), 0, 52, 32, len(pieces), 40, count, count - 1
    )
    return b"\x7fELF\x01\x01\x01" + bytes(9) + header + segments + body + sections


# --- Intel HEX and UF2, by their descriptions


def ihex(*records: tuple[int, int, bytes]) -> bytes:
    """Return the records (type, address, data) with their checksums (Intel 1988, section 2)."""
    output = []
    for kind, address, data in records:
        content = bytes([len(data), address >> 8, address & 255, kind]) + data
        output.append(":" + (content + bytes([-sum(content) & 255])).hex().upper() + "\n")
    return "".join(output).encode()


def uf2_blocks(pieces: Iterable[tuple[int, bytes]], *, family: int | None = None) -> list[bytes]:
    """Return a block of 512 bytes for each piece."""
    pieces = list(pieces)
    flags = 0 if family is None else 0x2000
    return [
        struct.pack("<8I", 0x0A324655, 0x9E5D5157, flags, address, len(data), number, len(pieces), family or 0)
        + data.ljust(476, b"\0")
        + struct.pack("<I", 0x0AB16F30)
        for number, (address, data) in enumerate(pieces)
    ]


def uf2(data: bytes, *, address: int = 0, family: int | None = None) -> bytes:
    pieces = [(address + offset, data[offset : offset + 256]) for offset in range(0, len(data), 256)]
    return b"".join(uf2_blocks(pieces, family=family))


# --- ST SBSFU, by UM2262


def sbsfu(
    firmware: bytes = FIRMWARE,
    *,
    encrypted: bool = False,
    version: int = 7,
    offset: int = 512,
    header_bytes: int = 320,
    part: tuple[int, int] | None = None,
    initialization_vector: bytes | None = None,
) -> bytes:
    """Return an image as prepareimage.py makes it, by UM2262 and se_def_metadata.h (ST's tool is not available here).

    encrypted: AES-CBC with a padded firmware; the tags are the hashes before encryption. offset: where the firmware begins.
    header_bytes: 192 (X-CUBE-SBSFU 2.0 to 2.4) or 320. part: start and end of the part that a partial image holds.
    """
    if encrypted:
        firmware += bytes(-len(firmware) % 16)
    start, end = part or (0, len(firmware))
    sent, tag = firmware[start:end], hashlib.sha256(firmware).digest()
    vector = initialization_vector or (hashlib.sha256(b"iv").digest()[:16] if encrypted else bytes(16))
    head = struct.pack("<4sHHIII", b"SFU1", 1, version, len(firmware), start, len(sent))
    head += tag + hashlib.sha256(sent).digest() + vector + bytes(28)
    head += ecdsa(private_key("p256"), head, raw=True)
    if header_bytes == 320:
        head += b"\xff" * 96 + bytes(32)  # states of the image, fingerprint of the image before
    if encrypted:
        cipher = Cipher(algorithms.AES(b"K" * 16), modes.CBC(vector)).encryptor()
        sent = cipher.update(sent) + cipher.finalize()
    return head.ljust(offset, b"\xff") + sent


def sbsfu_gcm(firmware: bytes = FIRMWARE, *, version: int = 7, offset: int = 512) -> bytes:
    """Return an image of the scheme AES-GCM: tags of 16 bytes, a nonce, 112 reserved bytes, and a MAC over the header."""
    nonce = b"N" * 12
    sealed = AESGCM(b"K" * 16).encrypt(nonce, firmware, None)
    sent, tag = sealed[:-16], sealed[-16:]
    head = (
        struct.pack("<4sHHIII", b"SFU1", 1, version, len(firmware), 0, len(firmware)) + tag + tag + nonce + bytes(112)
    )
    head += AESGCM(b"K" * 16).encrypt(nonce, b"", head)
    return (head + b"\xff" * 96 + bytes(32)).ljust(offset, b"\xff") + sent


# --- JojoDiff, by its description in JOutBin.cpp of version 0.8.1

MIN_EQUAL_BYTES = 5
"""Shortest run of equal bytes that is copied; shorter runs cost more than they save."""


def jojodiff(base: bytes, target: bytes, *, states_mod: bool = True) -> bytes:
    """Return a patch of JojoDiff. states_mod: False omits MOD after EQL, DEL and BKT, as JojoDiff 0.8.5 does."""
    output, position, previous = [], 0, "MOD" if not states_mod else ""
    for kind, start, end, base_start in _matches(base, target):
        if kind == "EQL" and base_start != position:
            name = "DEL" if base_start > position else "BKT"
            output.append(jojodiff_operation(name, abs(base_start - position)))
            position, previous = base_start, name
        if kind == "EQL":
            output.append(jojodiff_operation("EQL", end - start))
            position += end - start
        else:
            content = target[start:end]
            is_implied = not states_mod and kind == "MOD" and previous != "INS" and not content.startswith(b"\xa7")
            output.append((b"" if is_implied else jojodiff_operation(kind)) + _escaped(content))
            position += len(content) if kind == "MOD" else 0
        previous = kind
    return b"".join(output)


def jojodiff_operation(name: str, size: int | None = None) -> bytes:
    """Return ESC, the code of the operation, and the length of EQL, DEL or BKT."""
    code = bytes([0xA7, {"BKT": 0xA2, "EQL": 0xA3, "DEL": 0xA4, "INS": 0xA5, "MOD": 0xA6}[name]])
    if size is None:
        return code
    if size <= 252:
        return code + bytes([size - 1])
    if size <= 508:
        return code + bytes([252, size - 253])
    return code + (b"\xfd" + size.to_bytes(2, "big") if size <= 0xFFFF else b"\xfe" + size.to_bytes(4, "big"))


def _matches(base: bytes, target: bytes) -> list[tuple[str, int, int, int]]:
    """Return what makes each part of the target: EQL, MOD or INS, with start and end in the target, and the start in the base.

    The parts are found by difflib, on words of four bytes of the base and the target, and enlarged by nothing.
    """
    old, new = ([data[start : start + 4] for start in range(0, len(data), 4)] for data in (base, target))
    parts = []
    for tag, i, j, k, m in difflib.SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        start, end = 4 * k, min(4 * m, len(target))
        if tag == "equal" and end - start >= MIN_EQUAL_BYTES:
            parts.append(("EQL", start, end, 4 * i))
        elif end > start:
            kind = "MOD" if tag == "replace" and j - i == m - k else "INS"
            parts.append((kind, start, end, 4 * i))
    return parts


def _escaped(content: bytes) -> bytes:
    """Return the bytes with ESC before each ESC that the reader would take for the start of an operation."""
    output = bytearray()
    for number, byte in enumerate(content):
        following = content[number + 1] if number + 1 < len(content) else 0xA7  # an operation may follow
        output += b"\xa7\xa7" if byte == 0xA7 and 0xA2 <= following <= 0xA7 else bytes([byte])
    return bytes(output)


# --- esp_delta_ota, as esp_delta_ota_patch_gen.py writes it


def esp_delta(base: bytes, target: bytes, *, sha256: bytes | None = None, **how: object) -> bytes:
    """Return a patch with its header. sha256: hash of the base; by default the hash inside an application, its last 32 bytes."""
    output = io.BytesIO()
    detools.create_patch(io.BytesIO(base), io.BytesIO(target), output, **({"compression": "heatshrink"} | how))
    return struct.pack("<I32s28s", 0xFCCDDE10, base[-32:] if sha256 is None else sha256, b"") + output.getvalue()


# --- mbed, as lorawan-fota-signing-tool writes it


def mbed(
    firmware: bytes = FIRMWARE, *, key: str = "p256", patch: bytes | None = None, base_bytes: int = len(OLD)
) -> bytes:
    """Return a block with the firmware, or with a patch that makes it from a base of `base_bytes`."""
    while not 70 <= len(signature := ecdsa(private_key(key), firmware, raw=False)) <= 72:
        continue  # the tool does not pad a shorter signature
    diff = bytes(4) if patch is None else b"\x01" + base_bytes.to_bytes(3, "big")
    manifest = struct.pack("<B72s16s16sI4s", len(signature), signature, b"M" * 16, b"C" * 16, 1_700_000_000, diff)
    return (firmware if patch is None else patch) + manifest


# --- SUIT

DRAFT_EXAMPLE_0 = bytes.fromhex(
    "d86ba2025873825824822f58206658ea560262696dd1f13b782239a064da7c6c5cbaf52fded428a6fc83c7e5af584ad28443a10126a0f65840408d08"
    "16f9b510749bf6a51b066951e08a4438f849eb092a1ac768eed9de696c1b1dd35d82ef149e6a73a61976ad2cfe78444b8064293350a122f332cb49f0"
    "da035871a50101020003585fa202818141000458568614a40150fa6b4a53d5ad5fdfbe9de663e4d41ffe02501492af1425695e48bf429b2d51f2ab45"
    "035824822f582000112233445566778899aabbccddeeff0123456789abcdeffedcba98765432100e1987d0010f020f074382030f0943821702"
)
"""draft-ietf-suit-manifest, appendix B.1, signed by the key of that appendix."""
DRAFT_KEY = b"""-----BEGIN PUBLIC KEY-----
MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEhJaBGq4LqqvSYVcYnuzaJr6qi/Eb
bz/m4rVlnIXbwK07HypLbAmBMcCjbazR14vTgdzfsJwFLbM5kdtzOLSolg==
-----END PUBLIC KEY-----
"""
DRAFT_SEVERED = cbor2.dumps([20, {21: "http://example.com/very/long/path/to/file/file.bin"}, 21, 2, 3, 15])
DRAFT_SEVERED_SHA256 = "cfa90c5c58595e7f5119a72f803fd0370b3e6abbec6315cd38f63135281bc498"
"""The install member of example 2 of that appendix, and its digest there."""
TRUST_DOMAINS_EXAMPLE_2 = bytes.fromhex(
    "D86BA3025873825824822F5820081285C75B02B48A680774BA4C37C57D1B3C6BA866A4DD795E985BA4CD806087584AD28443A10126A0F6584046BF10"
    "00C7525AA3A5D440E9DD07F368E7A8C10B8E0DD92ACF792CAA8FFB1874A3060A3717374671B34E6FDCAA67575023D3C8894A6ED40A0958025DDFB9B8"
    "BF0358BBA70101020003581CA201A101A101814E646570656E64656E742E7375697402818142313005814E646570656E64696E672E73756974095286"
    "0C0014A11749636174203030203130170F0F5844880C0114A3035824822F58209971271881EDDC8E7AC42C0107B07DAC84DE8F5165EDC9CE0D7EFD4D"
    "0586FEDA0E18BE156F23646570656E64656E742E737569741502030F1158288A0C010B000C0014A112581A20696E206D756C7469706C652074727573"
    "7420646F6D61696E73120F6F23646570656E64656E742E7375697458BED86BA2025873825824822F58206EA128D7BB19B86F77C4227F2A29F22026A4"
    "1958ACC45CC0A35BA388B13E2F51584AD28443A10126A0F6584056AF23FBF29A0159B911B5FA86C6330CCA1EC0381068AF620BEBC2AC20BBF3B9C856"
    "07518E5353B7FC60C8B9F06482BDBED085B4A1E71E0C21516F8680EBC482035842A6010102000347A102818142303005814E646570656E64656E742E"
    "73756974094D8414A11746636174203030170F11528414A1124B68656C6C6F20776F726C64120F"
)
"""draft-ietf-suit-trust-domains, example 2, as libcsuit has it: a payload in the envelope."""

SUIT_ALGORITHMS = {"p256": -7, "p384": -35, "ed25519": -8}


def suit(
    firmware: bytes = FIRMWARE, *, key: str | None = "p256", algorithm: int | None = None, **extra: object
) -> bytes:
    """Return an envelope that contains the firmware and its digest in the manifest, signed as the draft's example 0."""
    image_digest = cbor2.dumps([-16, hashlib.sha256(firmware).digest()])
    shared = [20, {1: b"V" * 16, 2: b"C" * 16, 3: image_digest, 14: len(firmware), 21: "#app"}, 21, 15, 3, 15]
    members = {1: 1, 2: 9, 3: cbor2.dumps({2: [[b"\0"]], 4: cbor2.dumps(shared)})} | extra.get("manifest", {})
    manifest = cbor2.dumps(members)
    digest = cbor2.dumps([-16, hashlib.sha256(cbor2.dumps(manifest)).digest()])
    blocks = [digest] if key is None else [digest, sign1(digest, key, algorithm)]
    envelope = {2: cbor2.dumps(blocks), 3: manifest, "#app": firmware} | extra.get("envelope", {})
    return cbor2.dumps(cbor2.CBORTag(107, envelope))


def sign1(digest: bytes, key: str, algorithm: int | None = None) -> bytes:
    """Return a COSE_Sign1 (RFC 9052 §4.4) of a detached digest."""
    protected = cbor2.dumps({1: SUIT_ALGORITHMS[key] if algorithm is None else algorithm})
    signed = cbor2.dumps(["Signature1", protected, b"", digest])
    private = private_key(key)
    signature = private.sign(signed) if key == "ed25519" else ecdsa(private, signed, raw=True)
    return cbor2.dumps(cbor2.CBORTag(18, [protected, {}, None, signature]))
