"""Checks of this machine."""

from __future__ import annotations

import os
import platform
import shutil
import time
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

from fuota.campaign.doctor.check import Check, fail, ok, warn
from fuota.campaign.state_folder import open_journal
from fuota.errors import FuotaError, StorageError

_EXTRAS = {
    "sandbox": ("fastapi", "uvicorn", "python_multipart"),
    "delta": ("detools", "bsdiff4"),
    "notebook": ("matplotlib", "pandas"),
    "cluster": ("distributed", "pyarrow"),
    "keyring": ("keyring",),
}
_LEAST_FREE_BYTES = 200_000_000


def local_checks(state_dir: Path | None = None) -> Iterator[Check]:
    """Yield the checks of this machine. state_dir: folder of the journal; None is the state folder of the user."""
    yield ok("python", f"{platform.python_version()} on {platform.system()} {platform.machine()}")
    yield _packages()
    yield _engine()
    yield _kernel_cache()
    yield _c_compiler()
    yield _journal(state_dir)
    yield _config()


def _packages() -> Check:
    missing = [extra for extra, modules in _EXTRAS.items() if not all(map(find_spec, modules))]
    if not missing:
        return ok("packages", "all optional packages are there")
    finding = f"the extras {', '.join(missing)} are not installed"
    if "sandbox" in missing:
        finding += ": the sandbox and the receiver of the data stream do not work"
    return warn("packages", finding, f"if you need them: pip install 'fuota[{','.join(missing)}]'")


def _engine() -> Check:
    """Encode a data block and decode it with one fragment lost; this also compiles the engine."""
    from fuota.fragmentation import FragDecoder, FragmentationSession

    began_s = time.monotonic()
    data = bytes(range(200))
    session = FragmentationSession.fit(data, frag_size=40, redundancy=5)
    decoder = FragDecoder(nb_frag=session.nb_frag, frag_size=session.frag_size, padding=session.padding)
    for fragment in list(session.fragments())[1:]:
        decoder.feed(fragment.n, fragment.payload)
    took_s = time.monotonic() - began_s
    if not decoder.complete or decoder.data() != data:
        return fail("engine", "a data block was not decoded correctly", "reinstall fuota and numba; report this")
    if os.environ.get("NUMBA_DISABLE_JIT", "0") != "0":
        return warn(
            "engine", "not compiled: NUMBA_DISABLE_JIT is set", "unset it: the engine is about 100 times slower"
        )
    return ok("engine", f"a data block was decoded correctly, in {took_s:.1f} s with loading")


def _kernel_cache() -> Check:
    from platformdirs import user_cache_path

    folder = Path(os.environ.get("NUMBA_CACHE_DIR") or user_cache_path("fuota", appauthor=False)) / "kernels"
    if folder.is_dir() and os.access(folder, os.W_OK):
        return ok("kernel cache", f"in {folder}")
    return warn(
        "kernel cache",
        f"{folder} cannot be written: every start compiles again, which takes some seconds",
        "set NUMBA_CACHE_DIR to a folder that you can write to",
    )


def _c_compiler() -> Check:
    from fuota.device.native_build import compiler

    try:
        command = compiler()
    except StorageError:
        return warn("C compiler", "none", "only the C decoder for devices needs it: install gcc or clang, or set CC")
    return ok("C compiler", str(shutil.which(command[0])))


def _journal(state_dir: Path | None) -> Check:
    try:
        journal = open_journal(state_dir)
        journal.close()
    except FuotaError as error:
        return fail("journal", str(error))
    free_bytes = shutil.disk_usage(journal.path.parent).free
    finding = f"{journal.path}, {free_bytes / 1e9:.1f} GB free"
    if free_bytes < _LEAST_FREE_BYTES:
        return warn("journal", finding, "free some space: the reports of devices are stored there")
    return ok("journal", finding)


def _config() -> Check:
    from fuota.network.server_entries import config_path, server_entries

    try:
        entries = server_entries()
    except FuotaError as error:
        return fail("configuration", str(error), f"correct {config_path()}")
    names = ", ".join(entries) or "no servers"
    return ok("configuration", f"{config_path()}: {names}")
