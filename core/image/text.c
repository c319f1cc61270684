/* core/image/text.c: lines and digits, as Intel HEX and S-records have them. */
#include "image/parts.h"

/* 0x1A is how DOS programs ended a text file. */
static bool is_blank(uint8_t text)
{
    return text == ' ' || text == '\t' || text == '\v' || text == '\f' || text == 0x1A;
}

static bool is_line_end(uint8_t text)
{
    return text == '\n' || text == '\r';
}

static bool has_byte_order_mark(const stl_source *from)
{
    return from->byte_count >= 3 && from->bytes[0] == 0xEF && from->bytes[1] == 0xBB &&
           from->bytes[2] == 0xBF;
}

bool stl_next_line(stl_lines *reader, stl_line *out)
{
    const uint8_t *bytes = reader->from->bytes;
    const size_t count = reader->from->byte_count;
    if (!reader->offset_bytes && has_byte_order_mark(reader->from))
        reader->offset_bytes = 3;
    while (reader->offset_bytes < count) {
        const size_t start = reader->offset_bytes;
        size_t end = start;
        while (end < count && !is_line_end(bytes[end]))
            end++;
        reader->offset_bytes = end + 1;
        if (end + 1 < count && bytes[end] == '\r' && bytes[end + 1] == '\n')
            reader->offset_bytes++;
        reader->number++;

        size_t from = start;
        while (from < end && is_blank(bytes[from]))
            from++;
        while (end > from && is_blank(bytes[end - 1]))
            end--;
        if (end > from) {
            *out = (stl_line){bytes + from, end - from, from - start + 1};
            return true;
        }
    }
    return false;
}

int stl_digit_value(uint8_t text)
{
    if (text >= '0' && text <= '9')
        return text - '0';
    if (text >= 'A' && text <= 'F')
        return text - 'A' + 10;
    if (text >= 'a' && text <= 'f')
        return text - 'a' + 10;
    return -1;
}

static stl_code bad_digit(const stl_lines *reader, const stl_line *record, size_t at,
                          stl_error *err)
{
    static const char hint[] = "the file is damaged, or is no hex text: build or download it again";
    const uint8_t text = record->text[at];
    if (text > ' ' && text < 0x7F)
        return stl_fail(err, STL_E_FORMAT, hint, "%s:%zu: '%c' in column %zu is not a hex digit",
                        reader->from->name, reader->number, text, record->column + at);
    return stl_fail(err, STL_E_FORMAT, hint, "%s:%zu: byte 0x%02X in column %zu is not a hex digit",
                    reader->from->name, reader->number, text, record->column + at);
}

stl_code stl_decode_digits(const stl_lines *reader, const stl_line *record, size_t skip,
                           uint8_t bytes[MAX_RECORD_BYTES], size_t *byte_count, stl_error *err)
{
    for (size_t i = skip; i < record->length; i++)
        if (stl_digit_value(record->text[i]) < 0)
            return bad_digit(reader, record, i, err);
    const size_t digit_count = record->length - skip;
    if (digit_count % 2)
        return stl_fail(err, STL_E_FORMAT, "the line is cut, or a character of it is lost",
                        "%s:%zu: odd number of hex digits (%zu)", reader->from->name,
                        reader->number, digit_count);
    if (digit_count / 2 > MAX_RECORD_BYTES)
        return stl_fail(err, STL_E_FORMAT, "line ends may have been lost: build the file again",
                        "%s:%zu: line holds %zu bytes, no record can be longer than %d",
                        reader->from->name, reader->number, digit_count / 2, MAX_RECORD_BYTES);
    for (size_t i = 0; i < digit_count / 2; i++) {
        const uint8_t *pair = record->text + skip + 2 * i;
        bytes[i] = (uint8_t)((unsigned)stl_digit_value(pair[0]) << 4 |
                             (unsigned)stl_digit_value(pair[1]));
    }
    *byte_count = digit_count / 2;
    return STL_OK;
}
