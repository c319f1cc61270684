/* core/transport/trace.c: transfers into a pcapng file.
 * Source: pcapng (IETF draft-ietf-opsawg-pcapng, 4.1 section header, 4.2 interface description, 4.3 enhanced
 * packet); LINKTYPE_USB_LINUX_MMAPPED (Linux, Documentation/usb/usbmon: the header of 64 bytes). */
#define _GNU_SOURCE /* O_CLOEXEC */
#include "stl/trace.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>

#include "stl/bytes.h"

enum {
    SECTION_HEADER = 0x0A0D0D0A,
    BYTE_ORDER_MAGIC = 0x1A2B3C4D,
    INTERFACE_DESCRIPTION = 1,
    ENHANCED_PACKET = 6,
    LINKTYPE_USB_LINUX_MMAPPED = 220,
    USB_HEADER_BYTES = 64,
    PACKET_HEAD_BYTES = 28, /* of an enhanced packet block, up to its data */
    TRANSFER_BULK = 3,
    IN_PROGRESS = -115 /* -EINPROGRESS: the status of a submission */
};

struct stl_trace {
    gzFile file;
    char path[256];
    bool has_failed;
    int reason; /* errno of that, 0: not known */
    uint64_t packet_count;
    uint64_t next_id; /* ties a completion to its submission */
};

static stl_code cannot_write(const char *path, int reason, stl_error *err)
{
    return stl_fail(err, STL_E_FILE, "choose a file in a folder that can be written, on a disk with room",
                    "trace %s: %s", path, reason ? strerror(reason) : "cannot be written");
}

static void put(stl_trace *trace, const void *bytes, size_t byte_count)
{
    if (trace->has_failed || !byte_count)
        return;
    errno = 0;
    trace->has_failed = gzwrite(trace->file, bytes, (unsigned)byte_count) != (int)byte_count;
    trace->reason = trace->has_failed ? errno : 0;
}

/* A block: type, length, what is in it, length again. */
static void put_block(stl_trace *trace, uint32_t type, const uint8_t *body, size_t body_bytes)
{
    uint8_t head[8], tail[4];
    const uint32_t total = (uint32_t)(sizeof head + body_bytes + sizeof tail);
    stl_put_u32le(head, type);
    stl_put_u32le(head + 4, total);
    stl_put_u32le(tail, total);
    put(trace, head, sizeof head);
    put(trace, body, body_bytes);
    put(trace, tail, sizeof tail);
}

static void put_file_head(stl_trace *trace)
{
    static const char program[8] = "stlua";
    uint8_t section[16 + 4 + sizeof program + 4] = {0}, interface[8 + 4] = {0};
    stl_put_u32le(section, BYTE_ORDER_MAGIC);
    stl_put_u32le(section + 4, 1);           /* version 1.0 */
    memset(section + 8, 0xFF, 8);            /* length unknown */
    stl_put_u32le(section + 16, 4 | 5 << 16); /* shb_userappl, 5 characters */
    memcpy(section + 20, program, sizeof program);
    put_block(trace, SECTION_HEADER, section, sizeof section);
    stl_put_u32le(interface, LINKTYPE_USB_LINUX_MMAPPED); /* times in microseconds, the default */
    put_block(trace, INTERFACE_DESCRIPTION, interface, sizeof interface);
}

stl_code stl_trace_open(const char *path, stl_trace **out, stl_error *err)
{
    const size_t length = strlen(path);
    const bool is_compressed = length > 3 && !strcmp(path + length - 3, ".gz");
    stl_trace *trace = calloc(1, sizeof *trace);
    *out = NULL;
    if (!trace)
        return stl_fail(err, STL_E_MEMORY, NULL, "out of memory");
    strncpy(trace->path, path, sizeof trace->path - 1);
    const int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    trace->file = fd >= 0 ? gzdopen(fd, is_compressed ? "wb6" : "wbT") : NULL;
    if (!trace->file) {
        const stl_code code = cannot_write(path, errno, err);
        if (fd >= 0)
            close(fd);
        free(trace);
        return code;
    }
    put_file_head(trace);
    *out = trace;
    return STL_OK;
}

/* ---- packets ---- */

typedef struct packet {
    uint64_t id, time_us;
    uint8_t event, endpoint;
    int32_t status;
    uint32_t urb_bytes;
    const void *data;
    uint32_t data_bytes; /* 0: there is none, or it is in the other packet of the pair */
} packet;

