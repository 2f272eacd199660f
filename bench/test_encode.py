"""Encoding a block, compared with the multiplication of libm4ri and with the plain C rows."""

from __future__ import annotations

import time

import jobs
import pytest
from cases import SIZES, SMALL_SIZES, Case, cases
from pytest_benchmark.fixture import BenchmarkFixture

CASES = [*cases(SMALL_SIZES), *(pytest.param(case, marks=pytest.mark.slow) for case in cases(SIZES))]


@pytest.mark.benchmark(timer=time.process_time)
@pytest.mark.parametrize("who", jobs.encode_contenders())
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_encode(benchmark: BenchmarkFixture, case: Case, who: str) -> None:
    benchmark.group = f"encode {case.name}"
    with jobs.encode(case) as contenders:
        benchmark(contenders[who])
