/* core/sim/nearest.h: the right word for a mistyped one. */
#ifndef SIM_NEAREST_H
#define SIM_NEAREST_H

#include <stddef.h>

/* Keeps the best of the words offered so far; is_near says whether it is worth mentioning. */
typedef struct sim_nearest {
    const char *wanted, *best;
    size_t distance;
} sim_nearest;

void sim_nearest_offer(sim_nearest *nearest, const char *word);
/* ", did you mean \"rak5205\"?", or "" if nothing is close. */
void sim_nearest_hint(const sim_nearest *nearest, char *text, size_t text_size);

#endif