static uint16_t bus_of(const stl_transport *transport)
{
    const char *port = transport->identity.port;
    return strncmp(port, "usb:", 4) ? 1 : (uint16_t)strtoul(port + 4, NULL, 10);
}

static void put_usb_header(uint8_t *header, const packet *p, uint16_t bus)
{
    stl_put_u32le(header, (uint32_t)p->id);
    stl_put_u32le(header + 4, (uint32_t)(p->id >> 32));
    header[8] = p->event;
    header[9] = TRANSFER_BULK;
    header[10] = p->endpoint;
    header[11] = 1; /* the device: one a file */
    header[12] = (uint8_t)bus;
    header[13] = (uint8_t)(bus >> 8);
    header[14] = '-'; /* no setup packet */
    header[15] = p->data_bytes ? 0 : p->endpoint & 0x80 ? '<' : '>';
    stl_put_u32le(header + 16, (uint32_t)(p->time_us / 1000000));
    stl_put_u32le(header + 24, (uint32_t)(p->time_us % 1000000));
    stl_put_u32le(header + 28, (uint32_t)p->status);
    stl_put_u32le(header + 32, p->urb_bytes);
    stl_put_u32le(header + 36, p->data_bytes);
}

static void put_packet(stl_trace *trace, const packet *p, uint16_t bus)
{
    static const uint8_t padding[4] = {0};
    uint8_t head[PACKET_HEAD_BYTES + USB_HEADER_BYTES] = {0}, tail[4];
    const uint32_t captured = USB_HEADER_BYTES + p->data_bytes;
    const uint32_t padding_bytes = (4 - p->data_bytes % 4) % 4;
    const uint32_t total = (uint32_t)sizeof head + p->data_bytes + padding_bytes + 4;
    stl_put_u32le(head, ENHANCED_PACKET);
    stl_put_u32le(head + 4, total);
    stl_put_u32le(head + 12, (uint32_t)(p->time_us >> 32));
    stl_put_u32le(head + 16, (uint32_t)p->time_us);
    stl_put_u32le(head + 20, captured);
    stl_put_u32le(head + 24, captured);
    put_usb_header(head + PACKET_HEAD_BYTES, p, bus);
    stl_put_u32le(tail, total);
    put(trace, head, sizeof head);
    put(trace, p->data, p->data_bytes);
    put(trace, padding, padding_bytes);
    put(trace, tail, sizeof tail);
    trace->packet_count++;
}

void stl_trace_write(stl_trace *trace, const stl_transport *transport, const stl_transfer *transfers,
                     unsigned transfer_count, uint64_t start_us, uint64_t end_us, stl_code result)
{
    const uint16_t bus = bus_of(transport);
    const uint64_t first_id = trace->next_id;
    trace->next_id += transfer_count;
    for (unsigned i = 0; i < transfer_count; i++) {
        const stl_transfer *t = &transfers[i];
        const bool is_out = !(t->endpoint & 0x80);
        put_packet(trace, &(packet){first_id + i, start_us, 'S', t->endpoint, IN_PROGRESS, (uint32_t)t->byte_count,
                                    t->bytes, is_out ? (uint32_t)t->byte_count : 0}, bus);
    }
    for (unsigned i = 0; i < transfer_count; i++) {
        const stl_transfer *t = &transfers[i];
        const bool is_in = t->endpoint & 0x80, is_last = i == transfer_count - 1;
        const uint32_t actual = (uint32_t)t->actual_count;
        put_packet(trace, &(packet){first_id + i, end_us, 'C', t->endpoint, result && is_last ? -EPROTO : 0, actual,
                                    t->bytes, is_in ? actual : 0}, bus);
    }
}

stl_code stl_trace_close(stl_trace *trace, uint64_t *packet_count, stl_error *err)
{
    errno = 0;
    const int status = gzclose(trace->file);
    if (!trace->has_failed)
        trace->reason = status == Z_OK ? 0 : errno;
    stl_code code = STL_OK;
    if (packet_count)
        *packet_count = trace->packet_count;
    if (trace->has_failed || status != Z_OK)
        code = cannot_write(trace->path, trace->reason, err);
    free(trace);
    return code;
}
