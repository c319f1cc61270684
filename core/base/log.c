/* core/base/log.c: see stl/log.h. */
#include "stl/log.h"

#include <stdio.h>

void stl_log_write(const stl_log *log, stl_log_level level, const char *format, ...)
{
    if (!log || !log->write || level > log->level)
        return;
    char text[512];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    log->write(log->self, level, text);
}
