/* tests/usb/usbrun.c: stlua-usb-run, a USB bus with simulated probes for one command.
 *
 *   stlua-usb-run --probe SOCKET[,bus=1][,port=4.2][,denied][,held[=NAME]] [--probe ...] --
 * COMMAND...
 *
 * COMMAND and what it starts see each stlua-sim that listens on SOCKET as a device of the machine,
 * in /sys, in /dev/bus/usb and through usbfs; nothing is preloaded, and no other program sees
 * anything. It works as root, and as an ordinary user where user namespaces are allowed.
 *
 * Time: some 0.1 ms is added to a command (stlua-usb-latency measures it), less than the
 * turn-around that a paced simulator takes for simultaneous. A fast one is told how long the
 * program rested.
 *
 * Exit status: that of the command; 125: the bus could not be made; 127: the command does not
 * start. */
#define _GNU_SOURCE
#include "usbrun.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/usbdevice_fs.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

enum { EXIT_NOT_STARTED = 127, PASSED_FDS = 4 };

static void usage(void)
{
    die("usage: stlua-usb-run --probe SOCKET[,bus=1][,port=4.2][,denied][,held[=NAME]] ... "
        "-- COMMAND [ARGUMENT ...]");
}

/* Returns where the command starts. */
static int parse_arguments(int argc, char **argv)
{
    int at = 1;
    while (at < argc && !strcmp(argv[at], "--probe")) {
        if (at + 1 == argc)
            usage();
        device_add_probe(argv[at + 1]);
        at += 2;
    }
    at += at < argc && !strcmp(argv[at], "--");
    if (at >= argc || !device_at(0))
        usage();
    return at;
}

/* ---- descriptors from the child: the listener, and the folders of its world ---- */

static void send_fds(int channel, const int fds[PASSED_FDS])
{
    union {
        struct cmsghdr head;
        char bytes[CMSG_SPACE(PASSED_FDS * sizeof(int))];
    } control = {0};
    char byte = 0;
    struct iovec data = {&byte, 1};
    struct msghdr message = {.msg_iov = &data,
                             .msg_iovlen = 1,
                             .msg_control = &control,
                             .msg_controllen = sizeof control};
    control.head.cmsg_level = SOL_SOCKET;
    control.head.cmsg_type = SCM_RIGHTS;
    control.head.cmsg_len = CMSG_LEN(PASSED_FDS * sizeof(int));
    memcpy(CMSG_DATA(&control.head), fds, PASSED_FDS * sizeof(int));
    if (sendmsg(channel, &message, 0) != 1)
        die_errno("passing descriptors");
}

static bool receive_fds(int channel, int fds[PASSED_FDS])
{
    union {
        struct cmsghdr head;
        char bytes[CMSG_SPACE(PASSED_FDS * sizeof(int))];
    } control = {0};
    char byte;
    struct iovec data = {&byte, 1};
    struct msghdr message = {.msg_iov = &data,
                             .msg_iovlen = 1,
                             .msg_control = &control,
                             .msg_controllen = sizeof control};
    if (recvmsg(channel, &message, MSG_CMSG_CLOEXEC) != 1 || !message.msg_controllen)
        return false;
    memcpy(fds, CMSG_DATA(&control.head), PASSED_FDS * sizeof(int));
    return true;
}

/* ---- the child ---- */

