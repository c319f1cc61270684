/* core/transport/usb_find.c: what is on the bus, and what each device says about itself. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "descriptors.h"
#include "usb_internal.h"

/* A device that answers nothing must not hold up the list: three strings, well below two seconds.
 */
enum { STRING_TIMEOUT_MS = 300, LANGID_US = 0x0409 };

#define UDEV_HINT                                                                                  \
    "stlua udev | sudo tee /etc/udev/rules.d/60-stlua.rules && sudo udevadm control --reload && "  \
    "sudo udevadm trigger"

stl_code usb_open_error(int status, const char *port, const char *what, stl_error *err)
{
    switch (status) {
    case LIBUSB_ERROR_ACCESS:
        return stl_fail(err, STL_E_PERMISSION, UDEV_HINT, "no permission to %s the probe at %s",
                        what, port);
    case LIBUSB_ERROR_BUSY:
        return stl_fail(err, STL_E_PROBE_BUSY, "close the other program, or choose another probe",
                        "cannot %s the probe at %s: another program has it", what, port);
    case LIBUSB_ERROR_NO_DEVICE:
    case LIBUSB_ERROR_NOT_FOUND:
        return stl_fail(err, STL_E_PROBE_GONE, "plug the probe in and run the command again",
                        "cannot %s the probe at %s: it was unplugged", what, port);
    case LIBUSB_ERROR_NO_MEM:
        return stl_fail(err, STL_E_MEMORY, NULL, "cannot %s the probe: out of memory", what);
    default:
        return stl_fail(err, STL_E_USB, "unplug the probe and plug it in again",
                        "cannot %s the probe at %s: %s", what, port, libusb_strerror(status));
    }
}

void usb_port_name(libusb_device *device, char *text, size_t text_size)
{
    uint8_t ports[8];
    const int depth = libusb_get_port_numbers(device, ports, sizeof ports);
    int length = snprintf(text, text_size, "usb:%u", libusb_get_bus_number(device));
    for (int i = 0; i < depth && length > 0 && (size_t)length < text_size; i++)
        length +=
            snprintf(text + length, text_size - (size_t)length, "%c%u", i ? '.' : '-', ports[i]);
}

/* The first bulk IN answers commands, the second brings trace (facts 1.2). */
static void take_endpoint(const struct libusb_endpoint_descriptor *endpoint,
                          stl_usb_identity *identity)
{
    if ((endpoint->bmAttributes & 3) != LIBUSB_TRANSFER_TYPE_BULK)
        return;
    if (!(endpoint->bEndpointAddress & LIBUSB_ENDPOINT_IN)) {
        if (!identity->endpoint_out)
            identity->endpoint_out = endpoint->bEndpointAddress;
    } else if (!identity->endpoint_in) {
        identity->endpoint_in = endpoint->bEndpointAddress;
        identity->max_packet_bytes = endpoint->wMaxPacketSize;
    } else if (!identity->endpoint_trace) {
        identity->endpoint_trace = endpoint->bEndpointAddress;
    }
}

void usb_describe(libusb_device *device, stl_usb_identity *identity)
{
    struct libusb_device_descriptor descriptor;
    struct libusb_config_descriptor *config;
    usb_port_name(device, identity->port, sizeof identity->port);
    if (!libusb_get_device_descriptor(device, &descriptor)) {
        identity->vendor_id = descriptor.idVendor;
        identity->product_id = descriptor.idProduct;
        identity->bcd_device = descriptor.bcdDevice;
    }
    if (libusb_get_config_descriptor(device, 0, &config))
        return;
    for (int i = 0; i < config->bNumInterfaces; i++) {
        const struct libusb_interface *interface = &config->interface[i];
        if (!interface->num_altsetting ||
            interface->altsetting[0].bInterfaceNumber != USB_DEBUG_INTERFACE)
            continue;
        for (int e = 0; e < interface->altsetting[0].bNumEndpoints; e++)
            take_endpoint(&interface->altsetting[0].endpoint[e], identity);
    }
    libusb_free_config_descriptor(config);
}

/* Returns the length, or 0. Raw, because libusb's ASCII helper spoils binary serials (facts 1.4).
 */
static size_t read_string(libusb_device_handle *handle, uint8_t index, uint16_t langid,
                          uint8_t raw[256], bool *is_deaf)
{
    memset(raw, 0, 256);
    if (*is_deaf)
        return 0;
    const int got = libusb_control_transfer(
        handle, LIBUSB_ENDPOINT_IN, LIBUSB_REQUEST_GET_DESCRIPTOR,
        (uint16_t)(LIBUSB_DT_STRING << 8 | index), langid, raw, 255, STRING_TIMEOUT_MS);
    *is_deaf = got == LIBUSB_ERROR_TIMEOUT || got == LIBUSB_ERROR_NO_DEVICE;
    if (got < 2 || raw[1] != LIBUSB_DT_STRING)
        return 0;
    return got < raw[0] ? (size_t)got : raw[0];
}

