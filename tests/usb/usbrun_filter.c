/* tests/usb/usbrun_filter.c: the seccomp filter, and how the supervisor answers what it lets
 * through. See seccomp(2), seccomp_unotify(2). */
#define _GNU_SOURCE
#include "usbrun.h"

#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/netlink.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#ifndef SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV /* Linux 5.19 */
#define SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV (1UL << 5)
#endif
#ifndef SECCOMP_IOCTL_NOTIF_SET_FLAGS /* Linux 6.6 */
#define SECCOMP_IOCTL_NOTIF_SET_FLAGS SECCOMP_IOW(4, __u64)
#endif
#ifndef SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP
#define SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP (1UL << 0)
#endif
#ifndef SECCOMP_ADDFD_FLAG_SEND /* Linux 5.14 */
#define SECCOMP_ADDFD_FLAG_SEND (1UL << 1)
#endif

#if defined(__x86_64__)
#define OWN_ARCH AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define OWN_ARCH AUDIT_ARCH_AARCH64
#endif

enum { USBFS_IOCTL_TYPE = 'U', PAGE_BYTES = 4096 };

static int listener_fd = -1;

/* ---- the filter, in the child ---- */

#define LOAD(field)       BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, field))
#define LOAD_ARG(n)       LOAD(args[n]) /* the low half: both machines are little-endian */
#define SKIP_UNLESS(k, n) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (k), 0, (n))
#define RETURN(action)    BPF_STMT(BPF_RET | BPF_K, (action))
#define ASK(number)       SKIP_UNLESS(number, 1), RETURN(SECCOMP_RET_USER_NOTIF)

static const struct sock_filter program[] = {
    LOAD(arch),
    SKIP_UNLESS(OWN_ARCH, 1),
    BPF_JUMP(BPF_JMP | BPF_JA, 1, 0, 0),
    RETURN(SECCOMP_RET_ALLOW),
    LOAD(nr),
    SKIP_UNLESS(SYS_ioctl, 5), /* only usbfs has this type */
    LOAD_ARG(1),
    BPF_STMT(BPF_ALU | BPF_AND | BPF_K, 0xFF00),
    SKIP_UNLESS(USBFS_IOCTL_TYPE << 8, 1),
    RETURN(SECCOMP_RET_USER_NOTIF),
    RETURN(SECCOMP_RET_ALLOW),
    SKIP_UNLESS(SYS_socket, 6),
    LOAD_ARG(0),
    SKIP_UNLESS(AF_NETLINK, 3),
    LOAD_ARG(2),
    SKIP_UNLESS(NETLINK_KOBJECT_UEVENT, 1),
    RETURN(SECCOMP_RET_USER_NOTIF),
    RETURN(SECCOMP_RET_ALLOW),
    ASK(SYS_openat),
    ASK(SYS_readlinkat),
    ASK(SYS_fstatfs),
    ASK(SYS_statfs),
#ifdef SYS_open
    ASK(SYS_open),
    ASK(SYS_readlink),
#endif
    RETURN(SECCOMP_RET_ALLOW),
};

int filter_install(void)
{
    const struct sock_fprog filter = {sizeof program / sizeof program[0],
                                      (struct sock_filter *)(uintptr_t)program};
    /* A URB that is submitted must not be submitted again because a signal came: once the
     * supervisor has seen a call, only death interrupts it. */
    const unsigned long flags =
        SECCOMP_FILTER_FLAG_NEW_LISTENER | SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV;
    if (prctl(PR_SET_NO_NEW_PRIVS, 1UL, 0UL, 0UL, 0UL))
        die_errno("no_new_privs");
    const long fd = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &filter);
    if (fd < 0)
        die_errno("this kernel has no seccomp user notification (Linux 5.19 or newer has)");
    return (int)fd;
}

/* ---- answers ---- */

