/* core/sim/boards.h: boards one can buy, as far as a debug probe sees them. */
#ifndef SIM_BOARDS_H
#define SIM_BOARDS_H

#include "device.h"

typedef struct sim_board {
    const char *name, *chip;
    sim_probe_kind probe;
    const char *board_id; /* what GET_BOARD_IDENTIFIERS says; NULL: none */
    const char *about;
} sim_board;

const sim_board *sim_board_find(const char *name); /* case ignored; NULL if there is none */
const sim_board *sim_board_at(size_t index);       /* NULL past the end */

#endif
