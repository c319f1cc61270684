/* core/sim/chip/cpu.c: the Cortex-M3 is Unicorn; this is the glue.
 * Code runs in slices of instructions. A hook counts them, so that the time of every access is known
 * (5 cycles for 4 instructions, near what a Cortex-M3 needs for loops with loads and branches).
 * Flash is mapped as memory while code runs from it and goes through the bus while code runs from RAM.
 * Limits: a store into flash by code in flash is done without the write-back of its address register. */
#include "chip_internal.h"

#include <string.h>

/* Unicorn 2.0.1 never frees its maps of code in a page (128 bytes each): not ours to report. */
const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void)
{
    return "leak:libunicorn";
}

const char *__lsan_default_options(void);
const char *__lsan_default_options(void)
{
    return "print_suppressions=0";
}

enum { PROBE_SLICE = 96, LONG_SLICE = 4096, ENOUGH_MISSES = 4, LONG_ROUNDS = 16 };
#define CYCLES_PER_INSTRUCTION 1.25
#define ANYWHERE_NOT           0xFFFFFFFCu
#define XPSR_T                 (1u << 24)

uint32_t cpu_get(sim_chip *chip, int reg)
{
    uint32_t value = 0;
    uc_reg_read(chip->core.uc, reg, &value);
    return value;
}

void cpu_set(sim_chip *chip, int reg, uint32_t value)
{
    uc_reg_write(chip->core.uc, reg, &value);
}

uint64_t cpu_time_ns(const sim_chip *chip)
{
    const core_state *core = &chip->core;
    if (!core->is_in_slice)
        return chip->now_ns;
    return core->slice_start_ns + (uint64_t)((double)core->counter * core->ns_per_instruction);
}

/* Ends the slice before the next instruction. Unicorn is stopped there and not here: from within an
 * access it would leave PC at the instruction that made it, which would then be done twice. */
static void stop_slice(core_state *core)
{
    core->is_stop_requested = true;
}

/* ---- what the core does on the bus ---- */

/* Registers whose reading changes nothing and whose value changes by events only. */
static bool is_pure(uint32_t addr)
{
    return addr == 0x40023C18 || addr == 0x40023800 || addr == 0x40023808 || addr == 0x40007004;
}

static void fail_access(sim_chip *chip, uint32_t addr)
{
    core_state *core = &chip->core;
    core->has_fault = true;
    core->fault_cfsr = 1u << 9 | 1u << 15; /* PRECISERR, BFARVALID */
    core->fault_addr = addr;
    stop_slice(core);
}

/* The bus stalls until the running operation ends: that much time passes for the core. */
static bool wait_for_flash(sim_chip *chip)
{
    core_state *core = &chip->core;
    const flash_op *op = &chip->fl.op;
    if (op->is_hung || op->cut_ns) {
        stop_slice(core);
        return false;
    }
    const uint64_t now_ns = cpu_time_ns(chip);
    if (op->end_ns > now_ns)
        core->slice_start_ns += op->end_ns - now_ns;
    flash_end_op(chip);
    return true;
}

static uint64_t on_read(uc_engine *uc, uint64_t offset, unsigned size, void *user);
static void on_write(uc_engine *uc, uint64_t offset, unsigned size, uint64_t value, void *user);

/* One callback serves all regions; Unicorn tells the offset, the region's user data its base. */
typedef struct region {
    sim_chip *chip;
    uint32_t base;
} region;

enum { REGION_FLASH, REGION_ALIAS, REGION_EEPROM, REGION_OPTION, REGION_PERIPH, REGION_PPB, REGION_COUNT };

typedef struct cpu_regions {
    region regions[REGION_COUNT];
} cpu_regions;

static uint64_t on_read(uc_engine *uc, uint64_t offset, unsigned size, void *user)
{
    (void)uc;
    const region *r = user;
    sim_chip *chip = r->chip;
    const uint32_t addr = r->base + (uint32_t)offset;
    uint32_t value = 0;
    bus_result result = bus_read(chip, MASTER_CORE, addr, size, &value);
    if (result == BUS_STALL && wait_for_flash(chip))
        result = bus_read(chip, MASTER_CORE, addr, size, &value);
    if (result == BUS_ERROR)
        fail_access(chip, addr);
    if (!is_pure(addr))
        chip->core.has_impure = true;
    return value;
}

