/* tests/firmware/startup.c: vector table and the way from reset to main.
 * Source: ARMv7-M B1.5.3 (vector table); RM0038 10.1.2 (45 interrupts on Cat.1 and 2). */
#include <stdint.h>

enum { SYSTEM_VECTORS = 16, INTERRUPTS = 45 };

extern uint32_t data_load[], data_start[], data_end[], bss_start[], bss_end[], stack_top[];

int main(void);
void reset_handler(void);
void unexpected_handler(void);

void reset_handler(void)
{
    const uint32_t *from = data_load;
    for (uint32_t *to = data_start; to < data_end;)
        *to++ = *from++;
    for (uint32_t *to = bss_start; to < bss_end;)
        *to++ = 0;
    main();
    for (;;)
        ;
}

/* Stays, so that a debugger finds it here. */
void unexpected_handler(void)
{
    for (;;)
        ;
}

typedef union vector {
    uint32_t *stack;
    void (*handler)(void);
} vector;

__attribute__((section(".vectors"),
               used)) static const vector vectors[SYSTEM_VECTORS + INTERRUPTS] = {
    {.stack = stack_top},
    {.handler = reset_handler},
    [2 ... SYSTEM_VECTORS + INTERRUPTS - 1] = {.handler = unexpected_handler},
};
