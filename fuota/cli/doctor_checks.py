"""What `fuota doctor` looks at on this machine."""

from __future__ import annotations

import os
import platform
import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from importlib.util import find_spec
from pathlib import Path

from fuota.cli.exits import USAGE
from fuota.errors import FuotaError, StorageError

_EXTRAS = {
    "sandbox": ("fastapi", "uvicorn", "python_multipart"),
    "mcuboot": ("imgtool",),
    "delta": ("detools", "bsdiff4"),
    "notebook": ("matplotlib", "pandas"),
    "cluster": ("distributed", "pyarrow"),
    "keyring": ("keyring",),
}
_LEAST_FREE_BYTES = 200_000_000


class State(StrEnum):
    """How a check came out."""

    OK = "OK"
    WARN = "WARN"
    FAIL = "FAIL"


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """What was found and, unless all is well, what to do. `code`: the exit code where it failed."""

    name: str
    state: State
    found: str
    advice: str = ""
    code: int = USAGE


def ok(name: str, found: str) -> Check:
    """All is well."""
    return Check(name=name, state=State.OK, found=found)


def warn(name: str, found: str, advice: str) -> Check:
    """A campaign works, or something beside it does not."""
    return Check(name=name, state=State.WARN, found=found, advice=advice)


def fail(name: str, found: str, advice: str = "", code: int = USAGE) -> Check:
    """A campaign will not work."""
    return Check(name=name, state=State.FAIL, found=found, advice=advice, code=code)


def local_checks(state_dir: Path | None) -> Iterator[Check]:
    """This machine, one check after the other."""
    yield ok("python", f"{platform.python_version()} on {platform.system()} {platform.machine()}")
    yield _packages()
    yield _engine()
    yield _kept_kernels()
    yield _c_compiler()
    yield _journal(state_dir)
    yield _config()


def _packages() -> Check:
    missing = [extra for extra, modules in _EXTRAS.items() if not all(map(find_spec, modules))]
    if not missing:
        return ok("packages", "all optional packages are there")
    what = f"without the extras {', '.join(missing)}"
    if "sandbox" in missing:
        what += "; no sandbox, and the data stream cannot be received"
    return warn("packages", what, f"where they are wanted: pip install 'fuota[{','.join(missing)}]'")


def _engine() -> Check:
    """A block there and back, with a fragment lost; this also compiles the engine."""
    from fuota.fragmentation import FragDecoder, FragmentationSession

    began_s = time.monotonic()
    data = bytes(range(200))
    session = FragmentationSession.fit(data, frag_size=40, redundancy=5)
    decoder = FragDecoder(nb_frag=session.nb_frag, frag_size=session.frag_size, padding=session.padding)
    for fragment in list(session.fragments())[1:]:
        decoder.feed(fragment.n, fragment.payload)
    took_s = time.monotonic() - began_s
    if not decoder.complete or decoder.data() != data:
        return fail("engine", "a data block did not come back whole", "reinstall fuota and numba; report this")
    if os.environ.get("NUMBA_DISABLE_JIT", "0") != "0":
        return warn("engine", "not compiled: NUMBA_DISABLE_JIT is set", "unset it: all is some 100 times slower")
    return ok("engine", f"a data block came back whole, in {took_s:.1f} s with loading")


def _kept_kernels() -> Check:
    from platformdirs import user_cache_path

    folder = Path(os.environ.get("NUMBA_CACHE_DIR") or user_cache_path("fuota", appauthor=False)) / "kernels"
    if folder.is_dir() and os.access(folder, os.W_OK):
        return ok("kernel cache", f"in {folder}")
    return warn(
        "kernel cache",
        f"{folder} cannot be written: every start compiles anew, for some seconds",
        "name a folder that you can write to in NUMBA_CACHE_DIR",
    )


def _c_compiler() -> Check:
    from fuota.device.native_build import compiler

    try:
        command = compiler()
    except StorageError:
        return warn(
            "C compiler", "none", "only the C decoder for devices needs one: install gcc or clang, or name one by CC"
        )
    return ok("C compiler", str(shutil.which(command[0])))


def _journal(state_dir: Path | None) -> Check:
    from fuota.cli.options.server import open_journal

    try:
        journal = open_journal(state_dir)
        journal.close()
    except FuotaError as error:
        return fail("journal", str(error))
    free_bytes = shutil.disk_usage(journal.path.parent).free
    found = f"{journal.path}, {free_bytes / 1e9:.1f} GB free"
    if free_bytes < _LEAST_FREE_BYTES:
        return warn("journal", found, "free some space: what devices report is kept there")
    return ok("journal", found)


def _config() -> Check:
    from fuota.network.server_entries import config_path, server_entries

    try:
        profiles = server_entries()
    except FuotaError as error:
        return fail("configuration", str(error), f"correct {config_path()}")
    names = ", ".join(profiles) or "no servers"
    return ok("configuration", f"{config_path()}: {names}")
