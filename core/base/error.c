/* core/base/error.c: see stl/error.h. */
#include "stl/error.h"

#include <stdio.h>
#include <string.h>

const char *stl_code_name(stl_code code)
{
    static const char *const names[] = {
#define STL_CODE_NAME(constant, name) name,
        STL_CODES(STL_CODE_NAME)
#undef STL_CODE_NAME
    };
    return (unsigned)code < STL_CODE_COUNT ? names[code] : "internal";
}

static void format_frame(stl_error *err, unsigned frame, const char *format, va_list args)
{
    vsnprintf(err->frame[frame], STL_ERROR_FRAME_CHARS, format, args);
}

stl_code(stl_fail)(stl_error *err, stl_code code, const char *hint, const char *format, ...)
{
    if (err) {
        err->code = code;
        err->hint = hint;
        err->addr = 0;
        err->has_addr = false;
        err->frame_count = 1;
        va_list args;
        va_start(args, format);
        format_frame(err, 0, format, args);
        va_end(args);
    }
    return code;
}

stl_code stl_wrap(stl_error *err, const char *format, ...)
{
    if (!err)
        return STL_E_INTERNAL;
    if (err->frame_count < STL_ERROR_FRAMES)
        err->frame_count++;
    va_list args;
    va_start(args, format);
    format_frame(err, err->frame_count - 1, format, args);
    va_end(args);
    return err->code;
}

stl_code stl_error_at(stl_error *err, uint32_t addr)
{
    if (!err)
        return STL_E_INTERNAL;
    err->addr = addr;
    err->has_addr = true;
    return err->code;
}

size_t stl_error_text(const stl_error *err, char *text, size_t text_size)
{
    size_t length = 0;
    if (text_size)
        text[0] = '\0';
    for (unsigned i = err->frame_count; i-- > 0;) {
        const size_t at = length < text_size ? length : text_size;
        const int count = snprintf(text_size ? text + at : NULL, text_size - at, "%s%s",
                                   err->frame[i], i ? ": " : "");
        length += count > 0 ? (size_t)count : 0;
    }
    return length;
}
