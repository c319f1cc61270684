/* tests/fuzz/fuzz_probe.c: a hostile probe. It answers each command as a sane ST-LINK would, unless the
 * input says otherwise: another length, other bytes, a failure. Whatever it does, opening, connecting,
 * planning and writing end, with an error that has a text, or with a success that was earned. */
#include "fuzz.h"

#include "stl/bytes.h"
#include "stl/nvm.h"

#include <stdlib.h>
#include <string.h>

enum { MAX_RUNS = 60000 };

typedef struct hostile {
    stl_transport head;
    stl_clock clock;
    uint64_t now_us;
    const uint8_t *input;
    size_t input_left;
    uint8_t command[16];
    unsigned runs;
    bool was_reset;
} hostile;

static uint8_t next_byte(hostile *h)
{
    if (!h->input_left)
        return 0;
    h->input_left--;
    return *h->input++;
}

static uint32_t sane_word(hostile *h, uint32_t addr)
{
    switch (addr) {
    case 0xE000EDF0: /* DHCSR: halted, and S_RESET_ST once after each reset */
        if (h->was_reset) {
            h->was_reset = false;
            return 0x02030003;
        }
        return 0x00030003;
    case 0xE000ED00:
        return 0x412FC230;
    case 0xE0042000:
        return 0x10186429;
    case 0x40023C04:
        return 0;
    case 0x40023C18:
        return 0xC;
    case 0x40023C1C:
        return 0x007800AA;
    default:
        return 0;
    }
}

static void sane_reply(hostile *h, uint8_t *reply, size_t room)
{
    memset(reply, 0, room);
    const uint8_t *c = h->command;
    if (c[0] == 0xF1)
        memcpy(reply, "\x29\x47\x83\x04\x48\x37", 6);
    else if (c[0] == 0xF5)
        reply[0] = 1;
    else if (c[0] == 0xF7)
        memcpy(reply, "\xF1\x05\x00\x00\x0B\x08\x00\x00", 8);
    else
        reply[0] = 0x80;
    if (c[0] == 0xF2 && c[1] == 0x31)
        stl_put_u32le(reply + 4, 0x2BA01477);
    if (c[0] == 0xF2 && c[1] == 0x36)
        stl_put_u32le(reply + 4, sane_word(h, stl_get_u32le(c + 2)));
    if (c[0] == 0xF2 && (c[1] == 0x07 || c[1] == 0x0C))
        memset(reply, 0, room); /* memory: blank */
}

static size_t reply_bytes(const uint8_t *c)
{
    if (c[0] == 0xF1)
        return 6;
    if (c[0] == 0xF5)
        return 2;
    if (c[0] == 0xF7)
        return 8;
    switch (c[1]) {
    case 0x07:
    case 0x0C:
        return stl_get_u16le(c + 6);
    case 0x31:
    case 0x3E:
        return 12;
    case 0x33:
    case 0x36:
    case 0x45:
        return 8;
    default:
        return 2;
    }
}

static stl_code hostile_run(stl_transport *transport, stl_transfer *transfers, unsigned count,
                            uint32_t timeout_ms, stl_error *err)
{
    hostile *h = (hostile *)transport;
    fuzz_expect(++h->runs < MAX_RUNS, "the dialogue with a hostile probe ends");
    h->now_us += 700;
    for (unsigned i = 0; i < count; i++) {
        stl_transfer *t = &transfers[i];
        if (!(t->endpoint & 0x80)) {
            if (i == 0 && t->byte_count == 16) {
                memcpy(h->command, t->bytes, 16);
                if (h->command[1] == 0x35 && stl_get_u32le(h->command + 2) == 0xE000ED0C)
                    h->was_reset = true;
            }
            t->actual_count = t->byte_count;
            continue;
        }
        const uint8_t twist = next_byte(h);
        sane_reply(h, t->bytes, t->byte_count);
        size_t actual = reply_bytes(h->command);
        if (twist >= 0xF0) {
            h->now_us += timeout_ms * 1000ull;
            return stl_fail(err, twist == 0xF1 ? STL_E_PROBE_GONE : STL_E_USB, NULL, "no answer");
        }
        if (twist >= 0xC0) /* another length */
            actual = next_byte(h) * (size_t)(twist & 7);
        else if (twist >= 0x80) /* other bytes, from the front */
            for (unsigned k = 0; k < (twist & 15u) && k < t->byte_count; k++)
                ((uint8_t *)t->bytes)[k] ^= next_byte(h);
        t->actual_count = actual < t->byte_count ? actual : t->byte_count;
    }
    return STL_OK;
}

