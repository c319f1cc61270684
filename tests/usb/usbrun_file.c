/* tests/usb/usbrun_file.c: open device nodes, claims and URBs.
 *
 * The program's descriptor is the writing end of a pipe with room for one page. While nothing can
 * be reaped the pipe is full; when something can it is empty: poll says POLLOUT exactly then, as
 * usbfs does. Its reading end is ours. It tells us when the last copy of the descriptor is closed,
 * whoever held it; closing it is POLLERR for the program, as when a device is pulled out. */
#define _GNU_SOURCE
#include "usbrun.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/usbdevice_fs.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include "stl/bytes.h"
#include "stl/sim_wire.h"

enum { PIPE_BYTES = 4096, MAX_URBS = 256, CONTROL_SETUP_BYTES = 8 };

typedef struct urb {
    struct urb *next;
    usb_file *file; /* NULL: closed while the URB was under way */
    uint64_t addr, buffer_addr;
    uint32_t flags;
    uint32_t tag;
    bool is_in, is_on_wire, is_done;
    size_t byte_count;  /* without the setup packet */
    size_t buffer_skip; /* where the data goes in the buffer: behind a setup packet */
    int status;
    size_t actual;
    uint8_t *bytes; /* what came in */
} urb;

struct usb_file {
    usb_file *next;
    usb_device *device;
    unsigned bus, address; /* of the node; a device that comes back has another */
    ino_t inode;
    watch watch; /* the reading end; fd -1 once the device is gone */
    bool is_ready, is_gone;
    urb *pending, *done;
    unsigned urb_count;
    bool is_waited_for; /* a blocking REAPURB */
    uint64_t waiting_id, waiting_arg;
    pid_t waiting_pid;
};

static usb_file *files;

static void append(urb **list, urb *u)
{
    u->next = NULL;
    while (*list)
        list = &(*list)->next;
    *list = u;
}

static void take_out(urb **list, const urb *u)
{
    while (*list && *list != u)
        list = &(*list)->next;
    if (*list)
        *list = u->next;
}

static void free_urb(urb *u)
{
    if (u->is_on_wire) {
        u->file = NULL; /* its answer is still to come, and frees it */
        return;
    }
    free(u->bytes);
    free(u);
}

/* ---- POLLOUT ---- */

/* Only programs hold writing ends, so that the last close is seen; ours is short-lived. */
static void fill_pipe(const usb_file *file)
{
    char path[40];
    snprintf(path, sizeof path, "/proc/self/fd/%d", file->watch.fd);
    const int fd = open(path, O_WRONLY | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0 || write(fd, "", 1) != 1)
        die_errno("filling a pipe");
    close(fd);
}

static void update_ready(usb_file *file)
{
    const bool is_ready = file->done;
    char byte;
    if (file->is_gone || is_ready == file->is_ready)
        return;
    file->is_ready = is_ready;
    if (!is_ready)
        fill_pipe(file);
    else if (read(file->watch.fd, &byte, 1) != 1)
        die_errno("emptying a pipe");
}

/* ---- closing ---- */

static void close_file(usb_file *file)
{
    usb_file **link = &files;
    while (*link != file)
        link = &(*link)->next;
    *link = file->next;
    loop_remove(&file->watch);
    close(file->watch.fd);
    for (unsigned i = 0; i < USBRUN_MAX_INTERFACES; i++)
        if (file->device->interfaces[i].owner == file)
            file->device->interfaces[i].owner = NULL;
    for (urb *u = file->pending, *next; u; u = next) {
        next = u->next;
        if (u->is_on_wire)
            wire_cancel(file->device->wire, u->tag);
        free_urb(u);
    }
    for (urb *u = file->done, *next; u; u = next) {
        next = u->next;
        free_urb(u);
    }
    free(file);
}

static void on_hang_up(void *self, uint32_t events)
{
    if (events & EPOLLHUP)
        close_file(self);
}

void file_sweep(void)
{
    for (usb_file *file = files, *next; file; file = next) {
        next = file->next;
        struct pollfd end = {file->watch.fd, 0, 0};
        if (!file->is_gone && poll(&end, 1, 0) == 1 && end.revents & POLLHUP)
            close_file(file);
    }
}

