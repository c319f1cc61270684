/* core/nvm/nvm.c: what all controllers share: opening, whole pages, EEPROM bytes. */
#include <stdlib.h>
#include <string.h>

#include "nvm_driver.h"
#include "stl/bytes.h"

const stl_nvm_bank *stl_nvm_find_bank(const stl_nvm_bank *banks, unsigned bank_count, uint32_t addr,
                                      uint64_t byte_count)
{
    for (unsigned i = 0; i < bank_count; i++)
        if (addr >= banks[i].base_addr &&
            addr + byte_count <= (uint64_t)banks[i].base_addr + banks[i].size_bytes)
            return &banks[i];
    return NULL;
}

bool stl_nvm_is_blank(const stl_nvm *nvm, const uint8_t *bytes, size_t byte_count)
{
    for (size_t i = 0; i < byte_count; i++)
        if (bytes[i] != nvm->config.erased_byte)
            return false;
    return true;
}

uint8_t stl_nvm_used_halves(const stl_nvm *nvm, const uint8_t *page_bytes)
{
    const uint32_t half = nvm->config.half_page_bytes;
    return (uint8_t)((stl_nvm_is_blank(nvm, page_bytes, half) ? 0 : 1) |
                     (stl_nvm_is_blank(nvm, page_bytes + half, half) ? 0 : 2));
}

bool stl_progress_report(const stl_progress *progress, const char *phase, uint64_t done,
                         uint64_t total)
{
    return !progress || !progress->report || progress->report(progress->self, phase, done, total);
}

unsigned stl_nvm_page_ops(const stl_nvm_page *page)
{
    return page->must_erase + (page->halves & 1u) + (page->halves >> 1 & 1u);
}

stl_code stl_nvm_open(stl_dap *dap, const stl_nvm_config *config, const stl_nvm_options *options,
                      stl_nvm **out, stl_error *err)
{
    if (!config->page_bytes || config->page_bytes > STL_NVM_MAX_PAGE_BYTES ||
        config->page_bytes != 2 * config->half_page_bytes ||
        !config->flash_bank_count || config->flash_bank_count > STL_NVM_MAX_BANKS ||
        config->eeprom_bank_count > STL_NVM_MAX_BANKS ||
        config->option_word_count > STL_NVM_MAX_OPTION_WORDS || !config->wrp_sector_bytes)
        return stl_fail(err, STL_E_ARGUMENT, NULL, "the target's description is not usable");
    const stl_nvm_driver *driver = NULL;
    for (size_t i = 0; stl_nvm_drivers[i] && !driver; i++)
        if (!strcmp(stl_nvm_drivers[i]->name, config->driver))
            driver = stl_nvm_drivers[i];
    if (!driver)
        return stl_fail(err, STL_E_UNSUPPORTED, NULL, "no flash controller \"%s\"", config->driver);
    stl_nvm *nvm = calloc(1, sizeof *nvm);
    if (!nvm)
        return stl_fail(err, STL_E_MEMORY, NULL, "out of memory");
    nvm->driver = driver;
    nvm->dap = dap;
    nvm->config = *config;
    if (options)
        nvm->options = *options;
    stl_code code = driver->open(nvm, err);
    if (code) {
        free(nvm);
        return code;
    }
    *out = nvm;
    return STL_OK;
}

void stl_nvm_close(stl_nvm *nvm)
{
    if (!nvm)
        return;
    nvm->driver->close(nvm);
    free(nvm);
}

const stl_nvm_config *stl_nvm_get_config(const stl_nvm *nvm)
{
    return &nvm->config;
}

stl_code stl_nvm_get_status(stl_nvm *nvm, stl_nvm_status *status, stl_error *err)
{
    memset(status, 0, sizeof *status);
    return nvm->driver->get_status(nvm, status, err);
}

stl_code stl_nvm_signatures(stl_nvm *nvm, uint32_t addr, uint32_t page_count, uint64_t *signatures,
                            stl_error *err)
{
    if (addr % nvm->config.page_bytes)
        return stl_fail(err, STL_E_ARGUMENT, NULL, "0x%08X is not the start of a page", addr);
    return nvm->driver->signatures(nvm, addr, page_count, signatures, err);
}

/* Whole pages or half pages inside one bank. */
static stl_code check_range(const stl_nvm *nvm, uint32_t addr, uint32_t byte_count,
                            uint32_t unit_bytes, stl_error *err)
{
    if (addr % unit_bytes || byte_count % unit_bytes || !byte_count)
        return stl_fail(err, STL_E_ARGUMENT, NULL,
                        "0x%08X and %u bytes are not multiples of %u bytes", addr, byte_count,
                        unit_bytes);
    uint64_t left = byte_count;
    while (left) { /* neighbouring banks count as one range; a hole does not */
        const stl_nvm_bank *bank =
            stl_nvm_find_bank(nvm->config.flash, nvm->config.flash_bank_count, addr, 1);
        if (!bank)
            return stl_fail(err, STL_E_RANGE, "`stlua info` shows the regions of the target",
                            "0x%08X is not in flash", addr);
        const uint64_t here = (uint64_t)bank->base_addr + bank->size_bytes - addr;
        const uint64_t step = left < here ? left : here;
        left -= step;
        addr += (uint32_t)step;
    }
    return STL_OK;
}

