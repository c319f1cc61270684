/* core/nvm/stm32l1/loader_road.c: pages, signatures and EEPROM words as items for the loader. */
#include <stdlib.h>
#include <string.h>

#include "loader_bytes.h"
#include "stl/bytes.h"
#include "stm32l1.h"

enum {
    OP_PAGE = 1,
    OP_SIGNATURE = 2,
    OP_DOUBLE = 3,
    OP_WORD = 4,

    PARAM_RANGE1 = 1,
    PARAM_HARDWARE_IWDG = 2,

    RANGE1_MIN_MV = 1710,
    RESULT_BYTES = 4096,
    RESULT_BYTES_PER_UNIT = 8,
    SIGNATURE_NS_PER_WORD = 500,
    SIGNATURE_PART_UNITS = 96,
    ITEM_OVERHEAD_US = 40,
    WORDS_PER_ITEM = 32
};

stl_code stm32l1_need_loader(stl_nvm *nvm, stl_error *err)
{
    stm32l1 *chip = stm32l1_state(nvm);
    if (chip->loader)
        return STL_OK;
    stl_loader_config config = {
        .code = stm32l1_loader_bytes,
        .code_bytes = sizeof stm32l1_loader_bytes,
        .ram_addr = nvm->config.ram_addr,
        .ram_bytes = nvm->config.ram_bytes,
        .unit_bytes = nvm->config.page_bytes * (nvm->config.has_parallel_banks ? 2 : 1),
        .result_bytes = RESULT_BYTES,
    };
    config.params[0] = nvm->config.regs_addr;
    config.params[1] = (nvm->config.supply_mv >= RANGE1_MIN_MV ? (uint32_t)PARAM_RANGE1 : 0u) |
                       (chip->obr & OBR_IWDG_SW ? 0u : (uint32_t)PARAM_HARDWARE_IWDG);
    return stl_loader_open(nvm->dap, &config, &chip->loader, err);
}

void stm32l1_drop_loader(stl_nvm *nvm)
{
    stm32l1 *chip = stm32l1_state(nvm);
    stl_loader_close(chip->loader);
    chip->loader = NULL;
}

/* ---- pages ---- */

/* One item carries a page of each bank where the chip can do both in one operation. */
typedef struct page_item {
    const stl_nvm_page *page[2];
} page_item;

typedef struct page_stream {
    stl_nvm *nvm;
    page_item *items;
    uint32_t item_count, next_item, done_count;
    uint8_t bytes[2 * STL_NVM_MAX_PAGE_BYTES];
    const stl_progress *progress;
    uint64_t total_bytes;
} page_stream;

static uint32_t page_flags(const stl_nvm_page *page)
{
    return page ? (page->must_erase ? 1u : 0u) | (uint32_t)page->halves << 1 : 0;
}

static unsigned item_ops(const page_item *item)
{
    uint32_t steps = page_flags(item->page[0]) | page_flags(item->page[1]);
    return (steps & 1u) + (steps >> 1 & 1u) + (steps >> 2 & 1u);
}

/* Without a same-step partner a pair costs as much as two pages; steps are counted by the loader's
 * rule: one operation where both pages want it. */
static unsigned item_ops_worst(const page_item *item)
{
    return (item->page[0] ? stl_nvm_page_ops(item->page[0]) : 0) +
           (item->page[1] ? stl_nvm_page_ops(item->page[1]) : 0);
}

static bool next_page(void *self, stl_loader_item *out)
{
    page_stream *s = self;
    if (s->next_item == s->item_count)
        return false;
    const page_item *item = &s->items[s->next_item++];
    const uint32_t page_bytes = s->nvm->config.page_bytes;
    const unsigned slots = s->nvm->config.has_parallel_banks ? 2 : 1;
    memset(s->bytes, s->nvm->config.erased_byte, sizeof s->bytes);
    for (unsigned i = 0; i < slots; i++)
        if (item->page[i] && item->page[i]->bytes)
            memcpy(s->bytes + i * page_bytes, item->page[i]->bytes, page_bytes);
    *out = (stl_loader_item){
        .op = OP_PAGE | page_flags(item->page[0]) << 8 | page_flags(item->page[1]) << 11,
        .addr = item->page[0] ? item->page[0]->addr : 0,
        .aux = item->page[1] ? item->page[1]->addr : 0,
        .bytes = s->bytes,
        .byte_count = slots * page_bytes,
        .typical_us = item_ops(item) * s->nvm->config.op_typical_us + ITEM_OVERHEAD_US,
        .max_us = item_ops_worst(item) * s->nvm->config.op_max_us + ITEM_OVERHEAD_US,
    };
    return true;
}

