/* core/sim/device.c: the simulated probe as a USB device: its life, its time, its bulk endpoints.
 * Source: ST-LINK protocol sheet, 1.5 (phases), 2.3 (modes at power-up), 9.2 (required behaviour). */
#include "device_internal.h"

#include <stdlib.h>
#include <string.h>

/* ---- time ---- */

/* Simulated time goes on and the chip with it. */
void device_pass_us(sim_device *device, double us)
{
    const double ns = us * 1000.0 + device->fraction_ns;
    const uint64_t whole = (uint64_t)ns;
    device->fraction_ns = ns - (double)whole;
    device->stats.sim_time_ns += whole;
    if (whole)
        sim_chip_advance(device->chip, whole);
}

uint64_t sim_device_now_ns(const sim_device *device)
{
    return device->stats.sim_time_ns;
}

void sim_device_idle(sim_device *device, uint64_t ns)
{
    device->stats.sim_time_ns += ns;
    if (ns)
        sim_chip_advance(device->chip, ns);
}

/* xorshift64: jitter and garbage, repeatable from the seed. */
uint64_t device_random(sim_device *device)
{
    uint64_t x = device->faults.random;
    x ^= x << 13;
    x ^= x >> 7;
    x ^= x << 17;
    return device->faults.random = x;
}

/* ---- life ---- */

void sim_device_options_default(sim_device_options *options, sim_probe_kind kind)
{
    memset(options, 0, sizeof *options);
    options->kind = kind;
    options->starts_in_dfu = kind == SIM_PROBE_V2; /* facts 2.3 */
}

static void choose_firmware(sim_device *device)
{
    const sim_device_options *options = &device->options;
    const bool is_v3 = options->kind == SIM_PROBE_V3;
    sim_firmware *firmware = &device->firmware;
    firmware->kind = options->kind;
    firmware->jtag = options->jtag ? options->jtag : is_v3 ? 7 : 37;
    firmware->swim = options->swim ? options->swim : is_v3 ? 1 : 7;
    firmware->msd = options->msd ? options->msd : is_v3 ? 2 : 27;
    firmware->bridge = options->bridge ? options->bridge : 5;
}

/* Serial numbers look like ST's: 24 hex digits. FNV-1a over what tells two probes apart. */
static void choose_serial(sim_device *device)
{
    if (device->options.serial[0])
        return;
    uint64_t hash = 0xCBF29CE484222325u ^ device->options.fault_seed;
    const char *name = sim_chip_get_model(device->chip)->name;
    for (; *name; name++)
        hash = (hash ^ (uint8_t)*name) * 0x100000001B3u;
    snprintf(device->options.serial, sizeof device->options.serial, "066EFF%08X%08X%02X",
             (unsigned)(hash >> 32), (unsigned)hash, (unsigned)device->options.kind);
}

void device_idle_usb(sim_device *device)
{
    device->phase = PHASE_IDLE;
    device->data_count = device->data_expected = 0;
    device->reply_count = device->reply_sent = 0;
}

/* The state of a probe that has just got power from the bus. */
static void power_up_probe(sim_device *device)
{
    const sim_device_options *options = &device->options;
    device_idle_usb(device);
    memset(device->is_halted, 0, sizeof device->is_halted);
    device->configuration = 1; /* every host sets it when it enumerates */
    device->mode = options->starts_in_dfu ? MODE_DFU : MODE_MASS;
    device->divisor = options->swclk_khz ? sim_v2_divisor_for_khz(options->swclk_khz) : 1;
    device->swd_khz = options->swclk_khz ? options->swclk_khz : 8000;
    device->jtag_khz = 1500;
    device->open_aps = 0;
    device->csw_known_ap = NO_AP;
    device->has_sticky = false;
    device->rw_status = ST_OK;
    device->rw_fault_addr = 0;
    device->misc_count = 0;
    device->is_nrst_low = false;
    device_apply_nrst(device);
}

sim_device *sim_device_new(const sim_device_options *options, sim_chip *chip)
{
    sim_device *device = calloc(1, sizeof *device);
    if (!device) {
        sim_chip_free(chip);
        return NULL;
    }
    device->options = *options;
    device->chip = chip;
    choose_firmware(device);
    choose_serial(device);
    sim_timing_init(&device->timing, &device->firmware, options);
    device->faults.random = 0x9E3779B97F4A7C15u ^ options->fault_seed;
    device->is_plugged = true;
    device->is_button_pressed = options->is_nrst_held;
    device->plug_count = 1;
    if (!device->options.supply_mv)
        device->options.supply_mv = 3300;
    power_up_probe(device);
    if (!options->is_power_off)
        device_set_supply(device, device->options.supply_mv);
    return device;
}

