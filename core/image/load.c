/* core/image/load.c: from a file, or bytes, to an image. */
#include "image/parts.h"

#include <inttypes.h>
#include <stdlib.h>

static const stl_image_options by_contents = {.format = STL_IMAGE_AUTO};

/* The whole of a binary is one segment; only the caller knows where it belongs. */
static stl_code read_binary(const stl_source *from, const stl_image_options *options,
                            stl_image *image, stl_error *err)
{
    if (!options->has_base)
        return stl_fail(err, STL_E_ARGUMENT, "--base ADDR",
                        "%s: is binary, so it does not say where it belongs", from->name);
    if (from->byte_count > ADDRESS_SPACE_BYTES - options->base_addr)
        return stl_fail(err, STL_E_RANGE, "--base ADDR: is the address right?",
                        "%s: %zu bytes at 0x%08" PRIX32 " run past 0xFFFFFFFF", from->name,
                        from->byte_count, options->base_addr);
    return stl_image_add(image, options->base_addr, from->bytes, from->byte_count, err);
}

static stl_code read_format(const stl_source *from, const stl_image_options *options,
                            stl_image *image, stl_error *err)
{
    if (image->format == STL_IMAGE_BIN)
        return read_binary(from, options, image, err);
    if (options->has_base)
        return stl_fail(err, STL_E_ARGUMENT, "leave --base out; it is for binary files",
                        "%s: %s files carry their own addresses", from->name,
                        stl_image_format_name(image));
    if (image->format == STL_IMAGE_HEX)
        return stl_image_build(from, stl_hex_read, true, image, err);
    if (image->format == STL_IMAGE_SREC)
        return stl_image_build(from, stl_srec_read, true, image, err);
    stl_code code = stl_image_build(from, stl_elf_read, false, image, err);
    return code ? code : stl_elf_read_names(from, image, err);
}

static stl_code parse_plain(const stl_source *from, const stl_image_options *options, bool is_gzip,
                            stl_image **out, stl_error *err)
{
    if (!from->byte_count)
        return stl_fail(err, STL_E_FORMAT, "build or download it again",
                        is_gzip ? "%s: holds an empty file" : "%s: the file is empty", from->name);
    if (from->byte_count > MAX_FILE_BYTES)
        return stl_fail(err, STL_E_FORMAT, "this is no firmware image; is it the right file?",
                        "%s: larger than %zu MiB", from->name, MAX_FILE_BYTES >> 20);
    stl_image_format format = options->format;
    stl_code code = format == STL_IMAGE_AUTO ? stl_image_detect(from, &format, err) : STL_OK;
    stl_image *image = NULL;
    if (!code)
        code = stl_image_new(&image, err);
    if (code)
        return code;
    image->format = format;
    image->is_gzip = is_gzip;
    code = read_format(from, options, image, err);
    if (code)
        stl_image_free(image);
    else
        *out = image;
    return code;
}

stl_code stl_image_parse(const char *name, const void *bytes, size_t byte_count,
                         const stl_image_options *options, stl_image **out, stl_error *err)
{
    *out = NULL;
    if (!options)
        options = &by_contents;
    if ((unsigned)options->format > STL_IMAGE_BIN)
        return stl_fail(err, STL_E_ARGUMENT, NULL, "%u is no image format",
                        (unsigned)options->format);
    stl_source from;
    stl_source_init(&from, name, bytes, byte_count);
    if (!stl_gzip_is(bytes, byte_count))
        return parse_plain(&from, options, false, out, err);
    stl_source unpacked = from;
    uint8_t *plain = NULL;
    stl_code code = stl_gzip_inflate(&from, &plain, &unpacked.byte_count, err);
    if (code)
        return code;
    unpacked.bytes = plain;
    if (stl_gzip_is(plain, unpacked.byte_count))
        code = stl_fail(err, STL_E_FORMAT, "unpack it once with gunzip", "%s: gzip inside gzip",
                        from.name);
    else
        code = parse_plain(&unpacked, options, true, out, err);
    free(plain);
    return code;
}

stl_code stl_image_load(const char *path, const stl_image_options *options, stl_image **out,
                        stl_error *err)
{
    uint8_t *bytes = NULL;
    size_t byte_count = 0;
    *out = NULL;
    stl_code code = stl_file_read(path, &bytes, &byte_count, err);
    if (!code)
        code = stl_image_parse(path, bytes, byte_count, options, out, err);
    free(bytes);
    return code;
}
