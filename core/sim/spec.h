/* core/sim/spec.h: what to simulate, as text: CHIP-OR-BOARD[?key=value&...]. The keys are the long
 * options of stlua-sim, too. */
#ifndef SIM_SPEC_H
#define SIM_SPEC_H

#include "boards.h"
#include "server.h"

typedef struct sim_spec {
    char name[64]; /* as written */
    const sim_board *board; /* NULL: a bare chip */
    const sim_chip_model *model; /* NULL until a name was given */
    sim_chip_options chip;
    sim_device_options device;
    sim_server_options server;
    char state_path[512], log_path[512], stats_path[512]; /* "": none */
    char firmware[32]; /* as written, understood by sim_spec_finish */
    sim_probe_kind probe;
    bool has_probe, is_mode_given, is_dfu, is_slow_host, has_seed;
} sim_spec;

void sim_spec_init(sim_spec *spec);
/* One key; value NULL: it stands alone. False: *reason is one line, with the nearest right word. */
bool sim_spec_set(sim_spec *spec, const char *key, const char *value, char *reason,
                  size_t reason_size);
/* Does the key want a value? False for unknown ones, too. */
bool sim_spec_wants_value(const char *key);
/* "rak5205?state=b.sim&clock=fast", values percent-decoded. */
bool sim_spec_parse(sim_spec *spec, const char *text, char *reason, size_t reason_size);
/* After the last key: defaults that depend on others. */
bool sim_spec_finish(sim_spec *spec, char *reason, size_t reason_size);
/* The table of keys, as lines for --help. */
void sim_spec_print_keys(FILE *stream);

#endif
