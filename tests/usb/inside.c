/* tests/usb/inside.c: usb_inside, what the tests do on the simulated bus, one command a word.
 * It talks to the core's public API and, where the bus itself is meant, to libusb. */
#include <dirent.h>
#include <libusb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "admin_client.h"
#include "stl/probe.h"
#include "stl/transport.h"

enum { TIMEOUT_MS = 1000, MAX_OPEN = 8 };

/* ---- tools ---- */

static int say_error(const stl_error *err)
{
    char text[1024];
    stl_error_text(err, text, sizeof text);
    printf("error=%s %s\nhint=%s\n", stl_code_name(err->code), text, err->hint ? err->hint : "");
    return 1;
}

static void admin(const char *socket_path, const char *line)
{
    char answer[4096];
    if (!sim_admin_send(socket_path, line, answer, sizeof answer))
        printf("admin: %s: %s\n", line, answer);
}

static stl_code get_version(stl_transport *transport, uint8_t version[6], stl_error *err)
{
    uint8_t command[16] = {0xF1, 0x80};
    stl_transfer transfers[] = {{transport->identity.endpoint_out, command, sizeof command, 0},
                                {transport->identity.endpoint_in, version, 6, 0}};
    return stl_transport_run(transport, transfers, 2, TIMEOUT_MS, err);
}

static int say_version(stl_transport *transport)
{
    uint8_t version[6] = {0};
    stl_error err;
    if (get_version(transport, version, &err))
        return say_error(&err);
    printf("%s version=%02X%02X%02X%02X%02X%02X\n", transport->identity.port, version[0],
           version[1], version[2], version[3], version[4], version[5]);
    return 0;
}

static unsigned count_descriptors(void)
{
    unsigned count = 0;
    DIR *folder = opendir("/proc/self/fd");
    while (folder && readdir(folder))
        count++;
    if (folder)
        closedir(folder);
    return count;
}

/* ---- commands ---- */

static int list(char **arguments)
{
    (void)arguments;
    size_t id_count, count;
    const stl_usb_id *ids = stl_probe_usb_ids(&id_count);
    stl_usb_found *found;
    stl_error err;
    if (stl_usb_enumerate(ids, id_count, &found, &count, &err))
        return say_error(&err);
    printf("count=%zu\n", count);
    for (size_t i = 0; i < count; i++) {
        const stl_usb_identity *id = &found[i].identity;
        char serial[STL_SERIAL_CHARS], ascii[STL_SERIAL_CHARS];
        stl_probe_decode_serial(id->serial_raw, id->serial_raw_count, serial, ascii);
        printf("%s %04X:%04X out=%02X in=%02X trace=%02X packet=%u product=%s serial=%s ascii=%s "
               "open=%s holder=%s\n",
               id->port, id->vendor_id, id->product_id, id->endpoint_out, id->endpoint_in,
               id->endpoint_trace, id->max_packet_bytes, id->product, serial, ascii,
               stl_code_name(found[i].open_code), found[i].holder);
    }
    free(found);
    return 0;
}

/* PORT...: all open at once, then each asked. */
static int version(char **ports)
{
    stl_transport *open[MAX_OPEN];
    unsigned count = 0;
    int result = 0;
    for (; *ports && count < MAX_OPEN && !result; ports++) {
        stl_error err;
        if (stl_transport_open_usb(*ports, NULL, &open[count], &err))
            result = say_error(&err);
        else
            count++;
    }
    for (unsigned i = 0; i < count && !result; i++)
        result = say_version(open[i]);
    while (count)
        stl_transport_close(open[--count]);
    return result;
}

/* PORT N: open, identify, close. */
static int cycles(char **arguments)
{
    const long count = strtol(arguments[1], NULL, 10);
    unsigned descriptors = 0;
    for (long i = 0; i < count; i++) {
        stl_transport *transport;
        stl_probe *probe;
        stl_error err;
        if (stl_transport_open_usb(arguments[0], NULL, &transport, &err) ||
            stl_probe_open(transport, &probe, &err))
            return say_error(&err);
        stl_probe_close(probe);
        if (i == 1) /* libraries have what they keep by now */
            descriptors = count_descriptors();
    }
    printf("cycles=%ld descriptors=%+d\n", count, (int)count_descriptors() - (int)descriptors);
    return 0;
}

