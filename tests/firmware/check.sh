#!/bin/sh
# tests/firmware/check.sh OUT_DIR: the committed files are what their sources make, byte for byte.
# Exit status 77: another compiler, whose code may differ and still be right.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
version=$(arm-none-eabi-gcc -dumpfullversion)
if [ "$version" != 12.2.1 ]; then
    echo "SKIPPED: the committed files were made by arm-none-eabi-gcc 12.2.1, this is $version"
    exit 77
fi
"$here/build.sh" "$1"
for file in blink.hex blink.sym selftest.hex selftest.sym rtt.hex rtt.sym; do
    cmp "$here/$file" "$1/$file"
    echo "$file: as committed"
done
