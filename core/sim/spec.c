/* core/sim/spec.c: see spec.h. The text form, and what is decided once all keys are known. */
#include "spec.h"

#include <ctype.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "firmware.h"
#include "nearest.h"
#include "spec_keys.h"

void sim_spec_init(sim_spec *spec)
{
    memset(spec, 0, sizeof *spec);
    spec->probe = SIM_PROBE_V2;
}

/* ---- the name ---- */

static bool set_name(sim_spec *spec, const char *name, char *reason, size_t reason_size)
{
    snprintf(spec->name, sizeof spec->name, "%.*s", (int)sizeof spec->name - 1, name);
    spec->board = sim_board_find(name);
    spec->model = sim_chip_model_find(spec->board ? spec->board->chip : name);
    if (spec->model)
        return true;
    char hint[96];
    sim_nearest nearest = {.wanted = name};
    for (size_t i = 0; sim_board_at(i); i++)
        sim_nearest_offer(&nearest, sim_board_at(i)->name);
    for (size_t i = 0; sim_chip_model_at(i); i++)
        sim_nearest_offer(&nearest, sim_chip_model_at(i)->name);
    sim_nearest_hint(&nearest, hint, sizeof hint);
    snprintf(reason, reason_size, "no chip or board is called \"%.48s\"%s (stlua-sim --list)", name,
             hint);
    return false;
}

/* ---- the text ---- */

static int hex_value(char c)
{
    return isdigit((unsigned char)c)    ? c - '0'
           : isxdigit((unsigned char)c) ? tolower((unsigned char)c) - 'a' + 10
                                        : -1;
}

/* %2F and the like, in place. False: a % without two digits, or %00. */
static bool percent_decode(char *text)
{
    char *to = text;
    for (const char *from = text; *from; from++) {
        if (*from != '%') {
            *to++ = *from;
            continue;
        }
        const int high = hex_value(from[1]), low = high < 0 ? -1 : hex_value(from[2]);
        if (high < 0 || low < 0 || high + low == 0)
            return false;
        *to++ = (char)(high << 4 | low);
        from += 2;
    }
    *to = '\0';
    return true;
}

static bool set_pair(sim_spec *spec, char *pair, char *reason, size_t reason_size)
{
    char *value = strchr(pair, '=');
    if (value)
        *value++ = '\0';
    if (!percent_decode(pair) || (value && !percent_decode(value))) {
        snprintf(reason, reason_size, "\"%.40s\": %% wants two hex digits (%%25 is a per cent sign)",
                 pair);
        return false;
    }
    return sim_spec_set(spec, pair, value, reason, reason_size);
}

bool sim_spec_parse(sim_spec *spec, const char *text, char *reason, size_t reason_size)
{
    char copy[4096];
    if (strlen(text) >= sizeof copy) {
        snprintf(reason, reason_size, "the description of the board is too long");
        return false;
    }
    memcpy(copy, text, strlen(text) + 1);
    char *rest = strchr(copy, '?');
    if (rest)
        *rest++ = '\0';
    if (!set_name(spec, copy, reason, reason_size))
        return false;
    char *save = NULL;
    for (char *pair = rest ? strtok_r(rest, "&", &save) : NULL; pair;
         pair = strtok_r(NULL, "&", &save))
        if (!set_pair(spec, pair, reason, reason_size))
            return false;
    return true;
}

/* ---- what follows from all of it ---- */

static bool finish_firmware(sim_spec *spec, char *reason, size_t reason_size)
{
    if (!spec->firmware[0])
        return true;
    sim_firmware firmware = {.kind = spec->device.kind};
    if (!sim_firmware_parse(spec->firmware, &firmware)) {
        const bool is_v3 = spec->device.kind == SIM_PROBE_V3;
        snprintf(reason, reason_size, "fw=%s is no firmware of this probe; write it like %s",
                 spec->firmware, is_v3 ? "J7 or V3J7M2B5S1" : "J37 or V2J37S7");
        return false;
    }
    spec->device.jtag = firmware.jtag;
    spec->device.swim = firmware.swim;
    spec->device.msd = firmware.msd;
    spec->device.bridge = firmware.bridge;
    return true;
}

static uint64_t hash_text(uint64_t hash, const char *text)
{
    for (; *text; text++) /* FNV-1a */
        hash = (hash ^ (uint8_t)*text) * 0x100000001B3u;
    return hash;
}

/* One unit is known by its state file, wherever the program is started; without one, by its name. */
static uint64_t identity_of(const sim_spec *spec)
{
    uint64_t hash = 0xCBF29CE484222325u;
    char folder[PATH_MAX], path[sizeof spec->state_path];
    const char *base = strrchr(spec->state_path, '/');
    if (!spec->state_path[0])
        return hash_text(hash, spec->board ? spec->board->name : spec->model->name);
    snprintf(path, sizeof path, "%s", spec->state_path);
    base = base ? base + 1 : spec->state_path;
    path[base - spec->state_path] = '\0';
    hash = hash_text(hash, realpath(path[0] ? path : ".", folder) ? folder : path);
    return hash_text(hash_text(hash, "/"), base);
}

static void finish_identity(sim_spec *spec)
{
    const uint64_t identity = identity_of(spec);
    if (!spec->device.serial[0])
        snprintf(spec->device.serial, sizeof spec->device.serial, "%s%08X%08X%02X",
                 spec->device.kind == SIM_PROBE_V3 ? "004800" : "066EFF", (unsigned)(identity >> 32),
                 (unsigned)identity, 0x10u + (unsigned)spec->device.kind);
    if (!spec->has_seed) {
        spec->chip.uid_seed = (uint32_t)(identity ^ identity >> 32);
        spec->chip.seed = identity;
        spec->device.fault_seed = (uint32_t)identity;
    }
}

bool sim_spec_finish(sim_spec *spec, char *reason, size_t reason_size)
{
    if (!spec->model) {
        snprintf(reason, reason_size, "say which chip or board: rak5205, STM32L151CB-A, cat3, ... "
                                      "(stlua-sim --list)");
        return false;
    }
    sim_device_options *device = &spec->device;
    device->kind = spec->has_probe ? spec->probe : spec->board ? spec->board->probe : SIM_PROBE_V2;
    device->starts_in_dfu = spec->is_mode_given ? spec->is_dfu : device->kind == SIM_PROBE_V2;
    device->is_paced = spec->server.is_paced;
    if (spec->board && spec->board->board_id && !device->board_id[0] &&
        device->kind == spec->board->probe)
        memcpy(device->board_id, spec->board->board_id, 5);
    if (spec->is_slow_host && device->t_cmd_us == 0)
        device->t_cmd_us = device->kind == SIM_PROBE_V3 ? 1000 : 2200;
    if (!finish_firmware(spec, reason, reason_size))
        return false;
    finish_identity(spec);
    return true;
}
