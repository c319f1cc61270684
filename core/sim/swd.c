/* core/sim/swd.c: single SWD transactions as the probe's firmware makes them.
 * Source: ST-LINK protocol sheet, 4.1 (status bytes), 4.2 (WAIT), 6.3 (46 clocks a transaction). */
#include "device_internal.h"

enum { CLOCKS_PER_TRANSACTION = 46, FIRMWARE_RETRIES = 4, LIMIT_PERIOD = 5 };

double swd_clock_mhz(const sim_device *device)
{
    return sim_firmware_is_v3(&device->firmware) ? device->swd_khz / 1000.0
                                                 : sim_v2_swclk_mhz(device->divisor);
}

bool swd_is_above(const sim_device *device, uint32_t limit_khz)
{
    return limit_khz && swd_clock_mhz(device) * 1000 > limit_khz;
}

typedef struct transaction {
    bool is_ap, is_read;
    unsigned ap, reg;
    uint32_t value;
} transaction;

static sim_ack perform(sim_device *device, transaction *t)
{
    if (device->options.is_target_absent || !device->supply_mv)
        return SIM_ACK_NONE;
    if (device->faults.acks_left) {
        if (device->faults.acks_left != UINT64_MAX) /* that one is for ever */
            device->faults.acks_left--;
        return device->faults.ack;
    }
    if (swd_is_above(device, device->options.swd_limit_khz) &&
        device->stats.swd_transactions % LIMIT_PERIOD == 0)
        return SIM_ACK_NONE;
    if (t->is_ap)
        return t->is_read ? sim_chip_ap_read(device->chip, t->ap, t->reg, &t->value)
                          : sim_chip_ap_write(device->chip, t->ap, t->reg, t->value);
    return t->is_read ? sim_chip_dp_read(device->chip, t->reg, &t->value)
                      : sim_chip_dp_write(device->chip, t->reg, t->value);
}

/* Old firmware has one code for every memory fault (facts 2.4, 9.2 item 8). */
static uint8_t fault_status(const sim_device *device, bool is_ap)
{
    if (!sim_firmware_has(&device->firmware, 26, 1))
        return ST_UNKNOWN_ERROR;
    return (uint8_t)(is_ap ? ST_AP_FAULT : ST_AP_FAULT + 4);
}

static uint8_t ack_status(sim_device *device, const transaction *t, sim_ack ack)
{
    const uint8_t dp_offset = t->is_ap ? 0 : 4;
    switch (ack) {
    case SIM_ACK_OK:
        if (t->is_read && device->faults.parity_left) {
            device->faults.parity_left--;
            return (uint8_t)(ST_AP_PARITY + dp_offset);
        }
        return ST_OK;
    case SIM_ACK_WAIT:
        return (uint8_t)(ST_AP_WAIT + dp_offset);
    case SIM_ACK_FAULT:
        device->has_sticky = true;
        return fault_status(device, t->is_ap);
    default:
        return (uint8_t)(ST_AP_ERROR + dp_offset);
    }
}

static uint8_t transact(sim_device *device, transaction *t)
{
    sim_ack ack = SIM_ACK_NONE;
    for (int attempt = 0; attempt <= FIRMWARE_RETRIES; attempt++) {
        device->stats.swd_transactions++;
        device_pass_us(device, CLOCKS_PER_TRANSACTION / swd_clock_mhz(device));
        ack = perform(device, t);
        if (ack != SIM_ACK_WAIT)
            break;
        device->stats.waits++;
    }
    return ack_status(device, t, ack);
}

uint8_t swd_dp_read(sim_device *device, unsigned reg, uint32_t *value)
{
    transaction t = {.is_read = true, .reg = reg};
    const uint8_t status = transact(device, &t);
    *value = status == ST_OK ? t.value : 0;
    return status;
}

uint8_t swd_dp_write(sim_device *device, unsigned reg, uint32_t value)
{
    transaction t = {.reg = reg, .value = value};
    return transact(device, &t);
}

uint8_t swd_ap_read(sim_device *device, unsigned ap, unsigned reg, uint32_t *value)
{
    transaction t = {.is_ap = true, .is_read = true, .ap = ap, .reg = reg};
    const uint8_t status = transact(device, &t);
    *value = status == ST_OK ? t.value : 0;
    return status;
}

uint8_t swd_ap_write(sim_device *device, unsigned ap, unsigned reg, uint32_t value)
{
    transaction t = {.is_ap = true, .ap = ap, .reg = reg, .value = value};
    return transact(device, &t);
}

void swd_line_reset(sim_device *device)
{
    device_pass_us(device, 2 * 64 / swd_clock_mhz(device)); /* two resets around the switch word */
    if (!device->options.is_target_absent && device->supply_mv)
        sim_chip_line_reset(device->chip);
}

void swd_clear_sticky(sim_device *device)
{
    if (!device->has_sticky)
        return;
    device->has_sticky = false;
    const uint8_t ignored = swd_dp_write(device, DP_ABORT, ABORT_CLEAR_ALL);
    (void)ignored; /* if it failed, the access that follows fails, too */
}

/* ---- one word of the target, as the debug-register commands do it: TAR, DRW, CTRL/STAT ---- */

static uint8_t begin_word(sim_device *device, unsigned ap, uint32_t addr)
{
    swd_clear_sticky(device);
    uint8_t status = ST_OK;
    if (device->csw_known_ap != ap)
        status = swd_ap_write(device, ap, AP_CSW, CSW_WORD);
    if (status != ST_OK)
        return status;
    device->csw_known_ap = (uint16_t)ap;
    return swd_ap_write(device, ap, AP_TAR, addr);
}

static uint8_t end_word(sim_device *device)
{
    uint32_t ctrl_stat;
    const uint8_t status = swd_dp_read(device, DP_CTRL_STAT, &ctrl_stat);
    if (status != ST_OK || !(ctrl_stat & CTRL_STICKYERR))
        return status;
    device->has_sticky = true;
    return fault_status(device, true);
}

uint8_t swd_read_word(sim_device *device, unsigned ap, uint32_t addr, uint32_t *value)
{
    *value = 0;
    uint8_t status = begin_word(device, ap, addr);
    if (status == ST_OK)
        status = swd_ap_read(device, ap, AP_DRW, value);
    return status == ST_OK ? end_word(device) : status;
}

uint8_t swd_write_word(sim_device *device, unsigned ap, uint32_t addr, uint32_t value)
{
    uint8_t status = begin_word(device, ap, addr);
    if (status == ST_OK)
        status = swd_ap_write(device, ap, AP_DRW, value);
    return status == ST_OK ? end_word(device) : status;
}
