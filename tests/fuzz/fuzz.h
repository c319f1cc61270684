/* tests/fuzz/fuzz.h: what a fuzzer here is: one entry, linked with libFuzzer or with driver.c. */
#ifndef FUZZ_H
#define FUZZ_H

#include <stddef.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t byte_count);

/* A property that must hold whatever the input: abort() is what both drivers understand. */
void fuzz_expect(int holds, const char *property);

#endif
