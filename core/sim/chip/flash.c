/* core/sim/chip/flash.c: the FLASH controller: locks, program memory, operations.
 * Source: facts/stm32l1 2, 3.0 to 3.5, 3.9, appendix A 1 to 12; RM0038 3. */
#include "chip_internal.h"

#include <string.h>

#define NS_PER_US 1000u

enum { ACR_LATENCY = 1, ACR_PRFTEN = 2, ACR_ACC64 = 4, ACR_RUN_PD = 16 };

bool flash_is_in_bank(const sim_chip *chip, uint32_t addr, unsigned *bank)
{
    for (*bank = 0; *bank < 2; ++*bank)
        if (addr - chip->model->flash_base[*bank] < chip->model->flash_bytes[*bank])
            return true;
    return false;
}

bool flash_is_closed(const sim_chip *chip, bus_master master)
{
    return options_rdp_level(chip) == 1 && (master == MASTER_DEBUG || chip->is_rdp_tripped);
}

void flash_reset(sim_chip *chip)
{
    flash_unit *fl = &chip->fl;
    if (fl->op.kind != OP_NONE) { /* a reset does not stop the high voltage; what hangs is over */
        if (fl->op.is_hung)
            flash_tear_op(chip);
        else
            flash_end_op(chip);
    }
    fl->acr = 0;
    fl->pecr = PECR_PELOCK | PECR_PRGLOCK | PECR_OPTLOCK;
    fl->sr = (fl->sr & (SR_OPTVERR | SR_OPTVERRUSR)) | SR_ENDHV | SR_READY;
    if (!chip->options.is_key_death_unlimited)
        fl->pekey = fl->prgkey = fl->optkey = fl->pdkey = (key_state){false, false};
    fl->is_power_down_open = false;
    memset(fl->buffer, 0, sizeof fl->buffer);
    fl->pending_erase = 0;
}

/* ---- registers ---- */

static void drop_buffers(flash_unit *fl)
{
    fl->buffer[0].is_open = fl->buffer[1].is_open = false;
    fl->buffer[0].mask = fl->buffer[1].mask = 0;
    fl->pending_erase = 0;
}

/* Two keys, nothing else; once open or wrong, any further write kills the register (facts 2.3). */
static bus_result take_key(sim_chip *chip, key_state *key, bool is_open, uint32_t value,
                           uint32_t key1, uint32_t key2, uint32_t lock_bit)
{
    if (key->is_dead || is_open || (!key->has_first && value != key1) ||
        (key->has_first && value != key2)) {
        if (!key->is_dead)
            chip_fault(chip, "key register killed by 0x%08X", value);
        key->is_dead = true;
        key->has_first = false;
        return BUS_ERROR;
    }
    if (!key->has_first) {
        key->has_first = true;
        return BUS_OK;
    }
    key->has_first = false;
    if (lock_bit)
        chip->fl.pecr &= ~lock_bit;
    else
        chip->fl.is_power_down_open = true;
    return BUS_OK;
}

static void write_pecr(sim_chip *chip, uint32_t value)
{
    flash_unit *fl = &chip->fl;
    const uint32_t locks = PECR_PELOCK | PECR_PRGLOCK | PECR_OPTLOCK;
    uint32_t modes = PECR_PROG | PECR_DATA | PECR_FTDW | PECR_ERASE | PECR_FPRG | PECR_EOPIE |
                     PECR_ERRIE;
    if (chip->model->category >= 4)
        modes |= PECR_PARALLBANK;
    if (fl->pecr & PECR_PELOCK)
        return;
    if (value & PECR_PELOCK) { /* closes everything; the running step completes */
        fl->pecr = locks | (chip->options.is_pelock_keeping_mode ? fl->pecr & modes : 0);
        drop_buffers(fl);
        return;
    }
    fl->pecr |= value & (PECR_PRGLOCK | PECR_OPTLOCK); /* locks are set here, opened by keys only */
    if (fl->op.kind != OP_NONE) {
        if ((value & modes) != (fl->pecr & modes))
            chip_fault(chip, "PECR mode bits written while BSY");
        return;
    }
    if ((value & modes) != (fl->pecr & modes))
        drop_buffers(fl);
    fl->pecr = (fl->pecr & locks) | (value & modes);
    if (value & PECR_OBL && !(fl->pecr & PECR_OPTLOCK)) {
        options_load(chip);
        chip_reset(chip, CAUSE_OBL);
    }
}

