"""Parity rows, compared with the plain C loop."""

from __future__ import annotations

import time

import jobs
import pytest
from cases import ROW_SIZES, SMALL_ROW_SIZES, VERSIONS
from pytest_benchmark.fixture import BenchmarkFixture

SIZES = [*SMALL_ROW_SIZES, *(pytest.param(nb_frag, marks=pytest.mark.slow) for nb_frag in ROW_SIZES)]


@pytest.mark.benchmark(timer=time.process_time)
@pytest.mark.parametrize("who", jobs.row_contenders())
@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("nb_frag", SIZES)
def test_rows(benchmark: BenchmarkFixture, nb_frag: int, version: int, who: str) -> None:
    benchmark.group = f"rows, M = {nb_frag}, v{version}"
    benchmark(jobs.rows(nb_frag, version)[who])
