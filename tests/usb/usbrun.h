/* tests/usb/usbrun.h: what the files of stlua-usb-run share.
 *
 * One process (the supervisor) stands where the kernel's usbfs would. The command runs under a
 * seccomp filter that hands the supervisor the few system calls that concern USB; everything else
 * costs the command nothing. Single thread, one epoll loop. A failure of the supervisor itself ends
 * the run. */
#ifndef USBRUN_H
#define USBRUN_H

#include <linux/seccomp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum {
    USBRUN_MAX_DEVICES = 32,
    USBRUN_MAX_INTERFACES = 16,
    USBRUN_MAX_DESCRIPTORS = 1024,
    USBRUN_MAX_PORTS = 7
};

/* ---- usbrun_loop.c ---- */

typedef struct watch {
    int fd;
    void (*ready)(void *self, uint32_t events);
    void *self;
} watch;

void loop_add(watch *w, uint32_t events);
void loop_remove(watch *w); /* before its fd is closed */
void loop_run(void);        /* until loop_end */
void loop_end(void);
void die(const char *format, ...) __attribute__((format(printf, 1, 2), noreturn));
void die_errno(const char *format, ...)
    __attribute__((format(printf, 1, 2), noreturn)); /* and why */

/* ---- usbrun_wire.c: one connection to a simulator (stl/sim_wire.h) ---- */

typedef struct wire wire;
typedef void (*wire_done)(void *self, uint8_t status, const uint8_t *bytes, size_t byte_count);

/* NULL: reason says why. */
wire *wire_open(const char *socket_path, char *reason, size_t reason_size);
/* Returns the tag. done is called once, from the loop or from wire_ask. */
uint32_t wire_send(wire *w, uint8_t type, uint8_t endpoint, const void *payload,
                   size_t payload_count, size_t byte_count, wire_done done, void *self);
void wire_cancel(wire *w, uint32_t tag);
bool wire_is_idle(const wire *w); /* nothing is under way */
/* Before a command: a fast simulator's time stands still between commands, but the program's does
 * not. What it has waited for in wall time must have happened. */
void wire_let_time_pass(wire *w);
/* Send and wait. Returns the status; room bytes at most are kept. */
uint8_t wire_ask(wire *w, uint8_t type, const void *payload, size_t payload_count, uint8_t *bytes,
                 size_t room, size_t *actual);
uint8_t wire_hello(wire *w, char *text, size_t text_size);

/* ---- usbrun_device.c: what is on the bus ---- */

typedef struct usb_file usb_file;

typedef struct usb_interface {
    usb_file *owner;    /* who has claimed it, or NULL */
    const char *driver; /* the kernel's, or NULL: "usb-storage", "cdc_acm" */
} usb_interface;

typedef struct usb_device {
    unsigned bus, address; /* as in /dev/bus/usb/BBB/DDD */
    unsigned ports[USBRUN_MAX_PORTS];
    unsigned port_count; /* 0: the root hub */
    struct usb_device *parent;
    unsigned child_count; /* of a hub: the ports it has */
    wire *wire;           /* NULL: a hub, which the supervisor plays itself */
    bool is_present;
    bool is_denied;  /* the node's mode keeps the user out */
    char holder[16]; /* a program that has it claimed before the command starts; "": none */
    unsigned speed_mbit;
    uint8_t descriptors[USBRUN_MAX_DESCRIPTORS]; /* device, then configuration */
    size_t descriptors_count;
    char manufacturer[128], product[128], serial[256];
    uint8_t configuration;
    usb_interface interfaces[USBRUN_MAX_INTERFACES];
} usb_device;

/* "SOCKET[,bus=1][,port=4.2][,denied][,held=NAME]". Connects. Dies with a reason. */
void device_add_probe(const char *spec);
void device_attach_all(void);  /* sysfs and nodes, once the world is there */
void device_refresh(void);     /* notice what was unplugged or plugged in */
void device_watch_plugs(void); /* and from now on do so by itself, ten times a second */
void device_vanish(usb_device *device);
usb_device *device_at(size_t index);                     /* NULL behind the last */
usb_device *device_find(unsigned bus, unsigned address); /* present ones only */
/* The interface an endpoint belongs to, or -1. */
int device_interface_of(const usb_device *device, uint8_t endpoint);
bool device_has_interface(const usb_device *device, unsigned number);
void device_bind_drivers(usb_device *device);
void device_name(const usb_device *device, char *name, size_t name_size); /* "1-4.2", "usb1" */

/* ---- usbrun_sysfs.c ---- */

/* Folders inside the command's mount namespace. */
typedef struct world_fds {
    int devices; /* /sys/devices/stlua */
    int bus;     /* /sys/bus/usb/devices */
    int dev;     /* /dev/bus/usb */
} world_fds;

void sysfs_set_world(const world_fds *fds);
void sysfs_add(const usb_device *device);
void sysfs_remove(const usb_device *device);
void sysfs_set_configuration(const usb_device *device);

/* ---- usbrun_uevent.c: hotplug ---- */

void uevent_start(void);     /* afterwards this process is in a network namespace of its own */
int uevent_socket(int type); /* what socket(AF_NETLINK, type, NETLINK_KOBJECT_UEVENT) gives there */
void uevent_send(const usb_device *device, const char *action, const char *sysfs_path);

/* ---- usbrun_world.c, in the child ---- */

void world_enter_user_namespace(void); /* if this process may not mount otherwise */
void world_build(world_fds *fds);

/* ---- usbrun_filter.c ---- */

int filter_install(void); /* in the child; returns the listener */

typedef struct seccomp_notif notification;

void filter_serve(int listener);
void answer(uint64_t id, int64_t value);                    /* value: a result, or -errno */
void answer_continue(uint64_t id);                          /* let the kernel do it */
bool answer_fd(uint64_t id, int fd, bool is_close_on_exec); /* fd is not closed here */
bool copy_in(pid_t pid, uint64_t addr, void *bytes, size_t byte_count);
bool copy_out(pid_t pid, uint64_t addr, const void *bytes, size_t byte_count);
bool copy_in_string(pid_t pid, uint64_t addr, char *text, size_t text_size);

/* ---- usbrun_syscall.c ---- */

void syscall_serve(const notification *n);

/* ---- usbrun_file.c: open device nodes and their URBs ---- */

/* Answers the open. */
void file_open(const notification *n, usb_device *device, bool is_close_on_exec);
/* The open file behind descriptor fd of pid, or NULL. */
usb_file *file_of(pid_t pid, int fd);
void file_node(const usb_file *file, char *path, size_t path_size); /* "/dev/bus/usb/001/004" */
usb_device *file_device(const usb_file *file);
bool file_is_gone(const usb_file *file);
int file_claim(usb_file *file, unsigned interface); /* 0 or -errno */
int file_release(usb_file *file, unsigned interface);
int file_submit(usb_file *file, pid_t pid, uint64_t urb_addr);
int file_discard(usb_file *file, uint64_t urb_addr);
/* Answers the notification, perhaps later. */
void file_reap(usb_file *file, const notification *n, bool is_waiting);
void file_sweep(void);                     /* what was closed releases its claims */
void file_device_lost(usb_device *device); /* its open files are dead now */
void file_drop_claims(usb_device *device);
int wire_errno(uint8_t status); /* of a finished transfer: 0 or -errno */

/* ---- usbrun_ioctl.c ---- */

void ioctl_serve(const notification *n, usb_file *file);

#endif
