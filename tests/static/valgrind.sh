#!/usr/bin/env bash
# valgrind over unit tests and commands of a build without sanitizers: no error, no byte lost.
#   tests/static/valgrind.sh BUILD_FOLDER
set -eu
build=$(cd "$1" && pwd)
cd "$(dirname "$0")/../.."
source=$PWD
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
export GCOV_PREFIX=$work/gcov # a coverage build counts elsewhere: this run is no part of its figures
count=0

under() {
    if ! valgrind -q --leak-check=full --errors-for-leak-kinds=definite,indirect,possible --error-exitcode=99 \
        "$@" >out 2>&1; then
        echo "valgrind: $* :"
        cat out
        exit 1
    fi
    count=$((count + 1))
}

for name in probe dap nvm_options image_elf image_text image_sparse device_usb; do
    under "$build/bin/test_$name"
done
board='sim:rak5205?state=board.sim'
under "$build/bin/stlua" list --json
under "$build/bin/stlua" --probe "$board" flash "$source/tests/firmware/blink.hex"
under "$build/bin/stlua" --probe "$board" verify "$source/tests/firmware/blink.hex"
under "$build/bin/stlua" --probe "$board" read 0x08000000 0x100 -o part.hex
under "$build/bin/stlua" --probe "$board" options
echo "valgrind: clean ($count programs)"
