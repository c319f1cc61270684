/* core/sim/server.c: see server.h. Connections, who may do what, and wall time. */
#define _GNU_SOURCE /* accept4, ppoll */
#include "server.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "bus.h"
#include "connection.h"

enum { MAX_CONNECTIONS = 32, MAX_UNSENT_BYTES = 1 << 20 };
enum { MS = 1000000, SPIN_NS = 60000, CATCH_UP_NS = 20 * MS, LONGEST_CATCH_UP_NS = 1000 * MS };

struct sim_server {
    sim_device *device;
    sim_bus *bus;
    sim_server_options options;
    bool (*save)(void *self, char *answer, size_t size);
    void *save_self;
    int listen_fd; /* -1: none */
    struct sockaddr_un address;
    sim_connection *first, *host;
    unsigned connection_count;
    bool is_over;
    /* paced: wall time minus simulated time, and when the host last got an answer */
    uint64_t wall_base_ns, delivered_ns;
    uint64_t arrival_ns; /* when what is being served was read */
};

/* ---- wall time ---- */

static uint64_t wall_clock_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

/* What simulated time should be now. Fast: all the time there is, so that everything is due. */
static uint64_t wall_ns(const sim_server *server)
{
    return server->options.is_paced ? wall_clock_ns() - server->wall_base_ns : UINT64_MAX;
}

/* The target has lived on while nobody asked. What the machine slept through is not made up for. */
static void catch_up(sim_server *server, uint64_t wall)
{
    const uint64_t device_ns = sim_device_now_ns(server->device);
    if (!server->options.is_paced || wall <= device_ns)
        return;
    uint64_t behind = wall - device_ns;
    if (behind > LONGEST_CATCH_UP_NS) {
        server->wall_base_ns += behind - LONGEST_CATCH_UP_NS;
        behind = LONGEST_CATCH_UP_NS;
    }
    sim_device_idle(server->device, behind);
}

static void catch_up_when_idle(sim_server *server)
{
    const uint64_t wall = wall_ns(server);
    if (server->options.is_paced && wall > sim_device_now_ns(server->device) + CATCH_UP_NS / 2 &&
        wall > server->delivered_ns + CATCH_UP_NS / 2)
        catch_up(server, wall);
}

/* A request that follows an answer at once came with it: t_cmd holds the host's turn-around. */
static void host_arrives(sim_server *server)
{
    const uint64_t wall = server->arrival_ns;
    if (!server->options.is_paced ||
        wall <= server->delivered_ns + server->options.turnaround_us * UINT64_C(1000))
        return;
    catch_up(server, wall);
    sim_bus_set_host_ns(server->bus, wall);
}

/* ---- life ---- */

static void send_to_host(void *self, uint32_t tag, uint8_t status, uint64_t at_ns,
                         const void *bytes, size_t byte_count)
{
    sim_server *server = self;
    if (server->host)
        sim_connection_reply(server->host, tag, status, at_ns,
                             server->options.is_paced ? at_ns : 0, bytes, byte_count);
}

static void quit(void *self)
{
    ((sim_server *)self)->is_over = true;
}

static bool save(void *self, char *answer, size_t answer_size)
{
    const sim_server *server = self;
    return server->save(server->save_self, answer, answer_size);
}

sim_server *sim_server_new(sim_device *device, const sim_server_options *options)
{
    sim_server *server = calloc(1, sizeof *server);
    if (!server)
        return NULL;
    server->device = device;
    server->options = *options;
    if (!options->turnaround_us)
        server->options.turnaround_us = 250;
    if (!options->grace_ms)
        server->options.grace_ms = 2;
    server->listen_fd = -1;
    server->wall_base_ns = wall_clock_ns() - sim_device_now_ns(device);
    server->bus = sim_bus_new(device, send_to_host, server);
    if (!server->bus) {
        free(server);
        return NULL;
    }
    sim_server_set_save(server, NULL, NULL);
    return server;
}

void sim_server_set_save(sim_server *server, bool (*save_state)(void *, char *, size_t), void *self)
{
    server->save = save_state;
    server->save_self = self;
    const sim_device_hooks hooks = {server, save_state ? save : NULL, quit};
    sim_device_set_hooks(server->device, &hooks);
}

