/* core/include/stl/clock.h: time as the caller provides it.
 * The core never looks at a clock of its own: a simulated probe brings simulated time, so that the
 * test of a time-out takes microseconds. */
#ifndef STL_CLOCK_H
#define STL_CLOCK_H

#include <stdbool.h>
#include <stdint.h>

typedef struct stl_clock {
    void *self;
    uint64_t (*now_us)(void *self);                /* monotonic, any origin */
    void (*sleep_us)(void *self, uint64_t wait_us); /* returns after at least wait_us */
} stl_clock;

/* The machine's monotonic clock. */
const stl_clock *stl_clock_system(void);

uint64_t stl_now_us(const stl_clock *clock);
void stl_sleep_us(const stl_clock *clock, uint64_t wait_us);

typedef struct stl_deadline {
    const stl_clock *clock;
    uint64_t end_us;
    unsigned looks; /* taken by stl_deadline_is_last_look */
} stl_deadline;

stl_deadline stl_deadline_in_ms(const stl_clock *clock, uint32_t timeout_ms);
stl_deadline stl_deadline_in_us(const stl_clock *clock, uint64_t timeout_us);

/* True once the time is over. Callers look once more at what they wait for after it says so: on a
 * busy host the clock may run out while the thing waited for is long done. */
bool stl_deadline_passed(const stl_deadline *deadline);

/* For a loop that looks at the target: true once the time is over and it has been looked at often. A
 * host that stood still, or a simulated target whose time passes with traffic only, has then had its
 * chance too. Ask before each look. */
bool stl_deadline_is_last_look(stl_deadline *deadline);

#endif
