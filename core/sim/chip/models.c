/* core/sim/chip/models.c: every STM32L1 that is sold. Source: facts/stm32l1 1.1 (CMSIS headers, RM0038). */
#include "chip_internal.h"

#include <ctype.h>
#include <string.h>

#define KIB 1024u

/* name, category, DEV_ID, REV_ID, flash, RAM, EEPROM KiB, raw flash size */
#define SINGLE(name, cat, dev, rev, flash, ram, eeprom, addr, raw, wrp)                            \
    {name, cat, dev, rev, {(flash) * KIB, 0}, {FLASH_ADDR, 0}, {(eeprom) * KIB, 0},                \
     {EEPROM_ADDR, 0}, (ram) * KIB, addr, (addr) + 4, raw, wrp}
#define CAT1(name, flash, ram, eeprom)                                                             \
    SINGLE(name, 1, 0x416, 0x1018, flash, ram, eeprom, 0x1FF8004C, flash, 1)
/* the upper byte of this register is undefined on silicon: 0x6B80 is what the RAK5205 reads */
#define CAT2(name, flash, ram, eeprom)                                                             \
    SINGLE(name, 2, 0x429, 0x1018, flash, ram, eeprom, 0x1FF8004C, 0x6B00 | (flash), 1)
#define CAT3(name, ram, eeprom)                                                                    \
    SINGLE(name, 3, 0x427, 0x1038, 256, ram, eeprom, 0x1FF800CC, 256, 2)
#define CAT3A(name) SINGLE(name, 3, 0x436, 0x1038, 256, 32, 8, 0x1FF800CC, 1, 2)
#define CAT4(name)                                                                                 \
    {name, 4, 0x436, 0x1038, {192 * KIB, 192 * KIB}, {FLASH_ADDR, FLASH_ADDR + 192 * KIB},         \
     {6 * KIB, 6 * KIB}, {EEPROM_ADDR, EEPROM_ADDR + 6 * KIB}, 48 * KIB, 0x1FF800CC, 0x1FF800D0,   \
     0, 3}
#define CAT5(name)                                                                                 \
    {name, 5, 0x437, 0x1000, {256 * KIB, 256 * KIB}, {FLASH_ADDR, FLASH_ADDR + 256 * KIB},         \
     {8 * KIB, 8 * KIB}, {EEPROM_ADDR, EEPROM_ADDR + 8 * KIB}, 80 * KIB, 0x1FF800CC, 0x1FF800D0,   \
     512, 4}
#define CAT6(name, ram)                                                                            \
    {name, 6, 0x437, 0x1000, {192 * KIB, 192 * KIB}, {FLASH_ADDR, FLASH_ADDR + 256 * KIB},         \
     {8 * KIB, 8 * KIB}, {EEPROM_ADDR, EEPROM_ADDR + 8 * KIB}, (ram) * KIB, 0x1FF800CC,            \
     0x1FF800D0, 384, 4}
#define BOTH1(suffix, flash, ram)                                                                  \
    CAT1("STM32L151" suffix, flash, ram, 4), CAT1("STM32L152" suffix, flash, ram, 4)
#define BOTH2(suffix, flash, ram)                                                                  \
    CAT2("STM32L151" suffix, flash, ram, 4), CAT2("STM32L152" suffix, flash, ram, 4)
#define THREE(macro, suffix)                                                                       \
    macro("STM32L151" suffix), macro("STM32L152" suffix), macro("STM32L162" suffix)

#define CAT3_32(name) CAT3(name, 32, 8)

static const sim_chip_model models[] = {
    BOTH1("C6", 32, 10), BOTH1("R6", 32, 10),
    BOTH1("C8", 64, 10), BOTH1("R8", 64, 10), BOTH1("V8", 64, 10),
    BOTH1("CB", 128, 16), BOTH1("RB", 128, 16), BOTH1("VB", 128, 16),
    CAT1("STM32L100C6", 32, 4, 2), CAT1("STM32L100R8", 64, 8, 2), CAT1("STM32L100RB", 128, 10, 2),
    BOTH2("C6-A", 32, 16), BOTH2("R6-A", 32, 16),
    BOTH2("C8-A", 64, 32), BOTH2("R8-A", 64, 32), BOTH2("V8-A", 64, 32),
    BOTH2("CB-A", 128, 32), BOTH2("RB-A", 128, 32), BOTH2("VB-A", 128, 32),
    CAT2("STM32L100C6-A", 32, 4, 2), CAT2("STM32L100R8-A", 64, 8, 2),
    CAT2("STM32L100RB-A", 128, 10, 2),
    CAT3_32("STM32L151CC"), CAT3_32("STM32L152CC"), CAT3_32("STM32L151UC"), CAT3_32("STM32L152UC"),
    THREE(CAT3_32, "RC"), THREE(CAT3_32, "VC"), CAT3("STM32L100RC", 16, 4),
    THREE(CAT3A, "RC-A"), THREE(CAT3A, "VC-A"), THREE(CAT3A, "QC"), THREE(CAT3A, "ZC"),
    THREE(CAT4, "QD"), THREE(CAT4, "RD"), THREE(CAT4, "VD"), THREE(CAT4, "ZD"),
    THREE(CAT5, "QE"), THREE(CAT5, "RE"), THREE(CAT5, "VE"), THREE(CAT5, "ZE"),
    CAT6("STM32L151VD-X", 48), CAT6("STM32L152VD-X", 48), CAT6("STM32L162VD-X", 48),
};

const sim_chip_model *sim_chip_model_at(size_t index)
{
    return index < sizeof models / sizeof models[0] ? &models[index] : NULL;
}

/* "stm32l151cbu6a" and "L151CB-A" are both STM32L151CB-A: the letters, then -A or -X at the end. */
static void normalise(const char *name, char out[32])
{
    size_t at = 0;
    char text[32];
    for (; *name && at + 1 < sizeof text; name++)
        text[at++] = (char)toupper((unsigned char)*name);
    text[at] = '\0';
    const char *part = !strncmp(text, "STM32", 5) ? text + 5 : text;
    const size_t length = strlen(part);
    snprintf(out, 32, "STM32%.6s", part); /* L151CB */
    if (length > 6 && (part[length - 1] == 'A' || part[length - 1] == 'X')) {
        const size_t end = strlen(out);
        snprintf(out + end, 32 - end, "-%c", part[length - 1]);
    }
}

const sim_chip_model *sim_chip_model_find(const char *name)
{
    static const char *const aliases[][2] = {
        {"cat1", "STM32L151CB"}, {"cat2", "STM32L151CB-A"}, {"cat3", "STM32L151CC"},
        {"cat4", "STM32L151ZD"}, {"cat5", "STM32L151RE"},   {"cat6", "STM32L151VD-X"},
    };
    char wanted[32];
    for (size_t i = 0; i < sizeof aliases / sizeof aliases[0]; i++)
        if (!strcmp(name, aliases[i][0]))
            name = aliases[i][1];
    normalise(name, wanted);
    for (size_t i = 0; i < sizeof models / sizeof models[0]; i++)
        if (!strcmp(models[i].name, wanted))
            return &models[i];
    return NULL;
}
