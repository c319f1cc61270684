/* core/include/stl/log.h: where the core's remarks go. The core prints nothing itself. */
#ifndef STL_LOG_H
#define STL_LOG_H

#include "stl/error.h"

typedef enum stl_log_level { STL_LOG_WARN, STL_LOG_INFO, STL_LOG_DEBUG } stl_log_level;

typedef struct stl_log {
    void *self;
    stl_log_level level; /* remarks above this level are not even formatted */
    void (*write)(void *self, stl_log_level level, const char *text);
} stl_log;

/* log may be NULL: the remark is dropped. */
void stl_log_write(const stl_log *log, stl_log_level level, const char *format, ...)
    STL_PRINTF(3, 4);

#endif
