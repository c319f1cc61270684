/* core/sim/boards.c: see boards.h. */
#include "boards.h"

#include <strings.h>

static const sim_board boards[] = {
    {"rak5205", "STM32L151CB-A", SIM_PROBE_V2, NULL, "RAK5205 LoRaWAN tracker, external ST-LINK/V2"},
    {"rak811", "STM32L151CB-A", SIM_PROBE_V2, NULL, "RAK811 LoRaWAN module, external ST-LINK/V2"},
    {"nucleo-l152re", "STM32L152RE", SIM_PROBE_V21, "0710", "ST Nucleo-64, ST-LINK/V2-1 on board"},
    {"stm32l-discovery", "STM32L152RB", SIM_PROBE_V2, NULL,
     "ST STM32L-DISCOVERY, ST-LINK/V2 on board"},
};

const sim_board *sim_board_at(size_t index)
{
    return index < sizeof boards / sizeof *boards ? &boards[index] : NULL;
}

const sim_board *sim_board_find(const char *name)
{
    for (size_t i = 0; i < sizeof boards / sizeof *boards; i++)
        if (!strcasecmp(boards[i].name, name))
            return &boards[i];
    return NULL;
}
