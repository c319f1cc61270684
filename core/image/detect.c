/* core/image/detect.c: which format a file has, by what it holds; its name only as a cross-check.
 */
#include "image/parts.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

void stl_source_init(stl_source *from, const char *name, const void *bytes, size_t byte_count)
{
    const size_t length = strlen(name), room = sizeof from->name - 1;
    if (length <= room)
        memcpy(from->name, name, length + 1);
    else /* the end of a path says more than its start */
        snprintf(from->name, sizeof from->name, "...%s", name + length - (room - 3));
    from->bytes = bytes;
    from->byte_count = byte_count;
}

static const struct {
    const char *extension;
    stl_image_format format;
} extensions[] = {
    {".hex", STL_IMAGE_HEX},   {".ihex", STL_IMAGE_HEX}, {".ihx", STL_IMAGE_HEX},
    {".s19", STL_IMAGE_SREC},  {".s28", STL_IMAGE_SREC}, {".s37", STL_IMAGE_SREC},
    {".srec", STL_IMAGE_SREC}, {".mot", STL_IMAGE_SREC}, {".elf", STL_IMAGE_ELF},
    {".axf", STL_IMAGE_ELF},   {".bin", STL_IMAGE_BIN},
};

stl_image_format stl_image_format_of_name(const char *name)
{
    size_t length = strlen(name);
    if (length > 3 && !strcasecmp(name + length - 3, ".gz"))
        length -= 3;
    for (size_t i = 0; i < sizeof extensions / sizeof *extensions; i++) {
        const size_t n = strlen(extensions[i].extension);
        if (length > n && !strncasecmp(name + length - n, extensions[i].extension, n))
            return extensions[i].format;
    }
    return STL_IMAGE_AUTO;
}

static bool is_printable(const stl_line *text)
{
    for (size_t i = 0; i < text->length; i++)
        if (text->text[i] < ' ' || text->text[i] > '~')
            return false;
    return true;
}

static bool has_digits(const stl_line *text, size_t from, size_t count)
{
    if (text->length < from + count)
        return false;
    for (size_t i = from; i < from + count; i++)
        if (stl_digit_value(text->text[i]) < 0)
            return false;
    return true;
}

/* Text that starts like a record is one, however wrong its rest: then the reader says what is wrong
 * with it. A binary that happens to start with ':' has no eight digits behind it. */
static bool is_hex_record(const stl_line *text)
{
    return text->text[0] == ':' && has_digits(text, 1, 8) && is_printable(text);
}

static bool is_s_record(const stl_line *text)
{
    return text->text[0] == 'S' && text->length > 1 && text->text[1] >= '0' &&
           text->text[1] <= '9' && has_digits(text, 2, 8) && is_printable(text);
}

/* A web page saved as fw.hex must not be flashed as a binary. */
static stl_code check_name(const stl_source *from, stl_error *err)
{
    static const char hint[] =
        "was it downloaded whole, not as a web page? `--format bin` takes it as it is";
    switch (stl_image_format_of_name(from->name)) {
    case STL_IMAGE_HEX:
        return stl_fail(err, STL_E_FORMAT, hint, "%s:1: not an Intel HEX record", from->name);
    case STL_IMAGE_SREC:
        return stl_fail(err, STL_E_FORMAT, hint, "%s:1: not an S-record", from->name);
    case STL_IMAGE_ELF:
        return stl_fail(err, STL_E_FORMAT, hint,
                        "%s: offset 0: not an ELF file (no \\x7F"
                        "ELF)",
                        from->name);
    default:
        return STL_OK;
    }
}

stl_code stl_image_detect(const stl_source *from, stl_image_format *format, stl_error *err)
{
    *format = STL_IMAGE_BIN;
    if (from->byte_count >= 4 && !memcmp(from->bytes,
                                         "\x7F"
                                         "ELF",
                                         4)) {
        *format = STL_IMAGE_ELF;
        return STL_OK;
    }
    stl_lines reader = {.from = from};
    stl_line first;
    if (!stl_next_line(&reader, &first))
        return stl_fail(err, STL_E_FORMAT, "build or download it again",
                        "%s: holds nothing but blanks", from->name);
    if (is_hex_record(&first))
        *format = STL_IMAGE_HEX;
    else if (is_s_record(&first))
        *format = STL_IMAGE_SREC;
    else
        return check_name(from, err);
    return STL_OK;
}
