/* core/base/clock.c: see stl/clock.h. */
#include "stl/clock.h"

#include <errno.h>
#include <time.h>

static uint64_t system_now_us(void *self)
{
    (void)self;
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000u + (uint64_t)now.tv_nsec / 1000u;
}

static void system_sleep_us(void *self, uint64_t wait_us)
{
    (void)self;
    struct timespec rest = {(time_t)(wait_us / 1000000u), (long)(wait_us % 1000000u) * 1000};
    while (nanosleep(&rest, &rest) && errno == EINTR)
        ;
}

const stl_clock *stl_clock_system(void)
{
    static const stl_clock clock = {NULL, system_now_us, system_sleep_us};
    return &clock;
}

uint64_t stl_now_us(const stl_clock *clock)
{
    return clock->now_us(clock->self);
}

void stl_sleep_us(const stl_clock *clock, uint64_t wait_us)
{
    if (wait_us)
        clock->sleep_us(clock->self, wait_us);
}

stl_deadline stl_deadline_in_us(const stl_clock *clock, uint64_t timeout_us)
{
    return (stl_deadline){clock, stl_now_us(clock) + timeout_us, 0};
}

stl_deadline stl_deadline_in_ms(const stl_clock *clock, uint32_t timeout_ms)
{
    return stl_deadline_in_us(clock, (uint64_t)timeout_ms * 1000u);
}

bool stl_deadline_passed(const stl_deadline *deadline)
{
    return stl_now_us(deadline->clock) >= deadline->end_us;
}

bool stl_deadline_is_last_look(stl_deadline *deadline)
{
    enum { OFTEN = 64 };
    return deadline->looks++ >= OFTEN && stl_deadline_passed(deadline);
}
