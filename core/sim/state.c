/* core/sim/state.c: see state.h.
 *
 *   0 8 bytes "STLUASIM"   8 u32 version   12 u32 length of the rest   16 u32 CRC-32 of the rest
 *   20 32 bytes model name, zero padded    52 the rest */
#include "state.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "stl/bytes.h"

#define MAGIC "STLUASIM"

enum { VERSION = 1, MODEL_BYTES = 32, HEADER_BYTES = 20 + MODEL_BYTES, MAX_PATH = 600 };
enum { MAX_STATE_BYTES = 64 << 20, LOCK_RETRY_MS = 10 };

struct sim_state {
    sim_chip *chip;
    char path[MAX_PATH], lock_path[MAX_PATH + 8];
    int lock_fd;
    bool is_on_disk;
};

/* CRC-32 of zip and Ethernet, bit by bit: half a megabyte once a run. */
static uint32_t crc32_of(const uint8_t *bytes, size_t byte_count)
{
    uint32_t crc = UINT32_MAX;
    for (size_t i = 0; i < byte_count; i++) {
        crc ^= bytes[i];
        for (int bit = 0; bit < 8; bit++)
            crc = crc >> 1 ^ (crc & 1u ? 0xEDB88320u : 0);
    }
    return ~crc;
}

/* ---- the lock: a file beside it, which goes when the last user goes ---- */

static void read_holder(int fd, char *text, size_t text_size)
{
    const ssize_t got = pread(fd, text, text_size - 1, 0);
    text[got > 0 ? got : 0] = '\0';
}

/* The file we locked may have been removed by its last user meanwhile: then ours is another one. */
static bool is_still_there(int fd, const char *path)
{
    struct stat ours, named;
    return !fstat(fd, &ours) && !stat(path, &named) && ours.st_ino == named.st_ino &&
           ours.st_dev == named.st_dev;
}

/* 1: locked; 0: somebody else has it; -1: cannot be made (errno). */
static int try_lock(sim_state *state, char *holder, size_t holder_size)
{
    const int fd = open(state->lock_path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0)
        return -1;
    if (flock(fd, LOCK_EX | LOCK_NB)) {
        read_holder(fd, holder, holder_size);
        close(fd);
        return 0;
    }
    if (!is_still_there(fd, state->lock_path)) {
        close(fd);
        return 0;
    }
    state->lock_fd = fd;
    char pid[24];
    const int count = snprintf(pid, sizeof pid, "%ld", (long)getpid());
    if (ftruncate(fd, 0) || pwrite(fd, pid, (size_t)count, 0) != count)
        pid[0] = '\0'; /* the lock holds; only its name tag is missing */
    return 1;
}

static bool lock(sim_state *state, unsigned wait_ms, char *reason, size_t reason_size)
{
    char holder[24] = "";
    for (unsigned waited_ms = 0;; waited_ms += LOCK_RETRY_MS) {
        const int got = try_lock(state, holder, sizeof holder);
        if (got > 0)
            return true;
        if (got < 0) {
            snprintf(reason, reason_size, "cannot make %s: %s", state->lock_path, strerror(errno));
            return false;
        }
        if (waited_ms >= wait_ms)
            break;
        const struct timespec pause = {0, LOCK_RETRY_MS * 1000000L};
        nanosleep(&pause, NULL);
    }
    snprintf(reason, reason_size, "the state file %s is in use by another simulator%s%s",
             state->path, holder[0] ? ", pid " : "", holder);
    return false;
}

/* ---- loading ---- */

/* The whole file; NULL: errno, 0 for a file that is too large. */
static uint8_t *read_file(FILE *file, size_t *byte_count)
{
    struct stat info;
    if (fstat(fileno(file), &info))
        return NULL;
    errno = 0;
    if (!S_ISREG(info.st_mode) || info.st_size > MAX_STATE_BYTES)
        return NULL;
    *byte_count = (size_t)info.st_size;
    uint8_t *bytes = malloc(*byte_count + 1);
    if (bytes && fread(bytes, 1, *byte_count, file) != *byte_count) {
        free(bytes);
        return NULL;
    }
    return bytes;
}

static bool check_header(const sim_state *state, const uint8_t *bytes, size_t byte_count,
                         char *reason, size_t reason_size)
{
    const char *path = state->path, *model = sim_chip_get_model(state->chip)->name;
    if (byte_count < HEADER_BYTES || memcmp(bytes, MAGIC, strlen(MAGIC))) {
        snprintf(reason, reason_size, "%s is not a state file of stlua-sim", path);
        return false;
    }
    if (stl_get_u32le(bytes + 8) != VERSION) {
        snprintf(reason, reason_size, "%s has version %u, this stlua-sim reads %d", path,
                 (unsigned)stl_get_u32le(bytes + 8), VERSION);
        return false;
    }
    if (stl_get_u32le(bytes + 12) != byte_count - HEADER_BYTES ||
        stl_get_u32le(bytes + 16) != crc32_of(bytes + HEADER_BYTES, byte_count - HEADER_BYTES)) {
        snprintf(reason, reason_size, "the state file %s is damaged; move it away to start anew",
                 path);
        return false;
    }
    if (strncmp((const char *)bytes + 20, model, MODEL_BYTES)) {
        snprintf(reason, reason_size, "%s holds a %.*s, not a %s", path, MODEL_BYTES,
                 (const char *)bytes + 20, model);
        return false;
    }
    return true;
}