static void on_write(uc_engine *uc, uint64_t offset, unsigned size, uint64_t value, void *user)
{
    (void)uc;
    const region *r = user;
    sim_chip *chip = r->chip;
    const uint32_t addr = r->base + (uint32_t)offset;
    chip->core.has_written = true;
    bus_result result = bus_write(chip, MASTER_CORE, addr, size, (uint32_t)value);
    if (result == BUS_STALL && wait_for_flash(chip))
        result = bus_write(chip, MASTER_CORE, addr, size, (uint32_t)value);
    if (result == BUS_ERROR)
        fail_access(chip, addr);
}

/* ---- hooks ---- */

typedef struct cpu_trace {
    uint32_t pc, size; /* of the instruction that is being executed */
    uint32_t write_addr, write_size, write_value;
    bool has_write;
} cpu_trace;

/* Kept beside core_state: only this file needs them. */
typedef struct cpu_private {
    cpu_regions mmio;
    cpu_trace trace;
    unsigned long_rounds;
} cpu_private;

static cpu_private *private_of(const sim_chip *chip)
{
    return (cpu_private *)(void *)((uint8_t *)(uintptr_t)chip->system + SYSTEM_BYTES);
}

static bool hits_breakpoint(const core_state *core, uint32_t pc)
{
    if (!(core->fp_ctrl & 1) || !core->is_debugen)
        return false;
    for (unsigned i = 0; i < 6; i++) {
        const uint32_t comp = core->fp_comp[i], replace = comp >> 30;
        const uint32_t half = pc & 2 ? 2 : 1;
        if (comp & 1 && (comp & 0x1FFFFFFC) == (pc & ~3u) && replace & half)
            return true;
    }
    return false;
}

static void on_instruction(uc_engine *uc, uint64_t address, uint32_t size, void *user)
{
    (void)uc;
    sim_chip *chip = user;
    core_state *core = &chip->core;
    if (core->counter >= core->budget)
        stop_slice(core);
    else if (core->fp_ctrl & 1 && core->counter && hits_breakpoint(core, (uint32_t)address))
        core_halt(chip, 2);
    if (chip->options.is_ram_code_refused && address - SRAM_ADDR < 0x20000 && !core->is_stop_requested) {
        core->has_fault = true;
        core->fault_cfsr = 1; /* IACCVIOL */
        stop_slice(core);
    }
    if (core->is_stop_requested) {
        uc_emu_stop(core->uc);
        return;
    }
    cpu_trace *trace = &private_of(chip)->trace;
    trace->pc = (uint32_t)address;
    trace->size = size;
    core->counter++;
}

static void on_ram(uc_engine *uc, uc_mem_type type, uint64_t address, int size, int64_t value, void *user)
{
    (void)uc;
    (void)size;
    (void)value;
    core_state *core = &((sim_chip *)user)->core;
    if (type == UC_MEM_WRITE) {
        core->has_written = true;
        return;
    }
    const uint32_t word = (uint32_t)address & ~3u;
    for (unsigned i = 0; i < core->idle_read_count; i++)
        if (core->idle_reads[i] == word)
            return;
    if (core->idle_read_count < sizeof core->idle_reads / sizeof core->idle_reads[0])
        core->idle_reads[core->idle_read_count++] = word;
    else
        core->has_impure = true;
}

static bool on_bad_access(uc_engine *uc, uc_mem_type type, uint64_t address, int size, int64_t value,
                          void *user)
{
    (void)uc;
    sim_chip *chip = user;
    if (type == UC_MEM_WRITE_PROT) {
        cpu_trace *trace = &private_of(chip)->trace;
        trace->has_write = true;
        trace->write_addr = (uint32_t)address;
        trace->write_size = (uint32_t)size;
        trace->write_value = (uint32_t)value;
    } else if (type == UC_MEM_READ_UNMAPPED || type == UC_MEM_WRITE_UNMAPPED) {
        fail_access(chip, (uint32_t)address);
    }
    return false;
}

