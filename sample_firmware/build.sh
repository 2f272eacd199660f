#!/bin/sh
# Builds both versions of the sample firmware, in every format that fuota reads from a linker or a signing tool. Usage: sh sample_firmware/build.sh [output folder]
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
    echo "The images that are in the repository can be used without it." >&2
    exit 1
fi

newlib=$(echo '#include <newlib.h>' | ${prefix}gcc -E -dM - 2>/dev/null | sed -n 's/#define _NEWLIB_VERSION "\(.*\)"/\1/p')
if [ -z "$newlib" ]; then
    echo "build.sh: arm-none-eabi-gcc is here, but the C library newlib is not." >&2
    echo "On Debian and Ubuntu: apt-get install libnewlib-arm-none-eabi" >&2
    exit 1
fi

python=${PYTHON:-python3}
if ! "$python" -c 'import fuota, imgtool, detools' 2>/dev/null; then
    echo "build.sh: '$python' lacks fuota, imgtool or detools, with which the images are signed and patches made." >&2
    echo "make firmware uses the environment of this project; or say which Python: PYTHON=.venv/bin/python" >&2
    exit 1
fi

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# Relative source names and the prefix map keep the folder of the build out of the images; no time enters them either.
flags="-mcpu=cortex-m3 -mthumb -std=gnu11 -O2 -ffunction-sections -fdata-sections -fno-common
       -Wall -Wextra -Werror -Wshadow -Wstrict-prototypes -Wmissing-prototypes"
link="--specs=nano.specs -nostartfiles -T link.ld -Wl,--gc-sections -Wl,--build-id=none -Wl,-n -Wl,--fatal-warnings -s"

build() { # version
    version=$1
    name=sensor-$version
    number=$(echo "$version" | { IFS=. read -r major minor patch; printf '0x%02x%02x%02x' "$major" "$minor" "$patch"; })
    cd "$here/src"
    # shellcheck disable=SC2086
    ${prefix}gcc $flags -DFW_VERSION="$number" -ffile-prefix-map="$here"=. $link *.c -o "$work/$name.elf"
    ${prefix}objcopy -O ihex "$work/$name.elf" "$work/$name.hex"
    # An S-record file begins with its name as it was given: here without a path.
    (cd "$work" && ${prefix}objcopy -O srec --srec-forceS3 "$name.elf" "$name.srec")
    ${prefix}objcopy -O binary "$work/$name.elf" "$work/$name.bin"
}

build 1.0.0
build 1.1.0

cd "$work"
{
    ${prefix}gcc --version | head -n 1
    ${prefix}ld --version | head -n 1
    echo "newlib $newlib"
} >COMPILER
"$python" "$here/package.py" "$work"
sha256sum sensor-* test-key.pub.pem >SHA256SUMS
chmod 644 sensor-* test-key.pub.pem
cp sensor-* test-key.pub.pem COMPILER SHA256SUMS "$out/"
wc -c sensor-*.bin
