/* tests/fuzz/driver.c: a fuzzer without libFuzzer, for every build: the corpus as it is, then a
 * number of seeded mutations of it.
 *   fuzz_NAME CORPUS_FOLDER [MUTATIONS [SEED]]      or      fuzz_NAME FILE   to look at one input
 */
#include "fuzz.h"

#include <dirent.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define MAX_INPUTS      512
#define MAX_INPUT_BYTES (64 * 1024)

typedef struct input {
    uint8_t *bytes;
    size_t byte_count;
} input;

static uint64_t rng_state;

static uint32_t random_below(uint32_t limit)
{
    rng_state ^= rng_state >> 12;
    rng_state ^= rng_state << 25;
    rng_state ^= rng_state >> 27;
    return (uint32_t)((rng_state * UINT64_C(0x2545F4914F6CDD1D)) >> 32) % limit;
}

static bool read_input(const char *path, input *out)
{
    static uint8_t buffer[MAX_INPUT_BYTES];
    FILE *file = fopen(path, "rb");
    if (!file)
        return false;
    const size_t count = fread(buffer, 1, sizeof buffer, file);
    fclose(file);
    *out = (input){malloc(count + 1), count};
    if (!out->bytes)
        return false;
    memcpy(out->bytes, buffer, count);
    return true;
}

static int by_name(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*a)->d_name, (*b)->d_name); /* not by locale: the same order everywhere */
}

static size_t read_folder(const char *folder, input inputs[MAX_INPUTS])
{
    struct dirent **entries = NULL;
    const int entry_count = scandir(folder, &entries, NULL, by_name);
    size_t count = 0;
    for (int i = 0; i < entry_count; i++) {
        char path[1024];
        snprintf(path, sizeof path, "%s/%s", folder, entries[i]->d_name);
        if (entries[i]->d_name[0] != '.' && count < MAX_INPUTS && read_input(path, &inputs[count]))
            count++;
        free(entries[i]);
    }
    free(entries);
    return count;
}

/* An exactly sized copy, so that a sanitizer sees the first byte behind the input. */
static void run(const uint8_t *bytes, size_t byte_count)
{
    uint8_t *exact = malloc(byte_count ? byte_count : 1);
    if (!exact)
        abort();
    if (byte_count)
        memcpy(exact, bytes, byte_count);
    LLVMFuzzerTestOneInput(exact, byte_count);
    free(exact);
}

static size_t mutate_once(uint8_t *bytes, size_t count, const input *other)
{
    const size_t at = count ? random_below((uint32_t)count) : 0;
    const size_t span = count - at ? 1 + random_below((uint32_t)(count - at)) : 0;
    switch (count ? random_below(7) : 6) {
    case 0: /* a bit */
        bytes[at] = (uint8_t)(bytes[at] ^ 1u << random_below(8));
        return count;
    case 1: /* a byte */
        bytes[at] = (uint8_t)random_below(256);
        return count;
    case 2: /* a byte that ends ranges */
        bytes[at] = (uint8_t[]){0x00, 0x01, 0x7F, 0x80, 0xFF, '\n', ':', 'S'}[random_below(8)];
        return count;
    case 3: /* the end lost */
        return at;
    case 4: /* a part lost */
        memmove(bytes + at, bytes + at + span, count - at - span);
        return count - span;
    case 5: /* a part doubled */
        if (count + span > MAX_INPUT_BYTES)
            return count;
        memmove(bytes + at + span, bytes + at, count - at);
        return count + span;
    default: /* the end of another input */
        if (other->byte_count > at) {
            memcpy(bytes + at, other->bytes + at, other->byte_count - at);
            return other->byte_count;
        }
        return count;
    }
}

static void run_mutations(const input *inputs, size_t input_count, unsigned mutation_count)
{
    static uint8_t bytes[MAX_INPUT_BYTES];
    for (unsigned i = 0; i < mutation_count; i++) {
        const input *from = &inputs[random_below((uint32_t)input_count)];
        size_t count = from->byte_count;
        memcpy(bytes, from->bytes, count);
        for (unsigned n = 1 + random_below(4); n--;)
            count = mutate_once(bytes, count, &inputs[random_below((uint32_t)input_count)]);
        run(bytes, count);
    }
}

int main(int argc, char **argv)
{
    static input inputs[MAX_INPUTS];
    struct stat status;
    if (argc < 2 || stat(argv[1], &status)) {
        fprintf(stderr, "usage: %s CORPUS_FOLDER [MUTATIONS [SEED]] | FILE\n", argv[0]);
        return 2;
    }
    const bool is_folder = S_ISDIR(status.st_mode);
    const size_t count =
        is_folder ? read_folder(argv[1], inputs) : (size_t)read_input(argv[1], &inputs[0]);
    const unsigned mutations = argc > 2 ? (unsigned)strtoul(argv[2], NULL, 0) : 0;
    const uint64_t seed = argc > 3 ? strtoull(argv[3], NULL, 0) : 1;
    printf("%zu inputs, %u mutations, seed %llu\n", count, mutations, (unsigned long long)seed);
    fflush(stdout); /* before what might abort */
    if (!count)
        return 1; /* an empty corpus proves nothing */
    run(NULL, 0);
    for (size_t i = 0; i < count; i++)
        run(inputs[i].bytes, inputs[i].byte_count);
    rng_state = seed * 2 + 1;
    run_mutations(inputs, count, mutations);
    for (size_t i = 0; i < count; i++)
        free(inputs[i].bytes);
    return 0;
}
