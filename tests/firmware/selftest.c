/* tests/firmware/selftest.c: what a board can prove about itself, on request through a mailbox in
 * RAM. Needs no pin but SWD. Runs at the clock of reset, without interrupts. The routines follow
 * the AAPCS and are global, so that a debugger may also call them. */
#include <stdbool.h>

#include "l151.h"
#include "selftest.h"

extern uint32_t bss_start[], data_end[], stack_top[];

uint32_t selftest_crc(uint32_t addr, uint32_t byte_count);
uint32_t selftest_uid(uint32_t index);
uint32_t selftest_march(uint32_t addr, uint32_t byte_count);
int main(void);

__attribute__((section(".known"), used)) volatile selftest_mailbox g_mailbox;

/* ---- CRC unit ---- */

uint32_t selftest_crc(uint32_t addr, uint32_t byte_count)
{
    RCC_AHBENR |= AHBENR_CRCEN;
    CRC_CR = 1;
    for (const uint32_t end_addr = addr + byte_count; addr < end_addr; addr += 4)
        CRC_DR = REG(addr);
    return CRC_DR;
}

/* ---- UID: facts 1.4, where it is depends on the category ---- */

uint32_t selftest_uid(uint32_t index)
{
    static const uint8_t offsets[] = {0x00, 0x04, 0x14};
    const uint32_t dev_id = DBGMCU_IDCODE & IDCODE_DEV_ID;
    const bool is_small = dev_id == 0x416 || dev_id == 0x429;
    return REG((is_small ? 0x1FF80050u : 0x1FF800D0u) + offsets[index]);
}

/* ---- RAM: March C-, word by word: up w0; up r0 w1; up r1 w0; down r0 w1; down r1 w0; up r0 ----
 */

static uint32_t pass_up(uint32_t addr, uint32_t word_count, uint32_t expected, uint32_t next)
{
    uint32_t bad = 0;
    for (uint32_t i = 0; i < word_count; i++) {
        bad += REG(addr + 4 * i) != expected;
        REG(addr + 4 * i) = next;
    }
    return bad;
}

static uint32_t pass_down(uint32_t addr, uint32_t word_count, uint32_t expected, uint32_t next)
{
    uint32_t bad = 0;
    for (uint32_t i = word_count; i-- > 0;) {
        bad += REG(addr + 4 * i) != expected;
        REG(addr + 4 * i) = next;
    }
    return bad;
}

uint32_t selftest_march(uint32_t addr, uint32_t byte_count)
{
    const uint32_t count = byte_count / 4, zeros = 0, ones = 0xFFFFFFFF;
    for (uint32_t i = 0; i < count; i++)
        REG(addr + 4 * i) = zeros;
    uint32_t bad = pass_up(addr, count, zeros, ones);
    bad += pass_up(addr, count, ones, zeros);
    bad += pass_down(addr, count, zeros, ones);
    bad += pass_down(addr, count, ones, zeros);
    return bad + pass_up(addr, count, zeros, zeros);
}

/* ---- the mailbox ---- */

static bool is_word_range(uint32_t addr, uint32_t byte_count)
{
    return addr % 4 == 0 && byte_count % 4 == 0 && byte_count && addr + byte_count > addr;
}

/* RAM from the end of our variables to the lowest our stack may come, or above it. */
static bool is_free_ram(uint32_t addr, uint32_t byte_count)
{
    enum { STACK_BYTES = 512, RAM_MAX_BYTES = 80 * 1024 };
    const uint32_t used_end = (uint32_t)data_end, stack = (uint32_t)stack_top;
    const uint32_t ram_end = 0x20000000u + RAM_MAX_BYTES, end_addr = addr + byte_count;
    return (addr >= used_end && end_addr <= stack - STACK_BYTES) ||
           (addr >= stack && end_addr <= ram_end);
}

static bool run(uint32_t command, uint32_t a, uint32_t b, uint32_t *result)
{
    bool is_fine = false;
    if (command == SELFTEST_ECHO) {
        is_fine = true;
        *result = a;
    } else if (command == SELFTEST_CRC && is_word_range(a, b)) {
        is_fine = true;
        *result = selftest_crc(a, b);
    } else if (command == SELFTEST_UID && a < 3) {
        is_fine = true;
        *result = selftest_uid(a);
    } else if (command == SELFTEST_MARCH && is_word_range(a, b) && is_free_ram(a, b)) {
        is_fine = true;
        *result = selftest_march(a, b);
    }
    return is_fine;
}

int main(void)
{
    g_mailbox.magic = SELFTEST_MAGIC;
    for (;;) {
        IWDG_KR = IWDG_KR_REFRESH; /* option bytes may have started it */
        const uint32_t command = g_mailbox.command;
        if (command == SELFTEST_NONE)
            continue;
        uint32_t result = 0;
        const bool is_fine = run(command, g_mailbox.argument[0], g_mailbox.argument[1], &result);
        g_mailbox.result = result;
        g_mailbox.done = is_fine ? SELFTEST_OK : SELFTEST_REFUSED;
        g_mailbox.command = SELFTEST_NONE;
    }
}
