"""Time to check an image of 1 MiB in every format: the images section of docs/numbers.md. `make bench` runs it."""

from __future__ import annotations

import statistics
import struct
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from hashlib import sha256
from pathlib import Path

import bincopy
import cbor2
import numpy as np
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from markdown import at_most, table, write_between_markers

import fuota
from fuota.device import DeviceProfile
from fuota.image.delta import make_delta

NUMBERS = Path(__file__).parents[1] / "docs" / "numbers.md"
GOAL_S = 0.5
PROFILE = DeviceProfile()
SIGNED = "MCUboot, Ed25519 verified"


def firmware(size: int) -> bytes:
    """Return bytes with a distribution like code, a vector table, a run of filler, and no other meaning."""
    rng = np.random.default_rng(3)
    body = rng.choice(256, size=size, p=rng.dirichlet(np.full(256, 0.5))).astype(np.uint8).tobytes()
    return struct.pack("<16I", 0x2000_8000, *[0x101] * 15) + body[64:-4096] + b"\xff" * 4096


def images(data: bytes) -> dict[str, bytes]:
    """Return the firmware in each format that can be made without external tools."""
    records = bincopy.BinFile()
    records.add_binary(data, address=0x0800_0000)
    records.execution_start_address = 0x0800_0100  # without it bincopy writes S-records without an end record
    return {
        "raw": data,
        "Intel HEX": records.as_ihex().encode(),
        "S-record": records.as_srec().encode(),
        "ELF": _elf(data),
        "UF2": _uf2(data),
        SIGNED: _mcuboot(data),
        "SUIT, with its payload": _suit(data),
        "patch (detools, heatshrink)": make_delta(data, changed(data)).data,
    }


def changed(data: bytes) -> bytes:
    """Return the next version of the firmware: 64 bytes are inserted."""
    half = len(data) // 2
    return data[:half] + b"inserted" * 8 + data[half:]


def key() -> Ed25519PrivateKey:
    """Return the private key that signs the MCUboot image. It is not secret."""
    return Ed25519PrivateKey.from_private_bytes(bytes(range(32)))


def public_key() -> bytes:
    """Return the public key in PEM."""
    return key().public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def _elf(data: bytes) -> bytes:
    segment = struct.pack("<8I", 1, 84, 0x0800_0000, 0x0800_0000, len(data), len(data), 5, 4)
    header = struct.pack("<HHIIIIIHHHHHH", 2, 40, 1, 0x0800_0101, 52, 0, 0, 52, 32, 1, 40, 0, 0)
    return b"\x7fELF\x01\x01\x01" + bytes(9) + header + segment + data


def _suit(data: bytes) -> bytes:
    parameters = {3: cbor2.dumps([-16, sha256(data).digest()]), 21: "#app"}
    manifest = cbor2.dumps({1: 1, 2: 1, 3: cbor2.dumps({4: cbor2.dumps([20, parameters])})})
    digest = cbor2.dumps([-16, sha256(cbor2.dumps(manifest)).digest()])
    return cbor2.dumps(cbor2.CBORTag(107, {2: cbor2.dumps([digest]), 3: manifest, "#app": data}))


def _uf2(data: bytes) -> bytes:
    pieces = [data[start : start + 256] for start in range(0, len(data), 256)]
    return b"".join(
        struct.pack("<8I", 0x0A324655, 0x9E5D5157, 0, 256 * i, len(piece), i, len(pieces), 0)
        + piece.ljust(476, b"\0")
        + struct.pack("<I", 0x0AB16F30)
        for i, piece in enumerate(pieces)
    )


def _mcuboot(data: bytes) -> bytes:
    """Return the image signed by imgtool, which runs as a process."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "in.bin").write_bytes(data)
        (folder / "key.pem").write_bytes(key().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
        options = "-k key.pem -v 1.0.0 -H 32 --pad-header -S 0x1000000 --align 4 --overwrite-only in.bin out.bin"
        command = [sys.executable, "-m", "imgtool.main", "sign", *options.split()]
        subprocess.run(command, cwd=folder, check=True, capture_output=True)
        return (folder / "out.bin").read_bytes()


def median_s(job: Callable[[], object], rounds: int) -> float:
    """Return the median of the wall time of `job`."""
    times = []
    for _ in range(rounds):
        start = time.perf_counter()
        job()
        times.append(time.perf_counter() - start)
    return statistics.median(times)


def section(size: int = 1 << 20, rounds: int = 5) -> list[str]:
    """Return the lines of the section."""
    data, rows = firmware(size), []
    for name, image in images(data).items():
        check = partial(
            fuota.validate_image, image, profile=PROFILE, public_key=public_key() if name == SIGNED else None
        )
        codes = check().codes  # imports the reader of the format
        assert {"structure", "hash", "raw-unknown", "signature"}.isdisjoint(codes), (
            f"{name} is not read completely: {codes}"
        )
        took_s = median_s(check, rounds)
        rows.append((f"{name}, {len(image)} bytes", f"{took_s:.3f} s", f"{GOAL_S:g} s", at_most(took_s, GOAL_S)))
    delta_s = median_s(lambda: make_delta(data, changed(data)), 1)
    return [
        "## Images",
        "",
        f"Written by `make bench`: `fuota.validate_image` of a firmware of {size} bytes in memory, with a profile, and with a"
        f" public key for MCUboot; wall time without imports, median of {rounds}. Making, applying and comparing a patch"
        f" (heatshrink) for 64 inserted bytes takes {delta_s:.2f} s.",
        "",
        *table(("image", "time", "goal", ""), rows),
    ]


def main() -> None:
    """Write the section."""
    write_between_markers(NUMBERS, "images", section())


if __name__ == "__main__":
    main()
