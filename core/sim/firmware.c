/* core/sim/firmware.c: see firmware.h. */
#include "firmware.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

bool sim_firmware_is_v3(const sim_firmware *firmware)
{
    return firmware->kind == SIM_PROBE_V3;
}

bool sim_firmware_has(const sim_firmware *firmware, unsigned since_v2, unsigned since_v3)
{
    const unsigned since = sim_firmware_is_v3(firmware) ? since_v3 : since_v2;
    return since != SIM_FIRMWARE_NEVER && firmware->jtag >= since;
}

bool sim_firmware_parse(const char *text, sim_firmware *firmware)
{
    sim_firmware parsed = *firmware;
    bool has_jtag = false;
    for (const char *at = text; *at;) {
        const int letter = toupper((unsigned char)*at++);
        char *end;
        if (!isdigit((unsigned char)*at))
            return false;
        const unsigned long number = strtoul(at, &end, 10);
        at = end;
        if (number > 63) /* six bits in the version word */
            return false;
        switch (letter) {
        case 'V':
            if (number != (sim_firmware_is_v3(firmware) ? 3u : 2u))
                return false;
            break;
        case 'J':
            parsed.jtag = (unsigned)number;
            has_jtag = number > 0;
            break;
        case 'S':
            parsed.swim = (unsigned)number;
            break;
        case 'M':
            parsed.msd = (unsigned)number;
            break;
        case 'B':
            parsed.bridge = (unsigned)number;
            break;
        default:
            return false;
        }
    }
    if (has_jtag)
        *firmware = parsed;
    return has_jtag;
}

void sim_firmware_name(const sim_firmware *firmware, char *text, size_t text_size)
{
    if (sim_firmware_is_v3(firmware))
        snprintf(text, text_size, "V3J%uM%uB%uS%u", firmware->jtag, firmware->msd, firmware->bridge,
                 firmware->swim);
    else if (firmware->kind == SIM_PROBE_V21)
        snprintf(text, text_size, "V2J%uM%u", firmware->jtag, firmware->msd);
    else
        snprintf(text, text_size, "V2J%uS%u", firmware->jtag, firmware->swim);
}

uint16_t sim_firmware_version_word(const sim_firmware *firmware)
{
    if (sim_firmware_is_v3(firmware))
        return 0x3000; /* the numbers are in GET_VERSION_EX (2.1) */
    const unsigned low = firmware->kind == SIM_PROBE_V21 ? firmware->msd : firmware->swim;
    return (uint16_t)(2u << 12 | (firmware->jtag & 63u) << 6 | (low & 63u));
}

/* 0: the default; below 0: free. */
static double chosen(double option, double standard)
{
    return option < 0 ? 0 : option > 0 ? option : standard;
}

void sim_timing_init(sim_timing *timing, const sim_firmware *firmware,
                     const sim_device_options *options)
{
    const bool is_v3 = sim_firmware_is_v3(firmware);
    const bool is_old = !sim_firmware_has(firmware, 24, 0);
    const sim_device_timing *option = &options->timing;
    timing->t_cmd = chosen(options->t_cmd_us, is_v3 ? 300 : 700);
    timing->t_byte = chosen(option->t_byte_us, is_v3 ? 0.05 : 1.0);
    timing->gap = chosen(option->gap_us, is_v3 ? 1.3 : is_old ? 12.8 : 0);
    timing->enter = chosen(option->enter_us, is_v3 ? 110000 : 20000);
    timing->init_ap = chosen(option->init_ap_us, is_v3 ? 20000 : 5000);
    timing->resetsys = chosen(option->resetsys_us, 10000);
    timing->nrst_pulse = chosen(option->nrst_pulse_us, 20000);
    timing->jitter = option->jitter_percent / 100.0;
    timing->transactions_per_word = is_old ? 2 : 1;
}

double sim_v2_swclk_mhz(uint32_t divisor)
{
    if (divisor == 0)
        return 2.36;
    if (divisor == 1)
        return 1.553;
    return 72.0 / (18.0 * divisor + 22.0);
}

uint32_t sim_v2_divisor_for_khz(uint32_t khz)
{
    static const struct {
        uint32_t khz, divisor;
    } labels[] = {{4000, 0},  {1800, 1},  {1200, 2},  {950, 3},   {650, 5},  {480, 7},
                  {400, 9},   {360, 10},  {240, 15},  {150, 25},  {125, 31}, {100, 40},
                  {50, 79},   {25, 158},  {15, 265},  {5, 798}};
    const size_t count = sizeof labels / sizeof *labels;
    for (size_t i = 0; i < count; i++)
        if (labels[i].khz <= khz)
            return labels[i].divisor;
    return labels[count - 1].divisor;
}

const uint32_t *sim_v3_clocks_khz(bool is_jtag, size_t *count)
{
    /* SWD as seen on V3J9M3. Of the JTAG list only the first entry is on record; the rest halves. */
    static const uint32_t swd[] = {24000, 8000, 3300, 1000, 200, 50, 5};
    static const uint32_t jtag[] = {21333, 16000, 12000, 9600, 8000, 6000, 3000, 1500, 750};
    *count = is_jtag ? sizeof jtag / sizeof *jtag : sizeof swd / sizeof *swd;
    return is_jtag ? jtag : swd;
}