static void on_exception(uc_engine *uc, uint32_t number, void *user)
{
    (void)uc;
    core_state *core = &((sim_chip *)user)->core;
    core->exception = (int)number;
    stop_slice(core);
    uc_emu_stop(core->uc);
}

/* ---- mapping ---- */

static uint32_t flash_span(const sim_chip *chip)
{
    const unsigned last = chip->model->flash_bytes[1] ? 1 : 0;
    return chip->model->flash_base[last] + chip->model->flash_bytes[last] - FLASH_ADDR;
}

/* What BOOT0 puts at address 0. */
static uint32_t alias_span(const sim_chip *chip)
{
    return chip->options.is_boot0_high ? SYSTEM_BYTES : flash_span(chip);
}

static void map_flash(sim_chip *chip, bool is_mmio)
{
    core_state *core = &chip->core;
    const uint32_t span = flash_span(chip);
    cpu_regions *mmio = &private_of(chip)->mmio;
    if (core->is_flash_mapped) {
        if (core->is_flash_mmio == is_mmio)
            return;
        uc_mem_unmap(core->uc, FLASH_ADDR, span);
        uc_mem_unmap(core->uc, 0, alias_span(chip));
    }
    if (is_mmio) {
        uc_mmio_map(core->uc, FLASH_ADDR, span, on_read, &mmio->regions[REGION_FLASH], on_write,
                    &mmio->regions[REGION_FLASH]);
        uc_mmio_map(core->uc, 0, alias_span(chip), on_read, &mmio->regions[REGION_ALIAS], on_write,
                    &mmio->regions[REGION_ALIAS]);
    } else {
        uc_mem_map_ptr(core->uc, FLASH_ADDR, span, UC_PROT_READ | UC_PROT_EXEC, chip->flash);
        uc_mem_map_ptr(core->uc, 0, alias_span(chip), UC_PROT_READ | UC_PROT_EXEC,
                       chip->options.is_boot0_high ? chip->system : chip->flash);
    }
    core->is_flash_mapped = true;
    core->is_flash_mmio = is_mmio;
}

static bool is_flash_code(const sim_chip *chip, uint32_t pc)
{
    unsigned bank;
    return flash_is_in_bank(chip, pc < FLASH_SPAN ? pc + FLASH_ADDR : pc, &bank);
}

void cpu_remap(sim_chip *chip)
{
    map_flash(chip, !is_flash_code(chip, cpu_get(chip, UC_ARM_REG_PC)) ||
                        flash_is_closed(chip, MASTER_CORE));
}

void cpu_forget_code(sim_chip *chip)
{
    core_state *core = &chip->core;
    if (core->is_in_slice)
        return; /* what runs now runs from RAM, or is stalled */
    uc_ctl_remove_cache(core->uc, SRAM_ADDR, SRAM_ADDR + chip->options.ram_bytes);
    if (core->is_flash_mapped && !core->is_flash_mmio) {
        uc_ctl_remove_cache(core->uc, FLASH_ADDR, FLASH_ADDR + flash_span(chip));
        uc_ctl_remove_cache(core->uc, 0, flash_span(chip));
    }
    cpu_wake(chip);
}

