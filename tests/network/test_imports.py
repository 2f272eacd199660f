"""Modules that other packages import must not load the heavy libraries."""

from __future__ import annotations

import subprocess
import sys

import pytest

HEAVY = {"requests", "urllib3", "numba", "numpy", "fastapi", "uvicorn"}
LIGHT_MODULES = [
    "eui", "urls", "times", "uplinks", "redaction", "device_lists", "server_entries", "keys", "senra.transfers",
    "senra.multicast", "senra.devices", "senra.device_rows", "senra.device_records", "senra.task_requests",
]  # fmt: skip


@pytest.mark.parametrize("modules", [LIGHT_MODULES[:4], LIGHT_MODULES[4:]], ids=["data stream", "requests and lists"])
def test_importing_these_modules_loads_no_heavy_library(modules):
    imports = "; ".join(f"import fuota.network.{name}" for name in modules)
    code = f"import sys; {imports}; print(*({HEAVY!r} & set(sys.modules)))"
    completed = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert completed.stdout.strip() == ""