void sim_device_free(sim_device *device)
{
    if (!device)
        return;
    sim_chip_free(device->chip);
    free(device);
}

sim_chip *sim_device_chip(sim_device *device)
{
    return device->chip;
}

const sim_device_stats *sim_device_get_stats(const sim_device *device)
{
    return &device->stats;
}

void sim_device_set_hooks(sim_device *device, const sim_device_hooks *hooks)
{
    device->hooks = *hooks;
}

/* ---- pins ---- */

/* Open drain: low if anybody pulls. */
void device_apply_nrst(sim_device *device)
{
    sim_chip_set_nrst(device->chip, device->is_nrst_low);
    sim_chip_press_reset(device->chip, device->is_button_pressed);
}

void device_set_supply(sim_device *device, uint32_t mv)
{
    device->supply_mv = mv;
    sim_chip_set_supply(device->chip, mv);
}

/* ---- USB: plugging, reset ---- */

void device_plug(sim_device *device, bool is_in)
{
    if (is_in && !device->is_plugged) {
        device->plug_count++;
        device->is_plugged = true;
        power_up_probe(device);
    } else if (!is_in && device->is_plugged) {
        device->is_plugged = false;
        power_up_probe(device); /* its pins float: nRST is let go */
    }
}

unsigned sim_device_plug_count(const sim_device *device)
{
    return device->is_plugged ? device->plug_count : 0;
}

/* Endpoints and the command in progress are lost; the mode and the pins stay. The kernel sets the
 * configuration again, so it is found set. */
void sim_device_usb_reset(sim_device *device)
{
    device_idle_usb(device);
    memset(device->is_halted, 0, sizeof device->is_halted);
    device->configuration = 1;
}

/* ---- USB: bulk ---- */

static bool *halt_flag(sim_device *device, uint8_t endpoint)
{
    return &device->is_halted[endpoint >> 7][endpoint & 15u];
}

bool device_trap_is_due(sim_trap *trap)
{
    return trap->in && --trap->in == 0;
}

static void say_line_when_due(sim_device *device)
{
    char answer[sizeof device->at_trouble];
    if (++device->transfers_begun != device->options.at_transfer)
        return;
    device->is_at_line_said = true;
    if (!sim_device_admin(device, device->options.at_line, answer, sizeof answer))
        snprintf(device->at_trouble, sizeof device->at_trouble, "%s", answer);
}

const char *sim_device_at_trouble(const sim_device *device)
{
    if (!device->options.at_transfer)
        return NULL;
    if (!device->is_at_line_said)
        return "that transfer has not come";
    return device->at_trouble[0] ? device->at_trouble : NULL;
}

/* What an injected fault makes of this transfer; SIM_USB_OK: go on, perhaps with a damaged one. */
static sim_usb_status spring_usb_trap(sim_device *device, uint8_t endpoint, bool *is_short,
                                      bool *is_garbage)
{
    say_line_when_due(device);
    if (!device->is_plugged)
        return SIM_USB_GONE;
    if (!device_trap_is_due(&device->faults.usb))
        return SIM_USB_OK;
    switch (device->faults.usb.what) {
    case USB_FAULT_TIMEOUT:
        return SIM_USB_LOST;
    case USB_FAULT_STALL:
        *halt_flag(device, endpoint) = true;
        return SIM_USB_STALL;
    case USB_FAULT_DISCONNECT:
        device_plug(device, false);
        return SIM_USB_GONE;
    case USB_FAULT_SHORT:
        *is_short = true;
        return SIM_USB_OK;
    default:
        *is_garbage = true;
        return SIM_USB_OK;
    }
}

static void spoil(sim_device *device, uint8_t *bytes, size_t byte_count)
{
    for (size_t i = 0; i < byte_count; i++)
        bytes[i] = (uint8_t)device_random(device);
}

/* A transfer that is no command: discarded, the device stays idle (facts 9.2, 2). */
static void take_command(sim_device *device, const uint8_t *bytes, size_t byte_count)
{
    if (byte_count != COMMAND_BYTES) {
        device->stats.protocol_errors++;
        if (device->options.log)
            fprintf(device->options.log, "%.6f OUT of %zu bytes where a command was expected\n",
                    (double)device->stats.sim_time_ns / 1e9, byte_count);
        return;
    }
    memcpy(device->command, bytes, COMMAND_BYTES);
    command_begin(device);
}

