# fuota: every target works as the first command on a fresh clone.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# One worker for each processor; a worker without work takes tests from another.
PARALLEL := -n auto --dist worksteal
ENGINE := tests/gf2 $(wildcard tests/fragmentation/test_*.py) tests/sim/test_kernels.py

# If this variable is set, Python keeps no bytecode and every start takes three times as long.
export PYTHONDONTWRITEBYTECODE =

.PHONY: run test test-slow field check lint language types layers graph bench bench-short torture lock release firmware native native-test fuzz size clean help

help:            ## list the targets
	@grep -E '^[a-z-]+: .*##|^[a-z-]+:  *##' Makefile | sed 's/:.*##/\t/' | expand -t 14

run: $(VENV)/.run       ## update a fleet of virtual devices and show what each device runs
	@$(BIN)/fuota demo

test: $(VENV)/.dev      ## the test suite, in parallel
	@$(BIN)/python -m pytest $(PARALLEL)

test-slow: $(VENV)/.dev ## long tests, properties with more examples, the engine under other conditions
	@$(BIN)/python -m pytest $(PARALLEL) -m 'slow or hypothesis' --hypothesis-profile=thorough
	@echo 'the engine without the compiler, with bounds checked, and for a processor without vectors:'
	@NUMBA_DISABLE_JIT=1 $(BIN)/python -m pytest $(PARALLEL) $(ENGINE)
	@kernels=$$(mktemp -d) && trap 'rm -rf "$$kernels"' EXIT && export NUMBA_CACHE_DIR="$$kernels" \
	    && NUMBA_BOUNDSCHECK=1 $(BIN)/python -m pytest $(PARALLEL) -m '' $(ENGINE) && rm -rf "$$kernels" \
	    && NUMBA_CPU_NAME=generic $(BIN)/python -m pytest $(PARALLEL) -m '' $(ENGINE)

field: $(VENV)/.dev     ## images beside objcopy, srec_cat, imgtool, esptool and detools
	@$(BIN)/python -m pytest $(PARALLEL) -m field

check: lint language types layers ## everything that needs no test run

lint: $(VENV)/.dev      ## code style (ruff)
	@$(BIN)/ruff check . && $(BIN)/ruff format --check .

language: $(VENV)/.dev  ## plain English: the rules of docs/style.md
	@$(BIN)/python tools/check_language.py

types: $(VENV)/.dev     ## mypy, strict, and the types of the public interface
	@$(BIN)/mypy && $(BIN)/python -m pytest -m '' tests/typing

layers: $(VENV)/.dev    ## which package may import which (import-linter)
	@$(BIN)/lint-imports

graph: $(VENV)/.dev     ## draw the imports between the packages, docs/import-graph.svg
	@$(BIN)/python tools/import_graph.py

bench: $(VENV)/.dev     ## timings beside other implementations, into docs/numbers.md
	@$(BIN)/python bench/report.py
	@$(BIN)/python bench/code_statistics.py
	@$(BIN)/python bench/planning.py
	@$(BIN)/python bench/images.py
	@$(BIN)/python bench/simulation.py
	@$(BIN)/python bench/bench_load.py

bench-short: $(VENV)/.dev ## the benchmarks on small cases, without timing
	@$(BIN)/python -m pytest bench --benchmark-disable

torture: $(VENV)/.dev   ## kills, damage and attacks, into docs/reliability.md (TORTURE=10: ten times as many)
	@$(BIN)/python bench/torture.py

lock: $(VENV)/.dev      ## write requirements.lock: versions and hashes of all packages, for CI
	@$(BIN)/uv pip compile -q pyproject.toml --extra dev --universal --python-version 3.11 --generate-hashes --no-annotate \
	    --no-header --upgrade -o requirements.lock

release: $(VENV)/.dev   ## build sdist, wheel and bill of materials (CycloneDX) in dist/
	@sh tools/release.sh "$(PYTHON)" "$(BIN)"

firmware: $(VENV)/.dev  ## rebuild sample_firmware (needs gcc-arm-none-eabi)
	@PYTHON='$(BIN)/python' sh sample_firmware/build.sh

native: $(VENV)/.run    ## compile the decoder in C for this machine, as the library that fuota loads
	@$(BIN)/python -c 'from fuota.device.native_build import library; print(library())'

native-test: $(VENV)/.dev ## all tests of the decoder in C: sanitizers, fuzzing for 15 s, coverage, sizes
	@$(BIN)/python -m pytest -m '' tests/native/test_proof.py tests/native/test_sizes.py tests/device/test_native.py

FUZZ_SECONDS ?= 600
fuzz: $(VENV)/.dev      ## fuzz the decoder in C for FUZZ_SECONDS (600)
	@FUOTA_FUZZ_SECONDS=$(FUZZ_SECONDS) $(BIN)/python -m pytest -m slow tests/native/test_proof.py -k fuzzing

size: $(VENV)/.dev      ## measure the decoder on Cortex-M, into native/README.md (gcc-arm-none-eabi, qemu-system-arm)
	@$(BIN)/python native/bench/report.py

clean:                  ## remove the environment and all caches
	rm -rf $(VENV) .mypy_cache .pytest_cache .ruff_cache .hypothesis .benchmarks .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(VENV)/.run: pyproject.toml
	@sh tools/setup.sh "$(PYTHON)" "$(VENV)" sandbox

$(VENV)/.dev: pyproject.toml
	@sh tools/setup.sh "$(PYTHON)" "$(VENV)" dev
