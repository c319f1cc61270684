/* core/sim/chip/eeprom.c: data EEPROM. Source: facts/stm32l1 3.6, appendix A 13. */
#include "chip_internal.h"

#include <string.h>

bus_result eeprom_read(sim_chip *chip, bus_master master, uint32_t addr, unsigned size,
                       uint32_t *value)
{
    if (flash_is_closed(chip, master))
        return BUS_ERROR;
    if (chip->fl.op.kind != OP_NONE)
        return BUS_STALL;
    memcpy(value, chip->eeprom + (addr - EEPROM_ADDR), size);
    return BUS_OK;
}

static uint32_t word_at(const sim_chip *chip, uint32_t addr)
{
    uint32_t word;
    memcpy(&word, chip->eeprom + (addr - EEPROM_ADDR), 4);
    return word;
}

/* Double words: the first write opens, the second begins the operation. */
static void double_word(sim_chip *chip, uint32_t addr, uint32_t value)
{
    flash_unit *fl = &chip->fl;
    load_buffer *buffer = &fl->buffer[0];
    const bool is_erase = fl->pecr & PECR_ERASE;
    if (!buffer->is_open) {
        if (addr % 8) {
            chip_fault(chip, "EEPROM double word at 0x%08X", addr);
            fl->sr |= SR_PGAERR;
            return;
        }
        *buffer = (load_buffer){.is_open = true, .base_addr = addr, .data = {value}};
        return;
    }
    const uint32_t base = buffer->base_addr;
    buffer->is_open = false;
    if (addr != base + 4) {
        chip_fault(chip, "EEPROM double word continued at 0x%08X", addr);
        fl->sr |= SR_PGAERR;
        return;
    }
    if (!is_erase && (word_at(chip, base) | word_at(chip, base + 4)))
        chip_fault(chip, "EEPROM double word over old contents at 0x%08X", base);
    flash_op op = {.kind = OP_EEPROM_DOUBLE, .addr = {base}, .count = 2};
    if (!is_erase) {
        op.data[0][0] = buffer->data[0] | word_at(chip, base);
        op.data[0][1] = value | word_at(chip, base + 4);
    }
    flash_begin(chip, &op, 1);
}

bus_result eeprom_write(sim_chip *chip, bus_master master, uint32_t addr, unsigned size,
                        uint32_t value)
{
    flash_unit *fl = &chip->fl;
    if (fl->op.kind != OP_NONE)
        return BUS_STALL;
    if (flash_is_closed(chip, master) || fl->pecr & PECR_PELOCK) {
        fl->sr |= SR_WRPERR;
        return BUS_OK;
    }
    if (fl->pecr & PECR_DATA && fl->pecr & (PECR_ERASE | PECR_FPRG)) {
        if (size != 4)
            fl->sr |= SR_SIZERR;
        else
            double_word(chip, addr, value);
        return BUS_OK;
    }
    if (fl->pecr & (PECR_ERASE | PECR_FPRG)) {
        chip_fault(chip, "EEPROM write with PECR=0x%08X", fl->pecr);
        fl->sr |= SR_PGAERR;
        return BUS_OK;
    }
    if (chip->model->category == 1 && size < 4 && !(value & (size == 1 ? 0xFFu : 0xFFFFu)))
        chip_fault(chip, "Cat.1: a zero byte or half word written to EEPROM at 0x%08X", addr);
    const uint32_t word_addr = addr & ~3u, old = word_at(chip, word_addr);
    uint32_t word = old;
    memcpy((uint8_t *)&word + (addr & 3), &value, size);
    flash_op op = {.kind = OP_EEPROM, .addr = {word_addr}, .count = 1, .data = {{word}}};
    const bool is_two = fl->pecr & PECR_FTDW || (old && word);
    flash_begin(chip, &op, is_two ? 2 : 1);
    return BUS_OK;
}

void eeprom_apply(sim_chip *chip, const flash_op *op)
{
    memcpy(chip->eeprom + (op->addr[0] - EEPROM_ADDR), op->data[0], 4 * (size_t)op->count);
    if (op->count == 2)
        chip->stats.eeprom_double_words++;
    else
        chip->stats.eeprom_words++;
}
