/* core/sim/chip/core.c: the life of the core: reset, halt, exceptions, lockup.
 * Source: ARMv7-M ARM B1.5 (exceptions, lockup), C1.6 (halting debug); facts/stm32l1 5.3, 5.4, 5.7.
 * Exceptions use the main stack only: firmware with a process stack is beyond this model. */
#include "chip_internal.h"

#include <string.h>

enum {
    EXC_HARDFAULT = 3, EXC_SYSTICK = 15, EXC_IRQ0 = 16,
    DEMCR_VC_CORERESET = 1 << 0, DEMCR_VC_HARDERR = 1 << 10,
    DFSR_HALTED = 1, DFSR_VCATCH = 8, HFSR_VECTTBL = 2, HFSR_FORCED = 1 << 30
};
#define XPSR_T      (1u << 24)
#define EXC_RETURN  0xFFFFFFF9u
#define LOCKUP_PC   0xFFFFFFFEu

bool core_is_running(const sim_chip *chip)
{
    const core_state *core = &chip->core;
    return chip->supply_mv && !chip->is_nrst_low && !core->is_halted && !core->is_locked_up &&
           !core->is_asleep;
}

void core_power_on(sim_chip *chip)
{
    core_state *core = &chip->core;
    core->is_debugen = core->is_halted = core->is_stepping = core->is_maskints = false;
    core->demcr = core->dfsr = core->dcrdr = 0;
    core->fp_ctrl = 0x260;
    memset(core->fp_comp, 0, sizeof core->fp_comp);
    memset(core->dwt_regs, 0, sizeof core->dwt_regs);
    core->dwt_ctrl = 0x40000000;
}

/* Debug registers live in another domain: they survive. */
void core_reset(sim_chip *chip)
{
    core_state *core = &chip->core;
    core->has_reset_st = true;
    core->is_halted = core->is_stepping = core->is_locked_up = core->is_asleep = core->is_deep = false;
    core->cfsr = core->hfsr = core->bfar = core->vtor = core->scr = core->prigroup = core->shcsr = 0;
    core->ccr = 0x200;
    core->systick_ctrl = core->systick_load = 0;
    core->systick_next_ns = NEVER_NS;
    core->is_systick_pending = false;
    memset(core->nvic_enabled, 0, sizeof core->nvic_enabled);
    memset(core->nvic_pending, 0, sizeof core->nvic_pending);
    core->active_depth = 0;
    core->is_stop_requested = true;
    cpu_wake(chip);
}

/* The two first words of the vector table; what cannot be read is 0. */
void core_boot(sim_chip *chip)
{
    core_state *core = &chip->core;
    uint32_t sp = 0, pc = 0;
    if (!core->is_debugen)
        chip->is_rdp_tripped = false;
    if (chip->options.is_boot0_high && options_rdp_level(chip) == 1)
        chip->is_rdp_tripped = true; /* no firmware of the owner's runs (facts 3.8) */
    if (bus_read(chip, MASTER_CORE, 0, 4, &sp) != BUS_OK ||
        bus_read(chip, MASTER_CORE, 4, 4, &pc) != BUS_OK)
        sp = pc = 0;
    cpu_forget_code(chip);
    for (int reg = UC_ARM_REG_R0; reg <= UC_ARM_REG_R12; reg++)
        cpu_set(chip, reg, 0);
    cpu_set(chip, UC_ARM_REG_XPSR, XPSR_T);
    cpu_set(chip, UC_ARM_REG_CONTROL, 0);
    cpu_set(chip, UC_ARM_REG_PRIMASK, 0);
    cpu_set(chip, UC_ARM_REG_FAULTMASK, 0);
    cpu_set(chip, UC_ARM_REG_BASEPRI, 0);
    cpu_set(chip, UC_ARM_REG_MSP, sp & ~3u);
    cpu_set(chip, UC_ARM_REG_SP, sp & ~3u);
    cpu_set(chip, UC_ARM_REG_LR, 0xFFFFFFFF);
    cpu_set(chip, UC_ARM_REG_PC, pc & ~1u);
    core->is_thumb = pc & 1;
    if (core->is_debugen && core->demcr & DEMCR_VC_CORERESET)
        core_halt(chip, DFSR_VCATCH);
}

