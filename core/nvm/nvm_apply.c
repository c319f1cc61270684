/* core/nvm/nvm_apply.c: do what a plan says, and prove it. */
#include <stdlib.h>
#include <string.h>

#include "nvm_driver.h"

#define VERIFY_HINT "run `stlua flash` again; if it stays, `stlua doctor` looks for the cause"

static stl_code write_flash(stl_nvm *nvm, const stl_plan *plan, const stl_progress *progress,
                            stl_nvm_report *report, stl_error *err)
{
    stl_nvm_page *pages = malloc((plan->page_count + 1) * sizeof *pages);
    if (!pages)
        return stl_fail(err, STL_E_MEMORY, NULL, "out of memory");
    uint32_t count = 0;
    for (uint32_t i = 0; i < plan->page_count; i++)
        if (!plan->pages[i].is_equal)
            pages[count++] = plan->pages[i].page;
    stl_code code = STL_OK;
    if (count)
        code = nvm->driver->write_pages(nvm, pages, count, progress, report, err);
    free(pages);
    return code;
}

/* Read [addr, addr + byte_count) and compare those bytes that the image has. */
stl_code stl_nvm_verify_by_reading(stl_nvm *nvm, const stl_image *image, uint32_t addr,
                                   uint64_t byte_count, stl_error *err)
{
    enum { BLOCK_BYTES = 6144 };
    uint8_t *found = malloc(2 * BLOCK_BYTES);
    if (!found)
        return stl_fail(err, STL_E_MEMORY, NULL, "out of memory");
    uint8_t *wanted = found + BLOCK_BYTES;
    stl_code code = STL_OK;
    while (byte_count && !code) {
        const size_t step = byte_count < BLOCK_BYTES ? (size_t)byte_count : BLOCK_BYTES;
        code = stl_mem_read(nvm->dap, addr, found, step, err);
        stl_image_read(image, addr, wanted, step, 0, NULL);
        for (size_t i = 0; i < step && !code; i++) {
            size_t missing = 0;
            uint8_t byte;
            if (found[i] == wanted[i])
                continue;
            stl_image_read(image, addr + (uint32_t)i, &byte, 1, 0, &missing);
            if (missing)
                continue;
            stl_fail(err, STL_E_VERIFY, VERIFY_HINT, "0x%02X expected, 0x%02X found at 0x%08X",
                     wanted[i], found[i], addr + (uint32_t)i);
            code = stl_error_at(err, addr + (uint32_t)i);
        }
        addr += (uint32_t)step;
        byte_count -= step;
    }
    free(found);
    return code;
}

static stl_code verify_reading_all(stl_nvm *nvm, const stl_image *image,
                                   const stl_progress *progress, bool is_flash_done,
                                   stl_error *err)
{
    const uint64_t total = stl_image_byte_count(image);
    uint64_t done = 0;
    for (size_t s = 0; s < stl_image_segment_count(image); s++) {
        const stl_segment segment = stl_image_segment(image, s);
        const bool is_flash = stl_nvm_find_bank(nvm->config.flash, nvm->config.flash_bank_count,
                                                segment.addr, 1) != NULL;
        if (is_flash && is_flash_done)
            continue;
        stl_code code = stl_nvm_verify_by_reading(nvm, image, segment.addr, segment.byte_count, err);
        if (code)
            return code;
        done += segment.byte_count;
        if (!stl_progress_report(progress, "verify", done, total))
            return stl_fail(err, STL_E_INTERRUPTED, NULL, "stopped on request while verifying");
    }
    return STL_OK;
}

/* One signature for each run of pages that stand together: equal is the common answer, and costs one
 * short read. */
static stl_code are_runs_equal(stl_nvm *nvm, const stl_plan *plan, bool *is_equal, stl_error *err)
{
    const uint32_t page_bytes = nvm->config.page_bytes;
    stl_code code = STL_OK;
    *is_equal = true;
    for (uint32_t i = 0; i < plan->page_count && *is_equal && !code;) {
        uint32_t end = i + 1;
        while (end < plan->page_count &&
               plan->pages[end].page.addr == plan->pages[end - 1].page.addr + page_bytes)
            end++;
        uint64_t found = 0;
        code = nvm->driver->signature(nvm, plan->pages[i].page.addr, (end - i) * page_bytes, &found, err);
        /* the contents of pages in a row stand in a row: list_pages has laid them out so */
        *is_equal = found == stl_nvm_page_signature(plan->pages[i].page.bytes,
                                                    (size_t)(end - i) * page_bytes);
        i = end;
    }
    return code;
}

/* Signatures of all the plan's pages against the planned contents; a page that differs is read to
 * find the first byte. */
static stl_code verify_signatures(stl_nvm *nvm, const stl_plan *plan, stl_error *err)
{
    const uint32_t count = plan->page_count;
    bool is_equal = true;
    stl_code code = count ? are_runs_equal(nvm, plan, &is_equal, err) : STL_OK;
    if (code || is_equal)
        return code;
    uint64_t *found = malloc(count * sizeof *found);
    uint32_t *addrs = malloc(count * sizeof *addrs);
    if (!found || !addrs)
        code = stl_fail(err, STL_E_MEMORY, NULL, "out of memory");
    for (uint32_t i = 0; i < count && !code; i++)
        addrs[i] = plan->pages[i].page.addr;
    if (!code)
        code = stl_nvm_signatures_of(nvm, addrs, count, found, err);
    for (uint32_t i = 0; i < count && !code; i++) {
        if (found[i] == plan->pages[i].signature)
            continue;
        code = stl_nvm_verify_by_reading(nvm, plan->image, addrs[i], nvm->config.page_bytes, err);
        if (!code) {
            stl_fail(err, STL_E_VERIFY, VERIFY_HINT,
                     "the signature of page 0x%08X is wrong: bytes that had to be kept have changed, "
                     "or reading is unstable",
                     addrs[i]);
            code = stl_error_at(err, addrs[i]);
        }
    }
    if (!code)
        code = stl_fail(err, STL_E_VERIFY, VERIFY_HINT,
                        "a signature over all pages is wrong, that of each page right: reading is "
                        "unstable");
    free(found);
    free(addrs);
    return code;
}