static void write_acr(sim_chip *chip, uint32_t value)
{
    flash_unit *fl = &chip->fl;
    if (value & ACR_RUN_PD && !fl->is_power_down_open)
        value &= ~(uint32_t)ACR_RUN_PD;
    if ((value & (ACR_LATENCY | ACR_PRFTEN)) && !(fl->acr & ACR_ACC64))
        value &= ~(uint32_t)(ACR_LATENCY | ACR_PRFTEN); /* ACC64 first, in its own write */
    if ((fl->acr & (ACR_LATENCY | ACR_PRFTEN)) && !(value & ACR_ACC64))
        value |= ACR_ACC64;
    fl->acr = value & 0x1F;
}

bus_result flash_reg_read(sim_chip *chip, uint32_t offset, uint32_t *value)
{
    flash_unit *fl = &chip->fl;
    switch (offset) {
    case 0x00: *value = fl->acr; return BUS_OK;
    case 0x04: *value = fl->pecr; return BUS_OK;
    case 0x18:
        *value = fl->sr & ~(uint32_t)(chip->options.is_eop_hidden && !(fl->pecr & PECR_EOPIE) ? SR_EOP : 0);
        if (fl->op.kind != OP_NONE)
            *value = (*value | SR_BSY) & ~(uint32_t)SR_ENDHV;
        else if (chip->options.is_partial_bsy && fl->buffer[0].is_open)
            *value |= SR_BSY;
        return BUS_OK;
    case 0x1C: *value = fl->obr; return BUS_OK;
    case 0x20: *value = fl->wrpr[0]; return BUS_OK;
    case 0x80: case 0x84: case 0x88: {
        const unsigned n = 1 + (offset - 0x80) / 4;
        *value = n < chip->model->wrp_word_count ? fl->wrpr[n] : 0;
        return BUS_OK;
    }
    default: *value = 0; return BUS_OK;
    }
}

bus_result flash_reg_write(sim_chip *chip, uint32_t offset, uint32_t value)
{
    flash_unit *fl = &chip->fl;
    switch (offset) {
    case 0x00: write_acr(chip, value); return BUS_OK;
    case 0x04: write_pecr(chip, value); return BUS_OK;
    case 0x08:
        return take_key(chip, &fl->pdkey, fl->is_power_down_open, value, 0x04152637, 0xFAFBFCFD, 0);
    case 0x0C:
        return take_key(chip, &fl->pekey, !(fl->pecr & PECR_PELOCK), value, 0x89ABCDEF, 0x02030405,
                        PECR_PELOCK);
    case 0x10:
        if (fl->pecr & PECR_PELOCK) /* ignored without harm (rule 2) */
            return BUS_OK;
        return take_key(chip, &fl->prgkey, !(fl->pecr & PECR_PRGLOCK), value, 0x8C9DAEBF, 0x13141516,
                        PECR_PRGLOCK);
    case 0x14:
        if (fl->pecr & PECR_PELOCK)
            return BUS_OK;
        return take_key(chip, &fl->optkey, !(fl->pecr & PECR_OPTLOCK), value, 0xFBEAD9C8, 0x24252627,
                        PECR_OPTLOCK);
    case 0x18:
        if (fl->op.kind == OP_NONE)
            fl->sr &= ~(value & (SR_EOP | 0x3F00u));
        return BUS_OK;
    default: return BUS_OK;
    }
}

/* ---- operations ---- */

