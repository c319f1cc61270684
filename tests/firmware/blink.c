/* tests/firmware/blink.c: blink LED1 of a RAK5205 ten times a second, if all of the program is
 * there. Before it blinks it checks its table, word by word: a pin that toggles is a proof of what
 * was flashed. No peripheral but RCC and GPIO, no interrupt: time is counted in instructions. The
 * pin: targets/boards/rak5205.lua. -DLED_PORT and -DLED_PIN choose another board's. */
#include <stdbool.h>

#include "l151.h"

#ifndef LED_PORT
#define LED_PORT 0
#define LED_PIN  12
#endif

enum {
    HCLK_HZ = 8000000,
    TOGGLES_PER_S = 20,
    CYCLES_PER_LOOP = 3, /* SUBS 1, BNE taken 2 */
    READY_POLLS = 10000,
    ZERO_FIRST_WORD = 0x180,
    ZERO_WORDS = 32
};

extern const uint32_t table_start[], table_end[];

/* For a debugger; where they are says blink.sym. */
#define KNOWN __attribute__((section(".known"), used))

KNOWN volatile uint32_t g_blink_count;  /* toggles so far */
KNOWN volatile uint32_t g_table_errors; /* words of the table that are wrong; it stays dark then */
KNOWN volatile uint32_t g_is_hsi;       /* 0: HSI did not come up; on MSI it is a quarter as fast */

/* In .data: the start-up code has to fetch it from flash. */
uint32_t g_loops_per_toggle = HCLK_HZ / TOGGLES_PER_S / CYCLES_PER_LOOP;

static void wait_loops(uint32_t count)
{
    __asm__ volatile("1: subs %0, %0, #1\n\tbne 1b" : "+r"(count) : : "cc");
}

/* HSI divided by two: in VCORE range 2, that of reset, flash is read without wait states up to 8
 * MHz. */
static bool switch_to_hsi(void)
{
    RCC_CR |= CR_HSION;
    unsigned polls = READY_POLLS;
    while (!(RCC_CR & CR_HSIRDY))
        if (!--polls)
            return false;
    RCC_CFGR = CFGR_HPRE_DIV2 | CFGR_SW_HSI;
    for (polls = READY_POLLS; (RCC_CFGR & CFGR_SWS) != CFGR_SWS_HSI;)
        if (!--polls)
            return false;
    return true;
}

static uint32_t count_table_errors(void)
{
    const uint32_t word_count = (uint32_t)(table_end - table_start);
    uint32_t expected = 0x53544C31, errors = 0;
    for (uint32_t i = 0; i < word_count; i++) {
        if (i - ZERO_FIRST_WORD < ZERO_WORDS) {
            errors += table_start[i] != 0;
            continue;
        }
        errors += table_start[i] != expected;
        expected = expected * 1664525u + 1013904223u;
    }
    return errors;
}

static void led_init(void)
{
    RCC_AHBENR |= 1u << LED_PORT;
    GPIO_MODER(LED_PORT) = (GPIO_MODER(LED_PORT) & ~(3u << 2 * LED_PIN)) | 1u << 2 * LED_PIN;
}

static void led_toggle(void)
{
    const uint32_t bit = 1u << LED_PIN;
    GPIO_BSRR(LED_PORT) = GPIO_ODR(LED_PORT) & bit ? bit << 16 : bit;
}

int main(void)
{
    g_is_hsi = switch_to_hsi();
    g_table_errors = count_table_errors();
    led_init();
    while (!g_table_errors) {
        led_toggle();
        g_blink_count++;
        IWDG_KR = IWDG_KR_REFRESH; /* option bytes may have started it */
        wait_loops(g_loops_per_toggle);
    }
    for (;;)
        IWDG_KR = IWDG_KR_REFRESH;
}
