#!/bin/sh
# Runs one case on one core: run.sh m0plus|m4 NB_FRAG FRAG_SIZE LOST CAPACITY VERSION [compiler flags]
set -eu
here=$(dirname "$0")
core=$1 nb_frag=$2 frag_size=$3 lost=$4 capacity=$5 version=$6
shift 6
case $core in m4) machine=mps2-an386 ;; *) machine=mps2-an385 ;; esac
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
arm-none-eabi-gcc "-mcpu=cortex-$core" -mthumb -Os -std=c99 -ffunction-sections -fdata-sections "-DNB_FRAG=${nb_frag}u" "-DFRAG_SIZE=${frag_size}u" \
    "-DLOST=${lost}u" "-DCAPACITY=${capacity}u" "-DVERSION=$version" "$@" "$here/start.c" "$here/bench.c" "$here/../fuota_frag.c" \
    --specs=nano.specs -nostartfiles -T "$here/link.ld" -Wl,--gc-sections -Wl,-e,reset -o "$work/bench.elf"
timeout 120 qemu-system-arm -M "$machine" -nographic -monitor none -serial none -icount shift=0,sleep=off,align=off \
    -semihosting-config enable=on,target=native -kernel "$work/bench.elf" 2>&1
