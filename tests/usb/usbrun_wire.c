/* tests/usb/usbrun_wire.c: requests to a simulator and their answers (stl/sim_wire.h). */
#define _GNU_SOURCE
#include "usbrun.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "stl/bytes.h"
#include "stl/sim_wire.h"

/* A command's time holds the host's turn-around (stlua-sim: turnaround-us). */
enum { TURNAROUND_NS = 250000, LONGEST_REST_NS = 1000000000 };
enum { ASK_PATIENCE_MS = 2000, BUFFER_BYTES = SIM_WIRE_MAX_BYTES + SIM_WIRE_REPLY_BYTES };

typedef struct request {
    struct request *next;
    uint32_t tag;
    wire_done done;
    void *self;
} request;

struct wire {
    watch watch;
    bool is_dead, is_paced;
    uint32_t last_tag;
    uint64_t sim_ns, answered_ns; /* simulated time of the last answer, and when it came */
    uint64_t sim_start_ns, start_ns;
    request *first;
    size_t buffered;
    uint8_t buffer[BUFFER_BYTES];
};

static uint64_t wall_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static void finish(request **link, uint8_t status, const uint8_t *bytes, size_t byte_count)
{
    request *r = *link;
    *link = r->next;
    if (r->done)
        r->done(r->self, status, bytes, byte_count);
    free(r);
}

/* The simulator has ended: to the programs that is a pulled plug. */
static void bury(wire *w)
{
    if (w->is_dead)
        return;
    w->is_dead = true;
    loop_remove(&w->watch);
    close(w->watch.fd);
    while (w->first)
        finish(&w->first, SIM_WIRE_GONE, NULL, 0);
}

static void take_reply(wire *w, const uint8_t *reply, size_t byte_count)
{
    const uint32_t tag = stl_get_u32le(reply + 4);
    w->sim_ns = stl_get_u64le(reply + 8);
    w->answered_ns = wall_ns();
    for (request **link = &w->first; *link; link = &(*link)->next) {
        if ((*link)->tag == tag) {
            finish(link, reply[0], reply + SIM_WIRE_REPLY_BYTES, byte_count);
            return;
        }
    }
}

static void parse(wire *w)
{
    size_t at = 0;
    while (w->buffered - at >= SIM_WIRE_REPLY_BYTES) {
        const size_t byte_count = stl_get_u32le(w->buffer + at + 16);
        if (byte_count > SIM_WIRE_MAX_BYTES)
            die("the simulator sent a reply of %zu bytes", byte_count);
        if (w->buffered - at < SIM_WIRE_REPLY_BYTES + byte_count)
            break;
        take_reply(w, w->buffer + at, byte_count);
        at += SIM_WIRE_REPLY_BYTES + byte_count;
    }
    w->buffered -= at;
    memmove(w->buffer, w->buffer + at, w->buffered);
}

