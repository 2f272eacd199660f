"""Compilers and emulators for the decoder in C.

A test without its tool is skipped with the reason; where FUOTA_REQUIRE_TOOLS is set, as in CI, it fails.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

NATIVE = Path(__file__).parents[2] / "native"
STRICT = ["-std=c99", "-Wall", "-Wextra", "-Wpedantic", "-Wconversion", "-Wshadow", "-Werror", "-DFUOTA_FRAG_CHECKS"]
SANITIZERS = ["-g", "-O1", "-fsanitize=address,undefined", "-fno-sanitize-recover=all"]
HARNESS = ["host/memory.c", "test/model.c"]


def need(*tools):
    for tool in tools:
        if shutil.which(tool) is None:
            reason = f"{tool} is not installed"
            pytest.fail(reason) if os.environ.get("FUOTA_REQUIRE_TOOLS") else pytest.skip(reason)


def run(*command, timeout=120, **kwargs):
    """What a command says on stdout; AssertionError with all of its words where it fails."""
    done = subprocess.run([str(part) for part in command], check=False, capture_output=True, timeout=timeout, **kwargs)
    words = (done.stdout + done.stderr).decode(errors="replace")
    assert done.returncode == 0, f"{command[0]} gave {done.returncode}:\n{words[-3000:]}"
    return done.stdout.decode()


class Native:
    """native/ and what compiles it."""

    folder = NATIVE
    strict = STRICT
    sanitizers = SANITIZERS
    need = staticmethod(need)
    run = staticmethod(run)

    def __init__(self, make_folder):
        self._make_folder = make_folder
        self._made = {}

    def build(self, main, *flags, compiler="gcc"):
        """The decoder and one program of native/test, as an executable; made once for all who ask for the same."""
        need(compiler)
        key = (main, flags, compiler)
        if key not in self._made:
            out = self._make_folder("native") / main
            sources = [NATIVE / name for name in ("fuota_frag.c", *HARNESS, f"test/{main}.c")]
            run(compiler, *STRICT, *flags, *sources, "-o", out, cwd=out.parent)
            self._made[key] = out
        return self._made[key]


@pytest.fixture(scope="session")
def native(tmp_path_factory):
    """The decoder in C, its compilers and programs."""
    return Native(tmp_path_factory.mktemp)
