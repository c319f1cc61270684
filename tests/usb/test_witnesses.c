/* tests/usb/test_witnesses.c: other people's tools, unmodified, on the simulated bus.
 * What one has written another verifies, and the simulator is asked what its flash really holds. So
 * a mistake that stlua and stlua-sim share would show. The table it prints is the proof. */
#include "desk.h"

#include <unistd.h>

#include "admin_client.h"

enum {
    IMAGE_BYTES = 4096 + 128 + 16, /* a sector, a half page and some words */
    PEEK_BYTES = 256,
    FLASH_ADDR = 0x08000000
};

static const struct {
    const char *category, *part;
} chips[] = {
    {"cat1", "STM32L152RB"}, {"cat2", "STM32L151CB-A"}, {"cat3", "STM32L152RC"},
    {"cat4", "STM32L152RD"}, {"cat5", "STM32L152RE"},
};
static const char *const probe_kinds[] = {"v2", "v21", "v3"};

/* $D is the desk's folder, with the images a.bin and b.bin; $OPENOCD_HLA and $OPENOCD_DAP are
 * OpenOCD with everything but what to do. */
typedef struct step {
    const char *tool, *operation, *command;
    char leaves;         /* 'a', 'b': that image in flash; '0': blank */
    char leaves_on_cat5; /* if that is something else */
    const char *refusal_of_v3; /* what the tool says of an STLINK-V3, if it knows none */
} step;

static const step steps[] = {
    {"st-info", "probe", "st-info --probe | grep -q 'Found 1 stlink'", '0', 0, NULL},
    {"st-flash", "write a", "st-flash write $D/a.bin 0x08000000", 'a', 0, NULL},
    {"openocd hla", "verify a",
     "$OPENOCD_HLA -c 'reset halt; verify_image '$D'/a.bin 0x08000000; exit'", 'a', 0, NULL},
    {"openocd hla", "write b",
     "$OPENOCD_HLA -c 'reset init; flash write_image erase '$D'/b.bin 0x08000000; "
     "verify_image '$D'/b.bin 0x08000000; reset run; exit'",
     'b', 0, NULL},
    {"st-flash", "read b",
     "st-flash read $D/out.bin 0x08000000 4240 && cmp $D/out.bin $D/b.bin && rm $D/out.bin", 'b',
     0, NULL},
    /* pyOCD 0.13.1 wants firmware J24 of an STLINK-V3, too, which counts from J1: its next version
     * does not. */
    {"pyocd", "read b",
     "$PYOCD savemem 0x08000000 4240 $D/out.bin && cmp $D/out.bin $D/b.bin && rm $D/out.bin", 'b',
     0, "older firmware version"},
    /* adds r0, #1 in RAM */
    {"pyocd", "step",
     "printf 'halt\\nw16 0x20000100 0x3001\\nwreg r0 41\\nwreg pc 0x20000100\\nstep\\n"
     "reg r0\\nreset\\nexit\\n' | $PYOCD 2>&1 | tee /dev/stderr | "
     "grep -q 'r0 = 0x0000002a'",
     'b', 0, "older firmware version"},
    {"openocd dap", "write a",
     "$OPENOCD_DAP -c 'reset init; flash write_image erase '$D'/a.bin 0x08000000; "
     "verify_image '$D'/a.bin 0x08000000; reset run; exit'",
     'a', 0, NULL},
    {"stlua", "verify a", "$STLUA verify --base 0x08000000 $D/a.bin", 'a', 0, NULL},
    {"stlua", "write b", "$STLUA flash --base 0x08000000 $D/b.bin", 'b', 0, NULL},
    {"openocd dap", "verify b",
     "$OPENOCD_DAP -c 'reset halt; verify_image '$D'/b.bin 0x08000000; exit'", 'b', 0, NULL},
    {"st-flash", "read b", "st-flash read $D/out.bin 0x08000000 4240 && cmp $D/out.bin $D/b.bin",
     'b', 0, NULL},
    {"openocd hla", "erase", "$OPENOCD_HLA -c 'reset halt; flash erase_sector 0 0 1; exit'", '0',
     0, NULL},
    {"stlua", "write a", "$STLUA flash --base 0x08000000 --verify read $D/a.bin", 'a', 0, NULL},
    {"stlua", "read a",
     "$STLUA read 0x08000000 4240 -o $D/out.bin && cmp $D/out.bin $D/a.bin && rm $D/out.bin", 'a',
     0, NULL},
    {"stlua", "mass erase", "$STLUA erase --all", '0', 0, NULL},
    {"openocd dap", "write a",
     "$OPENOCD_DAP -c 'reset init; flash write_image '$D'/a.bin 0x08000000; reset run; exit'", 'a',
     0, NULL},
    {"openocd dap", "erase", "$OPENOCD_DAP -c 'reset halt; flash erase_sector 0 0 1; exit'", '0', 0,
     NULL},
    {"stlua", "write a", "$STLUA flash --base 0x08000000 $D/a.bin", 'a', 0, NULL},
    /* OpenOCD before July 2025 sets OBL_LAUNCH with OPTLOCK still closed, so that RDP is never
     * loaded and nothing is erased (facts on STM32L1, 9.1); it says nothing of it. So does the
     * simulator. */
    {"openocd hla", "mass erase: no", "$OPENOCD_HLA -c 'reset halt; stm32lx mass_erase 0; exit'",
     'a', 0, NULL},
    /* st-flash 1.7 takes a 0x437 for an L0 and erases with registers that are not there, says
     * nothing and exits with 0 (stlink-org/stlink#1161); its write works because the chip was
     * blank. */
    {"st-flash", "mass erase", "st-flash erase", '0', 'a', NULL},
};

/* ---- what is really in the flash ---- */