void core_halt(sim_chip *chip, uint32_t dfsr_bit)
{
    core_state *core = &chip->core;
    if (chip->options.is_halt_ignored)
        return;
    core->is_halted = true;
    core->is_stepping = false;
    core->is_asleep = core->is_deep = false;
    core->is_locked_up = false; /* S_LOCKUP is for a running core (ARMv7-M ARM, C1.6.2) */
    core->dfsr |= dfsr_bit;
    core->is_stop_requested = true;
}

static void lock_up(sim_chip *chip)
{
    core_state *core = &chip->core;
    core->is_locked_up = true;
    cpu_set(chip, UC_ARM_REG_PC, LOCKUP_PC);
    core->is_stop_requested = true;
}

/* ---- exceptions ---- */

static unsigned active_exception(sim_chip *chip)
{
    return chip->core.active_depth ? chip->core.active_stack[chip->core.active_depth - 1] : 0;
}

static bool push_frame(sim_chip *chip)
{
    const uint32_t sp = cpu_get(chip, UC_ARM_REG_SP);
    const uint32_t frame_addr = (sp - 32) & ~7u;
    uint32_t xpsr = (cpu_get(chip, UC_ARM_REG_XPSR) & ~XPSR_T) | (chip->core.is_thumb ? XPSR_T : 0);
    if (sp - 32 != frame_addr)
        xpsr |= 1u << 9; /* the frame was aligned */
    const uint32_t frame[8] = {
        cpu_get(chip, UC_ARM_REG_R0), cpu_get(chip, UC_ARM_REG_R1), cpu_get(chip, UC_ARM_REG_R2),
        cpu_get(chip, UC_ARM_REG_R3), cpu_get(chip, UC_ARM_REG_R12), cpu_get(chip, UC_ARM_REG_LR),
        cpu_get(chip, UC_ARM_REG_PC), xpsr,
    };
    uint8_t *at = frame_addr >= SRAM_ADDR ? bus_array(chip, frame_addr, sizeof frame) : NULL;
    if (!at || frame_addr - SRAM_ADDR >= chip->options.ram_bytes)
        return false;
    memcpy(at, frame, sizeof frame);
    cpu_set(chip, UC_ARM_REG_SP, frame_addr);
    return true;
}

void core_enter(sim_chip *chip, unsigned exception)
{
    core_state *core = &chip->core;
    uint32_t vector = 0;
    const bool is_pushed = push_frame(chip);
    if ((!is_pushed && exception != EXC_HARDFAULT) || core->active_depth >= 8) {
        core_fault(chip, 1u << 12); /* STKERR */
        return;
    }
    if (bus_read(chip, MASTER_CORE, core->vtor + 4 * exception, 4, &vector) != BUS_OK) {
        core->hfsr |= HFSR_VECTTBL;
        lock_up(chip);
        return;
    }
    core->active_stack[core->active_depth++] = exception;
    cpu_set(chip, UC_ARM_REG_XPSR, (cpu_get(chip, UC_ARM_REG_XPSR) & ~0x1FFu) | XPSR_T | exception);
    cpu_set(chip, UC_ARM_REG_LR, active_exception(chip) && core->active_depth > 1 ? 0xFFFFFFF1u : EXC_RETURN);
    cpu_set(chip, UC_ARM_REG_PC, vector & ~1u);
    core->is_thumb = vector & 1;
}

/* A fault becomes a HardFault: no other fault handler is ever enabled here. In a HardFault it is
 * lockup. */