/* PORT: open it as a probe, and how long that took. */
static int probe(char **arguments)
{
    const stl_deadline start = stl_deadline_in_us(stl_clock_system(), 0);
    stl_transport *transport;
    stl_probe *opened;
    stl_error err;
    int result = 0;
    if (stl_transport_open_usb(arguments[0], NULL, &transport, &err) ||
        stl_probe_open(transport, &opened, &err)) {
        result = say_error(&err);
    } else {
        printf("firmware=%s serial=%s\n", stl_probe_get_info(opened)->firmware,
               stl_probe_get_info(opened)->serial);
        stl_probe_close(opened);
    }
    const uint64_t took_ms = (stl_now_us(stl_clock_system()) - start.end_us) / 1000u;
    printf("took=%u ms\n", (unsigned)took_ms);
    return result;
}

/* PORT: wait for a reply that does not come. */
static int hang(char **arguments)
{
    stl_transport *transport;
    uint8_t bytes[64];
    stl_error err;
    if (stl_transport_open_usb(arguments[0], NULL, &transport, &err))
        return say_error(&err);
    stl_transfer in = {transport->identity.endpoint_in, bytes, sizeof bytes, 0};
    printf("waiting\n");
    fflush(stdout);
    const stl_code code = stl_transport_run(transport, &in, 1, 60000, &err);
    stl_transport_close(transport);
    return code ? say_error(&err) : 0;
}

/* PORT SOCKET: pulled out between two commands, then plugged in again. */
static int unplug(char **arguments)
{
    stl_transport *transport;
    uint8_t bytes[6];
    stl_error err;
    if (stl_transport_open_usb(arguments[0], NULL, &transport, &err))
        return say_error(&err);
    say_version(transport);
    admin(arguments[1], "unplug");
    printf("run=%s\n", stl_code_name(get_version(transport, bytes, &err)));
    say_error(&err);
    printf("again=%s\n", stl_code_name(get_version(transport, bytes, &err)));
    stl_transport_close(transport);
    printf("unplugged: ");
    list(NULL);
    printf("open=%s\n",
           stl_code_name(stl_transport_open_usb(arguments[0], NULL, &transport, &err)));
    admin(arguments[1], "replug");
    printf("plugged in: ");
    list(NULL);
    return version(arguments + 2);
}

/* PORT SOCKET LINE: a fault in the transfers of one command, then a good one. */
static int fault(char **arguments)
{
    stl_transport *transport;
    uint8_t bytes[6];
    stl_error err;
    if (stl_transport_open_usb(arguments[0], NULL, &transport, &err))
        return say_error(&err);
    admin(arguments[1], arguments[2]);
    if (get_version(transport, bytes, &err))
        say_error(&err);
    const int result = say_version(transport);
    stl_transport_close(transport);
    return result;
}

/* PORT: a USB reset, and whether the probe is the same afterwards. */
static int reset(char **arguments)
{
    stl_transport *transport;
    stl_error err;
    if (stl_transport_open_usb(arguments[0], NULL, &transport, &err))
        return say_error(&err);
    int result = say_version(transport);
    if (stl_transport_reset(transport, &err))
        result = say_error(&err);
    else
        result |= say_version(transport);
    stl_transport_close(transport);
    return result;
}

/* PORT: what another program's USB reset does to whoever has the probe. */
static int usbreset(char **arguments)
{
    libusb_device **devices;
    int status = LIBUSB_ERROR_NOT_FOUND;
    if (libusb_init(NULL))
        return 1;
    const ssize_t count = libusb_get_device_list(NULL, &devices);
    for (ssize_t i = 0; i < count; i++) {
        uint8_t ports[8];
        char port[32];
        libusb_device_handle *handle;
        const int depth = libusb_get_port_numbers(devices[i], ports, sizeof ports);
        snprintf(port, sizeof port, "usb:%u-%u", libusb_get_bus_number(devices[i]),
                 depth > 0 ? ports[0] : 0u);
        if (strcmp(port, arguments[0]) || libusb_open(devices[i], &handle))
            continue;
        status = libusb_reset_device(handle);
        libusb_close(handle);
    }
    if (count >= 0)
        libusb_free_device_list(devices, 1);
    libusb_exit(NULL);
    printf("usbreset=%s\n", libusb_error_name(status));
    return status ? 1 : 0;
}

