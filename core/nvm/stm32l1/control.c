/* core/nvm/stm32l1/control.c: registers, locks, flags.
 * Source: facts/stm32l1 2.1 to 2.3, 3.0, 5.6; RM0038 3.9. */
#include <string.h>

#include "stm32l1.h"

#define PEKEY1  0x89ABCDEFu
#define PEKEY2  0x02030405u
#define PRGKEY1 0x8C9DAEBFu
#define PRGKEY2 0x13141516u

#define DBGMCU_APB1_FZ       0xE0042008u
#define APB1_FZ_WATCHDOGS    0x1800u /* WWDG, IWDG: stopped while the core is halted */

#define SUPPLY_HINT "check the supply of the target; a brown-out or a stuck operation looks like this"
#define RDP_HINT                                                                                   \
    "`stlua unlock` goes back to RDP level 0, which erases flash and EEPROM, keys and serial "      \
    "numbers included"

stl_code stm32l1_read(stl_nvm *nvm, uint32_t offset, uint32_t *value, stl_error *err)
{
    return stl_mem_read_word(nvm->dap, nvm->config.regs_addr + offset, value, err);
}

stl_code stm32l1_write(stl_nvm *nvm, uint32_t offset, uint32_t value, stl_error *err)
{
    return stl_mem_write_word(nvm->dap, nvm->config.regs_addr + offset, value, err);
}

/* ---- waiting, flags ---- */

/* One look at SR, timed: the read happens at the end of a command, so the next wait may end that much
 * earlier. */
static stl_code poll_sr(stl_nvm *nvm, uint32_t *sr, stl_error *err)
{
    stm32l1 *chip = stm32l1_state(nvm);
    const stl_clock *clock = stl_dap_clock(nvm->dap);
    const uint64_t begin_us = stl_now_us(clock);
    stl_code code = stm32l1_read(nvm, FLASH_SR, sr, err);
    const uint64_t took_us = stl_now_us(clock) - begin_us;
    chip->poll_us = chip->poll_us ? (3 * chip->poll_us + took_us) / 4 : took_us;
    return code;
}

stl_code stm32l1_wait_idle(stl_nvm *nvm, uint64_t expected_us, uint32_t timeout_ms, uint32_t *sr,
                           stl_error *err)
{
    enum { POLL_MARGIN_US = 120 };
    const stl_clock *clock = stl_dap_clock(nvm->dap);
    stl_deadline deadline = stl_deadline_in_ms(clock, timeout_ms);
    const uint64_t poll_us = stm32l1_state(nvm)->poll_us;
    /* A look that comes just too early costs a whole second one: rather a little late. */
    stl_sleep_us(clock, expected_us > poll_us ? expected_us - poll_us + POLL_MARGIN_US : 0);
    for (;;) {
        const bool is_last = stl_deadline_is_last_look(&deadline);
        stl_code code = poll_sr(nvm, sr, err);
        if (code || !(*sr & SR_BSY))
            return code;
        if (is_last)
            return stl_fail(err, STL_E_TIMEOUT, SUPPLY_HINT, "BSY still set after %u ms, SR=0x%08X",
                            timeout_ms, *sr);
    }
}

stl_code stm32l1_flags_error(uint32_t sr, uint32_t addr, stl_error *err)
{
    if (sr & SR_WRPERR) {
        stl_fail(err, STL_E_WRITE_PROTECTED, "`stlua options` shows WRP and RDP",
                 "WRPERR: 0x%08X is write-protected, SR=0x%08X", addr, sr);
        return stl_error_at(err, addr);
    }
    if (sr & SR_OPERATION_ERRORS) {
        stl_fail(err, STL_E_FLASH, "run the command again: it erases and repeats what is unfinished",
                 "%s%s%s at 0x%08X, SR=0x%08X", sr & SR_PGAERR ? "PGAERR" : "",
                 sr & SR_SIZERR ? " SIZERR" : "", sr & SR_RDERR ? " RDERR" : "", addr, sr);
        return stl_error_at(err, addr);
    }
    return STL_OK;
}

