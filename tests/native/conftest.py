"""Compilers and emulators for the decoder in C.

A test whose tool is missing is skipped with the reason. If FUOTA_REQUIRE_TOOLS is set, as in CI, it fails.
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
    """Return the standard output of a command. Raises AssertionError, with all output, if the command fails."""
    done = subprocess.run([str(part) for part in command], check=False, capture_output=True, timeout=timeout, **kwargs)
    output = (done.stdout + done.stderr).decode(errors="replace")
    assert done.returncode == 0, f"{command[0]} exited with {done.returncode}:\n{output[-3000:]}"
    return done.stdout.decode()


class Native:
    """The folder native/ and the programs compiled from it."""

    folder = NATIVE
    strict = STRICT
    sanitizers = SANITIZERS
    need = staticmethod(need)
    run = staticmethod(run)

    def __init__(self, make_folder):
        self._make_folder = make_folder
        self._programs = {}

    def build(self, main, *flags, compiler="gcc"):
        """Return the executable of a program of native/test with the decoder; it is compiled once for the same arguments."""
        need(compiler)
        key = (main, flags, compiler)
        if key not in self._programs:
            out = self._make_folder("native") / main
            sources = [NATIVE / name for name in ("fuota_frag.c", *HARNESS, f"test/{main}.c")]
            run(compiler, *STRICT, *flags, *sources, "-o", out, cwd=out.parent)
            self._programs[key] = out
        return self._programs[key]


@pytest.fixture(scope="session")
def native(tmp_path_factory):
    """Return the decoder in C with its compilers and programs."""
    return Native(tmp_path_factory.mktemp)
