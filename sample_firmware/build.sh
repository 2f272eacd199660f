#!/bin/sh
# Builds the boot loader, and both versions of the sample firmware in every format of a linker or a signing tool that fuota reads.
# Usage: sh sample_firmware/build.sh [output folder]
set -eu

here=$(cd "$(dirname "$0")" && pwd)
mkdir -p "${1:-$here}"
out=$(cd "${1:-$here}" && pwd)
prefix=arm-none-eabi-
LC_ALL=C
export LC_ALL

if ! command -v ${prefix}gcc >/dev/null; then
    echo "build.sh: arm-none-eabi-gcc is not installed, so the sample firmware cannot be rebuilt." >&2
    echo "On Debian and Ubuntu: apt-get install gcc-arm-none-eabi libnewlib-arm-none-eabi" >&2
    echo "The committed images can be used without it." >&2
    exit 1
fi

newlib=$(echo '#include <newlib.h>' | ${prefix}gcc -E -dM - 2>/dev/null | sed -n 's/#define _NEWLIB_VERSION "\(.*\)"/\1/p')
if [ -z "$newlib" ]; then
    echo "build.sh: the C library newlib for arm-none-eabi-gcc is not installed." >&2
    echo "On Debian and Ubuntu: apt-get install libnewlib-arm-none-eabi" >&2
    exit 1
fi

python=${PYTHON:-python3}
if ! "$python" -c 'import fuota, imgtool, detools' 2>/dev/null; then
    echo "build.sh: '$python' lacks fuota, imgtool or detools, which sign the images and make the patches." >&2
    echo "make firmware uses the environment of this project; or choose a Python: PYTHON=.venv/bin/python" >&2
    exit 1
fi

case $python in */*) python=$(cd "$(dirname "$python")" && pwd)/$(basename "$python") ;; esac
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# Relative source names and the prefix map keep the build folder out of the images; they contain no time either.
flags="-mcpu=cortex-m3 -mthumb -std=gnu11 -Os -ffunction-sections -fdata-sections -fno-common -I../../native
       -Wall -Wextra -Werror -Wshadow -Wstrict-prototypes -Wmissing-prototypes"
link="--specs=nano.specs -nostartfiles -Wl,--gc-sections -Wl,--build-id=none -Wl,-n -Wl,--fatal-warnings -s"

compile() { # version, linker script, output, sources
    number=$(echo "$1" | { IFS=. read -r major minor patch; printf '0x%02x%02x%02x' "$major" "$minor" "$patch"; })
    script=$2 output=$3
    shift 3
    cd "$here/src"
    # shellcheck disable=SC2086
    ${prefix}gcc $flags -DFW_VERSION="$number" -ffile-prefix-map="$here"=. $link -T "$script" "$@" -o "$output"
}

# Writes the SHA-256 of everything before the last section of an image into that section.
seal() {
    ${prefix}objcopy -O binary "$1" "$work/unsealed"
    "$python" -c 'import hashlib, sys; sys.stdout.buffer.write(hashlib.sha256(open(sys.argv[1], "rb").read()[:-32]).digest())' \
        "$work/unsealed" >"$work/digest"
    ${prefix}objcopy --update-section .digest="$work/digest" "$1"
}

build() { # version
    name=sensor-$1
    compile "$1" link.ld "$work/$name.elf" *.c ../../native/fuota_frag.c
    seal "$work/$name.elf"
    ${prefix}objcopy -O ihex "$work/$name.elf" "$work/$name.hex"
    # An S-record file begins with its name as on the command line, so the name has no path.
    (cd "$work" && ${prefix}objcopy -O srec --srec-forceS3 "$name.elf" "$name.srec")
    ${prefix}objcopy -O binary "$work/$name.elf" "$work/$name.bin"
}

cd "$here/src"
build 1.0.0
build 1.1.0
# The boot loader writes to address 0, which the compiler would otherwise take as a null pointer.
flags="$flags -fno-delete-null-pointer-checks"
compile 1.0.0 boot/boot.ld "$work/boot.elf" -I. boot/boot.c slots.c flash.c sha256.c

cd "$work"
{
    ${prefix}gcc --version | head -n 1
    ${prefix}ld --version | head -n 1
    echo "newlib $newlib"
} >COMPILER
"$python" "$here/package.py" "$work"
sha256sum boot.elf sensor-* test-key.pub.pem >SHA256SUMS
chmod 644 boot.elf sensor-* test-key.pub.pem
cp boot.elf sensor-* test-key.pub.pem COMPILER SHA256SUMS "$out/"
if [ "$out" = "$here" ]; then "$python" "$here/sizes.py" "$here"; fi
wc -c boot.elf sensor-*.bin
