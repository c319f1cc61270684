/* core/image/srec.c: read Motorola S-records.
 * Source: M68000 Family Programmer's Reference Manual, appendix C (S6: the 24-bit form of S5). */
#include "image/parts.h"

#include <inttypes.h>

static const char damaged[] = "the file is damaged: build or download it again";

typedef enum srec_kind { KIND_NONE, KIND_HEADER, KIND_DATA, KIND_COUNT, KIND_END } srec_kind;

/* S0 to S9; the address field of S5 and S6 is the number of data records so far. */
static const struct {
    srec_kind kind;
    uint8_t addr_bytes;
} record_types[10] = {
    {KIND_HEADER, 2}, {KIND_DATA, 2},  {KIND_DATA, 3}, {KIND_DATA, 4}, {KIND_NONE, 0},
    {KIND_COUNT, 2},  {KIND_COUNT, 3}, {KIND_END, 4},  {KIND_END, 3},  {KIND_END, 2},
};

typedef struct srec_record {
    unsigned type; /* 0 to 9 */
    uint32_t addr;
    const uint8_t *data;
    size_t data_count;
} srec_record;

/* Count and checksum: the checksum is the ones' complement of the sum of count, address and data.
 */
static stl_code check_frame(const stl_lines *reader, const uint8_t *raw, size_t count,
                            size_t addr_bytes, stl_error *err)
{
    const char *name = reader->from->name;
    if (!count || count != (size_t)raw[0] + 1)
        return stl_fail(err, STL_E_FORMAT, "the line is cut, or two lines became one",
                        "%s:%zu: record of %zu bytes, should be %d", name, reader->number, count,
                        count ? raw[0] + 1 : (int)addr_bytes + 2);
    if (raw[0] < addr_bytes + 1)
        return stl_fail(err, STL_E_FORMAT, damaged,
                        "%s:%zu: count is %u, too small for a %zu-byte address and a checksum",
                        name, reader->number, raw[0], addr_bytes);
    uint8_t sum = 0;
    for (size_t i = 0; i + 1 < count; i++)
        sum = (uint8_t)(sum + raw[i]);
    const uint8_t right = (uint8_t)(0xFF - sum);
    if (raw[count - 1] != right)
        return stl_fail(err, STL_E_FORMAT, damaged, "%s:%zu: checksum is 0x%02X, should be 0x%02X",
                        name, reader->number, raw[count - 1], right);
    return STL_OK;
}

static stl_code decode_record(const stl_lines *reader, const stl_line *text,
                              uint8_t raw[MAX_RECORD_BYTES], srec_record *out, stl_error *err)
{
    const char *name = reader->from->name;
    if (text->text[0] != 'S' && text->text[0] != 's')
        return stl_fail(err, STL_E_FORMAT, "remove comments and other text from the file",
                        "%s:%zu: a record starts with 'S'", name, reader->number);
    const unsigned type = text->length > 1 ? (unsigned)text->text[1] - '0' : 10;
    if (type > 9 || record_types[type].kind == KIND_NONE)
        return stl_fail(err, STL_E_FORMAT, "S-records are S0 to S3 and S5 to S9",
                        "%s:%zu: unknown record type", name, reader->number);
    size_t count = 0;
    stl_code code = stl_decode_digits(reader, text, 2, raw, &count, err);
    const size_t addr_bytes = record_types[type].addr_bytes;
    if (!code)
        code = check_frame(reader, raw, count, addr_bytes, err);
    if (code)
        return code;
    uint32_t addr = 0;
    for (size_t i = 0; i < addr_bytes; i++)
        addr = addr << 8 | raw[1 + i];
    *out = (srec_record){type, addr, raw + 1 + addr_bytes, raw[0] - addr_bytes - 1};
    return STL_OK;
}

static stl_code check_no_data(const stl_lines *reader, const srec_record *record, stl_error *err)
{
    if (!record->data_count)
        return STL_OK;
    return stl_fail(err, STL_E_FORMAT, damaged,
                    "%s:%zu: an S%u record carries no data, this one %zu", reader->from->name,
                    reader->number, record->type, record->data_count);
}

static stl_code take_data(const stl_lines *reader, const srec_record *record, const stl_sink *to,
                          stl_error *err)
{
    if (record->addr + (uint64_t)record->data_count > ADDRESS_SPACE_BYTES)
        return stl_fail(err, STL_E_FORMAT, damaged, "%s:%zu: data runs past 0xFFFFFFFF",
                        reader->from->name, reader->number);
    return to->data(to->self, record->addr, record->data, record->data_count, reader->number, err);
}

static stl_code check_count(const stl_lines *reader, const srec_record *record, size_t data_records,
                            stl_error *err)
{
    if (record->addr == data_records)
        return check_no_data(reader, record, err);
    return stl_fail(err, STL_E_FORMAT, "lines are missing or doubled: build or download it again",
                    "%s:%zu: S%u counts %" PRIu32 " data records, the file has %zu",
                    reader->from->name, reader->number, record->type, record->addr, data_records);
}

stl_code stl_srec_read(const stl_source *from, const stl_sink *to, stl_error *err)
{
    stl_lines reader = {.from = from};
    stl_line text;
    size_t data_records = 0;
    bool is_ended = false, is_counted = false;
    while (stl_next_line(&reader, &text)) {
        if (is_ended)
            return stl_fail(err, STL_E_FORMAT, "two files in one? split it, or build it again",
                            "%s:%zu: text after the termination record", from->name, reader.number);
        uint8_t raw[MAX_RECORD_BYTES];
        srec_record record = {0};
        stl_code code = decode_record(&reader, &text, raw, &record, err);
        if (code)
            return code;
        is_counted = record_types[record.type].kind == KIND_COUNT;
        switch (record_types[record.type].kind) {
        case KIND_DATA:
            data_records++;
            code = take_data(&reader, &record, to, err);
            break;
        case KIND_COUNT:
            code = check_count(&reader, &record, data_records, err);
            break;
        case KIND_END:
            is_ended = true;
            code = check_no_data(&reader, &record, err);
            if (!code && record.addr) /* tools write 0 when there is no start address */
                to->entry(to->self, record.addr);
            break;
        default: /* S0 names the file, nothing more */
            break;
        }
        if (code)
            return code;
    }
    /* srec_cat leaves the termination record out when there is no start address; a right count as
     * the last record proves just as well that nothing is missing. */
    if (!is_ended && !is_counted)
        return stl_fail(err, STL_E_FORMAT, "the file is cut short: build or download it again",
                        "%s:%zu: no termination record (S7, S8 or S9), the file is truncated",
                        from->name, reader.number);
    return STL_OK;
}
