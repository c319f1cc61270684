/* core/sim/chip/state.c: what survives without power, to and from a stream.
 * Layout: magic, model name, factory words, option words, flash, EEPROM, then a CRC-32 of all that. */
#include "chip_internal.h"

#include <stdlib.h>
#include <string.h>

static const char magic[8] = "STLCHIP1";

typedef struct header {
    char magic[8], model[32];
    uint32_t uid[3], flash_size_raw, junk, option_words[OPTION_WORDS];
} header;

static uint32_t crc_of(uint32_t crc, const void *bytes, size_t count)
{
    const uint8_t *at = bytes;
    for (size_t i = 0; i < count; i++) {
        crc ^= at[i];
        for (unsigned k = 0; k < 8; k++)
            crc = crc >> 1 ^ (crc & 1 ? 0xEDB88320u : 0);
    }
    return crc;
}

static uint32_t eeprom_bytes(const sim_chip *chip)
{
    return chip->model->eeprom_bytes[0] + chip->model->eeprom_bytes[1];
}

static uint32_t check_of(const header *head, const uint8_t *flash, const uint8_t *eeprom,
                         size_t eeprom_count)
{
    return crc_of(crc_of(crc_of(0xFFFFFFFF, head, sizeof *head), flash, FLASH_SPAN), eeprom, eeprom_count);
}

bool sim_chip_save(const sim_chip *chip, FILE *stream)
{
    header head;
    memset(&head, 0, sizeof head);
    memcpy(head.magic, magic, sizeof magic);
    snprintf(head.model, sizeof head.model, "%s", chip->model->name);
    memcpy(head.uid, chip->uid, sizeof head.uid);
    head.flash_size_raw = chip->flash_size_raw;
    head.junk = chip->junk;
    memcpy(head.option_words, chip->option_words, sizeof head.option_words);
    const uint32_t check = check_of(&head, chip->flash, chip->eeprom, eeprom_bytes(chip));
    const bool is_saved = fwrite(&head, sizeof head, 1, stream) == 1 &&
                          fwrite(chip->flash, FLASH_SPAN, 1, stream) == 1 &&
                          fwrite(chip->eeprom, eeprom_bytes(chip), 1, stream) == 1 &&
                          fwrite(&check, sizeof check, 1, stream) == 1;
    if (is_saved)
        ((sim_chip *)(uintptr_t)chip)->is_dirty = false;
    return is_saved;
}

bool sim_chip_load(sim_chip *chip, FILE *stream, char *reason, size_t reason_size)
{
    header head;
    uint32_t check;
    const size_t eeprom_count = eeprom_bytes(chip);
    uint8_t *bytes = malloc(FLASH_SPAN + eeprom_count);
    const char *why = NULL;
    if (!bytes)
        why = "out of memory";
    else if (fread(&head, sizeof head, 1, stream) != 1 || memcmp(head.magic, magic, sizeof magic))
        why = "not the memories of a simulated chip";
    else if (strncmp(head.model, chip->model->name, sizeof head.model))
        snprintf(reason, reason_size, "it is of a %.31s, not of a %s", head.model, chip->model->name);
    else if (fread(bytes, FLASH_SPAN + eeprom_count, 1, stream) != 1 ||
             fread(&check, sizeof check, 1, stream) != 1)
        why = "cut short";
    else if (check != check_of(&head, bytes, bytes + FLASH_SPAN, eeprom_count))
        why = "damaged: its checksum is wrong";
    else {
        memcpy(chip->flash, bytes, FLASH_SPAN);
        memcpy(chip->eeprom, bytes + FLASH_SPAN, eeprom_count);
        memcpy(chip->uid, head.uid, sizeof head.uid);
        chip->flash_size_raw = (uint16_t)head.flash_size_raw;
        chip->junk = (uint16_t)head.junk;
        memcpy(chip->option_words, head.option_words, sizeof head.option_words);
        chip->is_dirty = false;
        if (chip->supply_mv)
            options_load(chip);
        free(bytes);
        return true;
    }
    if (why)
        snprintf(reason, reason_size, "%s", why);
    free(bytes);
    return false;
}

bool sim_chip_is_dirty(const sim_chip *chip)
{
    return chip->is_dirty;
}
