"""The figures of native/README.md: they match the source, and are within the aims that were reached."""

from __future__ import annotations

import json
import re

import pytest

CASES = {"m0plus": 27_000_000, "m4": 17_000_000}
"""Half of the instructions of the best other decoder for 50 KB in fragments of 48 bytes, 10 % lost."""


@pytest.fixture
def arm(native):
    native.need("arm-none-eabi-gcc", "qemu-system-arm")
    return native


@pytest.mark.parametrize("core", CASES)
def test_a_session_stays_within_its_bounds(arm, core):
    output = arm.run(arm.folder / "bench" / "run.sh", core, 1067, 48, 81, 213, 1)
    figures = json.loads(output.splitlines()[-1])
    triangle, known, fragments = 213 * 214 // 2 / 8, 1067 / 8, 2 * 48
    assert figures["ram"] <= triangle + known + fragments + 128
    assert figures["stack"] <= 200
    assert figures["total"] <= CASES[core]
    assert figures["row_reads"] < 20 * 1067
    assert figures["row_writes"] == 1067 + 2 * 81
    assert max(value for name, value in figures.items() if name.endswith("_most")) < 100_000


def deepest(frames, calls, name):
    """Return the bytes of stack of a function and its deepest chain of calls. It does not end if there is a recursion."""
    return frames[name] + max((deepest(frames, calls, callee) for callee in calls.get(name, ())), default=0)


def test_no_chain_of_calls_needs_more_than_200_bytes_of_stack(arm, tmp_path):
    """From the report of the compiler, which covers all code. The callbacks of the caller are not included."""
    flags = ["-mcpu=cortex-m0plus", "-mthumb", "-Os", "-std=c99", "-ffreestanding", "-fcallgraph-info=su"]
    arm.run("arm-none-eabi-gcc", *flags, "-c", arm.folder / "fuota_frag.c", "-o", tmp_path / "frag.o", cwd=tmp_path)
    graph = (tmp_path / "frag.ci").read_text()
    frames = {
        name: int(size) for name, size in re.findall(r'title: "([^"]+)" label: "[^"]*?(\d+) bytes \(static\)', graph)
    }
    calls = {}
    for caller, callee in re.findall(r'sourcename: "([^"]+)" targetname: "([^"]+)"', graph):
        calls.setdefault(caller, []).extend([callee] if callee in frames else [])
    assert len(frames) > 20
    assert graph.count("dynamic") == 0
    assert max(deepest(frames, calls, name) for name in frames) <= 200


@pytest.mark.slow
def test_the_tables_match_the_source(arm):
    """`make size` writes the tables. They name the compiler, because another compiler gives other sizes."""
    compiler = arm.run("arm-none-eabi-gcc", "--version").splitlines()[0]
    if f"Compiler: {compiler}." not in (arm.folder / "README.md").read_text():
        pytest.skip(f"the tables were made with another compiler than {compiler}")
    arm.run("python3", arm.folder / "bench" / "report.py", "--check", timeout=300)
