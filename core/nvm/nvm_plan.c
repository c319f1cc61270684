/* core/nvm/nvm_plan.c: compare an image with the target and decide what must be done.
 * Pages that are right already are left alone, blank ones are not erased, half pages that stay blank
 * are not programmed, and what shares a page with the image is kept. */
#include <stdlib.h>
#include <string.h>

#include "nvm_driver.h"
#include "stl/bytes.h"

#define REGION_HINT "`stlua info` shows the regions of the target"

/* ---- which pages ---- */

stl_code stl_nvm_check_image(const stl_nvm *nvm, const stl_image *image, stl_error *err)
{
    const stl_nvm_config *config = &nvm->config;
    uint64_t total = 0;
    for (size_t i = 0; i < stl_image_segment_count(image); i++) {
        const stl_segment segment = stl_image_segment(image, i);
        uint32_t addr = segment.addr;
        uint64_t left = segment.byte_count;
        while (left) { /* a segment may run from one bank into the next */
            const stl_nvm_bank *bank =
                stl_nvm_find_bank(config->flash, config->flash_bank_count, addr, 1);
            if (!bank)
                bank = stl_nvm_find_bank(config->eeprom, config->eeprom_bank_count, addr, 1);
            if (!bank) {
                stl_fail(err, STL_E_RANGE,
                         addr >= config->option_base_addr && addr < config->option_base_addr + 0x100
                             ? "option bytes are not written from an image; `stlua options` is the way"
                             : REGION_HINT,
                         "the image has %llu bytes at 0x%08X, outside flash and data EEPROM of this "
                         "target",
                         (unsigned long long)left, addr);
                return stl_error_at(err, addr);
            }
            const uint64_t here = (uint64_t)bank->base_addr + bank->size_bytes - addr;
            const uint64_t step = left < here ? left : here;
            left -= step;
            addr += (uint32_t)step;
            total += step;
        }
    }
    if (!total)
        return stl_fail(err, STL_E_RANGE, "check --base and the file",
                        "the image has no bytes in flash or data EEPROM: nothing would be written");
    return STL_OK;
}

static bool is_in(const stl_nvm_bank *banks, unsigned count, uint32_t addr)
{
    return stl_nvm_find_bank(banks, count, addr, 1) != NULL;
}

/* Pages that the image touches, or all: every page's address, ascending. */
static stl_code list_pages(const stl_nvm *nvm, const stl_image *image, bool is_all, stl_plan *plan,
                           stl_error *err)
{
    const stl_nvm_config *config = &nvm->config;
    uint32_t most = 0;
    for (unsigned b = 0; b < config->flash_bank_count; b++)
        most += config->flash[b].size_bytes / config->page_bytes;
    /* a controller has a bank: stl_nvm_open. NOLINTNEXTLINE(clang-analyzer-optin.portability.UnixAPI) */
    plan->pages = calloc(most, sizeof *plan->pages);
    plan->page_bytes = calloc(most, config->page_bytes);
    if (!plan->pages || !plan->page_bytes)
        return stl_fail(err, STL_E_MEMORY, NULL, "out of memory");
    for (unsigned b = 0; b < config->flash_bank_count; b++) {
        const uint32_t end = config->flash[b].base_addr + config->flash[b].size_bytes;
        for (uint32_t addr = config->flash[b].base_addr; addr < end; addr += config->page_bytes) {
            stl_plan_page *entry = &plan->pages[plan->page_count];
            uint8_t *bytes = plan->page_bytes + (size_t)plan->page_count * config->page_bytes;
            size_t missing = 0;
            stl_image_read(image, addr, bytes, config->page_bytes, config->erased_byte, &missing);
            if (missing == config->page_bytes && !is_all)
                continue;
            entry->page.addr = addr;
            entry->page.bytes = bytes;
            entry->image_bytes = config->page_bytes - (uint32_t)missing;
            plan->page_count++;
        }
    }
    return STL_OK;
}

/* ---- what is there ---- */

