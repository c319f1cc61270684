/* core/sim/spec_keys.c: what a simulated board can be told. */
#include "spec_keys.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "nearest.h"

/* ---- keys with words of their own ---- */

static bool set_probe(sim_spec *spec, const char *value)
{
    static const struct {
        const char *word;
        sim_probe_kind kind;
        uint16_t product_id;
    } probes[] = {{"v2", SIM_PROBE_V2, 0x3748},          {"v21", SIM_PROBE_V21, 0x374B},
                  {"v2-1", SIM_PROBE_V21, 0x374B},       {"v21-nomsd", SIM_PROBE_V21, 0x3752},
                  {"v3", SIM_PROBE_V3, 0x374F},          {"v3e", SIM_PROBE_V3, 0x374E},
                  {"v1", SIM_PROBE_V1, 0x3744}};
    for (size_t i = 0; i < sizeof probes / sizeof *probes; i++) {
        if (strcasecmp(value, probes[i].word))
            continue;
        spec->probe = probes[i].kind;
        spec->device.product_id = probes[i].product_id;
        spec->has_probe = true;
        return true;
    }
    return false;
}

static bool set_clock(sim_spec *spec, const char *value)
{
    spec->server.is_paced = !strcasecmp(value, "paced");
    return spec->server.is_paced || !strcasecmp(value, "fast");
}

static bool set_mode(sim_spec *spec, const char *value)
{
    spec->is_mode_given = true;
    spec->is_dfu = !strcasecmp(value, "dfu");
    return spec->is_dfu || !strcasecmp(value, "mass");
}

static bool set_firmware(sim_spec *spec, const char *value)
{
    snprintf(spec->firmware, sizeof spec->firmware, "%s", value);
    return value[0] && strlen(value) < sizeof spec->firmware;
}

static bool set_serial(sim_spec *spec, const char *value)
{
    for (const char *at = value; *at; at++)
        if (!isalnum((unsigned char)*at))
            return false;
    snprintf(spec->device.serial, sizeof spec->device.serial, "%s", value);
    return value[0] && strlen(value) < sizeof spec->device.serial;
}

static bool parse_number(const char *value, int base, uint64_t max, uint64_t *number)
{
    char *end;
    *number = strtoull(value, &end, base);
    return isxdigit((unsigned char)value[0]) && !*end && *number <= max;
}

static bool set_flash_size(sim_spec *spec, const char *value)
{
    uint64_t raw;
    if (!strcasecmp(value, "unstable"))
        return spec->chip.is_flash_size_unstable = true;
    if (!parse_number(value, 0, UINT16_MAX, &raw))
        return false;
    spec->chip.is_flash_size_overridden = true;
    spec->chip.flash_size_raw = (uint16_t)raw;
    return true;
}

static bool set_dev_id(sim_spec *spec, const char *value)
{
    uint64_t id;
    if (!parse_number(value, 0, 0xFFF, &id))
        return false;
    spec->chip.is_dev_id_overridden = true;
    spec->chip.dev_id = (uint16_t)id;
    return true;
}

static bool set_nrst(sim_spec *spec, const char *value)
{
    spec->chip.is_nrst_unwired = !strcasecmp(value, "unwired");
    spec->device.is_nrst_held = !strcasecmp(value, "held");
    return spec->chip.is_nrst_unwired || spec->device.is_nrst_held;
}

static bool set_rdp(sim_spec *spec, const char *value)
{
    uint64_t byte;
    if (!parse_number(value, 0, UINT8_MAX, &byte) || !byte)
        return false;
    spec->chip.rdp_byte = (uint8_t)byte;
    return true;
}

/* Up to four words, WRP1 first. */
static bool set_wrp(sim_spec *spec, const char *value)
{
    char copy[64];
    snprintf(copy, sizeof copy, "%s", value);
    char *save = NULL;
    size_t at = 0;
    for (char *word = strtok_r(copy, ",", &save); word; word = strtok_r(NULL, ",", &save)) {
        uint64_t bits;
        if (at == 4 || !parse_number(word, 0, UINT32_MAX, &bits))
            return false;
        spec->chip.wrp[at++] = (uint32_t)bits;
    }
    return at > 0;
}

static bool set_uid(sim_spec *spec, const char *value)
{
    if (strlen(value) != 24 || value[strspn(value, "0123456789abcdefABCDEF")])
        return false;
    for (size_t i = 0; i < 3; i++) {
        char word[9];
        memcpy(word, value + 8 * i, 8);
        word[8] = '\0';
        spec->chip.uid[i] = (uint32_t)strtoul(word, NULL, 16);
    }
    return true;
}