/* An erase that a dip of the supply cut short ends with clean flags: only the contents tell. */
static stl_code check_blank(stl_nvm *nvm, const stl_nvm_page *pages, uint32_t count, stl_error *err)
{
    const uint32_t page_bytes = nvm->config.page_bytes;
    uint8_t blank_page[STL_NVM_MAX_PAGE_BYTES];
    memset(blank_page, nvm->config.erased_byte, page_bytes);
    const uint64_t blank = stl_nvm_page_signature(blank_page, page_bytes);
    uint64_t *found = calloc(count, sizeof *found);
    uint32_t *addrs = calloc(count, sizeof *addrs);
    stl_code code = STL_OK;
    if (!found || !addrs)
        code = stl_fail(err, STL_E_MEMORY, NULL, "out of memory");
    for (uint32_t i = 0; i < count && !code; i++)
        addrs[i] = pages[i].addr;
    if (!code)
        code = stl_nvm_signatures_of(nvm, addrs, count, found, err);
    for (uint32_t i = 0; i < count && !code; i++) {
        if (found[i] == blank)
            continue;
        stl_fail(err, STL_E_VERIFY, "check the target's supply and run the command again",
                 "page 0x%08X is not blank after erasing it", addrs[i]);
        code = stl_error_at(err, addrs[i]);
    }
    free(found);
    free(addrs);
    return code;
}

stl_code stl_nvm_erase(stl_nvm *nvm, uint32_t addr, uint32_t byte_count,
                       const stl_progress *progress, stl_error *err)
{
    const uint32_t page_bytes = nvm->config.page_bytes;
    stl_code code = check_range(nvm, addr, byte_count, page_bytes, err);
    if (code)
        return code;
    const uint32_t count = byte_count / page_bytes;
    stl_nvm_page *pages = calloc(count, sizeof *pages);
    if (!pages)
        return stl_fail(err, STL_E_MEMORY, NULL, "out of memory");
    for (uint32_t i = 0; i < count; i++)
        pages[i] = (stl_nvm_page){.addr = addr + i * page_bytes, .must_erase = true};
    stl_nvm_report report = {0};
    code = nvm->driver->write_pages(nvm, pages, count, progress, &report, err);
    if (!code)
        code = check_blank(nvm, pages, count, err);
    free(pages);
    return code ? stl_wrap(err, "erase %u pages from 0x%08X", count, addr) : STL_OK;
}

stl_code stl_nvm_program(stl_nvm *nvm, uint32_t addr, const uint8_t *bytes, uint32_t byte_count,
                         const stl_progress *progress, stl_error *err)
{
    const uint32_t page_bytes = nvm->config.page_bytes, half = nvm->config.half_page_bytes;
    stl_code code = check_range(nvm, addr, byte_count, half, err);
    if (code)
        return code;
    const uint32_t first = addr / page_bytes * page_bytes;
    const uint32_t count = (addr + byte_count - first + page_bytes - 1) / page_bytes;
    stl_nvm_page *pages = calloc(count, sizeof *pages);
    uint8_t *contents = calloc(count, page_bytes);
    if (pages && contents) {
        memset(contents, nvm->config.erased_byte, (size_t)count * page_bytes);
        memcpy(contents + (addr - first), bytes, byte_count);
        for (uint32_t i = 0; i < count; i++)
            pages[i] = (stl_nvm_page){
                .addr = first + i * page_bytes,
                .bytes = contents + (size_t)i * page_bytes,
                .halves = stl_nvm_used_halves(nvm, contents + (size_t)i * page_bytes),
            };
        stl_nvm_report report = {0};
        code = nvm->driver->write_pages(nvm, pages, count, progress, &report, err);
    } else {
        code = stl_fail(err, STL_E_MEMORY, NULL, "out of memory");
    }
    free(pages);
    free(contents);
    return code ? stl_wrap(err, "program %u bytes at 0x%08X", byte_count, addr) : STL_OK;
}

stl_code stl_nvm_write_eeprom(stl_nvm *nvm, uint32_t addr, const uint8_t *bytes,
                              uint32_t byte_count, uint32_t *written_word_count,
                              const stl_progress *progress, stl_error *err)
{
    stl_image *image;
    stl_plan *plan = NULL;
    stl_nvm_report report = {0};
    if (written_word_count)
        *written_word_count = 0;
    if (!stl_nvm_find_bank(nvm->config.eeprom, nvm->config.eeprom_bank_count, addr, 1))
        return stl_fail(err, STL_E_RANGE, "`stlua info` shows the regions of the target",
                        "0x%08X is not in data EEPROM", addr);
    stl_code code = stl_image_new(&image, err);
    if (code)
        return code;
    code = stl_image_add(image, addr, bytes, byte_count, err);
    if (!code)
        code = stl_nvm_make_plan(nvm, image, NULL, progress, &plan, err);
    if (!code)
        code = stl_nvm_apply_plan(nvm, plan, STL_VERIFY_READ, progress, &report, err);
    if (written_word_count)
        *written_word_count = report.eeprom_words_written;
    stl_plan_free(plan);
    stl_image_free(image);
    return code;
}

stl_code stl_nvm_write_options(stl_nvm *nvm, const stl_option_values *values, unsigned consent,
                               stl_error *err)
{
    return nvm->driver->write_options(nvm, values, consent, err);
}
