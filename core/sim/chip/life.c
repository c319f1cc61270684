/* core/sim/chip/life.c: birth, supply, reset, and time. */
#include "chip_internal.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

uint32_t chip_random(sim_chip *chip)
{
    chip->rng ^= chip->rng << 13;
    chip->rng ^= chip->rng >> 7;
    chip->rng ^= chip->rng << 17;
    return (uint32_t)(chip->rng >> 32);
}

void chip_fault(sim_chip *chip, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(chip->stats.last_fault, sizeof chip->stats.last_fault, format, args);
    va_end(args);
    chip->stats.faults++;
}

static void factory(sim_chip *chip)
{
    const sim_chip_options *options = &chip->options;
    chip->rng = 0x9E3779B97F4A7C15u ^ options->seed ^ (uint64_t)options->uid_seed << 20;
    memcpy(chip->uid, options->uid, sizeof chip->uid);
    if (!(chip->uid[0] | chip->uid[1] | chip->uid[2])) {
        chip->uid[0] = 0x0E473233u ^ options->uid_seed; /* wafer, lot: ASCII on real parts */
        chip->uid[1] = 0x34333630u ^ options->uid_seed * 2654435761u;
        chip->uid[2] = 0x00340031u ^ options->uid_seed << 8;
    }
    chip->flash_size_raw = options->is_flash_size_overridden ? options->flash_size_raw
                                                             : chip->model->flash_size_raw;
    chip->junk = 0x4131;
    options_factory(chip);
    /* system memory: a vector table and an endless loop stand for the ROM loader */
    static const uint8_t rom[] = {0x00, 0x08, 0x00, 0x20, 0x09, 0x00, 0xF0, 0x1F, 0xFE, 0xE7};
    memcpy(chip->system, rom, sizeof rom);
}

sim_chip *sim_chip_new(const sim_chip_model *model, const sim_chip_options *options)
{
    sim_chip *chip = calloc(1, sizeof *chip);
    if (!chip)
        return NULL;
    chip->model = model;
    if (options)
        chip->options = *options;
    if (!chip->options.ram_bytes)
        chip->options.ram_bytes = model->ram_bytes;
    if (!chip->options.op_us)
        chip->options.op_us = 3280;
    if (!chip->options.mass_erase_us)
        chip->options.mass_erase_us = 10000;
    if (!chip->options.lsi_hz)
        chip->options.lsi_hz = 37000;
    /* whole pages of the host, so that Unicorn can map them */
    chip->flash = aligned_alloc(4096, FLASH_SPAN);
    chip->eeprom = aligned_alloc(4096, EEPROM_SPAN);
    chip->sram = aligned_alloc(4096, 0x20000);
    chip->system = aligned_alloc(4096, SYSTEM_BYTES + 4096) /* and room for cpu.c behind it */;
    if (!chip->flash || !chip->eeprom || !chip->sram || !chip->system || !cpu_open(chip)) {
        sim_chip_free(chip);
        return NULL;
    }
    memset(chip->flash, 0, FLASH_SPAN);
    memset(chip->eeprom, 0, EEPROM_SPAN);
    memset(chip->sram, 0, 0x20000);
    memset(chip->system, 0, SYSTEM_BYTES);
    factory(chip);
    return chip;
}

void sim_chip_free(sim_chip *chip)
{
    if (!chip)
        return;
    cpu_close(chip);
    free(chip->flash);
    free(chip->eeprom);
    free(chip->sram);
    free(chip->system);
    free(chip);
}

const sim_chip_model *sim_chip_get_model(const sim_chip *chip)
{
    return chip->model;
}

const sim_chip_stats *sim_chip_get_stats(const sim_chip *chip)
{
    return &chip->stats;
}

bool chip_is_running_off(const sim_chip *chip)
{
    return chip->supply_mv == 0;
}

/* ---- reset ---- */

void chip_reset(sim_chip *chip, uint32_t cause)
{
    chip->stats.resets++;
    chip->reset_flags |= cause | (chip->options.is_nrst_unwired ? 0 : CAUSE_PIN);
    flash_reset(chip);
    periph_reset(chip);
    core_reset(chip);
    if (!chip->is_nrst_low)
        core_boot(chip);
}

static void apply_nrst(sim_chip *chip)
{
    const bool is_low = chip->is_nrst_driven || chip->is_button_pressed;
    if (is_low == chip->is_nrst_low)
        return;
    chip->is_nrst_low = is_low;
    if (chip_is_running_off(chip))
        return;
    if (is_low)
        chip_reset(chip, CAUSE_PIN);
    else
        core_boot(chip);
}

