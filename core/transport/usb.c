/* core/transport/usb.c: a probe on the machine's USB, through libusb-1.0: open, reset, close.
 * The order of opening is that of the ST-LINK sheet, 1.6. Each transport has a libusb context of
 * its own: a fresh context sees the bus as it is now, also after the probe was plugged in again. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "usb_internal.h"

enum {
    CONFIGURATION = 1,
    REOPEN_TIMEOUT_MS = 900, /* a reset device answers again after some 100 ms */
    REOPEN_POLL_US = 50000
};

/* ---- opening, step by step ---- */

/* Which device: the one at port, or without a port the only one with one of the ids. */
typedef struct usb_choice {
    const char *port;
    const stl_usb_id *ids;
    size_t id_count;
} usb_choice;

static bool is_chosen(libusb_device *device, const usb_choice *choice)
{
    char name[64];
    if (!choice->port)
        return usb_has_id(device, choice->ids, choice->id_count);
    usb_port_name(device, name, sizeof name);
    return !strcmp(name, choice->port);
}

static stl_code choose(libusb_device **devices, const usb_choice *choice, libusb_device **device,
                       stl_error *err)
{
    unsigned count = 0;
    for (size_t i = 0; devices[i]; i++) {
        if (!is_chosen(devices[i], choice))
            continue;
        *device = devices[i];
        count++;
    }
    if (count == 1)
        return STL_OK;
    if (choice->port)
        return stl_fail(err, STL_E_NO_PROBE, "`stlua list` shows what is plugged in",
                        "nothing is plugged in at %s", choice->port);
    if (!count)
        return stl_fail(err, STL_E_NO_PROBE,
                        "plug one in; or try it without hardware: --probe sim:rak5205",
                        "no ST-LINK on USB");
    return stl_fail(err, STL_E_AMBIGUOUS, "`stlua list` shows them", "%u ST-LINKs on USB", count);
}

static stl_code open_device(usb_transport *usb, const usb_choice *choice, stl_error *err)
{
    libusb_device **devices, *device = NULL;
    const ssize_t count = libusb_get_device_list(usb->context, &devices);
    if (count < 0)
        return stl_fail(err, STL_E_USB, NULL, "cannot list USB devices: %s",
                        libusb_strerror((int)count));
    stl_code code = choose(devices, choice, &device, err);
    if (!code) {
        usb_describe(device, &usb->head.identity);
        const int status = libusb_open(device, &usb->handle);
        if (status) {
            usb->handle = NULL;
            code = usb_open_error(status, usb->head.identity.port, "open", err);
        }
    }
    libusb_free_device_list(devices, 1);
    return code;
}

/* Setting the configuration it has already would fail on a composite probe whose disk or serial
 * port is in use, and cut them off where it does not (facts 1.6, item 2). */
static stl_code configure(usb_transport *usb, stl_error *err)
{
    int configuration = 0;
    int status = libusb_get_configuration(usb->handle, &configuration);
    if (!status && configuration != CONFIGURATION)
        status = libusb_set_configuration(usb->handle, CONFIGURATION);
    return status ? usb_open_error(status, usb->head.identity.port, "configure", err) : STL_OK;
}

static stl_code busy(usb_transport *usb, int status, stl_error *err)
{
    char holder[64];
    libusb_device *device = libusb_get_device(usb->handle);
    usb_find_holder(libusb_get_bus_number(device), libusb_get_device_address(device), holder,
                    sizeof holder);
    if (!holder[0])
        return usb_open_error(status, usb->head.identity.port, "claim", err);
    return stl_fail(err, STL_E_PROBE_BUSY, "close that program, or choose another probe",
                    "the probe at %s is held by %s", usb->head.identity.port, holder);
}

static stl_code claim(usb_transport *usb, stl_error *err)
{
    /* Interface 0 only; the disk and the serial port stay with the kernel. */
    if (libusb_kernel_driver_active(usb->handle, USB_DEBUG_INTERFACE) == 1) {
        const int status = libusb_detach_kernel_driver(usb->handle, USB_DEBUG_INTERFACE);
        if (status && status != LIBUSB_ERROR_NOT_FOUND)
            return usb_open_error(status, usb->head.identity.port, "take over", err);
    }
    const int status = libusb_claim_interface(usb->handle, USB_DEBUG_INTERFACE);
    if (status == LIBUSB_ERROR_BUSY)
        return busy(usb, status, err);
    usb->is_claimed = !status;
    return status ? usb_open_error(status, usb->head.identity.port, "claim", err) : STL_OK;
}

