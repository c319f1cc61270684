/* core/sim/chip/options.c: option words, RDP levels, what a regression destroys.
 * Source: facts/stm32l1 3.7, 3.8, appendix A 14 to 16; users.md B9 (damaged words after 1 -> 0). */
#include "chip_internal.h"

#include <string.h>

enum { WORD_RDP, WORD_USER, WORD_WRP, LEVEL0 = 0xAA, LEVEL2 = 0xCC, IWDG_SW = 0x10 };

static const uint32_t offsets[OPTION_WORDS] = {0x00, 0x04, 0x08, 0x0C, 0x10,
                                               0x14, 0x18, 0x1C, 0x80, 0x84};

static unsigned word_count(const sim_chip *chip)
{
    return 2 + 2 * chip->model->wrp_word_count;
}

int option_index(const sim_chip *chip, uint32_t addr)
{
    for (unsigned i = 0; i < word_count(chip); i++)
        if (addr == OPTION_ADDR + offsets[i])
            return (int)i;
    return -1;
}

static uint32_t make_word(uint32_t low)
{
    return (low & 0xFFFFu) | ~low << 16;
}

static bool is_good(uint32_t word)
{
    return (word & 0xFFFFu) == (~word >> 16);
}

void options_factory(sim_chip *chip)
{
    const sim_chip_options *options = &chip->options;
    uint32_t user = chip->model->category >= 4 ? 0xF8 : 0x78;
    if (options->is_iwdg_hardware)
        user &= ~(uint32_t)IWDG_SW;
    chip->option_words[WORD_RDP] = make_word(options->rdp_byte ? options->rdp_byte : LEVEL0);
    chip->option_words[WORD_USER] = options->has_user_word_zero ? 0 : make_word(user);
    for (unsigned i = WORD_WRP; i < OPTION_WORDS; i++)
        chip->option_words[i] = make_word(options->wrp[(i - WORD_WRP) / 2] >> (i % 2 ? 16 : 0));
}

void options_load(sim_chip *chip)
{
    flash_unit *fl = &chip->fl;
    const uint32_t rdp = chip->option_words[WORD_RDP], user = chip->option_words[WORD_USER];
    fl->sr &= ~(uint32_t)(SR_OPTVERR | SR_OPTVERRUSR);
    fl->obr = is_good(rdp) ? rdp & 0xFFu : 0u; /* a mismatch is level 1 */
    if (is_good(rdp) && rdp & 0x100 && (chip->model->dev_id == 0x429 || chip->model->dev_id == 0x427))
        fl->obr |= 0x100;
    if (!is_good(rdp))
        fl->sr |= SR_OPTVERR;
    /* which flag a bad USER word sets depends on the category (facts 2.2) */
    if (!is_good(user))
        fl->sr |= chip->model->category >= 3 ? SR_OPTVERRUSR : SR_OPTVERR;
    fl->obr |= (is_good(user) ? user & 0xFF : 0x78u) << 16;
    for (unsigned n = 0; n < 4; n++) {
        fl->wrpr[n] = 0;
        if (n >= chip->model->wrp_word_count)
            continue;
        const uint32_t low = chip->option_words[WORD_WRP + 2 * n],
                       high = chip->option_words[WORD_WRP + 2 * n + 1];
        fl->wrpr[n] = (is_good(low) ? low & 0xFFFF : 0) | (is_good(high) ? high << 16 : 0);
        if (!is_good(low) || !is_good(high))
            fl->sr |= SR_OPTVERR;
    }
    if (options_rdp_level(chip) == 2)
        chip->is_dead = true;
    chip->is_rdp_tripped = false;
}

uint8_t options_rdp_level(const sim_chip *chip)
{
    const uint8_t byte = (uint8_t)chip->fl.obr;
    return byte == LEVEL0 ? 0 : byte == LEVEL2 ? 2 : 1;
}

bus_result options_write(sim_chip *chip, uint32_t addr, unsigned size, uint32_t value)
{
    flash_unit *fl = &chip->fl;
    const int index = option_index(chip, addr & ~3u);
    if (index < 0)
        return BUS_ERROR;
    if (fl->op.kind != OP_NONE)
        return BUS_STALL;
    if (fl->pecr & PECR_OPTLOCK) {
        fl->sr |= SR_WRPERR;
        return BUS_OK;
    }
    if (size != 4) {
        fl->sr |= SR_SIZERR;
        return BUS_OK;
    }
    if (!is_good(value))
        chip_fault(chip, "option word 0x%08X written with a wrong complement: 0x%08X", addr, value);
    if (index == WORD_RDP && (value & 0xFF) == LEVEL2 && !chip->options.is_level2_allowed) {
        chip_fault(chip, "RDP level 2 written");
        return BUS_OK;
    }
    const bool is_level0 = index == WORD_RDP && (value & 0xFF) == LEVEL0 && is_good(value);
    if (is_level0 && options_rdp_level(chip) == 0)
        chip_fault(chip, "RDP level 0 written over level 0 (errata 2.1.5)");
    const bool is_regression = is_level0 && options_rdp_level(chip) == 1;
    flash_op op = {.kind = is_regression ? OP_MASS_ERASE : OP_OPTION, .addr = {addr}, .count = 1,
                   .data = {{value}}};
    flash_begin(chip, &op, 2);
    return BUS_OK;
}

void options_apply(sim_chip *chip, const flash_op *op)
{
    const int index = option_index(chip, op->addr[0]);
    chip->option_words[index] = op->data[0][0];
    chip->stats.option_words++;
    if (op->kind != OP_MASS_ERASE)
        return;
    chip->stats.mass_erases++;
    memset(chip->flash, 0, FLASH_SPAN);
    memset(chip->eeprom, 0, EEPROM_SPAN);
    chip->option_words[WORD_RDP] &= 0xFFFFFEFFu; /* SPRMOD goes with it */
    chip->option_words[WORD_RDP] = make_word(chip->option_words[WORD_RDP]);
    for (unsigned i = WORD_USER; i < word_count(chip); i++)
        chip->option_words[i] = 0; /* seen in the field: zeros, complement and all */
}
