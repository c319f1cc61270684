/* tests/unit/test_device_fixture.h: a simulated probe in process, spoken to in bytes. */
#ifndef TEST_DEVICE_FIXTURE_H
#define TEST_DEVICE_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "sim/device.h"
#include "stl/bytes.h"

typedef struct probe {
    sim_device *device;
    uint8_t out, reply[8192];
    size_t reply_count;
} probe;

static inline probe plug_in(const char *model, const sim_device_options *options,
                            const sim_chip_options *chip_options)
{
    static const sim_chip_options plain;
    const sim_chip_model *found = sim_chip_model_find(model);
    assert_non_null(found);
    sim_chip *chip = sim_chip_new(found, chip_options ? chip_options : &plain);
    assert_non_null(chip);
    probe p = {.out = options->kind == SIM_PROBE_V2 || options->kind == SIM_PROBE_V1 ? 0x02 : 0x01};
    p.device = sim_device_new(options, chip);
    assert_non_null(p.device);
    return p;
}

/* A V2 of the given J number on a Cat.1 chip, as it comes out of the box. */
static inline probe plug_in_v2(unsigned jtag)
{
    sim_device_options options;
    sim_device_options_default(&options, SIM_PROBE_V2);
    options.jtag = jtag;
    return plug_in("STM32L151CB", &options, NULL);
}

static inline probe plug_in_v3(unsigned jtag)
{
    sim_device_options options;
    sim_device_options_default(&options, SIM_PROBE_V3);
    options.jtag = jtag;
    return plug_in("STM32L151CB", &options, NULL);
}

/* "F2 30 A3" into bytes; how many. */
static inline size_t from_hex(const char *hex, uint8_t *bytes, size_t room)
{
    size_t count = 0;
    for (char *end; *hex; hex = end) {
        const unsigned long byte = strtoul(hex, &end, 16);
        if (end == hex)
            break;
        assert_true(count < room);
        bytes[count++] = (uint8_t)byte;
    }
    return count;
}

static inline sim_usb_status send_hex(probe *p, const char *hex)
{
    uint8_t bytes[16] = {0};
    from_hex(hex, bytes, sizeof bytes);
    return sim_device_out(p->device, p->out, bytes, sizeof bytes);
}

/* A command without a reply. */
static inline void say(probe *p, const char *hex)
{
    assert_int_equal(send_hex(p, hex), SIM_USB_OK);
}

static inline sim_usb_status collect(probe *p)
{
    return sim_device_in(p->device, 0x81, p->reply, sizeof p->reply, &p->reply_count);
}

/* A command and its reply, which is returned; reply_count is checked. */
static inline const uint8_t *ask(probe *p, const char *hex, size_t reply_count)
{
    say(p, hex);
    assert_int_equal(collect(p), SIM_USB_OK);
    assert_int_equal(p->reply_count, reply_count);
    return p->reply;
}

static inline void expect(probe *p, const char *hex, const char *reply_hex)
{
    uint8_t wanted[256];
    const size_t count = from_hex(reply_hex, wanted, sizeof wanted);
    ask(p, hex, count);
    assert_memory_equal(p->reply, wanted, count);
}

static inline void expect_silence(probe *p, const char *hex)
{
    say(p, hex);
    assert_int_equal(collect(p), SIM_USB_NAK);
}

static inline void write_data(probe *p, const char *hex, const void *bytes, size_t byte_count)
{
    say(p, hex);
    assert_int_equal(sim_device_out(p->device, p->out, bytes, byte_count), SIM_USB_OK);
}

/* Leave DFU if need be, enter SWD, open AP 0 where that is a command. */
static inline void enter(probe *p)
{
    if (ask(p, "F5", 2)[0] == 0)
        say(p, "F3 07");
    expect(p, "F2 30 A3", "80 00");
    say(p, "F2 4B 00");
    if (collect(p) == SIM_USB_OK)
        assert_int_equal(p->reply[0], 0x80);
}

static inline void unplug(probe *p)
{
    sim_device_free(p->device);
    p->device = NULL;
}

/* An admin line that has to be accepted. */
static inline const char *admin(probe *p, const char *line)
{
    static char answer[4096];
    if (!sim_device_admin(p->device, line, answer, sizeof answer))
        fail_msg("\"%s\": %s", line, answer);
    return answer;
}

static inline double now_us(const probe *p)
{
    return (double)sim_device_now_ns(p->device) / 1000.0;
}

#endif
