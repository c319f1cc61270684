/* core/sim/chip/bus.c: which address is what. Source: facts/stm32l1, appendix A, "Memory map". */
#include "chip_internal.h"

#include <string.h>

enum { TEST_WORDS_BYTES = 0x100 };

uint8_t *bus_array(const sim_chip *chip, uint32_t addr, size_t count)
{
    unsigned bank;
    if (addr - SRAM_ADDR < chip->options.ram_bytes &&
        count <= chip->options.ram_bytes - (addr - SRAM_ADDR))
        return chip->sram + (addr - SRAM_ADDR);
    if (flash_is_in_bank(chip, addr, &bank) && flash_is_in_bank(chip, addr + (uint32_t)count - 1, &bank))
        return chip->flash + (addr - FLASH_ADDR);
    const uint32_t eeprom_bytes = chip->model->eeprom_bytes[0] + chip->model->eeprom_bytes[1];
    if (addr - EEPROM_ADDR < eeprom_bytes && count <= eeprom_bytes - (addr - EEPROM_ADDR))
        return chip->eeprom + (addr - EEPROM_ADDR);
    if (addr - SYSTEM_ADDR < SYSTEM_BYTES && count <= SYSTEM_BYTES - (addr - SYSTEM_ADDR))
        return chip->system + (addr - SYSTEM_ADDR);
    return NULL;
}

/* F_SIZE, UID, calibration: factory words beside the option bytes (facts 1.3 to 1.5). */
static bool factory_word(const sim_chip *chip, uint32_t addr, uint32_t *value)
{
    const sim_chip_model *model = chip->model;
    if (addr == (model->flash_size_addr & ~3u)) {
        *value = chip->flash_size_raw | (uint32_t)chip->junk << 16;
        if (chip->options.is_flash_size_unstable)
            *value ^= (uint32_t)(chip->now_ns / 1000) & 0xFF;
        return true;
    }
    if (addr == model->uid_addr || addr == model->uid_addr + 4) {
        *value = chip->uid[(addr - model->uid_addr) / 4];
        return true;
    }
    if (addr == model->uid_addr + 0x14) { /* not contiguous */
        *value = chip->uid[2];
        return true;
    }
    const uint32_t base = model->flash_size_addr & ~0xFFu;
    if (addr >= base + (model->flash_size_addr & 0x80) + 0x40 &&
        addr < base + (model->flash_size_addr & 0x80) + 0x80) {
        *value = 0x05A005A0u + (addr & 0xFF); /* VREFINT_CAL, TS_CAL: plausible readings */
        return true;
    }
    return false;
}

static bus_result word_part(uint32_t word, uint32_t addr, unsigned size, uint32_t *value)
{
    *value = word >> 8 * (addr & 3);
    if (size < 4)
        *value &= size == 1 ? 0xFFu : 0xFFFFu;
    return BUS_OK;
}

static uint32_t from_array(const uint8_t *bytes, unsigned size)
{
    uint32_t value = 0;
    memcpy(&value, bytes, size);
    return value;
}

static void break_ram(sim_chip *chip)
{
    const uint32_t offset = chip->options.ram_stuck_addr - SRAM_ADDR;
    if (chip->options.ram_stuck_addr && offset < chip->options.ram_bytes)
        chip->sram[offset] &= 0xFE;
}

/* BOOT0 chooses what is seen at address 0. */
static uint32_t behind_alias(const sim_chip *chip, uint32_t addr)
{
    if (addr >= FLASH_SPAN)
        return addr;
    return addr + (chip->options.is_boot0_high ? SYSTEM_ADDR : FLASH_ADDR);
}

bus_result bus_read(sim_chip *chip, bus_master master, uint32_t addr, unsigned size, uint32_t *value)
{
    uint32_t word = 0;
    *value = 0;
    addr = behind_alias(chip, addr);
    unsigned bank;
    if (flash_is_in_bank(chip, addr, &bank))
        return flash_read(chip, master, addr, size, value);
    if (addr - EEPROM_ADDR < EEPROM_SPAN && bus_array(chip, addr, size))
        return eeprom_read(chip, master, addr, size, value);
    if (addr - OPTION_ADDR < TEST_WORDS_BYTES) {
        const int index = option_index(chip, addr & ~3u);
        if (index >= 0)
            return word_part(chip->option_words[index], addr, size, value);
        return factory_word(chip, addr & ~3u, &word) ? word_part(word, addr, size, value) : BUS_ERROR;
    }
    const uint8_t *bytes = bus_array(chip, addr, size);
    if (bytes) {
        *value = from_array(bytes, size);
        return BUS_OK;
    }
    bus_result result = BUS_ERROR;
    if (addr - PERIPH_ADDR < PERIPH_BYTES)
        result = periph_read(chip, addr & ~3u, &word);
    else if (addr - PPB_ADDR < 0x100000)
        result = ppb_read(chip, addr & ~3u, &word);
    return result == BUS_OK ? word_part(word, addr, size, value) : result;
}

