"""Decoding, at once and one fragment at a time, compared with the solution of libm4ri for given rows."""

from __future__ import annotations

import time

import jobs
import pytest
from cases import LOSSES, SIZES, SMALL_SIZES, Case, cases, receive
from pytest_benchmark.fixture import BenchmarkFixture

CASES = [*cases(SMALL_SIZES), *(pytest.param(case, marks=pytest.mark.slow) for case in cases(SIZES))]


@pytest.mark.benchmark(timer=time.process_time)
@pytest.mark.parametrize("who", jobs.decode_contenders())
@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_decode(benchmark: BenchmarkFixture, case: Case, loss: float, who: str) -> None:
    reception = receive(case, loss)
    benchmark.group = f"decode {reception.name}"
    with jobs.decode(reception) as contenders:
        benchmark(contenders[who])
