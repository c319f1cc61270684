/* core/sim/connection.c: see connection.h; the format is in stl/sim_wire.h. */
#define _GNU_SOURCE /* struct ucred */
#include "connection.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "stl/bytes.h"

/* "pid 4711 (openocd)": who is at the other end. */
static void name_peer(int fd, char *text, size_t text_size)
{
    struct ucred peer = {0};
    socklen_t size = sizeof peer;
    char path[48], name[32] = "";
    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) || peer.pid <= 0) {
        snprintf(text, text_size, "another process");
        return;
    }
    snprintf(path, sizeof path, "/proc/%d/comm", (int)peer.pid);
    FILE *file = fopen(path, "re");
    if (file) {
        if (fgets(name, sizeof name, file))
            name[strcspn(name, "\n")] = '\0';
        fclose(file);
    }
    snprintf(text, text_size, name[0] ? "pid %d (%s)" : "pid %d", (int)peer.pid, name);
}

sim_connection *sim_connection_new(int fd, bool is_private)
{
    sim_connection *connection = malloc(sizeof *connection);
    if (!connection) {
        close(fd);
        return NULL;
    }
    memset(connection, 0, offsetof(sim_connection, in));
    connection->in_count = connection->out_byte_count = 0;
    connection->first_out = NULL;
    connection->fd = fd;
    connection->is_private = is_private;
    fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
    fcntl(fd, F_SETFD, FD_CLOEXEC);
    name_peer(fd, connection->peer, sizeof connection->peer);
    return connection;
}

void sim_connection_free(sim_connection *connection)
{
    while (connection->first_out) {
        sim_outgoing *first = connection->first_out;
        connection->first_out = first->next;
        free(first);
    }
    close(connection->fd);
    free(connection);
}

void sim_connection_receive(sim_connection *connection)
{
    const size_t room = sizeof connection->in - connection->in_count;
    if (!room)
        return;
    const ssize_t got = recv(connection->fd, connection->in + connection->in_count, room, 0);
    if (got > 0)
        connection->in_count += (size_t)got;
    else if (got == 0 || (errno != EAGAIN && errno != EINTR))
        connection->is_broken = true;
}

/* ---- requests ---- */

/* How many bytes follow the header; what is odd about the request, or NULL. */
static const char *check(const sim_request *request, size_t *payload_count)
{
    *payload_count = 0;
    if (request->type != SIM_WIRE_CANCEL && request->byte_count > SIM_WIRE_MAX_BYTES)
        return "the request is longer than SIM_WIRE_MAX_BYTES";
    switch (request->type) {
    case SIM_WIRE_CONTROL:
        *payload_count = request->byte_count;
        return request->byte_count < 8 ? "a control transfer needs a setup packet of 8 bytes" : NULL;
    case SIM_WIRE_HELLO:
    case SIM_WIRE_OUT:
    case SIM_WIRE_ADMIN:
        *payload_count = request->byte_count;
        return NULL;
    case SIM_WIRE_IN:
    case SIM_WIRE_CANCEL:
        return NULL;
    case SIM_WIRE_RESET:
    case SIM_WIRE_SLEEP:
        return request->byte_count ? "this request has no payload" : NULL;
    default:
        return "unknown request type";
    }
}

enum sim_parse sim_connection_parse(sim_connection *connection, sim_request *request,
                                    const char **why)
{
    const uint8_t *in = connection->in;
    size_t payload_count;
    if (connection->in_count < SIM_WIRE_REQUEST_BYTES)
        return SIM_PARSE_MORE;
    *request = (sim_request){in[0], in[1], stl_get_u32le(in + 4), stl_get_u32le(in + 8),
                             stl_get_u32le(in + 12), NULL};
    *why = in[2] || in[3] ? "bytes 2 and 3 are not zero" : check(request, &payload_count);
    if (*why)
        return SIM_PARSE_GARBAGE;
    if (connection->in_count < SIM_WIRE_REQUEST_BYTES + payload_count)
        return SIM_PARSE_MORE;
    if (payload_count)
        request->payload = in + SIM_WIRE_REQUEST_BYTES;
    return SIM_PARSE_REQUEST;
}

void sim_connection_consume(sim_connection *connection, const sim_request *request)
{
    const size_t count = SIM_WIRE_REQUEST_BYTES + (request->payload ? request->byte_count : 0);
    connection->in_count -= count;
    memmove(connection->in, connection->in + count, connection->in_count);
}

/* ---- replies ---- */

void sim_connection_reply(sim_connection *connection, uint32_t tag, uint8_t status,
                          uint64_t sim_time_ns, uint64_t due_ns, const void *bytes,
                          size_t byte_count)
{
    sim_outgoing *out = malloc(sizeof *out + SIM_WIRE_REPLY_BYTES + byte_count);
    if (!out) { /* a client that misses an answer must not wait for ever */
        connection->is_broken = true;
        return;
    }
    *out = (sim_outgoing){.due_ns = due_ns, .byte_count = SIM_WIRE_REPLY_BYTES + byte_count};
    memset(out->bytes, 0, SIM_WIRE_REPLY_BYTES);
    out->bytes[0] = status;
    stl_put_u32le(out->bytes + 4, tag);
    stl_put_u64le(out->bytes + 8, sim_time_ns);
    stl_put_u32le(out->bytes + 16, (uint32_t)byte_count);
    if (byte_count)
        memcpy(out->bytes + SIM_WIRE_REPLY_BYTES, bytes, byte_count);
    sim_outgoing **link = &connection->first_out;
    while (*link && ((*link)->due_ns <= due_ns || (*link)->sent_count))
        link = &(*link)->next;
    out->next = *link;
    *link = out;
    connection->out_byte_count += out->byte_count;
}

void sim_connection_say(sim_connection *connection, uint32_t tag, uint8_t status,
                        uint64_t sim_time_ns, const char *text)
{
    sim_connection_reply(connection, tag, status, sim_time_ns, 0, text, strlen(text));
}

/* True if all of it is gone. */
static bool send_one(sim_connection *connection, sim_outgoing *out)
{
    const ssize_t sent = send(connection->fd, out->bytes + out->sent_count,
                              out->byte_count - out->sent_count, MSG_NOSIGNAL);
    if (sent < 0) {
        if (errno != EAGAIN && errno != EINTR)
            connection->is_broken = true;
        return false;
    }
    out->sent_count += (size_t)sent;
    return out->sent_count == out->byte_count;
}

void sim_connection_flush(sim_connection *connection, uint64_t now_ns)
{
    while (connection->first_out && connection->first_out->due_ns <= now_ns &&
           !connection->is_broken) {
        sim_outgoing *first = connection->first_out;
        if (!send_one(connection, first))
            return;
        connection->first_out = first->next;
        connection->out_byte_count -= first->byte_count;
        free(first);
    }
    if (!connection->first_out && connection->is_leaving)
        connection->is_broken = true;
}
