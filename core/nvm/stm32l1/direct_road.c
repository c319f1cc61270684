/* core/nvm/stm32l1/direct_road.c: erase and half-page programming through the debug port.
 * Nothing runs on the target: no RAM, no core state, no time-out of a loader matters (facts 10.4).
 * Source: facts/stm32l1 3.1, 3.3, 3.6; RM0038 3.3.
 * Pages are done in groups: erase all of a group, then program it, so that PECR changes rarely. */
#include "stm32l1.h"

enum { GROUP_PAGES = 16 };

/* Leave PECR idle whatever happened; the first error is the one worth reporting. */
static stl_code leave_mode(stl_nvm *nvm, stl_code code, stl_error *err)
{
    stl_error ignored;
    const stl_code idle = stm32l1_write(nvm, FLASH_PECR, 0, code ? &ignored : err);
    return code ? code : idle;
}

static stl_code erase_group(stl_nvm *nvm, const stl_nvm_page *pages, uint32_t count,
                            stl_nvm_report *report, stl_error *err)
{
    stl_code code = stm32l1_write(nvm, FLASH_PECR, PECR_ERASE | PECR_PROG, err);
    for (uint32_t i = 0; i < count && !code; i++) {
        if (!pages[i].must_erase)
            continue;
        code = stl_mem_write_word(nvm->dap, pages[i].addr, 0, err);
        if (!code)
            code = stm32l1_wait_ready(nvm, nvm->config.op_typical_us, pages[i].addr, err);
        if (code)
            stl_wrap(err, "erase page 0x%08X", pages[i].addr);
        report->pages_erased += !code;
        report->flash_time_us += code ? 0 : nvm->config.op_typical_us;
    }
    return leave_mode(nvm, code, err);
}

/* The controller starts when it has seen all 32 words. The feed ends with a command for its status,
 * which runs while the flash does: about as long as a look at SR, and that much less is slept. */
static stl_code program_half_page(stl_nvm *nvm, uint32_t addr, const uint8_t *bytes,
                                  stl_error *err)
{
    const uint64_t typical_us = nvm->config.op_typical_us;
    const uint64_t status_us = stm32l1_state(nvm)->poll_us;
    stl_code code = stl_mem_feed_words(nvm->dap, addr, bytes, nvm->config.half_page_bytes, err);
    if (!code)
        code = stm32l1_wait_ready(nvm, typical_us > status_us ? typical_us - status_us : 0, addr,
                                  err);
    return code ? stl_wrap(err, "program half page 0x%08X", addr) : STL_OK;
}

static stl_code program_page(stl_nvm *nvm, const stl_nvm_page *page, stl_nvm_report *report,
                             stl_error *err)
{
    stl_code code = STL_OK;
    const uint32_t half = nvm->config.half_page_bytes;
    for (unsigned h = 0; h < 2 && !code; h++) {
        if (!(page->halves >> h & 1))
            continue;
        code = program_half_page(nvm, page->addr + h * half, page->bytes + h * half, err);
        report->half_pages_programmed += !code;
        report->flash_time_us += code ? 0 : nvm->config.op_typical_us;
    }
    return code;
}

static stl_code enter_half_page_mode(stl_nvm *nvm, stl_error *err)
{
    return stm32l1_write(nvm, FLASH_PECR, PECR_FPRG | PECR_PROG, err);
}

/* A half page that was cut off has lost its buffer, or has a part of it: clear the mode, erase the
 * page and do all of it once more (facts, appendix B 8). */
static stl_code repair_page(stl_nvm *nvm, const stl_nvm_page *page, stl_nvm_report *report,
                            stl_error *err)
{
    stl_nvm_page again = *page;
    again.must_erase = true;
    stl_log_write(stl_probe_log(stl_dap_probe(nvm->dap)), STL_LOG_WARN,
                  "%s; erasing page 0x%08X and programming it again", err->frame[0], page->addr);
    stl_code code = leave_mode(nvm, STL_OK, err); /* drops the half-filled buffer */
    if (!code)
        code = stm32l1_write(nvm, FLASH_SR, SR_ERRORS, err);
    if (!code)
        code = erase_group(nvm, &again, 1, report, err);
    if (!code)
        code = enter_half_page_mode(nvm, err);
    return code ? code : program_page(nvm, &again, report, err);
}

static stl_code program_group(stl_nvm *nvm, const stl_nvm_page *pages, uint32_t count,
                              stl_nvm_report *report, stl_error *err)
{
    stl_code code = enter_half_page_mode(nvm, err);
    for (uint32_t i = 0; i < count && !code; i++) {
        if (!pages[i].halves)
            continue;
        code = program_page(nvm, &pages[i], report, err);
        if (code == STL_E_DAP_WAIT || code == STL_E_DAP_FAULT || code == STL_E_FLASH)
            code = repair_page(nvm, &pages[i], report, err);
    }
    return leave_mode(nvm, code, err);
}

stl_code stm32l1_direct_write_pages(stl_nvm *nvm, const stl_nvm_page *pages, uint32_t page_count,
                                    const stl_progress *progress, stl_nvm_report *report,
                                    stl_error *err)
{
    const uint64_t total = (uint64_t)page_count * nvm->config.page_bytes;
    report->road = STL_ROAD_DIRECT;
    for (uint32_t at = 0; at < page_count; at += GROUP_PAGES) {
        const uint32_t count = page_count - at < GROUP_PAGES ? page_count - at : GROUP_PAGES;
        stl_code code = erase_group(nvm, pages + at, count, report, err);
        if (!code)
            code = program_group(nvm, pages + at, count, report, err);
        if (code)
            return code;
        if (!stl_progress_report(progress, "write", (at + count) * (uint64_t)nvm->config.page_bytes,
                                 total))
            return stl_fail(err, STL_E_INTERRUPTED,
                            "run the same command again: it repairs the rest",
                            "stopped on request");
    }
    return STL_OK;
}

/* Plain word writes: the controller erases first where the old content is not zero (FTDW = 0). */
stl_code stm32l1_direct_write_words(stl_nvm *nvm, const stl_nvm_word *words, uint32_t word_count,
                                    const stl_progress *progress, stl_nvm_report *report,
                                    stl_error *err)
{
    for (uint32_t i = 0; i < word_count; i++) {
        const unsigned ops = (words[i].old_value ? 1u : 0u) + (words[i].new_value ? 1u : 0u);
        const uint64_t typical_us = (uint64_t)ops * nvm->config.op_typical_us;
        stl_code code = stl_mem_write_word(nvm->dap, words[i].addr, words[i].new_value, err);
        if (!code)
            code = stm32l1_wait_ready(nvm, typical_us, words[i].addr, err);
        if (code)
            return stl_wrap(err, "write EEPROM word 0x%08X", words[i].addr);
        report->eeprom_words_written++;
        report->flash_time_us += typical_us;
        if (!stl_progress_report(progress, "write", i + 1u, word_count))
            return stl_fail(err, STL_E_INTERRUPTED,
                            "run the same command again: it repairs the rest",
                            "stopped on request");
    }
    return STL_OK;
}
