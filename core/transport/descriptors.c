/* core/transport/descriptors.c: USB 2.0, 9.6 (standard descriptors). */
#include "descriptors.h"

#include "stl/bytes.h"

enum {
    DESCRIPTOR_INTERFACE = 4,
    DESCRIPTOR_ENDPOINT = 5,
    ENDPOINT_BULK = 2
};

bool stl_usb_parse_config(const uint8_t *config, size_t config_count, stl_usb_identity *identity)
{
    bool is_first_interface = false;
    identity->endpoint_in = identity->endpoint_out = identity->endpoint_trace = 0;
    for (size_t at = 0; at + 2 <= config_count && config[at] >= 2; at += config[at]) {
        const uint8_t *descriptor = config + at;
        if (at + descriptor[0] > config_count)
            break;
        if (descriptor[1] == DESCRIPTOR_INTERFACE && descriptor[0] >= 9)
            is_first_interface = descriptor[2] == 0 && descriptor[3] == 0;
        if (descriptor[1] != DESCRIPTOR_ENDPOINT || descriptor[0] < 7 || !is_first_interface ||
            (descriptor[3] & 3) != ENDPOINT_BULK)
            continue;
        const uint8_t endpoint = descriptor[2];
        if (!(endpoint & 0x80u)) {
            if (!identity->endpoint_out)
                identity->endpoint_out = endpoint;
        } else if (!identity->endpoint_in) {
            identity->endpoint_in = endpoint;
            identity->max_packet_bytes = stl_get_u16le(descriptor + 4);
        } else if (!identity->endpoint_trace) {
            identity->endpoint_trace = endpoint;
        }
    }
    return identity->endpoint_in && identity->endpoint_out;
}

static size_t put_utf8(uint32_t unit, char *text)
{
    if (unit < 0x80) {
        text[0] = (char)unit;
        return 1;
    }
    if (unit < 0x800) {
        text[0] = (char)(0xC0 | unit >> 6);
        text[1] = (char)(0x80 | (unit & 0x3F));
        return 2;
    }
    if (unit >= 0xD800 && unit < 0xE000) {
        text[0] = '?';
        return 1;
    }
    text[0] = (char)(0xE0 | unit >> 12);
    text[1] = (char)(0x80 | (unit >> 6 & 0x3F));
    text[2] = (char)(0x80 | (unit & 0x3F));
    return 3;
}

void stl_usb_string_utf8(const uint8_t *raw, size_t raw_count, char *text, size_t text_size)
{
    size_t length = 0;
    if (raw_count > raw[0])
        raw_count = raw[0];
    for (size_t at = 2; at + 2 <= raw_count && length + 4 <= text_size; at += 2) {
        const uint32_t unit = stl_get_u16le(raw + at);
        if (unit)
            length += put_utf8(unit, text + length);
    }
    if (text_size)
        text[length] = '\0';
}
