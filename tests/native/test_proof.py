"""The decoder in C under compilers, sanitizers and a fuzzer, and compared with a simple model."""

from __future__ import annotations

import gzip
import json
import os
import platform
import re

import pytest

pytestmark = pytest.mark.slow

DIVIDE = ["", "-DFUOTA_FRAG_DIVIDE"]
"""Flags for processors without and with a division instruction, which use different code for the modulo."""


@pytest.mark.parametrize("compiler", ["gcc", "clang"])
@pytest.mark.parametrize(
    "flags", ["-O0", "-Os -ffreestanding -nostdinc", "-O3 -DFUOTA_FRAG_DIVIDE", "-Os -m32 -ffreestanding"]
)
def test_compilers_give_no_warnings(compiler, flags, tmp_path, native):
    native.need(compiler)
    if "-m32" in flags and platform.machine() not in ("x86_64", "i686"):
        pytest.skip(f"{platform.machine()} has no -m32")
    include = ["-isystem", native.run(compiler, "-print-file-name=include").strip()] if "-nostdinc" in flags else []
    native.run(
        compiler,
        *native.strict,
        *flags.split(),
        *include,
        "-c",
        native.folder / "fuota_frag.c",
        "-o",
        tmp_path / "frag.o",
    )


def test_decoder_has_no_globals_and_calls_no_functions(tmp_path, native):
    """The object needs no symbol and has no data: no heap, no global variables."""
    native.need("gcc", "nm", "size")
    native.run(
        "gcc", *native.strict, "-Os", "-ffreestanding", "-c", native.folder / "fuota_frag.c", "-o", tmp_path / "frag.o"
    )
    undefined = native.run("nm", "--undefined-only", tmp_path / "frag.o").split()
    assert [name for name in undefined if name not in {"U", "_GLOBAL_OFFSET_TABLE_"}] == []
    assert native.run("size", tmp_path / "frag.o").splitlines()[1].split()[1:3] == ["0", "0"]


def test_the_header_compiles_as_cxx(tmp_path, native):
    native.need("g++")
    (tmp_path / "use.cpp").write_text(
        '#include "fuota_frag.h"\nint main() { return fuota_frag_missing(nullptr) == 1; }\n'
    )
    native.run(
        "g++", "-Wall", "-Wextra", "-Werror", "-I", native.folder, "-c", tmp_path / "use.cpp", "-o", tmp_path / "use.o"
    )


def test_the_contract_holds_under_the_sanitizers(native):
    assert native.run(native.build("suite", *native.sanitizers)) == "the contract holds\n"


@pytest.mark.parametrize("divide", DIVIDE)
def test_arbitrary_calls_agree_with_the_model_under_the_sanitizers(native, divide):
    flags = [flag for flag in [*native.sanitizers, divide] if flag]
    assert native.run(native.build("fuzz", *flags), 2000) == "2000 sequences of calls agree with the model\n"


def test_fuzzing_finds_nothing(native, tmp_path):
    """`make fuzz` runs for a longer time."""
    program = native.build("fuzz", "-DLIBFUZZER", "-g", "-O1", "-fsanitize=fuzzer,address,undefined", compiler="clang")
    seconds = os.environ.get("FUOTA_FUZZ_SECONDS", "15")
    native.run(
        program, f"-max_total_time={seconds}", "-max_len=700", "-seed=1", cwd=tmp_path, timeout=int(seconds) + 60
    )


def test_the_field_sequences_are_received_as_recorded(native, vectors):
    versions = {"v1": 1, "v2_lbm": 2, "v2_spec": 3}
    for case in vectors("fec_decode")["cases"]:
        lines = [f"{case['M']} {case['frag_size']} {versions[case['variant']]}"]
        lines += [f"{n} {payload}" for n, payload in zip(case["received_N"], case["fragments"], strict=True)]
        missing = native.run(native.build("replay", *native.sanitizers), input="\n".join(lines).encode()).split()
        done = case["completes_at_index"]
        assert done is None or missing.pop() == case["payload"], case["name"]
        assert (missing.index("0") if "0" in missing else None) == done, case["name"]


def excluded_lines(folder):
    """Return the lines that native/README.md lists as lines with branches that no test executes."""
    section = (folder / "README.md").read_text().split("## Code that no test executes")[1].split("\n## ")[0]
    return set(re.findall(r"^- `(.+?)`:", section, re.MULTILINE))


def test_every_line_and_branch_is_executed_or_excluded(native):
    native.need("gcov")
    for main, *arguments in (["suite"], ["fuzz", "3000"]):
        program = native.build(main, "--coverage", "-O0")
        native.run(program, *arguments)
    lines = {}
    for main in ("suite", "fuzz"):
        folder = native.build(main, "--coverage", "-O0").parent
        native.run("gcov", "-b", "-j", f"{main}-fuota_frag.gcda", cwd=folder)
        report = json.loads(gzip.decompress(next(folder.glob("*fuota_frag*.gcov.json.gz")).read_bytes()))
        (file,) = (file for file in report["files"] if file["file"].endswith("fuota_frag.c"))
        for line in file["lines"]:
            counts = [line["count"], *(branch["count"] for branch in line["branches"])]
            lines[line["line_number"]] = [
                a + b for a, b in zip(lines.get(line["line_number"], [0] * 99), counts, strict=False)
            ]
    source = (native.folder / "fuota_frag.c").read_text().splitlines()
    uncovered = {source[number - 1].strip() for number, counts in lines.items() if 0 in counts}
    assert uncovered == excluded_lines(native.folder)
