from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

# The first call of a jitted kernel compiles it: no deadline can hold there.
settings.register_profile("fuota", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("fuota")


@pytest.fixture(scope="session")
def vectors():
    """Reads a file of tests/vectors; each tells its origin inside."""

    def read(name: str) -> Any:
        return json.loads((Path(__file__).parent / "vectors" / f"{name}.json").read_text())

    return read
