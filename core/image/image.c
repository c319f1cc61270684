/* core/image/image.c: the sparse image itself; see stl/image.h. */
#include "image/parts.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static uint64_t segment_end(const stl_run *s)
{
    return (uint64_t)s->addr + s->byte_count;
}

stl_code stl_image_new(stl_image **out, stl_error *err)
{
    *out = calloc(1, sizeof **out);
    return *out ? STL_OK : stl_image_no_memory(err);
}

/* Keys may be in it. */
static void free_bytes(stl_run *segment)
{
    if (segment->bytes)
        explicit_bzero(segment->bytes, segment->byte_count);
    free(segment->bytes);
}

void stl_image_free(stl_image *image)
{
    if (!image)
        return;
    for (size_t i = 0; i < image->segment_count; i++)
        free_bytes(&image->segments[i]);
    free(image->segments);
    stl_names_free(image);
    free(image);
}

static stl_code copy_segments(const stl_image *image, stl_image *copy, stl_error *err)
{
    if (!image->segment_count)
        return STL_OK;
    copy->segments = calloc(image->segment_count, sizeof *copy->segments);
    if (!copy->segments)
        return stl_image_no_memory(err);
    copy->segment_capacity = image->segment_count;
    for (size_t i = 0; i < image->segment_count; i++) {
        const stl_run *s = &image->segments[i];
        uint8_t *bytes = malloc(s->byte_count);
        if (!bytes)
            return stl_image_no_memory(err);
        memcpy(bytes, s->bytes, s->byte_count);
        copy->segments[copy->segment_count++] =
            (stl_run){s->addr, bytes, s->byte_count, s->byte_count};
    }
    return STL_OK;
}

stl_code stl_image_copy(const stl_image *image, stl_image **out, stl_error *err)
{
    stl_image *copy = NULL;
    *out = NULL;
    stl_code code = stl_image_new(&copy, err);
    if (code)
        return code;
    copy->has_entry = image->has_entry;
    copy->entry_addr = image->entry_addr;
    copy->format = image->format;
    copy->is_gzip = image->is_gzip;
    code = copy_segments(image, copy, err);
    if (!code)
        code = stl_names_copy(image, copy, err);
    if (code)
        stl_image_free(copy);
    else
        *out = copy;
    return code;
}

size_t stl_image_segment_count(const stl_image *image)
{
    return image->segment_count;
}

stl_segment stl_image_segment(const stl_image *image, size_t index)
{
    if (index >= image->segment_count)
        return (stl_segment){0};
    const stl_run *s = &image->segments[index];
    return (stl_segment){s->addr, s->bytes, s->byte_count};
}

uint64_t stl_image_byte_count(const stl_image *image)
{
    uint64_t count = 0;
    for (size_t i = 0; i < image->segment_count; i++)
        count += image->segments[i].byte_count;
    return count;
}

bool stl_image_has_entry(const stl_image *image, uint32_t *entry_addr)
{
    if (image->has_entry && entry_addr)
        *entry_addr = image->entry_addr;
    return image->has_entry;
}

const char *stl_image_format_name(const stl_image *image)
{
    static const char *const names[][2] = {
        [STL_IMAGE_AUTO] = {"", ""},
        [STL_IMAGE_HEX] = {"Intel HEX", "Intel HEX, gzip"},
        [STL_IMAGE_SREC] = {"Motorola S-record", "Motorola S-record, gzip"},
        [STL_IMAGE_ELF] = {"ELF", "ELF, gzip"},
        [STL_IMAGE_BIN] = {"binary", "binary, gzip"},
    };
    return names[image->format][image->is_gzip];
}

/* The first segment that ends at addr or behind it; with touching it need only reach addr. */
static size_t first_reaching(const stl_image *image, uint64_t addr, bool touching)
{
    size_t low = 0, high = image->segment_count;
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        const uint64_t end = segment_end(&image->segments[middle]);
        if (end > addr || (touching && end == addr))
            high = middle;
        else
            low = middle + 1;
    }
    return low;
}

static stl_code reserve_slot(stl_image *image, stl_error *err)
{
    if (image->segment_count < image->segment_capacity)
        return STL_OK;
    const size_t capacity = image->segment_capacity ? 2 * image->segment_capacity : 8;
    stl_run *moved = realloc(image->segments, capacity * sizeof *moved);
    if (!moved)
        return stl_image_no_memory(err);
    image->segments = moved;
    image->segment_capacity = capacity;
    return STL_OK;
}