void core_fault(sim_chip *chip, uint32_t cfsr)
{
    core_state *core = &chip->core;
    core->cfsr |= cfsr;
    if (active_exception(chip) == EXC_HARDFAULT || cpu_get(chip, UC_ARM_REG_FAULTMASK) & 1) {
        lock_up(chip);
        return;
    }
    core->hfsr |= HFSR_FORCED;
    core_enter(chip, EXC_HARDFAULT);
    if (core->is_debugen && core->demcr & DEMCR_VC_HARDERR)
        core_halt(chip, DFSR_VCATCH);
}

void core_exception_return(sim_chip *chip)
{
    core_state *core = &chip->core;
    const uint32_t sp = cpu_get(chip, UC_ARM_REG_SP);
    uint32_t frame[8];
    const uint8_t *at = sp >= SRAM_ADDR ? bus_array(chip, sp, sizeof frame) : NULL;
    if (!core->active_depth || !at) {
        core_fault(chip, 1u << 18); /* INVPC */
        return;
    }
    memcpy(frame, at, sizeof frame);
    core->active_depth--;
    static const int regs[] = {UC_ARM_REG_R0, UC_ARM_REG_R1, UC_ARM_REG_R2, UC_ARM_REG_R3,
                               UC_ARM_REG_R12, UC_ARM_REG_LR};
    cpu_set(chip, UC_ARM_REG_XPSR, (frame[7] & 0xF8000000u) | XPSR_T | active_exception(chip));
    for (unsigned i = 0; i < 6; i++)
        cpu_set(chip, regs[i], frame[i]);
    cpu_set(chip, UC_ARM_REG_SP, sp + 32 + (frame[7] >> 9 & 1 ? 4 : 0));
    cpu_set(chip, UC_ARM_REG_PC, frame[6] & ~1u);
    core->is_thumb = frame[7] & XPSR_T;
}

static unsigned pending_exception(const sim_chip *chip)
{
    if (chip->core.is_systick_pending)
        return EXC_SYSTICK;
    for (unsigned i = 0; i < 96; i++)
        if (chip->core.nvic_enabled[i / 32] & chip->core.nvic_pending[i / 32] & 1u << i % 32)
            return EXC_IRQ0 + i;
    return 0;
}

/* Between slices: one exception at a time, none nested. */
void core_take_exceptions(sim_chip *chip)
{
    core_state *core = &chip->core;
    const unsigned exception = pending_exception(chip);
    if (!exception || core->is_halted || core->is_locked_up || chip->is_nrst_low)
        return;
    core->is_asleep = core->is_deep = false; /* WFI ends even when masked */
    if (core->active_depth || (core->is_maskints && core->is_debugen) || cpu_get(chip, UC_ARM_REG_PRIMASK) & 1)
        return;
    if (exception == EXC_SYSTICK)
        core->is_systick_pending = false;
    else
        core->nvic_pending[(exception - EXC_IRQ0) / 32] &= ~(1u << (exception - EXC_IRQ0) % 32);
    core_enter(chip, exception);
}

/* ---- events ---- */

uint64_t core_next_event_ns(const sim_chip *chip)
{
    return chip->core.is_halted ? NEVER_NS : chip->core.systick_next_ns;
}

void core_pass_events(sim_chip *chip)
{
    core_state *core = &chip->core;
    if (!core->is_halted && chip->now_ns >= core->systick_next_ns) {
        const double period_ns = (core->systick_load + 1.0) * 1e9 / periph_hclk_hz(chip) *
                                 (core->systick_ctrl & 4 ? 1 : 8);
        core->has_countflag = true;
        core->systick_next_ns += (uint64_t)period_ns;
        if (core->systick_next_ns <= chip->now_ns)
            core->systick_next_ns = chip->now_ns + (uint64_t)period_ns;
        if (core->systick_ctrl & 2)
            core->is_systick_pending = true;
        cpu_wake(chip);
    }
    core_take_exceptions(chip);
}
