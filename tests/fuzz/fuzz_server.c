/* tests/fuzz/fuzz_server.c: any requests on the simulator's socket are answered, refused, or end the
 * connection. Input: a byte that chooses host, admin or no HELLO; then requests with their headers as on
 * the wire. The time in a header is cut to 65 ms: simulated time costs real time. */
#include "fuzz.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "sim/chip.h"
#include "sim/server.h"
#include "stl/bytes.h"
#include "stl/sim_wire.h"

enum { MAX_INPUT_BYTES = 8192, MAX_STEPS = 400 };

static void send_bytes(int fd, const void *bytes, size_t byte_count)
{
    (void)!send(fd, bytes, byte_count, MSG_DONTWAIT | MSG_NOSIGNAL);
}

static void say_hello(int fd, uint8_t choice)
{
    static const char *const texts[] = {SIM_WIRE_VERSION " host", SIM_WIRE_VERSION " admin",
                                        SIM_WIRE_VERSION " host", ""};
    const char *text = texts[choice % 4];
    uint8_t header[SIM_WIRE_REQUEST_BYTES] = {SIM_WIRE_HELLO};
    stl_put_u32le(header + 12, (uint32_t)strlen(text));
    send_bytes(fd, header, *text ? sizeof header : 0);
    send_bytes(fd, text, strlen(text));
}

/* Headers as they are, but for the time. */
static void send_requests(int fd, const uint8_t *bytes, size_t byte_count)
{
    size_t at = 0;
    while (byte_count - at >= SIM_WIRE_REQUEST_BYTES) {
        uint8_t header[SIM_WIRE_REQUEST_BYTES];
        memcpy(header, bytes + at, sizeof header);
        memset(header + 10, 0, 2);
        send_bytes(fd, header, sizeof header);
        at += sizeof header;
        const bool has_payload = header[0] != SIM_WIRE_IN && header[0] != SIM_WIRE_CANCEL;
        const size_t said = has_payload ? stl_get_u32le(header + 12) : 0;
        const size_t count = said < byte_count - at ? said : byte_count - at;
        send_bytes(fd, bytes + at, count);
        at += count;
    }
}

static void take_answers(int fd)
{
    char bytes[4096];
    while (recv(fd, bytes, sizeof bytes, MSG_DONTWAIT) > 0)
        ;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t byte_count)
{
    int pair[2];
    if (!byte_count || byte_count > MAX_INPUT_BYTES || socketpair(AF_UNIX, SOCK_STREAM, 0, pair))
        return 0;
    sim_device_options device_options = {0};
    sim_device_options_default(&device_options, SIM_PROBE_V2);
    const sim_chip_options chip_options = {0};
    sim_chip *chip = sim_chip_new(sim_chip_model_find("cat2"), &chip_options);
    sim_device *device = chip ? sim_device_new(&device_options, chip) : NULL;
    const sim_server_options options = {.grace_ms = 1};
    sim_server *server = device ? sim_server_new(device, &options) : NULL;
    fuzz_expect(server && sim_server_adopt(server, pair[1], true), "there is a server");
    say_hello(pair[0], bytes[0]);
    send_requests(pair[0], bytes + 1, byte_count - 1);
    shutdown(pair[0], SHUT_WR);
    unsigned steps = 0;
    while (sim_server_step(server, 0, NULL) && ++steps < MAX_STEPS)
        take_answers(pair[0]);
    fuzz_expect(steps < MAX_STEPS, "a server whose client has gone comes to its end");
    close(pair[0]);
    sim_server_free(server);
    sim_device_free(device);
    return 0;
}
