#!/bin/sh
# tests/firmware/build.sh OUT_DIR: build the firmware: NAME.elf, NAME.hex, NAME.sym (name, address).
# With its own folder as OUT_DIR this renews the committed files (the ELF files are ignored).
# CFLAGS adds options, as in CFLAGS='-DLED_PORT=0 -DLED_PIN=5' for a NUCLEO-L152RE.
set -eu
out=$(mkdir -p "$1" && cd "$1" && pwd)
cd "$(dirname "$0")"

build() { # NAME SOURCE...
    name=$1
    shift
    arm-none-eabi-gcc -mcpu=cortex-m3 -mthumb -std=c11 -Os -g -ffreestanding -nostdlib \
        -fno-tree-loop-distribute-patterns -ffile-prefix-map="$PWD"=. \
        -Wall -Wextra -Wshadow -Wconversion -Wmissing-prototypes -Wundef -Werror \
        -Wl,--build-id=none -Wl,--fatal-warnings -T l151.ld ${CFLAGS-} \
        -o "$out/$name.elf" startup.c "$@"
    arm-none-eabi-objcopy -O ihex "$out/$name.elf" "$out/$name.hex"
    arm-none-eabi-nm -n "$out/$name.elf" | awk '$2 ~ /[BDRT]/ {print $3, "0x" $1}' \
        | LC_ALL=C sort >"$out/$name.sym"
}

build blink blink.c table.S
build selftest selftest.c
build rtt rtt.c