void usb_read_strings(libusb_device_handle *handle, stl_usb_identity *identity)
{
    struct libusb_device_descriptor descriptor;
    uint8_t raw[256];
    bool is_deaf = false;
    if (libusb_get_device_descriptor(libusb_get_device(handle), &descriptor))
        return;
    const size_t languages = read_string(handle, 0, 0, raw, &is_deaf);
    const uint16_t langid =
        (uint16_t)(languages >= 4 ? (uint16_t)(raw[2] | raw[3] << 8) : LANGID_US);
    if (descriptor.iProduct && read_string(handle, descriptor.iProduct, langid, raw, &is_deaf))
        stl_usb_string_utf8(raw, sizeof raw, identity->product, sizeof identity->product);
    if (descriptor.iSerialNumber)
        identity->serial_raw_count =
            read_string(handle, descriptor.iSerialNumber, langid, identity->serial_raw, &is_deaf);
}

/* ---- the list ---- */

bool usb_has_id(libusb_device *device, const stl_usb_id *ids, size_t id_count)
{
    struct libusb_device_descriptor descriptor;
    if (libusb_get_device_descriptor(device, &descriptor))
        return false;
    for (size_t i = 0; i < id_count; i++)
        if (ids[i].vendor_id == descriptor.idVendor && ids[i].product_id == descriptor.idProduct)
            return true;
    return false;
}

/* Claiming is the only way to learn whether somebody else has claimed; it disturbs nobody. A kernel
 * driver (usb-storage on an ST-LINK/V1) is no other program: opening detaches it. */
static int try_claim(libusb_device_handle *handle)
{
    if (libusb_kernel_driver_active(handle, USB_DEBUG_INTERFACE) == 1)
        return LIBUSB_SUCCESS;
    const int status = libusb_claim_interface(handle, USB_DEBUG_INTERFACE);
    if (!status)
        libusb_release_interface(handle, USB_DEBUG_INTERFACE);
    return status;
}

static void look_at(libusb_device *device, stl_usb_found *found)
{
    libusb_device_handle *handle;
    stl_error ignored;
    usb_describe(device, &found->identity);
    int status = libusb_open(device, &handle);
    if (!status) {
        usb_read_strings(handle, &found->identity);
        status = try_claim(handle);
        if (status == LIBUSB_ERROR_BUSY)
            usb_find_holder(libusb_get_bus_number(device), libusb_get_device_address(device),
                            found->holder, sizeof found->holder);
        libusb_close(handle);
    }
    found->open_code =
        status ? usb_open_error(status, found->identity.port, "open", &ignored) : STL_OK;
}

/* "usb:1-4.2" before "usb:1-10": by bus, then port by port. */
static int compare_ports(const void *left, const void *right)
{
    const char *a = ((const stl_usb_found *)left)->identity.port + 4;
    const char *b = ((const stl_usb_found *)right)->identity.port + 4;
    while (*a && *b) {
        char *a_end, *b_end;
        const unsigned long a_number = strtoul(a, &a_end, 10), b_number = strtoul(b, &b_end, 10);
        if (a_number != b_number)
            return a_number < b_number ? -1 : 1;
        a = *a_end ? a_end + 1 : a_end;
        b = *b_end ? b_end + 1 : b_end;
    }
    return *a ? 1 : *b ? -1 : 0;
}

static stl_code list(libusb_context *context, const stl_usb_id *ids, size_t id_count,
                     stl_usb_found **found, size_t *found_count, stl_error *err)
{
    libusb_device **devices;
    const ssize_t count = libusb_get_device_list(context, &devices);
    if (count < 0)
        return stl_fail(err, STL_E_USB, NULL, "cannot list USB devices: %s",
                        libusb_strerror((int)count));
    stl_usb_found *all = calloc((size_t)count + 1, sizeof *all);
    size_t n = 0;
    for (ssize_t i = 0; all && i < count; i++)
        if (usb_has_id(devices[i], ids, id_count))
            look_at(devices[i], &all[n++]);
    libusb_free_device_list(devices, 1);
    if (!all)
        return stl_fail(err, STL_E_MEMORY, NULL, "out of memory for the list of USB devices");
    qsort(all, n, sizeof *all, compare_ports);
    *found = all;
    *found_count = n;
    return STL_OK;
}

stl_code stl_usb_enumerate(const stl_usb_id *ids, size_t id_count, stl_usb_found **found,
                           size_t *found_count, stl_error *err)
{
    libusb_context *context;
    *found = NULL;
    *found_count = 0;
    const int status = libusb_init(&context);
    if (status)
        return stl_fail(err, STL_E_USB, NULL, "cannot start libusb: %s", libusb_strerror(status));
    const stl_code code = list(context, ids, id_count, found, found_count, err);
    libusb_exit(context);
    return code;
}
