/* core/sim/state.h: the file that keeps a chip's memories between runs.
 * Header (magic, version, model, length, CRC-32), then what sim_chip_save wrote. */
#ifndef SIM_STATE_H
#define SIM_STATE_H

#include "chip.h"

typedef struct sim_state sim_state;

/*
 * Lock the file for this process and load it into chip, which is left as it is if there is no file
 * yet. NULL: *reason says why in one line; a file that is damaged, of another model or in use is never
 * written to. wait_ms: how long to wait for another simulator to let go.
 */
sim_state *sim_state_open(const char *path, sim_chip *chip, unsigned wait_ms, char *reason,
                          size_t reason_size);
/* Write it if the chip has changed, or if it is not there yet: into a new file that replaces the old
 * one. False: *reason. */
bool sim_state_save(sim_state *state, char *reason, size_t reason_size);
void sim_state_close(sim_state *state); /* accepts NULL; does not save */

#endif
