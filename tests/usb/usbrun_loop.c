/* tests/usb/usbrun_loop.c: the supervisor's one loop, and its one way to give up. */
#define _GNU_SOURCE
#include "usbrun.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>

enum { EXIT_NO_BUS = 125 };

static int epoll_fd = -1;
static bool is_over;

void die(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    fputs("stlua-usb-run: ", stderr);
    vfprintf(stderr, format, args);
    fputc('\n', stderr);
    va_end(args);
    exit(EXIT_NO_BUS);
}

void die_errno(const char *format, ...)
{
    const int why = errno;
    va_list args;
    va_start(args, format);
    fputs("stlua-usb-run: ", stderr);
    vfprintf(stderr, format, args);
    fprintf(stderr, ": %s\n", strerror(why));
    va_end(args);
    exit(EXIT_NO_BUS);
}

void loop_add(watch *w, uint32_t events)
{
    if (epoll_fd < 0)
        epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    struct epoll_event event = {.events = events, .data.ptr = w};
    if (epoll_ctl(epoll_fd, EPOLL_CTL_ADD, w->fd, &event))
        die_errno("epoll");
}

void loop_remove(watch *w)
{
    epoll_ctl(epoll_fd, EPOLL_CTL_DEL, w->fd, NULL);
}

/* One event at a time: what a handler frees cannot be in a batch still to be worked off. */
void loop_run(void)
{
    struct epoll_event event;
    while (!is_over) {
        const int count = epoll_wait(epoll_fd, &event, 1, -1);
        if (count < 0 && errno != EINTR)
            die_errno("epoll");
        if (count == 1) {
            const watch *w = event.data.ptr;
            w->ready(w->self, event.events);
        }
    }
}

void loop_end(void)
{
    is_over = true;
}
