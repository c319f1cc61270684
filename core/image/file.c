/* core/image/file.c: read a whole file, within limits. */
#include "image/parts.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static stl_code too_large(const stl_source *named, size_t limit, stl_error *err)
{
    return stl_fail(err, STL_E_FORMAT, "this is no firmware image; is it the right file?",
                    "%s: larger than %zu MiB", named->name, limit >> 20);
}

/* A pipe has no size beforehand, so the limit is kept while reading. */
static stl_code read_all(FILE *file, const stl_source *named, uint8_t **bytes, size_t *byte_count,
                         stl_error *err)
{
    size_t capacity = 0, count = 0, got = 0;
    do {
        const size_t limit = stl_gzip_is(*bytes, count) ? MAX_GZIP_BYTES : MAX_FILE_BYTES;
        if (count > limit)
            return too_large(named, limit, err);
        if (count == capacity) {
            capacity = capacity ? 2 * capacity : 64 * 1024;
            uint8_t *moved = realloc(*bytes, capacity);
            if (!moved)
                return stl_image_no_memory(err);
            *bytes = moved;
        }
        got = fread(*bytes + count, 1, capacity - count, file);
        count += got;
    } while (got);
    if (ferror(file))
        return stl_fail(err, STL_E_FILE, NULL, "%s: cannot be read: %s", named->name,
                        strerror(errno));
    *byte_count = count;
    return STL_OK;
}

stl_code stl_file_read(const char *path, uint8_t **bytes, size_t *byte_count, stl_error *err)
{
    stl_source named;
    stl_source_init(&named, path, NULL, 0);
    *bytes = NULL;
    *byte_count = 0;
    FILE *file = fopen(path, "rb");
    if (!file && errno == ENOMEM)
        return stl_image_no_memory(err);
    if (!file)
        return stl_fail(err, STL_E_FILE, "check the path; it is relative to the current folder",
                        "%s: cannot be opened: %s", named.name, strerror(errno));
    struct stat status;
    stl_code code = STL_OK;
    if (fstat(fileno(file), &status))
        code =
            stl_fail(err, STL_E_FILE, NULL, "%s: cannot be read: %s", named.name, strerror(errno));
    else if (S_ISDIR(status.st_mode))
        code = stl_fail(err, STL_E_FILE, "name a file in it", "%s: is a folder", named.name);
    else if (S_ISREG(status.st_mode) && status.st_size > (off_t)MAX_FILE_BYTES)
        code = too_large(&named, MAX_FILE_BYTES, err);
    else
        code = read_all(file, &named, bytes, byte_count, err);
    fclose(file);
    if (code) {
        free(*bytes);
        *bytes = NULL;
    }
    return code;
}
