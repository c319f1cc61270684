/* core/image/hex.c: read Intel HEX.
 * Source: Intel Hexadecimal Object File Format Specification, rev A, 1988. */
#include "image/parts.h"

#include "stl/bytes.h"

#include <inttypes.h>
#include <string.h>

enum {
    TYPE_DATA = 0,
    TYPE_END = 1,
    TYPE_SEGMENT = 2,       /* extended segment address: bits 4 to 19 of the base */
    TYPE_START_SEGMENT = 3, /* CS:IP */
    TYPE_LINEAR = 4,        /* extended linear address: bits 16 to 31 of the base */
    TYPE_START_LINEAR = 5,  /* EIP */
    TYPE_COUNT
};

#define SEGMENT_BYTES 0x10000u

static const char damaged[] = "the file is damaged: build or download it again";

typedef struct hex_state {
    stl_lines reader;
    const stl_sink *to;
    enum { BASE_NONE, BASE_SEGMENT, BASE_LINEAR } base_kind;
    uint32_t base_addr;
    bool is_ended;
} hex_state;

typedef struct hex_record {
    uint8_t type;
    uint16_t offset;
    const uint8_t *data;
    size_t data_count;
} hex_record;

static stl_code decode_record(const hex_state *state, const stl_line *text,
                              uint8_t raw[MAX_RECORD_BYTES], hex_record *out, stl_error *err)
{
    const char *name = state->reader.from->name;
    const size_t number = state->reader.number;
    if (text->text[0] != ':')
        return stl_fail(err, STL_E_FORMAT, "remove comments and other text from the file",
                        "%s:%zu: a record starts with ':'", name, number);
    size_t count = 0;
    stl_code code = stl_decode_digits(&state->reader, text, 1, raw, &count, err);
    if (code)
        return code;
    if (!count || count != (size_t)raw[0] + 5)
        return stl_fail(err, STL_E_FORMAT, "the line is cut, or two lines became one",
                        "%s:%zu: record of %zu bytes, should be %d", name, number, count,
                        count ? raw[0] + 5 : 5);
    uint8_t sum = 0;
    for (size_t i = 0; i + 1 < count; i++)
        sum = (uint8_t)(sum + raw[i]);
    const uint8_t right = (uint8_t)(0x100 - sum);
    if (raw[count - 1] != right)
        return stl_fail(err, STL_E_FORMAT, damaged, "%s:%zu: checksum is 0x%02X, should be 0x%02X",
                        name, number, raw[count - 1], right);
    *out = (hex_record){raw[3], stl_get_u16be(raw + 1), raw + 4, raw[0]};
    return STL_OK;
}

/* Page 9: under a segment address the offset wraps inside the 64 KiB segment; under a linear one
 * it runs on. Without either the file has 16-bit addresses and nothing says what lies behind. */
static stl_code put_data(const hex_state *state, const hex_record *record, stl_error *err)
{
    const size_t number = state->reader.number;
    const char *name = state->reader.from->name;
    const uint64_t addr = (uint64_t)state->base_addr + record->offset;
    const size_t room = SEGMENT_BYTES - record->offset;
    if (record->data_count <= room || state->base_kind == BASE_LINEAR) {
        if (addr + record->data_count > ADDRESS_SPACE_BYTES)
            return stl_fail(err, STL_E_FORMAT, damaged, "%s:%zu: data runs past 0xFFFFFFFF", name,
                            number);
        return state->to->data(state->to->self, (uint32_t)addr, record->data, record->data_count,
                               number, err);
    }
    if (state->base_kind == BASE_NONE)
        return stl_fail(err, STL_E_FORMAT, "the file lacks its type 04 records: build it again",
                        "%s:%zu: data runs past 0xFFFF and no address record came before", name,
                        number);
    stl_code code =
        state->to->data(state->to->self, (uint32_t)addr, record->data, room, number, err);
    if (!code)
        code = state->to->data(state->to->self, state->base_addr, record->data + room,
                               record->data_count - room, number, err);
    return code;
}

static stl_code take_record(hex_state *state, const hex_record *record, stl_error *err)
{
    static const uint8_t data_counts[TYPE_COUNT] = {0, 0, 2, 4, 2, 4};
    const char *name = state->reader.from->name;
    const size_t number = state->reader.number;
    if (record->type >= TYPE_COUNT)
        return stl_fail(err, STL_E_FORMAT, "Intel HEX has the types 00 to 05",
                        "%s:%zu: unknown record type %02X", name, number, record->type);
    if (record->type == TYPE_DATA)
        return put_data(state, record, err);
    if (record->data_count != data_counts[record->type])
        return stl_fail(err, STL_E_FORMAT, damaged,
                        "%s:%zu: record type %02X has %zu data bytes, should have %u", name, number,
                        record->type, record->data_count, data_counts[record->type]);
    switch (record->type) {
    case TYPE_END:
        state->is_ended = true;
        break;
    case TYPE_SEGMENT:
        state->base_kind = BASE_SEGMENT;
        state->base_addr = (uint32_t)stl_get_u16be(record->data) << 4;
        break;
    case TYPE_LINEAR:
        state->base_kind = BASE_LINEAR;
        state->base_addr = (uint32_t)stl_get_u16be(record->data) << 16;
        break;
    case TYPE_START_SEGMENT:
        state->to->entry(state->to->self, ((uint32_t)stl_get_u16be(record->data) << 4) +
                                              stl_get_u16be(record->data + 2));
        break;
    default:
        state->to->entry(state->to->self, (uint32_t)stl_get_u16be(record->data) << 16 |
                                              stl_get_u16be(record->data + 2));
    }
    return STL_OK;
}

stl_code stl_hex_read(const stl_source *from, const stl_sink *to, stl_error *err)
{
    hex_state state = {.reader = {.from = from}, .to = to};
    stl_line text;
    while (stl_next_line(&state.reader, &text)) {
        if (state.is_ended)
            return stl_fail(err, STL_E_FORMAT, "two files in one? split it, or build it again",
                            "%s:%zu: text after the end-of-file record", from->name,
                            state.reader.number);
        uint8_t raw[MAX_RECORD_BYTES];
        hex_record record = {0};
        stl_code code = decode_record(&state, &text, raw, &record, err);
        if (!code)
            code = take_record(&state, &record, err);
        if (code)
            return code;
    }
    if (!state.is_ended)
        return stl_fail(err, STL_E_FORMAT, "the file is cut short: build or download it again",
                        "%s:%zu: no end-of-file record (type 01), the file is truncated",
                        from->name, state.reader.number);
    return STL_OK;
}