/* A reset locks PECR; then each write ends in WRPERR, though nothing is write-protected. Was it so? */
static stl_code name_lock(stl_nvm *nvm, uint32_t addr, stl_code code, stl_error *err)
{
    uint32_t pecr = 0;
    stl_error ignored;
    if (code != STL_E_WRITE_PROTECTED || stm32l1_read(nvm, FLASH_PECR, &pecr, &ignored) ||
        !(pecr & PECR_PELOCK))
        return code;
    stl_fail(err, STL_E_FLASH, NULL,
             "the chip was reset while 0x%08X was written (watchdog, supervisor, supply?): "
             "PECR is locked again, PECR=0x%08X",
             addr, pecr);
    return stl_error_at(err, addr);
}

stl_code stm32l1_wait_ready(stl_nvm *nvm, uint64_t expected_us, uint32_t addr, stl_error *err)
{
    const uint32_t timeout_ms = 3 * 2 * nvm->config.op_max_us / 1000 + 50;
    uint32_t sr = 0;
    stl_code code = stm32l1_wait_idle(nvm, expected_us, timeout_ms, &sr, err);
    if (code)
        return code;
    code = stm32l1_flags_error(sr, addr, err);
    if (code) {
        code = name_lock(nvm, addr, code, err);
        stl_error ignored;
        const stl_code cleared = stm32l1_write(nvm, FLASH_SR, SR_ERRORS, &ignored);
        (void)cleared;
    }
    return code;
}

/* ---- protection ---- */

static stl_code read_protection(stl_nvm *nvm, stl_error *err)
{
    stm32l1 *chip = stm32l1_state(nvm);
    stl_code code = stm32l1_read(nvm, FLASH_OBR, &chip->obr, err);
    if (code)
        return code;
    const uint8_t rdp = chip->obr & 0xFF;
    if (rdp != RDP_BYTE_LEVEL0)
        return stl_fail(err, STL_E_READ_PROTECTED, RDP_HINT,
                        "the chip is read-protected: RDP level %u (RDP byte 0x%02X)",
                        rdp == RDP_BYTE_LEVEL2 ? 2 : 1, rdp);
    const unsigned wrp_words = (nvm->config.option_word_count - 2) / 2;
    code = stm32l1_read(nvm, FLASH_WRPR1, &chip->wrp[0], err);
    for (unsigned i = 1; i < wrp_words && i < STL_NVM_MAX_WRP_WORDS && !code; i++)
        code = stm32l1_read(nvm, FLASH_WRPR2 + 4 * (i - 1), &chip->wrp[i], err);
    if (!code && chip->obr & OBR_SPRMOD) /* PCROP: the bits mean the opposite (facts 3.7) */
        for (unsigned i = 0; i < wrp_words; i++)
            chip->wrp[i] = ~chip->wrp[i];
    return code;
}

/* ---- locks ---- */

static stl_code write_keys(stl_nvm *nvm, uint32_t key_reg, uint32_t key1, uint32_t key2,
                           uint32_t lock_bit, uint32_t *pecr, stl_error *err)
{
    stl_code code = stm32l1_write(nvm, key_reg, key1, err);
    if (!code)
        code = stm32l1_write(nvm, key_reg, key2, err);
    if (!code)
        code = stm32l1_read(nvm, FLASH_PECR, pecr, err);
    if (!code && *pecr & lock_bit)
        code = stl_fail(err, STL_E_FLASH, SUPPLY_HINT,
                        "the lock does not open after its keys, PECR=0x%08X", *pecr);
    return code;
}

/* Keys are written only for locks that are closed: a key for an open lock kills the key register
 * until the next reset (facts 2.3, rule 1). */
stl_code stm32l1_open_pecr(stl_nvm *nvm, uint32_t *pecr, stl_error *err)
{
    stl_code code = stm32l1_read(nvm, FLASH_PECR, pecr, err);
    if (!code && *pecr & PECR_PELOCK)
        code = write_keys(nvm, FLASH_PEKEYR, PEKEY1, PEKEY2, PECR_PELOCK, pecr, err);
    return code;
}