/* The asker may have died meanwhile: then there is nobody to answer. */
static void respond(uint64_t id, int64_t value, int error, uint32_t flags)
{
    struct seccomp_notif_resp response = {.id = id, .val = value, .error = error, .flags = flags};
    if (ioctl(listener_fd, SECCOMP_IOCTL_NOTIF_SEND, &response) && errno != ENOENT)
        die_errno("seccomp answer");
}

void answer(uint64_t id, int64_t value)
{
    respond(id, value < 0 ? 0 : value, value < 0 ? (int)value : 0, 0);
}

void answer_continue(uint64_t id)
{
    respond(id, 0, 0, SECCOMP_USER_NOTIF_FLAG_CONTINUE);
}

bool answer_fd(uint64_t id, int fd, bool is_close_on_exec)
{
    struct seccomp_notif_addfd add = {.id = id,
                                      .flags = SECCOMP_ADDFD_FLAG_SEND,
                                      .srcfd = (uint32_t)fd,
                                      .newfd_flags = is_close_on_exec ? 02000000 : 0};
    if (ioctl(listener_fd, SECCOMP_IOCTL_NOTIF_ADDFD, &add) >= 0)
        return true;
    if (errno != ENOENT)
        answer(id, -errno);
    return false;
}

/* ---- the asker's memory ---- */

bool copy_in(pid_t pid, uint64_t addr, void *bytes, size_t byte_count)
{
    const struct iovec local = {bytes, byte_count}, remote = {(void *)(uintptr_t)addr, byte_count};
    return process_vm_readv(pid, &local, 1, &remote, 1, 0) == (ssize_t)byte_count;
}

bool copy_out(pid_t pid, uint64_t addr, const void *bytes, size_t byte_count)
{
    const struct iovec local = {(void *)(uintptr_t)bytes, byte_count},
                       remote = {(void *)(uintptr_t)addr, byte_count};
    return process_vm_writev(pid, &local, 1, &remote, 1, 0) == (ssize_t)byte_count;
}

/* Page by page: the next one may not be there. */
bool copy_in_string(pid_t pid, uint64_t addr, char *text, size_t text_size)
{
    size_t length = 0;
    while (length < text_size) {
        size_t part = PAGE_BYTES - (addr + length) % PAGE_BYTES;
        part = part < text_size - length ? part : text_size - length;
        if (!copy_in(pid, addr + length, text + length, part))
            return false;
        if (memchr(text + length, '\0', part))
            return true;
        length += part;
    }
    return false;
}

/* ---- serving ---- */

static watch listener_watch;
static struct seccomp_notif *incoming;
static size_t incoming_bytes;

static void on_notification(void *self, uint32_t events)
{
    (void)self;
    (void)events;
    memset(incoming, 0, incoming_bytes);
    if (ioctl(listener_fd, SECCOMP_IOCTL_NOTIF_RECV, incoming)) {
        if (errno == EINTR || errno == ENOENT) /* the asker died first */
            return;
        loop_remove(&listener_watch); /* nobody is left who could ask */
        return;
    }
    syscall_serve(incoming);
}

void filter_serve(int listener)
{
    struct seccomp_notif_sizes sizes;
    listener_fd = listener;
    if (syscall(SYS_seccomp, SECCOMP_GET_NOTIF_SIZES, 0, &sizes))
        die_errno("seccomp sizes");
    incoming_bytes =
        sizes.seccomp_notif > sizeof *incoming ? sizes.seccomp_notif : sizeof *incoming;
    incoming = malloc(incoming_bytes);
    if (!incoming)
        die("out of memory");
    /* Asker and supervisor take turns, so waking the other on the same CPU is quickest. Older
     * kernels do without. */
    ioctl(listener, SECCOMP_IOCTL_NOTIF_SET_FLAGS, SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP);
    listener_watch = (watch){listener, on_notification, NULL};
    loop_add(&listener_watch, 1 /* EPOLLIN */);
}