void flash_begin(sim_chip *chip, flash_op *op, unsigned steps)
{
    flash_unit *fl = &chip->fl;
    uint64_t us = op->kind == OP_MASS_ERASE ? chip->options.mass_erase_us
                                            : (uint64_t)chip->options.op_us * steps;
    if (periph_vcore_range(chip) == 3) {
        chip_fault(chip, "program or erase in VCORE range 3");
        fl->sr |= SR_WRPERR;
        return;
    }
    fl->ops_begun++;
    chip->stats.operations++;
    if (fl->fail_at && fl->ops_begun == fl->fail_at) {
        fl->sr |= fl->fail_flags;
        return;
    }
    op->end_ns = cpu_time_ns(chip) + us * NS_PER_US;
    op->cut_ns = fl->cut_at && fl->ops_begun == fl->cut_at ? cpu_time_ns(chip) + us * NS_PER_US / 2 : 0;
    op->is_hung = fl->hang_at && fl->ops_begun == fl->hang_at;
    fl->op = *op;
    fl->sr &= ~(uint32_t)SR_EOP;
    chip->stats.high_voltage_us += us;
    chip->core.is_stop_requested = true; /* the schedule has changed */
}

static void or_words(sim_chip *chip, uint32_t addr, const uint32_t *words, uint32_t count)
{
    bool was_used = false;
    for (uint32_t i = 0; i < count; i++) {
        uint32_t old;
        memcpy(&old, chip->flash + (addr - FLASH_ADDR) + 4 * i, 4);
        was_used |= old && (old | words[i]) != old;
        old |= words[i];
        memcpy(chip->flash + (addr - FLASH_ADDR) + 4 * i, &old, 4);
    }
    if (was_used)
        chip_fault(chip, "program over non-erased flash at 0x%08X", addr);
}

static void erase_page(sim_chip *chip, uint32_t addr)
{
    memset(chip->flash + (addr - FLASH_ADDR), 0, PAGE_BYTES);
}

void flash_end_op(sim_chip *chip)
{
    const flash_op op = chip->fl.op;
    chip->fl.op.kind = OP_NONE;
    chip->fl.sr |= SR_EOP | SR_ENDHV;
    chip->is_dirty = true;
    switch (op.kind) {
    case OP_PAGE_ERASE_PAIR:
        erase_page(chip, op.addr[1]);
        chip->stats.page_erase_pairs++;
        erase_page(chip, op.addr[0]);
        break;
    case OP_PAGE_ERASE:
        erase_page(chip, op.addr[0]);
        chip->stats.pages_erased++;
        break;
    case OP_HALF_PAGE_PAIR:
        or_words(chip, op.addr[1], op.data[1], op.count);
        or_words(chip, op.addr[0], op.data[0], op.count);
        chip->stats.half_page_pairs++;
        break;
    case OP_HALF_PAGE:
        or_words(chip, op.addr[0], op.data[0], op.count);
        chip->stats.half_pages++;
        break;
    case OP_WORD:
        or_words(chip, op.addr[0], op.data[0], 1);
        chip->stats.words_programmed++;
        break;
    case OP_EEPROM:
    case OP_EEPROM_DOUBLE:
        eeprom_apply(chip, &op);
        break;
    case OP_OPTION:
    case OP_MASS_ERASE:
        options_apply(chip, &op);
        break;
    default:
        break;
    }
    cpu_forget_code(chip);
    cpu_wake(chip);
}

/* Some bits have changed, some not: what silicon leaves nobody can say; the seed does. */
static void tear(sim_chip *chip, uint8_t *bytes, size_t count, const uint8_t *target)
{
    for (size_t i = 0; i < count; i++) {
        const uint8_t mask = (uint8_t)chip_random(chip);
        bytes[i] = (uint8_t)((bytes[i] & mask) | (target[i] & ~mask));
    }
}

