/* core/image/save.c: write Intel HEX, S-records and binaries, whole or not at all. */
#include "image/parts.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define RECORD_DATA_BYTES 16
#define HEX_BANK_BYTES    0x10000u /* what one type 04 record covers */

/* One record: its bytes in hex after prefix, then the checksum byte. */
static void write_record(FILE *file, const char *prefix, const uint8_t *bytes, size_t byte_count,
                         uint8_t checksum)
{
    fputs(prefix, file);
    for (size_t i = 0; i < byte_count; i++)
        fprintf(file, "%02X", bytes[i]);
    fprintf(file, "%02X\n", checksum);
}

static uint8_t sum_of(const uint8_t *bytes, size_t byte_count)
{
    uint8_t sum = 0;
    for (size_t i = 0; i < byte_count; i++)
        sum = (uint8_t)(sum + bytes[i]);
    return sum;
}

static void hex_record(FILE *file, uint8_t type, uint32_t offset, const uint8_t *data,
                       size_t data_count)
{
    uint8_t raw[4 + RECORD_DATA_BYTES] = {(uint8_t)data_count, (uint8_t)(offset >> 8),
                                          (uint8_t)offset, type};
    if (data_count)
        memcpy(raw + 4, data, data_count);
    write_record(file, ":", raw, 4 + data_count, (uint8_t)(0x100 - sum_of(raw, 4 + data_count)));
}

/* Records start at multiples of 16, so that files of one firmware can be compared line by line. */
static size_t record_length(uint32_t addr, size_t left)
{
    const size_t room = RECORD_DATA_BYTES - addr % RECORD_DATA_BYTES;
    return left < room ? left : room;
}

static void save_hex(const stl_image *image, FILE *file)
{
    uint32_t bank = 0; /* what a reader assumes before the first type 04 record */
    for (size_t i = 0; i < image->segment_count; i++) {
        const stl_run *s = &image->segments[i];
        for (size_t at = 0, n; at < s->byte_count; at += n) {
            const uint32_t addr = s->addr + (uint32_t)at;
            n = record_length(addr, s->byte_count - at);
            if (addr / HEX_BANK_BYTES != bank) {
                bank = addr / HEX_BANK_BYTES;
                hex_record(file, 4, 0, (uint8_t[]){(uint8_t)(bank >> 8), (uint8_t)bank}, 2);
            }
            hex_record(file, 0, addr % HEX_BANK_BYTES, s->bytes + at, n);
        }
    }
    const uint32_t entry = image->entry_addr;
    if (image->has_entry)
        hex_record(file, 5, 0,
                   (uint8_t[]){(uint8_t)(entry >> 24), (uint8_t)(entry >> 16),
                               (uint8_t)(entry >> 8), (uint8_t)entry},
                   4);
    hex_record(file, 1, 0, NULL, 0);
}

static void s_record(FILE *file, unsigned type, unsigned addr_bytes, uint32_t addr,
                     const uint8_t *data, size_t data_count)
{
    const char prefix[] = {'S', (char)('0' + type), '\0'};
    uint8_t raw[5 + RECORD_DATA_BYTES] = {(uint8_t)(addr_bytes + data_count + 1)};
    for (unsigned i = 0; i < addr_bytes; i++)
        raw[1 + i] = (uint8_t)(addr >> 8 * (addr_bytes - 1 - i));
    if (data_count)
        memcpy(raw + 1 + addr_bytes, data, data_count);
    const size_t count = 1 + addr_bytes + data_count;
    write_record(file, prefix, raw, count, (uint8_t)(0xFF - sum_of(raw, count)));
}

static unsigned srec_addr_bytes(const stl_image *image)
{
    const stl_run *last = &image->segments[image->segment_count - 1];
    uint64_t highest = last->addr + (uint64_t)last->byte_count - 1;
    if (image->has_entry && image->entry_addr > highest)
        highest = image->entry_addr;
    return highest > 0xFFFFFF ? 4 : highest > 0xFFFF ? 3 : 2;
}

static void save_srec(const stl_image *image, FILE *file)
{
    const unsigned addr_bytes = srec_addr_bytes(image);
    size_t record_count = 0;
    s_record(file, 0, 2, 0, NULL, 0);
    for (size_t i = 0; i < image->segment_count; i++) {
        const stl_run *s = &image->segments[i];
        for (size_t at = 0, n; at < s->byte_count; at += n, record_count++) {
            n = record_length(s->addr + (uint32_t)at, s->byte_count - at);
            s_record(file, addr_bytes - 1, addr_bytes, s->addr + (uint32_t)at, s->bytes + at, n);
        }
    }
    if (record_count <= 0xFFFF) /* S6 would hold more, but not every tool knows it */
        s_record(file, 5, 2, (uint32_t)record_count, NULL, 0);
    s_record(file, 11 - addr_bytes, addr_bytes, image->has_entry ? image->entry_addr : 0, NULL, 0);
}

