/* tests/fuzz/fuzz_gzip.c: any bytes behind a gzip header are unpacked or are a clear error. */
#include "fuzz.h"

#include "stl/image.h"

#include <stdlib.h>
#include <string.h>

#define MAX_INPUT_BYTES 4096 /* 1000 times as much unpacked is enough */

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t byte_count)
{
    static const uint8_t magic[3] = {0x1F, 0x8B, 8};
    uint8_t file[MAX_INPUT_BYTES + sizeof magic];
    if (byte_count > MAX_INPUT_BYTES)
        return 0;
    /* Most inputs would end at the magic, so it is put in front of those that lack it. */
    const size_t skip = byte_count >= 2 && !memcmp(bytes, magic, 2) ? 0 : sizeof magic;
    memcpy(file, magic, skip);
    if (byte_count)
        memcpy(file + skip, bytes, byte_count);

    const stl_image_options options = {STL_IMAGE_BIN, true, 0x08000000};
    stl_image *image = NULL;
    stl_error err = {0};
    const stl_code code =
        stl_image_parse("fuzz.gz", file, skip + byte_count, &options, &image, &err);
    fuzz_expect(!code == !!image, "an image comes with STL_OK only");
    fuzz_expect(!code || code == STL_E_FORMAT, "bad gzip data is a format error");
    fuzz_expect(!code || err.hint, "and says what to do");
    if (image)
        fuzz_expect(strstr(stl_image_format_name(image), "gzip") != NULL, "and is called gzip");
    stl_image_free(image);
    return 0;
}