static void insert_slot(stl_image *image, size_t at, stl_run made)
{
    memmove(image->segments + at + 1, image->segments + at,
            (image->segment_count - at) * sizeof *image->segments);
    image->segments[at] = made;
    image->segment_count++;
}

static void remove_slots(stl_image *image, size_t first, size_t end)
{
    if (first == end)
        return;
    for (size_t i = first; i < end; i++)
        free_bytes(&image->segments[i]);
    memmove(image->segments + first, image->segments + end,
            (image->segment_count - end) * sizeof *image->segments);
    image->segment_count -= end - first;
}

/* Give a segment room for byte_count bytes; twice what it had, so that appending stays cheap. */
static stl_code grow_segment(stl_run *s, size_t byte_count, stl_error *err)
{
    if (s->bytes && byte_count <= s->capacity_bytes)
        return STL_OK;
    const size_t capacity = byte_count > 2 * s->capacity_bytes ? byte_count : 2 * s->capacity_bytes;
    /* nobody asks for no bytes: NOLINTNEXTLINE(clang-analyzer-optin.portability.UnixAPI) */
    uint8_t *moved = realloc(s->bytes, capacity);
    if (!moved)
        return stl_image_no_memory(err);
    s->bytes = moved;
    s->capacity_bytes = capacity;
    return STL_OK;
}

/* Put bytes over whatever segments they touch; first to end are those. Only the last of them can
 * reach beyond the new bytes, only the first can start before them. */
static stl_code put(stl_image *image, size_t first, size_t end, uint32_t addr, const void *bytes,
                    size_t byte_count, stl_error *err)
{
    const uint64_t bytes_end = (uint64_t)addr + byte_count;
    const bool has_head = end > first && image->segments[first].addr <= addr;
    const stl_run *last = end > first ? &image->segments[end - 1] : NULL;
    const size_t tail =
        last && segment_end(last) > bytes_end ? (size_t)(segment_end(last) - bytes_end) : 0;
    stl_run made = {.addr = addr};
    if (has_head)
        made.addr = image->segments[first].addr;
    made.byte_count = (size_t)(bytes_end - made.addr) + tail;

    stl_code code = STL_OK;
    if (has_head) {
        code = grow_segment(&image->segments[first], made.byte_count, err);
        made.bytes = image->segments[first].bytes;
        made.capacity_bytes = image->segments[first].capacity_bytes;
    } else {
        code = end > first ? STL_OK : reserve_slot(image, err);
        if (!code)
            code = grow_segment(&made, made.byte_count, err);
    }
    if (code)
        return code;
    const size_t offset = addr - made.addr;
    if (tail && !(has_head && end - first == 1)) /* with one segment it is in its place already */
        memcpy(made.bytes + offset + byte_count,
               image->segments[end - 1].bytes + image->segments[end - 1].byte_count - tail, tail);
    memmove(made.bytes + offset, bytes, byte_count);
    if (has_head)
        image->segments[first].bytes = NULL; /* moved into made */
    remove_slots(image, first, end);
    insert_slot(image, first, made);
    return STL_OK;
}

static stl_code check_range(uint32_t addr, size_t byte_count, stl_error *err)
{
    if (byte_count <= ADDRESS_SPACE_BYTES - addr)
        return STL_OK;
    return stl_fail(err, STL_E_RANGE, "target addresses have 32 bits",
                    "%zu bytes at 0x%08" PRIX32 " run past 0xFFFFFFFF", byte_count, addr);
}

stl_code stl_image_write(stl_image *image, uint32_t addr, const void *bytes, size_t byte_count,
                         stl_error *err)
{
    stl_code code = check_range(addr, byte_count, err);
    if (code || !byte_count)
        return code;
    const size_t first = first_reaching(image, addr, true);
    size_t end = first;
    while (end < image->segment_count && image->segments[end].addr <= (uint64_t)addr + byte_count)
        end++;
    return put(image, first, end, addr, bytes, byte_count, err);
}