static bool page_done(void *self, uint32_t done_count)
{
    page_stream *s = self;
    s->done_count = done_count;
    return stl_progress_report(s->progress, "write", s->total_bytes * done_count / s->item_count,
                               s->total_bytes);
}

/* Pages of the second bank ride along with those of the first. */
static void pair_pages(page_stream *s, const stl_nvm_page *pages, uint32_t page_count)
{
    const stl_nvm_config *config = &s->nvm->config;
    uint32_t first_of_bank2 = page_count;
    if (config->has_parallel_banks && config->flash_bank_count > 1)
        for (first_of_bank2 = 0; first_of_bank2 < page_count; first_of_bank2++)
            if (pages[first_of_bank2].addr >= config->flash[1].base_addr)
                break;
    const uint32_t in_bank2 = page_count - first_of_bank2;
    s->item_count = first_of_bank2 > in_bank2 ? first_of_bank2 : in_bank2;
    for (uint32_t i = 0; i < s->item_count; i++) {
        s->items[i].page[0] = i < first_of_bank2 ? &pages[i] : NULL;
        s->items[i].page[1] = i < in_bank2 ? &pages[first_of_bank2 + i] : NULL;
    }
}

static void count_pages(const page_stream *s, stl_nvm_report *report)
{
    for (uint32_t i = 0; i < s->done_count; i++) {
        for (unsigned k = 0; k < 2; k++) {
            const stl_nvm_page *page = s->items[i].page[k];
            if (!page)
                continue;
            report->pages_erased += page->must_erase;
            report->half_pages_programmed += stl_nvm_page_ops(page) - page->must_erase;
        }
        report->flash_time_us += item_ops(&s->items[i]) * s->nvm->config.op_typical_us;
    }
}

/* What the loader did not finish is done again by the other road. Pages that were on their way may
 * be torn: they are erased whatever the plan said. */
static stl_code finish_directly(page_stream *s, stl_nvm_report *report, stl_error *err)
{
    uint32_t count = 0;
    stl_nvm_page *rest = calloc(2 * (size_t)s->item_count + 1, sizeof *rest);
    if (!rest)
        return stl_fail(err, STL_E_MEMORY, NULL, "out of memory");
    for (unsigned k = 0; k < 2; k++)
        for (uint32_t i = s->done_count; i < s->item_count; i++) {
            const stl_nvm_page *page = s->items[i].page[k];
            if (!page)
                continue;
            rest[count] = *page;
            if (i < s->next_item) {
                rest[count].must_erase = true;
                rest[count].halves = page->bytes ? stl_nvm_used_halves(s->nvm, page->bytes) : 0;
            }
            count++;
        }
    stl_code code = stm32l1_direct_write_pages(s->nvm, rest, count, s->progress, report, err);
    free(rest);
    return code;
}

static stl_code explain_failure(const stl_loader_failure *failure, stl_error *err)
{
    stl_code code = stm32l1_flags_error(failure->flags, failure->addr, err);
    if (!code) /* flags that are no operation's: the loader is not to be trusted */
        return err->code;
    return stl_wrap(err, "write page 0x%08X", failure->addr & ~0xFFu);
}

stl_code stm32l1_loader_write_pages(stl_nvm *nvm, const stl_nvm_page *pages, uint32_t page_count,
                                    const stl_progress *progress, stl_nvm_report *report,
                                    stl_error *err)
{
    page_stream stream = {.nvm = nvm, .progress = progress};
    stream.total_bytes = (uint64_t)page_count * nvm->config.page_bytes;
    stream.items = calloc(page_count + 1u, sizeof *stream.items);
    if (!stream.items)
        return stl_fail(err, STL_E_MEMORY, NULL, "out of memory");
    pair_pages(&stream, pages, page_count);
    const stl_loader_source source = {&stream, next_page, page_done};
    stl_loader_failure failure;
    stl_code code = stl_loader_run(stm32l1_state(nvm)->loader, &source, &failure, err);
    count_pages(&stream, report);
    report->road = STL_ROAD_LOADER;
    if (code && code != STL_E_INTERRUPTED) {
        if (code == STL_E_LOADER && failure.has_flags) {
            code = explain_failure(&failure, err);
            stm32l1_drop_loader(nvm);
        } else if (code == STL_E_LOADER) {
            code = stm32l1_take_direct_road(nvm, err);
            if (!code)
                code = finish_directly(&stream, report, err);
        } else {
            stm32l1_drop_loader(nvm);
        }
    }
    free(stream.items);
    return code;
}

