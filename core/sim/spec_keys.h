/* core/sim/spec_keys.h: the table of keys of spec.c. */
#ifndef SIM_SPEC_KEYS_H
#define SIM_SPEC_KEYS_H

#include "spec.h"

typedef enum sim_key_kind {
    SIM_KEY_FLAG,   /* stands alone; a bool */
    SIM_KEY_WORD,   /* one word, given in value; a bool */
    SIM_KEY_U32,    /* a number up to max */
    SIM_KEY_REAL, /* microseconds or per cent, a double; 0 means free of charge */
    SIM_KEY_TEXT,   /* max: size of the array */
    SIM_KEY_OWN     /* set() does it */
} sim_key_kind;

typedef struct sim_key {
    const char *name;
    sim_key_kind kind;
    const char *value; /* as --help shows it; the word of SIM_KEY_WORD */
    size_t offset;
    uint32_t max;
    bool (*set)(sim_spec *spec, const char *value); /* false: not one of value */
    const char *help;
} sim_key;

extern const sim_key sim_keys[]; /* ended by a NULL name */

#endif