static stl_code hostile_reset(stl_transport *transport, stl_error *err)
{
    (void)transport;
    (void)err;
    return STL_OK;
}

static void hostile_close(stl_transport *transport)
{
    (void)transport; /* lives on the stack of the fuzzer */
}

static uint64_t hostile_now_us(void *self)
{
    return ((hostile *)self)->now_us;
}

static void hostile_sleep_us(void *self, uint64_t wait_us)
{
    ((hostile *)self)->now_us += wait_us;
}

static const stl_nvm_config config = {
    .driver = "stm32l1", .regs_addr = 0x40023C00,
    .flash = {{0x08000000, 128 * 1024}}, .flash_bank_count = 1,
    .eeprom = {{0x08080000, 4096}}, .eeprom_bank_count = 1,
    .page_bytes = 256, .half_page_bytes = 128, .wrp_sector_bytes = 4096,
    .ram_addr = 0x20000000, .ram_bytes = 16 * 1024,
    .option_base_addr = 0x1FF80000, .option_offsets = {0, 4, 8, 12}, .option_word_count = 4,
    .user_default = 0x78, .op_typical_us = 3280, .op_max_us = 3940, .supply_mv = 3300,
};

static stl_code work(hostile *h, stl_error *err)
{
    static const uint8_t bytes[600] = {1, 2, 3};
    const stl_connect_options connect = {STL_CONNECT_NORMAL, 0};
    stl_probe *probe = NULL;
    stl_dap *dap = NULL;
    stl_nvm *nvm = NULL;
    stl_image *image = NULL;
    stl_plan *plan = NULL;
    stl_nvm_report report;
    stl_nvm_status status;
    stl_code code = stl_probe_open(&h->head, &probe, err);
    if (!code)
        code = stl_dap_connect(probe, &connect, &dap, err);
    if (!code)
        code = stl_nvm_open(dap, &config, NULL, &nvm, err);
    if (!code)
        code = stl_nvm_get_status(nvm, &status, err);
    if (!code)
        code = stl_image_new(&image, err);
    if (!code)
        code = stl_image_add(image, 0x08000010, bytes, sizeof bytes, err);
    if (!code)
        code = stl_nvm_make_plan(nvm, image, NULL, NULL, &plan, err);
    if (!code)
        code = stl_nvm_apply_plan(nvm, plan, STL_VERIFY_READ, NULL, &report, err);
    stl_plan_free(plan);
    stl_image_free(image);
    stl_nvm_close(nvm);
    stl_error left_err;
    const stl_code left = stl_dap_close(dap, &left_err);
    stl_probe_close(probe);
    return code ? code : left;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t byte_count)
{
    static const stl_transport_ops ops = {hostile_run, hostile_reset, hostile_close};
    hostile h = {.input = bytes, .input_left = byte_count};
    h.head.ops = &ops;
    h.clock = (stl_clock){&h, hostile_now_us, hostile_sleep_us};
    h.head.clock = &h.clock;
    h.head.identity = (stl_usb_identity){.vendor_id = 0x0483, .product_id = 0x3748,
                                         .endpoint_out = 2, .endpoint_in = 0x81,
                                         .max_packet_bytes = 64, .port = "fuzz"};
    stl_error err = {0};
    const stl_code code = work(&h, &err);
    fuzz_expect(!code || (err.code == code && err.frame_count && err.frame[0][0]),
                "an error has a code and a text");
    /* This probe's memory always reads blank: the bytes of the image can never be verified. */
    fuzz_expect(code || byte_count, "no success without contents");
    return 0;
}
