/* core/image/builder.c: from records in any order to sorted segments.
 *
 * Records are collected first and sorted once, so a file in hostile order costs n log n. Nothing is
 * kept about lines: when two records claim one address the reader runs again to name both. */
#include "image/parts.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

typedef struct piece {
    uint32_t addr;
    size_t offset_bytes, byte_count; /* in the arena */
} piece;

typedef struct builder {
    piece *pieces;
    size_t piece_count, piece_capacity;
    uint8_t *arena;
    size_t arena_count, arena_capacity;
    stl_image *image;
} builder;

static uint64_t piece_end(const piece *p)
{
    return (uint64_t)p->addr + p->byte_count;
}

static stl_code reserve(void **items, size_t *capacity, size_t wanted, size_t item_bytes,
                        stl_error *err)
{
    if (wanted <= *capacity)
        return STL_OK;
    size_t grown = *capacity ? *capacity : 1024;
    while (grown < wanted)
        grown *= 2;
    void *moved = realloc(*items, grown * item_bytes);
    if (!moved)
        return stl_image_no_memory(err);
    *items = moved;
    *capacity = grown;
    return STL_OK;
}

static stl_code collect(void *self, uint32_t addr, const uint8_t *bytes, size_t byte_count,
                        size_t where, stl_error *err)
{
    builder *b = self;
    (void)where;
    if (!byte_count)
        return STL_OK;
    void *arena = b->arena, *pieces = b->pieces;
    stl_code code = reserve(&arena, &b->arena_capacity, b->arena_count + byte_count, 1, err);
    b->arena = arena;
    if (!code)
        code = reserve(&pieces, &b->piece_capacity, b->piece_count + 1, sizeof *b->pieces, err);
    b->pieces = pieces;
    if (code)
        return code;
    memcpy(b->arena + b->arena_count, bytes, byte_count);
    piece *last = b->piece_count ? &b->pieces[b->piece_count - 1] : NULL;
    if (last && piece_end(last) == addr)
        last->byte_count += byte_count;
    else
        /* reserve() has left room: NOLINTNEXTLINE(clang-analyzer-core.NullDereference) */
        b->pieces[b->piece_count++] = (piece){addr, b->arena_count, byte_count};
    b->arena_count += byte_count;
    return STL_OK;
}

static void collect_entry(void *self, uint32_t entry_addr)
{
    builder *b = self;
    b->image->has_entry = true;
    b->image->entry_addr = entry_addr;
}

/* The first two records, in file order, that hold one address. */
typedef struct finder {
    uint32_t addr;
    size_t where[2];
    unsigned found_count;
} finder;

static stl_code find_record(void *self, uint32_t addr, const uint8_t *bytes, size_t byte_count,
                            size_t where, stl_error *err)
{
    finder *f = self;
    (void)bytes;
    (void)err;
    if (f->found_count < 2 && f->addr >= addr && f->addr - addr < byte_count)
        f->where[f->found_count++] = where;
    return STL_OK;
}

static void ignore_entry(void *self, uint32_t entry_addr)
{
    (void)self;
    (void)entry_addr;
}

static stl_code overlap(const stl_source *from, stl_read_fn *read, bool has_lines, uint32_t addr,
                        stl_error *err)
{
    finder f = {.addr = addr};
    const stl_sink to = {&f, find_record, ignore_entry};
    stl_code code = read(from, &to, err);
    if (code)
        return code;
    if (has_lines)
        stl_fail(err, STL_E_OVERLAP,
                 "one address is given twice: merge the files again, or cut one",
                 "%s:%zu: address 0x%08" PRIX32 " is set already by line %zu", from->name,
                 f.where[1], addr, f.where[0]);
    else
        stl_fail(err, STL_E_OVERLAP, "the linker script places two sections at one load address",
                 "%s: program headers %zu and %zu both load address 0x%08" PRIX32, from->name,
                 f.where[0], f.where[1], addr);
    if (err)
        stl_error_at(err, addr);
    return STL_E_OVERLAP;
}

static int by_address(const void *left, const void *right)
{
    const piece *a = left, *b = right;
    if (a->addr != b->addr)
        return a->addr < b->addr ? -1 : 1;
    return a->offset_bytes < b->offset_bytes ? -1 : a->offset_bytes > b->offset_bytes;
}

/* How many pieces, from the first on, touch and become one segment. */
static size_t run_length(const piece *pieces, size_t piece_count, size_t *byte_count)
{
    size_t n = 1;
    *byte_count = pieces[0].byte_count;
    while (n < piece_count && pieces[n].addr == piece_end(&pieces[n - 1]))
        *byte_count += pieces[n++].byte_count;
    return n;
}

static stl_code make_segments(const builder *b, stl_error *err)
{
    stl_image *image = b->image;
    size_t segment_count = 0, bytes = 0;
    for (size_t i = 0; i < b->piece_count; segment_count++)
        i += run_length(b->pieces + i, b->piece_count - i, &bytes);
    image->segments = calloc(segment_count, sizeof *image->segments);
    if (!image->segments)
        return stl_image_no_memory(err);
    image->segment_capacity = segment_count;
    for (size_t i = 0; i < b->piece_count;) {
        const size_t run = run_length(b->pieces + i, b->piece_count - i, &bytes);
        stl_run *made = &image->segments[image->segment_count];
        *made = (stl_run){b->pieces[i].addr, malloc(bytes), bytes, bytes};
        if (!made->bytes)
            return stl_image_no_memory(err);
        image->segment_count++;
        uint8_t *at = made->bytes;
        for (const piece *p = b->pieces + i; p < b->pieces + i + run; at += p++->byte_count)
            memcpy(at, b->arena + p->offset_bytes, p->byte_count);
        i += run;
    }
    return STL_OK;
}

static stl_code finish(const builder *b, const stl_source *from, stl_read_fn *read, bool has_lines,
                       stl_error *err)
{
    if (!b->piece_count)
        return stl_fail(err, STL_E_FORMAT, "was it linked or converted from the right sections?",
                        "%s: well formed, but holds no data bytes", from->name);
    qsort(b->pieces, b->piece_count, sizeof *b->pieces, by_address);
    for (size_t i = 1; i < b->piece_count; i++)
        if (piece_end(&b->pieces[i - 1]) > b->pieces[i].addr)
            return overlap(from, read, has_lines, b->pieces[i].addr, err);
    return make_segments(b, err);
}

stl_code stl_image_build(const stl_source *from, stl_read_fn *read, bool has_lines,
                         stl_image *image, stl_error *err)
{
    builder b = {.image = image};
    const stl_sink to = {&b, collect, collect_entry};
    stl_code code = read(from, &to, err);
    if (!code)
        code = finish(&b, from, read, has_lines, err);
    free(b.pieces);
    free(b.arena);
    return code;
}
