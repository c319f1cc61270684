/* tests/firmware/table.S: some KiB that can be checked by themselves.
 * Each word follows from the one before; in the middle one half page of zeros, aligned, as erased flash
 * is; the end is neither that of a page nor of a half page. */
    .syntax unified

    .macro chain count
    .rept \count
    .word value
    .set value, (value * 1664525 + 1013904223) & 0xFFFFFFFF
    .endr
    .endm

    .set value, 0x53544C31
    .section .table, "a", %progbits
    .balign 128
    chain 0x180     /* six pages */
    .space 128      /* the zero half page */
    chain 0x161     /* and an odd number of words */