void sim_server_free(sim_server *server)
{
    if (!server)
        return;
    while (server->first) {
        sim_connection *first = server->first;
        server->first = first->next;
        sim_connection_flush(first, UINT64_MAX);
        sim_connection_free(first);
    }
    if (server->listen_fd >= 0) {
        close(server->listen_fd);
        unlink(server->address.sun_path);
    }
    sim_bus_free(server->bus);
    free(server);
}

/* ---- listening ---- */

static bool is_answered(const struct sockaddr_un *address)
{
    const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const bool is_alive = fd >= 0 && !connect(fd, (const struct sockaddr *)address, sizeof *address);
    if (fd >= 0)
        close(fd);
    return is_alive;
}

bool sim_server_listen(sim_server *server, const char *path, char *reason, size_t reason_size)
{
    struct sockaddr_un *address = &server->address;
    address->sun_family = AF_UNIX;
    if (!*path || strlen(path) >= sizeof address->sun_path) {
        snprintf(reason, reason_size, "socket path of 1 to %zu characters",
                 sizeof address->sun_path - 1);
        return false;
    }
    memcpy(address->sun_path, path, strlen(path) + 1);
    if (is_answered(address)) {
        snprintf(reason, reason_size, "another simulator listens on %s", path);
        return false;
    }
    const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    int failed = fd < 0 || bind(fd, (struct sockaddr *)address, sizeof *address);
    if (fd >= 0 && failed && errno == EADDRINUSE) { /* left over by one that was killed */
        unlink(path);
        failed = bind(fd, (struct sockaddr *)address, sizeof *address);
    }
    if (failed || listen(fd, 8)) {
        snprintf(reason, reason_size, "cannot listen on %s: %s", path, strerror(errno));
        if (fd >= 0)
            close(fd);
        return false;
    }
    server->listen_fd = fd;
    return true;
}

bool sim_server_adopt(sim_server *server, int fd, bool is_private)
{
    if (server->connection_count >= MAX_CONNECTIONS) {
        close(fd);
        return false;
    }
    sim_connection *connection = sim_connection_new(fd, is_private);
    if (!connection)
        return false;
    connection->next = server->first;
    server->first = connection;
    server->connection_count++;
    return true;
}

static void accept_all(sim_server *server)
{
    int fd;
    while ((fd = accept4(server->listen_fd, NULL, NULL, SOCK_CLOEXEC)) >= 0)
        sim_server_adopt(server, fd, false);
}

/* ---- requests ---- */

static void refuse(sim_server *server, sim_connection *connection, uint32_t tag, const char *why)
{
    sim_connection_say(connection, tag, SIM_WIRE_REFUSED, sim_device_now_ns(server->device), why);
    connection->is_leaving = true;
}

static bool says(const sim_request *request, const char *text)
{
    return request->byte_count == strlen(text) && request->payload &&
           !memcmp(request->payload, text, request->byte_count);
}

static void claim(sim_server *server, sim_connection *connection, uint32_t tag)
{
    if (server->host && server->host != connection) {
        sim_connection_say(connection, tag, SIM_WIRE_BUSY, sim_device_now_ns(server->device),
                           server->host->peer);
        return;
    }
    server->host = connection;
    connection->role = SIM_ROLE_HOST;
    sim_bus_open(server->bus);
    server->delivered_ns = 0;
    host_arrives(server);
    sim_connection_say(connection, tag, SIM_WIRE_OK, sim_bus_host_ns(server->bus),
                       SIM_WIRE_VERSION);
}

static void hello(sim_server *server, sim_connection *connection, const sim_request *request)
{
    if (says(request, SIM_WIRE_VERSION " host")) {
        claim(server, connection, request->tag);
    } else if (says(request, SIM_WIRE_VERSION " admin") && connection->role != SIM_ROLE_HOST) {
        connection->role = SIM_ROLE_ADMIN;
        sim_connection_say(connection, request->tag, SIM_WIRE_OK,
                           sim_device_now_ns(server->device), SIM_WIRE_VERSION);
    } else {
        refuse(server, connection, request->tag, "this is " SIM_WIRE_VERSION
               "; HELLO has to be its name and \"host\" or \"admin\"");
    }
}