void flash_tear_op(sim_chip *chip)
{
    static const uint8_t zeros[PAGE_BYTES];
    flash_op op = chip->fl.op;
    chip->fl.op.kind = OP_NONE;
    chip->is_dirty = true;
    const unsigned pages = op.kind == OP_PAGE_ERASE_PAIR || op.kind == OP_HALF_PAGE_PAIR ? 2 : 1;
    for (unsigned i = 0; i < pages; i++) {
        uint8_t *at = bus_array(chip, op.addr[i], 4);
        if (!at)
            continue;
        if (op.kind == OP_PAGE_ERASE || op.kind == OP_PAGE_ERASE_PAIR) {
            tear(chip, at, PAGE_BYTES, zeros);
        } else if (op.kind == OP_HALF_PAGE || op.kind == OP_HALF_PAGE_PAIR || op.kind == OP_WORD) {
            uint8_t target[4 * HALF_PAGE_WORDS];
            memcpy(target, op.data[i], 4 * op.count);
            for (uint32_t k = 0; k < 4 * op.count; k++)
                target[k] |= at[k];
            tear(chip, at, 4 * op.count, target);
        } else if (op.kind == OP_EEPROM || op.kind == OP_EEPROM_DOUBLE) {
            tear(chip, at, 4 * op.count, (const uint8_t *)op.data[0]);
        }
    }
    const int index = op.kind == OP_OPTION || op.kind == OP_MASS_ERASE ? option_index(chip, op.addr[0]) : -1;
    if (index >= 0)
        chip->option_words[index] ^= chip_random(chip); /* a mismatch: RDP becomes level 1 */
}

/* ---- program memory ---- */

static bool is_unpowered(sim_chip *chip)
{
    uint32_t ahbenr = 0;
    periph_read(chip, 0x4002381C, &ahbenr);
    return chip->fl.acr & ACR_RUN_PD || !(ahbenr & 1u << 15);
}

static bool is_pcrop(const sim_chip *chip)
{
    return chip->fl.obr & 1u << 8;
}

static bool is_protected(const sim_chip *chip, uint32_t addr)
{
    const uint32_t sector = (addr - FLASH_ADDR) / 4096;
    const bool bit = chip->fl.wrpr[sector / 32] >> sector % 32 & 1;
    return is_pcrop(chip) ? !bit : bit;
}

static bool is_busy_for(const sim_chip *chip, uint32_t addr)
{
    const flash_op *op = &chip->fl.op;
    if (op->kind == OP_NONE)
        return false;
    unsigned bank, busy_bank;
    /* two banks: the other one can be read meanwhile */
    if (chip->model->category >= 4 && flash_is_in_bank(chip, addr, &bank) &&
        flash_is_in_bank(chip, op->addr[0], &busy_bank) && op->kind != OP_PAGE_ERASE_PAIR &&
        op->kind != OP_HALF_PAGE_PAIR)
        return bank == busy_bank;
    return true;
}

bus_result flash_read(sim_chip *chip, bus_master master, uint32_t addr, unsigned size,
                      uint32_t *value)
{
    flash_unit *fl = &chip->fl;
    if (flash_is_closed(chip, master) || is_unpowered(chip))
        return BUS_ERROR;
    if (is_busy_for(chip, addr))
        return BUS_STALL;
    if (fl->buffer[0].is_open || fl->buffer[1].is_open) { /* between word 1 and 32 (appendix A 10) */
        chip_fault(chip, "flash read at 0x%08X while a half page is loaded", addr);
        if (!chip->options.is_lenient) {
            drop_buffers(fl);
            fl->sr |= SR_PGAERR;
        }
    }
    if (is_pcrop(chip) && is_protected(chip, addr)) {
        fl->sr |= SR_RDERR;
        return BUS_OK;
    }
    memcpy(value, chip->flash + (addr - FLASH_ADDR), size);
    return BUS_OK;
}

static void erase_trigger(sim_chip *chip, uint32_t addr)
{
    flash_unit *fl = &chip->fl;
    if (addr % PAGE_BYTES) {
        chip_fault(chip, "page erase not triggered at the first word: 0x%08X", addr);
        addr -= addr % PAGE_BYTES;
    }
    flash_op op = {.kind = OP_PAGE_ERASE, .addr = {addr}};
    if (fl->pecr & PECR_PARALLBANK) {
        if (!fl->pending_erase) {
            fl->pending_erase = addr;
            return;
        }
        unsigned first, second;
        flash_is_in_bank(chip, fl->pending_erase, &first);
        flash_is_in_bank(chip, addr, &second);
        if (first == second) {
            chip_fault(chip, "PARALLBANK erase of two pages of one bank");
            fl->sr |= SR_PGAERR;
            fl->pending_erase = 0;
            return;
        }
        op = (flash_op){.kind = OP_PAGE_ERASE_PAIR, .addr = {fl->pending_erase, addr}};
        fl->pending_erase = 0;
    }
    flash_begin(chip, &op, 1);
}

