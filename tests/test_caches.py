"""Compiled code is executed: it is only loaded from folders that nobody else can change, and only if it is undamaged."""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from fuota.caches import cache_folder, load, store

needs_root = pytest.mark.skipif(
    os.name != "posix" or os.geteuid() != 0, reason="only root can give files to another user"
)
needs_compiler = pytest.mark.skipif(
    not any(map(shutil.which, ("cc", "gcc", "clang"))), reason="this test needs a C compiler"
)
NOBODY = 65534


@pytest.fixture
def root(tmp_path):
    """Folder below which no other user can write, for the folders above it as well."""
    folder = tmp_path / "cache"
    folder.mkdir(mode=0o700)
    return folder


def is_temporary(folder: Path) -> bool:
    return folder.name.startswith("fuota-") and stat.S_IMODE(folder.stat().st_mode) == 0o700


# --- folders


@pytest.mark.parametrize("umask", [0o000, 0o002, 0o022, 0o077])
def test_folders_are_private_whatever_the_umask(root, umask):
    before = os.umask(umask)
    try:
        folder = cache_folder(root / "new", "kernels", "0123456789abcdef")
    finally:
        os.umask(before)
    assert folder == root / "new" / "kernels" / "0123456789abcdef"
    for path in (folder, folder.parent, root / "new"):
        assert stat.S_IMODE(path.stat().st_mode) == 0o700


@pytest.mark.parametrize("mode", [0o702, 0o777])
def test_a_root_that_others_can_change_is_not_used(root, mode):
    root.chmod(mode)
    assert is_temporary(cache_folder(root, "kernels"))
    assert list(root.iterdir()) == []


def test_a_folder_above_that_others_can_change_is_not_used(root):
    below = root / "below"
    below.mkdir(mode=0o700)
    root.chmod(0o777)
    assert is_temporary(cache_folder(below, "kernels"))
    root.chmod(0o1777)
    assert cache_folder(below, "kernels") == below / "kernels", "in a sticky folder, others cannot replace it"


@pytest.mark.parametrize("mode", [0o770, 0o707, 0o777])
def test_content_that_others_may_have_planted_is_dropped(root, mode):
    folder = cache_folder(root, "kernels")
    (folder / "planted").write_text("planted")
    (folder / "planted folder").mkdir()
    folder.chmod(mode)
    assert cache_folder(root, "kernels") == folder
    assert list(folder.iterdir()) == []
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700


@pytest.mark.parametrize("mode", [0o775, 0o777])
def test_other_content_of_a_folder_that_others_could_change_is_kept(root, mode):
    folder = cache_folder(root, "kernels", "0123456789abcdef")
    (folder / "planted").write_text("planted")
    (folder.parent / "mine").write_text("mine")
    folder.parent.chmod(mode)
    assert cache_folder(root, "kernels", "0123456789abcdef") == folder
    assert list(folder.iterdir()) == []
    assert (folder.parent / "mine").read_text() == "mine"
    assert stat.S_IMODE(folder.parent.stat().st_mode) == 0o755


@needs_root
@pytest.mark.parametrize("depth", [0, 1, 2])
def test_a_folder_of_another_user_is_not_used(root, depth):
    chain = [root, root / "kernels", root / "kernels" / "0123456789abcdef"]
    chain[-1].mkdir(parents=True)
    os.chown(chain[depth], NOBODY, NOBODY)
    assert is_temporary(cache_folder(root, "kernels", "0123456789abcdef"))


def test_a_link_to_another_place_is_not_followed(root, tmp_path):
    (tmp_path / "elsewhere").mkdir()
    (root / "kernels").symlink_to(tmp_path / "elsewhere")
    assert is_temporary(cache_folder(root, "kernels"))


def test_a_folder_that_cannot_be_made_is_replaced(root):
    (root / "kernels").write_text("a file")
    assert is_temporary(cache_folder(root, "kernels"))


# --- files


def test_a_stored_file_is_loaded_again(root):
    store(root / "x", b"content")
    assert load(root / "x") == b"content"
    assert stat.S_IMODE((root / "x").stat().st_mode) == 0o600
    assert load(root / "y") is None


@pytest.mark.parametrize("damage", [b"", b"x", bytes(32), bytes(200)])
def test_a_damaged_file_is_dropped(root, damage):
    (root / "x").write_bytes(damage)
    assert load(root / "x") is None
    assert not (root / "x").exists()


def test_each_changed_or_missing_byte_is_noticed(root):
    store(root / "x", b"content")
    whole = (root / "x").read_bytes()
    for position in range(len(whole)):
        (root / "x").write_bytes(whole[:position])
        assert load(root / "x") is None
        (root / "x").write_bytes(whole[:position] + bytes([whole[position] ^ 1]) + whole[position + 1 :])
        assert load(root / "x") is None


