/* tests/usb/odd_probe.c: see odd_probe.h. Speaks just enough of stl/sim_wire.h. */
#include "odd_probe.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "stl/bytes.h"
#include "stl/sim_wire.h"

enum { DEVICE = 1, CONFIGURATION = 2, STRING = 3, MAX_PENDING = 64, KERNEL_STRINGS = 3 };

/* An ST-LINK/V2, facts 1.3. */
static const uint8_t device_descriptor[] = {18,   1,    0,    2, 0, 0, 0, 64, 0x83,
                                            0x04, 0x48, 0x37, 0, 1, 1, 2, 3,  1};
static const uint8_t updating_descriptor[] = {18,   1,    0,    2, 0, 0, 0, 64, 0x83,
                                              0x04, 0x4D, 0x37, 0, 1, 1, 2, 3,  1};
static const uint8_t config_descriptor[] = {9, 2,    39,   0,    1, 1, 0, 0x80, 50,   9,  4,  0, 0,
                                            3, 0xFF, 0xFF, 0xFF, 0, 7, 5, 0x81, 2,    64, 0,  0, 7,
                                            5, 0x02, 2,    64,   0, 0, 7, 5,    0x83, 2,  64, 0, 0};
/* o with two dots, d, the euro sign, and a NUL; as a list of languages it makes no sense either */
static const uint8_t string_descriptor[] = {10, 3, 0xF6, 0, 'd', 0, 0xAC, 0x20, 0, 0};

typedef struct odd_probe {
    int fd;
    odd_kind kind;
    unsigned strings_asked;
    uint32_t pending[MAX_PENDING]; /* tags */
    unsigned pending_count;
} odd_probe;

static void reply(const odd_probe *p, uint32_t tag, uint8_t status, const void *bytes,
                  size_t byte_count)
{
    uint8_t packet[SIM_WIRE_REPLY_BYTES + 256] = {status};
    stl_put_u32le(packet + 4, tag);
    stl_put_u32le(packet + 16, (uint32_t)byte_count);
    if (byte_count)
        memcpy(packet + SIM_WIRE_REPLY_BYTES, bytes, byte_count);
    (void)!send(p->fd, packet, SIM_WIRE_REPLY_BYTES + byte_count, MSG_NOSIGNAL);
}

static void keep_pending(odd_probe *p, uint32_t tag)
{
    if (p->pending_count < MAX_PENDING)
        p->pending[p->pending_count++] = tag;
}

static void cancel(odd_probe *p, uint32_t tag, uint32_t pending_tag)
{
    for (unsigned i = 0; i < p->pending_count; i++) {
        if (p->pending[i] != pending_tag)
            continue;
        p->pending[i] = p->pending[--p->pending_count];
        reply(p, pending_tag, SIM_WIRE_CANCELLED, NULL, 0);
        break;
    }
    reply(p, tag, SIM_WIRE_OK, NULL, 0);
}

static void control(odd_probe *p, uint32_t tag, const uint8_t *setup)
{
    const uint8_t *bytes = NULL;
    size_t byte_count = 0;
    if (setup[0] == 0x80 && setup[1] == 6 && setup[3] == STRING && p->kind == ODD_MUTE_STRINGS &&
        p->strings_asked++ >= KERNEL_STRINGS) {
        keep_pending(p, tag);
        return;
    }
    if (setup[0] == 0x80 && setup[1] == 6) {
        bytes = setup[3] == DEVICE          ? p->kind == ODD_UPDATING ? updating_descriptor
                                                                       : device_descriptor
                : setup[3] == CONFIGURATION ? config_descriptor
                                            : string_descriptor;
        byte_count = setup[3] == DEVICE          ? sizeof device_descriptor
                     : setup[3] == CONFIGURATION ? sizeof config_descriptor
                                                 : sizeof string_descriptor;
    }
    const size_t room = stl_get_u16le(setup + 6);
    reply(p, tag, SIM_WIRE_OK, bytes, byte_count < room ? byte_count : room);
}

static void bulk_out(odd_probe *p, uint32_t tag)
{
    if (p->kind == ODD_DEAF)
        keep_pending(p, tag);
    else
        reply(p, tag, p->kind == ODD_STALLED ? SIM_WIRE_STALL : SIM_WIRE_OK, NULL, 0);
}

static void bulk_in(odd_probe *p, uint32_t tag, size_t room)
{
    static const uint8_t nonsense[] = {0xFF, 0xFF, 0x12, 0x34, 0x56, 0x78};
    switch (p->kind) {
    case ODD_TERSE:
        reply(p, tag, SIM_WIRE_OK, nonsense, 1);
        break;
    case ODD_NONSENSE:
        reply(p, tag, SIM_WIRE_OK, nonsense, room < sizeof nonsense ? room : sizeof nonsense);
        break;
    case ODD_BABBLE:
        reply(p, tag, SIM_WIRE_OVERFLOW, NULL, 0);
        break;
    case ODD_STALLED:
        reply(p, tag, SIM_WIRE_STALL, NULL, 0);
        break;
    default:
        keep_pending(p, tag);
        break;
    }
}

static bool read_all(int fd, uint8_t *bytes, size_t byte_count)
{
    while (byte_count) {
        const ssize_t got = read(fd, bytes, byte_count);
        if (got <= 0)
            return false;
        bytes += got;
        byte_count -= (size_t)got;
    }
    return true;
}

static bool serve_one(odd_probe *p)
{
    static uint8_t payload[SIM_WIRE_MAX_BYTES];
    uint8_t head[SIM_WIRE_REQUEST_BYTES];
    if (!read_all(p->fd, head, sizeof head))
        return false;
    const uint8_t type = head[0];
    const uint32_t tag = stl_get_u32le(head + 4), count = stl_get_u32le(head + 12);
    const bool has_payload = type == SIM_WIRE_OUT || type == SIM_WIRE_CONTROL ||
                             type == SIM_WIRE_HELLO || type == SIM_WIRE_ADMIN;
    if (has_payload && (count > sizeof payload || !read_all(p->fd, payload, count)))
        return false;
    if (type == SIM_WIRE_CONTROL)
        control(p, tag, payload);
    else if (type == SIM_WIRE_OUT)
        bulk_out(p, tag);
    else if (type == SIM_WIRE_IN)
        bulk_in(p, tag, count);
    else if (type == SIM_WIRE_CANCEL)
        cancel(p, tag, count);
    else
        reply(p, tag, SIM_WIRE_OK, NULL, 0);
    return true;
}

void odd_probe_serve(int listen_fd, odd_kind kind)
{
    for (;;) {
        odd_probe p = {.fd = accept(listen_fd, NULL, NULL), .kind = kind};
        if (p.fd < 0)
            _exit(1);
        while (serve_one(&p))
            ;
        close(p.fd);
    }
}
