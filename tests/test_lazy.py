"""Public names that are loaded on first use."""

import importlib
import pkgutil
import subprocess
import sys

import pytest

import fuota

PACKAGES = [name for _, name, is_package in pkgutil.walk_packages(fuota.__path__, "fuota.") if is_package]


@pytest.mark.parametrize("package", ["fuota", *PACKAGES])
def test_every_public_name_exists(package):
    module = importlib.import_module(package)
    for name in getattr(module, "__all__", ()):
        assert getattr(module, name) is not None


@pytest.mark.parametrize("package", ["fuota", *PACKAGES])
def test_no_public_name_is_hidden_by_a_module_of_the_same_name(package):
    module = importlib.import_module(package)
    modules = {name for _, name, _ in pkgutil.iter_modules(module.__path__)}
    lazy = set(getattr(module, "__all__", ())) if hasattr(module, "__getattr__") else set()
    assert not lazy & modules


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no attribute 'colour'"):
        fuota.colour  # noqa: B018


def test_import_of_fuota_loads_no_heavy_library():
    program = (
        "import sys, fuota; print([m for m in ('numba', 'numpy', 'requests', 'fastapi', 'click') if m in sys.modules])"
    )
    assert (
        subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout.strip()
        == "[]"
    )
