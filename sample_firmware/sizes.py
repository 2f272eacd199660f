"""Puts the measured sizes into README.md. Usage: python sizes.py FOLDER, in which the images and README.md lie."""

from __future__ import annotations

import re
import struct
import sys
from pathlib import Path

VERSIONS = ("1.0.0", "1.1.0")
SUFFIXES = ("bin", "elf", "hex", "srec", "uf2", "signed.bin")


def main(folder: Path) -> None:
    """Rewrite the numbers in its tables; what is around them stays."""
    readme = folder / "README.md"
    text = readme.read_text()
    for suffix in SUFFIXES:
        old, new = ((folder / f"sensor-{version}.{suffix}").stat().st_size for version in VERSIONS)
        text = replaced(text, rf"(\| `\.{re.escape(suffix)}`, bytes \|) \d+ \| \d+ \|", rf"\1 {old} | {new} |")
    old, new = (ram_bytes((folder / f"sensor-{version}.elf").read_bytes()) for version in VERSIONS)
    text = replaced(text, r"(\| RAM \(`\.data` \+ `\.bss`\), bytes \|) \d+ \| \d+ \|", rf"\1 {old} | {new} |")
    for path in (*folder.glob("*.patch"), folder / "boot.elf"):
        text = replaced(text, rf"(\| `{re.escape(path.name)}` \|) \d+ \|", rf"\1 {path.stat().st_size} |")
    length = (folder / "sensor-1.1.0.bin").stat().st_size
    readme.write_text(replaced(text, r"(vector table and block included \|) \d+ \|", rf"\1 {length} |"))


def replaced(text: str, pattern: str, by: str) -> str:
    """With the one place that fits; any other number of places is a mistake."""
    text, count = re.subn(pattern, by, text)
    if count != 1:
        raise SystemExit(f"sizes.py: {count} places in README.md fit {pattern}, not 1")
    return text


def ram_bytes(elf: bytes) -> int:
    """Memory from 0x20000000 on that the segments of a 32-bit ELF take."""
    offset, count = struct.unpack_from("<28xI12xH", elf)
    segments = [struct.unpack_from("<8I", elf, offset + 32 * i) for i in range(count)]
    return sum(memory for kind, _, address, _, _, memory, _, _ in segments if kind == 1 and address >= 0x2000_0000)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
