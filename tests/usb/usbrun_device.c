/* tests/usb/usbrun_device.c: the devices of the simulated bus: root hubs, hubs on the way, probes.
 */
#define _GNU_SOURCE
#include "usbrun.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "stl/bytes.h"
#include "stl/sim_wire.h"

enum { DEVICE = 1, CONFIGURATION = 2, STRING = 3, INTERFACE = 4, ENDPOINT = 5, LANGID_US = 0x0409 };
enum { CLASS_CDC = 2, CLASS_STORAGE = 8, CLASS_CDC_DATA = 10 };
enum { DEVICE_BYTES = 18, CONFIG_BYTES = 9, TICK_NS = 100000000 };

static usb_device *devices[USBRUN_MAX_DEVICES];
static size_t device_count;
static unsigned last_address[10]; /* by bus; the kernel counts on, too */
static bool is_attached;          /* the world exists */

usb_device *device_at(size_t index)
{
    return index < device_count ? devices[index] : NULL;
}

usb_device *device_find(unsigned bus, unsigned address)
{
    for (size_t i = 0; i < device_count; i++)
        if (devices[i]->is_present && devices[i]->bus == bus && devices[i]->address == address)
            return devices[i];
    return NULL;
}

void device_name(const usb_device *device, char *name, size_t name_size)
{
    if (!device->port_count) {
        snprintf(name, name_size, "usb%u", device->bus);
        return;
    }
    int length = snprintf(name, name_size, "%u", device->bus);
    for (unsigned i = 0; i < device->port_count; i++)
        length += snprintf(name + length, name_size - (size_t)length, "%c%u", i ? '.' : '-',
                           device->ports[i]);
}

/* ---- descriptors ---- */

/* Where the next descriptor of type is, from at on; 0: none. */
static size_t find_descriptor(const usb_device *device, size_t at, uint8_t type)
{
    for (; at + 2 <= device->descriptors_count && device->descriptors[at] >= 2;
         at += device->descriptors[at])
        if (device->descriptors[at + 1] == type &&
            at + device->descriptors[at] <= device->descriptors_count)
            return at;
    return 0;
}

static size_t next_descriptor(const usb_device *device, size_t at, uint8_t type)
{
    return find_descriptor(device, at + device->descriptors[at], type);
}

bool device_has_interface(const usb_device *device, unsigned number)
{
    for (size_t at = find_descriptor(device, 0, INTERFACE); at;
         at = next_descriptor(device, at, INTERFACE))
        if (device->descriptors[at + 2] == number)
            return true;
    return false;
}

int device_interface_of(const usb_device *device, uint8_t endpoint)
{
    int interface = -1;
    for (size_t at = 0; at + 2 <= device->descriptors_count && device->descriptors[at] >= 2;
         at += device->descriptors[at]) {
        if (device->descriptors[at + 1] == INTERFACE)
            interface = device->descriptors[at + 2];
        if (device->descriptors[at + 1] == ENDPOINT && device->descriptors[at + 2] == endpoint)
            return interface;
    }
    return -1;
}

/* What a Linux kernel binds by itself. */
void device_bind_drivers(usb_device *device)
{
    for (size_t at = find_descriptor(device, 0, INTERFACE); at;
         at = next_descriptor(device, at, INTERFACE)) {
        const unsigned number = device->descriptors[at + 2], class = device->descriptors[at + 5];
        if (number >= USBRUN_MAX_INTERFACES || device->interfaces[number].owner)
            continue;
        device->interfaces[number].driver = class == CLASS_STORAGE ? "usb-storage"
                                            : class == CLASS_CDC || class == CLASS_CDC_DATA
                                                ? "cdc_acm"
                                            : class == 9 ? "hub"
                                                         : NULL;
    }
}

static size_t get_descriptor(usb_device *device, uint8_t type, uint8_t index, uint16_t langid,
                             uint8_t *bytes, uint16_t room)
{
    uint8_t setup[8] = {0x80, 6, index, type};
    size_t actual = 0;
    stl_put_u16le(setup + 4, langid);
    stl_put_u16le(setup + 6, room);
    const uint8_t status =
        wire_ask(device->wire, SIM_WIRE_CONTROL, setup, sizeof setup, bytes, room, &actual);
    return status == SIM_WIRE_OK ? actual : 0;
}

/* As the kernel does for sysfs: up to the first NUL, one unit one character. */
static void get_string(usb_device *device, uint8_t index, char *text, size_t text_size)
{
    uint8_t raw[255];
    const size_t count =
        index ? get_descriptor(device, STRING, index, LANGID_US, raw, sizeof raw) : 0;
    size_t length = 0;
    for (size_t at = 2; at + 2 <= count && at + 2 <= raw[0] && length + 4 < text_size; at += 2) {
        const unsigned unit = stl_get_u16le(raw + at);
        if (!unit)
            break;
        if (unit < 0x80) {
            text[length++] = (char)unit;
        } else if (unit < 0x800) {
            text[length++] = (char)(0xC0 | unit >> 6);
            text[length++] = (char)(0x80 | (unit & 0x3F));
        } else {
            text[length++] = (char)(0xE0 | unit >> 12);
            text[length++] = (char)(0x80 | (unit >> 6 & 0x3F));
            text[length++] = (char)(0x80 | (unit & 0x3F));
        }
    }
    text[length] = '\0';
}

