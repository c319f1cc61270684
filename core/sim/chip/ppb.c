/* core/sim/chip/ppb.c: registers of the private peripheral bus: SCS, debug, FPB, DWT, SysTick, NVIC, DBGMCU.
 * Source: ARMv7-M ARM B3.2, C1.6, C1.8, C1.11; facts/stm32l1 5.1 to 5.3. */
#include "chip_internal.h"

#include <string.h>

enum {
    C_DEBUGEN = 1, C_HALT = 2, C_STEP = 4, C_MASKINTS = 8,
    S_REGRDY = 1 << 16, S_HALT = 1 << 17, S_SLEEP = 1 << 18, S_LOCKUP = 1 << 19,
    S_RETIRE_ST = 1 << 24, S_RESET_ST = 1 << 25, DFSR_HALTED = 1
};
#define XPSR_T (1u << 24)

static bool is_in(uint32_t addr, uint32_t base_addr, uint32_t byte_count)
{
    return addr - base_addr < byte_count;
}

/* ---- debug ---- */

static uint32_t read_dhcsr(sim_chip *chip)
{
    core_state *core = &chip->core;
    uint32_t value = S_REGRDY;
    value |= core->is_debugen ? C_DEBUGEN : 0u;
    value |= core->is_halted ? (uint32_t)(S_HALT | C_HALT) : 0u;
    value |= core->is_maskints ? C_MASKINTS : 0u;
    value |= core->is_asleep ? S_SLEEP : 0u;
    value |= core->is_locked_up ? S_LOCKUP : 0u;
    value |= core->has_retired ? S_RETIRE_ST : 0u;
    value |= core->has_reset_st ? S_RESET_ST : 0u;
    core->has_retired = false;
    core->has_reset_st = chip->is_nrst_low; /* sticky while the reset lasts */
    return value;
}

sim_core_view sim_chip_view_core(const sim_chip *chip)
{
    const core_state *core = &chip->core;
    const char *doing = chip_is_running_off(chip) ? "no supply"
                        : chip->is_nrst_low       ? "in reset"
                        : core->is_halted         ? "halted"
                        : core->is_locked_up      ? "locked up"
                        : core->is_asleep         ? "asleep"
                                                  : "runs";
    return (sim_core_view){doing, core->is_debugen, core->demcr};
}

static void write_dhcsr(sim_chip *chip, uint32_t value)
{
    core_state *core = &chip->core;
    if (value >> 16 != 0xA05F)
        return;
    core->is_debugen = value & C_DEBUGEN;
    if (core->is_debugen && options_rdp_level(chip) == 1 && !chip->is_rdp_tripped) {
        chip->is_rdp_tripped = true; /* from now on flash is closed to the core too */
        cpu_forget_code(chip);
    }
    if (core->is_halted || !core->is_debugen)
        core->is_maskints = value & C_MASKINTS;
    if (core->is_debugen && value & C_HALT) {
        if (!core->is_halted && !chip->is_nrst_low)
            core_halt(chip, DFSR_HALTED);
        return;
    }
    if (core->is_halted) {
        core->is_halted = false;
        core->is_stepping = core->is_debugen && value & C_STEP;
        cpu_forget_code(chip);
    }
}

static int register_of(uint32_t regsel)
{
    if (regsel <= 12)
        return UC_ARM_REG_R0 + (int)regsel;
    switch (regsel) {
    case 13: return UC_ARM_REG_SP;
    case 14: return UC_ARM_REG_LR;
    case 15: return UC_ARM_REG_PC;
    case 16: return UC_ARM_REG_XPSR;
    case 17: return UC_ARM_REG_MSP;
    case 18: return UC_ARM_REG_PSP;
    default: return -1;
    }
}

static uint32_t read_special(sim_chip *chip)
{
    return (cpu_get(chip, UC_ARM_REG_CONTROL) & 3) << 24 | (cpu_get(chip, UC_ARM_REG_FAULTMASK) & 1) << 16 |
           (cpu_get(chip, UC_ARM_REG_BASEPRI) & 0xFF) << 8 | (cpu_get(chip, UC_ARM_REG_PRIMASK) & 1);
}

