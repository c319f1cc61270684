/* core/sim/usb_descriptors.c: what each kind of probe says when a host enumerates it.
 * Source: ST-LINK protocol sheet, 1.1 to 1.4. Class-specific CDC descriptors: USB CDC 1.2, 5.2.3. */
#include "device_internal.h"

#include <ctype.h>
#include <string.h>

enum { DEVICE = 1, CONFIGURATION = 2, STRING = 3, QUALIFIER = 6, OTHER_SPEED = 7 };
enum { STRING_LANGID = 0, STRING_MANUFACTURER, STRING_PRODUCT, STRING_SERIAL, STRING_FIRST_OTHER };
enum { CONFIG_HEADER_BYTES = 9 };

/* Bytes of descriptors: interface, endpoint, and the function of a virtual serial port. */
#define U16(n) (uint8_t)((n) & 0xFFu), (uint8_t)((n) >> 8)
#define INTERFACE(number, endpoints, class, subclass, protocol, string) \
    9, 4, number, 0, endpoints, class, subclass, protocol, string
#define BULK(address, packet)                     7, 5, address, 2, U16(packet), 0
#define INTERRUPT(address, packet, interval)      7, 5, address, 3, U16(packet), interval
#define DEBUG_INTERFACE(endpoints, string)        INTERFACE(0, endpoints, 0xFF, 0xFF, 0xFF, string)
#define MASS_STORAGE(number, string)              INTERFACE(number, 2, 8, 6, 0x50, string)
#define SERIAL_PORT(first, control_string, data_string, interrupt, out, in) \
    8, 11, first, 2, 2, 2, 1, control_string,                               \
    INTERFACE(first, 1, 2, 2, 1, control_string),                           \
    5, 0x24, 0x00, 0x10, 0x01, 5, 0x24, 0x01, 0x00, (first) + 1,            \
    4, 0x24, 0x02, 0x06, 5, 0x24, 0x06, first, (first) + 1,                 \
    interrupt, INTERFACE((first) + 1, 2, 0x0A, 0, 0, data_string), out, in

static const uint8_t v1_interfaces[] = {MASS_STORAGE(0, 0), BULK(0x81, 64), BULK(0x02, 64)};

static const uint8_t v2_interfaces[] = {DEBUG_INTERFACE(3, 4), BULK(0x81, 64), BULK(0x02, 64),
                                        BULK(0x83, 64)};

static const uint8_t v21_interfaces[] = {
    DEBUG_INTERFACE(3, 4), BULK(0x81, 64), BULK(0x01, 64), BULK(0x82, 32),
    MASS_STORAGE(1, 5), BULK(0x83, 64), BULK(0x03, 64),
    SERIAL_PORT(2, 6, 7, INTERRUPT(0x84, 2, 255), BULK(0x05, 8), BULK(0x85, 16))};

static const uint8_t v21_no_msd_interfaces[] = {
    DEBUG_INTERFACE(3, 4), BULK(0x81, 64), BULK(0x01, 64), BULK(0x82, 32),
    SERIAL_PORT(1, 6, 7, INTERRUPT(0x84, 8, 16), BULK(0x05, 64), BULK(0x85, 64))};

#define V3_COMMON                                                             \
    DEBUG_INTERFACE(3, 5), BULK(0x81, 512), BULK(0x01, 512), BULK(0x82, 512), \
        MASS_STORAGE(1, 6), BULK(0x83, 512), BULK(0x03, 512),                 \
        SERIAL_PORT(2, 7, 8, INTERRUPT(0x84, 10, 16), BULK(0x05, 512), BULK(0x85, 512))

static const uint8_t v3e_interfaces[] = {V3_COMMON};
static const uint8_t v3_interfaces[] = {V3_COMMON, INTERFACE(4, 2, 0xFF, 0xFF, 0xFF, 9),
                                        BULK(0x86, 512), BULK(0x06, 512)};

#define INTERFACES(bytes, count) .interfaces = (bytes), .interface_byte_count = sizeof(bytes), \
                                 .interface_count = (count)