stl_code stl_nvm_signatures_of(stl_nvm *nvm, const uint32_t *page_addrs, uint32_t page_count,
                               uint64_t *signatures, stl_error *err)
{
    enum { NEAR_PAGES = 16 }; /* a gap this small is cheaper to compute than to ask again */
    const uint32_t page_bytes = nvm->config.page_bytes;
    uint32_t i = 0;
    while (i < page_count) {
        const stl_nvm_bank *bank =
            stl_nvm_find_bank(nvm->config.flash, nvm->config.flash_bank_count, page_addrs[i], 1);
        uint32_t last = i;
        while (last + 1 < page_count &&
               page_addrs[last + 1] - page_addrs[last] <= NEAR_PAGES * page_bytes &&
               page_addrs[last + 1] < bank->base_addr + bank->size_bytes)
            last++;
        const uint32_t count = (page_addrs[last] - page_addrs[i]) / page_bytes + 1;
        uint64_t *run = malloc(count * sizeof *run);
        if (!run)
            return stl_fail(err, STL_E_MEMORY, NULL, "out of memory");
        stl_code code = nvm->driver->signatures(nvm, page_addrs[i], count, run, err);
        for (uint32_t k = i; k <= last && !code; k++)
            signatures[k] = run[(page_addrs[k] - page_addrs[i]) / page_bytes];
        free(run);
        if (code)
            return code;
        i = last + 1;
    }
    return STL_OK;
}

/* What has to be kept is read by one transfer, and a plan that keeps something else would be carried out
 * and verified: it has to agree with what was seen before. */
static stl_code kept_differs(uint32_t addr, stl_error *err)
{
    stl_fail(err, STL_E_VERIFY, "a lower --speed, a shorter USB cable; nothing has been written",
             "what has to be kept at 0x%08X reads differently each time", addr);
    return stl_error_at(err, addr);
}

/* Fill the gaps of a page from the target, so that writing it keeps them. */
static stl_code preserve(stl_nvm *nvm, const stl_image *image, stl_plan_page *entry,
                         uint64_t signature, bool was_blank, stl_error *err)
{
    const uint32_t page_bytes = nvm->config.page_bytes;
    uint8_t old[STL_NVM_MAX_PAGE_BYTES], *bytes = (uint8_t *)(uintptr_t)entry->page.bytes;
    if (was_blank || entry->image_bytes == page_bytes)
        return STL_OK;
    stl_code code = stl_mem_read(nvm->dap, entry->page.addr, old, page_bytes, err);
    if (!code && stl_nvm_page_signature(old, page_bytes) != signature)
        code = kept_differs(entry->page.addr, err);
    for (uint32_t i = 0; i < page_bytes && !code; i++) {
        uint8_t byte;
        size_t missing = 0;
        stl_image_read(image, entry->page.addr + i, &byte, 1, 0, &missing);
        if (missing)
            bytes[i] = old[i]; /* list_pages() made it: NOLINT(clang-analyzer-core.NullDereference) */
    }
    return code;
}

static stl_code compare_pages(stl_nvm *nvm, const stl_image *image, bool is_all, stl_plan *plan,
                              const stl_progress *progress, stl_error *err)
{
    const uint32_t page_bytes = nvm->config.page_bytes, count = plan->page_count;
    if (!count)
        return STL_OK;
    uint64_t *found = malloc(count * sizeof *found);
    uint32_t *addrs = malloc(count * sizeof *addrs);
    uint8_t *blank_page = malloc(page_bytes);
    stl_code code = STL_OK;
    if (!found || !addrs || !blank_page)
        code = stl_fail(err, STL_E_MEMORY, NULL, "out of memory");
    for (uint32_t i = 0; i < count && !code; i++)
        addrs[i] = plan->pages[i].page.addr;
    if (!code)
        code = stl_nvm_signatures_of(nvm, addrs, count, found, err);
    uint64_t blank = 0;
    if (!code) {
        memset(blank_page, nvm->config.erased_byte, page_bytes);
        blank = stl_nvm_page_signature(blank_page, page_bytes);
    }
    for (uint32_t i = 0; i < count && !code; i++) {
        stl_plan_page *entry = &plan->pages[i];
        const bool was_blank = found[i] == blank;
        if (!is_all)
            code = preserve(nvm, image, entry, found[i], was_blank, err);
        entry->signature = stl_nvm_page_signature(entry->page.bytes, page_bytes);
        entry->is_equal = entry->signature == found[i];
        entry->page.must_erase = !entry->is_equal && !was_blank;
        entry->page.halves =
            entry->is_equal ? 0 : stl_nvm_used_halves(nvm, entry->page.bytes);
    }
    free(found);
    free(addrs);
    free(blank_page);
    if (!code && !stl_progress_report(progress, "compare", count, count))
        code = stl_fail(err, STL_E_INTERRUPTED, NULL, "stopped on request, nothing written");
    return code;
}

