/* core/sim/chip/coresight.c: the ROM table and the identification registers of the debug units.
 * Source: ARMv7-M ARM (DDI 0403E), appendix D2; Cortex-M3 TRM r2p0 (DDI 0337H), 4.1, 8.3, 9.3, 10.3. */
#include "chip_internal.h"

enum { GENERIC_IP = 0xE, CORESIGHT = 0x9, ROM_TABLE = 0x1 };
#define ROM_BASE 0xE00FF000u

static const struct {
    uint32_t base;
    uint32_t pid; /* PID3 .. PID0; all are ARM's, PID4 = 4 */
    uint8_t component_class, devtype;
} units[] = {
    {0xE000E000, 0x000BB000, GENERIC_IP, 0},   /* SCS */
    {0xE0001000, 0x003BB002, GENERIC_IP, 0},   /* DWT */
    {0xE0002000, 0x002BB003, GENERIC_IP, 0},   /* FPB */
    {0xE0000000, 0x003BB001, GENERIC_IP, 0},   /* ITM */
    {0xE0040000, 0x003BB923, CORESIGHT, 0x11}, /* TPIU */
    {0xE0041000, 0x003BB924, CORESIGHT, 0x13}, /* ETM */
};
enum { UNIT_COUNT = sizeof units / sizeof units[0] };

/* Offsets 0xFCC .. 0xFFC: DEVTYPE, PID4 .. PID7, PID0 .. PID3, CID0 .. CID3. */
static uint32_t id_register(uint32_t offset, uint32_t pid, uint8_t pid4, uint8_t component_class)
{
    static const uint8_t cid[] = {0x0D, 0x00, 0x05, 0xB1};
    if (offset == 0xFD0)
        return pid4;
    if (offset >= 0xFE0 && offset < 0xFF0)
        return pid >> (offset - 0xFE0) / 4 * 8 & 0xFF;
    if (offset >= 0xFF0)
        return cid[(offset - 0xFF0) / 4] | (offset == 0xFF4 ? (uint32_t)component_class << 4 : 0u);
    return 0;
}

/* The part number is the DEV_ID, the maker ST (JEP106 bank 0, 0x20). */
static uint32_t rom_table(const sim_chip *chip, uint32_t offset)
{
    enum { IS_PRESENT_32BIT = 3, JEDEC_ST = 0x000A0000 };
    if (offset < 4 * UNIT_COUNT)
        return (units[offset / 4].base - ROM_BASE) | IS_PRESENT_32BIT;
    if (offset == 0xFCC) /* MEMTYPE: system memory can be reached here */
        return 1;
    return id_register(offset, JEDEC_ST | (chip->model->dev_id & 0xFFFu), 0, ROM_TABLE);
}

bool coresight_read(const sim_chip *chip, uint32_t addr, uint32_t *value)
{
    const uint32_t base = addr & ~0xFFFu, offset = addr & 0xFFF;
    if (base == ROM_BASE) {
        *value = rom_table(chip, offset);
        return true;
    }
    for (unsigned i = 0; offset >= 0xFCC && i < UNIT_COUNT; i++) {
        if (units[i].base != base)
            continue;
        *value = offset == 0xFCC ? units[i].devtype
                                 : id_register(offset, units[i].pid, 4, units[i].component_class);
        return true;
    }
    return false;
}