static void save_binary(const stl_image *image, FILE *file, uint8_t fill)
{
    uint8_t gap[4096];
    memset(gap, fill, sizeof gap);
    uint64_t at = image->segments[0].addr;
    for (size_t i = 0; i < image->segment_count; i++) {
        const stl_run *s = &image->segments[i];
        while (at < s->addr) {
            const uint64_t left = s->addr - at;
            const size_t n = left < sizeof gap ? (size_t)left : sizeof gap;
            if (fwrite(gap, 1, n, file) != n)
                return; /* the stream keeps the error */
            at += n;
        }
        fwrite(s->bytes, 1, s->byte_count, file);
        at += s->byte_count;
    }
}

static stl_code check_savable(const stl_image *image, const stl_source *named,
                              stl_image_format format, stl_error *err)
{
    if (format != STL_IMAGE_HEX && format != STL_IMAGE_SREC && format != STL_IMAGE_BIN)
        return stl_fail(err, STL_E_ARGUMENT, "name it .hex, .s19 or .bin, or state the format",
                        "%s: an image is saved as Intel HEX, S-record or binary", named->name);
    if (!image->segment_count)
        return stl_fail(err, STL_E_ARGUMENT, "was everything cropped away?",
                        "%s: the image is empty, nothing to save", named->name);
    const stl_run *last = &image->segments[image->segment_count - 1];
    const uint64_t span = last->addr - image->segments[0].addr + (uint64_t)last->byte_count;
    if (format == STL_IMAGE_BIN && span > MAX_FILE_BYTES)
        return stl_fail(err, STL_E_RANGE, "save as Intel HEX, or crop the image to one region",
                        "%s: a binary from 0x%08" PRIX32 " to 0x%08" PRIX32 " would have %" PRIu64
                        " MiB, mostly gaps",
                        named->name, image->segments[0].addr,
                        (uint32_t)(last->addr + (uint64_t)last->byte_count - 1), span >> 20);
    return STL_OK;
}

static stl_code file_failed(const stl_source *named, int reason, stl_error *err)
{
    return stl_fail(err, STL_E_FILE, "is there room, and may this user write there?",
                    "%s: cannot be written: %s", named->name, strerror(reason));
}

static stl_code write_file(const stl_image *image, int fd, const stl_source *named,
                           stl_image_format format, uint8_t fill, bool is_regular, stl_error *err)
{
    FILE *file = fdopen(fd, "wb");
    if (!file) {
        close(fd);
        return stl_image_no_memory(err);
    }
    errno = 0;
    if (format == STL_IMAGE_HEX)
        save_hex(image, file);
    else if (format == STL_IMAGE_SREC)
        save_srec(image, file);
    else
        save_binary(image, file, fill);
    int reason = 0;
    if (ferror(file) || fflush(file) || (is_regular && fsync(fileno(file))))
        reason = errno ? errno : EIO;
    if (fclose(file) && !reason)
        reason = errno;
    return reason ? file_failed(named, reason, err) : STL_OK;
}

/* Beside the target, so that rename() stays on one file system. O_EXCL: no other process writes
 * there. */
static int open_beside(const char *path, char *beside, size_t beside_bytes, mode_t mode)
{
    for (unsigned attempt = 0; attempt < 100; attempt++) {
        snprintf(beside, beside_bytes, "%s.%ld-%u.tmp", path, (long)getpid(), attempt);
        const int fd = open(beside, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
        if (fd >= 0 || errno != EEXIST)
            return fd;
    }
    return -1;
}

static stl_code replace_file(const stl_image *image, const char *path, const stl_source *named,
                             stl_image_format format, uint8_t fill, const struct stat *old,
                             stl_error *err)
{
    const size_t beside_bytes = strlen(path) + 48;
    char *beside = malloc(beside_bytes);
    if (!beside)
        return stl_image_no_memory(err);
    stl_code code = STL_OK;
    const int fd = open_beside(path, beside, beside_bytes, 0666);
    if (fd < 0) {
        code = file_failed(named, errno, err);
        free(beside);
        return code;
    }
    if (old) /* a failure only loses the old permissions, not the file */
        (void)!fchmod(fd, old->st_mode & 07777);
    code = write_file(image, fd, named, format, fill, true, err);
    if (!code && rename(beside, path))
        code = file_failed(named, errno, err);
    if (code)
        unlink(beside);
    free(beside);
    return code;
}

stl_code stl_image_save(const stl_image *image, const char *path, stl_image_format format,
                        uint8_t fill, stl_error *err)
{
    stl_source named;
    stl_source_init(&named, path, NULL, 0);
    if (format == STL_IMAGE_AUTO)
        format = stl_image_format_of_name(path);
    stl_code code = check_savable(image, &named, format, err);
    if (code)
        return code;
    struct stat old;
    if (stat(path, &old)) /* also a link that leads nowhere: it is replaced by the file */
        return replace_file(image, path, &named, format, fill, NULL, err);
    if (S_ISREG(old.st_mode)) {
        char *real = realpath(path, NULL); /* a link stays one; what it names is replaced */
        if (!real)
            return errno == ENOMEM ? stl_image_no_memory(err) : file_failed(&named, errno, err);
        code = replace_file(image, real, &named, format, fill, &old, err);
        free(real);
        return code;
    }
    const int fd = open(path, O_WRONLY | O_CLOEXEC);
    return fd < 0 ? file_failed(&named, errno, err)
                  : write_file(image, fd, &named, format, fill, false, err);
}
