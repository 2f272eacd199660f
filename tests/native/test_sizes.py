"""The figures of native/README.md: still those of the source, and within what was aimed at where it is kept."""

from __future__ import annotations

import json
import re

import pytest

CASES = {"m0plus": 27_000_000, "m4": 17_000_000}
"""Half of what the best peer takes for 50 KB in fragments of 48 octets, 10 % lost."""


@pytest.fixture
def arm(native):
    native.need("arm-none-eabi-gcc", "qemu-system-arm")
    return native


@pytest.mark.parametrize("core", CASES)
def test_a_session_stays_within_its_bounds(arm, core):
    said = arm.run(arm.folder / "bench" / "run.sh", core, 1067, 48, 81, 213, 1)
    figures = json.loads(said.splitlines()[-1])
    triangle, known, fragments = 213 * 214 // 2 / 8, 1067 / 8, 2 * 48
    assert figures["ram"] <= triangle + known + fragments + 128
    assert figures["stack"] <= 200
    assert figures["total"] <= CASES[core]
    assert figures["row_reads"] < 20 * 1067
    assert figures["row_writes"] == 1067 + 2 * 81
    assert max(value for name, value in figures.items() if name.endswith("_most")) < 100_000


def deepest(frames, calls, name):
    """Octets of stack that a function and the deepest of those it calls have. A recursion would not end."""
    return frames[name] + max((deepest(frames, calls, callee) for callee in calls.get(name, ())), default=0)


def test_no_chain_of_calls_has_more_stack_than_it_says(arm, tmp_path):
    """By the compiler's own account, which reaches what no measurement does; the caller's functions come on top."""
    flags = ["-mcpu=cortex-m0plus", "-mthumb", "-Os", "-std=c99", "-ffreestanding", "-fcallgraph-info=su"]
    arm.run("arm-none-eabi-gcc", *flags, "-c", arm.folder / "fuota_frag.c", "-o", tmp_path / "frag.o", cwd=tmp_path)
    graph = (tmp_path / "frag.ci").read_text()
    frames = {
        name: int(octets)
        for name, octets in re.findall(r'title: "([^"]+)" label: "[^"]*?(\d+) bytes \(static\)', graph)
    }
    calls = {}
    for caller, callee in re.findall(r'sourcename: "([^"]+)" targetname: "([^"]+)"', graph):
        calls.setdefault(caller, []).extend([callee] if callee in frames else [])
    assert len(frames) > 20
    assert graph.count("dynamic") == 0
    assert max(deepest(frames, calls, name) for name in frames) <= 200


@pytest.mark.slow
def test_the_tables_are_those_of_the_source(arm):
    """Remade by `make size`; with another compiler they would differ, and say which it was."""
    compiler = arm.run("arm-none-eabi-gcc", "--version").splitlines()[0]
    if f"Compiler: {compiler}." not in (arm.folder / "README.md").read_text():
        pytest.skip(f"the tables were made by another compiler than {compiler}")
    arm.run("python3", arm.folder / "bench" / "report.py", "--check", timeout=300)
