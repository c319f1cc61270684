/* core/sim/admin.h: what admin.c, faults.c and stats.c share. */
#ifndef SIM_ADMIN_H
#define SIM_ADMIN_H

#include "device_internal.h"

/* One line while it is being carried out. */
typedef struct sim_admin {
    sim_device *device;
    char *words[8];
    unsigned word_count;
    char *answer;
    size_t answer_size;
} sim_admin;

/* Set the answer; refuse gives false, say true. */
bool admin_refuse(sim_admin *admin, const char *format, ...) __attribute__((format(printf, 2, 3)));
bool admin_say(sim_admin *admin, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Word index as a number up to max, or a refusal. */
bool admin_number(sim_admin *admin, unsigned index, uint64_t max, uint64_t *value);
bool admin_is(const sim_admin *admin, unsigned index, const char *word);

bool admin_fault(sim_admin *admin); /* faults.c */

#endif