static bool set_seed(sim_spec *spec, const char *value)
{
    uint64_t seed;
    if (!parse_number(value, 0, UINT64_MAX, &seed))
        return false;
    spec->has_seed = true;
    spec->chip.seed = seed;
    spec->chip.uid_seed = (uint32_t)(seed ^ seed >> 32);
    spec->device.fault_seed = (uint32_t)seed;
    return true;
}

/* "N:LINE" */
static bool set_at(sim_spec *spec, const char *value)
{
    const size_t digits = strspn(value, "0123456789"), line_bytes = strlen(value + digits);
    if (digits < 1 || digits > 9 || value[digits] != ':' || line_bytes < 2 ||
        line_bytes > sizeof spec->device.at_line)
        return false;
    spec->device.at_transfer = strtoull(value, NULL, 10);
    memcpy(spec->device.at_line, value + digits + 1, line_bytes);
    return spec->device.at_transfer > 0;
}

static bool set_board_id(sim_spec *spec, const char *value)
{
    if (strlen(value) != 4)
        return false;
    memcpy(spec->device.board_id, value, 5);
    return true;
}

/* ---- the table ---- */

#define AT(field) offsetof(sim_spec, field)
#define OWN(set)  0, 0, set

const sim_key sim_keys[] = {
    {"state", SIM_KEY_TEXT, "FILE", AT(state_path), 512, NULL,
     "keep the chip's memories in FILE between runs (made if missing)"},
    {"clock", SIM_KEY_OWN, "fast|paced", OWN(set_clock),
     "fast only counts time (the default); paced lets wall time follow it"},
    {"log", SIM_KEY_TEXT, "FILE", AT(log_path), 512, NULL, "write a line for every command"},
    {"stats", SIM_KEY_TEXT, "FILE|-", AT(stats_path), 512, NULL,
     "write the statistics as a line of JSON at the end"},

    {"probe", SIM_KEY_OWN, "v2|v21|v21-nomsd|v3|v3e|v1", OWN(set_probe),
     "the kind of ST-LINK; a board has its own, a chip a V2"},
    {"fw", SIM_KEY_OWN, "J37|V2J37S7|V3J7M2B5S1", OWN(set_firmware),
     "its firmware; commands that came later are unknown to it"},
    {"serial", SIM_KEY_OWN, "TEXT", OWN(set_serial),
     "its serial number; otherwise derived from the state file's path or the name"},
    {"serial-form", SIM_KEY_WORD, "binary", AT(device.has_binary_serial), 0, NULL,
     "serial number as 12 raw bytes, as old firmware has it"},
    {"mode", SIM_KEY_OWN, "dfu|mass", OWN(set_mode), "mode at power-up; V2 starts in dfu"},
    {"usb", SIM_KEY_WORD, "full-speed", AT(device.is_full_speed), 0, NULL,
     "a V3 on a full-speed port"},
    {"swclk", SIM_KEY_U32, "KHZ", AT(device.swclk_khz), 24000, NULL, "SWD clock at power-up"},
    {"init-ap", SIM_KEY_WORD, "required", AT(device.is_init_ap_required), 0, NULL,
     "refuse memory commands without INIT_AP from J37 / V3J7 on"},
    {"board-id", SIM_KEY_OWN, "XXXX", OWN(set_board_id), "four characters of GET_BOARD_IDENTIFIERS"},
    {"at", SIM_KEY_OWN, "N:LINE", OWN(set_at),
     "say an admin line at the N-th USB transfer: 40:fault usb stall at 1"},

    {"host", SIM_KEY_WORD, "slow", AT(is_slow_host), 0, NULL,
     "a host that needs 2.2 ms (V3: 1 ms) a command"},
    {"t-cmd-us", SIM_KEY_REAL, "US", AT(device.t_cmd_us), 0, NULL,
     "one command: 700, V3 300 (0 makes any of these times free)"},
    {"t-byte-us", SIM_KEY_REAL, "US", AT(device.timing.t_byte_us), 0, NULL,
     "a byte of a data phase: 1, V3 0.05"},
    {"gap-us", SIM_KEY_REAL, "US", AT(device.timing.gap_us), 0, NULL,
     "firmware, a word: 0, before J24 12.8, V3 1.3"},
    {"enter-us", SIM_KEY_REAL, "US", AT(device.timing.enter_us), 0, NULL,
     "ENTER: 20000, V3 110000"},
    {"init-ap-us", SIM_KEY_REAL, "US", AT(device.timing.init_ap_us), 0, NULL,
     "INIT_AP: 5000, V3 20000"},
    {"resetsys-us", SIM_KEY_REAL, "US", AT(device.timing.resetsys_us), 0, NULL,
     "RESETSYS: 10000"},
    {"nrst-pulse-us", SIM_KEY_REAL, "US", AT(device.timing.nrst_pulse_us), 0, NULL,
     "the pulse of DRIVE_NRST: 20000"},
    {"jitter", SIM_KEY_REAL, "PERCENT", AT(device.timing.jitter_percent), 0, NULL,
     "random part of the time of a command: 0"},
    {"turnaround-us", SIM_KEY_U32, "US", AT(server.turnaround_us), 1000000, NULL,
     "paced: a request this soon after an answer counts as simultaneous: 250"},
    {"grace-ms", SIM_KEY_U32, "MS", AT(server.grace_ms), 60000, NULL,
     "fast: wall time until a transfer that nothing answers times out: 2"},

    {"voltage", SIM_KEY_U32, "MV", AT(device.supply_mv), 5500, NULL, "the target's supply: 3300"},
    {"power", SIM_KEY_WORD, "off", AT(device.is_power_off), 0, NULL, "the target has none yet"},
    {"target", SIM_KEY_WORD, "absent", AT(device.is_target_absent), 0, NULL,
     "nothing is connected to the probe"},
    {"nrst", SIM_KEY_OWN, "unwired|held", OWN(set_nrst),
     "the probe's nRST wire is missing; something on the board holds it low"},
    {"swd-limit", SIM_KEY_U32, "KHZ", AT(device.swd_limit_khz), 24000, NULL,
     "wires that carry no more: above it one transaction in five gets no ACK"},
    {"swd-bend", SIM_KEY_U32, "KHZ", AT(device.swd_bend_khz), 24000, NULL,
     "above it long writes arrive with two bits changed, and nobody notices"},
    {"reads", SIM_KEY_WORD, "zeroed", AT(device.is_read_zeroed), 0, NULL,
     "a clone that fills 64 bytes of a long read with zeros"},
    {"boot0", SIM_KEY_WORD, "high", AT(chip.is_boot0_high), 0, NULL,
     "the ROM loader starts, and is seen at address 0"},
    {"supply", SIM_KEY_WORD, "weak", AT(chip.is_supply_weak), 0, NULL,
     "it dips when code has run in RAM for half a millisecond"},
    {"supervisor", SIM_KEY_U32, "MS", AT(chip.supervisor_ms), 60000, NULL,
     "a chip on the board that pulls nRST when no firmware has run for so long"},
    {"ram-code", SIM_KEY_WORD, "refused", AT(chip.is_ram_code_refused), 0, NULL,
     "running code in RAM is a fault, as with an MPU that firmware left on"},
    {"halt", SIM_KEY_WORD, "ignored", AT(chip.is_halt_ignored), 0, NULL, "the core never halts"},

    {"flash-size", SIM_KEY_OWN, "0x6B80|unstable", OWN(set_flash_size),
     "the flash size register; another value each time"},
    {"dev-id", SIM_KEY_OWN, "0x416", OWN(set_dev_id),
     "DEV_ID; 0 and 0xFFF are an IDCODE of nothing but 0 or 1"},
    {"ram-stuck", SIM_KEY_U32, "ADDR", AT(chip.ram_stuck_addr), 0x20014000, NULL,
     "bit 0 of the byte there stays 0"},
    {"ram", SIM_KEY_U32, "BYTES", AT(chip.ram_bytes), 0x14000, NULL, "RAM, if not the model's"},
    {"uid", SIM_KEY_OWN, "24 hex digits", OWN(set_uid), "the unique ID, word by word"},
    {"seed", SIM_KEY_OWN, "N", OWN(set_seed), "of the UID, torn operations and jitter"},
    {"rdp", SIM_KEY_OWN, "0xBB", OWN(set_rdp), "RDP byte of a new chip: 0xAA"},
    {"wrp", SIM_KEY_OWN, "BITS,BITS,..", OWN(set_wrp), "WRP1 .. WRP4 of a new chip: 0"},
    {"iwdg", SIM_KEY_WORD, "hardware", AT(chip.is_iwdg_hardware), 0, NULL,
     "the independent watchdog starts by itself"},
    {"user-word", SIM_KEY_WORD, "zero", AT(chip.has_user_word_zero), 0, NULL,
     "USER option word 0: OPTVERR at power-on"},
    {"level2", SIM_KEY_WORD, "allowed", AT(chip.is_level2_allowed), 0, NULL,
     "RDP level 2 can be set; it is for ever"},
    {"op-us", SIM_KEY_U32, "US", AT(chip.op_us), 1000000, NULL, "one high-voltage operation: 3280"},
    {"mass-erase-us", SIM_KEY_U32, "US", AT(chip.mass_erase_us), 60000000, NULL,
     "the mass erase of RDP 1 to 0: 10000"},
    {"lsi-hz", SIM_KEY_U32, "HZ", AT(chip.lsi_hz), 100000, NULL, "the watchdog's clock: 37000"},
    {"lenient", SIM_KEY_FLAG, NULL, AT(chip.is_lenient), 0, NULL,
     "serve and log what strict mode refuses"},
    {"pelock", SIM_KEY_WORD, "keeps-mode", AT(chip.is_pelock_keeping_mode), 0, NULL,
     "setting PELOCK keeps the mode bits"},
    {"dead-keys", SIM_KEY_WORD, "survive-reset", AT(chip.is_key_death_unlimited), 0, NULL,
     "a wrong key is remembered over a system reset"},
    {"eop", SIM_KEY_WORD, "hidden", AT(chip.is_eop_hidden), 0, NULL, "EOP shows with EOPIE only"},
    {"bsy", SIM_KEY_WORD, "partial", AT(chip.is_partial_bsy), 0, NULL,
     "BSY reads 1 while a half page is partly loaded"},
    {0}};