static stl_code check_protection(const stl_nvm *nvm, const uint32_t wrp[STL_NVM_MAX_WRP_WORDS],
                                 const stl_plan *plan, stl_error *err)
{
    for (uint32_t i = 0; i < plan->page_count; i++) {
        const uint32_t addr = plan->pages[i].page.addr;
        const uint32_t sector =
            (addr - nvm->config.flash[0].base_addr) / nvm->config.wrp_sector_bytes;
        if (plan->pages[i].is_equal || sector >= 32 * STL_NVM_MAX_WRP_WORDS ||
            !(wrp[sector / 32] >> sector % 32 & 1))
            continue;
        stl_fail(err, STL_E_WRITE_PROTECTED, "`stlua options` shows the protected sectors",
                 "page 0x%08X would have to change, but WRP sector %u is write-protected", addr,
                 sector);
        return stl_error_at(err, addr);
    }
    return STL_OK;
}

/* ---- data EEPROM ---- */

static stl_code compare_eeprom(stl_nvm *nvm, const stl_image *image, bool is_all, stl_plan *plan,
                               stl_error *err)
{
    const stl_nvm_config *config = &nvm->config;
    uint32_t most = 0;
    for (unsigned b = 0; b < config->eeprom_bank_count; b++)
        most += config->eeprom[b].size_bytes / 4;
    if (!most)
        return STL_OK;
    plan->words = calloc(most, sizeof *plan->words);
    uint8_t *wanted = malloc((size_t)most * 4), *old = malloc((size_t)most * 4);
    stl_code code = STL_OK;
    if (!plan->words || !wanted || !old)
        code = stl_fail(err, STL_E_MEMORY, NULL, "out of memory");
    for (unsigned b = 0; b < config->eeprom_bank_count && !code; b++) {
        const stl_nvm_bank *bank = &config->eeprom[b];
        size_t missing = 0;
        stl_image_read(image, bank->base_addr, wanted, bank->size_bytes, 0, &missing);
        if (missing == bank->size_bytes && !is_all)
            continue;
        /* only what the image covers is read: first to last byte of it */
        uint32_t first = is_all ? 0 : bank->size_bytes, end = bank->size_bytes;
        for (size_t s = 0; s < stl_image_segment_count(image) && !is_all; s++) {
            const stl_segment segment = stl_image_segment(image, s);
            const uint64_t segment_end = (uint64_t)segment.addr + segment.byte_count;
            if (segment_end <= bank->base_addr ||
                segment.addr >= bank->base_addr + bank->size_bytes)
                continue;
            const uint32_t from =
                segment.addr > bank->base_addr ? (segment.addr - bank->base_addr) & ~3u : 0;
            const uint64_t to = (segment_end - bank->base_addr + 3) & ~(uint64_t)3;
            first = from < first ? from : first; /* segments are sorted: the last one ends it */
            end = to < bank->size_bytes ? (uint32_t)to : bank->size_bytes;
        }
        code = stl_mem_read(nvm->dap, bank->base_addr + first, old + first, end - first, err);
        for (uint32_t at = first; at < end && !code; at += 4) {
            uint8_t word[4];
            size_t gap = 0;
            memcpy(word, old + at, 4);
            for (unsigned i = 0; i < 4; i++) {
                size_t is_missing = 0;
                uint8_t byte;
                stl_image_read(image, bank->base_addr + at + i, &byte, 1, 0, &is_missing);
                if (!is_missing || is_all)
                    word[i] = byte;
                gap += is_missing;
            }
            if (gap == 4 && !is_all)
                continue;
            uint32_t again = stl_get_u32le(old + at);
            if (gap && !is_all)
                code = stl_mem_read_word(nvm->dap, bank->base_addr + at, &again, err);
            if (!code && again != stl_get_u32le(old + at))
                code = kept_differs(bank->base_addr + at, err);
            plan->totals.eeprom_words++;
            if (memcmp(word, old + at, 4))
                plan->words[plan->word_count++] = (stl_nvm_word){
                    bank->base_addr + at, stl_get_u32le(old + at), stl_get_u32le(word)};
        }
    }
    free(wanted);
    free(old);
    return code;
}

/* ---- sums ---- */

