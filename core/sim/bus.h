/* core/sim/bus.h: the USB host controller of the one host that holds the probe.
 * Transfers wait here until the device can take or give them, their time-out passes or they are
 * cancelled. The host has a clock of its own: it knows of what the device does only when a transfer
 * ends, so the device may be ahead of it (a long write is still running) or behind (the host slept). */
#ifndef SIM_BUS_H
#define SIM_BUS_H

#include "device.h"

typedef struct sim_bus sim_bus;

/* A request has ended at at_ns of simulated time. status: enum sim_wire_status. */
typedef void (*sim_bus_reply)(void *self, uint32_t tag, uint8_t status, uint64_t at_ns,
                              const void *bytes, size_t byte_count);

enum { SIM_BUS_MAX_PENDING = 256 };

sim_bus *sim_bus_new(sim_device *device, sim_bus_reply reply, void *self); /* NULL: no memory */
void sim_bus_free(sim_bus *bus);

/* A host takes hold of the device as it is plugged in now. */
void sim_bus_open(sim_bus *bus);
/* The host is gone: its transfers, too, without an answer. The device stays as it is. */
void sim_bus_close(sim_bus *bus);
/* The host's time; requests arrive at it. It never goes back. */
uint64_t sim_bus_host_ns(const sim_bus *bus);
void sim_bus_set_host_ns(sim_bus *bus, uint64_t ns);

/* Requests. False only if there are too many pending transfers, or no memory. */
bool sim_bus_out(sim_bus *bus, uint32_t tag, uint8_t endpoint, uint32_t timeout_ms,
                 const uint8_t *bytes, size_t byte_count);
bool sim_bus_in(sim_bus *bus, uint32_t tag, uint8_t endpoint, uint32_t timeout_ms, size_t room);
void sim_bus_control(sim_bus *bus, uint32_t tag, const uint8_t *bytes, size_t byte_count);
void sim_bus_sleep(sim_bus *bus, uint32_t tag, uint32_t us);
void sim_bus_reset(sim_bus *bus, uint32_t tag);
void sim_bus_cancel(sim_bus *bus, uint32_t tag, uint32_t pending_tag);

/* Let transfers move that can (after something else has changed the device). */
void sim_bus_service(sim_bus *bus);
/* When the first pending transfer times out; false if none ever does. */
bool sim_bus_next_deadline(const sim_bus *bus, uint64_t *ns);
/* It is ns now and nothing has come: end what has timed out. */
void sim_bus_expire(sim_bus *bus, uint64_t ns);

#endif