stl_code stl_image_add(stl_image *image, uint32_t addr, const void *bytes, size_t byte_count,
                       stl_error *err)
{
    stl_code code = check_range(addr, byte_count, err);
    if (code || !byte_count)
        return code;
    const size_t at = first_reaching(image, addr, false);
    if (at < image->segment_count && image->segments[at].addr < (uint64_t)addr + byte_count) {
        const uint32_t taken = image->segments[at].addr > addr ? image->segments[at].addr : addr;
        stl_fail(err, STL_E_OVERLAP, "cut one of the two first, or write over it on purpose",
                 "%zu bytes at 0x%08" PRIX32 " overlap segment 0x%08" PRIX32 " at 0x%08" PRIX32,
                 byte_count, addr, image->segments[at].addr, taken);
        if (err)
            stl_error_at(err, taken);
        return STL_E_OVERLAP;
    }
    return stl_image_write(image, addr, bytes, byte_count, err);
}

void stl_image_read(const stl_image *image, uint32_t addr, void *bytes, size_t byte_count,
                    uint8_t fill, size_t *missing_count)
{
    size_t missing = byte_count;
    if (byte_count)
        memset(bytes, fill, byte_count);
    const uint64_t end = (uint64_t)addr + byte_count;
    for (size_t i = first_reaching(image, addr, false);
         i < image->segment_count && image->segments[i].addr < end; i++) {
        const stl_run *s = &image->segments[i];
        const uint64_t from = s->addr > addr ? s->addr : addr;
        const uint64_t to = segment_end(s) < end ? segment_end(s) : end;
        memcpy((uint8_t *)bytes + (from - addr), s->bytes + (from - s->addr), (size_t)(to - from));
        missing -= (size_t)(to - from);
    }
    if (missing_count)
        *missing_count = missing;
}

static uint64_t range_end(uint32_t addr, uint64_t byte_count)
{
    return byte_count < ADDRESS_SPACE_BYTES - addr ? addr + byte_count : ADDRESS_SPACE_BYTES;
}

/* Keep only the part of a segment that lies in [from, to); it must not be empty. */
static void trim(stl_run *s, uint64_t from, uint64_t to)
{
    if (segment_end(s) > to)
        s->byte_count = (size_t)(to - s->addr);
    if (s->addr < from) {
        const size_t skip = (size_t)(from - s->addr);
        s->byte_count -= skip;
        memmove(s->bytes, s->bytes + skip, s->byte_count);
        s->addr = (uint32_t)from;
    }
}

stl_code stl_image_crop(stl_image *image, uint32_t addr, uint64_t byte_count, stl_error *err)
{
    (void)err; /* shrinking cannot fail; callers need not know */
    const uint64_t to = range_end(addr, byte_count);
    const size_t first = first_reaching(image, addr, false);
    size_t end = first;
    while (byte_count && end < image->segment_count && image->segments[end].addr < to)
        end++;
    remove_slots(image, end, image->segment_count);
    remove_slots(image, 0, first < image->segment_count ? first : image->segment_count);
    for (size_t i = 0; i < image->segment_count; i++)
        trim(&image->segments[i], addr, to);
    return STL_OK;
}

/* A hole inside one segment: the part behind it becomes a segment of its own. */
static stl_code split(stl_image *image, size_t at, uint64_t from, uint64_t to, stl_error *err)
{
    stl_code code = reserve_slot(image, err);
    if (code)
        return code;
    stl_run *s = &image->segments[at];
    stl_run behind = {.addr = (uint32_t)to, .byte_count = (size_t)(segment_end(s) - to)};
    code = grow_segment(&behind, behind.byte_count, err);
    if (code)
        return code;
    memcpy(behind.bytes, s->bytes + (to - s->addr), behind.byte_count);
    trim(s, s->addr, from);
    insert_slot(image, at + 1, behind);
    return STL_OK;
}

stl_code stl_image_cut(stl_image *image, uint32_t addr, uint64_t byte_count, stl_error *err)
{
    const uint64_t to = range_end(addr, byte_count);
    size_t i = first_reaching(image, addr, false);
    if (!byte_count || i == image->segment_count)
        return STL_OK;
    if (image->segments[i].addr < addr && segment_end(&image->segments[i]) > to)
        return split(image, i, addr, to, err);
    if (image->segments[i].addr < addr) {
        trim(&image->segments[i], image->segments[i].addr, addr);
        i++;
    }
    size_t end = i;
    while (end < image->segment_count && segment_end(&image->segments[end]) <= to)
        end++;
    if (end < image->segment_count && image->segments[end].addr < to)
        trim(&image->segments[end], to, segment_end(&image->segments[end]));
    remove_slots(image, i, end);
    return STL_OK;
}
