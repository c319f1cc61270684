/* core/sim/chip/dap.c: SW-DP and the AHB-AP. Source: ADIv5.1 (DP, MEM-AP); facts/stm32l1 5.1, 5.5. */
#include "chip_internal.h"

enum { CTRL_STICKYERR = 1 << 5, CTRL_CDBGPWRUPREQ = 1 << 28, CSW_SIZE = 7, CSW_INC = 0x30, TAR_WRAP = 0x400 };

static bool is_dead(const sim_chip *chip)
{
    return chip_is_running_off(chip) || chip->is_dead || (!periph_is_swd_mapped(chip) && !chip->is_nrst_low);
}

void sim_chip_line_reset(sim_chip *chip)
{
    chip->dap.select = 0;
}

sim_ack sim_chip_dp_read(sim_chip *chip, unsigned reg_addr, uint32_t *value)
{
    dap_state *dap = &chip->dap;
    if (is_dead(chip))
        return SIM_ACK_NONE;
    switch (reg_addr & 0xC) {
    case 0x0: *value = 0x2BA01477; break;
    case 0x4:
        *value = dap->ctrl_stat | (dap->is_sticky ? CTRL_STICKYERR : 0u);
        *value |= (*value & 1u << 28 ? 1u << 29 : 0) | (*value & 1u << 30 ? 1u << 31 : 0);
        break;
    default: *value = dap->rdbuff; break;
    }
    return SIM_ACK_OK;
}

sim_ack sim_chip_dp_write(sim_chip *chip, unsigned reg_addr, uint32_t value)
{
    dap_state *dap = &chip->dap;
    if (is_dead(chip))
        return SIM_ACK_NONE;
    switch (reg_addr & 0xC) {
    case 0x0:
        if (value & 0x4)
            dap->is_sticky = false;
        break;
    case 0x4: dap->ctrl_stat = value & 0x50000F4C; break;
    case 0x8: dap->select = value; break;
    default: break;
    }
    return SIM_ACK_OK;
}

/* Stop and Standby take the bus clock away, unless DBGMCU keeps it. */
static sim_ack low_power(const sim_chip *chip)
{
    const core_state *core = &chip->core;
    if (!core->is_asleep || !core->is_deep)
        return SIM_ACK_OK;
    const bool is_standby = chip->periph[(0x40007000u - PERIPH_ADDR) / 4] & 2;
    if (chip->dbg_cr & (is_standby ? 4u : 2u))
        return SIM_ACK_OK;
    return is_standby ? SIM_ACK_FAULT : SIM_ACK_WAIT;
}

static sim_ack bus_access(sim_chip *chip, bool is_write, uint32_t addr, uint32_t *value)
{
    dap_state *dap = &chip->dap;
    static const unsigned sizes[] = {1, 2, 4};
    const unsigned size = (dap->csw & CSW_SIZE) < 3 ? sizes[dap->csw & CSW_SIZE] : 4;
    sim_ack ack = low_power(chip);
    if (ack == SIM_ACK_FAULT)
        dap->is_sticky = true;
    if (ack != SIM_ACK_OK)
        return ack;
    const bool is_ppb = addr - PPB_ADDR < 0x100000;
    bus_result result = BUS_ERROR;
    const bool is_bus_in_reset = chip->is_nrst_low && !is_ppb;
    if (is_bus_in_reset || addr % size)
        result = BUS_ERROR;
    else if (is_write)
        result = bus_write(chip, MASTER_DEBUG, addr, size, *value >> 8 * (addr & 3));
    else
        result = bus_read(chip, MASTER_DEBUG, addr, size, value);
    if (result == BUS_OK && !is_write)
        *value <<= 8 * (addr & 3); /* byte lanes */
    if (result == BUS_STALL)
        return SIM_ACK_WAIT;
    if (result == BUS_ERROR) {
        dap->is_sticky = true;
        return SIM_ACK_FAULT;
    }
    return SIM_ACK_OK;
}

static void step_tar(dap_state *dap)
{
    static const uint32_t sizes[] = {1, 2, 4};
    if (!(dap->csw & CSW_INC))
        return;
    const uint32_t next = dap->tar + sizes[(dap->csw & CSW_SIZE) < 3 ? dap->csw & CSW_SIZE : 2];
    dap->tar = (dap->tar & ~(uint32_t)(TAR_WRAP - 1)) | (next & (TAR_WRAP - 1));
}

/* ADIv5.1, 2.4.5: without the debug domain's power an AP access is an error. */
static bool is_refused(dap_state *dap)
{
    if (!(dap->ctrl_stat & CTRL_CDBGPWRUPREQ))
        dap->is_sticky = true;
    return dap->is_sticky;
}

sim_ack sim_chip_ap_read(sim_chip *chip, unsigned ap, unsigned reg_addr, uint32_t *value)
{
    dap_state *dap = &chip->dap;
    sim_ack ack = SIM_ACK_OK;
    if (is_dead(chip))
        return SIM_ACK_NONE;
    if (is_refused(dap))
        return SIM_ACK_FAULT;
    *value = 0;
    if (ap != 0) /* no other AP: reads as zero */
        return SIM_ACK_OK;
    switch (reg_addr) {
    case 0x00: *value = dap->csw | 0x40; break;
    case 0x04: *value = dap->tar; break;
    case 0x0C:
        ack = bus_access(chip, false, dap->tar, value);
        if (ack == SIM_ACK_OK)
            step_tar(dap);
        break;
    case 0x10: case 0x14: case 0x18: case 0x1C:
        ack = bus_access(chip, false, (dap->tar & ~0xFu) | (reg_addr & 0xC), value);
        break;
    case 0xF8: *value = 0xE00FF003; break;
    case 0xFC: *value = 0x24770011; break;
    default: break;
    }
    if (ack == SIM_ACK_OK)
        dap->rdbuff = *value;
    return ack;
}

sim_ack sim_chip_ap_write(sim_chip *chip, unsigned ap, unsigned reg_addr, uint32_t value)
{
    dap_state *dap = &chip->dap;
    sim_ack ack = SIM_ACK_OK;
    if (is_dead(chip))
        return SIM_ACK_NONE;
    if (is_refused(dap))
        return SIM_ACK_FAULT;
    if (ap != 0)
        return SIM_ACK_OK;
    switch (reg_addr) {
    case 0x00: dap->csw = value; break;
    case 0x04: dap->tar = value; break;
    case 0x0C:
        ack = bus_access(chip, true, dap->tar, &value);
        if (ack == SIM_ACK_OK)
            step_tar(dap);
        break;
    case 0x10: case 0x14: case 0x18: case 0x1C:
        ack = bus_access(chip, true, (dap->tar & ~0xFu) | (reg_addr & 0xC), &value);
        break;
    default: break;
    }
    return ack;
}