bool cpu_open(sim_chip *chip)
{
    core_state *core = &chip->core;
    if (uc_open(UC_ARCH_ARM, UC_MODE_THUMB | UC_MODE_MCLASS, &core->uc) != UC_ERR_OK)
        return false;
    uc_ctl_set_cpu_model(core->uc, UC_CPU_ARM_CORTEX_M3);
    static const uint32_t bases[REGION_COUNT] = {FLASH_ADDR, 0, EEPROM_ADDR, OPTION_ADDR, PERIPH_ADDR, PPB_ADDR};
    static const uint32_t sizes[REGION_COUNT] = {0, 0, EEPROM_SPAN, 0x1000, PERIPH_BYTES, 0x100000};
    cpu_private *private = private_of(chip);
    memset(private, 0, sizeof *private);
    for (unsigned i = 0; i < REGION_COUNT; i++) {
        region *r = &private->mmio.regions[i];
        *r = (region){chip, bases[i]};
        if (sizes[i])
            uc_mmio_map(core->uc, bases[i], sizes[i], on_read, r, on_write, r);
    }
    const uint32_t ram_span = (chip->options.ram_bytes + 0xFFFu) & ~0xFFFu;
    uc_mem_map_ptr(core->uc, SRAM_ADDR, ram_span, UC_PROT_ALL, chip->sram);
    uc_mem_map_ptr(core->uc, SYSTEM_ADDR, SYSTEM_BYTES, UC_PROT_READ | UC_PROT_EXEC, chip->system);
    map_flash(chip, true);
    uc_hook hook;
    uc_hook_add(core->uc, &hook, UC_HOOK_CODE, (void *)(uintptr_t)on_instruction, chip, 1, 0);
    uc_hook_add(core->uc, &hook, UC_HOOK_MEM_READ | UC_HOOK_MEM_WRITE, (void *)(uintptr_t)on_ram, chip,
                SRAM_ADDR, SRAM_ADDR + ram_span - 1);
    uc_hook_add(core->uc, &hook, UC_HOOK_MEM_UNMAPPED | UC_HOOK_MEM_PROT, (void *)(uintptr_t)on_bad_access,
                chip, 1, 0);
    uc_hook_add(core->uc, &hook, UC_HOOK_INTR, (void *)(uintptr_t)on_exception, chip, 1, 0);
    core->systick_next_ns = NEVER_NS;
    return true;
}

void cpu_close(sim_chip *chip)
{
    if (chip->core.uc)
        uc_close(chip->core.uc);
}

/* ---- idle loops ---- */

void cpu_wake(sim_chip *chip)
{
    chip->core.is_idle = false;
    chip->core.misses = 0;
}

void cpu_wake_for_write(sim_chip *chip, uint32_t addr)
{
    const core_state *core = &chip->core;
    for (unsigned i = 0; core->is_idle && i < core->idle_read_count; i++)
        if (core->idle_reads[i] == (addr & ~3u))
            cpu_wake(chip);
}

enum { SNAPSHOT_REGS = 17 };

static void snapshot(sim_chip *chip, uint32_t values[SNAPSHOT_REGS])
{
    for (int i = 0; i <= 12; i++)
        values[i] = cpu_get(chip, UC_ARM_REG_R0 + i);
    values[13] = cpu_get(chip, UC_ARM_REG_SP);
    values[14] = cpu_get(chip, UC_ARM_REG_LR);
    values[15] = cpu_get(chip, UC_ARM_REG_PC);
    values[16] = cpu_get(chip, UC_ARM_REG_XPSR);
}

/* ---- running ---- */

static bool is_wfi(sim_chip *chip, uint32_t pc)
{
    uint32_t op = 0;
    return bus_read(chip, MASTER_DEBUG, pc, 2, &op) == BUS_OK && (op == 0xBF30 || op == 0xBF20);
}

static void fall_asleep(sim_chip *chip)
{
    core_state *core = &chip->core;
    core->is_asleep = true;
    core->is_deep = core->scr & 4;
}

static void after_error(sim_chip *chip, uc_err error)
{
    core_state *core = &chip->core;
    cpu_trace *trace = &private_of(chip)->trace;
    const uint32_t pc = cpu_get(chip, UC_ARM_REG_PC);
    if (trace->has_write) { /* code in flash writes to flash */
        trace->has_write = false;
        cpu_set(chip, UC_ARM_REG_PC, trace->pc + trace->size);
        if (bus_write(chip, MASTER_CORE, trace->write_addr, trace->write_size, trace->write_value) == BUS_ERROR)
            core_fault(chip, 1u << 9);
        return;
    }
    if (error == UC_ERR_FETCH_UNMAPPED || error == UC_ERR_FETCH_PROT) {
        if (core->is_flash_mmio && is_flash_code(chip, pc) && !flash_is_closed(chip, MASTER_CORE)) {
            map_flash(chip, false);
            return;
        }
        core_fault(chip, 1u << 8); /* IBUSERR */
        return;
    }
    core_fault(chip, 1u << 16); /* UNDEFINSTR */
}

