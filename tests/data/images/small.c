/* tests/data/images/small.c: the least firmware with code, constants, .data and .bss. By
 *   arm-none-eabi-gcc -mcpu=cortex-m3 -mthumb -Os -nostdlib -Wl,-n -T small.ld small.c -o small.elf
 * and from that, by arm-none-eabi-objcopy: small.hex (-O ihex), small.s19 (-O srec), small.bin (-O binary). */
static int counter = 3, zero[4];
const char version[] __attribute__((used)) = "1.0";
__attribute__((section(".isr_vector"), used)) const unsigned vectors[2] = {0x20001000, 0x08000011};

int _start(void);

int _start(void)
{
    zero[counter & 3]++;
    return counter++ + zero[0];
}