static bool flash_holds(const char *socket_path, const uint8_t image[IMAGE_BYTES])
{
    for (unsigned at = 0; at < IMAGE_BYTES; at += PEEK_BYTES) {
        char line[64], answer[2 * PEEK_BYTES + 16];
        const unsigned count = IMAGE_BYTES - at < PEEK_BYTES ? IMAGE_BYTES - at : PEEK_BYTES;
        snprintf(line, sizeof line, "peek 0x%08X %u", FLASH_ADDR + at, count);
        if (!sim_admin_send(socket_path, line, answer, sizeof answer))
            return false;
        for (unsigned i = 0; i < count; i++) {
            unsigned byte;
            if (sscanf(answer + 2 * i, "%2x", &byte) != 1 || byte != image[at + i])
                return false;
        }
    }
    return true;
}

/* A linear congruential generator: the images are always the same. The first two words are a stack
 * and an entry point, an endless loop right behind them. */
static void make_image(uint8_t image[IMAGE_BYTES], uint32_t seed)
{
    static const uint8_t head[] = {0x00, 0x10, 0x00, 0x20, 0x09, 0x00, 0x00, 0x08, 0xFE, 0xE7};
    for (unsigned i = 0; i < IMAGE_BYTES; i++) {
        seed = seed * 1664525u + 1013904223u;
        image[i] = (uint8_t)(seed >> 24);
    }
    memcpy(image, head, sizeof head);
}

static void save_image(const desk *d, const char *name, const uint8_t image[IMAGE_BYTES])
{
    char path[128];
    snprintf(path, sizeof path, "%s/%s", d->folder, name);
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(image, 1, IMAGE_BYTES, file), IMAGE_BYTES);
    assert_int_equal(fclose(file), 0);
}

/* ---- the table ---- */

static void name_the_tools(const desk *d)
{
#define OPENOCD_END                                                                                \
    "-f target/stm32l1.cfg -c 'gdb_port disabled' -c 'tcl_port disabled' -c 'telnet_port "         \
    "disabled' "                                                                                   \
    "-c init"
    setenv("D", d->folder, 1);
    setenv("STLUA", STL_BINARY_DIR "/bin/stlua", 1);
    setenv("OPENOCD_HLA",
           "openocd -f interface/stlink.cfg -c 'transport select hla_swd' " OPENOCD_END, 1);
    setenv("OPENOCD_DAP",
           "openocd -f interface/stlink-dap.cfg -c 'transport select dapdirect_swd' " OPENOCD_END,
           1);
    setenv("PYOCD", "timeout 30 pyocd-tool -t cortex_m", 1);
    /* OPENOCD_* hold quotes, so the shell has to read them once more */
}

static bool run_step(desk *d, const step *s, const char *probe_kind)
{
    char script[512];
    snprintf(script, sizeof script, "eval \"%s\"", s->command);
    const bool is_done = RUN(d, "/bin/sh", "-c", script) == 0;
    if (s->refusal_of_v3 && !strcmp(probe_kind, "v3"))
        return !is_done && strstr(d->output, s->refusal_of_v3);
    return is_done;
}

static bool witness(const char *category, const char *part, const char *probe_kind)
{
    static desk d;
    static uint8_t images[3][IMAGE_BYTES]; /* a, b, blank */
    char board[64];
    bool is_all_good = true;
    desk_set_up(&d);
    make_image(images[0], 1);
    make_image(images[1], 2);
    save_image(&d, "a.bin", images[0]);
    save_image(&d, "b.bin", images[1]);
    name_the_tools(&d);
    snprintf(board, sizeof board, "%s?probe=%s", part, probe_kind);
    const char *socket_path = desk_plug(&d, board, "port=4.2");
    for (unsigned i = 0; i < sizeof steps / sizeof steps[0]; i++) {
        const step *s = &steps[i];
        const bool is_done = run_step(&d, s, probe_kind);
        const bool is_odd = s->leaves_on_cat5 && !strcmp(category, "cat5");
        const char leaves = is_odd ? s->leaves_on_cat5 : s->leaves;
        const uint8_t *expected = images[leaves == '0' ? 2 : leaves - 'a'];
        const bool is_right = flash_holds(socket_path, expected);
        const bool is_refused = s->refusal_of_v3 && !strcmp(probe_kind, "v3");
        print_message("| %-12s | %s %-13s | %-3s | %-14s | %s |\n", s->tool, category, part,
                      probe_kind, s->operation,
                      !is_done     ? "FAIL"
                      : !is_right  ? "WRONG"
                      : is_refused ? "pass: refuses any V3"
                                   : "pass");
        if (!is_done || !is_right)
            print_message("%.4000s\n", d.output);
        is_all_good = is_all_good && is_done && is_right;
    }
    desk_tear_down(&d);
    return is_all_good;
}

static const char *only_category; /* NULL: all */

static void every_tool_agrees_on_every_chip_through_every_probe(void **state)
{
    bool is_all_good = true;
    (void)state;
    print_message("| tool | chip | probe | operation | result |\n|---|---|---|---|---|\n");
    for (unsigned c = 0; c < sizeof chips / sizeof chips[0]; c++)
        for (unsigned p = 0; p < sizeof probe_kinds / sizeof probe_kinds[0]; p++)
            if (!only_category || !strcmp(only_category, chips[c].category))
                is_all_good &= witness(chips[c].category, chips[c].part, probe_kinds[p]);
    assert_true(is_all_good);
}

int main(int argc, char **argv)
{
    only_category = argc > 1 ? argv[1] : NULL;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_tool_agrees_on_every_chip_through_every_probe),
    };
    return cmocka_run_group_tests_name("usb/witnesses", tests, NULL, NULL);
}