/* ---- signatures ---- */

/* Results are fetched in parts while the target computes the next. */
typedef struct signature_stream {
    stl_nvm *nvm;
    uint32_t addr, unit_bytes, unit_count, part_units; /* of this run */
    uint32_t result_addr, asked_units, fetched_units;
    uint64_t *signatures;
    stl_code code; /* of a fetch that failed */
    stl_error error;
} signature_stream;

static bool next_part(void *self, stl_loader_item *out)
{
    signature_stream *s = self;
    const uint32_t left = s->unit_count - s->asked_units;
    const uint32_t count = left < s->part_units ? left : s->part_units;
    if (!count)
        return false;
    const uint32_t us = count * (s->unit_bytes / 4) * SIGNATURE_NS_PER_WORD / 1000;
    *out = (stl_loader_item){
        .op = OP_SIGNATURE,
        .addr = s->addr + s->asked_units * s->unit_bytes,
        .aux = count,
        .mask_a = s->result_addr + s->asked_units * RESULT_BYTES_PER_UNIT,
        .mask_b = s->unit_bytes / 4,
        .typical_us = us,
        .max_us = us * 4,
    };
    s->asked_units += count;
    return true;
}

static bool fetch_done(void *self, uint32_t done_count)
{
    signature_stream *s = self;
    uint8_t raw[RESULT_BYTES];
    const uint32_t done_units =
        done_count * s->part_units < s->unit_count ? done_count * s->part_units : s->unit_count;
    const uint32_t count = done_units - s->fetched_units;
    s->code = stl_mem_read(s->nvm->dap, s->result_addr + s->fetched_units * RESULT_BYTES_PER_UNIT, raw,
                           (size_t)count * RESULT_BYTES_PER_UNIT, &s->error);
    for (uint32_t i = 0; i < count && !s->code; i++)
        s->signatures[s->fetched_units++] =
            (uint64_t)stl_get_u32le(raw + 8 * i) << 32 | stl_get_u32le(raw + 8 * i + 4);
    return !s->code;
}

stl_code stm32l1_loader_signatures(stl_nvm *nvm, uint32_t addr, uint32_t unit_count,
                                   uint32_t unit_bytes, uint64_t *signatures, stl_error *err)
{
    stl_loader *loader = stm32l1_state(nvm)->loader;
    signature_stream stream = {.nvm = nvm, .unit_bytes = unit_bytes, .part_units = SIGNATURE_PART_UNITS};
    uint32_t result_bytes;
    stl_loader_results(loader, &stream.result_addr, &result_bytes);
    const uint32_t most = result_bytes / RESULT_BYTES_PER_UNIT;
    stl_code code = STL_OK;
    while (unit_count && !code) {
        stream.addr = addr;
        stream.unit_count = unit_count < most ? unit_count : most;
        stream.signatures = signatures;
        stream.asked_units = stream.fetched_units = 0;
        const stl_loader_source source = {&stream, next_part, fetch_done};
        stl_loader_failure failure;
        code = stl_loader_run(loader, &source, &failure, err);
        if (stream.code) { /* the read that failed, not the stop that followed */
            code = stream.code;
            *err = stream.error;
        }
        signatures += stream.unit_count;
        addr += stream.unit_count * unit_bytes;
        unit_count -= stream.unit_count;
    }
    return code;
}

/* ---- data EEPROM ---- */

typedef struct word_stream {
    stl_nvm *nvm;
    const stl_nvm_word *words;
    uint32_t word_count, next_word, done_words;
    uint32_t *item_ends; /* next_word after each item */
    uint32_t item_count;
    uint64_t *item_us;
    uint8_t bytes[WORDS_PER_ITEM * 8];
    const stl_progress *progress;
} word_stream;

static bool is_pair(const word_stream *s, uint32_t i)
{
    return i + 1 < s->word_count && s->words[i].addr % 8 == 0 &&
           s->words[i + 1].addr == s->words[i].addr + 4;
}