static void admin(sim_server *server, sim_connection *connection, const sim_request *request)
{
    char line[1024], answer[4096] = "";
    const size_t count = request->byte_count < sizeof line ? request->byte_count : sizeof line - 1;
    if (count)
        memcpy(line, request->payload, count);
    line[count] = '\0';
    catch_up(server, wall_ns(server));
    const bool is_done = sim_device_admin(server->device, line, answer, sizeof answer);
    sim_connection_say(connection, request->tag, is_done ? SIM_WIRE_OK : SIM_WIRE_REFUSED,
                       sim_device_now_ns(server->device), answer);
    sim_bus_service(server->bus);
}

static void host_request(sim_server *server, sim_connection *connection,
                         const sim_request *request)
{
    static const uint8_t nothing[1];
    const uint8_t *payload = request->payload ? request->payload : nothing;
    bool is_taken = true;
    host_arrives(server);
    switch (request->type) {
    case SIM_WIRE_OUT:
        is_taken = sim_bus_out(server->bus, request->tag, request->endpoint, request->timeout,
                               payload, request->byte_count);
        break;
    case SIM_WIRE_IN:
        is_taken = sim_bus_in(server->bus, request->tag, request->endpoint, request->timeout,
                              request->byte_count);
        break;
    case SIM_WIRE_CONTROL:
        sim_bus_control(server->bus, request->tag, payload, request->byte_count);
        break;
    case SIM_WIRE_RESET:
        sim_bus_reset(server->bus, request->tag);
        break;
    case SIM_WIRE_SLEEP:
        sim_bus_sleep(server->bus, request->tag, request->timeout);
        break;
    default:
        sim_bus_cancel(server->bus, request->tag, request->byte_count);
        break;
    }
    if (!is_taken)
        refuse(server, connection, request->tag, "too many pending transfers");
}

static void serve(sim_server *server, sim_connection *connection, const sim_request *request)
{
    if (request->type == SIM_WIRE_HELLO)
        hello(server, connection, request);
    else if (connection->role == SIM_ROLE_NONE)
        refuse(server, connection, request->tag, "the first request has to be HELLO");
    else if (request->type == SIM_WIRE_ADMIN)
        admin(server, connection, request);
    else if (connection->role == SIM_ROLE_HOST)
        host_request(server, connection, request);
    else
        refuse(server, connection, request->tag, "an admin connection may send ADMIN only");
}

static void serve_all(sim_server *server, sim_connection *connection)
{
    sim_request request;
    const char *why = NULL;
    enum sim_parse parse = SIM_PARSE_MORE;
    while (!connection->is_leaving && !connection->is_broken &&
           connection->out_byte_count < MAX_UNSENT_BYTES &&
           (parse = sim_connection_parse(connection, &request, &why)) == SIM_PARSE_REQUEST) {
        serve(server, connection, &request);
        sim_connection_consume(connection, &request);
    }
    if (parse == SIM_PARSE_GARBAGE && !connection->is_leaving)
        refuse(server, connection, request.tag, why);
}

/* ---- the loop ---- */

/* A host that goes leaves the device as it is, like a tool that crashed. */
static void remove_broken(sim_server *server)
{
    char ignored[256];
    for (sim_connection **link = &server->first; *link;) {
        sim_connection *connection = *link;
        if (!connection->is_broken) {
            link = &connection->next;
            continue;
        }
        *link = connection->next;
        server->connection_count--;
        if (server->host == connection) {
            server->host = NULL;
            sim_bus_close(server->bus);
            if (server->save)
                (void)server->save(server->save_self, ignored, sizeof ignored);
        }
        server->is_over = server->is_over || connection->is_private;
        sim_connection_free(connection);
    }
}

static void flush_all(sim_server *server)
{
    const uint64_t wall = wall_ns(server);
    for (sim_connection *c = server->first; c; c = c->next) {
        const size_t unsent = c->out_byte_count;
        sim_connection_flush(c, wall);
        if (c == server->host && c->out_byte_count < unsent && server->options.is_paced)
            server->delivered_ns = wall;
    }
}