/* ---- setting ---- */

static const sim_key *find_key(const char *name)
{
    for (const sim_key *key = sim_keys; key->name; key++)
        if (!strcmp(key->name, name))
            return key;
    return NULL;
}

bool sim_spec_wants_value(const char *name)
{
    const sim_key *key = find_key(name);
    return key && key->kind != SIM_KEY_FLAG;
}

static bool set_real(double *field, const char *value)
{
    char *end;
    const double number = strtod(value, &end);
    if (!isdigit((unsigned char)value[0]) || *end || !(number <= 1e9))
        return false;
    *field = number > 0 ? number : -1; /* in the options 0 is the default */
    return true;
}

static bool set_value(sim_spec *spec, const sim_key *key, const char *value)
{
    char *field = (char *)spec + key->offset;
    uint64_t number;
    switch (key->kind) {
    case SIM_KEY_FLAG:
        *(bool *)(void *)field = true;
        return !*value || !strcmp(value, "1") || !strcasecmp(value, "yes");
    case SIM_KEY_WORD:
        *(bool *)(void *)field = true;
        return !strcasecmp(value, key->value);
    case SIM_KEY_U32:
        if (!isdigit((unsigned char)value[0]) || !parse_number(value, 0, key->max, &number) ||
            !number)
            return false;
        *(uint32_t *)(void *)field = (uint32_t)number;
        return true;
    case SIM_KEY_REAL:
        return set_real((double *)(void *)field, value);
    case SIM_KEY_TEXT:
        snprintf(field, key->max, "%s", value);
        return *value && strlen(value) < key->max;
    default:
        return key->set(spec, value);
    }
}