/* PORT: a reply nobody fetched is not taken for the next one's. */
static int stale(char **arguments)
{
    stl_transport *transport;
    stl_error err;
    uint8_t voltage[16] = {0xF7};
    if (stl_transport_open_usb(arguments[0], NULL, &transport, &err))
        return say_error(&err);
    stl_transfer only_out = {transport->identity.endpoint_out, voltage, sizeof voltage, 0};
    if (stl_transport_run(transport, &only_out, 1, TIMEOUT_MS, &err))
        say_error(&err);
    stl_transport_close(transport);
    return version(arguments);
}

/* PORT PROGRAM...: run PROGRAM while we have the probe. */
static int holding(char **arguments)
{
    stl_transport *transport;
    stl_error err;
    char command[256] = "";
    if (stl_transport_open_usb(arguments[0], NULL, &transport, &err))
        return say_error(&err);
    for (char **word = arguments + 1; *word; word++) {
        strncat(command, *word, sizeof command - strlen(command) - 2);
        strcat(command, " ");
    }
    fflush(stdout);
    const int result = system(command);
    stl_transport_close(transport);
    return result ? 1 : 0;
}

/* ---- hotplug, as libusb tells of it ---- */

static int LIBUSB_CALL on_hotplug(libusb_context *context, libusb_device *device,
                                  libusb_hotplug_event event, void *self)
{
    (void)context;
    int *seen = self;
    printf("%s bus=%u address=%u\n",
           event == LIBUSB_HOTPLUG_EVENT_DEVICE_ARRIVED ? "arrived" : "left",
           libusb_get_bus_number(device), libusb_get_device_address(device));
    ++*seen;
    return 0;
}

static int wait_for_hotplug(libusb_context *context, const int *seen, int wanted)
{
    for (int tries = 0; *seen < wanted && tries < 100; tries++) {
        struct timeval wait = {0, 50000};
        libusb_handle_events_timeout_completed(context, &wait, NULL);
    }
    return *seen >= wanted ? 0 : 1;
}

/* SOCKET */
static int hotplug(char **arguments)
{
    libusb_context *context;
    int seen = 0;
    if (libusb_init(&context))
        return 1;
    libusb_hotplug_register_callback(
        context, LIBUSB_HOTPLUG_EVENT_DEVICE_ARRIVED | LIBUSB_HOTPLUG_EVENT_DEVICE_LEFT, 0, 0x0483,
        LIBUSB_HOTPLUG_MATCH_ANY, LIBUSB_HOTPLUG_MATCH_ANY, on_hotplug, &seen, NULL);
    admin(arguments[0], "unplug");
    int result = wait_for_hotplug(context, &seen, 1);
    admin(arguments[0], "replug");
    result |= wait_for_hotplug(context, &seen, 2);
    libusb_exit(context);
    printf("seen=%d\n", seen);
    return result;
}

static const struct {
    const char *name;
    int argument_count;
    int (*run)(char **arguments);
} commands[] = {
    {"list", 0, list},     {"version", 1, version}, {"cycles", 2, cycles},
    {"unplug", 3, unplug}, {"fault", 3, fault},     {"reset", 1, reset},
    {"stale", 1, stale},   {"holding", 2, holding}, {"hotplug", 1, hotplug},
    {"probe", 1, probe},   {"hang", 1, hang},       {"usbreset", 1, usbreset},
};

int main(int argc, char **argv)
{
    for (size_t i = 0; argc > 1 && i < sizeof commands / sizeof commands[0]; i++)
        if (!strcmp(argv[1], commands[i].name) && argc - 2 >= commands[i].argument_count)
            return commands[i].run(argv + 2);
    fprintf(stderr, "usb_inside: what?\n");
    return 2;
}