/* ---- opening ---- */

void file_open(const notification *n, usb_device *device, bool is_close_on_exec)
{
    int ends[2];
    struct stat info;
    if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) || fcntl(ends[1], F_SETPIPE_SZ, PIPE_BYTES) < 0 ||
        write(ends[1], "", 1) != 1 || fstat(ends[1], &info))
        die_errno("a pipe for a device node");
    usb_file *file = calloc(1, sizeof *file);
    if (!file)
        die("out of memory");
    *file = (usb_file){.next = files,
                       .device = device,
                       .bus = device->bus,
                       .address = device->address,
                       .inode = info.st_ino,
                       .watch = {ends[0], on_hang_up, file}};
    files = file;
    loop_add(&file->watch, 0); /* EPOLLHUP is always reported */
    answer_fd(n->id, ends[1], is_close_on_exec);
    close(ends[1]); /* if the asker has died this was the last one, and the loop closes the file */
}

usb_file *file_of(pid_t pid, int fd)
{
    char link[64], target[64];
    unsigned long inode;
    snprintf(link, sizeof link, "/proc/%d/fd/%d", (int)pid, fd);
    const ssize_t length = readlink(link, target, sizeof target - 1);
    if (length <= 0)
        return NULL;
    target[length] = '\0';
    if (sscanf(target, "pipe:[%lu]", &inode) != 1)
        return NULL;
    for (usb_file *file = files; file; file = file->next)
        if (file->inode == inode)
            return file;
    return NULL;
}

void file_node(const usb_file *file, char *path, size_t path_size)
{
    snprintf(path, path_size, "/dev/bus/usb/%03u/%03u", file->bus, file->address);
}

usb_device *file_device(const usb_file *file)
{
    return file->device;
}

bool file_is_gone(const usb_file *file)
{
    return file->is_gone;
}

/* ---- claims ---- */

int file_claim(usb_file *file, unsigned interface)
{
    if (!device_has_interface(file->device, interface) || interface >= USBRUN_MAX_INTERFACES)
        return interface >= 64 ? -EINVAL : -ENOENT;
    usb_interface *i = &file->device->interfaces[interface];
    if (i->owner == file)
        return 0;
    if (i->owner)
        file_sweep(); /* its owner may just have closed it, or died */
    if (i->owner || i->driver)
        return -EBUSY;
    i->owner = file;
    return 0;
}

int file_release(usb_file *file, unsigned interface)
{
    if (interface >= USBRUN_MAX_INTERFACES || file->device->interfaces[interface].owner != file)
        return -EINVAL;
    file->device->interfaces[interface].owner = NULL;
    return 0;
}

void file_drop_claims(usb_device *device)
{
    for (unsigned i = 0; i < USBRUN_MAX_INTERFACES; i++)
        device->interfaces[i].owner = NULL;
}

/* ---- URBs ---- */

int wire_errno(uint8_t status)
{
    switch (status) {
    case SIM_WIRE_OK:
        return 0;
    case SIM_WIRE_STALL:
        return -EPIPE;
    case SIM_WIRE_OVERFLOW:
        return -EOVERFLOW;
    case SIM_WIRE_GONE:
        return -ESHUTDOWN;
    case SIM_WIRE_CANCELLED:
        return -ENOENT;
    default:
        return -EPROTO;
    }
}

static void serve_waiting(usb_file *file);

static void finish_urb(urb *u, int status)
{
    usb_file *file = u->file;
    u->status = status;
    u->is_done = true;
    if (!status && u->flags & USBDEVFS_URB_SHORT_NOT_OK && u->is_in && u->actual < u->byte_count)
        u->status = -EREMOTEIO;
    take_out(&file->pending, u);
    append(&file->done, u);
    serve_waiting(file);
    update_ready(file);
}

