/* tests/unit/board.c: see board.h. The transport here calls the simulated device directly. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "board.h"
#include "transport/descriptors.h"

/* ---- a transport without a socket ---- */

typedef struct direct_transport {
    stl_transport head;
    stl_clock clock;
    board *board;
    sim_device *device;
} direct_transport;

static bool is_in_simulator;

bool board_is_in_simulator(void)
{
    return is_in_simulator;
}

void board_admin(board *b, const char *line)
{
    char answer[4096];
    if (!sim_device_admin(b->device, line, answer, sizeof answer))
        fail_msg("%s: %s", line, answer);
}

static stl_code usb_error(sim_usb_status status, stl_error *err)
{
    switch (status) {
    case SIM_USB_GONE:
        return stl_fail(err, STL_E_PROBE_GONE, NULL, "unplugged");
    case SIM_USB_NAK:
    case SIM_USB_LOST:
        return stl_fail(err, STL_E_USB, NULL, "time-out");
    case SIM_USB_STALL:
        return stl_fail(err, STL_E_USB, NULL, "stall");
    default:
        return stl_fail(err, STL_E_USB, NULL, "overflow");
    }
}

static sim_usb_status run_one(direct_transport *direct, stl_transfer *transfer, uint32_t timeout_ms)
{
    board *b = direct->board;
    if (++b->transfer_count == b->trap.at)
        board_admin(b, b->trap.line);
    if (b->is_supply_kept)
        board_admin(b, "power on");
    sim_usb_status status;
    if (transfer->endpoint & 0x80) {
        status = sim_device_in(direct->device, transfer->endpoint, transfer->bytes,
                               transfer->byte_count, &transfer->actual_count);
    } else {
        status = sim_device_out(direct->device, transfer->endpoint, transfer->bytes,
                                transfer->byte_count);
        transfer->actual_count = transfer->byte_count;
    }
    if (status == SIM_USB_NAK || status == SIM_USB_LOST)
        sim_device_idle(direct->device, (uint64_t)timeout_ms * 1000000u);
    return status;
}

static stl_code direct_run(stl_transport *transport, stl_transfer *transfers, unsigned count,
                           uint32_t timeout_ms, stl_error *err)
{
    direct_transport *direct = (direct_transport *)transport;
    sim_usb_status status = SIM_USB_OK;
    is_in_simulator = true;
    for (unsigned i = 0; i < count && status == SIM_USB_OK; i++)
        status = run_one(direct, &transfers[i], timeout_ms);
    is_in_simulator = false;
    return status == SIM_USB_OK ? STL_OK : usb_error(status, err);
}

static stl_code direct_reset(stl_transport *transport, stl_error *err)
{
    (void)err;
    is_in_simulator = true;
    sim_device_usb_reset(((direct_transport *)transport)->device);
    is_in_simulator = false;
    return STL_OK;
}

static void direct_close(stl_transport *transport)
{
    free(transport); /* the device belongs to the board: it outlives a session */
}

static const stl_transport_ops direct_ops = {direct_run, direct_reset, direct_close};

static uint64_t direct_now_us(void *self)
{
    return sim_device_now_ns(((direct_transport *)self)->device) / 1000;
}

static void direct_sleep_us(void *self, uint64_t wait_us)
{
    is_in_simulator = true;
    sim_device_idle(((direct_transport *)self)->device, wait_us * 1000);
    is_in_simulator = false;
}

static size_t get_descriptor(sim_device *device, uint8_t type, uint8_t index, uint8_t *bytes,
                             size_t room)
{
    const uint8_t setup[8] = {0x80, 6, index, type, 0, 0, (uint8_t)room, (uint8_t)(room >> 8)};
    size_t actual = 0;
    assert_int_equal(sim_device_control(device, setup, bytes, room, &actual), SIM_USB_OK);
    return actual;
}

static stl_transport *new_transport(board *b)
{
    direct_transport *direct = calloc(1, sizeof *direct);
    assert_non_null(direct);
    stl_usb_identity *identity = &direct->head.identity;
    direct->board = b;
    direct->device = b->device;
    direct->head.ops = &direct_ops;
    direct->clock = (stl_clock){direct, direct_now_us, direct_sleep_us};
    direct->head.clock = &direct->clock;
    direct->head.log = &b->log;
    uint8_t bytes[512];
    assert_true(get_descriptor(b->device, 1, 0, bytes, 18) == 18);
    identity->vendor_id = (uint16_t)(bytes[8] | bytes[9] << 8);
    identity->product_id = (uint16_t)(bytes[10] | bytes[11] << 8);
    const uint8_t serial_index = bytes[16];
    const size_t config_count = get_descriptor(b->device, 2, 0, bytes, sizeof bytes);
    assert_true(stl_usb_parse_config(bytes, config_count, identity));
    if (serial_index)
        identity->serial_raw_count =
            get_descriptor(b->device, 3, serial_index, identity->serial_raw, 255);
    strcpy(identity->port, "test");
    return &direct->head;
}