static void sum_up(const stl_nvm *nvm, stl_plan *plan)
{
    stl_plan_totals *totals = &plan->totals;
    totals->page_count = plan->page_count;
    totals->eeprom_words_to_write = plan->word_count;
    for (uint32_t i = 0; i < plan->page_count; i++) {
        const stl_nvm_page *page = &plan->pages[i].page;
        totals->pages_equal += plan->pages[i].is_equal;
        totals->pages_to_erase += page->must_erase;
        totals->half_pages_to_program += stl_nvm_page_ops(page) - page->must_erase;
    }
    uint64_t ops = totals->pages_to_erase + totals->half_pages_to_program;
    if (nvm->config.has_parallel_banks)
        ops = 0; /* counted in pairs below */
    uint64_t bank_ops[STL_NVM_MAX_BANKS] = {0};
    for (uint32_t i = 0; i < plan->page_count && nvm->config.has_parallel_banks; i++) {
        const uint32_t addr = plan->pages[i].page.addr;
        bank_ops[!is_in(&nvm->config.flash[0], 1, addr)] += stl_nvm_page_ops(&plan->pages[i].page);
    }
    ops += bank_ops[0] > bank_ops[1] ? bank_ops[0] : bank_ops[1];
    for (uint32_t i = 0; i < plan->word_count; i++) {
        const stl_nvm_word *word = &plan->words[i];
        const bool is_second = i && plan->words[i - 1].addr + 4 == word->addr && word->addr % 8;
        if (!is_second) /* two words of a double word share their operations */
            ops += (word->old_value ? 1u : 0u) + (word->new_value ? 1u : 0u);
    }
    totals->flash_time_us = ops * nvm->config.op_typical_us;
}

static stl_code list_ranges(const stl_nvm *nvm, const stl_image *image, stl_plan *plan,
                            stl_error *err)
{
    const size_t count = stl_image_segment_count(image);
    plan->ranges = calloc(count ? count : 1, sizeof *plan->ranges);
    if (!plan->ranges)
        return stl_fail(err, STL_E_MEMORY, NULL, "out of memory");
    for (size_t s = 0; s < count; s++) {
        const stl_segment segment = stl_image_segment(image, s);
        stl_plan_range *range = &plan->ranges[plan->range_count++];
        range->addr = segment.addr;
        range->byte_count = (uint32_t)segment.byte_count;
        const uint64_t end = (uint64_t)segment.addr + segment.byte_count;
        plan->totals.image_bytes += range->byte_count;
        if (is_in(nvm->config.eeprom, nvm->config.eeprom_bank_count, segment.addr)) {
            range->kind = STL_PLAN_EEPROM;
            range->unit_count = (uint32_t)((end + 3) / 4 - segment.addr / 4);
            range->equal_count = range->unit_count;
            for (uint32_t i = 0; i < plan->word_count; i++)
                range->equal_count -=
                    plan->words[i].addr + 3 >= segment.addr && plan->words[i].addr < end;
            continue;
        }
        for (uint32_t i = 0; i < plan->page_count; i++) {
            const stl_plan_page *entry = &plan->pages[i];
            if (entry->page.addr + nvm->config.page_bytes <= segment.addr ||
                entry->page.addr >= end)
                continue;
            range->unit_count++;
            range->equal_count += entry->is_equal;
            range->preserved_bytes += nvm->config.page_bytes - entry->image_bytes;
        }
    }
    return STL_OK;
}

stl_code stl_nvm_make_plan(stl_nvm *nvm, const stl_image *image, const stl_plan_options *options,
                           const stl_progress *progress, stl_plan **out, stl_error *err)
{
    static const stl_plan_options none;
    if (!options)
        options = &none;
    stl_code code = stl_nvm_check_image(nvm, image, err);
    if (code)
        return code;
    stl_plan *plan = calloc(1, sizeof *plan);
    if (!plan)
        return stl_fail(err, STL_E_MEMORY, NULL, "out of memory");
    uint32_t wrp[STL_NVM_MAX_WRP_WORDS] = {0};
    code = stl_image_copy(image, &plan->image, err);
    if (!code)
        code = list_pages(nvm, image, options->is_erase_all, plan, err);
    if (!code)
        code = nvm->driver->prepare(nvm, wrp, err);
    if (!code)
        code = compare_pages(nvm, image, options->is_erase_all, plan, progress, err);
    if (!code)
        code = check_protection(nvm, wrp, plan, err);
    if (!code)
        code = compare_eeprom(nvm, image, options->is_erase_all && options->is_eeprom_erased, plan,
                              err);
    if (!code)
        code = list_ranges(nvm, image, plan, err);
    if (code) {
        stl_plan_free(plan);
        return stl_wrap(err, "plan");
    }
    sum_up(nvm, plan);
    *out = plan;
    return STL_OK;
}

void stl_plan_free(stl_plan *plan)
{
    if (!plan)
        return;
    stl_image_free(plan->image);
    free(plan->pages);
    free(plan->page_bytes);
    free(plan->words);
    free(plan->ranges);
    free(plan);
}

const stl_plan_totals *stl_plan_get_totals(const stl_plan *plan)
{
    return &plan->totals;
}

size_t stl_plan_range_count(const stl_plan *plan)
{
    return plan->range_count;
}

stl_plan_range stl_plan_get_range(const stl_plan *plan, size_t index)
{
    return plan->ranges[index];
}