static stl_code unlock(stl_nvm *nvm, stl_error *err)
{
    uint32_t pecr = 0, sr = 0;
    stl_code code = stm32l1_wait_idle(nvm, 0, 100, &sr, err);
    if (!code)
        code = stm32l1_open_pecr(nvm, &pecr, err);
    if (!code && pecr & PECR_PRGLOCK)
        code = write_keys(nvm, FLASH_PRGKEYR, PRGKEY1, PRGKEY2, PECR_PRGLOCK, &pecr, err);
    if (!code) /* mode bits to a known state, never by read-modify-write */
        code = stm32l1_write(nvm, FLASH_PECR, 0, err);
    if (!code && sr & SR_ERRORS)
        code = stm32l1_write(nvm, FLASH_SR, SR_ERRORS, err);
    return code ? stl_wrap(err, "unlock the flash") : STL_OK;
}

static stl_code freeze_watchdogs(stl_nvm *nvm, stl_error *err)
{
    stm32l1 *chip = stm32l1_state(nvm);
    stl_code code = STL_OK;
    if (!chip->has_apb1_fz)
        code = stl_mem_read_word(nvm->dap, DBGMCU_APB1_FZ, &chip->apb1_fz, err);
    if (!code && (chip->apb1_fz & APB1_FZ_WATCHDOGS) != APB1_FZ_WATCHDOGS) {
        chip->has_apb1_fz = true;
        code = stl_mem_write_word(nvm->dap, DBGMCU_APB1_FZ, chip->apb1_fz | APB1_FZ_WATCHDOGS, err);
    }
    return code;
}

void stm32l1_thaw_watchdogs(stl_nvm *nvm)
{
    const stm32l1 *chip = stm32l1_state(nvm);
    stl_error ignored;
    const stl_code code = chip->has_apb1_fz
                              ? stl_mem_write_word(nvm->dap, DBGMCU_APB1_FZ, chip->apb1_fz, &ignored)
                              : STL_OK;
    (void)code; /* a power cycle does it as well */
}

stl_code stm32l1_prepare(stl_nvm *nvm, uint32_t wrp[STL_NVM_MAX_WRP_WORDS], stl_error *err)
{
    stm32l1 *chip = stm32l1_state(nvm);
    stl_code code = STL_OK;
    if (!chip->is_prepared) {
        code = read_protection(nvm, err);
        if (!code)
            code = freeze_watchdogs(nvm, err);
        if (!code)
            code = unlock(nvm, err);
        if (code == STL_E_FLASH || code == STL_E_DAP_FAULT || code == STL_E_TIMEOUT) {
            /* A dead key register, or a stuck operation: only a reset helps (facts 2.3, rule 4). */
            stl_log_write(stl_probe_log(stl_dap_probe(nvm->dap)), STL_LOG_INFO,
                          "%s; resetting the target and trying once more", err->frame[0]);
            code = stm32l1_recover(nvm, err);
        }
    }
    if (code)
        return code;
    chip->is_prepared = true;
    memcpy(wrp, chip->wrp, sizeof chip->wrp);
    return STL_OK;
}

stl_code stm32l1_recover(stl_nvm *nvm, stl_error *err)
{
    stl_code code = stl_core_reset(nvm->dap, STL_RESET_SYSTEM, true, err);
    if (!code)
        code = freeze_watchdogs(nvm, err);
    if (!code)
        code = unlock(nvm, err);
    return code ? stl_wrap(err, "recover the target") : STL_OK;
}

stl_code stm32l1_reset_locked(stl_nvm *nvm, stl_error *err)
{
    stm32l1_state(nvm)->is_prepared = false;
    stl_code code = stl_core_reset(nvm->dap, STL_RESET_SYSTEM, true, err);
    return code ? code : freeze_watchdogs(nvm, err);
}
