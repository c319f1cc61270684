/* core/transport/usb_internal.h: what the usb*.c files share. */
#ifndef STL_USB_INTERNAL_H
#define STL_USB_INTERNAL_H

#include <libusb.h>

#include "stl/transport.h"

enum { USB_MAX_TRANSFERS = 16, USB_DEBUG_INTERFACE = 0 };

typedef struct usb_transport {
    stl_transport head;
    libusb_context *context;
    libusb_device_handle *handle;
    bool is_claimed;
    bool is_gone; /* the kernel has said so; no transfer is tried any more */
} usb_transport;

/* ---- usb_find.c: the bus ---- */

/* Map what libusb says about opening and claiming; what names the step that failed. */
stl_code usb_open_error(int status, const char *port, const char *what, stl_error *err);

/* "usb:1-4.2" */
void usb_port_name(libusb_device *device, char *text, size_t text_size);

bool usb_has_id(libusb_device *device, const stl_usb_id *ids, size_t id_count);

/* Ids, port and endpoints of the debug interface: all that is known without opening the device. */
void usb_describe(libusb_device *device, stl_usb_identity *identity);

/* Product and serial, asked of the device. What it does not answer stays empty. */
void usb_read_strings(libusb_device_handle *handle, stl_usb_identity *identity);

/* ---- usb_run.c: transfers ---- */

stl_code usb_run(stl_transport *transport, stl_transfer *transfers, unsigned transfer_count,
                 uint32_t timeout_ms, stl_error *err);

/* ---- usb_flush.c: replies nobody fetched ---- */

typedef struct usb_flush {
    struct libusb_transfer *transfer; /* NULL: nothing to do */
    int is_done;
    stl_deadline end;
} usb_flush;

/* Between the two nothing may be asked of the bulk endpoints. */
void usb_flush_start(usb_transport *usb, usb_flush *flush);
void usb_flush_finish(usb_transport *usb, usb_flush *flush);

/* ---- usb_holder.c: who else has it ---- */

/* "openocd (pid 4711)", as far as /proc lets us see; empty if it does not. */
void usb_find_holder(unsigned bus, unsigned address, char *holder, size_t holder_size);

#endif
