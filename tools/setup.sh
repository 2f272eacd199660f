#!/bin/sh
# Builds the virtual environment of this checkout: setup.sh PYTHON VENV EXTRA
# Reports what is missing. Uses uv (fast) if it can be installed, otherwise pip. For the extra dev, the versions and hashes of
# requirements.lock are installed; if the package index does not have them, the newest versions are, unless FUOTA_LOCKED=1.
set -eu
python=$1 venv=$2 extra=$3

fail() { printf 'fuota set-up: %s\n' "$1" >&2; exit 1; }

command -v "$python" >/dev/null 2>&1 || fail "no '$python' on the PATH. Install Python 3.11 or newer, or name it: make PYTHON=/path/to/python3"
"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null \
    || fail "$("$python" --version 2>&1) is too old: Python 3.11 or newer is needed. Name it: make PYTHON=/path/to/python3"
"$python" -c 'import venv' 2>/dev/null || fail "this Python has no 'venv' module (Debian, Ubuntu: apt-get install python3-venv)"

# pip of this Python; if it has none, pip inside the environment.
pip="$python -m pip -q --python $venv/bin/python"
"$python" -m pip --version >/dev/null 2>&1 || pip=
[ -n "$pip" ] || "$python" -c 'import ensurepip' 2>/dev/null \
    || fail "this Python has neither 'pip' nor 'ensurepip' (Debian, Ubuntu: apt-get install python3-pip, or python3-venv)"

printf 'Setting up %s (%s) ...\n' "$venv" "$("$python" --version)" >&2
if [ ! -x "$venv/bin/python" ]; then
    "$python" -m venv ${pip:+--without-pip} "$venv" || fail "could not create $venv"
fi
[ -n "$pip" ] || pip="$venv/bin/python -m pip -q"

uv_version=$(sed -n 's/^uv==//p' tools/uv.version)
install_with_uv() {
    [ -x "$venv/bin/uv" ] || $pip install "uv==$uv_version" || $pip install uv
    "$venv/bin/uv" pip install -q --compile-bytecode --python "$venv/bin/python" "$@"
}
install_locked() {
    install_with_uv --require-hashes -r requirements.lock && install_with_uv --no-deps -e .
}
install_newest() {
    [ "${FUOTA_LOCKED:-}" != 1 ] || fail "requirements.lock could not be installed (see the output above)"
    install_with_uv -e ".[$extra]" || $pip install -e ".[$extra]"
}
locked=false
if [ "$extra" = dev ]; then
    if install_locked; then locked=true; else printf 'fuota set-up: the newest versions are used instead of requirements.lock\n' >&2; fi
fi
$locked || install_newest \
    || fail "the packages could not be installed. Is a package index reachable? (see the output of pip above)"

touch "$venv/.run"
[ "$extra" != dev ] || touch "$venv/.dev"
