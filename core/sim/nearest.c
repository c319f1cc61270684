/* core/sim/nearest.c: see nearest.h. */
#include "nearest.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

enum { MAX_CHARS = 47 };

/* Edit distance, case ignored, two rows at a time. */
static size_t distance(const char *a, const char *b)
{
    size_t previous[MAX_CHARS + 1], current[MAX_CHARS + 1];
    const size_t a_count = strnlen(a, MAX_CHARS), b_count = strnlen(b, MAX_CHARS);
    for (size_t j = 0; j <= b_count; j++)
        previous[j] = j;
    for (size_t i = 1; i <= a_count; i++) {
        current[0] = i;
        for (size_t j = 1; j <= b_count; j++) {
            const int is_other =
                tolower((unsigned char)a[i - 1]) != tolower((unsigned char)b[j - 1]);
            size_t best = previous[j - 1] + (size_t)is_other;
            best = previous[j] + 1 < best ? previous[j] + 1 : best;
            best = current[j - 1] + 1 < best ? current[j - 1] + 1 : best;
            current[j] = best;
        }
        memcpy(previous, current, sizeof previous);
    }
    return previous[b_count];
}

void sim_nearest_offer(sim_nearest *nearest, const char *word)
{
    const size_t d = distance(nearest->wanted, word);
    if (!nearest->best || d < nearest->distance) {
        nearest->best = word;
        nearest->distance = d;
    }
}

void sim_nearest_hint(const sim_nearest *nearest, char *text, size_t text_size)
{
    const size_t limit = strlen(nearest->wanted) / 3 + 1;
    if (nearest->best && nearest->distance <= limit)
        snprintf(text, text_size, ", did you mean \"%s\"?", nearest->best);
    else
        snprintf(text, text_size, "%s", "");
}