static bool load_bytes(sim_state *state, uint8_t *bytes, size_t byte_count, char *reason,
                       size_t reason_size)
{
    char why[128] = "";
    if (!check_header(state, bytes, byte_count, reason, reason_size))
        return false;
    FILE *stream = fmemopen(bytes + HEADER_BYTES, byte_count - HEADER_BYTES, "rb");
    const bool is_loaded = stream && sim_chip_load(state->chip, stream, why, sizeof why);
    if (stream)
        fclose(stream);
    if (!is_loaded)
        snprintf(reason, reason_size, "the state file %s cannot be used: %s", state->path,
                 stream ? why : strerror(errno));
    return is_loaded;
}

static bool load(sim_state *state, char *reason, size_t reason_size)
{
    FILE *file = fopen(state->path, "rbe");
    if (!file && errno == ENOENT)
        return true;
    size_t byte_count = 0;
    uint8_t *bytes = file ? read_file(file, &byte_count) : NULL;
    if (!bytes) {
        snprintf(reason, reason_size, "cannot read the state file %s: %s", state->path,
                 errno ? strerror(errno) : "it is no file of a chip's size");
        if (file)
            fclose(file);
        return false;
    }
    fclose(file);
    state->is_on_disk = load_bytes(state, bytes, byte_count, reason, reason_size);
    free(bytes);
    return state->is_on_disk;
}

sim_state *sim_state_open(const char *path, sim_chip *chip, unsigned wait_ms, char *reason,
                          size_t reason_size)
{
    sim_state *state = calloc(1, sizeof *state);
    if (!state || strlen(path) >= MAX_PATH) {
        snprintf(reason, reason_size, state ? "the state file's path is too long" : "out of memory");
        free(state);
        return NULL;
    }
    state->chip = chip;
    state->lock_fd = -1;
    snprintf(state->path, sizeof state->path, "%s", path);
    snprintf(state->lock_path, sizeof state->lock_path, "%s.lock", path);
    if (lock(state, wait_ms, reason, reason_size) && load(state, reason, reason_size))
        return state;
    sim_state_close(state);
    return NULL;
}

void sim_state_close(sim_state *state)
{
    if (!state)
        return;
    if (state->lock_fd >= 0) {
        unlink(state->lock_path); /* while it is ours: see is_still_there */
        close(state->lock_fd);
    }
    free(state);
}

/* ---- saving ---- */

static bool write_all(const sim_state *state, FILE *file, const uint8_t *rest, size_t rest_count)
{
    uint8_t header[HEADER_BYTES] = MAGIC;
    stl_put_u32le(header + 8, VERSION);
    stl_put_u32le(header + 12, (uint32_t)rest_count);
    stl_put_u32le(header + 16, crc32_of(rest, rest_count));
    snprintf((char *)header + 20, MODEL_BYTES, "%s", sim_chip_get_model(state->chip)->name);
    return fwrite(header, 1, sizeof header, file) == sizeof header &&
           fwrite(rest, 1, rest_count, file) == rest_count;
}

static bool replace_file(const sim_state *state, const uint8_t *rest, size_t rest_count)
{
    char temporary[MAX_PATH + 32];
    snprintf(temporary, sizeof temporary, "%s.%ld.tmp", state->path, (long)getpid());
    const int fd = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    FILE *file = fd < 0 ? NULL : fdopen(fd, "wb");
    if (!file) {
        if (fd >= 0)
            close(fd);
        return false;
    }
    bool is_written = write_all(state, file, rest, rest_count);
    is_written = !fclose(file) && is_written;
    if (is_written && !rename(temporary, state->path))
        return true;
    const int reason = errno;
    unlink(temporary);
    errno = reason;
    return false;
}

bool sim_state_save(sim_state *state, char *reason, size_t reason_size)
{
    if (state->is_on_disk && !sim_chip_is_dirty(state->chip)) {
        snprintf(reason, reason_size, "nothing has changed");
        return true;
    }
    char *rest = NULL;
    size_t rest_count = 0;
    FILE *stream = open_memstream(&rest, &rest_count);
    bool is_done = stream && sim_chip_save(state->chip, stream);
    if (stream)
        is_done = !fclose(stream) && is_done;
    is_done = is_done && replace_file(state, (const uint8_t *)rest, rest_count);
    if (is_done)
        snprintf(reason, reason_size, "saved to %s", state->path);
    else
        snprintf(reason, reason_size, "cannot write the state file %s: %s", state->path,
                 strerror(errno));
    free(rest);
    state->is_on_disk = state->is_on_disk || is_done;
    return is_done;
}
