/* tests/firmware/rtt.c: a program that talks over two RTT channels, as a board's self-test may. It
 * greets with "ready", then answers each line it gets with one line:
 *   echo TEXT    TEXT                        uid N    word N of the UID, 8 hex digits
 *   sum A B      A + B, decimal              count    how many lines it has answered
 * and anything else with "what?". The buffers are small, so that they wrap. Written from the layout
 * of the control block alone (lua/stdlib/rtt.lua has it). */
#include <stdbool.h>
#include <stddef.h>

#include "l151.h"

enum { UP_BYTES = 48, DOWN_BYTES = 16, LINE_BYTES = 64 };

typedef struct rtt_channel {
    const char *name;
    volatile char *buffer;
    uint32_t byte_count;
    volatile uint32_t write_at, read_at;
    uint32_t flags;
} rtt_channel;

typedef struct rtt_block {
    volatile char id[16];
    uint32_t up_count, down_count;
    rtt_channel up[1], down[1];
} rtt_block;

rtt_block _SEGGER_RTT; /* the name debuggers look for */
static volatile char up_bytes[UP_BYTES], down_bytes[DOWN_BYTES];

int main(void);

/* The ID last, and not as one string in flash: who scans memory for it must find the block alone.
 */
static void rtt_open(void)
{
    static const char reversed[16] = "\0\0\0\0\0\0TTR REGGES";
    static const char name[] = "Terminal";
    _SEGGER_RTT.up_count = _SEGGER_RTT.down_count = 1;
    _SEGGER_RTT.up[0] = (rtt_channel){.name = name, .buffer = up_bytes, .byte_count = UP_BYTES};
    _SEGGER_RTT.down[0] =
        (rtt_channel){.name = name, .buffer = down_bytes, .byte_count = DOWN_BYTES};
    for (unsigned i = 16; i-- > 0;)
        _SEGGER_RTT.id[i] = reversed[15 - i];
}

static void put(char c)
{
    rtt_channel *up = &_SEGGER_RTT.up[0];
    const uint32_t next = (up->write_at + 1) % UP_BYTES;
    while (next == up->read_at)
        IWDG_KR = IWDG_KR_REFRESH;
    up_bytes[up->write_at] = c;
    up->write_at = next;
}

static char get(void)
{
    rtt_channel *down = &_SEGGER_RTT.down[0];
    while (down->write_at == down->read_at)
        IWDG_KR = IWDG_KR_REFRESH;
    const char c = down_bytes[down->read_at];
    down->read_at = (down->read_at + 1) % DOWN_BYTES;
    return c;
}

static void say(const char *text)
{
    while (*text)
        put(*text++);
    put('\n');
}

static void say_number(uint32_t value, uint32_t base, unsigned least_digits)
{
    char digits[12];
    unsigned at = sizeof digits - 1;
    const unsigned last_at = at - least_digits;
    digits[at] = '\0';
    do {
        digits[--at] = "0123456789ABCDEF"[value % base];
        value /= base;
    } while (value || at > last_at);
    say(digits + at);
}

/* The text after word; NULL if line does not begin with it. */
static const char *after(const char *line, const char *word)
{
    while (*word && *line == *word)
        line++, word++;
    return *word ? NULL : line;
}

static uint32_t number(const char **text)
{
    uint32_t value = 0;
    while (**text == ' ')
        (*text)++;
    while (**text >= '0' && **text <= '9')
        value = 10 * value + (uint32_t)(*(*text)++ - '0');
    return value;
}

static uint32_t uid_word(uint32_t index)
{
    static const uint8_t offsets[] = {0x00, 0x04, 0x14};
    const uint32_t dev_id = DBGMCU_IDCODE & IDCODE_DEV_ID;
    const bool is_small = dev_id == 0x416 || dev_id == 0x429;
    return REG((is_small ? 0x1FF80050u : 0x1FF800D0u) + offsets[index % 3]);
}

static void answer(const char *line, uint32_t count)
{
    const char *rest;
    if ((rest = after(line, "echo "))) {
        say(rest);
    } else if ((rest = after(line, "uid "))) {
        say_number(uid_word(number(&rest)), 16, 8);
    } else if ((rest = after(line, "sum "))) {
        const uint32_t first = number(&rest);
        say_number(first + number(&rest), 10, 1);
    } else if (after(line, "count")) {
        say_number(count, 10, 1);
    } else {
        say("what?");
    }
}

int main(void)
{
    char line[LINE_BYTES];
    unsigned length = 0;
    uint32_t count = 0;
    rtt_open();
    say("ready");
    for (;;) {
        const char c = get();
        if (c != '\n' && length < LINE_BYTES - 1) {
            line[length++] = c;
            continue;
        }
        line[length] = '\0';
        answer(line, count++);
        length = 0;
    }
}
