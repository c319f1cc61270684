/* tests/usb/usbrun_ioctl.c: usbfs ioctls, as Linux's drivers/usb/core/devio.c answers them.
 * Not there: isochronous URBs, streams, USBDEVFS_BULK, mmap. libusb uses none of them for a probe.
 */
#define _GNU_SOURCE
#include "usbrun.h"

#include <errno.h>
#include <linux/usbdevice_fs.h>
#include <stdlib.h>
#include <string.h>
#include <stdio.h>
#include <sys/ioctl.h>

#include "stl/bytes.h"
#include "stl/sim_wire.h"

enum { LATER = 1 << 30 }; /* a handler's result: the answer comes when the device has answered */
enum { SPEED_FULL = 2, SPEED_HIGH = 3 };
enum { CLEAR_FEATURE = 1, SET_CONFIGURATION = 9, SET_INTERFACE = 11 };
enum { NR_SPEED = 31, NR_CONNINFO_EX = 32 };

typedef struct call {
    const notification *n;
    usb_file *file;
    usb_device *device;
    pid_t pid;
    uint64_t arg;
} call;

/* ---- requests that the device answers ---- */

typedef struct deferred {
    uint64_t id, data_addr;
    pid_t pid;
    size_t room;
    usb_device *device;
    uint8_t configuration; /* to be noted when it is taken; 0: none */
} deferred;

static void on_answered(void *self, uint8_t status, const uint8_t *bytes, size_t byte_count)
{
    deferred *d = self;
    int64_t result = wire_errno(status);
    const size_t count = byte_count < d->room ? byte_count : d->room;
    if (status == SIM_WIRE_GONE)
        result = -ENODEV;
    if (!result && count)
        result = copy_out(d->pid, d->data_addr, bytes, count) ? (int64_t)count : -EFAULT;
    if (!result && d->configuration) {
        d->device->configuration = d->configuration;
        device_bind_drivers(d->device);
        sysfs_set_configuration(d->device);
    }
    answer(d->id, result);
    if (status == SIM_WIRE_GONE)
        device_vanish(d->device);
    free(d);
}

static int ask_device(const call *c, uint8_t type, const uint8_t *payload, size_t payload_count,
                      deferred details)
{
    if (!c->device->wire)
        return -EPIPE; /* hubs have nothing behind them */
    deferred *d = malloc(sizeof *d);
    if (!d)
        die("out of memory");
    *d = details;
    d->id = c->n->id;
    d->pid = c->pid;
    d->device = c->device;
    wire_send(c->device->wire, type, 0, payload, payload_count, payload_count, on_answered, d);
    return LATER;
}

static int ask_control(const call *c, uint8_t request_type, uint8_t request, uint16_t value,
                       uint16_t index, deferred details)
{
    uint8_t setup[8] = {request_type, request};
    stl_put_u16le(setup + 2, value);
    stl_put_u16le(setup + 4, index);
    return ask_device(c, SIM_WIRE_CONTROL, setup, sizeof setup, details);
}

static int do_control(const call *c)
{
    struct usbdevfs_ctrltransfer t;
    static uint8_t packet[8 + 65536];
    if (!copy_in(c->pid, c->arg, &t, sizeof t))
        return -EFAULT;
    packet[0] = t.bRequestType;
    packet[1] = t.bRequest;
    stl_put_u16le(packet + 2, t.wValue);
    stl_put_u16le(packet + 4, t.wIndex);
    stl_put_u16le(packet + 6, t.wLength);
    const bool is_in = t.bRequestType & 0x80u;
    const uint64_t data_addr = (uint64_t)(uintptr_t)t.data;
    if (!is_in && t.wLength && !copy_in(c->pid, data_addr, packet + 8, t.wLength))
        return -EFAULT;
    return ask_device(c, SIM_WIRE_CONTROL, packet, is_in ? 8 : 8u + t.wLength,
                      (deferred){.data_addr = data_addr, .room = is_in ? t.wLength : 0});
}

static int do_reset(const call *c)
{
    file_drop_claims(c->device); /* usbfs cannot survive a reset, so the kernel unbinds it */
    return ask_device(c, SIM_WIRE_RESET, NULL, 0, (deferred){.room = 0});
}