static void transfer(sim_chip *chip, uint32_t dcrsr)
{
    core_state *core = &chip->core;
    const uint32_t regsel = dcrsr & 0x1F;
    const bool is_write = dcrsr & 1u << 16;
    const int reg = register_of(regsel);
    if (!core->is_halted)
        return;
    if (regsel == 20 && is_write) {
        cpu_set(chip, UC_ARM_REG_CONTROL, core->dcrdr >> 24 & 3);
        cpu_set(chip, UC_ARM_REG_FAULTMASK, core->dcrdr >> 16 & 1);
        cpu_set(chip, UC_ARM_REG_BASEPRI, core->dcrdr >> 8 & 0xFF);
        cpu_set(chip, UC_ARM_REG_PRIMASK, core->dcrdr & 1);
    } else if (regsel == 20) {
        core->dcrdr = read_special(chip);
    } else if (reg < 0) {
        core->dcrdr = is_write ? core->dcrdr : 0;
    } else if (!is_write) {
        core->dcrdr = cpu_get(chip, reg);
        if (regsel == 16)
            core->dcrdr = (core->dcrdr & ~XPSR_T) | (core->is_thumb ? XPSR_T : 0);
    } else {
        if (regsel == 15 || regsel == 16)
            core->is_locked_up = false;
        if (regsel == 16) {
            core->is_thumb = core->dcrdr & XPSR_T;
            if (!(core->dcrdr & 0x1FF))
                core->active_depth = 0;
        }
        cpu_set(chip, reg, regsel == 15 ? core->dcrdr & ~1u : regsel == 16 ? core->dcrdr | XPSR_T : core->dcrdr);
        if (regsel == 17 || regsel == 13)
            cpu_set(chip, UC_ARM_REG_SP, core->dcrdr & ~3u);
    }
}

static void write_aircr(sim_chip *chip, uint32_t value)
{
    if (value >> 16 != 0x05FA)
        return;
    chip->core.prigroup = value & 0x700;
    if (value & 2 && chip->core.is_halted) /* VECTCLRACTIVE */
        chip->core.active_depth = 0;
    if (value & 4) {
        chip_reset(chip, CAUSE_SOFT);
    } else if (value & 1) { /* VECTRESET: the core alone */
        core_reset(chip);
        core_boot(chip);
    }
}

/* ---- SysTick ---- */

static void write_systick(sim_chip *chip, uint32_t addr, uint32_t value)
{
    core_state *core = &chip->core;
    if (addr == 0xE000E010)
        core->systick_ctrl = value & 7;
    else if (addr == 0xE000E014)
        core->systick_load = value & 0xFFFFFF;
    core->has_countflag = false;
    if (!(core->systick_ctrl & 1)) {
        core->systick_next_ns = NEVER_NS;
        return;
    }
    const double tick_ns = 1e9 / periph_hclk_hz(chip) * (core->systick_ctrl & 4 ? 1 : 8);
    if (addr != 0xE000E014 || core->systick_next_ns == NEVER_NS)
        core->systick_next_ns = cpu_time_ns(chip) + (uint64_t)((core->systick_load + 1.0) * tick_ns);
    core->is_stop_requested = true;
}

static uint32_t systick_value(const sim_chip *chip)
{
    const core_state *core = &chip->core;
    if (core->systick_next_ns == NEVER_NS)
        return 0;
    const uint64_t now_ns = cpu_time_ns(chip);
    const double tick_ns = 1e9 / periph_hclk_hz(chip) * (core->systick_ctrl & 4 ? 1 : 8);
    const double left = core->systick_next_ns > now_ns ? (double)(core->systick_next_ns - now_ns) / tick_ns : 0;
    return (uint32_t)left & 0xFFFFFF;
}

/* ---- all of them ---- */

static uint32_t idcode(const sim_chip *chip)
{
    const uint32_t id = chip->options.is_dev_id_overridden ? chip->options.dev_id : chip->model->dev_id;
    if (chip->options.is_dev_id_overridden && (id == 0 || id == 0xFFF))
        return id ? UINT32_MAX : 0;
    return id | 0x6000u | (uint32_t)chip->model->rev_id << 16;
}

