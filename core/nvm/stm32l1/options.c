/* core/nvm/stm32l1/options.c: option words, RDP level, WRP.
 * Source: facts/stm32l1 3.7, 3.8; RM0038 3.6. A word is 16 data bits and their complement above. The
 * order of the words is RDP (SPRMOD in bit 8), USER, then WRP in 16-bit parts.
 * SPRMOD is never set here: it protects every sector whose WRP bit is 0, for good. */
#include <string.h>

#include "stl/bytes.h"
#include "stm32l1.h"

#define OPTKEY1 0xFBEAD9C8u
#define OPTKEY2 0x24252627u

enum {
    WORD_RDP = 0,
    WORD_USER = 1,
    WORD_WRP = 2,
    WORD_TIMEOUT_MS = 50,
    RDP_TIMEOUT_MS = 30000, /* a mass erase is in it */
    BOR_OFF_BELOW = 8,
    USER_IWDG_SW = 1 << 4,
    USER_NRST_STOP = 1 << 5,
    USER_NRST_STDBY = 1 << 6,
    USER_NBFB2 = 1 << 7
};

static bool is_good(uint32_t word)
{
    return (word & 0xFFFFu) == (~word >> 16);
}

static uint32_t make_word(uint32_t low)
{
    return (low & 0xFFFFu) | ~low << 16;
}

static uint32_t word_addr(const stl_nvm *nvm, unsigned index)
{
    return nvm->config.option_base_addr + nvm->config.option_offsets[index];
}

static uint8_t level_of(uint8_t rdp_byte)
{
    return rdp_byte == RDP_BYTE_LEVEL0 ? 0 : rdp_byte == RDP_BYTE_LEVEL2 ? 2 : 1;
}

/* ---- reading ---- */

/* The words stand together but for the last two of big chips: one command for each run. */
static stl_code read_words(stl_nvm *nvm, uint32_t words[STL_NVM_MAX_OPTION_WORDS], stl_error *err)
{
    const stl_nvm_config *config = &nvm->config;
    unsigned i = 0;
    while (i < config->option_word_count) {
        unsigned end = i + 1;
        while (end < config->option_word_count &&
               config->option_offsets[end] == config->option_offsets[end - 1] + 4)
            end++;
        uint8_t raw[4 * STL_NVM_MAX_OPTION_WORDS];
        stl_code code = stl_mem_read(nvm->dap, word_addr(nvm, i), raw, 4 * (size_t)(end - i), err);
        if (code)
            return stl_wrap(err, "read option words");
        for (unsigned k = i; k < end; k++)
            words[k] = stl_get_u32le(raw + 4 * (k - i));
        i = end;
    }
    return STL_OK;
}

/* PECR to WRPR1 in one go; the key registers between them are write-only and read as zero. */
static stl_code read_registers(stl_nvm *nvm, stl_nvm_status *status, stl_error *err)
{
    uint8_t block[FLASH_WRPR1 + 4 - FLASH_PECR];
    stl_code code = stl_mem_read(nvm->dap, nvm->config.regs_addr + FLASH_PECR, block,
                                 sizeof block, err);
    if (code)
        return code;
    status->pecr = stl_get_u32le(block);
    status->sr = stl_get_u32le(block + FLASH_SR - FLASH_PECR);
    status->obr = stl_get_u32le(block + FLASH_OBR - FLASH_PECR);
    status->wrp[0] = stl_get_u32le(block + FLASH_WRPR1 - FLASH_PECR);
    return STL_OK;
}

static stl_code read_more_wrp(stl_nvm *nvm, stl_nvm_status *status, stl_error *err)
{
    stl_code code = STL_OK;
    status->wrp_word_count = (nvm->config.option_word_count - WORD_WRP) / 2;
    for (unsigned i = 1; i < status->wrp_word_count && !code; i++)
        code = stm32l1_read(nvm, FLASH_WRPR2 + 4 * (i - 1), &status->wrp[i], err);
    return code;
}

stl_code stm32l1_get_status(stl_nvm *nvm, stl_nvm_status *status, stl_error *err)
{
    stl_code code = read_registers(nvm, status, err);
    if (!code)
        code = read_more_wrp(nvm, status, err);
    if (!code)
        code = read_words(nvm, status->option_words, err);
    if (code)
        return code;
    status->rdp_byte = (uint8_t)status->obr;
    status->rdp_level = level_of(status->rdp_byte);
    status->is_sprmod = nvm->config.has_sprmod && status->obr & OBR_SPRMOD;
    status->user_byte = (uint8_t)(status->obr >> 16);
    const uint8_t bor = status->user_byte & 0xF;
    status->bor_level = bor < BOR_OFF_BELOW ? 0 : (uint8_t)(bor - BOR_OFF_BELOW + 1);
    status->is_iwdg_software = status->user_byte & USER_IWDG_SW;
    status->is_nrst_stop = status->user_byte & USER_NRST_STOP;
    status->is_nrst_stdby = status->user_byte & USER_NRST_STDBY;
    status->is_bfb2 = !(status->user_byte & USER_NBFB2) && nvm->config.has_parallel_banks;
    status->has_option_error = status->sr & (SR_OPTVERR | SR_OPTVERRUSR);
    status->option_word_count = nvm->config.option_word_count;
    for (unsigned i = 0; i < status->option_word_count; i++)
        status->is_option_word_good[i] = is_good(status->option_words[i]);
    return STL_OK;
}

