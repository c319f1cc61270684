/* core/sim/bus.c: see bus.h. */
#include "bus.h"

#include <stdlib.h>
#include <string.h>

#include "stl/bytes.h"
#include "stl/sim_wire.h"

typedef struct pending {
    struct pending *next;
    uint32_t tag;
    uint8_t endpoint;
    bool is_lost; /* the device will never answer it */
    uint64_t deadline_ns; /* UINT64_MAX: none */
    size_t byte_count; /* OUT: to send; IN: room */
    size_t done_count; /* IN: what has come */
    uint8_t bytes[];
} pending;

struct sim_bus {
    sim_device *device;
    sim_bus_reply reply;
    void *self;
    uint64_t host_ns;
    unsigned plug_count; /* the handle is good for this one */
    pending *first;
    unsigned pending_count;
};

sim_bus *sim_bus_new(sim_device *device, sim_bus_reply reply, void *self)
{
    sim_bus *bus = calloc(1, sizeof *bus);
    if (bus)
        *bus = (sim_bus){.device = device, .reply = reply, .self = self};
    return bus;
}

static void drop_first(sim_bus *bus)
{
    pending *first = bus->first;
    bus->first = first->next;
    bus->pending_count--;
    free(first);
}

void sim_bus_free(sim_bus *bus)
{
    if (!bus)
        return;
    while (bus->first)
        drop_first(bus);
    free(bus);
}

void sim_bus_open(sim_bus *bus)
{
    bus->plug_count = sim_device_plug_count(bus->device);
    sim_bus_set_host_ns(bus, sim_device_now_ns(bus->device));
}

void sim_bus_close(sim_bus *bus)
{
    while (bus->first)
        drop_first(bus);
}

/* ---- the two clocks ---- */

uint64_t sim_bus_host_ns(const sim_bus *bus)
{
    return bus->host_ns;
}

void sim_bus_set_host_ns(sim_bus *bus, uint64_t ns)
{
    if (ns > bus->host_ns)
        bus->host_ns = ns;
}

/* The device lives on to the host's present; where it is ahead it is busy until then. */
static uint64_t bring_device_along(sim_bus *bus)
{
    const uint64_t device_ns = sim_device_now_ns(bus->device);
    if (bus->host_ns > device_ns)
        sim_device_idle(bus->device, bus->host_ns - device_ns);
    return sim_device_now_ns(bus->device);
}

static bool is_gone(const sim_bus *bus)
{
    return !bus->plug_count || sim_device_plug_count(bus->device) != bus->plug_count;
}

static void answer(sim_bus *bus, uint32_t tag, uint8_t status, uint64_t at_ns, const void *bytes,
                   size_t byte_count)
{
    sim_bus_set_host_ns(bus, at_ns);
    bus->reply(bus->self, tag, status, bus->host_ns, bytes, byte_count);
}

/* ---- pending transfers ---- */

static bool is_in(const pending *p)
{
    return p->endpoint & 0x80u;
}

static void end(sim_bus *bus, pending **link, uint8_t status, uint64_t at_ns)
{
    pending *p = *link;
    *link = p->next;
    bus->pending_count--;
    answer(bus, p->tag, status, at_ns, p->bytes, is_in(p) ? p->done_count : 0);
    free(p);
}

static uint8_t wire_status(sim_usb_status status)
{
    switch (status) {
    case SIM_USB_OK:
        return SIM_WIRE_OK;
    case SIM_USB_STALL:
        return SIM_WIRE_STALL;
    case SIM_USB_OVERFLOW:
        return SIM_WIRE_OVERFLOW;
    case SIM_USB_GONE:
        return SIM_WIRE_GONE;
    default:
        return SIM_WIRE_TIMEOUT;
    }
}

/* A transfer of whole packets with room left goes on: no zero-length packet ends it (facts 1.5). */
static sim_usb_status fill(sim_bus *bus, pending *p)
{
    size_t actual;
    const sim_usb_status status = sim_device_in(bus->device, p->endpoint, p->bytes + p->done_count,
                                                p->byte_count - p->done_count, &actual);
    p->done_count += actual;
    const bool is_open = status == SIM_USB_OK && actual && p->done_count < p->byte_count &&
                         actual % sim_device_packet_bytes(bus->device, p->endpoint) == 0;
    return is_open ? SIM_USB_NAK : status;
}

/* True if the transfer has ended. */
static bool move(sim_bus *bus, pending **link)
{
    pending *p = *link;
    if (is_gone(bus)) {
        end(bus, link, SIM_WIRE_GONE, bus->host_ns);
        return true;
    }
    const uint64_t ready_ns = bring_device_along(bus);
    if (ready_ns > p->deadline_ns) { /* the device is busy for longer than the host waits */
        end(bus, link, SIM_WIRE_TIMEOUT, p->deadline_ns);
        return true;
    }
    if (p->is_lost)
        return false;
    const sim_usb_status status =
        is_in(p) ? fill(bus, p)
                 : sim_device_out(bus->device, p->endpoint, p->bytes, p->byte_count);
    p->is_lost = status == SIM_USB_LOST;
    if (status == SIM_USB_NAK || p->is_lost)
        return false;
    end(bus, link, wire_status(status), ready_ns);
    return true;
}