static stl_code verify_plan(stl_nvm *nvm, const stl_plan *plan, stl_verify_method method,
                            const stl_progress *progress, stl_nvm_report *report, stl_error *err)
{
    stl_code code = STL_OK;
    /* Where nothing was written, the comparison that made the plan is the proof. */
    const bool is_untouched = plan->totals.pages_equal == plan->page_count;
    if (method == STL_VERIFY_SIGNATURE && !is_untouched)
        code = verify_signatures(nvm, plan, err);
    if (!code)
        code = verify_reading_all(nvm, plan->image, progress, method == STL_VERIFY_SIGNATURE, err);
    if (code)
        return stl_wrap(err, "verify");
    report->verified_bytes = stl_image_byte_count(plan->image);
    report->verified_by = method;
    return STL_OK;
}

static void count_time(const stl_nvm *nvm, uint64_t begin_us, stl_nvm_report *report)
{
    report->elapsed_us = stl_now_us(stl_dap_clock(nvm->dap)) - begin_us;
}

stl_code stl_nvm_apply_plan(stl_nvm *nvm, const stl_plan *plan, stl_verify_method method,
                            const stl_progress *progress, stl_nvm_report *report, stl_error *err)
{
    const uint64_t begin_us = stl_now_us(stl_dap_clock(nvm->dap));
    memset(report, 0, sizeof *report);
    stl_code code = write_flash(nvm, plan, progress, report, err);
    if (!code && plan->word_count)
        code = nvm->driver->write_words(nvm, plan->words, plan->word_count, progress, report, err);
    if (!code)
        code = verify_plan(nvm, plan, method, progress, report, err);
    count_time(nvm, begin_us, report);
    return code;
}

/* Pages the image fills completely are compared by signature, what is left by reading. */
static stl_code verify_image(stl_nvm *nvm, const stl_image *image, const stl_progress *progress,
                             stl_error *err)
{
    const stl_nvm_config *config = &nvm->config;
    stl_code code = STL_OK;
    for (size_t s = 0; s < stl_image_segment_count(image) && !code; s++) {
        const stl_segment segment = stl_image_segment(image, s);
        if (!stl_nvm_find_bank(config->flash, config->flash_bank_count, segment.addr, 1))
            continue;
        const uint32_t page_bytes = config->page_bytes;
        const uint32_t first = (segment.addr + page_bytes - 1) / page_bytes * page_bytes;
        const uint64_t end = segment.addr + (uint64_t)segment.byte_count;
        const uint32_t count =
            end > first ? (uint32_t)((end - first) / page_bytes) : 0;
        const uint32_t body_end = first + count * page_bytes;
        if (!count) {
            code = stl_nvm_verify_by_reading(nvm, image, segment.addr, segment.byte_count, err);
            continue;
        }
        uint64_t *found = malloc(count * sizeof *found);
        uint32_t *addrs = malloc(count * sizeof *addrs);
        if (!found || !addrs)
            code = stl_fail(err, STL_E_MEMORY, NULL, "out of memory");
        for (uint32_t i = 0; i < count && !code; i++)
            addrs[i] = first + i * page_bytes;
        if (!code)
            code = stl_nvm_verify_by_reading(nvm, image, segment.addr, first - segment.addr, err);
        if (!code)
            code = stl_nvm_signatures_of(nvm, addrs, count, found, err);
        for (uint32_t i = 0; i < count && !code; i++) {
            const uint8_t *wanted = segment.bytes + (addrs[i] - segment.addr);
            if (found[i] == stl_nvm_page_signature(wanted, page_bytes))
                continue;
            code = stl_nvm_verify_by_reading(nvm, image, addrs[i], page_bytes, err);
            if (!code)
                code = stl_fail(err, STL_E_VERIFY, VERIFY_HINT,
                                "the signature of page 0x%08X is wrong, yet it reads back right: "
                                "reading is unstable",
                                addrs[i]);
        }
        if (!code)
            code = stl_nvm_verify_by_reading(nvm, image, body_end, end - body_end, err);
        free(found);
        free(addrs);
    }
    return code ? code : verify_reading_all(nvm, image, progress, true, err);
}

stl_code stl_nvm_verify(stl_nvm *nvm, const stl_image *image, stl_verify_method method,
                        const stl_progress *progress, stl_nvm_report *report, stl_error *err)
{
    const uint64_t begin_us = stl_now_us(stl_dap_clock(nvm->dap));
    memset(report, 0, sizeof *report);
    uint32_t wrp[STL_NVM_MAX_WRP_WORDS];
    stl_code code = stl_nvm_check_image(nvm, image, err);
    if (!code)
        code = nvm->driver->prepare(nvm, wrp, err);
    if (!code && method == STL_VERIFY_SIGNATURE)
        code = verify_image(nvm, image, progress, err);
    else if (!code)
        code = verify_reading_all(nvm, image, progress, false, err);
    count_time(nvm, begin_us, report);
    if (code)
        return code;
    report->verified_bytes = stl_image_byte_count(image);
    report->verified_by = method;
    return STL_OK;
}