/* A kernel gives a device up that does not say who it is. */
static bool read_descriptors(usb_device *device)
{
    uint8_t *d = device->descriptors;
    device->descriptors_count = 0;
    if (get_descriptor(device, DEVICE, 0, 0, d, DEVICE_BYTES) != DEVICE_BYTES)
        return false;
    const size_t count = get_descriptor(device, CONFIGURATION, 0, 0, d + DEVICE_BYTES,
                                        USBRUN_MAX_DESCRIPTORS - DEVICE_BYTES);
    if (count < CONFIG_BYTES)
        return false;
    device->descriptors_count = DEVICE_BYTES + count;
    get_string(device, d[14], device->manufacturer, sizeof device->manufacturer);
    get_string(device, d[15], device->product, sizeof device->product);
    get_string(device, d[16], device->serial, sizeof device->serial);
    const size_t endpoint = find_descriptor(device, 0, ENDPOINT);
    const bool is_high_speed = endpoint && stl_get_u16le(d + endpoint + 4) == 512;
    device->speed_mbit = is_high_speed ? 480 : 12;
    return true;
}

static void configure(usb_device *device)
{
    uint8_t setup[8] = {0x00, 9, 1};
    wire_ask(device->wire, SIM_WIRE_CONTROL, setup, sizeof setup, NULL, 0, NULL);
    device->configuration = 1;
}

/* ---- hubs ---- */

static void describe_hub(usb_device *hub)
{
    const bool is_root = !hub->port_count;
    const uint8_t device[DEVICE_BYTES] = {18,
                                          DEVICE,
                                          0x00,
                                          0x02,
                                          9,
                                          0,
                                          1,
                                          64,
                                          is_root ? 0x6B : 0x40,
                                          is_root ? 0x1D : 0x1A,
                                          is_root ? 0x02 : 0x01,
                                          is_root ? 0x00 : 0x01,
                                          0x00,
                                          0x01,
                                          is_root ? 2 : 0,
                                          is_root ? 1 : 0,
                                          0,
                                          1};
    static const uint8_t config[] = {9, CONFIGURATION, 25,   0, 1, 1, 0, 0xE0, 0,
                                     9, INTERFACE,     0,    0, 1, 9, 0, 0,    0,
                                     7, ENDPOINT,      0x81, 3, 1, 0, 12};
    memcpy(hub->descriptors, device, sizeof device);
    memcpy(hub->descriptors + sizeof device, config, sizeof config);
    hub->descriptors_count = sizeof device + sizeof config;
    snprintf(hub->product, sizeof hub->product, "%s", is_root ? "Simulated bus" : "USB 2.0 hub");
    hub->speed_mbit = 480;
    hub->configuration = 1;
}

static usb_device *new_device(unsigned bus, const unsigned *ports, unsigned port_count)
{
    if (device_count == USBRUN_MAX_DEVICES)
        die("more than %d devices", USBRUN_MAX_DEVICES);
    usb_device *device = calloc(1, sizeof *device);
    if (!device)
        die("out of memory");
    device->bus = bus;
    memcpy(device->ports, ports, port_count * sizeof *ports);
    device->port_count = port_count;
    devices[device_count++] = device;
    return device;
}

static usb_device *find_place(unsigned bus, const unsigned *ports, unsigned port_count)
{
    for (size_t i = 0; i < device_count; i++)
        if (devices[i]->bus == bus && devices[i]->port_count == port_count &&
            !memcmp(devices[i]->ports, ports, port_count * sizeof *ports))
            return devices[i];
    return NULL;
}

/* The hub at this place; makes it, and those before it, when it is the first thing plugged in
 * there. */
static usb_device *hub_at(unsigned bus, const unsigned *ports, unsigned port_count)
{
    usb_device *hub = find_place(bus, ports, port_count);
    if (hub && hub->wire)
        die("a probe cannot be a hub for another");
    if (hub)
        return hub;
    usb_device *parent = port_count ? hub_at(bus, ports, port_count - 1) : NULL;
    hub = new_device(bus, ports, port_count);
    hub->parent = parent;
    hub->child_count = 16;
    hub->is_present = true;
    hub->address = ++last_address[bus];
    describe_hub(hub);
    device_bind_drivers(hub);
    return hub;
}

/* ---- probes ---- */

static bool attach(usb_device *probe)
{
    if (!read_descriptors(probe))
        return false;
    configure(probe);
    memset(probe->interfaces, 0, sizeof probe->interfaces);
    device_bind_drivers(probe);
    probe->address = ++last_address[probe->bus];
    probe->is_present = true;
    if (is_attached)
        sysfs_add(probe);
    return true;
}

