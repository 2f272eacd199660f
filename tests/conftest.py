from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

# The first call of a kernel compiles it, so there is no deadline. `make test-slow` runs the properties with the profile "thorough".
_ANYWHERE = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("fuota", _ANYWHERE, max_examples=30)
settings.register_profile("thorough", _ANYWHERE, max_examples=100)
settings.load_profile("fuota")


SLOW_TO_COLLECT = {"test_openapi.py", "test_sweep_cluster.py"}
"""Files with slow tests only, or nearly, whose collection takes seconds in each worker. `make test-slow` collects them."""


def pytest_ignore_collect(collection_path, config):
    is_fast_run = config.getoption("markexpr") == "not slow"
    return True if is_fast_run and collection_path.name in SLOW_TO_COLLECT else None


@pytest.fixture(scope="session")
def vectors():
    """Return a function that reads a file of tests/vectors. Each file names its origin."""

    def read(name: str) -> Any:
        return json.loads((Path(__file__).parent / "vectors" / f"{name}.json").read_text())

    return read