static int do_clear_halt(const call *c)
{
    unsigned endpoint;
    if (!copy_in(c->pid, c->arg, &endpoint, sizeof endpoint))
        return -EFAULT;
    const int interface = device_interface_of(c->device, (uint8_t)endpoint);
    if (interface < 0)
        return -ENOENT;
    const int claimed = file_claim(c->file, (unsigned)interface);
    return claimed
               ? claimed
               : ask_control(c, 0x02, CLEAR_FEATURE, 0, (uint16_t)endpoint, (deferred){.room = 0});
}

static int do_set_interface(const call *c)
{
    struct usbdevfs_setinterface set;
    if (!copy_in(c->pid, c->arg, &set, sizeof set))
        return -EFAULT;
    const int claimed = file_claim(c->file, set.interface);
    return claimed ? claimed
                   : ask_control(c, 0x01, SET_INTERFACE, (uint16_t)set.altsetting,
                                 (uint16_t)set.interface, (deferred){.room = 0});
}

/* Refused while anybody has anything of the device, be it the kernel's own drivers. */
static int do_set_configuration(const call *c)
{
    int value;
    if (!copy_in(c->pid, c->arg, &value, sizeof value))
        return -EFAULT;
    file_sweep();
    for (unsigned i = 0; i < USBRUN_MAX_INTERFACES; i++)
        if (c->device->interfaces[i].owner || c->device->interfaces[i].driver)
            return -EBUSY;
    return ask_control(c, 0x00, SET_CONFIGURATION, (uint16_t)value, 0,
                       (deferred){.configuration = (uint8_t)value});
}

/* ---- claims and drivers ---- */

static int with_number(const call *c, int (*act)(usb_file *file, unsigned number))
{
    unsigned number;
    return copy_in(c->pid, c->arg, &number, sizeof number) ? act(c->file, number) : -EFAULT;
}

static int do_claim(const call *c)
{
    return with_number(c, file_claim);
}

static int do_release(const call *c)
{
    return with_number(c, file_release);
}

static int do_get_driver(const call *c)
{
    struct usbdevfs_getdriver get;
    if (!copy_in(c->pid, c->arg, &get, sizeof get))
        return -EFAULT;
    if (get.interface >= USBRUN_MAX_INTERFACES || !device_has_interface(c->device, get.interface))
        return -ENODATA;
    file_sweep();
    const usb_interface *i = &c->device->interfaces[get.interface];
    if (!i->owner && !i->driver)
        return -ENODATA;
    snprintf(get.driver, sizeof get.driver, "%s", i->owner ? "usbfs" : i->driver);
    return copy_out(c->pid, c->arg, &get, sizeof get) ? 0 : -EFAULT;
}

static int disconnect(const call *c, unsigned number)
{
    if (number >= USBRUN_MAX_INTERFACES || !device_has_interface(c->device, number))
        return -EINVAL;
    file_sweep();
    usb_interface *i = &c->device->interfaces[number];
    if (!i->owner && !i->driver)
        return -ENODATA;
    i->owner = NULL;
    i->driver = NULL;
    return 0;
}

/* Binding one brings back all that are free; a program that detached several attaches several. */
static int connect_driver(const call *c, unsigned number)
{
    if (number >= USBRUN_MAX_INTERFACES || !device_has_interface(c->device, number))
        return -EINVAL;
    if (c->device->interfaces[number].owner || c->device->interfaces[number].driver)
        return -EBUSY;
    device_bind_drivers(c->device);
    return c->device->interfaces[number].driver ? 1 : 0;
}

static int do_ioctl(const call *c)
{
    struct usbdevfs_ioctl inner;
    if (!copy_in(c->pid, c->arg, &inner, sizeof inner))
        return -EFAULT;
    if ((unsigned)inner.ioctl_code == USBDEVFS_DISCONNECT)
        return disconnect(c, (unsigned)inner.ifno);
    if ((unsigned)inner.ioctl_code == USBDEVFS_CONNECT)
        return connect_driver(c, (unsigned)inner.ifno);
    return -ENOTTY;
}

static int do_disconnect_claim(const call *c)
{
    struct usbdevfs_disconnect_claim dc;
    if (!copy_in(c->pid, c->arg, &dc, sizeof dc))
        return -EFAULT;
    dc.driver[sizeof dc.driver - 1] = '\0';
    if (dc.interface >= USBRUN_MAX_INTERFACES || !device_has_interface(c->device, dc.interface))
        return -EINVAL;
    file_sweep();
    const usb_interface *i = &c->device->interfaces[dc.interface];
    const char *driver = i->owner ? "usbfs" : i->driver;
    if (driver && dc.flags & USBDEVFS_DISCONNECT_CLAIM_IF_DRIVER && strcmp(dc.driver, driver) != 0)
        return -EBUSY;
    if (driver && dc.flags & USBDEVFS_DISCONNECT_CLAIM_EXCEPT_DRIVER && !strcmp(dc.driver, driver))
        return -EBUSY;
    if (driver && i->owner != c->file)
        (void)disconnect(c, dc.interface);
    return file_claim(c->file, dc.interface);
}