/* Double words: one erase and one write for both words. */
static void fill_doubles(word_stream *s, stl_loader_item *out, unsigned *ops)
{
    const uint32_t base = s->words[s->next_word].addr;
    out->op = OP_DOUBLE;
    out->addr = base;
    while (s->next_word < s->word_count && is_pair(s, s->next_word)) {
        const stl_nvm_word *pair = &s->words[s->next_word];
        const uint32_t n = (pair->addr - base) / 8;
        if (n >= WORDS_PER_ITEM)
            break;
        const bool has_old = pair[0].old_value || pair[1].old_value;
        const bool has_new = pair[0].new_value || pair[1].new_value;
        out->mask_a |= has_old ? 1u << n : 0u;
        out->mask_b |= has_new ? 1u << n : 0u;
        *ops += (has_old ? 1u : 0u) + (has_new ? 1u : 0u);
        stl_put_u32le(s->bytes + 8 * n, pair[0].new_value);
        stl_put_u32le(s->bytes + 8 * n + 4, pair[1].new_value);
        out->aux = n + 1;
        s->next_word += 2;
    }
    out->byte_count = out->aux * 8;
}

static void fill_words(word_stream *s, stl_loader_item *out, unsigned *ops)
{
    const uint32_t base = s->words[s->next_word].addr;
    out->op = OP_WORD;
    out->addr = base;
    while (s->next_word < s->word_count && !is_pair(s, s->next_word)) {
        const stl_nvm_word *word = &s->words[s->next_word];
        const uint32_t n = (word->addr - base) / 4;
        if (n >= WORDS_PER_ITEM)
            break;
        out->mask_b |= 1u << n;
        *ops += (word->old_value ? 1u : 0u) + (word->new_value ? 1u : 0u);
        stl_put_u32le(s->bytes + 4 * n, word->new_value);
        out->aux = n + 1;
        s->next_word++;
    }
    out->byte_count = out->aux * 4;
}

static bool next_words(void *self, stl_loader_item *out)
{
    word_stream *s = self;
    if (s->next_word == s->word_count)
        return false;
    unsigned ops = 0;
    memset(s->bytes, 0, sizeof s->bytes);
    *out = (stl_loader_item){.bytes = s->bytes};
    if (is_pair(s, s->next_word))
        fill_doubles(s, out, &ops);
    else
        fill_words(s, out, &ops);
    out->typical_us = ops * s->nvm->config.op_typical_us + ITEM_OVERHEAD_US;
    out->max_us = ops * s->nvm->config.op_max_us + ITEM_OVERHEAD_US;
    s->item_us[s->item_count] = (uint64_t)ops * s->nvm->config.op_typical_us;
    s->item_ends[s->item_count++] = s->next_word;
    return true;
}

static bool words_done(void *self, uint32_t done_count)
{
    word_stream *s = self;
    s->done_words = done_count ? s->item_ends[done_count - 1] : 0;
    return stl_progress_report(s->progress, "write", s->done_words, s->word_count);
}

stl_code stm32l1_loader_write_words(stl_nvm *nvm, const stl_nvm_word *words, uint32_t word_count,
                                    const stl_progress *progress, stl_nvm_report *report,
                                    stl_error *err)
{
    word_stream stream = {.nvm = nvm, .words = words, .word_count = word_count,
                          .progress = progress};
    stream.item_ends = calloc(word_count, sizeof *stream.item_ends);
    stream.item_us = calloc(word_count, sizeof *stream.item_us);
    stl_code code = STL_OK;
    if (!stream.item_ends || !stream.item_us)
        code = stl_fail(err, STL_E_MEMORY, NULL, "out of memory");
    if (!code) {
        const stl_loader_source source = {&stream, next_words, words_done};
        stl_loader_failure failure;
        code = stl_loader_run(stm32l1_state(nvm)->loader, &source, &failure, err);
        report->eeprom_words_written += stream.done_words;
        for (uint32_t i = 0; i < stream.item_count && stream.item_ends[i] <= stream.done_words; i++)
            report->flash_time_us += stream.item_us[i];
        report->road = STL_ROAD_LOADER;
        if (code == STL_E_LOADER && failure.has_flags &&
            stm32l1_flags_error(failure.flags, failure.addr, err))
            code = stl_wrap(err, "write EEPROM");
        else if (code == STL_E_LOADER)
            code = stm32l1_take_direct_road(nvm, err);
        if (!code && stream.done_words < word_count)
            code = stm32l1_direct_write_words(nvm, words + stream.done_words,
                                              word_count - stream.done_words, progress, report, err);
        else if (code)
            stm32l1_drop_loader(nvm);
    }
    free(stream.item_ends);
    free(stream.item_us);
    return code;
}