static void load_word(sim_chip *chip, uint32_t addr, uint32_t value)
{
    flash_unit *fl = &chip->fl;
    const bool is_parallel = fl->pecr & PECR_PARALLBANK;
    load_buffer *buffer = &fl->buffer[0];
    if (is_parallel && buffer->mask == 0xFFFFFFFFu)
        buffer = &fl->buffer[1];
    if (!buffer->is_open) {
        *buffer = (load_buffer){.is_open = true, .base_addr = addr};
    }
    const uint32_t index = (addr - buffer->base_addr) / 4;
    unsigned first, second;
    const bool is_same_bank = is_parallel && buffer == &fl->buffer[1] &&
                              flash_is_in_bank(chip, addr, &second) &&
                              flash_is_in_bank(chip, fl->buffer[0].base_addr, &first) && first == second;
    if (buffer->base_addr % 128 || index >= HALF_PAGE_WORDS || buffer->mask >> index & 1 || is_same_bank) {
        chip_fault(chip, "half page loaded out of place at 0x%08X", addr);
        drop_buffers(fl);
        fl->sr |= SR_PGAERR;
        return;
    }
    buffer->data[index] = value;
    buffer->mask |= 1u << index;
    if (buffer->mask != 0xFFFFFFFFu || (is_parallel && buffer == &fl->buffer[0]))
        return;
    flash_op op = {.kind = is_parallel ? OP_HALF_PAGE_PAIR : OP_HALF_PAGE, .count = HALF_PAGE_WORDS};
    for (unsigned i = 0; i < (is_parallel ? 2u : 1u); i++) {
        op.addr[i] = fl->buffer[i].base_addr;
        memcpy(op.data[i], fl->buffer[i].data, sizeof op.data[i]);
    }
    drop_buffers(fl);
    flash_begin(chip, &op, 1);
}

bus_result flash_write(sim_chip *chip, bus_master master, uint32_t addr, unsigned size,
                       uint32_t value)
{
    flash_unit *fl = &chip->fl;
    if (is_unpowered(chip))
        return BUS_ERROR;
    if (fl->op.kind != OP_NONE)
        return BUS_STALL;
    if (flash_is_closed(chip, master) || fl->pecr & PECR_PRGLOCK || is_protected(chip, addr)) {
        fl->sr |= SR_WRPERR;
        drop_buffers(fl);
        return BUS_OK;
    }
    if (size != 4) {
        fl->sr |= SR_SIZERR;
        return BUS_OK;
    }
    if (fl->pecr & PECR_ERASE && fl->pecr & PECR_PROG) {
        erase_trigger(chip, addr);
    } else if (fl->pecr & PECR_FPRG && fl->pecr & PECR_PROG) {
        load_word(chip, addr, value);
    } else {
        flash_op op = {.kind = OP_WORD, .addr = {addr}, .count = 1, .data = {{value}}};
        flash_begin(chip, &op, 1);
    }
    return BUS_OK;
}

/* ---- faults on request ---- */

void sim_chip_cut_supply_at_op(sim_chip *chip, uint64_t n)
{
    chip->fl.cut_at = n ? chip->fl.ops_begun + n : 0;
}

void sim_chip_fail_op(sim_chip *chip, uint64_t n, uint32_t sr_flags)
{
    chip->fl.fail_at = n ? chip->fl.ops_begun + n : 0;
    chip->fl.fail_flags = sr_flags;
}

void sim_chip_hang_op(sim_chip *chip, uint64_t n)
{
    chip->fl.hang_at = n ? chip->fl.ops_begun + n : 0;
}