/* Paced: when an answer is due or a transfer times out; UINT64_MAX: nothing to wait for. */
static uint64_t next_event_ns(const sim_server *server)
{
    uint64_t next;
    sim_bus_next_deadline(server->bus, &next);
    for (const sim_connection *c = server->first; c; c = c->next)
        if (c->first_out && c->first_out->due_ns && c->first_out->due_ns < next)
            next = c->first_out->due_ns;
    return next;
}

/* How long poll may sleep, in ns; below 0: for ever. */
static int64_t sleep_ns(const sim_server *server, int max_wait_ms)
{
    int64_t wait = max_wait_ms < 0 ? -1 : (int64_t)max_wait_ms * MS;
    uint64_t own = UINT64_MAX, deadline;
    if (server->options.is_paced) {
        const uint64_t wall = wall_ns(server), next = next_event_ns(server);
        own = next > wall + SPIN_NS ? next - wall - SPIN_NS : 0;
        own = own < CATCH_UP_NS ? own : CATCH_UP_NS;
    } else if (sim_bus_next_deadline(server->bus, &deadline)) {
        own = (uint64_t)server->options.grace_ms * MS;
    }
    if (own != UINT64_MAX && (wait < 0 || (uint64_t)wait > own))
        wait = (int64_t)own;
    return wait;
}

static int wait_for_clients(sim_server *server, struct pollfd *polled, int64_t wait,
                            const void *wait_signals)
{
    nfds_t count = 0;
    for (sim_connection *c = server->first; c; c = c->next) {
        const bool is_full = c->out_byte_count >= MAX_UNSENT_BYTES || c->is_leaving;
        const bool is_blocked = c->first_out && c->first_out->due_ns <= wall_ns(server);
        polled[count++] = (struct pollfd){
            c->fd, (short)((is_full ? 0 : POLLIN) | (is_blocked ? POLLOUT : 0)), 0};
    }
    if (server->listen_fd >= 0)
        polled[count++] = (struct pollfd){server->listen_fd, POLLIN, 0};
    const struct timespec time = {(time_t)(wait / 1000000000), (long)(wait % 1000000000)};
    return ppoll(polled, count, wait < 0 ? NULL : &time, wait_signals);
}

static void read_clients(sim_server *server, const struct pollfd *polled)
{
    size_t at = 0;
    for (sim_connection *c = server->first; c; c = c->next, at++)
        if (polled[at].revents & (POLLIN | POLLHUP | POLLERR))
            sim_connection_receive(c);
    if (server->listen_fd >= 0 && polled[at].revents & POLLIN)
        accept_all(server);
}

/* The last stretch is spun through: a sleep would be late by more than a byte takes. */
static void spin_until_due(const sim_server *server)
{
    const uint64_t next = next_event_ns(server);
    const uint64_t wall = wall_ns(server);
    if (!server->options.is_paced || next <= wall || next > wall + SPIN_NS)
        return;
    while (wall_ns(server) < next)
        ;
}

static void let_time_pass(sim_server *server, bool is_quiet)
{
    uint64_t deadline;
    if (!server->options.is_paced) {
        if (is_quiet && sim_bus_next_deadline(server->bus, &deadline))
            sim_bus_expire(server->bus, deadline);
        return;
    }
    spin_until_due(server);
    if (sim_bus_next_deadline(server->bus, &deadline) && deadline <= wall_ns(server))
        sim_bus_expire(server->bus, deadline);
    catch_up_when_idle(server);
}

bool sim_server_step(sim_server *server, int max_wait_ms, const void *wait_signals)
{
    struct pollfd polled[MAX_CONNECTIONS + 1];
    const int64_t wait = sleep_ns(server, max_wait_ms);
    const int ready = wait_for_clients(server, polled, wait, wait_signals);
    server->arrival_ns = wall_ns(server);
    if (ready > 0)
        read_clients(server, polled);
    for (sim_connection *c = server->first; c; c = c->next)
        serve_all(server, c);
    let_time_pass(server, ready == 0);
    flush_all(server);
    remove_broken(server);
    return !server->is_over;
}
