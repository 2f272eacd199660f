"""How long an image of a mebibyte is checked, in every format: the images section of docs/numbers.md. `make bench` runs it."""

from __future__ import annotations

import statistics
import struct
import time
from collections.abc import Callable
from pathlib import Path

import bincopy
import numpy as np
from markdown import at_most, table, write_between_markers

import fuota
from fuota.device import DeviceProfile
from fuota.image.delta import make_delta

NUMBERS = Path(__file__).parents[1] / "docs" / "numbers.md"
GOAL_S = 0.5
PROFILE = DeviceProfile()


def firmware(size: int) -> bytes:
    """Octets as uneven as code, with a vector table, a run of filler, and no other meaning."""
    rng = np.random.default_rng(3)
    body = rng.choice(256, size=size, p=rng.dirichlet(np.full(256, 0.5))).astype(np.uint8).tobytes()
    return struct.pack("<II", 0x2000_8000, 0x101) + body[8:-4096] + b"\xff" * 4096


def images(data: bytes) -> dict[str, bytes]:
    """The same firmware in each format that is made here without a tool from elsewhere."""
    records = bincopy.BinFile()
    records.add_binary(data, address=0x0800_0000)
    records.execution_start_address = 0x0800_0100  # without it bincopy writes S-records that have no end
    return {
        "raw": data,
        "Intel HEX": records.as_ihex().encode(),
        "S-record": records.as_srec().encode(),
        "UF2": _uf2(data),
        "MCUboot, hashed": _mcuboot(data),
    }


def _uf2(data: bytes) -> bytes:
    pieces = [data[at : at + 256] for at in range(0, len(data), 256)]
    return b"".join(
        struct.pack("<8I", 0x0A324655, 0x9E5D5157, 0, 256 * i, len(one), i, len(pieces), 0)
        + one.ljust(476, b"\0")
        + struct.pack("<I", 0x0AB16F30)
        for i, one in enumerate(pieces)
    )


def _mcuboot(data: bytes) -> bytes:
    from hashlib import sha256

    signed = struct.pack("<IIHHIIBBHII", 0x96F3B83D, 0, 32, 0, len(data), 0, 1, 0, 0, 0, 0) + data
    return signed + struct.pack("<HHHH", 0x6907, 40, 0x10, 32) + sha256(signed).digest()


def median_s(measured: Callable[[], object], rounds: int) -> float:
    """Wall time, as a user waits for it."""
    times = []
    for _ in range(rounds):
        start = time.perf_counter()
        measured()
        times.append(time.perf_counter() - start)
    return statistics.median(times)


def section(size: int = 1 << 20, rounds: int = 5) -> list[str]:
    """The lines of the section."""
    data, rows = firmware(size), []
    for name, image in images(data).items():
        findings = fuota.validate_image(image, profile=PROFILE)  # its reader is imported
        assert "structure" not in findings.codes, f"{name} is not read to its end"
        took_s = median_s(lambda image=image: fuota.validate_image(image, profile=PROFILE), rounds)
        rows.append((f"{name}, {len(image)} bytes", f"{took_s:.3f} s", f"{GOAL_S:g} s", at_most(took_s, GOAL_S)))
    other = data[: size // 2] + b"inserted" * 8 + data[size // 2 :]
    delta_s = median_s(lambda: make_delta(data, other), 1)
    return [
        "## Images",
        "",
        f"Written by `make bench`: `fuota.validate_image` of a firmware of {size} bytes in memory, against a profile; wall time"
        f" after imports, median of {rounds}. A patch (heatshrink) of it after 64 inserted bytes is made, applied and compared in"
        f" {delta_s:.1f} s.",
        "",
        *table(("image", "time", "goal", ""), rows),
    ]


def main() -> None:
    """Write the section."""
    write_between_markers(NUMBERS, "images", section())


if __name__ == "__main__":
    main()
