/* core/include/stl/image.h: a sparse image of target memory, and the files it comes from.
 * Segments are sorted, do not touch and do not overlap; gaps stay gaps. Pure functions: no probe. */
#ifndef STL_IMAGE_H
#define STL_IMAGE_H

#include "stl/error.h"

typedef struct stl_image stl_image; /* opaque; owner frees it */

typedef struct stl_segment {
    uint32_t addr;
    const uint8_t *bytes; /* borrowed; valid until the image is changed or freed */
    size_t byte_count;
} stl_segment;

typedef enum stl_image_format {
    STL_IMAGE_AUTO, /* by contents: ELF magic, ':' records, 'S' records, otherwise binary; for
                       stl_image_save by the file's extension */
    STL_IMAGE_HEX,
    STL_IMAGE_SREC,
    STL_IMAGE_ELF,
    STL_IMAGE_BIN
} stl_image_format;

STL_MUST_USE stl_code stl_image_new(stl_image **out, stl_error *err);
STL_MUST_USE stl_code stl_image_copy(const stl_image *image, stl_image **out, stl_error *err);
void stl_image_free(stl_image *image); /* accepts NULL */

size_t stl_image_segment_count(const stl_image *image);
stl_segment stl_image_segment(const stl_image *image, size_t index); /* all 0 past the last */
uint64_t stl_image_byte_count(const stl_image *image); /* bytes held, gaps not counted */
bool stl_image_has_entry(const stl_image *image, uint32_t *entry_addr);
/* "Intel HEX", "Motorola S-record", "ELF", "binary", with ", gzip" if it was; "" for a new one. */
const char *stl_image_format_name(const stl_image *image);

/* Add bytes. STL_E_OVERLAP if any address is taken already, STL_E_RANGE if addr + byte_count passes
 * 2^32; the image is unchanged then. */
STL_MUST_USE stl_code stl_image_add(stl_image *image, uint32_t addr, const void *bytes,
                                    size_t byte_count, stl_error *err);
/* The same, but replaces what is there. For both, bytes must not point into the image itself. */
STL_MUST_USE stl_code stl_image_write(stl_image *image, uint32_t addr, const void *bytes,
                                      size_t byte_count, stl_error *err);
/* Copy [addr, addr + byte_count) into bytes; where the image has a gap, fill is used and
 * *missing_count (may be NULL) counts it. */
void stl_image_read(const stl_image *image, uint32_t addr, void *bytes, size_t byte_count,
                    uint8_t fill, size_t *missing_count);
/* Drop everything outside, or inside, [addr, addr + byte_count). byte_count may pass the end of the
 * address space: then it means all from addr on. */
STL_MUST_USE stl_code stl_image_crop(stl_image *image, uint32_t addr, uint64_t byte_count,
                                     stl_error *err);
STL_MUST_USE stl_code stl_image_cut(stl_image *image, uint32_t addr, uint64_t byte_count,
                                    stl_error *err);

typedef struct stl_image_options {
    stl_image_format format;
    bool has_base;      /* binary needs it; for other formats it is an argument error */
    uint32_t base_addr;
} stl_image_options;

/*
 * Load a file; gzip is recognised by its magic and undone for any format. ELF: PT_LOAD segments with
 * file contents, at their physical addresses, without the ELF headers themselves; ARM 32-bit
 * little-endian executables only. Files over 256 MiB, or 64 MiB of gzip, are refused.
 * name is used in messages ("fw.hex:17: ..."); its extension (.hex, .s19, .elf ...) is believed when
 * the contents fit none: the file is then damaged, not binary. options may be NULL: all by contents.
 * Errors: STL_E_FILE (missing, unreadable), STL_E_FORMAT (empty, truncated, wrong checksum, unknown
 * record, not for ARM; with line or offset), STL_E_OVERLAP, STL_E_ARGUMENT (binary without base, base
 * for another format), STL_E_RANGE (binary past 2^32), STL_E_MEMORY. *out is NULL then.
 * Source: Intel Hexadecimal Object File Format rev A; Motorola S-record; ELF gABI 4.1; RFC 1952.
 */
STL_MUST_USE stl_code stl_image_load(const char *path, const stl_image_options *options,
                                     stl_image **out, stl_error *err);
STL_MUST_USE stl_code stl_image_parse(const char *name, const void *bytes, size_t byte_count,
                                      const stl_image_options *options, stl_image **out,
                                      stl_error *err);

/* Save as HEX, SREC or BIN; AUTO goes by the extension of path (.hex, .s19, .bin ...). BIN writes from
 * the lowest to the highest address with fill in gaps, 256 MiB at most.
 * The file is written beside its place and renamed, so a failure leaves the old one; what is no
 * regular file (a pipe, /dev/stdout) is written in place.
 * Errors: STL_E_ARGUMENT (empty image, no such output format), STL_E_RANGE (BIN too long), STL_E_FILE. */
STL_MUST_USE stl_code stl_image_save(const stl_image *image, const char *path,
                                     stl_image_format format, uint8_t fill, stl_error *err);

/* A symbol or an allocated section of the ELF an image was loaded from; what was done to the image
 * since does not change them. An image from another format has none. */
typedef struct stl_image_name {
    const char *name;   /* borrowed from the image */
    uint32_t addr;      /* where the program sees it; bit 0 of a Thumb function is cleared */
    uint32_t load_addr; /* where its bytes are in the image, if is_loaded: .data differs from addr */
    uint32_t byte_count;
    bool is_loaded; /* the file has bytes for it: false in .bss */
    bool is_function, is_global;
} stl_image_name;

size_t stl_image_symbol_count(const stl_image *image);
stl_image_name stl_image_symbol_at(const stl_image *image, size_t index);
size_t stl_image_section_count(const stl_image *image);
stl_image_name stl_image_section_at(const stl_image *image, size_t index);

/* By name; a global symbol goes before locals.
 * Errors: STL_E_ARGUMENT (no such name), STL_E_AMBIGUOUS (two locals at different addresses). */
STL_MUST_USE stl_code stl_image_symbol(const stl_image *image, const char *name,
                                       stl_image_name *out, stl_error *err);
STL_MUST_USE stl_code stl_image_section(const stl_image *image, const char *name,
                                        stl_image_name *out, stl_error *err);

#endif
