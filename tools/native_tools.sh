#!/bin/sh
# Installs the tools that test the C decoder (compilers for the host and for Cortex-M, sanitizers, libFuzzer, QEMU), and the tools
# that make files for the tests: srec_cat, and llvm-objcopy, which removes section headers (Debian, Ubuntu).
# For CI, as root or with sudo. Does nothing if all tools are installed.
set -eu
missing=
need() { command -v "$1" >/dev/null 2>&1 || missing="$missing $2"; }
need gcc gcc
need g++ g++
need gcov gcc
need clang clang
need arm-none-eabi-gcc gcc-arm-none-eabi
need qemu-system-arm qemu-system-arm
need srec_cat srecord
need llvm-objcopy llvm
echo 'int main(void){return 0;}' | gcc -m32 -c -x c - -o /dev/null 2>/dev/null || missing="$missing gcc-multilib"
[ -f /usr/lib/arm-none-eabi/newlib/libc_nano.a ] || [ -f /usr/lib/arm-none-eabi/lib/libc_nano.a ] || missing="$missing libnewlib-arm-none-eabi"
if command -v clang >/dev/null 2>&1; then
    ls "$(clang -print-resource-dir)"/lib/*/libclang_rt.fuzzer-* >/dev/null 2>&1 || missing="$missing libclang-rt-$(clang -dumpversion | cut -d. -f1)-dev"
fi
[ -n "$missing" ] || exit 0
sudo=
[ "$(id -u)" = 0 ] || sudo=sudo
$sudo apt-get update -q
case $missing in *" clang"*) $sudo apt-get install -q -y --no-install-recommends clang ;; esac
missing="$missing libclang-rt-$(clang -dumpversion | cut -d. -f1)-dev"
# shellcheck disable=SC2086 # a list of packages
$sudo apt-get install -q -y --no-install-recommends $missing