bool sim_spec_set(sim_spec *spec, const char *name, const char *value, char *reason,
                  size_t reason_size)
{
    const sim_key *key = find_key(name);
    if (!key) {
        char hint[96];
        sim_nearest nearest = {.wanted = name};
        for (key = sim_keys; key->name; key++)
            sim_nearest_offer(&nearest, key->name);
        sim_nearest_hint(&nearest, hint, sizeof hint);
        snprintf(reason, reason_size, "there is no option \"%.40s\"%s (stlua-sim --help)", name,
                 hint);
        return false;
    }
    if (!value && key->kind != SIM_KEY_FLAG) {
        snprintf(reason, reason_size, "%s wants a value: %s=%s", name, name, key->value);
        return false;
    }
    if (set_value(spec, key, value ? value : ""))
        return true;
    char bound[48] = "";
    if (key->kind == SIM_KEY_U32)
        snprintf(bound, sizeof bound, ", from 1 to %u", (unsigned)key->max);
    snprintf(reason, reason_size, "%s=%.40s is not understood; it wants %s%s", name,
             value ? value : "", key->value ? key->value : "no value", bound);
    return false;
}

void sim_spec_print_keys(FILE *stream)
{
    for (const sim_key *key = sim_keys; key->name; key++) {
        char left[64];
        snprintf(left, sizeof left, key->value ? "%s=%s" : "%s", key->name,
                 key->value ? key->value : "");
        fprintf(stream, "  %-34s %s\n", left, key->help);
    }
}