/* Transfers of one endpoint move in order. */
static bool is_behind_another(const sim_bus *bus, const pending *p)
{
    for (const pending *other = bus->first; other != p; other = other->next)
        if (other->endpoint == p->endpoint)
            return true;
    return false;
}

void sim_bus_service(sim_bus *bus)
{
    for (pending **link = &bus->first; *link;) {
        if (!is_behind_another(bus, *link) && move(bus, link))
            link = &bus->first; /* that may have let an earlier one go on */
        else
            link = &(*link)->next;
    }
}

static pending *add(sim_bus *bus, uint32_t tag, uint8_t endpoint, uint32_t timeout_ms,
                    size_t byte_count)
{
    if (bus->pending_count >= SIM_BUS_MAX_PENDING)
        return NULL;
    pending *p = malloc(sizeof *p + byte_count);
    if (!p)
        return NULL;
    *p = (pending){.tag = tag, .endpoint = endpoint, .byte_count = byte_count};
    p->deadline_ns = timeout_ms ? bus->host_ns + (uint64_t)timeout_ms * 1000000u : UINT64_MAX;
    pending **link = &bus->first;
    while (*link)
        link = &(*link)->next;
    *link = p;
    bus->pending_count++;
    return p;
}

bool sim_bus_out(sim_bus *bus, uint32_t tag, uint8_t endpoint, uint32_t timeout_ms,
                 const uint8_t *bytes, size_t byte_count)
{
    pending *p = add(bus, tag, endpoint & 0x7Fu, timeout_ms, byte_count);
    if (!p)
        return false;
    memcpy(p->bytes, bytes, byte_count);
    sim_bus_service(bus);
    return true;
}

bool sim_bus_in(sim_bus *bus, uint32_t tag, uint8_t endpoint, uint32_t timeout_ms, size_t room)
{
    if (!add(bus, tag, endpoint | 0x80u, timeout_ms, room))
        return false;
    sim_bus_service(bus);
    return true;
}

void sim_bus_cancel(sim_bus *bus, uint32_t tag, uint32_t pending_tag)
{
    for (pending **link = &bus->first; *link; link = &(*link)->next) {
        if ((*link)->tag == pending_tag) {
            end(bus, link, SIM_WIRE_CANCELLED, bus->host_ns);
            break;
        }
    }
    answer(bus, tag, SIM_WIRE_OK, bus->host_ns, NULL, 0);
    sim_bus_service(bus);
}

bool sim_bus_next_deadline(const sim_bus *bus, uint64_t *ns)
{
    *ns = UINT64_MAX;
    for (const pending *p = bus->first; p; p = p->next)
        if (p->deadline_ns < *ns)
            *ns = p->deadline_ns;
    return *ns != UINT64_MAX;
}

void sim_bus_expire(sim_bus *bus, uint64_t ns)
{
    sim_bus_set_host_ns(bus, ns);
    for (pending **link = &bus->first; *link;) {
        if ((*link)->deadline_ns <= ns)
            end(bus, link, SIM_WIRE_TIMEOUT, (*link)->deadline_ns);
        else
            link = &(*link)->next;
    }
    bring_device_along(bus);
    sim_bus_service(bus);
}

/* ---- what ends at once ---- */

void sim_bus_control(sim_bus *bus, uint32_t tag, const uint8_t *bytes, size_t byte_count)
{
    uint8_t data[4096];
    size_t actual = 0;
    if (is_gone(bus)) {
        answer(bus, tag, SIM_WIRE_GONE, bus->host_ns, NULL, 0);
        return;
    }
    const size_t data_count = byte_count - 8 < sizeof data ? byte_count - 8 : sizeof data;
    memcpy(data, bytes + 8, data_count);
    const sim_usb_status status =
        sim_device_control(bus->device, bytes, data, sizeof data, &actual);
    answer(bus, tag, wire_status(status), bus->host_ns, data, actual);
    sim_bus_service(bus);
}

void sim_bus_sleep(sim_bus *bus, uint32_t tag, uint32_t us)
{
    bus->host_ns += (uint64_t)us * 1000u;
    bring_device_along(bus);
    answer(bus, tag, SIM_WIRE_OK, bus->host_ns, NULL, 0);
    uint64_t deadline_ns;
    if (sim_bus_next_deadline(bus, &deadline_ns) && deadline_ns <= bus->host_ns)
        sim_bus_expire(bus, bus->host_ns);
}

/* A port reset finds a probe that was plugged in again, as a new handle would. */
void sim_bus_reset(sim_bus *bus, uint32_t tag)
{
    while (bus->first)
        end(bus, &bus->first, SIM_WIRE_CANCELLED, bus->host_ns);
    sim_device_usb_reset(bus->device);
    bus->plug_count = sim_device_plug_count(bus->device);
    answer(bus, tag, bus->plug_count ? SIM_WIRE_OK : SIM_WIRE_GONE, bus->host_ns, NULL, 0);
}
