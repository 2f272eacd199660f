"""Make UF2 files, MCUboot images signed with a test key, and patches from the binaries of both versions.

Usage: python package.py FOLDER, with sensor-1.0.0.bin and sensor-1.1.0.bin in FOLDER.

The test key is derived from a public text in each build, so that every build gives the same bytes. Its signature proves nothing,
and it must not sign anything that runs on a device.
"""

from __future__ import annotations

import hashlib
import struct
import subprocess
import sys
import tempfile
from importlib.metadata import version as installed
from pathlib import Path

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from fuota.image.delta import DeltaRecipe, make_delta

VERSIONS = ("1.0.0", "1.1.0")
SEED = b"fuota sample firmware: a test key that is no secret"
HEADER_BYTES = 256  # keeps the vector table behind the header aligned as a Cortex-M3 with 48 vectors needs it
SLOT_BYTES = 64 * 1024
UF2_PAYLOAD_BYTES = 256


def main(folder: Path) -> None:
    """Write all files into the folder of the binaries."""
    key = Ed25519PrivateKey.from_private_bytes(hashlib.sha256(SEED).digest())
    (folder / "test-key.pub.pem").write_bytes(
        key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    )
    for version in VERSIONS:
        stem = folder / f"sensor-{version}"
        stem.with_name(f"{stem.name}.uf2").write_bytes(uf2(stem.with_name(f"{stem.name}.bin").read_bytes()))
        sign(key, version, folder)
    for kind in ("bin", "signed.bin"):
        old, new = ((folder / f"sensor-{version}.{kind}").read_bytes() for version in VERSIONS)
        patch = make_delta(old, new, DeltaRecipe(compression="heatshrink"))
        name = f"sensor-1.0.0-to-1.1.0.{kind.replace('bin', 'patch')}"
        (folder / name).write_bytes(patch.data)
    tools = [f"{name} {installed(name)}" for name in ("imgtool", "detools", "heatshrink2")]
    with (folder / "COMPILER").open("a") as file:
        file.write("\n".join(tools) + "\n")


def uf2(data: bytes) -> bytes:
    """Return a UF2 file with blocks of 256 bytes from address 0, without a family, because the board has none."""
    pieces = [data[start : start + UF2_PAYLOAD_BYTES] for start in range(0, len(data), UF2_PAYLOAD_BYTES)]
    return b"".join(
        struct.pack("<8I", 0x0A324655, 0x9E5D5157, 0, number * UF2_PAYLOAD_BYTES, len(piece), number, len(pieces), 0)
        + piece.ljust(476, b"\0")
        + struct.pack("<I", 0x0AB16F30)
        for number, piece in enumerate(pieces)
    )


def sign(key: Ed25519PrivateKey, version: str, folder: Path) -> None:
    """Sign the binary of a version with imgtool. Ed25519 gives the same signature each time."""
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    with tempfile.NamedTemporaryFile(suffix=".pem") as file:
        file.write(private)
        file.flush()
        options = (
            f"-k {file.name} -v {version} -H {HEADER_BYTES} --pad-header -S {SLOT_BYTES} --align 4 --overwrite-only"
        )
        names = [str(folder / f"sensor-{version}.{kind}") for kind in ("bin", "signed.bin")]
        command = [sys.executable, "-m", "imgtool.main", "sign", *options.split(), *names]
        subprocess.run(command, check=True)  # noqa: S603 - all words are from this file


if __name__ == "__main__":
    main(Path(sys.argv[1]))