@needs_root
def test_a_file_of_another_user_is_not_loaded(root):
    store(root / "x", b"content")
    os.chown(root / "x", NOBODY, NOBODY)
    assert load(root / "x") is None


# --- the kernels


def run_kernel(cache: Path, **environment: str) -> tuple[Path, str]:
    """Run a kernel in another process. Return its cache folder and what it wrote on stderr."""
    variables = {**os.environ, "NUMBA_CACHE_DIR": str(cache), **environment}
    variables.pop("NUMBA_DISABLE_JIT", None)
    script = (
        "from fuota.fragmentation import FragmentationSession;"
        "from fuota.jit import _cache_folder;"
        "s = FragmentationSession.fit(bytes(100), frag_size=10, redundancy=5);"
        "assert len(list(s.fragments())) == 15;"
        "print(_cache_folder())"
    )
    done = subprocess.run([sys.executable, "-c", script], env=variables, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return Path(done.stdout.strip()), done.stderr


@pytest.mark.slow
def test_damaged_kernels_are_compiled_again(root):
    folder, _ = run_kernel(root)
    stored = sorted(folder.glob("*.kernel"))
    assert stored
    assert {stat.S_IMODE(path.stat().st_mode) for path in stored} == {0o600}
    times = {path: path.stat().st_mtime_ns for path in stored}
    assert run_kernel(root) == (folder, "")
    assert {path: path.stat().st_mtime_ns for path in stored} == times, "nothing was compiled again"
    for damage in (b"", b"garbage", stored[0].read_bytes()[:-1]):
        for path in stored:
            path.write_bytes(damage)
        assert run_kernel(root) == (folder, "")
        assert all(load(path) for path in stored), "compiled and stored again"


@pytest.mark.slow
def test_other_names_in_a_shared_cache_are_kept(root):
    kernels = root / "kernels"
    kernels.mkdir(mode=0o700)
    for name in ("mine", "0123456789ABCDEF", "x" * 16, "f" * 15):
        (kernels / name).mkdir()
    old = [kernels / f"{number:016x}" for number in range(6)]
    for number, path in enumerate(old):
        path.mkdir()
        os.utime(path, (number, number))
    folder, _ = run_kernel(root)
    left = {path.name for path in kernels.iterdir()}
    assert {"mine", "0123456789ABCDEF", "x" * 16, "f" * 15, folder.name} <= left
    assert len(left) == 4 + 4, "four versions are kept"


@pytest.mark.slow
@needs_root
def test_kernels_of_another_user_are_not_executed(root, tmp_path):
    planted = tmp_path / "planted"
    folder, _ = run_kernel(root)
    payload = f"cos\nsystem\n(S'touch {planted}'\ntR.".encode()
    for path in folder.glob("*.kernel"):
        store(path, payload)
        os.chown(path, NOBODY, NOBODY)
    run_kernel(root)
    for path in (root, *root.glob("**/*")):
        os.chown(path, NOBODY, NOBODY)
        if path.is_dir():
            path.chmod(0o777)
    for path in folder.glob("*.kernel"):
        store(path, payload)
    used, _ = run_kernel(root)
    assert used != folder
    assert not planted.exists()


# --- the decoder in C


@pytest.fixture
def build(root, monkeypatch):
    """Return the function that compiles the library, with its own cache."""
    from fuota.device import native_build

    monkeypatch.setenv("XDG_CACHE_HOME", str(root))
    return native_build.library


@pytest.mark.slow
@needs_compiler
@pytest.mark.parametrize("suffix", [".so", ".stored"])
@pytest.mark.parametrize("damage", [b"", b"garbage", None])
def test_a_damaged_library_is_compiled_again(build, suffix, damage):
    path = build()
    whole = path.read_bytes()
    damaged = path.with_suffix(suffix)
    damaged.write_bytes(damaged.read_bytes()[:-100] if damage is None else damage)
    assert build() == path
    assert path.read_bytes() == whole


@pytest.mark.slow
@needs_root
@needs_compiler
def test_a_library_of_another_user_is_not_loaded(build, root):
    path = build()
    for folder in (root, root / "fuota", path.parent):
        folder.chmod(0o777)
        os.chown(folder, NOBODY, NOBODY)
    path.write_bytes(b"planted")
    assert build().parent != path.parent
    assert build().read_bytes() != b"planted"


@pytest.mark.parametrize("command", ["gcc '", '"', "gcc \\"])
def test_a_compiler_that_is_not_a_command_is_refused(monkeypatch, command):
    from fuota.device import native_build
    from fuota.errors import StorageError

    monkeypatch.setenv("CC", command)
    with pytest.raises(StorageError, match=r"\$CC is not a command"):
        native_build.compiler()


def test_the_temporary_folder_is_removed_at_the_end(root):
    root.chmod(0o777)
    script = f"from fuota.caches import cache_folder; from pathlib import Path; print(cache_folder(Path({str(root)!r}), 'x'))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert not Path(done.stdout.strip()).exists()
