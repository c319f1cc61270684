/* core/sim/firmware.h: what one version of ST-LINK firmware can do, and how fast it is.
 * Source: ST-LINK protocol sheet, 2.4 (features), 3.8 and 3.9 (clocks), 6.3 (times). */
#ifndef SIM_FIRMWARE_H
#define SIM_FIRMWARE_H

#include "device.h"

typedef struct sim_firmware {
    sim_probe_kind kind;
    unsigned jtag, swim, msd, bridge;
} sim_firmware;

/* In a column of first versions: no version of this family has it. */
#define SIM_FIRMWARE_NEVER 0xFFu

bool sim_firmware_is_v3(const sim_firmware *firmware);
/* Is it at least the named version of its own family? V2 and V2-1 share their numbers. */
bool sim_firmware_has(const sim_firmware *firmware, unsigned since_v2, unsigned since_v3);

/*
 * "J37", "V2J37", "V2J37S7", "V2J33M25", "V3J7M2B5S1" into the numbers that are named; the others keep
 * their value. False if it is no version, or one of another family than kind.
 */
bool sim_firmware_parse(const char *text, sim_firmware *firmware);
/* "V2J37S7" */
void sim_firmware_name(const sim_firmware *firmware, char *text, size_t text_size);
/* The word of GET_VERSION, to be sent big-endian. */
uint16_t sim_firmware_version_word(const sim_firmware *firmware);

/* The times of 6.3 for this firmware, in microseconds; overrides of options applied. */
typedef struct sim_timing {
    double t_cmd, t_byte, gap, enter, init_ap, resetsys, nrst_pulse, jitter;
    unsigned transactions_per_word;
} sim_timing;
void sim_timing_init(sim_timing *timing, const sim_firmware *firmware,
                     const sim_device_options *options);

/* V2 and V2-1: the clock that a delay count really makes (3.8, measured column). */
double sim_v2_swclk_mhz(uint32_t divisor);
uint32_t sim_v2_divisor_for_khz(uint32_t khz); /* by the nominal labels, highest not above khz */
/* V3: the list of 3.9, descending; is_jtag chooses the other one. */
const uint32_t *sim_v3_clocks_khz(bool is_jtag, size_t *count);

#endif