static stl_code open_chosen(usb_transport *usb, const usb_choice *choice, stl_error *err)
{
    const int status = libusb_init(&usb->context);
    if (status) {
        usb->context = NULL;
        return stl_fail(err, STL_E_USB, NULL, "cannot start libusb: %s", libusb_strerror(status));
    }
    stl_code code = open_device(usb, choice, err);
    if (!code)
        code = configure(usb, err);
    if (!code)
        code = claim(usb, err);
    if (code)
        return code;
    usb_flush flush;
    usb_flush_start(usb, &flush);
    usb_read_strings(usb->handle, &usb->head.identity);
    usb_flush_finish(usb, &flush);
    usb->is_gone = false;
    return STL_OK;
}

static void close_port(usb_transport *usb)
{
    if (usb->is_claimed)
        libusb_release_interface(usb->handle, USB_DEBUG_INTERFACE);
    usb->is_claimed = false;
    if (usb->handle)
        libusb_close(usb->handle);
    usb->handle = NULL;
    if (usb->context)
        libusb_exit(usb->context);
    usb->context = NULL;
}

/* ---- reset ---- */

static bool is_same_probe(const stl_usb_identity *a, const stl_usb_identity *b)
{
    return a->vendor_id == b->vendor_id && a->product_id == b->product_id &&
           a->serial_raw_count == b->serial_raw_count &&
           !memcmp(a->serial_raw, b->serial_raw, a->serial_raw_count);
}

/* By port, because a probe that re-enumerates gets a new address but keeps its place. */
static stl_code reopen(usb_transport *usb, const stl_usb_identity *before, stl_error *err)
{
    const usb_choice choice = {.port = before->port};
    const stl_deadline deadline = stl_deadline_in_ms(usb->head.clock, REOPEN_TIMEOUT_MS);
    for (;;) {
        const bool is_last = stl_deadline_passed(&deadline);
        memset(&usb->head.identity, 0, sizeof usb->head.identity);
        const stl_code code = open_chosen(usb, &choice, err);
        if (!code)
            break;
        close_port(usb);
        if (is_last || (code != STL_E_NO_PROBE && code != STL_E_PROBE_GONE)) {
            usb->head.identity = *before;
            usb->is_gone = true;
            return stl_wrap(err, "open the probe again after a USB reset");
        }
        stl_sleep_us(usb->head.clock, REOPEN_POLL_US);
    }
    if (is_same_probe(before, &usb->head.identity))
        return STL_OK;
    close_port(usb);
    usb->head.identity = *before;
    usb->is_gone = true;
    return stl_fail(err, STL_E_PROBE_GONE, "plug the probe in and run the command again",
                    "after a USB reset another probe is at %s", before->port);
}

static stl_code usb_reset(stl_transport *transport, stl_error *err)
{
    usb_transport *usb = (usb_transport *)transport;
    const stl_usb_identity before = usb->head.identity;
    /* NOT_FOUND: it came back as a new device. Any failure shows when it is opened again. */
    if (usb->handle)
        (void)libusb_reset_device(usb->handle);
    close_port(usb);
    return reopen(usb, &before, err);
}

static void usb_close(stl_transport *transport)
{
    close_port((usb_transport *)transport);
    free(transport);
}

static const stl_transport_ops usb_ops = {usb_run, usb_reset, usb_close};

static stl_code open_usb(const usb_choice *choice, const stl_log *log, stl_transport **out,
                         stl_error *err)
{
    *out = NULL;
    usb_transport *usb = calloc(1, sizeof *usb);
    if (!usb)
        return stl_fail(err, STL_E_MEMORY, NULL, "out of memory");
    usb->head.ops = &usb_ops;
    usb->head.clock = stl_clock_system();
    usb->head.log = log;
    const stl_code code = open_chosen(usb, choice, err);
    if (code) {
        usb_close(&usb->head);
        return code;
    }
    *out = &usb->head;
    return STL_OK;
}

stl_code stl_transport_open_usb(const char *port, const stl_log *log, stl_transport **out,
                                stl_error *err)
{
    return open_usb(&(usb_choice){.port = port}, log, out, err);
}

stl_code stl_transport_open_only_usb(const stl_usb_id *ids, size_t id_count, const stl_log *log,
                                     stl_transport **out, stl_error *err)
{
    return open_usb(&(usb_choice){.ids = ids, .id_count = id_count}, log, out, err);
}
