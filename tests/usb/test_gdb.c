/* tests/usb/test_gdb.c: gdb through OpenOCD, so that others witness the simulated core's debug
 * unit: load, breakpoint, single step, registers, memory. */
#include "desk.h"

#include <unistd.h>

#define OPENOCD                                                                                    \
    "openocd -f interface/stlink.cfg -c \"transport select hla_swd\" -f target/stm32l1.cfg "       \
    "-c \"gdb_port pipe; log_output /dev/null; tcl_port disabled; telnet_port disabled\""
#define BLINK STL_BINARY_DIR "/firmware/blink.elf" /* made by the build: target firmware */

static void gdb_loads_breaks_steps_and_writes(void **state)
{
    desk *d = *state;
    desk_plug(d, "rak5205", "port=4.2");
    assert_int_equal(RUN(d, "timeout", "60", "gdb-multiarch", "-q", "-batch", "-nx", "-ex",
                         "set pagination off", "-ex", "set confirm off", "-ex",
                         "target extended-remote | " OPENOCD, "-ex", "monitor reset halt", "-ex",
                         "load", "-ex", "compare-sections", "-ex", "monitor reset halt", "-ex",
                         "break main", "-ex", "continue", "-ex", "set $before = $pc", "-ex",
                         "stepi", "-ex", "printf \"stepped %d\\n\", $pc - $before", "-ex", "delete",
                         "-ex", "set $r7 = 0x12345678", "-ex", "printf \"r7=%08x\\n\", $r7", "-ex",
                         "break led_toggle", "-ex", "continue", "-ex", "set var g_blink_count = 41",
                         "-ex", "continue", "-ex", "printf \"count=%u\\n\", g_blink_count", "-ex",
                         "kill", BLINK),
                     0);
    desk_assert_output(d, "Section .text, range 0x8000000 -- 0x8000238: matched.");
    desk_assert_output(d, "xPSR: 0x01000000 pc: 0x080000f6 msp: 0x20002800");
    desk_assert_output(d, "Breakpoint 1, main ()");
    desk_assert_output(d, "stepped 2");
    desk_assert_output(d, "r7=12345678");
    desk_assert_output(d, "Breakpoint 2, led_toggle ()");
    desk_assert_output(d, "count=42");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ON_A_DESK(gdb_loads_breaks_steps_and_writes),
    };
    return cmocka_run_group_tests_name("usb/gdb", tests, NULL, NULL);
}
