/* tests/fuzz/expect.c: say which property failed, then stop. */
#include "fuzz.h"

#include <stdio.h>
#include <stdlib.h>

void fuzz_expect(int holds, const char *property)
{
    if (holds)
        return;
    fprintf(stderr, "property does not hold: %s\n", property);
    abort();
}