/* A data phase may come in several transfers; what is too much is lost. */
static void take_data(sim_device *device, const uint8_t *bytes, size_t byte_count)
{
    const size_t room = device->data_expected - device->data_count;
    const size_t taken = byte_count < room ? byte_count : room;
    if (taken < byte_count)
        device->stats.protocol_errors++;
    memcpy(device->data + device->data_count, bytes, taken);
    device->data_count += taken;
    if (device->data_count == device->data_expected)
        command_data_done(device);
}

sim_usb_status sim_device_out(sim_device *device, uint8_t endpoint, const uint8_t *bytes,
                              size_t byte_count)
{
    if (!device->is_plugged)
        return SIM_USB_GONE;
    if (*halt_flag(device, endpoint))
        return SIM_USB_STALL;
    const sim_usb_layout *layout = usb_layout(device);
    if (endpoint != layout->endpoint_out) {
        /* The serial port swallows what is written; mass storage is not simulated. */
        *halt_flag(device, endpoint) = !(layout->is_composite && endpoint == 0x05);
        return *halt_flag(device, endpoint) ? SIM_USB_STALL : SIM_USB_OK;
    }
    if (device->phase == PHASE_REPLY)
        return SIM_USB_NAK; /* until the reply has been collected (facts 1.5) */
    bool is_short = false, is_garbage = false;
    const sim_usb_status fault = spring_usb_trap(device, endpoint, &is_short, &is_garbage);
    if (fault)
        return fault;
    device->stats.transfers_out++;
    device->stats.bytes_out += byte_count;
    uint8_t spoiled[COMMAND_BYTES];
    if (is_short)
        byte_count /= 2;
    if (is_garbage && byte_count == sizeof spoiled) {
        spoil(device, spoiled, sizeof spoiled);
        bytes = spoiled;
    }
    if (device->phase == PHASE_DATA_OUT)
        take_data(device, bytes, byte_count);
    else
        take_command(device, bytes, byte_count);
    return SIM_USB_OK;
}

size_t sim_device_packet_bytes(const sim_device *device, uint8_t endpoint)
{
    const sim_usb_layout *layout = usb_layout(device);
    const size_t bytes =
        endpoint == layout->endpoint_trace ? layout->trace_packet_bytes : layout->packet_bytes;
    return device->options.is_full_speed && bytes > 64 ? 64 : bytes;
}

/* Whole packets until the reply or the room ends; a packet that does not fit is babble and lost. */
static sim_usb_status send_reply(sim_device *device, uint8_t *bytes, size_t room, size_t *actual)
{
    const size_t packet = sim_device_packet_bytes(device, EP_IN);
    const size_t left = device->reply_count - device->reply_sent;
    size_t count = left <= room ? left : room / packet * packet;
    const bool is_babble = left > room && room % packet != 0;
    memcpy(bytes, device->reply + device->reply_sent, count);
    *actual = count;
    device->reply_sent += count;
    if (is_babble) {
        const size_t lost = left - count < packet ? left - count : packet;
        device->reply_sent += lost;
        device->stats.protocol_errors++;
    }
    if (device->reply_sent == device->reply_count)
        device_idle_usb(device);
    return is_babble ? SIM_USB_OVERFLOW : SIM_USB_OK;
}

/* Half of it, and never whole packets: those would not end the transfer. */
static void shorten_reply(sim_device *device)
{
    size_t left = (device->reply_count - device->reply_sent) / 2;
    if (left && left % sim_device_packet_bytes(device, EP_IN) == 0)
        left--;
    device->reply_count = device->reply_sent + left;
}

sim_usb_status sim_device_in(sim_device *device, uint8_t endpoint, uint8_t *bytes, size_t room,
                             size_t *actual)
{
    *actual = 0;
    if (!device->is_plugged)
        return SIM_USB_GONE;
    if (*halt_flag(device, endpoint))
        return SIM_USB_STALL;
    if (endpoint != EP_IN || device->phase != PHASE_REPLY)
        return SIM_USB_NAK;
    bool is_short = false, is_garbage = false;
    const sim_usb_status fault = spring_usb_trap(device, endpoint, &is_short, &is_garbage);
    if (fault)
        return fault;
    if (is_short)
        shorten_reply(device);
    const sim_usb_status status = send_reply(device, bytes, room, actual);
    if (is_garbage)
        spoil(device, bytes, *actual);
    device->stats.transfers_in++;
    device->stats.bytes_in += *actual;
    return status;
}