void device_vanish(usb_device *device)
{
    if (!device->is_present)
        return;
    device->is_present = false;
    file_device_lost(device);
    sysfs_remove(device);
}

void device_attach_all(void)
{
    is_attached = true;
    for (size_t i = 0; i < device_count; i++)
        if (devices[i]->is_present)
            sysfs_add(devices[i]);
}

static uint8_t knock(usb_device *probe)
{
    static const uint8_t get_status[8] = {0x80, 0, 0, 0, 0, 0, 2, 0};
    uint8_t status[2];
    return wire_ask(probe->wire, SIM_WIRE_CONTROL, get_status, sizeof get_status, status,
                    sizeof status, NULL);
}

/* A control transfer takes no simulated time. A probe that is back is a new device; a new HELLO is
 * the new handle. */
static void refresh(usb_device *probe)
{
    char ignored[256];
    if (probe->is_present && knock(probe) == SIM_WIRE_GONE)
        device_vanish(probe);
    if (!probe->is_present && wire_hello(probe->wire, ignored, sizeof ignored) == SIM_WIRE_OK &&
        knock(probe) == SIM_WIRE_OK)
        attach(probe);
}

void device_refresh(void)
{
    for (size_t i = 0; i < device_count; i++)
        if (devices[i]->wire)
            refresh(devices[i]);
}

/* A transfer that is under way will tell by itself. */
static void on_tick(void *self, uint32_t events)
{
    const watch *w = self;
    uint64_t ticks;
    (void)events;
    if (read(w->fd, &ticks, sizeof ticks) != (ssize_t)sizeof ticks)
        return;
    for (size_t i = 0; i < device_count; i++)
        if (devices[i]->wire && wire_is_idle(devices[i]->wire))
            refresh(devices[i]);
}

void device_watch_plugs(void)
{
    static watch tick;
    const struct itimerspec often = {{0, TICK_NS}, {0, TICK_NS}};
    tick = (watch){timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK), on_tick, &tick};
    if (tick.fd < 0 || timerfd_settime(tick.fd, 0, &often, NULL))
        die_errno("timerfd");
    loop_add(&tick, 1 /* EPOLLIN */);
}

/* ---- the command line ---- */

static unsigned parse_ports(const char *text, unsigned ports[USBRUN_MAX_PORTS])
{
    unsigned count = 0;
    char *end;
    for (const char *at = text;; at = end + 1) {
        if (count == USBRUN_MAX_PORTS)
            die("port=%s: a bus has at most %d tiers", text, USBRUN_MAX_PORTS);
        const unsigned long port = strtoul(at, &end, 10);
        if (!port || port > 15)
            die("port=%s: ports are 1 to 15, separated by dots", text);
        ports[count++] = (unsigned)port;
        if (*end != '.')
            break;
    }
    if (*end)
        die("port=%s: ports are 1 to 15, separated by dots", text);
    return count;
}

typedef struct place {
    unsigned bus, ports[USBRUN_MAX_PORTS], port_count;
    bool is_denied;
    const char *holder;
} place;

static void parse_option(place *p, const char *option)
{
    if (!strncmp(option, "bus=", 4)) {
        p->bus = (unsigned)strtoul(option + 4, NULL, 10);
        if (p->bus < 1 || p->bus > 9)
            die("%s: buses are 1 to 9", option);
    } else if (!strncmp(option, "port=", 5)) {
        p->port_count = parse_ports(option + 5, p->ports);
    } else if (!strcmp(option, "denied")) {
        p->is_denied = true;
    } else if (!strcmp(option, "held") || !strncmp(option, "held=", 5)) {
        p->holder = option[4] ? option + 5 : "holder";
    } else {
        die("\"%s\": options of a probe are bus=, port=, denied, held[=NAME]", option);
    }
}

void device_add_probe(const char *spec)
{
    static unsigned next_port = 1;
    char *text = strdup(spec), *rest = text, reason[256];
    if (!text)
        die("out of memory");
    const char *socket_path = strsep(&rest, ",");
    place p = {.bus = 1};
    while (rest)
        parse_option(&p, strsep(&rest, ","));
    while (!p.port_count) { /* the next free port of the root hub */
        p.ports[0] = next_port++;
        p.port_count = !find_place(p.bus, p.ports, 1);
    }
    if (find_place(p.bus, p.ports, p.port_count))
        die("%s: that port is taken", spec);
    usb_device *parent = hub_at(p.bus, p.ports, p.port_count - 1);
    usb_device *probe = new_device(p.bus, p.ports, p.port_count);
    probe->parent = parent;
    probe->is_denied = p.is_denied;
    snprintf(probe->holder, sizeof probe->holder, "%s", p.holder ? p.holder : "");
    probe->wire = wire_open(socket_path, reason, sizeof reason);
    if (!probe->wire)
        die("%s: %s", socket_path, reason);
    attach(probe); /* an unplugged one may come later */
    free(text);
}