/* ---- what to write ---- */

/* What each word should be: the value asked for, what it is if it is sound, else the default. */
static void wanted_words(const stl_nvm *nvm, const stl_nvm_status *status,
                         const stl_option_values *values, uint32_t words[STL_NVM_MAX_OPTION_WORDS])
{
    for (unsigned i = 0; i < status->option_word_count; i++) {
        const uint32_t fallback = i == WORD_RDP    ? (uint32_t)RDP_BYTE_LEVEL0
                                  : i == WORD_USER ? nvm->config.user_default
                                                   : 0;
        words[i] = status->is_option_word_good[i] ? status->option_words[i] : make_word(fallback);
        if (i >= WORD_WRP && values->has_wrp) {
            const unsigned n = i - WORD_WRP;
            words[i] = make_word(values->wrp[n / 2] >> (n % 2 ? 16 : 0));
        }
    }
    if (values->has_user)
        words[WORD_USER] = make_word(values->user_byte);
    if (!status->is_option_word_good[WORD_RDP]) /* a mismatch is level 1: it stays so unless asked */
        words[WORD_RDP] = make_word(RDP_BYTE_LEVEL1);
    if (values->has_rdp)
        words[WORD_RDP] = make_word((words[WORD_RDP] & OBR_SPRMOD) | values->rdp_byte);
}

static stl_code check_consent(const stl_nvm_status *status, const stl_option_values *values,
                              unsigned consent, stl_error *err)
{
    const uint8_t level = values->has_rdp ? level_of(values->rdp_byte) : status->rdp_level;
    if (status->rdp_level == 2)
        return stl_fail(err, STL_E_READ_PROTECTED, NULL,
                        "RDP level 2 cannot be changed any more");
    if (level == 2 && !(consent & STL_CONSENT_IRREVERSIBLE))
        return stl_fail(err, STL_E_REFUSED, "RDP level 2 closes the debug port for ever",
                        "RDP level 2 is irreversible and needs its own consent");
    if (level == 0 && status->rdp_level == 1 && !(consent & STL_CONSENT_MASS_ERASE))
        return stl_fail(err, STL_E_REFUSED,
                        "keys and serial numbers in flash and EEPROM are lost with it",
                        "going from RDP level 1 to 0 erases flash and data EEPROM and needs its own "
                        "consent");
    return STL_OK;
}

/* ---- writing ---- */

static stl_code unlock_options(stl_nvm *nvm, stl_error *err)
{
    /* From a reset: no lock is half open, no key register is dead, no loader runs. */
    uint32_t pecr = 0;
    stl_code code = stm32l1_reset_locked(nvm, err);
    if (!code)
        code = stm32l1_open_pecr(nvm, &pecr, err);
    if (!code)
        code = stm32l1_write(nvm, FLASH_OPTKEYR, OPTKEY1, err);
    if (!code)
        code = stm32l1_write(nvm, FLASH_OPTKEYR, OPTKEY2, err);
    if (!code)
        code = stm32l1_read(nvm, FLASH_PECR, &pecr, err);
    if (!code && pecr & PECR_OPTLOCK)
        code = stl_fail(err, STL_E_OPTION_BYTES, "power-cycle the target and try again",
                        "OPTLOCK does not open after its keys, PECR=0x%08X", pecr);
    return code;
}

static stl_code write_word(stl_nvm *nvm, unsigned index, uint32_t word, stl_error *err)
{
    const uint32_t timeout_ms = index == WORD_RDP ? RDP_TIMEOUT_MS : WORD_TIMEOUT_MS;
    uint32_t sr = 0;
    stl_code code = stl_mem_write_word(nvm->dap, word_addr(nvm, index), word, err);
    if (!code)
        code = stm32l1_wait_idle(nvm, 2 * nvm->config.op_typical_us, timeout_ms, &sr, err);
    if (!code)
        code = stm32l1_flags_error(sr, word_addr(nvm, index), err);
    return code ? stl_wrap(err, "write option word 0x%08X", word_addr(nvm, index)) : STL_OK;
}

/* OBL_LAUNCH resets the chip, often before it can answer; afterwards the debugger comes back. */
static stl_code launch(stl_nvm *nvm, stl_error *err)
{
    enum { SETTLE_US = 10000 };
    stl_error ignored;
    stl_code code = stm32l1_write(nvm, FLASH_PECR, PECR_OBL_LAUNCH, &ignored);
    if (code == STL_E_USB || code == STL_E_PROBE_GONE) {
        *err = ignored;
        return code;
    }
    stl_sleep_us(stl_dap_clock(nvm->dap), SETTLE_US);
    code = stl_core_reset(nvm->dap, STL_RESET_SYSTEM, true, &ignored);
    if (!code)
        return STL_OK;
    code = stl_probe_enter(stl_dap_probe(nvm->dap), err);
    if (!code)
        code = stl_core_reset(nvm->dap, STL_RESET_SYSTEM, true, err);
    return code ? stl_wrap(err, "reload the option bytes") : STL_OK;
}

