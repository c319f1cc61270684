/* core/sim/commands_core.c: entering and leaving debug, reset, nRST, core registers.
 * Source: ST-LINK protocol sheet, 3.2 to 3.4; STM32L1 sheet, 5.3. */
#include "device_internal.h"

#define DHCSR        0xE000EDF0u /* DCRSR, DCRDR and DEMCR follow: the four banked registers */
#define AIRCR        0xE000ED0Cu
#define AIRCR_RESET  0x05FA0004u
#define DHCSR_REGRDY 0x10000u
#define DHCSR_HALT   0x20000u
#define DCRSR_WRITE  0x10000u

enum { ENTER_JTAG_RESET = 0x00, ENTER_SWD = 0xA3, ENTER_JTAG = 0xA4 };
enum { POWER_UP_POLLS = 10, REGISTER_POLLS = 8, CORE_REGISTERS = 21 };

/* ---- ENTER, EXIT ---- */

static uint8_t power_up_debug(sim_device *device)
{
    uint8_t status = swd_dp_write(device, DP_ABORT, ABORT_CLEAR_ALL);
    if (status == ST_OK)
        status = swd_dp_write(device, DP_CTRL_STAT, CTRL_POWER_UP);
    for (int i = 0; status == ST_OK && i < POWER_UP_POLLS; i++) {
        uint32_t ctrl_stat;
        status = swd_dp_read(device, DP_CTRL_STAT, &ctrl_stat);
        if (status == ST_OK && (ctrl_stat & CTRL_POWER_ACK) == CTRL_POWER_ACK)
            return ST_OK;
    }
    return status == ST_OK ? ST_DBG_POWER_ERROR : status;
}

static uint8_t enter_swd(sim_device *device)
{
    uint32_t dpidr;
    swd_line_reset(device);
    if (device->faults.idcode_left) {
        device->faults.idcode_left--;
        return ST_IDCODE_ERROR;
    }
    if (swd_dp_read(device, DP_IDR, &dpidr) != ST_OK)
        return ST_IDCODE_ERROR;
    return power_up_debug(device);
}

/* The mode is DEBUG afterwards even if nothing answered (facts 2.3). */
static uint8_t enter(sim_device *device, uint8_t protocol)
{
    const bool is_jtag = protocol == ENTER_JTAG || protocol == ENTER_JTAG_RESET;
    if ((protocol != ENTER_SWD && !is_jtag) ||
        (protocol == ENTER_JTAG && !sim_firmware_has(&device->firmware, 15, 0)))
        return ST_CMD_ERROR;
    device->mode = MODE_DEBUG;
    device->open_aps = 0;
    device->csw_known_ap = NO_AP;
    device->has_sticky = false;
    device_pass_us(device, device->timing.enter);
    if (is_jtag)
        return ST_UNKNOWN_CHAIN; /* only SWDIO and SWCLK are wired here */
    const uint8_t status = enter_swd(device);
    /* J21-class firmware says yes to an empty connector (facts 3.2, 7 row 9). */
    return sim_firmware_has(&device->firmware, 22, 0) ? status : ST_OK;
}

void cmd_enter(sim_device *device, const uint8_t *command)
{
    reply_status(device, enter(device, command[2]));
}

void cmd_v1_enter(sim_device *device, const uint8_t *command)
{
    const uint8_t ignored = enter(device, command[2]);
    (void)ignored; /* this command has no reply */
}

void cmd_exit(sim_device *device, const uint8_t *command)
{
    (void)command;
    device->mode = MODE_MASS;
    device->open_aps = 0;
    device->csw_known_ap = NO_AP;
    device->is_nrst_low = false; /* even if it was low before ENTER (facts 2.3) */
    device_apply_nrst(device);
}

/* ---- identity ---- */

void cmd_read_idcodes(sim_device *device, const uint8_t *command)
{
    (void)command;
    uint32_t dpidr;
    const uint8_t status = swd_dp_read(device, DP_IDR, &dpidr);
    reply_value(device, status == ST_OK ? ST_OK : ST_IDCODE_ERROR, dpidr);
}

void cmd_read_core_id(sim_device *device, const uint8_t *command)
{
    (void)command;
    uint32_t dpidr;
    const uint8_t ignored = swd_dp_read(device, DP_IDR, &dpidr);
    (void)ignored; /* the reply has no place for it */
    stl_put_u32le(device->reply, dpidr);
}

/* ---- reset ---- */

/* By AIRCR: that the real one does not pull nRST is a choice (facts 10, 8). The bus may be gone before
 * the write is acknowledged, so only silence is an error. */
void cmd_reset_system(sim_device *device, const uint8_t *command)
{
    (void)command;
    const uint8_t status = swd_write_word(device, 0, AIRCR, AIRCR_RESET);
    device_pass_us(device, device->timing.resetsys);
    const bool is_silent = status == ST_AP_ERROR || status == ST_AP_ERROR + 4;
    reply_status(device, is_silent ? status : ST_OK);
}

static void drive_nrst(sim_device *device, bool is_low)
{
    device->is_nrst_low = is_low;
    device_apply_nrst(device);
}

void cmd_drive_nrst(sim_device *device, const uint8_t *command)
{
    reply_status(device, ST_OK);
    if (command[2] == 2) {
        drive_nrst(device, true);
        device_pass_us(device, device->timing.nrst_pulse);
        drive_nrst(device, false);
    } else if (command[2] < 2) {
        drive_nrst(device, command[2] == 0);
    } else {
        reply_status(device, ST_CMD_ERROR);
    }
}