static const struct {
    sim_probe_kind kind;
    sim_usb_layout layout;
} layouts[] = { /* the first of a kind is its default */
    {SIM_PROBE_V1, {.product_id = 0x3744, .bcd_device = 0x0100, .endpoint_out = 0x02,
                    .packet_bytes = 64, .product = "STM32 STLink", .max_power_2ma = 50,
                    INTERFACES(v1_interfaces, 1)}},
    {SIM_PROBE_V2, {.product_id = 0x3748, .bcd_device = 0x0100, .endpoint_out = 0x02,
                    .endpoint_trace = 0x83, .packet_bytes = 64, .trace_packet_bytes = 64,
                    .product = "STM32 STLink", .strings = {"ST Link"}, .max_power_2ma = 50,
                    INTERFACES(v2_interfaces, 1)}},
    {SIM_PROBE_V21, {.product_id = 0x374B, .bcd_device = 0x0100, .endpoint_out = 0x01,
                     .endpoint_trace = 0x82, .packet_bytes = 64, .trace_packet_bytes = 32,
                     .is_composite = true, .product = "STM32 STLink",
                     .strings = {"ST-Link Debug", "ST-Link mass storage", "ST-Link VCP Ctrl",
                                 "ST-Link VCP Data"},
                     .max_power_2ma = 50, INTERFACES(v21_interfaces, 4)}},
    {SIM_PROBE_V21, {.product_id = 0x3752, .bcd_device = 0x0100, .endpoint_out = 0x01,
                     .endpoint_trace = 0x82, .packet_bytes = 64, .trace_packet_bytes = 32,
                     .is_composite = true, .product = "STM32 STLink",
                     .strings = {"ST-Link Debug", NULL, "ST-Link VCP Ctrl", "ST-Link VCP Data"},
                     .max_power_2ma = 150, INTERFACES(v21_no_msd_interfaces, 3)}},
    {SIM_PROBE_V3, {.product_id = 0x374F, .bcd_device = 0x0100, .endpoint_out = 0x01,
                    .endpoint_trace = 0x82, .packet_bytes = 512, .trace_packet_bytes = 512,
                    .is_composite = true, .is_high_speed = true, .product = "STLINK-V3",
                    .strings = {"Default Config", "ST-Link Debug", "ST-Link mass storage",
                                "ST-Link VCP Ctrl", "ST-Link VCP Data", "ST-Link Bridge"},
                    .configuration_string = 4, .max_power_2ma = 250,
                    INTERFACES(v3_interfaces, 5)}},
    {SIM_PROBE_V3, {.product_id = 0x374E, .bcd_device = 0x0100, .endpoint_out = 0x01,
                    .endpoint_trace = 0x82, .packet_bytes = 512, .trace_packet_bytes = 512,
                    .is_composite = true, .is_high_speed = true, .product = "STLINK-V3",
                    .strings = {"Default Config", "ST-Link Debug", "ST-Link mass storage",
                                "ST-Link VCP Ctrl", "ST-Link VCP Data"},
                    .configuration_string = 4, .max_power_2ma = 250,
                    INTERFACES(v3e_interfaces, 4)}},
};

const sim_usb_layout *usb_layout(const sim_device *device)
{
    const sim_usb_layout *found = NULL;
    for (size_t i = 0; i < sizeof layouts / sizeof *layouts; i++) {
        if (layouts[i].kind != device->options.kind)
            continue;
        if (!found || layouts[i].layout.product_id == device->options.product_id)
            found = &layouts[i].layout;
    }
    return found;
}

static size_t device_descriptor(const sim_usb_layout *layout, uint8_t *bytes)
{
    const uint8_t class = layout->is_composite ? 0xEF : 0;
    const uint8_t descriptor[] = {18, DEVICE, 0x00, 0x02, class, layout->is_composite ? 2 : 0,
                                  layout->is_composite ? 1 : 0, 64, U16(0x0483),
                                  U16(layout->product_id), U16(layout->bcd_device),
                                  STRING_MANUFACTURER, STRING_PRODUCT, STRING_SERIAL, 1};
    memcpy(bytes, descriptor, sizeof descriptor);
    return sizeof descriptor;
}

/* At full speed no bulk endpoint may be larger than 64 bytes (USB 2.0, 5.8.3). */
static void shrink_packets(uint8_t *config, size_t count)
{
    for (size_t at = 0; at + 7 <= count && config[at]; at += config[at])
        if (config[at + 1] == 5 && stl_get_u16le(config + at + 4) > 64)
            stl_put_u16le(config + at + 4, 64);
}

