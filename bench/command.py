"""Measure `fuota encode` as a whole process."""

from __future__ import annotations

import os
import statistics
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from cases import SEED
from markdown import at_most, milliseconds, table
from measure import child_cpu_s

BLOCK_BYTES = 235_520
FRAG_SIZES = (48, 112, 232)


def command(rounds: int) -> list[str]:
    """Return the table: CPU time of the process, compared with the imports that it needs, and wall time of the first use."""
    with tempfile.TemporaryDirectory() as folder:
        image = Path(folder, "image.bin")
        image.write_bytes(np.random.default_rng(SEED).bytes(BLOCK_BYTES))
        first_s = _first_use(folder, image)
        lines = [_comparison(image, frag_size, rounds) for frag_size in FRAG_SIZES]
    return [
        "### The whole command",
        "",
        f"`fuota encode` of {BLOCK_BYTES} bytes, 20 % redundancy, warm caches, compared with `python -c 'import numpy, numba'`; CPU"
        " time in ms. Goal: a difference of at most 300.",
        "",
        *table(["fragment", "import numpy, numba", "fuota encode", "difference", "goal"], lines),
        f"First use, with an empty cache: {first_s:.1f} s of wall time (goal, 10 s: {at_most(first_s, 10)}).",
        "",
    ]


def _comparison(image: Path, frag_size: int, rounds: int) -> list[str]:
    environment = _environment()
    contenders = {"import": [sys.executable, "-c", "import numpy, numba"], "encode": _encode(image, frag_size)}
    samples: dict[str, list[float]] = {name: [] for name in contenders}
    child_cpu_s(contenders["encode"], environment)  # compiles the kernels that are not in the cache yet
    for _ in range(rounds):
        for name, words in contenders.items():
            samples[name].append(child_cpu_s(words, environment))
    base, whole = (statistics.median(samples[name]) for name in ("import", "encode"))
    return [f"{frag_size}", *map(milliseconds, (base, whole, whole - base)), at_most(whole - base, 0.3)]


def _first_use(folder: str, image: Path) -> float:
    empty = str(Path(folder, "cache"))
    environment = _environment() | {"NUMBA_CACHE_DIR": empty, "XDG_CACHE_HOME": empty}
    start = time.perf_counter()
    child_cpu_s(_encode(image, FRAG_SIZES[0]), environment)
    return time.perf_counter() - start


def _encode(image: Path, frag_size: int) -> list[str]:
    fuota = str(Path(sys.executable).with_name("fuota"))
    output = str(image.with_suffix(".fragments"))
    return [fuota, "encode", str(image), "-s", str(frag_size), "-r", "0.2", "-o", output]


def _environment() -> dict[str, str]:
    # Without bytecode, each start would compile every module again, and the time would be included.
    return {**os.environ, "PYTHONDONTWRITEBYTECODE": ""}
