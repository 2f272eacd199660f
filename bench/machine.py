"""Description of the machine that measures: processor, vector instructions, versions."""

from __future__ import annotations

import platform
import subprocess
from pathlib import Path

import numba
import numpy as np
import peers
from llvmlite import binding
from numba.core import codegen, config

WIDTHS = {"+avx512f": "AVX-512", "+avx2": "AVX2", "+avx": "AVX", "+sse2": "SSE2", "+neon": "NEON"}


def description() -> list[str]:
    m4ri = _first_line("pkg-config", "--modversion", "m4ri")
    return [
        f"* Processor: {_processor()}; LLVM uses the model {config.CPU_NAME or binding.get_host_cpu_name()}, and the"
        f" kernels use {vector_path()}.",
        f"* Python {platform.python_version()}, numpy {np.__version__}, numba {numba.__version__}, libm4ri {m4ri},"
        f" {_first_line(peers.COMPILER, '--version')}, other programs with `{' '.join(peers.FLAGS)}`.",
        *(f"* {sentence}" for sentence in peers.load().left_out),
    ]


def vector_path() -> str:
    """Return the widest vectors that numba uses on this machine; NUMBA_CPU_FEATURES can limit them."""
    features = (config.CPU_FEATURES or codegen.get_host_cpu_features()).split(",")
    return next((name for feature, name in WIDTHS.items() if feature in features), "no vectors")


def _processor() -> str:
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    models = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return f"{len(models)} x {models[0]}" if models else platform.processor() or platform.machine()


def _first_line(*command: str) -> str:
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return "(version unknown)"
    return done.stdout.splitlines()[0]
