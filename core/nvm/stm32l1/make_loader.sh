#!/bin/sh
# core/nvm/stm32l1/make_loader.sh: print loader_bytes.h, made from loader.S by binutils-arm-none-eabi.
set -eu
here=$(dirname "$0")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
arm-none-eabi-as -o "$work/loader.o" "$here/loader.S"
arm-none-eabi-objcopy -O binary -j .text "$work/loader.o" "$work/loader.bin"
cat <<'EOT'
/* core/nvm/stm32l1/loader_bytes.h: loader.S, assembled by make_loader.sh. Do not edit. */
#ifndef STM32L1_LOADER_BYTES_H
#define STM32L1_LOADER_BYTES_H

#include <stdint.h>

static const uint8_t stm32l1_loader_bytes[] = {
EOT
od -An -v -tx1 -w12 "$work/loader.bin" | sed 's/ \([0-9a-f][0-9a-f]\)/ 0x\1,/g; s/^ /    /'
cat <<'EOT'
};

#endif
EOT
