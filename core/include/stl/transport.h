/* core/include/stl/transport.h: bytes to and from one probe, as USB moves them.
 * A transport knows endpoints and transfers, nothing of ST-LINK. Use from one thread. */
#ifndef STL_TRANSPORT_H
#define STL_TRANSPORT_H

#include "stl/clock.h"
#include "stl/error.h"
#include "stl/log.h"

/* One bulk transfer. For IN, byte_count is the room and actual_count what came (a short packet ends
 * the transfer; no zero-length packet is sent or expected). */
typedef struct stl_transfer {
    uint8_t endpoint; /* 0x81: IN; 0x01, 0x02: OUT */
    void *bytes;      /* borrowed until run() returns; not written for OUT */
    size_t byte_count;
    size_t actual_count;
} stl_transfer;

/* What the bus says about the probe; filled when the transport is opened. */
typedef struct stl_usb_identity {
    uint16_t vendor_id, product_id, bcd_device;
    uint8_t endpoint_out, endpoint_in, endpoint_trace; /* of the debug interface */
    uint16_t max_packet_bytes;
    char port[64];          /* "usb:1-4.2", or "sim:@path", "sim:rak5205" */
    char product[64];       /* UTF-8; empty if the device has none */
    uint8_t serial_raw[256]; /* string descriptor 3 as it came, header included */
    size_t serial_raw_count; /* 0 if the device has none */
} stl_usb_identity;

typedef struct stl_transport stl_transport;

typedef struct stl_transport_ops {
    /* Submit all transfers in order, then wait until all are done or timeout_ms has passed; what is
     * still pending is cancelled before it returns. Transfers of one run are at the device together,
     * so a command and its reply cost one turn-around. */
    stl_code (*run)(stl_transport *transport, stl_transfer *transfers, unsigned transfer_count,
                    uint32_t timeout_ms, stl_error *err);
    /* Reset the device on its port and open it again under the same identity. */
    stl_code (*reset)(stl_transport *transport, stl_error *err);
    void (*close)(stl_transport *transport); /* frees it; never fails */
} stl_transport_ops;

/* The head of every transport; an implementation embeds it first. */
struct stl_transport {
    const stl_transport_ops *ops;
    const stl_clock *clock; /* the time this probe lives in */
    const stl_log *log;     /* may be NULL */
    struct stl_trace *trace; /* borrowed; NULL: nobody writes down what goes over the wire */
    stl_usb_identity identity;
    uint64_t run_count, bytes_out, bytes_in; /* counted by stl_transport_run */
};

/*
 * Run transfers and count them.
 * Errors: STL_E_USB (stall, overflow, time-out: frame[0] says which), STL_E_PROBE_GONE, STL_E_MEMORY.
 */
STL_MUST_USE stl_code stl_transport_run(stl_transport *transport, stl_transfer *transfers,
                                        unsigned transfer_count, uint32_t timeout_ms,
                                        stl_error *err);
STL_MUST_USE stl_code stl_transport_reset(stl_transport *transport, stl_error *err);
void stl_transport_close(stl_transport *transport); /* accepts NULL */

/* ---- the simulator, over a socket (core/transport/sim.c) ---- */

/*
 * Start simulator_path as a private child for spec ("rak5205?state=b.sim&probe=v2") and open it. The
 * child ends when the transport is closed, or when this process dies.
 * Errors: STL_E_ARGUMENT (the simulator does not know the spec; its words are in the text),
 * STL_E_FILE (it cannot be started), STL_E_NO_PROBE, STL_E_MEMORY.
 */
STL_MUST_USE stl_code stl_transport_open_sim(const char *simulator_path, const char *spec,
                                             const stl_log *log, stl_transport **out,
                                             stl_error *err);

/* Join a simulator that listens on a Unix socket. Errors: STL_E_NO_PROBE, STL_E_PROBE_BUSY, ... */
STL_MUST_USE stl_code stl_transport_join_sim(const char *socket_path, const stl_log *log,
                                             stl_transport **out, stl_error *err);

/* Simulator only: send an admin line ("stats", "power off", ...) and get its answer line.
 * Errors: STL_E_UNSUPPORTED on a real probe, STL_E_ARGUMENT if the simulator refuses the line. */
STL_MUST_USE stl_code stl_transport_sim_admin(stl_transport *transport, const char *line,
                                              char *answer, size_t answer_size, stl_error *err);

/* ---- libusb-1.0 (core/transport/usb.c, the only file that includes libusb.h) ---- */

typedef struct stl_usb_id {
    uint16_t vendor_id, product_id;
} stl_usb_id;

/* One device found on the bus, whether or not it could be opened. */
typedef struct stl_usb_found {
    stl_usb_identity identity;
    stl_code open_code; /* STL_OK, STL_E_PERMISSION, STL_E_PROBE_BUSY, ... */
    char holder[64];    /* "openocd (pid 4711)" if known, else empty */
} stl_usb_found;

/* Enumerate every device whose ids match. *found is malloc'ed, free() it. No device is not an error. */
STL_MUST_USE stl_code stl_usb_enumerate(const stl_usb_id *ids, size_t id_count,
                                        stl_usb_found **found, size_t *found_count,
                                        stl_error *err);

/* Open the device at port ("usb:1-4.2") and claim interface 0. */
STL_MUST_USE stl_code stl_transport_open_usb(const char *port, const stl_log *log,
                                             stl_transport **out, stl_error *err);

/* The same for the only device with one of the ids. Errors: STL_E_NO_PROBE, STL_E_AMBIGUOUS, ... */
STL_MUST_USE stl_code stl_transport_open_only_usb(const stl_usb_id *ids, size_t id_count,
                                                  const stl_log *log, stl_transport **out,
                                                  stl_error *err);

#endif