static size_t configuration_descriptor(const sim_usb_layout *layout, uint8_t type,
                                       bool is_full_speed, uint8_t *bytes)
{
    const size_t count = CONFIG_HEADER_BYTES + layout->interface_byte_count;
    const uint8_t header[CONFIG_HEADER_BYTES] = {9, type, U16(count), layout->interface_count, 1,
                                                 layout->configuration_string, 0x80,
                                                 layout->max_power_2ma};
    memcpy(bytes, header, sizeof header);
    memcpy(bytes + sizeof header, layout->interfaces, layout->interface_byte_count);
    if (is_full_speed)
        shrink_packets(bytes, count);
    return count;
}

static size_t qualifier_descriptor(const sim_usb_layout *layout, uint8_t *bytes)
{
    if (!layout->is_high_speed)
        return 0; /* a full-speed device has none */
    const uint8_t descriptor[] = {10, QUALIFIER, 0x00, 0x02, 0xEF, 2, 1, 64, 1, 0};
    memcpy(bytes, descriptor, sizeof descriptor);
    return sizeof descriptor;
}

static size_t string_from_text(const char *text, uint8_t *bytes)
{
    const size_t length = strlen(text);
    bytes[0] = (uint8_t)(2 + 2 * length);
    bytes[1] = STRING;
    for (size_t i = 0; i < length; i++)
        stl_put_u16le(bytes + 2 + 2 * i, (uint8_t)text[i]);
    return bytes[0];
}

static uint8_t hex_digit(char digit)
{
    static const char digits[] = "0123456789abcdef";
    const char *at = strchr(digits, tolower((unsigned char)digit));
    return (uint8_t)(at ? at - digits : 0);
}

/* The form of old firmware: twelve raw bytes, each in a unit of its own (facts 1.4). */
static size_t binary_serial(const char *serial, uint8_t *bytes)
{
    const size_t length = strlen(serial);
    bytes[0] = 26;
    bytes[1] = STRING;
    for (size_t i = 0; i < 12; i++) {
        uint8_t byte = 0;
        if (2 * i + 1 < length)
            byte = (uint8_t)(hex_digit(serial[2 * i]) << 4 | hex_digit(serial[2 * i + 1]));
        stl_put_u16le(bytes + 2 + 2 * i, byte);
    }
    return 26;
}

static size_t string_descriptor(const sim_device *device, uint8_t index, uint8_t *bytes)
{
    static const uint8_t english[] = {4, STRING, 0x09, 0x04};
    const sim_usb_layout *layout = usb_layout(device);
    switch (index) {
    case STRING_LANGID:
        memcpy(bytes, english, sizeof english);
        return sizeof english;
    case STRING_MANUFACTURER:
        return string_from_text("STMicroelectronics", bytes);
    case STRING_PRODUCT:
        return string_from_text(layout->product, bytes);
    case STRING_SERIAL:
        return device->options.has_binary_serial ? binary_serial(device->options.serial, bytes)
                                                 : string_from_text(device->options.serial, bytes);
    default: {
        const size_t other = index - (size_t)STRING_FIRST_OTHER;
        const bool is_known =
            other < sizeof layout->strings / sizeof *layout->strings && layout->strings[other];
        return is_known ? string_from_text(layout->strings[other], bytes) : 0;
    }
    }
}

size_t usb_descriptor(const sim_device *device, uint8_t type, uint8_t index, uint8_t *bytes,
                      size_t room)
{
    uint8_t whole[512] = {0};
    size_t count = 0;
    const sim_usb_layout *layout = usb_layout(device);
    const bool is_full_speed = device->options.is_full_speed || !layout->is_high_speed;
    if (type == DEVICE && index == 0)
        count = device_descriptor(layout, whole);
    else if (type == CONFIGURATION && index == 0)
        count = configuration_descriptor(layout, type, is_full_speed, whole);
    else if (type == OTHER_SPEED && index == 0 && layout->is_high_speed)
        count = configuration_descriptor(layout, type, !is_full_speed, whole);
    else if (type == QUALIFIER && index == 0)
        count = qualifier_descriptor(layout, whole);
    else if (type == STRING)
        count = string_descriptor(device, index, whole);
    if (count > room)
        count = room;
    memcpy(bytes, whole, count);
    return count;
}