static void on_urb_answered(void *self, uint8_t status, const uint8_t *bytes, size_t byte_count)
{
    urb *u = self;
    u->is_on_wire = false;
    if (!u->file) {
        free_urb(u);
        return;
    }
    if (u->is_done)
        return;
    usb_device *device = u->file->device;
    if (u->is_in && byte_count) {
        u->actual = byte_count < u->byte_count ? byte_count : u->byte_count;
        u->bytes = malloc(u->actual);
        if (!u->bytes)
            die("out of memory");
        memcpy(u->bytes, bytes, u->actual);
    } else if (!u->is_in && status == SIM_WIRE_OK) {
        u->actual = u->byte_count;
    }
    finish_urb(u, wire_errno(status));
    if (status == SIM_WIRE_GONE)
        device_vanish(device);
}

/* Pulled out: everything under way ends, every descriptor shows POLLERR. */
void file_device_lost(usb_device *device)
{
    for (usb_file *file = files; file; file = file->next) {
        if (file->device != device || file->is_gone)
            continue;
        while (file->pending)
            finish_urb(file->pending, -ESHUTDOWN);
        file->is_gone = true;
        loop_remove(&file->watch);
        close(file->watch.fd);
        serve_waiting(file);
    }
    file_drop_claims(device);
}

static int read_control_setup(urb *u, pid_t pid, int buffer_length, uint8_t *setup)
{
    if (buffer_length < CONTROL_SETUP_BYTES)
        return -EINVAL;
    if (!copy_in(pid, u->buffer_addr, setup, CONTROL_SETUP_BYTES))
        return -EFAULT;
    u->byte_count = stl_get_u16le(setup + 6);
    u->buffer_skip = CONTROL_SETUP_BYTES;
    u->is_in = setup[0] & 0x80u && u->byte_count;
    return buffer_length < CONTROL_SETUP_BYTES + (int)u->byte_count ? -EINVAL : 0;
}

/* A hub's answers come from its descriptors; there is nobody behind it. */
static void answer_for_hub(urb *u, const uint8_t *setup)
{
    const usb_device *hub = u->file->device;
    const bool is_config = setup[3] == 2;
    if (setup[0] != 0x80 || setup[1] != 6 || (setup[3] != 1 && !is_config)) {
        finish_urb(u, -EPIPE);
        return;
    }
    const size_t at = is_config ? 18 : 0, have = is_config ? hub->descriptors_count - 18 : 18;
    u->actual = have < u->byte_count ? have : u->byte_count;
    u->bytes = malloc(u->actual + 1);
    if (!u->bytes)
        die("out of memory");
    memcpy(u->bytes, hub->descriptors + at, u->actual);
    finish_urb(u, 0);
}

/* Everything is sent ahead; the simulator keeps the order of each endpoint. */
static int send_urb(urb *u, pid_t pid, const struct usbdevfs_urb *user)
{
    static uint8_t payload[SIM_WIRE_MAX_BYTES];
    const bool is_control = user->type == USBDEVFS_URB_TYPE_CONTROL;
    const size_t payload_count = u->buffer_skip + (u->is_in ? 0 : u->byte_count);
    if (payload_count && !copy_in(pid, u->buffer_addr, payload, payload_count))
        return -EFAULT;
    append(&u->file->pending, u);
    u->file->urb_count++;
    wire *w = u->file->device->wire;
    if (!w) {
        answer_for_hub(u, payload);
        return 0;
    }
    const uint8_t type = is_control ? SIM_WIRE_CONTROL : u->is_in ? SIM_WIRE_IN : SIM_WIRE_OUT;
    if (!u->is_in)
        wire_let_time_pass(w);
    u->is_on_wire = true;
    u->tag = wire_send(w, type, is_control ? 0 : user->endpoint, payload, payload_count,
                       is_control ? payload_count : u->byte_count, on_urb_answered, u);
    return 0;
}

static int check_endpoint(usb_file *file, const struct usbdevfs_urb *user)
{
    const int interface = device_interface_of(file->device, user->endpoint);
    if (user->type != USBDEVFS_URB_TYPE_BULK && user->type != USBDEVFS_URB_TYPE_INTERRUPT)
        return -EINVAL;
    if (interface < 0)
        return -ENOENT;
    if (user->buffer_length < 0 || user->buffer_length > SIM_WIRE_MAX_BYTES)
        return -EINVAL;
    return file_claim(file, (unsigned)interface); /* usbfs claims for a program that forgot to */
}

