/* tests/usb/usbrun_syscall.c: the system calls that are ours only for certain arguments. */
#define _GNU_SOURCE
#include "usbrun.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { SYSFS_MAGIC_NUMBER = 0x62656572, PATH_BYTES = 4096 };

static bool starts_with(const char *text, const char *start)
{
    return !strncmp(text, start, strlen(start));
}

/* ---- open ---- */

static void open_node(const notification *n, const char *path, int flags)
{
    unsigned bus = 0, address = 0;
    char rest = '\0';
    usb_device *device = NULL;
    if (sscanf(path, "/dev/bus/usb/%3u/%3u%c", &bus, &address, &rest) == 2)
        device = device_find(bus, address);
    if (!device || flags & O_PATH)
        answer_continue(n->id); /* a folder, or nothing there */
    else if (device->is_denied && (flags & O_ACCMODE) != O_RDONLY)
        answer(n->id, -EACCES);
    else
        file_open(n, device, flags & O_CLOEXEC);
}

static void serve_open(const notification *n, uint64_t path_addr, int flags)
{
    char path[PATH_BYTES];
    if (!copy_in_string((pid_t)n->pid, path_addr, path, sizeof path)) {
        answer_continue(n->id);
        return;
    }
    if (starts_with(path, "/dev/bus/usb/")) {
        open_node(n, path, flags);
        return;
    }
    if (starts_with(path, "/sys/bus/usb/devices") && strlen(path) < sizeof "/sys/bus/usb/devices/")
        device_refresh(); /* somebody enumerates */
    answer_continue(n->id);
}

/* ---- who has a node open: /proc/PID/fd/N says a pipe where a node is ---- */

static bool parse_proc_fd(const char *path, pid_t asker, pid_t *pid, int *fd)
{
    char rest = '\0';
    *pid = asker;
    return sscanf(path, "/proc/self/fd/%d%c", fd, &rest) == 1 ||
           sscanf(path, "/proc/%d/fd/%d%c", pid, fd, &rest) == 2;
}

static void serve_readlink(const notification *n, uint64_t path_addr, uint64_t buffer_addr,
                           uint64_t buffer_size)
{
    char path[PATH_BYTES], node[64];
    pid_t pid;
    int fd;
    const usb_file *file = NULL;
    if (copy_in_string((pid_t)n->pid, path_addr, path, sizeof path) &&
        parse_proc_fd(path, (pid_t)n->pid, &pid, &fd) && pid != getpid())
        file = file_of(pid, fd); /* our own end of the pipe is no node */
    if (!file) {
        answer_continue(n->id);
        return;
    }
    file_node(file, node, sizeof node);
    const size_t length = strlen(node) < buffer_size ? strlen(node) : (size_t)buffer_size;
    if (copy_out((pid_t)n->pid, buffer_addr, node, length))
        answer(n->id, (int64_t)length);
    else
        answer(n->id, -EFAULT);
}

/* ---- statfs: libudev believes in sysfs only ---- */

static void claim_sysfs(const notification *n, const char *path, uint64_t buffer_addr)
{
    struct statfs info;
    if (!starts_with(path, "/sys/") && strcmp(path, "/sys") != 0) {
        answer_continue(n->id);
        return;
    }
    memset(&info, 0, sizeof info);
    info.f_type = SYSFS_MAGIC_NUMBER;
    info.f_bsize = info.f_frsize = 4096;
    info.f_namelen = 255;
    if (copy_out((pid_t)n->pid, buffer_addr, &info, sizeof info))
        answer(n->id, 0);
    else
        answer(n->id, -EFAULT);
}

static void serve_fstatfs(const notification *n)
{
    char link[64], path[PATH_BYTES];
    snprintf(link, sizeof link, "/proc/%u/fd/%d", n->pid, (int)n->data.args[0]);
    const ssize_t length = readlink(link, path, sizeof path - 1);
    path[length > 0 ? length : 0] = '\0';
    claim_sysfs(n, path, n->data.args[1]);
}

static void serve_statfs(const notification *n)
{
    char path[PATH_BYTES];
    if (!copy_in_string((pid_t)n->pid, n->data.args[0], path, sizeof path))
        path[0] = '\0';
    claim_sysfs(n, path, n->data.args[1]);
}

/* ---- uevents ---- */

static void serve_socket(const notification *n)
{
    const int type = (int)n->data.args[1];
    const int fd = uevent_socket(type);
    if (fd < 0) {
        answer(n->id, -errno);
        return;
    }
    answer_fd(n->id, fd, type & SOCK_CLOEXEC);
    close(fd);
}

static void serve_ioctl(const notification *n)
{
    usb_file *file = file_of((pid_t)n->pid, (int)n->data.args[0]);
    if (file)
        ioctl_serve(n, file);
    else
        answer_continue(n->id);
}

void syscall_serve(const notification *n)
{
    const __u64 *args = n->data.args;
    switch (n->data.nr) {
    case SYS_ioctl:
        serve_ioctl(n);
        break;
    case SYS_openat:
        serve_open(n, args[1], (int)args[2]);
        break;
    case SYS_readlinkat:
        serve_readlink(n, args[1], args[2], args[3]);
        break;
    case SYS_fstatfs:
        serve_fstatfs(n);
        break;
    case SYS_statfs:
        serve_statfs(n);
        break;
    case SYS_socket:
        serve_socket(n);
        break;
#ifdef SYS_open
    case SYS_open:
        serve_open(n, args[0], (int)args[1]);
        break;
    case SYS_readlink:
        serve_readlink(n, args[0], args[1], args[2]);
        break;
#endif
    default:
        answer_continue(n->id);
        break;
    }
}
