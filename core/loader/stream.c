/* core/loader/stream.c: keeping the ring filled while the target works.
 * The host knows how long an item takes, so it sleeps until there is something to see and polls
 * rarely; each poll is one command. */
#include <string.h>

#include "loader_internal.h"
#include "stl/bytes.h"

#define REG_CFSR 0xE000ED28u

enum {
    MAX_BATCH = 16,
    MAX_UNIT_BYTES = 512,
    POLL_PAUSE_US = 300,      /* when the target is later than expected */
    QUIET_POLLS = 64,
    SILENCE_FACTOR = 3,       /* times the longest an item may take ... */
    SILENCE_EXTRA_US = 50000  /* ... and this, before it counts as silent */
};

stl_code stl_loader_put(stl_loader *loader, const stl_loader_item *items, uint32_t count,
                        stl_error *err)
{
    memset(loader->block, 0, (size_t)count * loader->slot_bytes);
    for (uint32_t i = 0; i < count; i++) {
        uint8_t *slot = loader->block + (size_t)i * loader->slot_bytes;
        const uint32_t words[] = {items[i].op, items[i].addr, items[i].aux, items[i].mask_a,
                                  items[i].mask_b};
        for (unsigned w = 0; w < 5; w++)
            stl_put_u32le(slot + 4 * w, words[w]);
        if (items[i].byte_count)
            memcpy(slot + 20, items[i].bytes, items[i].byte_count);
        stl_put_u32le(slot + loader->slot_bytes - 4, loader->nonce + loader->submitted + i + 1);
    }
    const uint32_t first = loader->submitted % loader->slot_count;
    stl_code code = stl_mem_write(loader->dap, loader->ring_addr + first * loader->slot_bytes,
                                  loader->block, (size_t)count * loader->slot_bytes, err);
    if (code)
        return code;
    loader->submitted += count;
    return STL_OK;
}

stl_code stl_loader_explain_silence(stl_loader *loader, const char *what, stl_error *err)
{
    loader->is_broken = true;
    stl_core_state state;
    stl_error ignored;
    if (stl_core_get_state(loader->dap, &state, &ignored))
        return stl_fail(err, STL_E_LOADER, NULL, "the loader %s, and the target does not answer",
                        what);
    uint32_t pc = 0, cfsr = 0;
    const bool was_running = !state.is_halted;
    if (stl_core_halt(loader->dap, &ignored) ||
        stl_probe_read_core_reg(stl_dap_probe(loader->dap), 15, &pc, &ignored) ||
        stl_mem_read_word(loader->dap, REG_CFSR, &cfsr, &ignored))
        pc = cfsr = 0;
    const char *why = state.was_reset      ? "the target was reset meanwhile (watchdog, supply?)"
                      : state.is_locked_up ? "the core has locked up"
                      : was_running        ? "the core is running"
                                           : "the core has stopped";
    return stl_fail(err, STL_E_LOADER, NULL,
                    "the loader %s: %s, PC=0x%08X DHCSR=0x%08X CFSR=0x%08X", what, why, pc,
                    state.dhcsr, cfsr);
}

/* ---- one run ---- */

typedef struct stream {
    stl_loader *loader;
    const stl_loader_source *source;
    stl_loader_failure *failure;
    const stl_clock *clock;
    uint32_t first;      /* loader->submitted when the run began */
    uint32_t batch;      /* how many items the next write may carry: grows as the queue does */
    stl_loader_item ahead; /* asked for, not yet sent; its bytes are borrowed */
    bool has_ahead, is_stopped;
    uint64_t typical_us[MAX_SLOTS], max_us[MAX_SLOTS]; /* of the items in the ring, by slot */
    uint64_t busy_until_us;              /* when the target should have finished all of them */
    uint64_t last_news_us;
    unsigned quiet_polls; /* since the last news */
} stream;

static void fetch(stream *s)
{
    s->has_ahead = !s->is_stopped && s->source->next(s->source->self, &s->ahead);
}

static uint32_t in_ring(const stream *s)
{
    return s->loader->submitted - s->loader->done;
}

/* Send as many items as the ring, one command and the batch allow. */
static stl_code fill(stream *s, stl_error *err)
{
    stl_loader *loader = s->loader;
    uint32_t room = loader->slot_count - in_ring(s);
    const uint32_t to_wrap = loader->slot_count - loader->submitted % loader->slot_count;
    const uint32_t per_command = MAX_BLOCK_BYTES / loader->slot_bytes;
    if (room > to_wrap)
        room = to_wrap;
    if (room > per_command)
        room = per_command;
    if (room > s->batch)
        room = s->batch;
    stl_loader_item items[MAX_BATCH];
    uint8_t copies[MAX_BATCH][MAX_UNIT_BYTES]; /* borrowed bytes last only until the next item */
    uint32_t count = 0;
    const uint64_t now_us = stl_now_us(s->clock);
    uint64_t end_us = s->busy_until_us > now_us ? s->busy_until_us : now_us;
    while (s->has_ahead && count < room) {
        items[count] = s->ahead;
        if (s->ahead.byte_count > MAX_UNIT_BYTES || s->ahead.byte_count > loader->config.unit_bytes)
            return stl_fail(err, STL_E_INTERNAL, NULL, "an item of %u bytes", s->ahead.byte_count);
        if (s->ahead.byte_count) {
            memcpy(copies[count], s->ahead.bytes, s->ahead.byte_count);
            items[count].bytes = copies[count];
        }
        const uint32_t slot = (loader->submitted + count) % loader->slot_count;
        s->typical_us[slot] = s->ahead.typical_us;
        s->max_us[slot] = s->ahead.max_us;
        end_us += s->ahead.typical_us;
        count++;
        fetch(s);
    }
    if (!count)
        return STL_OK;
    if (!in_ring(s))
        s->last_news_us = now_us;
    s->busy_until_us = end_us;
    s->batch = s->batch * 2 < MAX_BATCH ? s->batch * 2 : MAX_BATCH;
    return stl_loader_put(loader, items, count, err);
}

