"""Packages that fuota needs: each import is declared, minimum versions are known to be sound, the lock fits."""

from __future__ import annotations

import ast
import importlib.metadata
import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.version import Version

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
EXTRAS = PROJECT["optional-dependencies"]
LOCK = (ROOT / "requirements.lock").read_text()
RUN_TIME = ("sandbox", "notebook", "delta", "keyring", "cluster")

# Package and first version without the advisories that were known when the minimum was set.
SOUND = {
    "cbor2": "5.9.0",  # CVE-2026-26209, CVE-2025-68131
    "cryptography": "50.0.0",  # CVE-2026-69247, CVE-2026-39892, CVE-2026-26007
    "fastapi": "0.133.0",  # the first with starlette 1
    "h11": "0.16.0",  # CVE-2025-43859
    "python-multipart": "0.0.27",  # CVE-2026-42561, CVE-2026-40347, CVE-2026-24486
    "requests": "2.33.0",  # CVE-2026-25645, CVE-2024-47081
    "starlette": "1.3.1",  # CVE-2025-62727, CVE-2026-48710, CVE-2026-54282, CVE-2026-54283
    "urllib3": "2.7.0",  # CVE-2026-44432, CVE-2026-21441, CVE-2025-66471, CVE-2025-66418
}


def canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def declared(*extras: str) -> dict[str, Requirement]:
    lines = [*PROJECT["dependencies"], *(line for extra in extras for line in EXTRAS[extra])]
    return {canonical(requirement.name): requirement for requirement in map(Requirement, lines)}


def imported_modules() -> set[str]:
    modules: set[str] = set()
    for path in (ROOT / "fuota").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                modules |= {name.name.partition(".")[0] for name in node.names}
            elif isinstance(node, ast.ImportFrom) and not node.level:
                modules.add((node.module or "").partition(".")[0])
    return modules - set(sys.stdlib_module_names) - {"fuota", "_typeshed"}


def test_every_import_is_declared():
    packages = importlib.metadata.packages_distributions()
    names = {module: {canonical(name) for name in packages.get(module, [])} for module in imported_modules()}
    assert "requests" in names
    undeclared = {module for module, distributions in names.items() if not distributions & declared(*RUN_TIME).keys()}
    assert undeclared == set()


@pytest.mark.parametrize("name", SOUND)
def test_minimum_versions_are_sound(name):
    requirement = declared(*RUN_TIME)[name]
    (lowest,) = (Version(part.version) for part in requirement.specifier if part.operator == ">=")
    assert lowest >= Version(SOUND[name])


def locked() -> dict[str, list[tuple[Version, int]]]:
    entries: dict[str, list[tuple[Version, int]]] = {}
    for entry in re.split(r"\n(?=\S)", LOCK):
        match = re.match(r"([A-Za-z0-9._-]+)==([^ ;\\]+)", entry)
        if match:
            versions = entries.setdefault(canonical(match[1]), [])
            versions.append((Version(match[2]), entry.count("--hash=sha256:")))
    return entries


def test_the_lock_has_every_package_with_hashes():
    entries = locked()
    for name, requirement in declared("dev", *RUN_TIME).items():
        if name == "fuota":
            continue
        assert any(version in requirement.specifier for version, _ in entries[name]), name
    assert all(hashes for versions in entries.values() for _, hashes in versions)
    assert "://" not in LOCK, "all packages come from the usual index"


@pytest.mark.slow
def test_the_bill_of_materials_names_the_packages(tmp_path):
    path = tmp_path / "fuota.cdx.json"
    tool = Path(sys.executable).parent / "cyclonedx-py"
    command = [tool, "environment", "--pyproject", ROOT / "pyproject.toml", "--of", "JSON", "-o", path, sys.executable]
    subprocess.run(command, check=True, capture_output=True)
    document = json.loads(path.read_text())
    assert document["bomFormat"] == "CycloneDX"
    assert Version(document["specVersion"]) >= Version("1.5")
    assert document["metadata"]["component"]["name"] == "fuota"
    components = {canonical(component["name"]): component for component in document["components"]}
    for name in ("numpy", "numba", "requests", "cbor2"):
        assert components[name]["purl"].startswith(f"pkg:pypi/{name}@")