bus_result ppb_read(sim_chip *chip, uint32_t addr, uint32_t *value)
{
    core_state *core = &chip->core;
    *value = 0;
    if (is_in(addr, 0xE000E100, 12))
        *value = core->nvic_enabled[(addr - 0xE000E100) / 4];
    else if (is_in(addr, 0xE000E200, 12))
        *value = core->nvic_pending[(addr - 0xE000E200) / 4];
    else if (is_in(addr, 0xE0002008, 32))
        *value = core->fp_comp[(addr - 0xE0002008) / 4];
    else if (is_in(addr, 0xE0001020, 64))
        *value = core->dwt_regs[(addr - 0xE0001020) / 4];
    else if (!coresight_read(chip, addr, value))
        switch (addr) {
        case 0xE0042000: *value = idcode(chip); break;
        case 0xE0042004: *value = chip->dbg_cr; break;
        case 0xE0042008: *value = chip->dbg_apb1_fz; break;
        case 0xE004200C: *value = chip->dbg_apb2_fz; break;
        case 0xE0001000: *value = core->dwt_ctrl; break;
        case 0xE0001004:
            *value = core->dwt_ctrl & 1 ? (uint32_t)((double)(cpu_time_ns(chip) - core->cyccnt_base_ns) *
                                                     periph_hclk_hz(chip) / 1e9) : 0;
            break;
        case 0xE0002000: *value = core->fp_ctrl; break;
        case 0xE000E010: *value = core->systick_ctrl | (core->has_countflag ? 1u << 16 : 0);
            core->has_countflag = false;
            break;
        case 0xE000E014: *value = core->systick_load; break;
        case 0xE000E018: *value = systick_value(chip); break;
        case 0xE000ED00: *value = 0x412FC230; break;
        case 0xE000ED04:
            *value = (core->active_depth ? core->active_stack[core->active_depth - 1] : 0u) |
                     (core->is_systick_pending ? 1u << 26 : 0);
            break;
        case 0xE000ED08: *value = core->vtor; break;
        case 0xE000ED0C: *value = 0xFA050000 | core->prigroup; break;
        case 0xE000ED10: *value = core->scr; break;
        case 0xE000ED14: *value = core->ccr; break;
        case 0xE000ED24: *value = core->shcsr; break;
        case 0xE000ED28: *value = core->cfsr; break;
        case 0xE000ED2C: *value = core->hfsr; break;
        case 0xE000ED30: *value = core->dfsr; break;
        case 0xE000ED38: *value = core->bfar; break;
        case 0xE000EDF0: *value = read_dhcsr(chip); break;
        case 0xE000EDF8: *value = core->dcrdr; break;
        case 0xE000EDFC: *value = core->demcr; break;
        default: break; /* reads as zero: reserved, or a unit that is not modelled */
        }
    return BUS_OK;
}

bus_result ppb_write(sim_chip *chip, uint32_t addr, uint32_t value)
{
    core_state *core = &chip->core;
    if (is_in(addr, 0xE000E100, 12))
        core->nvic_enabled[(addr - 0xE000E100) / 4] |= value;
    else if (is_in(addr, 0xE000E180, 12))
        core->nvic_enabled[(addr - 0xE000E180) / 4] &= ~value;
    else if (is_in(addr, 0xE000E200, 12))
        core->nvic_pending[(addr - 0xE000E200) / 4] |= value;
    else if (is_in(addr, 0xE000E280, 12))
        core->nvic_pending[(addr - 0xE000E280) / 4] &= ~value;
    else if (is_in(addr, 0xE0002008, 32))
        core->fp_comp[(addr - 0xE0002008) / 4] = value & 0xDFFFFFFD;
    else if (is_in(addr, 0xE0001020, 64))
        core->dwt_regs[(addr - 0xE0001020) / 4] = value;
    else if (is_in(addr, 0xE000E010, 12))
        write_systick(chip, addr, value);
    else
        switch (addr) {
        case 0xE0042004: chip->dbg_cr = value & 0xE7; break;
        case 0xE0042008: chip->dbg_apb1_fz = value; break;
        case 0xE004200C: chip->dbg_apb2_fz = value; break;
        case 0xE0001000:
            core->dwt_ctrl = 0x40000000 | (value & 0x0FFFFFFF);
            core->cyccnt_base_ns = cpu_time_ns(chip);
            break;
        case 0xE0001004: core->cyccnt_base_ns = cpu_time_ns(chip); break;
        case 0xE0002000:
            if (value & 2)
                core->fp_ctrl = 0x260 | (value & 1);
            break;
        case 0xE000ED04:
            if (value & 1u << 26)
                core->is_systick_pending = true;
            if (value & 1u << 25)
                core->is_systick_pending = false;
            break;
        case 0xE000ED08: core->vtor = value & 0x3FFFFF80; break;
        case 0xE000ED0C: write_aircr(chip, value); break;
        case 0xE000ED10: core->scr = value; break;
        case 0xE000ED14: core->ccr = value; break;
        case 0xE000ED24: core->shcsr = value; break;
        case 0xE000ED28: core->cfsr &= ~value; break;
        case 0xE000ED2C: core->hfsr &= ~value; break;
        case 0xE000ED30: core->dfsr &= ~value; break;
        case 0xE000EDF0: write_dhcsr(chip, value); break;
        case 0xE000EDF4: transfer(chip, value); break;
        case 0xE000EDF8: core->dcrdr = value; break;
        case 0xE000EDFC: core->demcr = value & 0x010F07F1; break;
        default: break;
        }
    return BUS_OK;
}