static void after_exception(sim_chip *chip)
{
    core_state *core = &chip->core;
    const int number = core->exception;
    core->exception = -1;
    switch (number) {
    case 7: /* BKPT */
        if (core->is_debugen) {
            core_halt(chip, 2);
        } else {
            core->hfsr |= 1u << 31;
            core_fault(chip, 0);
        }
        break;
    case 2:
        core_enter(chip, 11);
        break;
    case 8:
        core_exception_return(chip);
        break;
    case 3:
    case 4:
        core_fault(chip, 1u << 9);
        break;
    default: /* INVSTATE and its like */
        core_fault(chip, 1u << 17);
        break;
    }
}

static void run_slice(sim_chip *chip, uint64_t instructions)
{
    core_state *core = &chip->core;
    const uint32_t pc = cpu_get(chip, UC_ARM_REG_PC);
    core->budget = instructions;
    core->counter = 0;
    core->slice_start_ns = chip->now_ns;
    core->is_stop_requested = core->has_written = core->has_impure = core->has_fault = false;
    core->idle_read_count = 0;
    core->exception = -1;
    core->is_in_slice = true;
    const uc_err error = uc_emu_start(core->uc, pc | 1, ANYWHERE_NOT, 0, 0);
    core->is_in_slice = false;
    chip->now_ns = core->slice_start_ns + (uint64_t)((double)core->counter * core->ns_per_instruction);
    chip->stats.instructions += core->counter;
    core->has_retired |= core->counter != 0;
    if (core->has_fault) {
        core->bfar = core->fault_addr;
        cpu_set(chip, UC_ARM_REG_PC, private_of(chip)->trace.pc);
        core_fault(chip, core->fault_cfsr);
    } else if (core->exception >= 0) {
        after_exception(chip);
    } else if (error != UC_ERR_OK) {
        after_error(chip, error);
    } else if (!core->is_stop_requested) { /* Unicorn came back by itself: WFI, WFE */
        const uint32_t at = cpu_get(chip, UC_ARM_REG_PC);
        if (is_wfi(chip, at))
            cpu_set(chip, UC_ARM_REG_PC, at + 2);
        fall_asleep(chip);
    }
}

/* Run until until_ns, or until something has changed what happens next. */
void cpu_run(sim_chip *chip, uint64_t until_ns)
{
    core_state *core = &chip->core;
    cpu_private *private = private_of(chip);
    if (!core->is_thumb) {
        core_fault(chip, 1u << 17); /* INVSTATE */
        return;
    }
    cpu_remap(chip);
    while (chip->now_ns < until_ns && core_is_running(chip) && core->is_thumb) {
        if (core->is_idle) {
            chip->now_ns = until_ns;
            return;
        }
        core->ns_per_instruction = CYCLES_PER_INSTRUCTION * 1e9 / periph_hclk_hz(chip);
        const uint64_t left = (uint64_t)((double)(until_ns - chip->now_ns) / core->ns_per_instruction);
        if (!left && !core->is_stepping) {
            chip->now_ns = until_ns; /* less than an instruction is lost */
            return;
        }
        const bool is_probing = core->misses < ENOUGH_MISSES && !core->is_skip_disabled;
        uint64_t slice = is_probing ? PROBE_SLICE : LONG_SLICE;
        if (core->is_stepping)
            slice = 1;
        else if (slice > left)
            slice = left;
        uint32_t before[SNAPSHOT_REGS], after[SNAPSHOT_REGS];
        const bool is_probe = is_probing && slice == PROBE_SLICE;
        if (is_probe)
            snapshot(chip, before);
        const flash_op op_before = {.kind = chip->fl.op.kind, .end_ns = chip->fl.op.end_ns};
        run_slice(chip, slice);
        if (is_probe) {
            snapshot(chip, after);
            core->is_idle = !core->has_written && !core->has_impure && core->counter == PROBE_SLICE &&
                            !memcmp(before, after, sizeof before);
            core->misses++;
        } else if (++private->long_rounds >= LONG_ROUNDS) {
            private->long_rounds = 0;
            core->misses = 0;
        }
        if (core->is_stepping && core->counter)
            core_halt(chip, 1);
        if (op_before.kind != chip->fl.op.kind || op_before.end_ns != chip->fl.op.end_ns)
            return; /* another schedule */
        if (core->systick_next_ns < until_ns || chip_is_running_off(chip))
            return;
    }
}
