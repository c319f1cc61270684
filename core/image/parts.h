/* core/image/parts.h: what the files of this folder share. Not for callers: they use stl/image.h.
 */
#ifndef STL_IMAGE_PARTS_H
#define STL_IMAGE_PARTS_H

#include "stl/image.h"

#define ADDRESS_SPACE_BYTES ((uint64_t)1 << 32)

/* Firmware for these chips is far below one MiB; the limits only keep a wrong file, or a gzip bomb,
 * from taking the machine's memory. */
#define MAX_FILE_BYTES ((size_t)256 << 20)
#define MAX_GZIP_BYTES ((size_t)64 << 20)

typedef struct stl_run {
    uint32_t addr;
    uint8_t *bytes;
    size_t byte_count, capacity_bytes;
} stl_run;

/* Names of an ELF: texts is one pool, the arrays hold offsets into it. */
typedef struct stl_named {
    size_t name_offset;
    uint32_t addr, load_addr, byte_count;
    bool is_loaded, is_function, is_global;
} stl_named;

typedef struct stl_named_list {
    stl_named *items;
    size_t count;
} stl_named_list;

struct stl_image {
    stl_run *segments;
    size_t segment_count, segment_capacity;
    bool has_entry;
    uint32_t entry_addr;
    stl_image_format format;
    bool is_gzip;
    char *texts;
    size_t texts_bytes;
    stl_named_list symbols, sections;
};

/* The bytes being parsed, and what to call them in messages. */
typedef struct stl_source {
    char name[112]; /* so that a long path leaves room for the message in an error frame */
    const uint8_t *bytes;
    size_t byte_count;
} stl_source;

/* Where a reader puts what it finds. where is a line number, or the index of a program header. */
typedef struct stl_sink {
    void *self;
    stl_code (*data)(void *self, uint32_t addr, const uint8_t *bytes, size_t byte_count,
                     size_t where, stl_error *err);
    void (*entry)(void *self, uint32_t entry_addr);
} stl_sink;

typedef stl_code stl_read_fn(const stl_source *from, const stl_sink *to, stl_error *err);
stl_read_fn stl_hex_read, stl_srec_read, stl_elf_read;

/* builder.c: run a reader, sort what it found, and make segments of it. */
stl_code stl_image_build(const stl_source *from, stl_read_fn *read, bool has_lines,
                         stl_image *image, stl_error *err);

/* elf_names.c: keep the symbols and sections of an ELF that stl_elf_read has accepted. */
stl_code stl_elf_read_names(const stl_source *from, stl_image *image, stl_error *err);
stl_code stl_names_copy(const stl_image *image, stl_image *copy, stl_error *err);
void stl_names_free(stl_image *image);

/* file.c, gzip.c: *bytes belongs to the caller. */
stl_code stl_file_read(const char *path, uint8_t **bytes, size_t *byte_count, stl_error *err);
bool stl_gzip_is(const void *bytes, size_t byte_count);
stl_code stl_gzip_inflate(const stl_source *from, uint8_t **bytes, size_t *byte_count,
                          stl_error *err);

/* detect.c */
stl_code stl_image_detect(const stl_source *from, stl_image_format *format, stl_error *err);
stl_image_format
stl_image_format_of_name(const char *name); /* by extension; AUTO when it says nothing */
void stl_source_init(stl_source *from, const char *name, const void *bytes, size_t byte_count);

/* text.c: lines ended by LF, CR or CRLF, blanks around them dropped. */
typedef struct stl_lines {
    const stl_source *from;
    size_t offset_bytes, number; /* number of the line last returned, from 1 */
} stl_lines;

typedef struct stl_line {
    const uint8_t *text;
    size_t length;
    size_t column; /* of text[0], from 1 */
} stl_line;

#define MAX_RECORD_BYTES 260 /* Intel HEX: count, address, type, 255 data bytes, checksum */

bool stl_next_line(stl_lines *reader, stl_line *out); /* false at the end; skips blank lines */
int stl_digit_value(uint8_t text);                    /* 0 to 15, or -1 */
/* Turn the digits of a record, from text[skip] on, into bytes. */
stl_code stl_decode_digits(const stl_lines *reader, const stl_line *record, size_t skip,
                           uint8_t bytes[MAX_RECORD_BYTES], size_t *byte_count, stl_error *err);

static inline stl_code stl_image_no_memory(stl_error *err)
{
    return stl_fail(err, STL_E_MEMORY, NULL, "out of memory for an image");
}

#endif
