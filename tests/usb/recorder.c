/* tests/usb/recorder.c: see recorder.h. */
#include "recorder.h"

#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "stl/bytes.h"
#include "stl/sim_wire.h"

static int open_socket(const char *path, bool is_listening)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    strncpy(address.sun_path, path, sizeof address.sun_path - 1);
    const int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    const struct sockaddr *at = (const struct sockaddr *)&address;
    const int failed = is_listening ? bind(fd, at, sizeof address) || listen(fd, 4)
                                    : connect(fd, at, sizeof address);
    if (fd < 0 || failed)
        _exit(1);
    return fd;
}

static bool read_all(int fd, uint8_t *bytes, size_t byte_count)
{
    while (byte_count) {
        const ssize_t got = read(fd, bytes, byte_count);
        if (got <= 0)
            return false;
        bytes += got;
        byte_count -= (size_t)got;
    }
    return true;
}

static bool write_all(int fd, const uint8_t *bytes, size_t byte_count)
{
    while (byte_count) {
        const ssize_t sent = send(fd, bytes, byte_count, MSG_NOSIGNAL);
        if (sent <= 0)
            return false;
        bytes += sent;
        byte_count -= (size_t)sent;
    }
    return true;
}

static size_t round_up(size_t byte_count)
{
    return (byte_count + sizeof(size_t) - 1) / sizeof(size_t) * sizeof(size_t);
}

static void keep(FILE *file, const uint8_t *bytes, size_t byte_count)
{
    static const uint8_t padding[sizeof(size_t)] = {0};
    fwrite(&byte_count, sizeof byte_count, 1, file);
    fwrite(bytes, 1, byte_count, file);
    fwrite(padding, 1, round_up(byte_count) - byte_count, file);
    fflush(file);
}

static bool pass_request(int client, int simulator, FILE *file)
{
    static uint8_t message[SIM_WIRE_REQUEST_BYTES + SIM_WIRE_MAX_BYTES];
    uint8_t *payload = message + SIM_WIRE_REQUEST_BYTES;
    if (!read_all(client, message, SIM_WIRE_REQUEST_BYTES))
        return false;
    const uint8_t type = message[0];
    const bool has_payload = type == SIM_WIRE_OUT || type == SIM_WIRE_CONTROL ||
                             type == SIM_WIRE_HELLO || type == SIM_WIRE_ADMIN;
    const size_t byte_count = has_payload ? stl_get_u32le(message + 12) : 0;
    if (byte_count > SIM_WIRE_MAX_BYTES || !read_all(client, payload, byte_count))
        return false;
    if (type == SIM_WIRE_OUT)
        keep(file, payload, byte_count);
    return write_all(simulator, message, SIM_WIRE_REQUEST_BYTES + byte_count);
}

static bool pass_reply(int client, int simulator)
{
    static uint8_t bytes[65536];
    const ssize_t got = read(simulator, bytes, sizeof bytes);
    return got > 0 && write_all(client, bytes, (size_t)got);
}

static void serve_client(int client, const char *simulator_path, FILE *file)
{
    const int simulator = open_socket(simulator_path, false);
    struct pollfd ends[] = {{client, POLLIN, 0}, {simulator, POLLIN, 0}};
    bool is_open = true;
    while (is_open && poll(ends, 2, -1) > 0) {
        if (ends[0].revents)
            is_open = pass_request(client, simulator, file);
        if (is_open && ends[1].revents)
            is_open = pass_reply(client, simulator);
    }
    close(simulator);
    close(client);
}

void recorder_serve(const char *socket_path, const char *simulator_path, const char *file_path)
{
    FILE *file = fopen(file_path, "wb");
    const int listener = open_socket(socket_path, true);
    for (;;) {
        const int client = accept(listener, NULL, NULL);
        if (!file || client < 0)
            _exit(1);
        serve_client(client, simulator_path, file);
    }
}

recorded_packet *recorder_load(const char *file_path, const recorded_packet **end)
{
    struct stat status;
    FILE *file = fopen(file_path, "rb");
    if (!file || fstat(fileno(file), &status))
        return NULL;
    const size_t byte_count = (size_t)status.st_size;
    uint8_t *all = malloc(byte_count + 1);
    const bool is_read = all && fread(all, 1, byte_count, file) == byte_count;
    fclose(file);
    *end = is_read ? (const recorded_packet *)(void *)(all + byte_count) : NULL;
    return (recorded_packet *)(void *)all;
}

const recorded_packet *recorder_next(const recorded_packet *packet)
{
    return (const recorded_packet *)(const void *)(packet->bytes + round_up(packet->byte_count));
}
