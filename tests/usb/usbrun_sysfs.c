/* tests/usb/usbrun_sysfs.c: what a device shows in /sys and /dev/bus/usb.
 * libudev wants uevent and subsystem, libusb the rest (Linux:
 * Documentation/ABI/testing/sysfs-bus-usb). */
#define _GNU_SOURCE
#include "usbrun.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "stl/bytes.h"

enum { INTERFACE = 4, USB_MAJOR = 189, PATH_BYTES = 512 };

static world_fds world = {-1, -1, -1};

void sysfs_set_world(const world_fds *fds)
{
    world = *fds;
}

/* ---- small tools ---- */

static void write_file(int folder, const char *name, const void *bytes, size_t byte_count)
{
    const int fd = openat(folder, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0444);
    if (fd < 0 || write(fd, bytes, byte_count) != (ssize_t)byte_count)
        die_errno("sysfs file %s", name);
    close(fd);
}

static void attribute(int folder, const char *name, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static void attribute(int folder, const char *name, const char *format, ...)
{
    char text[512];
    va_list args;
    va_start(args, format);
    const int length = vsnprintf(text, sizeof text, format, args);
    va_end(args);
    write_file(folder, name, text, (size_t)length);
}

/* Strings may hold anything; empty ones have no file, as with the kernel. */
static void text_attribute(int folder, const char *name, const char *text)
{
    if (text[0])
        attribute(folder, name, "%s\n", text);
}

static int make_folder(int parent, const char *name)
{
    mkdirat(parent, name, 0755);
    const int fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        die_errno("folder %s", name);
    return fd;
}

static void remove_tree(int parent, const char *name)
{
    const int fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    DIR *folder = fd >= 0 ? fdopendir(fd) : NULL;
    const struct dirent *entry;
    while (folder && (entry = readdir(folder))) {
        if (!strcmp(entry->d_name, ".") || !strcmp(entry->d_name, ".."))
            continue;
        if (unlinkat(fd, entry->d_name, 0))
            remove_tree(fd, entry->d_name);
    }
    if (folder)
        closedir(folder);
    unlinkat(parent, name, AT_REMOVEDIR);
}

/* "usb1/1-4/1-4.2" below /sys/devices/stlua */
static void device_path(const usb_device *device, char *path, size_t path_size)
{
    char name[64];
    size_t length = 0;
    if (device->parent) {
        device_path(device->parent, path, path_size);
        length = strlen(path);
        path[length++] = '/';
    }
    device_name(device, name, sizeof name);
    snprintf(path + length, path_size - length, "%s", name);
}

/* "../../.." so that a link in the folder at path reaches /sys */
static void climb(const char *path, char *up, size_t up_size)
{
    size_t length = (size_t)snprintf(up, up_size, "../../.."); /* the folder, stlua, devices */
    for (; *path && length + 4 < up_size; path++)
        if (*path == '/')
            length += (size_t)snprintf(up + length, up_size - length, "/..");
}

static void link_subsystem(int folder, const char *path)
{
    char up[128], target[192];
    climb(path, up, sizeof up);
    snprintf(target, sizeof target, "%s/bus/usb", up);
    symlinkat(target, folder, "subsystem");
}

static void link_from_bus(const char *name, const char *path)
{
    char target[PATH_BYTES + 160];
    snprintf(target, sizeof target, "../../../devices/stlua/%s", path);
    symlinkat(target, world.bus, name);
}

/* ---- a device ---- */

static unsigned minor_of(const usb_device *device)
{
    return (device->bus - 1) * 128 + device->address - 1;
}

static void write_ids(int folder, const usb_device *device)
{
    const uint8_t *d = device->descriptors;
    attribute(folder, "idVendor", "%04x\n", stl_get_u16le(d + 8));
    attribute(folder, "idProduct", "%04x\n", stl_get_u16le(d + 10));
    attribute(folder, "bcdDevice", "%04x\n", stl_get_u16le(d + 12));
    attribute(folder, "version", "%2x.%02x\n", d[3], d[2]);
    attribute(folder, "bDeviceClass", "%02x\n", d[4]);
    attribute(folder, "bDeviceSubClass", "%02x\n", d[5]);
    attribute(folder, "bDeviceProtocol", "%02x\n", d[6]);
    attribute(folder, "bMaxPacketSize0", "%u\n", d[7]);
    attribute(folder, "bNumConfigurations", "%u\n", d[17]);
    attribute(folder, "bNumInterfaces", "%2u\n", d[18 + 4]);
    attribute(folder, "bmAttributes", "%02x\n", d[18 + 7]);
    attribute(folder, "bMaxPower", "%umA\n", d[18 + 8] * 2u);
    text_attribute(folder, "manufacturer", device->manufacturer);
    text_attribute(folder, "product", device->product);
    text_attribute(folder, "serial", device->serial);
}

static void write_place(int folder, const usb_device *device)
{
    char name[64];
    device_name(device, name, sizeof name);
    const char *dash = strchr(name, '-');
    attribute(folder, "devpath", "%s\n", dash ? dash + 1 : "0");
    attribute(folder, "busnum", "%u\n", device->bus);
    attribute(folder, "devnum", "%u\n", device->address);
    attribute(folder, "speed", "%u\n", device->speed_mbit);
    attribute(folder, "maxchild", "%u\n", device->child_count);
    attribute(folder, "bConfigurationValue", "%u\n", device->configuration);
    attribute(folder, "configuration", "\n");
    attribute(folder, "authorized", "1\n");
    attribute(folder, "dev", "%d:%u\n", USB_MAJOR, minor_of(device));
    write_file(folder, "descriptors", device->descriptors, device->descriptors_count);
}

/* The kernel's words for a device: MAJOR, MINOR, DEVNAME, ... */
static void write_uevent(int folder, const usb_device *device)
{
    const uint8_t *d = device->descriptors;
    attribute(folder, "uevent",
              "MAJOR=%d\nMINOR=%u\nDEVNAME=bus/usb/%03u/%03u\nDEVTYPE=usb_device\nDRIVER=usb\n"
              "PRODUCT=%x/%x/%x\nTYPE=%u/%u/%u\nBUSNUM=%03u\nDEVNUM=%03u\n",
              USB_MAJOR, minor_of(device), device->bus, device->address, stl_get_u16le(d + 8),
              stl_get_u16le(d + 10), stl_get_u16le(d + 12), d[4], d[5], d[6], device->bus,
              device->address);
}

static void add_interface(int device_folder, const usb_device *device, const uint8_t *descriptor,
                          const char *path)
{
    const uint8_t *d = device->descriptors;
    char device_text[64], name[96], own_path[PATH_BYTES + 100];
    device_name(device, device_text, sizeof device_text);
    if (device->port_count)
        snprintf(name, sizeof name, "%s:1.%u", device_text, descriptor[2]);
    else
        snprintf(name, sizeof name, "%u-0:1.0", device->bus);
    snprintf(own_path, sizeof own_path, "%s/%s", path, name);
    const int folder = make_folder(device_folder, name);
    attribute(folder, "bInterfaceNumber", "%02x\n", descriptor[2]);
    attribute(folder, "bAlternateSetting", "%2d\n", descriptor[3]);
    attribute(folder, "bNumEndpoints", "%02x\n", descriptor[4]);
    attribute(folder, "bInterfaceClass", "%02x\n", descriptor[5]);
    attribute(folder, "bInterfaceSubClass", "%02x\n", descriptor[6]);
    attribute(folder, "bInterfaceProtocol", "%02x\n", descriptor[7]);
    attribute(folder, "uevent",
              "DEVTYPE=usb_interface\nPRODUCT=%x/%x/%x\nTYPE=%u/%u/%u\n"
              "INTERFACE=%u/%u/%u\n",
              stl_get_u16le(d + 8), stl_get_u16le(d + 10), stl_get_u16le(d + 12), d[4], d[5], d[6],
              descriptor[5], descriptor[6], descriptor[7]);
    link_subsystem(folder, own_path);
    link_from_bus(name, own_path);
    close(folder);
}

static void add_interfaces(int folder, const usb_device *device, const char *path)
{
    const uint8_t *d = device->descriptors;
    for (size_t at = 18; at + 2 <= device->descriptors_count && d[at] >= 2; at += d[at])
        if (d[at + 1] == INTERFACE && d[at] >= 9 && d[at + 3] == 0)
            add_interface(folder, device, d + at, path);
}

static void add_node(const usb_device *device)
{
    char name[16];
    snprintf(name, sizeof name, "%03u", device->bus);
    const int folder = make_folder(world.dev, name);
    snprintf(name, sizeof name, "%03u", device->address);
    write_file(folder, name, "", 0);
    /* Opening it never reaches this file; the mode is for those who look. */
    fchmodat(folder, name, device->is_denied || !device->wire ? 0600 : 0666, 0);
    close(folder);
}

void sysfs_add(const usb_device *device)
{
    char path[PATH_BYTES], name[64];
    device_path(device, path, sizeof path);
    device_name(device, name, sizeof name);
    const int folder = make_folder(world.devices, path);
    write_ids(folder, device);
    write_place(folder, device);
    write_uevent(folder, device);
    link_subsystem(folder, path);
    add_interfaces(folder, device, path);
    close(folder);
    add_node(device);
    link_from_bus(name, path);
    uevent_send(device, "add", path);
}

/* What hangs below a hub stays: only probes are pulled out. */
void sysfs_remove(const usb_device *device)
{
    char path[PATH_BYTES], name[128], interface[192];
    device_path(device, path, sizeof path);
    device_name(device, name, sizeof name);
    unlinkat(world.bus, name, 0);
    for (unsigned i = 0; i < USBRUN_MAX_INTERFACES; i++) {
        snprintf(interface, sizeof interface, "%s:1.%u", name, i);
        unlinkat(world.bus, interface, 0);
    }
    remove_tree(world.devices, path);
    snprintf(name, sizeof name, "%03u/%03u", device->bus, device->address);
    unlinkat(world.dev, name, 0);
    uevent_send(device, "remove", path);
}

void sysfs_set_configuration(const usb_device *device)
{
    char path[PATH_BYTES];
    device_path(device, path, sizeof path);
    const int folder = openat(world.devices, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (folder < 0)
        return;
    unlinkat(folder, "bConfigurationValue", 0);
    attribute(folder, "bConfigurationValue", "%u\n", device->configuration);
    close(folder);
}