/* ---- core registers: DHCSR, DCRSR and DCRDR through the banked data registers ---- */

static uint8_t point_at_dhcsr(sim_device *device, unsigned ap)
{
    swd_clear_sticky(device);
    uint8_t status = ST_OK;
    if (device->csw_known_ap != ap)
        status = swd_ap_write(device, ap, AP_CSW, CSW_WORD);
    if (status != ST_OK)
        return status;
    device->csw_known_ap = (uint16_t)ap;
    return swd_ap_write(device, ap, AP_TAR, DHCSR);
}

/* Until S_REGRDY; a running core never gets there. */
static uint8_t wait_register(sim_device *device, unsigned ap)
{
    for (int i = 0; i < REGISTER_POLLS; i++) {
        uint32_t dhcsr;
        const uint8_t status = swd_ap_read(device, ap, AP_BD0, &dhcsr);
        if (status != ST_OK)
            return status;
        if (!(dhcsr & DHCSR_HALT))
            return ST_FAULT;
        if (dhcsr & DHCSR_REGRDY)
            return ST_OK;
    }
    return ST_FAULT;
}

static uint8_t read_register(sim_device *device, unsigned ap, unsigned reg, uint32_t *value)
{
    *value = 0;
    uint8_t status = swd_ap_write(device, ap, AP_BD1, reg);
    if (status == ST_OK)
        status = wait_register(device, ap);
    return status == ST_OK ? swd_ap_read(device, ap, AP_BD2, value) : status;
}

uint8_t core_read_register(sim_device *device, unsigned ap, unsigned reg, uint32_t *value)
{
    *value = 0;
    const uint8_t status = point_at_dhcsr(device, ap);
    return status == ST_OK ? read_register(device, ap, reg, value) : status;
}

uint8_t core_write_register(sim_device *device, unsigned ap, unsigned reg, uint32_t value)
{
    uint8_t status = point_at_dhcsr(device, ap);
    if (status == ST_OK)
        status = swd_ap_write(device, ap, AP_BD2, value);
    if (status == ST_OK)
        status = swd_ap_write(device, ap, AP_BD1, DCRSR_WRITE | reg);
    return status == ST_OK ? wait_register(device, ap) : status;
}

uint8_t core_read_all(sim_device *device, unsigned ap, uint8_t *bytes)
{
    uint8_t status = point_at_dhcsr(device, ap);
    for (unsigned reg = 0; status == ST_OK && reg < CORE_REGISTERS; reg++) {
        uint32_t value = 0;
        if (reg != 19) /* "rw": no such selector */
            status = read_register(device, ap, reg, &value);
        stl_put_u32le(bytes + 4 * reg, value);
    }
    return status;
}

/* Selectors are those of DCRSR; the floating-point ones came with J15 (facts 3.4). */
static uint8_t check_register(const sim_device *device, unsigned reg, unsigned ap)
{
    if (reg > 0x5F || (reg > 20 && !sim_firmware_has(&device->firmware, 15, 0)))
        return ST_CMD_ERROR;
    return ap_check(device, ap, false);
}

/* The AP byte means something on firmware with several APs only. */
static unsigned ap_of(const sim_device *device, uint8_t byte)
{
    return sim_firmware_has(&device->firmware, 28, 0) ? byte : 0;
}

void cmd_read_reg(sim_device *device, const uint8_t *command)
{
    const unsigned ap = ap_of(device, command[3]);
    uint32_t value = 0;
    uint8_t status = check_register(device, command[2], ap);
    if (status == ST_OK)
        status = core_read_register(device, ap, command[2], &value);
    reply_value(device, status, value);
}

void cmd_write_reg(sim_device *device, const uint8_t *command)
{
    const unsigned ap = ap_of(device, command[7]);
    uint8_t status = check_register(device, command[2], ap);
    if (status == ST_OK)
        status = core_write_register(device, ap, command[2], stl_get_u32le(command + 3));
    reply_status(device, status);
}

void cmd_read_all_regs(sim_device *device, const uint8_t *command)
{
    const unsigned ap = ap_of(device, command[2]);
    uint8_t status = ap_check(device, ap, false);
    if (status == ST_OK)
        status = core_read_all(device, ap, device->reply + 4);
    reply_status(device, status);
}

/* ---- debug registers: any word of the target ---- */

static uint8_t check_word(const sim_device *device, unsigned ap, uint32_t *addr)
{
    if (*addr & 3u) {
        if (sim_firmware_has(&device->firmware, 26, 0))
            return ST_ALIGNMENT_ERROR;
        *addr &= ~3u; /* older firmware returns another word without a word */
    }
    return ap_check(device, ap, false);
}

void cmd_read_debug_reg(sim_device *device, const uint8_t *command)
{
    const unsigned ap = ap_of(device, command[6]);
    uint32_t addr = stl_get_u32le(command + 2), value = 0;
    uint8_t status = check_word(device, ap, &addr);
    if (status == ST_OK)
        status = swd_read_word(device, ap, addr, &value);
    reply_value(device, status, value);
}

void cmd_write_debug_reg(sim_device *device, const uint8_t *command)
{
    const unsigned ap = ap_of(device, command[10]);
    uint32_t addr = stl_get_u32le(command + 2);
    uint8_t status = check_word(device, ap, &addr);
    if (status == ST_OK)
        status = swd_write_word(device, ap, addr, stl_get_u32le(command + 6));
    reply_status(device, status);
}
