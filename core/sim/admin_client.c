/* core/sim/admin_client.c: see admin_client.h. */
#include "admin_client.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "connection.h"
#include "stl/bytes.h"

enum { CLIENT_PATIENCE_MS = 5000 };

static bool send_request(int fd, uint8_t type, const char *text)
{
    uint8_t request[SIM_WIRE_REQUEST_BYTES + 1024] = {type};
    const size_t count = strlen(text);
    if (count > sizeof request - SIM_WIRE_REQUEST_BYTES)
        return false;
    stl_put_u32le(request + 12, (uint32_t)count);
    /* the length goes before it, no 0 behind it: NOLINTNEXTLINE(bugprone-not-null-terminated-result) */
    memcpy(request + SIM_WIRE_REQUEST_BYTES, text, count);
    const size_t total = SIM_WIRE_REQUEST_BYTES + count;
    return send(fd, request, total, MSG_NOSIGNAL) == (ssize_t)total;
}

static bool receive_all(int fd, void *bytes, size_t byte_count)
{
    return byte_count == 0 || recv(fd, bytes, byte_count, MSG_WAITALL) == (ssize_t)byte_count;
}

/* The answer's text, cut to the room there is; its status, or -1. */
static int receive_answer(int fd, char *answer, size_t answer_size)
{
    uint8_t header[SIM_WIRE_REPLY_BYTES];
    if (!receive_all(fd, header, sizeof header))
        return -1;
    const size_t count = stl_get_u32le(header + 16);
    if (count >= answer_size || !receive_all(fd, answer, count))
        return -1;
    answer[count] = '\0';
    return header[0];
}

static int ask(int fd, uint8_t type, const char *text, char *answer, size_t answer_size)
{
    const int status =
        send_request(fd, type, text) ? receive_answer(fd, answer, answer_size) : -1;
    if (status < 0)
        snprintf(answer, answer_size, "the simulator closed the connection");
    return status;
}

bool sim_admin_send(const char *socket_path, const char *line, char *answer, size_t answer_size)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    if (strlen(socket_path) >= sizeof address.sun_path) {
        snprintf(answer, answer_size, "socket path is too long: %s", socket_path);
        return false;
    }
    memcpy(address.sun_path, socket_path, strlen(socket_path) + 1);
    const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof address)) {
        snprintf(answer, answer_size, "no simulator listens on %s: %s", socket_path,
                 strerror(errno));
        if (fd >= 0)
            close(fd);
        return false;
    }
    int status = ask(fd, SIM_WIRE_HELLO, SIM_WIRE_VERSION " admin", answer, answer_size);
    if (status == SIM_WIRE_OK)
        status = ask(fd, SIM_WIRE_ADMIN, line, answer, answer_size);
    close(fd);
    return status == SIM_WIRE_OK;
}

void sim_refuse_client(int fd, const char *why)
{
    sim_connection *connection = sim_connection_new(fd, true);
    if (!connection)
        return;
    sim_request request;
    const char *odd;
    struct pollfd polled = {fd, POLLIN, 0};
    enum sim_parse parse = SIM_PARSE_MORE;
    while (parse == SIM_PARSE_MORE && !connection->is_broken &&
           poll(&polled, 1, CLIENT_PATIENCE_MS) > 0) {
        sim_connection_receive(connection);
        parse = sim_connection_parse(connection, &request, &odd);
    }
    if (parse != SIM_PARSE_MORE) {
        sim_connection_say(connection, request.tag, SIM_WIRE_REFUSED, 0, why);
        sim_connection_flush(connection, 0);
    }
    sim_connection_free(connection);
}