/* What is known after a poll: the items in the ring take this long, less what the first of them has
 * had already. The expectation is moved into those bounds, so that being late is not asked about again
 * and again. */
static void expect_anew(stream *s)
{
    const stl_loader *loader = s->loader;
    const uint64_t now_us = stl_now_us(s->clock);
    uint64_t left_us = 0;
    for (uint32_t i = loader->done; i != loader->submitted; i++)
        left_us += s->typical_us[i % loader->slot_count];
    const uint64_t first_us = in_ring(s) ? s->typical_us[loader->done % loader->slot_count] : 0;
    if (s->busy_until_us > now_us + left_us)
        s->busy_until_us = now_us + left_us;
    if (s->busy_until_us < now_us + left_us - first_us)
        s->busy_until_us = now_us + left_us - first_us;
}

static stl_code report_failure(stream *s, uint32_t done, stl_error *err)
{
    stl_loader *loader = s->loader;
    loader->is_broken = true;
    s->failure->has_flags = true;
    s->failure->item_index = done - s->first;
    stl_code code = stl_mem_read_word(loader->dap, loader->control_addr + 4 * CONTROL_FLAGS,
                                      &s->failure->flags, err);
    if (!code)
        code = stl_mem_read_word(loader->dap, loader->control_addr + 4 * CONTROL_ADDR,
                                 &s->failure->addr, err);
    if (code)
        return code;
    stl_fail(err, STL_E_LOADER, NULL, "item %u failed at 0x%08X with flags 0x%08X",
             s->failure->item_index, s->failure->addr, s->failure->flags);
    return stl_error_at(err, s->failure->addr);
}

static stl_code poll(stream *s, stl_error *err)
{
    stl_loader *loader = s->loader;
    /* a host that stood still must not blame the target: it is asked often before it counts as silent */
    const bool is_late = in_ring(s) && s->quiet_polls++ > QUIET_POLLS && stl_now_us(s->clock) >
                                           s->last_news_us + SILENCE_EXTRA_US +
                                               SILENCE_FACTOR *
                                                   s->max_us[loader->done % loader->slot_count];
    uint32_t word;
    stl_code code =
        stl_mem_read_word(loader->dap, loader->control_addr + 4 * CONTROL_DONE, &word, err);
    if (code)
        return code;
    const uint32_t done = word & ~DONE_FAILED;
    if (done - loader->done > in_ring(s))
        return stl_loader_explain_silence(loader, "counts items it was not given", err);
    if (done != loader->done) {
        loader->done = done;
        s->last_news_us = stl_now_us(s->clock);
        s->quiet_polls = 0;
        expect_anew(s);
        if (!s->source->done(s->source->self, done - s->first)) {
            s->is_stopped = true;
            s->has_ahead = false;
        }
    } else if (is_late && !(word & DONE_FAILED)) {
        return stl_loader_explain_silence(loader, "stopped answering", err);
    }
    return word & DONE_FAILED ? report_failure(s, done, err) : STL_OK;
}

/* Sleep until the target should be finished with all but keep items. */
static void sleep_until_few(stream *s, uint32_t keep)
{
    const stl_loader *loader = s->loader;
    uint64_t kept_us = 0;
    for (uint32_t i = 0; i < keep && i < in_ring(s); i++)
        kept_us += s->typical_us[(loader->submitted - 1 - i) % loader->slot_count];
    const uint64_t wake_us = s->busy_until_us > kept_us ? s->busy_until_us - kept_us : 0;
    const uint64_t now_us = stl_now_us(s->clock);
    stl_sleep_us(s->clock, wake_us > now_us ? wake_us - now_us : POLL_PAUSE_US);
}

stl_code stl_loader_run(stl_loader *loader, const stl_loader_source *source,
                        stl_loader_failure *failure, stl_error *err)
{
    stream s = {.loader = loader, .source = source, .failure = failure,
                .clock = stl_dap_clock(loader->dap), .first = loader->submitted, .batch = 1};
    *failure = (stl_loader_failure){0};
    s.last_news_us = stl_now_us(s.clock);
    fetch(&s);
    while (s.has_ahead || in_ring(&s)) {
        const uint32_t room = loader->slot_count - in_ring(&s);
        const uint32_t enough = s.batch < loader->slot_count / 2 ? s.batch : loader->slot_count / 2;
        stl_code code;
        if (s.has_ahead && room && (room >= enough || !in_ring(&s))) {
            code = fill(&s, err);
        } else {
            sleep_until_few(&s, s.has_ahead ? loader->slot_count - enough : 0);
            code = poll(&s, err);
        }
        if (code) {
            loader->is_broken = true;
            return code;
        }
    }
    if (s.is_stopped)
        return stl_fail(err, STL_E_INTERRUPTED, "run the same command again: it repairs the rest",
                        "stopped on request");
    return STL_OK;
}