/* Registers take words; a narrower access replaces its lanes of what can be read back. */
static uint32_t widen(sim_chip *chip, bool is_ppb, uint32_t addr, unsigned size, uint32_t value)
{
    if (size == 4)
        return value;
    uint32_t old = 0;
    const bus_result result = is_ppb ? ppb_read(chip, addr & ~3u, &old) : periph_read(chip, addr & ~3u, &old);
    const uint32_t mask = (size == 1 ? 0xFFu : 0xFFFFu) << 8 * (addr & 3);
    return result == BUS_OK ? (old & ~mask) | (value << 8 * (addr & 3) & mask) : value;
}

bus_result bus_write(sim_chip *chip, bus_master master, uint32_t addr, unsigned size,
                     uint32_t value)
{
    unsigned bank;
    addr = behind_alias(chip, addr);
    if (flash_is_in_bank(chip, addr, &bank))
        return flash_write(chip, master, addr, size, value);
    if (addr - EEPROM_ADDR < EEPROM_SPAN && bus_array(chip, addr, size))
        return eeprom_write(chip, master, addr, size, value);
    if (addr - OPTION_ADDR < TEST_WORDS_BYTES)
        return options_write(chip, addr, size, value);
    if (addr - SRAM_ADDR < chip->options.ram_bytes && bus_array(chip, addr, size)) {
        memcpy(chip->sram + (addr - SRAM_ADDR), &value, size);
        break_ram(chip);
        if (master == MASTER_DEBUG)
            cpu_wake_for_write(chip, addr);
        return BUS_OK;
    }
    if (addr - SYSTEM_ADDR < SYSTEM_BYTES) {
        chip->fl.sr |= SR_WRPERR;
        return BUS_OK;
    }
    if (addr - PERIPH_ADDR < PERIPH_BYTES) {
        if (master == MASTER_DEBUG)
            cpu_wake(chip);
        return periph_write(chip, addr & ~3u, widen(chip, false, addr, size, value));
    }
    if (addr - PPB_ADDR < 0x100000) {
        if (master == MASTER_DEBUG)
            cpu_wake(chip);
        return ppb_write(chip, addr & ~3u, widen(chip, true, addr, size, value));
    }
    return BUS_ERROR;
}

/* ---- beyond the pins ---- */

bool sim_chip_peek(const sim_chip *chip, uint32_t addr, void *bytes, size_t byte_count)
{
    const uint8_t *from = bus_array(chip, addr, byte_count);
    if (from) {
        memcpy(bytes, from, byte_count);
        return true;
    }
    for (size_t i = 0; i < byte_count; i++) {
        const uint32_t at = addr + (uint32_t)i;
        const int index = option_index(chip, at & ~3u);
        uint32_t word;
        if (index >= 0)
            word = chip->option_words[index];
        else if (!factory_word(chip, at & ~3u, &word))
            return false;
        ((uint8_t *)bytes)[i] = (uint8_t)(word >> 8 * (at & 3));
    }
    return true;
}

bool sim_chip_poke(sim_chip *chip, uint32_t addr, const void *bytes, size_t byte_count)
{
    uint8_t *to = bus_array(chip, addr, byte_count);
    if (to) {
        memcpy(to, bytes, byte_count);
        cpu_forget_code(chip);
        cpu_wake(chip);
    } else {
        for (size_t i = 0; i < byte_count; i++) {
            const uint32_t at = addr + (uint32_t)i;
            const int index = option_index(chip, at & ~3u);
            if (index < 0)
                return false;
            chip->option_words[index] &= ~(0xFFu << 8 * (at & 3));
            chip->option_words[index] |= (uint32_t)((const uint8_t *)bytes)[i] << 8 * (at & 3);
        }
    }
    chip->is_dirty = true;
    return true;
}