/* ---- what the kernel knows by itself ---- */

static int do_capabilities(const call *c)
{
    const uint32_t caps = USBDEVFS_CAP_ZERO_PACKET | USBDEVFS_CAP_NO_PACKET_SIZE_LIM |
                          USBDEVFS_CAP_BULK_SCATTER_GATHER | USBDEVFS_CAP_REAP_AFTER_DISCONNECT |
                          USBDEVFS_CAP_CONNINFO_EX;
    return copy_out(c->pid, c->arg, &caps, sizeof caps) ? 0 : -EFAULT;
}

static int do_connect_info(const call *c)
{
    const struct usbdevfs_connectinfo info = {.devnum = c->device->address, .slow = 0};
    return copy_out(c->pid, c->arg, &info, sizeof info) ? 0 : -EFAULT;
}

static int do_connect_info_ex(const call *c, size_t room)
{
    struct usbdevfs_conninfo_ex info = {.size = sizeof info,
                                        .busnum = c->device->bus,
                                        .devnum = c->device->address,
                                        .speed =
                                            c->device->speed_mbit == 480 ? SPEED_HIGH : SPEED_FULL,
                                        .num_ports = (uint8_t)c->device->port_count};
    for (unsigned i = 0; i < c->device->port_count && i < sizeof info.ports; i++)
        info.ports[i] = (uint8_t)c->device->ports[i];
    return copy_out(c->pid, c->arg, &info, room < sizeof info ? room : sizeof info) ? 0 : -EFAULT;
}

static int do_submit(const call *c)
{
    return file_submit(c->file, c->pid, c->arg);
}

static int do_discard(const call *c)
{
    return file_discard(c->file, c->arg);
}

static int do_nothing(const call *c)
{
    (void)c;
    return 0;
}

/* ---- the table ---- */

static const struct {
    unsigned long request;
    int (*act)(const call *c);
} table[] = {
    {USBDEVFS_SUBMITURB, do_submit},
    {USBDEVFS_DISCARDURB, do_discard},
    {USBDEVFS_CLAIMINTERFACE, do_claim},
    {USBDEVFS_RELEASEINTERFACE, do_release},
    {USBDEVFS_CONTROL, do_control},
    {USBDEVFS_RESET, do_reset},
    {USBDEVFS_CLEAR_HALT, do_clear_halt},
    {USBDEVFS_RESETEP, do_nothing},
    {USBDEVFS_SETINTERFACE, do_set_interface},
    {USBDEVFS_SETCONFIGURATION, do_set_configuration},
    {USBDEVFS_GETDRIVER, do_get_driver},
    {USBDEVFS_IOCTL, do_ioctl},
    {USBDEVFS_DISCONNECT_CLAIM, do_disconnect_claim},
    {USBDEVFS_GET_CAPABILITIES, do_capabilities},
    {USBDEVFS_CONNECTINFO, do_connect_info},
    {USBDEVFS_DISCSIGNAL, do_nothing},
};

static int act(const call *c, unsigned long request)
{
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++)
        if (table[i].request == request)
            return table[i].act(c);
    if (_IOC_NR(request) == NR_CONNINFO_EX)
        return do_connect_info_ex(c, _IOC_SIZE(request));
    if (_IOC_NR(request) == NR_SPEED)
        return c->device->speed_mbit == 480 ? SPEED_HIGH : SPEED_FULL;
    return -ENOTTY;
}

void ioctl_serve(const notification *n, usb_file *file)
{
    const unsigned long request = n->data.args[1] & 0xFFFFFFFFu;
    if (request == USBDEVFS_REAPURB || request == USBDEVFS_REAPURBNDELAY) {
        file_reap(file, n, request == USBDEVFS_REAPURB);
        return;
    }
    if (file_is_gone(file)) {
        answer(n->id, -ENODEV);
        return;
    }
    const call c = {n, file, file_device(file), (pid_t)n->pid, n->data.args[2]};
    const int result = act(&c, request);
    if (result != LATER)
        answer(n->id, result);
}