/* ---- the board ---- */

static void take_log(void *self, stl_log_level level, const char *text)
{
    board *b = self;
    if (level != STL_LOG_WARN)
        return;
    b->warning_count++;
    strncpy(b->last_warning, text, sizeof b->last_warning - 1);
}

stl_nvm_config board_config(const sim_chip_model *model, uint32_t ram_bytes)
{
    stl_nvm_config config = {
        .driver = "stm32l1",
        .regs_addr = 0x40023C00,
        .page_bytes = 256,
        .half_page_bytes = 128,
        .wrp_sector_bytes = 4096,
        .ram_addr = 0x20000000,
        .ram_bytes = ram_bytes ? ram_bytes : model->ram_bytes,
        .option_base_addr = 0x1FF80000,
        .user_default = model->category >= 4 ? 0xF8 : 0x78,
        .op_typical_us = 3280,
        .op_max_us = 3940,
        .supply_mv = 3300,
        .erased_byte = 0,
        .has_parallel_banks = model->category >= 4,
        .has_sprmod = model->dev_id == 0x429 || model->dev_id == 0x427,
    };
    static const uint32_t offsets[] = {0x00, 0x04, 0x08, 0x0C, 0x10, 0x14, 0x18, 0x1C, 0x80, 0x84};
    config.option_word_count = 2 + 2 * model->wrp_word_count;
    memcpy(config.option_offsets, offsets, config.option_word_count * sizeof offsets[0]);
    for (unsigned i = 0; i < 2 && model->flash_bytes[i]; i++)
        config.flash[config.flash_bank_count++] =
            (stl_nvm_bank){model->flash_base[i], model->flash_bytes[i]};
    for (unsigned i = 0; i < 2 && model->eeprom_bytes[i]; i++)
        config.eeprom[config.eeprom_bank_count++] =
            (stl_nvm_bank){model->eeprom_base[i], model->eeprom_bytes[i]};
    return config;
}

void board_power_on(board *b, const board_options *options)
{
    memset(b, 0, sizeof *b);
    b->log = (stl_log){b, STL_LOG_WARN, take_log};
    const char *name = options && options->model ? options->model : "STM32L151CB-A";
    const sim_chip_model *model = sim_chip_model_find(name);
    assert_non_null(model);
    static const board_options none;
    if (!options)
        options = &none;
    sim_chip *chip = sim_chip_new(model, &options->chip);
    assert_non_null(chip);
    sim_device_options device = options->device;
    if (device.kind == SIM_PROBE_V1)
        device.kind = SIM_PROBE_V2;
    b->device = sim_device_new(&device, chip);
    assert_non_null(b->device);
    b->config = board_config(model, options->chip.ram_bytes);
}

stl_code board_reconnect(board *b, const stl_nvm_options *nvm_options, stl_error *err)
{
    const stl_connect_options connect = {STL_CONNECT_NORMAL, 0};
    board_disconnect(b);
    is_in_simulator = true;
    stl_transport *transport = new_transport(b);
    is_in_simulator = false;
    stl_code code = stl_probe_open(transport, &b->probe, err);
    if (!code)
        code = stl_dap_connect(b->probe, &connect, &b->dap, err);
    if (!code)
        code = stl_nvm_open(b->dap, &b->config, nvm_options, &b->nvm, err);
    if (!code)
        b->transport = stl_probe_transport(b->probe);
    return code;
}

void board_connect(board *b, const board_options *options)
{
    board_power_on(b, options);
    stl_error err = {0};
    assert_ok(board_reconnect(b, options ? &options->nvm : NULL, &err));
}

void board_disconnect(board *b)
{
    stl_nvm_close(b->nvm);
    const stl_code left = stl_dap_close(b->dap, NULL); /* after a fault it may fail, too */
    (void)left;
    stl_probe_close(b->probe);
    b->nvm = NULL;
    b->dap = NULL;
    b->probe = NULL;
    b->transport = NULL;
}

void board_throw_away(board *b)
{
    board_disconnect(b);
    sim_device_free(b->device);
    b->device = NULL;
}

void board_peek(board *b, uint32_t addr, void *bytes, size_t byte_count)
{
    assert_true(sim_chip_peek(sim_device_chip(b->device), addr, bytes, byte_count));
}

void board_poke(board *b, uint32_t addr, const void *bytes, size_t byte_count)
{
    assert_true(sim_chip_poke(sim_device_chip(b->device), addr, bytes, byte_count));
}

const sim_chip_stats *board_stats(board *b)
{
    return sim_chip_get_stats(sim_device_chip(b->device));
}

void fill_random(uint8_t *bytes, size_t byte_count, uint32_t seed)
{
    uint32_t x = seed * 2654435761u + 1;
    for (size_t i = 0; i < byte_count; i++) {
        x ^= x << 13;
        x ^= x >> 17;
        x ^= x << 5;
        bytes[i] = (uint8_t)(x >> 11);
    }
}