void sim_chip_set_nrst(sim_chip *chip, bool is_low)
{
    chip->is_nrst_driven = is_low && !chip->options.is_nrst_unwired;
    apply_nrst(chip);
}

void sim_chip_press_reset(sim_chip *chip, bool is_pressed)
{
    chip->is_button_pressed = is_pressed;
    apply_nrst(chip);
}

void sim_chip_set_supply(sim_chip *chip, uint32_t mv)
{
    if (mv && chip->supply_mv) {
        chip->supply_mv = mv;
        return;
    }
    if (!mv) {
        if (chip->supply_mv && chip->fl.op.kind != OP_NONE)
            flash_tear_op(chip);
        chip->supply_mv = 0;
        return;
    }
    chip->supply_mv = mv;
    chip->stats.power_ons++;
    chip->reset_flags = 0;
    chip->ram_code_ns = chip->idle_ns = 0;
    chip->is_rdp_tripped = false;
    chip->is_dead = false;
    chip->dap = (dap_state){.csw = 0x23000040};
    chip->dbg_cr = chip->dbg_apb1_fz = chip->dbg_apb2_fz = 0;
    /* RAM keeps nothing */
    for (uint32_t i = 0; i < chip->options.ram_bytes / 4; i++) {
        const uint32_t word = chip_random(chip);
        memcpy(chip->sram + 4 * i, &word, 4);
    }
    options_load(chip);
    core_power_on(chip);
    chip_reset(chip, CAUSE_POR | CAUSE_PIN);
    chip->stats.resets--; /* a power-on is counted as such */
}

/* ---- what else is on the board ---- */

enum { WEAK_SUPPLY_NS = 500000 };

static bool is_in_ram(sim_chip *chip)
{
    return cpu_get(chip, UC_ARM_REG_PC) - SRAM_ADDR < chip->options.ram_bytes;
}

static void pass_on_board(sim_chip *chip, uint64_t ns)
{
    const sim_chip_options *options = &chip->options;
    if (!options->is_supply_weak && !options->supervisor_ms)
        return;
    const bool is_ram_code = core_is_running(chip) && is_in_ram(chip);
    chip->ram_code_ns += is_ram_code ? ns : 0;
    chip->idle_ns = core_is_running(chip) && !is_ram_code ? 0 : chip->idle_ns + ns;
    if (options->supervisor_ms && chip->idle_ns >= options->supervisor_ms * 1000000ull) {
        chip->idle_ns = 0;
        chip_reset(chip, CAUSE_PIN);
    }
    if (options->is_supply_weak && chip->ram_code_ns >= WEAK_SUPPLY_NS) {
        const uint32_t mv = chip->supply_mv;
        sim_chip_set_supply(chip, 0);
        sim_chip_set_supply(chip, mv);
    }
}

/* ---- time ---- */

static uint64_t earlier(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

static void pass_events(sim_chip *chip)
{
    flash_unit *fl = &chip->fl;
    if (fl->op.kind != OP_NONE && fl->op.cut_ns && chip->now_ns >= fl->op.cut_ns) {
        sim_chip_set_supply(chip, 0);
        return;
    }
    if (fl->op.kind != OP_NONE && !fl->op.is_hung && chip->now_ns >= fl->op.end_ns)
        flash_end_op(chip);
    if (periph_iwdg_ns(chip) == 0) {
        chip->stats.watchdog_resets++;
        chip_reset(chip, CAUSE_IWDG);
    }
    core_pass_events(chip);
}

void sim_chip_advance(sim_chip *chip, uint64_t ns)
{
    const uint64_t end_ns = chip->now_ns + ns;
    while (chip->now_ns < end_ns && !chip_is_running_off(chip)) {
        const flash_op *op = &chip->fl.op;
        uint64_t next_ns = end_ns;
        if (op->kind != OP_NONE && !op->is_hung)
            next_ns = earlier(next_ns, op->end_ns);
        if (op->kind != OP_NONE && op->cut_ns)
            next_ns = earlier(next_ns, op->cut_ns);
        const uint64_t iwdg_ns = periph_iwdg_ns(chip);
        if (iwdg_ns != NEVER_NS)
            next_ns = earlier(next_ns, chip->now_ns + iwdg_ns);
        next_ns = earlier(next_ns, core_next_event_ns(chip));
        const uint64_t begin_ns = chip->now_ns;
        if (next_ns > begin_ns) {
            if (core_is_running(chip))
                cpu_run(chip, next_ns); /* comes back early when something changed the schedule */
            else
                chip->now_ns = next_ns;
            periph_pass(chip, chip->now_ns - begin_ns);
        }
        pass_on_board(chip, chip->now_ns - begin_ns);
        pass_events(chip);
    }
    if (chip_is_running_off(chip))
        chip->now_ns = end_ns;
}
