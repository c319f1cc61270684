/* core/image/gzip.c: undo gzip. Source: RFC 1952 (members, 2.2; trailer, 2.3.1). */
#include "image/parts.h"

#include <stdlib.h>
#include <zlib.h>

#define WINDOW_BITS_GZIP                                                                           \
    (15 + 16) /* zlib.h, inflateInit2: the largest window, gzip wrapping only */

static const char damaged[] =
    "the file is damaged or cut short: download it again; `gzip -t` checks it";

typedef struct output {
    uint8_t *bytes;
    size_t count, capacity;
} output;

bool stl_gzip_is(const void *bytes, size_t byte_count)
{
    const uint8_t *b = bytes;
    return byte_count >= 2 && b[0] == 0x1F && b[1] == 0x8B;
}

static stl_code make_room(const stl_source *from, output *out, stl_error *err)
{
    if (out->count < out->capacity)
        return STL_OK;
    if (out->capacity >= MAX_FILE_BYTES)
        return stl_fail(err, STL_E_FORMAT, "this is no firmware image; is it the right file?",
                        "%s: more than %zu MiB when unpacked", from->name, MAX_FILE_BYTES >> 20);
    size_t grown = out->capacity ? 2 * out->capacity : 64 * 1024;
    if (grown > MAX_FILE_BYTES)
        grown = MAX_FILE_BYTES;
    uint8_t *moved = realloc(out->bytes, grown);
    if (!moved)
        return stl_image_no_memory(err);
    out->bytes = moved;
    out->capacity = grown;
    return STL_OK;
}

static stl_code member_failed(const stl_source *from, const z_stream *stream, int status,
                              stl_error *err)
{
    const size_t at = from->byte_count - stream->avail_in;
    if (status == Z_MEM_ERROR)
        return stl_image_no_memory(err);
    if (status == Z_BUF_ERROR)
        return stl_fail(err, STL_E_FORMAT, damaged,
                        "%s: gzip data ends after %zu bytes, in the middle of a member", from->name,
                        at);
    return stl_fail(err, STL_E_FORMAT, damaged, "%s: gzip data is corrupt near byte %zu (%s)",
                    from->name, at, stream->msg ? stream->msg : "no reason given");
}

/* Inflate one member; the stream then stands behind its trailer, whose CRC and length zlib checked.
 */
static stl_code inflate_member(const stl_source *from, z_stream *stream, output *out,
                               stl_error *err)
{
    int status = Z_OK;
    while (status != Z_STREAM_END) {
        stl_code code = make_room(from, out, err);
        if (code)
            return code;
        const uInt room = (uInt)(out->capacity - out->count);
        stream->next_out = out->bytes + out->count;
        stream->avail_out = room;
        status = inflate(stream, Z_NO_FLUSH);
        out->count += room - stream->avail_out;
        if (status == Z_OK && stream->avail_out && !stream->avail_in)
            status = Z_BUF_ERROR;
        if (status != Z_OK && status != Z_STREAM_END)
            return member_failed(from, stream, status, err);
    }
    return STL_OK;
}

/* Behind the last member gzip(1) accepts zeros, which tapes and sector-sized copies leave. */
static bool only_zeros_left(const z_stream *stream)
{
    for (uInt i = 0; i < stream->avail_in; i++)
        if (stream->next_in[i])
            return false;
    return true;
}

static stl_code inflate_members(const stl_source *from, z_stream *stream, output *out,
                                stl_error *err)
{
    do {
        stl_code code = inflate_member(from, stream, out, err);
        if (code)
            return code;
        if (only_zeros_left(stream))
            return STL_OK;
        if (!stl_gzip_is(stream->next_in, stream->avail_in))
            return stl_fail(err, STL_E_FORMAT, damaged,
                            "%s: %u bytes that are not gzip behind the data, at byte %zu",
                            from->name, stream->avail_in, from->byte_count - stream->avail_in);
    } while (inflateReset(stream) == Z_OK);
    return stl_fail(err, STL_E_INTERNAL, NULL, "%s: zlib does not reset", from->name);
}

stl_code stl_gzip_inflate(const stl_source *from, uint8_t **bytes, size_t *byte_count,
                          stl_error *err)
{
    if (from->byte_count > MAX_GZIP_BYTES)
        return stl_fail(err, STL_E_FORMAT, "this is no firmware image; is it the right file?",
                        "%s: more than %zu MiB of gzip data", from->name, MAX_GZIP_BYTES >> 20);
    /* next_in points to const only when ZLIB_CONST was defined; zlib does not write there. */
    z_stream stream = {.next_in = (Bytef *)from->bytes, .avail_in = (uInt)from->byte_count};
    if (inflateInit2(&stream, WINDOW_BITS_GZIP) != Z_OK)
        return stl_image_no_memory(err);
    output out = {0};
    stl_code code = inflate_members(from, &stream, &out, err);
    inflateEnd(&stream);
    if (code) {
        free(out.bytes);
        return code;
    }
    *bytes = out.bytes;
    *byte_count = out.count;
    return STL_OK;
}
