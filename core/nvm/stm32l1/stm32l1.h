/* core/nvm/stm32l1/stm32l1.h: what the parts of the STM32L1 controller share. */
#ifndef STM32L1_H
#define STM32L1_H

#include "nvm/nvm_driver.h"
#include "stl/loader.h"

/* Offsets and bits of the FLASH registers (facts/stm32l1 2; RM0038 3.9). */
enum {
    FLASH_ACR = 0x00,
    FLASH_PECR = 0x04,
    FLASH_PEKEYR = 0x0C,
    FLASH_PRGKEYR = 0x10,
    FLASH_OPTKEYR = 0x14,
    FLASH_SR = 0x18,
    FLASH_OBR = 0x1C,
    FLASH_WRPR1 = 0x20,
    FLASH_WRPR2 = 0x80,

    PECR_PELOCK = 1 << 0,
    PECR_PRGLOCK = 1 << 1,
    PECR_OPTLOCK = 1 << 2,
    PECR_PROG = 1 << 3,
    PECR_ERASE = 1 << 9,
    PECR_FPRG = 1 << 10,
    PECR_OBL_LAUNCH = 1 << 18,
    PECR_LOCKED = PECR_PELOCK | PECR_PRGLOCK | PECR_OPTLOCK,

    SR_BSY = 1 << 0,
    SR_WRPERR = 1 << 8,
    SR_PGAERR = 1 << 9,
    SR_SIZERR = 1 << 10,
    SR_OPTVERR = 1 << 11,
    SR_OPTVERRUSR = 1 << 12,
    SR_RDERR = 1 << 13,
    SR_ERRORS = 0x3F00,
    /* Set by a bad option load, not by an operation: they say nothing about what was just done. */
    SR_OPERATION_ERRORS = SR_WRPERR | SR_PGAERR | SR_SIZERR | SR_RDERR,

    OBR_SPRMOD = 1 << 8,
    OBR_IWDG_SW = 1 << 20,

    RDP_BYTE_LEVEL0 = 0xAA,
    RDP_BYTE_LEVEL2 = 0xCC,
    RDP_BYTE_LEVEL1 = 0xBB
};

typedef struct stm32l1 {
    bool is_prepared;
    bool is_loader_refused; /* it failed once: not tried again in this session */
    stl_loader *loader;
    uint64_t poll_us; /* how long one look at SR takes */
    uint32_t obr, apb1_fz;
    bool has_apb1_fz;
    uint32_t wrp[STL_NVM_MAX_WRP_WORDS];
} stm32l1;

static inline stm32l1 *stm32l1_state(const stl_nvm *nvm)
{
    return nvm->state;
}

stl_code stm32l1_read(stl_nvm *nvm, uint32_t offset, uint32_t *value, stl_error *err);
stl_code stm32l1_write(stl_nvm *nvm, uint32_t offset, uint32_t value, stl_error *err);

/* Unlock PECR and the program memory, freeze the watchdogs, look at protection. Once a session. */
stl_code stm32l1_prepare(stl_nvm *nvm, uint32_t wrp[STL_NVM_MAX_WRP_WORDS], stl_error *err);
/* After something went wrong on the target: reset and halt it, unlock again. */
stl_code stm32l1_recover(stl_nvm *nvm, stl_error *err);

/* DBGMCU keeps its freeze bits over a reset: give back what was found there. Continues through errors. */
void stm32l1_thaw_watchdogs(stl_nvm *nvm);

/* Reset and halt with all locks closed; the next prepare starts afresh. */
stl_code stm32l1_reset_locked(stl_nvm *nvm, stl_error *err);
/* Open PELOCK only: what option bytes and EEPROM need. *pecr as it reads then. */
stl_code stm32l1_open_pecr(stl_nvm *nvm, uint32_t *pecr, stl_error *err);

/* Wait for BSY to clear, first sleeping for expected_us. *sr as last read. STL_E_TIMEOUT. */
stl_code stm32l1_wait_idle(stl_nvm *nvm, uint64_t expected_us, uint32_t timeout_ms, uint32_t *sr,
                           stl_error *err);
/* The same, then turn error flags (cleared) into one error about addr. */
stl_code stm32l1_wait_ready(stl_nvm *nvm, uint64_t expected_us, uint32_t addr, stl_error *err);
/* STL_OK if no operation failed by these flags. */
stl_code stm32l1_flags_error(uint32_t sr, uint32_t addr, stl_error *err);

/* The loader, started when it is not running yet; STL_E_LOADER if it does not work. */
stl_code stm32l1_need_loader(stl_nvm *nvm, stl_error *err);
void stm32l1_drop_loader(stl_nvm *nvm);
/* After a loader failure: may the slow road be taken? Then the target is recovered and a warning
 * given; otherwise the error stays. */
stl_code stm32l1_take_direct_road(stl_nvm *nvm, stl_error *err);

stl_code stm32l1_loader_write_pages(stl_nvm *nvm, const stl_nvm_page *pages, uint32_t page_count,
                                    const stl_progress *progress, stl_nvm_report *report,
                                    stl_error *err);
/* unit_count signatures, each over unit_bytes. */
stl_code stm32l1_loader_signatures(stl_nvm *nvm, uint32_t addr, uint32_t unit_count,
                                   uint32_t unit_bytes, uint64_t *signatures, stl_error *err);
stl_code stm32l1_loader_write_words(stl_nvm *nvm, const stl_nvm_word *words, uint32_t word_count,
                                    const stl_progress *progress, stl_nvm_report *report,
                                    stl_error *err);
stl_code stm32l1_direct_write_pages(stl_nvm *nvm, const stl_nvm_page *pages, uint32_t page_count,
                                    const stl_progress *progress, stl_nvm_report *report,
                                    stl_error *err);
stl_code stm32l1_direct_write_words(stl_nvm *nvm, const stl_nvm_word *words, uint32_t word_count,
                                    const stl_progress *progress, stl_nvm_report *report,
                                    stl_error *err);
stl_code stm32l1_get_status(stl_nvm *nvm, stl_nvm_status *status, stl_error *err);
stl_code stm32l1_write_options(stl_nvm *nvm, const stl_option_values *values, unsigned consent,
                               stl_error *err);

#endif
