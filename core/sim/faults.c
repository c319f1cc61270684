/* core/sim/faults.c: the admin lines that begin with "fault".
 * Source: ST-LINK protocol sheet, 9.2 item 13; STM32L1 sheet, Appendix A (faults to inject). */
#include "admin.h"

#include <stdlib.h>
#include <string.h>

#define SR_WRPERR 0x100u

static bool armed(sim_admin *admin)
{
    return admin_say(admin, "armed");
}

/* "... at N" */
static bool trap_at(sim_admin *admin, unsigned index, sim_trap *trap, int what)
{
    uint64_t n;
    if (!admin_is(admin, index, "at"))
        return admin_refuse(admin, "\"at N\" is missing: N = 1 is the next one");
    if (!admin_number(admin, index + 1, UINT32_MAX, &n))
        return false;
    *trap = (sim_trap){n, what};
    return armed(admin);
}

static bool fault_wait(sim_admin *admin)
{
    uint64_t n;
    if (!admin_number(admin, 2, UINT32_MAX, &n))
        return false;
    admin->device->faults.ack = SIM_ACK_WAIT;
    admin->device->faults.acks_left = n;
    return armed(admin);
}

static bool fault_ack(sim_admin *admin)
{
    uint64_t n = UINT64_MAX;
    const bool is_none = admin_is(admin, 2, "none");
    if (!is_none && !admin_is(admin, 2, "fault"))
        return admin_refuse(admin, "fault ack none [N] or fault ack fault [N]");
    if (admin->word_count > 3 && !admin_number(admin, 3, UINT32_MAX, &n))
        return false;
    admin->device->faults.ack = is_none ? SIM_ACK_NONE : SIM_ACK_FAULT;
    admin->device->faults.acks_left = n;
    return armed(admin);
}

static bool fault_parity(sim_admin *admin)
{
    return admin_number(admin, 2, UINT32_MAX, &admin->device->faults.parity_left) && armed(admin);
}

static bool fault_idcode(sim_admin *admin)
{
    return admin_number(admin, 2, UINT32_MAX, &admin->device->faults.idcode_left) && armed(admin);
}

static bool fault_usb(sim_admin *admin)
{
    static const char *const kinds[] = {"timeout", "stall", "short", "garbage", "disconnect"};
    for (int i = 0; i <= USB_FAULT_DISCONNECT; i++)
        if (admin_is(admin, 2, kinds[i]))
            return trap_at(admin, 3, &admin->device->faults.usb, i);
    return admin_refuse(admin, "fault usb timeout|stall|short|garbage|disconnect at N");
}

static bool fault_lost_reply(sim_admin *admin)
{
    return trap_at(admin, 2, &admin->device->faults.lost_reply, 0);
}

static bool fault_status(sim_admin *admin)
{
    const char *text = admin->word_count > 2 ? admin->words[2] : "";
    char *end;
    const unsigned long status = strtoul(text, &end, 16);
    if (!*text || *end || status > 0xFF)
        return admin_refuse(admin, "fault status XX at N: XX is a byte in hex");
    return trap_at(admin, 3, &admin->device->faults.status, (int)status);
}

static bool fault_op(sim_admin *admin)
{
    uint64_t n, flags = SR_WRPERR;
    sim_chip *chip = admin->device->chip;
    const bool is_fail = admin_is(admin, 2, "fail");
    if (!is_fail && !admin_is(admin, 2, "cut") && !admin_is(admin, 2, "hang"))
        return admin_refuse(admin, "fault op cut N, fault op hang N or fault op fail N [FLAGS]");
    if (!admin_number(admin, 3, UINT32_MAX, &n) ||
        (admin->word_count > 4 && !admin_number(admin, 4, UINT32_MAX, &flags)))
        return false;
    if (is_fail)
        sim_chip_fail_op(chip, n, (uint32_t)flags);
    else if (admin_is(admin, 2, "cut"))
        sim_chip_cut_supply_at_op(chip, n);
    else
        sim_chip_hang_op(chip, n);
    return armed(admin);
}

static bool fault_voltage(sim_admin *admin)
{
    sim_faults *faults = &admin->device->faults;
    uint64_t mv = 0;
    const bool is_off = admin_is(admin, 2, "off"), is_none = admin_is(admin, 2, "none");
    if (!is_off && !is_none && !admin_number(admin, 2, 5500, &mv))
        return false;
    faults->is_voltage_faked = !is_off;
    faults->has_no_vref = is_none;
    faults->voltage_mv = (uint32_t)mv;
    return armed(admin);
}

static bool fault_clear(sim_admin *admin)
{
    sim_device *device = admin->device;
    const uint64_t random = device->faults.random;
    memset(&device->faults, 0, sizeof device->faults);
    device->faults.random = random;
    sim_chip_cut_supply_at_op(device->chip, 0);
    sim_chip_fail_op(device->chip, 0, 0);
    sim_chip_hang_op(device->chip, 0);
    return admin_say(admin, "no faults");
}

bool admin_fault(sim_admin *admin)
{
    static const struct {
        const char *word;
        bool (*run)(sim_admin *admin);
    } kinds[] = {{"wait", fault_wait},   {"ack", fault_ack},
                 {"parity", fault_parity}, {"idcode", fault_idcode},
                 {"usb", fault_usb},     {"lost-reply", fault_lost_reply},
                 {"status", fault_status}, {"op", fault_op},
                 {"voltage", fault_voltage}, {"clear", fault_clear}};
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (admin_is(admin, 1, kinds[i].word))
            return kinds[i].run(admin);
    return admin_refuse(admin, "fault wait, ack, parity, idcode, usb, lost-reply, status, op, "
                               "voltage or clear");
}