int file_submit(usb_file *file, pid_t pid, uint64_t urb_addr)
{
    struct usbdevfs_urb user;
    uint8_t setup[CONTROL_SETUP_BYTES];
    if (!copy_in(pid, urb_addr, &user, sizeof user))
        return -EFAULT;
    urb *u = calloc(1, sizeof *u);
    if (!u || file->urb_count >= MAX_URBS) {
        free(u);
        return -ENOMEM;
    }
    *u = (urb){.file = file,
               .addr = urb_addr,
               .buffer_addr = (uint64_t)(uintptr_t)user.buffer,
               .flags = user.flags,
               .is_in = user.endpoint & 0x80u,
               .byte_count = (size_t)user.buffer_length};
    int error = user.type == USBDEVFS_URB_TYPE_CONTROL
                    ? read_control_setup(u, pid, user.buffer_length, setup)
                    : check_endpoint(file, &user);
    if (!error)
        error = send_urb(u, pid, &user);
    if (error)
        free_urb(u);
    return error;
}

int file_discard(usb_file *file, uint64_t urb_addr)
{
    urb *u = file->pending;
    while (u && u->addr != urb_addr)
        u = u->next;
    if (!u)
        return -EINVAL; /* it has ended already */
    if (u->is_on_wire)
        wire_cancel(file->device->wire, u->tag);
    return 0;
}

/* ---- reaping ---- */

/* As the kernel: the data, then status and length in the URB, then its address as the result. */
static bool hand_over(const urb *u, pid_t pid, uint64_t arg)
{
    int status = u->status, actual = (int)(u->actual), errors = 0;
    uint64_t addr = u->addr;
    const size_t data = u->is_in ? u->actual : 0;
    const struct iovec local[] = {{&status, sizeof status},
                                  {&actual, sizeof actual},
                                  {&errors, sizeof errors},
                                  {&addr, sizeof addr},
                                  {u->bytes, data}};
    const struct iovec remote[] = {
        {(void *)(uintptr_t)(u->addr + offsetof(struct usbdevfs_urb, status)), sizeof status},
        {(void *)(uintptr_t)(u->addr + offsetof(struct usbdevfs_urb, actual_length)),
         sizeof actual},
        {(void *)(uintptr_t)(u->addr + offsetof(struct usbdevfs_urb, error_count)), sizeof errors},
        {(void *)(uintptr_t)arg, sizeof addr},
        {(void *)(uintptr_t)(u->buffer_addr + u->buffer_skip), data}};
    const unsigned count = data ? 5 : 4;
    const ssize_t moved = process_vm_writev(pid, local, count, remote, count, 0);
    return moved == (ssize_t)(3 * sizeof(int) + sizeof addr + data);
}

/* A result, or -EAGAIN. */
static int reap(usb_file *file, pid_t pid, uint64_t arg)
{
    urb *u = file->done;
    if (!u)
        return file->is_gone ? -ENODEV : -EAGAIN;
    file->done = u->next;
    file->urb_count--;
    const bool is_moved = hand_over(u, pid, arg);
    free_urb(u);
    update_ready(file);
    return is_moved ? 0 : -EFAULT;
}

static void serve_waiting(usb_file *file)
{
    if (!file->is_waited_for || (!file->done && !file->is_gone))
        return;
    file->is_waited_for = false;
    answer(file->waiting_id, reap(file, file->waiting_pid, file->waiting_arg));
}

void file_reap(usb_file *file, const notification *n, bool is_waiting)
{
    const int result = reap(file, (pid_t)n->pid, n->data.args[2]);
    if (result != -EAGAIN || !is_waiting) {
        answer(n->id, result);
        return;
    }
    if (file->is_waited_for) {
        answer(n->id, -EBUSY); /* two threads waiting on one descriptor: nobody does that */
        return;
    }
    file->is_waited_for = true;
    file->waiting_id = n->id;
    file->waiting_pid = (pid_t)n->pid;
    file->waiting_arg = n->data.args[2];
}