/* A program of that name which has the probe's debug interface, until the command ends. */
static void hold(const usb_device *probe)
{
    char node[64], byte = 0;
    int ready[2];
    const unsigned interface = 0;
    if (pipe2(ready, O_CLOEXEC))
        die_errno("pipe");
    const pid_t pid = fork();
    if (pid < 0)
        die_errno("fork");
    if (pid > 0) {
        close(ready[1]);
        if (read(ready[0], &byte, 1) != 1)
            die("%s cannot hold its probe", probe->holder);
        close(ready[0]);
        return;
    }
    prctl(PR_SET_PDEATHSIG, (unsigned long)SIGKILL, 0UL, 0UL, 0UL);
    prctl(PR_SET_NAME, probe->holder, 0UL, 0UL, 0UL);
    snprintf(node, sizeof node, "/dev/bus/usb/%03u/%03u", probe->bus, probe->address);
    const int fd = open(node, O_RDWR | O_CLOEXEC);
    if (fd < 0 || ioctl(fd, USBDEVFS_CLAIMINTERFACE, &interface))
        die_errno("%s", node);
    if (write(ready[1], &byte, 1) != 1)
        _exit(1);
    const int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    for (int i = 0; i < 3; i++) /* whoever reads the command's output must see it end */
        dup2(null, i);
    for (;;)
        pause();
}

static void run_command(int channel, const sigset_t *signals, char **command)
{
    world_fds world;
    char byte;
    prctl(PR_SET_PDEATHSIG, (unsigned long)SIGKILL, 0UL, 0UL, 0UL);
    world_build(&world);
    const int listener = filter_install();
    send_fds(channel, (int[PASSED_FDS]){listener, world.devices, world.bus, world.dev});
    if (read(channel, &byte, 1) != 1)
        _exit(EXIT_NOT_STARTED);
    close(channel);
    close(listener);
    close(world.devices);
    close(world.bus);
    close(world.dev);
    for (size_t i = 0; device_at(i); i++)
        if (device_at(i)->holder[0] && device_at(i)->is_present)
            hold(device_at(i));
    sigprocmask(SIG_SETMASK, signals, NULL);
    execvp(command[0], command);
    fprintf(stderr, "stlua-usb-run: %s: %s\n", command[0], strerror(errno));
    _exit(EXIT_NOT_STARTED);
}

/* ---- the supervisor ---- */

static pid_t child;
static int exit_status = EXIT_NOT_STARTED;

static void on_child(void)
{
    int status;
    if (waitpid(child, &status, WNOHANG) != child)
        return;
    exit_status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    loop_end();
}

/* The terminal sends SIGINT to the command itself; what only we get is passed on. */
static void on_signal(void *self, uint32_t events)
{
    const watch *w = self;
    struct signalfd_siginfo info;
    (void)events;
    if (read(w->fd, &info, sizeof info) != (ssize_t)sizeof info)
        return;
    if (info.ssi_signo == SIGCHLD)
        on_child();
    else if (info.ssi_code <= 0) /* from a process, not from the terminal */
        kill(child, (int)info.ssi_signo);
}

static void watch_signals(sigset_t *signals_before)
{
    static watch signals;
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGCHLD);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGHUP);
    sigaddset(&set, SIGQUIT);
    sigprocmask(SIG_BLOCK, &set, signals_before);
    signals = (watch){signalfd(-1, &set, SFD_CLOEXEC), on_signal, &signals};
    if (signals.fd < 0)
        die_errno("signalfd");
    loop_add(&signals, 1 /* EPOLLIN */);
}

static void supervise(int channel)
{
    int fds[PASSED_FDS];
    if (!receive_fds(channel, fds))
        exit(125); /* the child has said why */
    sysfs_set_world(&(world_fds){fds[1], fds[2], fds[3]});
    uevent_start();
    device_attach_all();
    device_watch_plugs();
    filter_serve(fds[0]);
    if (write(channel, "", 1) != 1)
        die_errno("starting the command");
    close(channel);
    loop_run();
}

int main(int argc, char **argv)
{
    int channel[2];
    sigset_t signals_before;
    const int command_at = parse_arguments(argc, argv);
    watch_signals(&signals_before);
    world_enter_user_namespace();
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, channel))
        die_errno("socketpair");
    child = fork();
    if (child < 0)
        die_errno("fork");
    if (!child) {
        close(channel[0]);
        run_command(channel[1], &signals_before, argv + command_at);
    }
    close(channel[1]);
    supervise(channel[0]);
    return exit_status;
}
