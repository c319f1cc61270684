/* core/nvm/stm32l1.c: the flash controller of STM32L1: two roads to the flash, one driver.
 * Source: RM0038 3 (FLASH), facts/stm32l1 2, 3, 5.6.
 * The fast road is the loader (stm32l1/loader_road.c). When code in RAM will not run, half pages are
 * fed through the debug port (stm32l1/direct_road.c): slower, but nothing executes on the target. */
#include <stdlib.h>
#include <string.h>

#include "stm32l1/stm32l1.h"

static stl_code driver_open(stl_nvm *nvm, stl_error *err)
{
    nvm->state = calloc(1, sizeof(stm32l1));
    return nvm->state ? STL_OK : stl_fail(err, STL_E_MEMORY, NULL, "out of memory");
}

static void driver_close(stl_nvm *nvm)
{
    stm32l1 *chip = stm32l1_state(nvm);
    stl_error ignored;
    stm32l1_drop_loader(nvm);
    if (chip->is_prepared) {
        stl_code code = stm32l1_write(nvm, FLASH_PECR, PECR_LOCKED, &ignored);
        (void)code; /* a reset locks it too */
    }
    stm32l1_thaw_watchdogs(nvm);
    free(chip);
}

/* ---- which road ---- */

static bool is_loader_wanted(const stl_nvm *nvm)
{
    return !nvm->options.is_direct_forced && !stm32l1_state(nvm)->is_loader_refused;
}

stl_code stm32l1_take_direct_road(stl_nvm *nvm, stl_error *err)
{
    stm32l1 *chip = stm32l1_state(nvm);
    char text[512];
    if (nvm->options.is_fast_required) {
        err->hint = "without --require-fast the slow road is taken";
        return err->code;
    }
    stl_error_text(err, text, sizeof text);
    stl_log_write(stl_probe_log(stl_dap_probe(nvm->dap)), STL_LOG_WARN,
                  "%s. Going on through the debug port: it takes about 1.8 times as long", text);
    stm32l1_drop_loader(nvm);
    chip->is_loader_refused = true;
    return stm32l1_recover(nvm, err);
}

static stl_code write_pages(stl_nvm *nvm, const stl_nvm_page *pages, uint32_t page_count,
                            const stl_progress *progress, stl_nvm_report *report, stl_error *err)
{
    uint32_t wrp[STL_NVM_MAX_WRP_WORDS];
    stl_code code = stm32l1_prepare(nvm, wrp, err);
    if (!code && is_loader_wanted(nvm)) {
        code = stm32l1_need_loader(nvm, err);
        if (!code)
            return stm32l1_loader_write_pages(nvm, pages, page_count, progress, report, err);
        if (code == STL_E_LOADER)
            code = stm32l1_take_direct_road(nvm, err);
    }
    return code ? code
                : stm32l1_direct_write_pages(nvm, pages, page_count, progress, report, err);
}

static stl_code write_words(stl_nvm *nvm, const stl_nvm_word *words, uint32_t word_count,
                            const stl_progress *progress, stl_nvm_report *report, stl_error *err)
{
    uint32_t wrp[STL_NVM_MAX_WRP_WORDS];
    stl_code code = stm32l1_prepare(nvm, wrp, err);
    /* A few words are done before a loader is even uploaded. */
    if (!code && word_count > 8 && is_loader_wanted(nvm)) {
        code = stm32l1_need_loader(nvm, err);
        if (!code)
            return stm32l1_loader_write_words(nvm, words, word_count, progress, report, err);
        if (code == STL_E_LOADER)
            code = stm32l1_take_direct_road(nvm, err);
    }
    return code ? code
                : stm32l1_direct_write_words(nvm, words, word_count, progress, report, err);
}

static stl_code read_signatures(stl_nvm *nvm, uint32_t addr, uint32_t unit_count,
                                uint32_t unit_bytes, uint64_t *signatures, stl_error *err)
{
    uint8_t *bytes = malloc((size_t)unit_count * unit_bytes);
    if (!bytes)
        return stl_fail(err, STL_E_MEMORY, NULL, "out of memory");
    stl_code code = stl_mem_read(nvm->dap, addr, bytes, (size_t)unit_count * unit_bytes, err);
    for (uint32_t i = 0; i < unit_count && !code; i++)
        signatures[i] = stl_nvm_page_signature(bytes + (size_t)i * unit_bytes, unit_bytes);
    free(bytes);
    return code;
}

static stl_code signatures_by(stl_nvm *nvm, uint32_t addr, uint32_t unit_count,
                              uint32_t unit_bytes, uint64_t *signatures, stl_error *err)
{
    uint32_t wrp[STL_NVM_MAX_WRP_WORDS];
    stl_code code = stm32l1_prepare(nvm, wrp, err);
    if (!code && is_loader_wanted(nvm)) {
        code = stm32l1_need_loader(nvm, err);
        if (!code) {
            code = stm32l1_loader_signatures(nvm, addr, unit_count, unit_bytes, signatures, err);
            if (code != STL_E_LOADER)
                return code;
        }
        if (code == STL_E_LOADER)
            code = stm32l1_take_direct_road(nvm, err);
    }
    return code ? code : read_signatures(nvm, addr, unit_count, unit_bytes, signatures, err);
}

static stl_code page_signatures(stl_nvm *nvm, uint32_t addr, uint32_t page_count,
                                uint64_t *signatures, stl_error *err)
{
    return signatures_by(nvm, addr, page_count, nvm->config.page_bytes, signatures, err);
}

static stl_code range_signature(stl_nvm *nvm, uint32_t addr, uint32_t byte_count,
                                uint64_t *signature, stl_error *err)
{
    return signatures_by(nvm, addr, 1, byte_count, signature, err);
}

const stl_nvm_driver stl_nvm_driver_stm32l1 = {
    .name = "stm32l1",
    .open = driver_open,
    .close = driver_close,
    .get_status = stm32l1_get_status,
    .prepare = stm32l1_prepare,
    .signatures = page_signatures,
    .signature = range_signature,
    .write_pages = write_pages,
    .write_words = write_words,
    .write_options = stm32l1_write_options,
};
