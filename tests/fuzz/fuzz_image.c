/* tests/fuzz/fuzz_image.c: any bytes, as any format, are an image or a clear error. */
#include "fuzz.h"

#include "stl/image.h"

#include <string.h>

static void check_error(stl_code code, const stl_error *err)
{
    fuzz_expect(err->code == code, "the error has the code that was returned");
    fuzz_expect(err->frame_count >= 1 && err->frame[0][0], "an error has a text");
    fuzz_expect(code != STL_E_INTERNAL, "no input is our defect");
}

static void check_image(const stl_image *image)
{
    const size_t count = stl_image_segment_count(image);
    uint64_t previous_end = 0;
    fuzz_expect(count > 0, "a loaded image holds bytes");
    for (size_t i = 0; i < count; i++) {
        const stl_segment s = stl_image_segment(image, i);
        fuzz_expect(s.byte_count > 0, "no segment is empty");
        fuzz_expect(!i || s.addr > previous_end, "segments are sorted and do not touch");
        previous_end = (uint64_t)s.addr + s.byte_count;
        fuzz_expect(previous_end <= (uint64_t)1 << 32, "segments stay in the address space");
        uint8_t last = 0;
        size_t missing = 1;
        stl_image_read(image, (uint32_t)(previous_end - 1), &last, 1, 0, &missing);
        fuzz_expect(!missing && last == s.bytes[s.byte_count - 1], "what is held can be read");
    }
}

static void check_names(const stl_image *image)
{
    stl_image_name found;
    stl_error err;
    for (size_t i = 0; i < stl_image_symbol_count(image); i++) {
        const stl_code code =
            stl_image_symbol(image, stl_image_symbol_at(image, i).name, &found, &err);
        fuzz_expect(code != STL_E_ARGUMENT, "a listed symbol is found");
    }
    for (size_t i = 0; i < stl_image_section_count(image); i++)
        fuzz_expect(strlen(stl_image_section_at(image, i).name) > 0, "a listed section has a name");
}

/* Cutting a copy in the middle of its first segment never touches the rest. */
static void check_edits(const stl_image *image)
{
    stl_image *copy = NULL;
    stl_error err;
    if (stl_image_copy(image, &copy, &err))
        return;
    const stl_segment s = stl_image_segment(image, 0);
    const uint64_t before = stl_image_byte_count(copy);
    const uint32_t middle = s.addr + (uint32_t)(s.byte_count / 2);
    fuzz_expect(!stl_image_cut(copy, middle, 1, &err), "a byte can be cut");
    fuzz_expect(stl_image_byte_count(copy) == before - 1, "one byte less");
    fuzz_expect(!stl_image_add(copy, middle, s.bytes + s.byte_count / 2, 1, &err), "and put back");
    fuzz_expect(stl_image_segment_count(copy) == stl_image_segment_count(image), "as it was");
    check_image(copy);
    stl_image_free(copy);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t byte_count)
{
    for (unsigned format = STL_IMAGE_AUTO; format <= STL_IMAGE_BIN; format++)
        for (unsigned has_base = 0; has_base < 2; has_base++) {
            const stl_image_options options = {(stl_image_format)format, has_base, 0xFFFFFF00};
            stl_image *image = NULL;
            stl_error err = {0};
            const stl_code code =
                stl_image_parse("fuzz", bytes, byte_count, &options, &image, &err);
            fuzz_expect(!code == !!image, "an image comes with STL_OK only");
            if (code) {
                check_error(code, &err);
                continue;
            }
            check_image(image);
            check_names(image);
            check_edits(image);
            stl_image_free(image);
        }
    return 0;
}