/* Write those of the words in [first, end) that differ, in an order that keeps RDP last. */
static stl_code write_changed(stl_nvm *nvm, const stl_nvm_status *status,
                              const uint32_t words[STL_NVM_MAX_OPTION_WORDS], stl_error *err)
{
    stl_code code = STL_OK;
    for (unsigned n = 0; n < status->option_word_count && !code; n++) {
        const unsigned index = (n + 1) % status->option_word_count; /* RDP after all others */
        if (words[index] != status->option_words[index])
            code = write_word(nvm, index, words[index], err);
    }
    return code;
}

/* Does the chip work with these words? It loads them at a reset that a power-up or OBL_LAUNCH brings, so
 * a run that was cut short before it leaves words that are right and not in force. */
static bool is_active(const stl_nvm_status *status, const uint32_t words[STL_NVM_MAX_OPTION_WORDS])
{
    if (status->rdp_byte != (uint8_t)words[WORD_RDP] || status->user_byte != (uint8_t)words[WORD_USER])
        return false;
    for (unsigned n = 0; n < status->wrp_word_count; n++) {
        const uint32_t *pair = &words[WORD_WRP + 2 * n];
        if (status->wrp[n] != ((pair[0] & 0xFFFF) | (pair[1] & 0xFFFF) << 16))
            return false;
    }
    return true;
}

static stl_code check_taken_over(stl_nvm *nvm, const uint32_t words[STL_NVM_MAX_OPTION_WORDS],
                                 stl_error *err)
{
    stl_nvm_status now = {0};
    stl_code code = stm32l1_get_status(nvm, &now, err);
    for (unsigned i = 0; i < now.option_word_count && !code; i++)
        if (now.option_words[i] != words[i])
            code = stl_fail(err, STL_E_OPTION_BYTES, "run the same command again",
                            "option word 0x%08X reads 0x%08X after reloading, not 0x%08X",
                            word_addr(nvm, i), now.option_words[i], words[i]);
    if (!code && now.has_option_error)
        code = stl_fail(err, STL_E_OPTION_BYTES, "power-cycle the target, then `stlua options`",
                        "OPTVERR is still set after reloading, SR=0x%08X", now.sr);
    if (!code && !is_active(&now, words))
        code = stl_fail(err, STL_E_OPTION_BYTES, "power-cycle the target, then `stlua options`",
                        "the new option bytes are not active, OBR=0x%08X, WRPR1=0x%08X", now.obr,
                        now.wrp[0]);
    return code;
}

/* From level 1 to 0: the mass erase comes with it, and may leave the other words damaged. */
static stl_code regress(stl_nvm *nvm, stl_nvm_status *status, stl_error *err)
{
    stl_code code = unlock_options(nvm, err);
    if (!code)
        code = write_word(nvm, WORD_RDP, make_word(RDP_BYTE_LEVEL0), err);
    if (!code)
        code = launch(nvm, err);
    if (!code) {
        memset(status, 0, sizeof *status);
        code = stm32l1_get_status(nvm, status, err);
    }
    if (!code && status->rdp_level != 0)
        code = stl_fail(err, STL_E_OPTION_BYTES, "power-cycle the target and try again",
                        "still RDP level %u after the mass erase", status->rdp_level);
    return code ? stl_wrap(err, "go back to RDP level 0") : STL_OK;
}

stl_code stm32l1_write_options(stl_nvm *nvm, const stl_option_values *values, unsigned consent,
                               stl_error *err)
{
    stl_nvm_status status = {0};
    stl_code code = stm32l1_get_status(nvm, &status, err);
    if (!code)
        code = check_consent(&status, values, consent, err);
    if (code)
        return code;
    stm32l1_drop_loader(nvm);
    if (values->has_rdp && values->rdp_byte == RDP_BYTE_LEVEL0 && status.rdp_level == 1)
        code = regress(nvm, &status, err);
    uint32_t words[STL_NVM_MAX_OPTION_WORDS] = {0};
    wanted_words(nvm, &status, values, words);
    /* Writing level 0 over level 0 is an erratum's trap (facts 3.7): equal words are not written. */
    const bool is_written =
        !memcmp(words, status.option_words, sizeof words[0] * status.option_word_count);
    if (!code && !(is_written && is_active(&status, words) && !status.has_option_error)) {
        code = unlock_options(nvm, err);
        if (!code)
            code = write_changed(nvm, &status, words, err);
        if (!code)
            code = launch(nvm, err);
    }
    if (!code)
        code = check_taken_over(nvm, words, err);
    stm32l1_state(nvm)->is_prepared = false;
    return code ? stl_wrap(err, "write option bytes") : STL_OK;
}