static void on_readable(void *self, uint32_t events)
{
    wire *w = self;
    (void)events;
    const ssize_t got =
        recv(w->watch.fd, w->buffer + w->buffered, BUFFER_BYTES - w->buffered, MSG_DONTWAIT);
    if (got < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (got <= 0) {
        bury(w);
        return;
    }
    w->buffered += (size_t)got;
    parse(w);
}

/* The simulator always reads on, so waiting for room is short. */
static void send_all(wire *w, const uint8_t *bytes, size_t byte_count)
{
    while (byte_count) {
        const ssize_t sent = send(w->watch.fd, bytes, byte_count, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (sent < 0 && errno == EAGAIN) {
            struct pollfd room = {w->watch.fd, POLLOUT, 0};
            poll(&room, 1, -1);
        } else if (sent < 0 && errno != EINTR) {
            return; /* reading finds the end, too, and buries it */
        } else if (sent > 0) {
            bytes += sent;
            byte_count -= (size_t)sent;
        }
    }
}

static uint32_t send_request(wire *w, uint8_t type, uint8_t endpoint, uint32_t timeout,
                             const void *payload, size_t payload_count, size_t byte_count,
                             wire_done done, void *self)
{
    static uint8_t packet[SIM_WIRE_REQUEST_BYTES + SIM_WIRE_MAX_BYTES];
    if (payload_count > SIM_WIRE_MAX_BYTES)
        die("a transfer of %zu bytes", payload_count);
    const uint32_t tag = ++w->last_tag;
    if (w->is_dead) {
        if (done)
            done(self, SIM_WIRE_GONE, NULL, 0);
        return tag;
    }
    memset(packet, 0, SIM_WIRE_REQUEST_BYTES);
    packet[0] = type;
    packet[1] = endpoint;
    stl_put_u32le(packet + 4, tag);
    stl_put_u32le(packet + 8, timeout);
    stl_put_u32le(packet + 12, (uint32_t)byte_count);
    if (payload_count)
        memcpy(packet + SIM_WIRE_REQUEST_BYTES, payload, payload_count);
    request *r = calloc(1, sizeof *r);
    if (!r)
        die("out of memory");
    *r = (request){NULL, tag, done, self};
    request **link = &w->first;
    while (*link)
        link = &(*link)->next;
    *link = r;
    send_all(w, packet, SIM_WIRE_REQUEST_BYTES + payload_count);
    return tag;
}

uint32_t wire_send(wire *w, uint8_t type, uint8_t endpoint, const void *payload,
                   size_t payload_count, size_t byte_count, wire_done done, void *self)
{
    return send_request(w, type, endpoint, 0, payload, payload_count, byte_count, done, self);
}

void wire_cancel(wire *w, uint32_t tag)
{
    wire_send(w, SIM_WIRE_CANCEL, 0, NULL, 0, tag, NULL, NULL);
}

/* Both what the program has slept since the last answer, and what simulated time is behind in all.
 */
void wire_let_time_pass(wire *w)
{
    if (w->is_paced || w->is_dead || w->first)
        return;
    const uint64_t now_ns = wall_ns();
    const uint64_t idle_ns = now_ns - w->answered_ns;
    const uint64_t wall_total = now_ns - w->start_ns, sim_total = w->sim_ns - w->sim_start_ns;
    const uint64_t lag_ns = wall_total > sim_total ? wall_total - sim_total : 0;
    uint64_t rest_ns = idle_ns > lag_ns ? idle_ns : lag_ns;
    if (rest_ns >
        LONGEST_REST_NS) { /* as a paced simulator: what was slept through is not made up for */
        w->start_ns += rest_ns - LONGEST_REST_NS;
        rest_ns = LONGEST_REST_NS;
    }
    if (rest_ns > TURNAROUND_NS)
        send_request(w, SIM_WIRE_SLEEP, 0, (uint32_t)(rest_ns / 1000u), NULL, 0, 0, NULL, NULL);
}

bool wire_is_idle(const wire *w)
{
    return !w->first;
}

/* ---- asking ---- */

typedef struct question {
    bool is_answered;
    uint8_t status;
    uint8_t *bytes;
    size_t room, actual;
} question;

static void on_answer(void *self, uint8_t status, const uint8_t *bytes, size_t byte_count)
{
    question *q = self;
    q->is_answered = true;
    q->status = status;
    q->actual = byte_count < q->room ? byte_count : q->room;
    if (q->actual)
        memcpy(q->bytes, bytes, q->actual);
}

uint8_t wire_ask(wire *w, uint8_t type, const void *payload, size_t payload_count, uint8_t *bytes,
                 size_t room, size_t *actual)
{
    question q = {.bytes = bytes, .room = room};
    const uint64_t answered_ns = w->answered_ns;
    wire_send(w, type, 0, payload, payload_count, payload_count, on_answer, &q);
    while (!q.is_answered && !w->is_dead) {
        struct pollfd readable = {w->watch.fd, POLLIN, 0};
        if (poll(&readable, 1, ASK_PATIENCE_MS) == 0)
            die("the simulator does not answer");
        on_readable(w, 0);
    }
    w->answered_ns = answered_ns; /* our own questions are no work of the program's */
    if (actual)
        *actual = q.actual;
    return q.status;
}

uint8_t wire_hello(wire *w, char *text, size_t text_size)
{
    static const char hello[] = SIM_WIRE_VERSION " host";
    size_t actual = 0;
    const uint8_t status =
        wire_ask(w, SIM_WIRE_HELLO, hello, strlen(hello), (uint8_t *)text, text_size - 1, &actual);
    text[actual] = '\0';
    return status;
}

/* A paced simulator keeps up with the wall by itself; a fast one stands still while nobody asks. */
static void find_out_pace(wire *w)
{
    const struct timespec pause = {0, 4000000};
    wire_ask(w, SIM_WIRE_SLEEP, NULL, 0, NULL, 0, NULL);
    w->start_ns = w->answered_ns = wall_ns();
    w->sim_start_ns = w->sim_ns;
    nanosleep(&pause, NULL);
    wire_ask(w, SIM_WIRE_SLEEP, NULL, 0, NULL, 0, NULL);
    w->is_paced = w->sim_ns > w->sim_start_ns + 2000000u;
}

static int connect_to(const char *socket_path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    if (strlen(socket_path) >= sizeof address.sun_path) {
        errno = ENAMETOOLONG;
        return -1;
    }
    memcpy(address.sun_path, socket_path, strlen(socket_path) + 1);
    const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd >= 0 && connect(fd, (struct sockaddr *)&address, sizeof address)) {
        const int why = errno;
        close(fd);
        errno = why;
        return -1;
    }
    return fd;
}

wire *wire_open(const char *socket_path, char *reason, size_t reason_size)
{
    const int fd = connect_to(socket_path);
    if (fd < 0) {
        snprintf(reason, reason_size, "%s", strerror(errno));
        return NULL;
    }
    wire *w = calloc(1, sizeof *w);
    if (!w)
        die("out of memory");
    w->watch = (watch){fd, on_readable, w};
    loop_add(&w->watch, EPOLLIN);
    const uint8_t status = wire_hello(w, reason, reason_size);
    if (status == SIM_WIRE_OK) {
        find_out_pace(w);
        return w;
    }
    if (status == SIM_WIRE_BUSY) {
        char holder[128];
        snprintf(holder, sizeof holder, "%.100s", reason);
        snprintf(reason, reason_size, "it is held by %s", holder);
    }
    bury(w);
    free(w);
    return NULL;
}
