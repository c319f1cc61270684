/* tests/usb/usbrun_uevent.c: hotplug, as libudev hears of it.
 * Programs that ask for a uevent socket get one of a network namespace that only the supervisor
 * sends to; the machine's own udev never hears of the simulated devices. libudev trusts only root,
 * so an ordinary user's programs learn of changes when they enumerate anew. */
#define _GNU_SOURCE
#include "usbrun.h"

#include <linux/netlink.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "stl/bytes.h"

enum { GROUP_UDEV = 2, USB_MAJOR = 189 };

static int send_fd = -1;

int uevent_socket(int type)
{
    return socket(AF_NETLINK, type | SOCK_CLOEXEC, NETLINK_KOBJECT_UEVENT);
}

void uevent_start(void)
{
    if (unshare(CLONE_NEWNET))
        return; /* then nothing is sent, and what is asked for is the machine's */
    send_fd = uevent_socket(SOCK_RAW);
}

/* In the kernel's format, which libudev takes from root on udev's group, too. */
void uevent_send(const usb_device *device, const char *action, const char *sysfs_path)
{
    static unsigned sequence = 1000;
    const uint8_t *d = device->descriptors;
    char text[1024];
    if (send_fd < 0)
        return;
    const int length = snprintf(
        text, sizeof text,
        "%s@/devices/stlua/%s%cACTION=%s%cDEVPATH=/devices/stlua/%s%cSUBSYSTEM=usb%cMAJOR=%d%c"
        "MINOR=%u%cDEVNAME=/dev/bus/usb/%03u/%03u%cDEVTYPE=usb_device%cPRODUCT=%x/%x/"
        "%x%cBUSNUM=%03u%c"
        "DEVNUM=%03u%cSEQNUM=%u%c",
        action, sysfs_path, 0, action, 0, sysfs_path, 0, 0, USB_MAJOR, 0,
        (device->bus - 1) * 128 + device->address - 1, 0, device->bus, device->address, 0, 0,
        stl_get_u16le(d + 8), stl_get_u16le(d + 10), stl_get_u16le(d + 12), 0, device->bus, 0,
        device->address, 0, ++sequence, 0);
    struct sockaddr_nl to = {.nl_family = AF_NETLINK, .nl_groups = GROUP_UDEV};
    /* nobody listening is no error */
    if (sendto(send_fd, text, (size_t)length, 0, (struct sockaddr *)&to, sizeof to) < 0)
        return;
}
