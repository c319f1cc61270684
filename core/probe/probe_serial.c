/* core/probe/probe_serial.c: serial numbers as old firmware and clones garble them.
 * Source: facts/stlink-protocol 1.4. Good: 24 hex digits. Old V2 firmware: bLength 26, the 12 raw
 * bytes of the MCU's unique ID, each widened to 16 bits. Clones: anything, or nothing. */
#include <stdio.h>
#include <string.h>

#include "stl/bytes.h"
#include "stl/probe.h"

enum { GARBLED_LENGTH = 26 };

static bool is_printable(const uint8_t *raw, size_t end)
{
    for (size_t at = 2; at + 2 <= end; at += 2) {
        const uint16_t unit = stl_get_u16le(raw + at);
        if (unit < 0x20 || unit > 0x7E)
            return false;
    }
    return true;
}

void stl_probe_decode_serial(const uint8_t *raw, size_t raw_count, char serial[STL_SERIAL_CHARS],
                             char serial_ascii[STL_SERIAL_CHARS])
{
    serial[0] = serial_ascii[0] = '\0';
    if (raw_count < 2)
        return;
    const size_t end = raw_count < raw[0] ? raw_count : raw[0];
    const bool is_hex_needed = raw[0] == GARBLED_LENGTH || !is_printable(raw, end);
    size_t length = 0, ascii_length = 0;
    for (size_t at = 2; at + 2 <= end && length + 3 < STL_SERIAL_CHARS; at += 2) {
        const uint16_t unit = stl_get_u16le(raw + at);
        serial_ascii[ascii_length++] = unit < 0x80 ? (char)unit : '?';
        if (is_hex_needed)
            length += (size_t)snprintf(serial + length, 3, "%02X", unit & 0xFFu);
        else
            serial[length++] = unit >= 'a' && unit <= 'f' ? (char)(unit - 32) : (char)unit;
    }
    serial[length] = serial_ascii[ascii_length] = '\0';
    /* Upper case only if it is a hex number; a name stays as it is. */
    if (!is_hex_needed && strspn(serial, "0123456789ABCDEF") != length)
        memcpy(serial, serial_ascii, ascii_length + 1);
}
