/* core/sim/usb_control.c: control transfers of the simulated probe.
 * Source: USB 2.0, chapter 9 (standard requests); USB CDC PSTN 1.2, 6.3; ST-LINK sheet, 9.2 item 1. */
#include "device_internal.h"

#include <string.h>

enum { GET_STATUS = 0, CLEAR_FEATURE = 1, SET_FEATURE = 3, GET_DESCRIPTOR = 6,
       GET_CONFIGURATION = 8, SET_CONFIGURATION = 9, GET_INTERFACE = 10, SET_INTERFACE = 11 };
enum { TYPE_MASK = 0x60, TYPE_STANDARD = 0x00, TYPE_CLASS = 0x20 };
enum { TO_DEVICE = 0, TO_INTERFACE = 1, TO_ENDPOINT = 2 };
enum { CDC_SET_LINE_CODING = 0x20, CDC_GET_LINE_CODING = 0x21, CDC_SET_CONTROL_LINES = 0x22,
       CDC_SEND_BREAK = 0x23, MSC_GET_MAX_LUN = 0xFE };

typedef struct setup_packet {
    uint8_t type, request;
    uint16_t value, index, length;
} setup_packet;

static size_t limit(size_t count, const setup_packet *setup, size_t room)
{
    if (count > setup->length)
        count = setup->length;
    return count < room ? count : room;
}

static size_t answer(const void *from, size_t count, const setup_packet *setup, uint8_t *data,
                     size_t room)
{
    count = limit(count, setup, room);
    memcpy(data, from, count);
    return count;
}

static bool *halt_of(sim_device *device, uint16_t index)
{
    return &device->is_halted[index >> 7 & 1u][index & 15u];
}

static sim_usb_status set_configuration(sim_device *device, uint8_t value)
{
    if (value > 1)
        return SIM_USB_STALL;
    device->configuration = value;
    memset(device->is_halted, 0, sizeof device->is_halted);
    device_idle_usb(device);
    return SIM_USB_OK;
}

static sim_usb_status feature(sim_device *device, const setup_packet *setup, bool is_set)
{
    const unsigned recipient = setup->type & 0x1Fu;
    if (recipient != TO_ENDPOINT || setup->value != 0) /* ENDPOINT_HALT */
        return recipient == TO_DEVICE && setup->value == 1 ? SIM_USB_STALL : SIM_USB_OK;
    *halt_of(device, setup->index) = is_set;
    return SIM_USB_OK;
}

static size_t get_status(sim_device *device, const setup_packet *setup, uint8_t *data, size_t room)
{
    uint8_t status[2] = {0, 0}; /* bus powered, no remote wake-up */
    if ((setup->type & 0x1Fu) == TO_ENDPOINT)
        status[0] = *halt_of(device, setup->index);
    return answer(status, sizeof status, setup, data, room);
}

static sim_usb_status standard_in(sim_device *device, const setup_packet *setup, uint8_t *data,
                                  size_t room, size_t *actual)
{
    static const uint8_t alternate_setting = 0;
    switch (setup->request) {
    case GET_STATUS:
        *actual = get_status(device, setup, data, room);
        return SIM_USB_OK;
    case GET_DESCRIPTOR:
        *actual = usb_descriptor(device, (uint8_t)(setup->value >> 8), (uint8_t)setup->value, data,
                                 room < setup->length ? room : setup->length);
        return *actual || !setup->length ? SIM_USB_OK : SIM_USB_STALL;
    case GET_CONFIGURATION:
        *actual = answer(&device->configuration, 1, setup, data, room);
        return SIM_USB_OK;
    case GET_INTERFACE:
        if (setup->index >= usb_layout(device)->interface_count)
            return SIM_USB_STALL;
        *actual = answer(&alternate_setting, 1, setup, data, room);
        return SIM_USB_OK;
    default:
        return SIM_USB_STALL;
    }
}

static sim_usb_status standard_out(sim_device *device, const setup_packet *setup)
{
    switch (setup->request) {
    case SET_CONFIGURATION:
        return set_configuration(device, (uint8_t)setup->value);
    case CLEAR_FEATURE:
        return feature(device, setup, false);
    case SET_FEATURE:
        return feature(device, setup, true);
    case SET_INTERFACE:
        return setup->value == 0 && setup->index < usb_layout(device)->interface_count
                   ? SIM_USB_OK
                   : SIM_USB_STALL;
    default:
        return SIM_USB_STALL;
    }
}

/* The serial port and the disk of a composite probe: enough for a kernel to bind them in peace. */
static sim_usb_status class_request(const sim_device *device, const setup_packet *setup,
                                    uint8_t *data, size_t room, size_t *actual)
{
    static const uint8_t line_coding[] = {0x00, 0xC2, 0x01, 0x00, 0, 0, 8}; /* 115200 8N1 */
    static const uint8_t max_lun = 0;
    if (!usb_layout(device)->is_composite)
        return SIM_USB_STALL;
    switch (setup->request) {
    case CDC_GET_LINE_CODING:
        *actual = answer(line_coding, sizeof line_coding, setup, data, room);
        return SIM_USB_OK;
    case MSC_GET_MAX_LUN:
        *actual = answer(&max_lun, 1, setup, data, room);
        return SIM_USB_OK;
    case CDC_SET_LINE_CODING:
    case CDC_SET_CONTROL_LINES:
    case CDC_SEND_BREAK:
        return SIM_USB_OK;
    default:
        return SIM_USB_STALL;
    }
}

sim_usb_status sim_device_control(sim_device *device, const uint8_t setup[8], uint8_t *data,
                                  size_t room, size_t *actual)
{
    const setup_packet packet = {setup[0], setup[1], stl_get_u16le(setup + 2),
                                 stl_get_u16le(setup + 4), stl_get_u16le(setup + 6)};
    *actual = 0;
    if (!device->is_plugged)
        return SIM_USB_GONE;
    switch (packet.type & TYPE_MASK) {
    case TYPE_STANDARD:
        return packet.type & 0x80u ? standard_in(device, &packet, data, room, actual)
                                   : standard_out(device, &packet);
    case TYPE_CLASS:
        return class_request(device, &packet, data, room, actual);
    default:
        return SIM_USB_STALL;
    }
}
