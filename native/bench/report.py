"""Measure the sizes and instruction counts of the decoder with the cross compiler and QEMU, for the tables of native/README.md.

`python native/bench/report.py` writes the tables. With --check it writes nothing, and exits with 1 if the tables are out of date.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

Case = tuple[int, ...]
"""nb_frag, frag_size, lost, capacity, version"""
Counts = dict[str, int]

HERE = Path(__file__).parent
README = HERE.parent / "README.md"
CORES = {"m0plus": "M0+", "m4": "M4"}
CALLS = ("init", "resume", "feed", "step", "missing")
CHECKS = ("crc32", "sha256", "check_mic")

LARGE, SMALL = (1067, 48, 81, 213), (221, 232, 23, 44)
"""nb_frag, frag_size, lost, capacity: 50 KB with 10 % lost and memory for 20 %."""

CASES = [
    ("50 KB in 48 B, version 1", (*LARGE, 1)),
    ("50 KB in 48 B, version 2", (*LARGE, 2)),
    ("50 KB in 232 B, version 1", (*SMALL, 1)),
    ("50 KB in 48 B, memory for the 81 lost only", (1067, 48, 81, 81, 1)),
    ("50 KB in 48 B, all of the memory's 213 lost", (1067, 48, 213, 213, 1)),
]

PEERS = {
    # name: RAM, stack, code M0+, code M4; millions of instructions: 48 B on M0+, M4, 232 B on M0+, M4, and the longest call
    "LoRaMac-node": ("7954", 328, 1798, 1164, 81.4, 60.2, 9.78, 5.61, 32.6),
    "LoRa Basics Modem, v1": ("7952", 328, 1756, 1128, 80.9, 59.8, 9.27, 5.20, 32.6),
    "LoRa Basics Modem, v2": ("7952", 328, 1772, 1128, 90.5, 65.0, 10.40, 5.77, 33.0),
    "Zephyr, low memory": ("3376 + 11 K", 136, 2300, 2016, 55.3, 34.1, 9.32, 4.72, 12.6),
    "JiapengLi": ("3572", 88, 2000, 1440, 78.1, 53.7, 9.46, 5.06, 33.5),
    "Mbed": ("9.6 K heap", 188, 1550, 1546, 85.0, 53.9, 10.26, 6.09, 21.1),
}
"""Results of other decoders, with the same cases, flags (-Os, nano libc) and counting, at their commits of November 2026."""


def run(*command: str | Path) -> str:
    """Return the output of a command. Raises CalledProcessError."""
    return subprocess.run([str(part) for part in command], check=True, capture_output=True, text=True).stdout  # noqa: S603


def measure(core: str, case: Case) -> Counts:
    """Return the counts of one session under QEMU."""
    counts: Counts = json.loads(run(HERE / "run.sh", core, *map(str, case)).splitlines()[-1])
    return counts


def code_bytes(core: str, calls: tuple[str, ...]) -> int:
    """Return the bytes of code and tables that these calls add to an image, with the functions of libgcc that they need."""
    with tempfile.TemporaryDirectory() as folder:
        image = Path(folder) / "image.elf"
        roots = [f"-Wl,-u,fuota_frag_{call}" for call in calls]
        flags = [
            "-mthumb",
            f"-mcpu=cortex-{core}",
            "-Os",
            "-std=c99",
            "-ffreestanding",
            "-ffunction-sections",
            "-fdata-sections",
        ]
        link = ["-nostdlib", "-Wl,--gc-sections", "-Wl,-e,0", *roots, "-lgcc"]
        run("arm-none-eabi-gcc", *flags, "-DFUOTA_FRAG_CHECKS", HERE.parent / "fuota_frag.c", *link, "-o", image)
        return int(run("arm-none-eabi-size", image).splitlines()[1].split()[0])


def millions(count: float) -> str:
    """Return a number of instructions as text, with three digits."""
    return f"{count / 1e6:.3g} M" if count >= 1e6 else f"{count / 1e6:.3f} M"


def comparison_table(counts: dict[tuple[str, Case], Counts], code: dict[str, int]) -> list[str]:
    """Return the table of all decoders, for the two cases in which the other decoders were measured."""
    large, small = (*LARGE, 1), (*SMALL, 1)
    longest = max(counts["m0plus", large][f"{kind}_most"] for kind in ("init", "uncoded", "coded", "step"))
    ours = counts["m0plus", large]
    totals = " | ".join(millions(counts[core, case]["total"]) for case in (large, small) for core in CORES)
    lines = [
        "| decoder | RAM | stack | code M0+ | code M4 | 48 B, M0+ | 48 B, M4 | 232 B, M0+ | 232 B, M4 | longest call, 48 B, M0+ |",
        "|---|---|---|---|---|---|---|---|---|---|",
        f"| **fuota** | {ours['ram']} | {ours['stack']} | {code['m0plus']} | {code['m4']} | {totals} | {millions(longest)} |",
    ]
    for name, (ram, stack, code_m0, code_m4, *figures) in PEERS.items():
        instructions = " | ".join(f"{figure:.3g} M" for figure in figures)
        lines.append(f"| {name} | {ram} | {stack} | {code_m0} | {code_m4} | {instructions} |")
    return lines


def detail_table(counts: dict[tuple[str, Case], Counts]) -> list[str]:
    """Return the table of our cases."""
    lines = [
        "| case | core | RAM | coded | all | feed, all | feed, longest | step, longest | steps | row reads / M | row writes |",
        "|---|---|---|---|---|---|---|---|---|---|---|",
    ]
    for name, case in CASES:
        for core, core_name in CORES.items():
            c = counts[core, case]
            feed, most = c["uncoded"] + c["coded"], max(c["uncoded_most"], c["coded_most"])
            work = [millions(count) for count in (c["total"], feed, most, c["step_most"])]
            cells = [
                name,
                core_name,
                c["ram"],
                c["nb_coded"],
                *work,
                c["steps"],
                f"{c['row_reads'] / case[0]:.1f}",
                c["row_writes"],
            ]
            lines.append(f"| {' | '.join(map(str, cells))} |")
    return lines


def optional_table(core_bytes: dict[str, int]) -> list[str]:
    """Return the table of the optional parts, with the bytes that each adds to the image."""
    lines = ["| optional | M0+ | M4 |", "|---|---|---|"]
    for check in CHECKS:
        added = [code_bytes(core, (*CALLS, check)) - core_bytes[core] for core in CORES]
        lines.append(f"| `fuota_frag_{check}` | {added[0]} | {added[1]} |")
    return lines


def tables() -> str:
    """Measure, and return all tables as Markdown."""
    counts = {(core, case): measure(core, case) for core in CORES for _, case in CASES}
    code = {core: code_bytes(core, CALLS) for core in CORES}
    compiler = run("arm-none-eabi-gcc", "--version").splitlines()[0]
    parts = [comparison_table(counts, code), detail_table(counts), optional_table(code), [f"Compiler: {compiler}."]]
    return "\n\n".join("\n".join(part) for part in parts)


def main() -> int:
    """Write the tables, or compare them with the file."""
    for tool in ("arm-none-eabi-gcc", "qemu-system-arm"):
        if shutil.which(tool) is None:
            raise SystemExit(
                f"{tool} is not installed: run `sh tools/native_tools.sh` to install the tools (Debian, Ubuntu)"
            )
    text = README.read_text()
    before = re.search(r"(?<=<!-- sizes -->\n).*?(?=\n<!-- end of sizes -->)", text, re.DOTALL)
    if before is None:
        raise SystemExit(f"{README} has no comments that mark the tables")
    text_now = tables()
    if "--check" in sys.argv[1:]:
        return int(text_now != before.group())
    README.write_text(text[: before.start()] + text_now + text[before.end() :])
    return 0


if __name__ == "__main__":
    sys.exit(main())
