"""Write the measured sizes into README.md. Usage: python sizes.py FOLDER, with the images and README.md in FOLDER."""

from __future__ import annotations

import re
import struct
import sys
from pathlib import Path

VERSIONS = ("1.0.0", "1.1.0")
SUFFIXES = ("bin", "elf", "hex", "srec", "uf2", "signed.bin")


def main(folder: Path) -> None:
    """Rewrite the numbers in the tables of README.md; all other text stays."""
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


def replaced(text: str, pattern: str, replacement: str) -> str:
    """Return the text with the only match replaced. Exits if there is not exactly 1 match."""
    text, count = re.subn(pattern, replacement, text)
    if count != 1:
        raise SystemExit(f"sizes.py: README.md must have 1 match of {pattern}, got {count}")
    return text


def ram_bytes(elf: bytes) -> int:
    """Return the bytes of memory from 0x20000000 on that the segments of a 32-bit ELF occupy."""
    offset, count = struct.unpack_from("<28xI12xH", elf)
    segments = [struct.unpack_from("<8I", elf, offset + 32 * i) for i in range(count)]
    return sum(memory for kind, _, address, _, _, memory, _, _ in segments if kind == 1 and address >= 0x2000_0000)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
