/* core/transport/sim.c: USB transfers over a socket to stlua-sim (stl/sim_wire.h).
 * Its clock is the simulator's: now is the time of the last reply, sleeping lets simulated time pass. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "descriptors.h"
#include "stl/bytes.h"
#include "stl/sim_wire.h"

#define SPEC_HINT "`stlua-sim --help` lists what a sim: probe can be told"

typedef struct sim_transport {
    stl_transport head;
    stl_clock clock;
    int fd;
    pid_t child; /* 0 when joined */
    uint32_t last_tag;
    uint64_t now_ns;
} sim_transport;

typedef struct sim_reply {
    uint8_t status;
    uint32_t tag;
    size_t byte_count;
} sim_reply;

/* ---- the wire ---- */

static stl_code broken_pipe(stl_error *err)
{
    return stl_fail(err, STL_E_PROBE_GONE, "start the simulator again",
                    "the simulator closed the connection");
}

static stl_code send_all(sim_transport *sim, const void *bytes, size_t byte_count, stl_error *err)
{
    const uint8_t *at = bytes;
    while (byte_count) {
        const ssize_t sent = send(sim->fd, at, byte_count, MSG_NOSIGNAL);
        if (sent < 0 && errno == EINTR)
            continue;
        if (sent <= 0)
            return broken_pipe(err);
        at += sent;
        byte_count -= (size_t)sent;
    }
    return STL_OK;
}

static stl_code receive_all(sim_transport *sim, void *bytes, size_t byte_count, stl_error *err)
{
    uint8_t *at = bytes;
    while (byte_count) {
        const ssize_t got = recv(sim->fd, at, byte_count, 0);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return broken_pipe(err);
        at += got;
        byte_count -= (size_t)got;
    }
    return STL_OK;
}

/* Header and payload in one write, so that the simulator wakes up once. byte_count is the header's
 * field; only payload_count bytes follow it (none for IN). */
static stl_code send_request(sim_transport *sim, uint8_t type, uint8_t endpoint,
                             uint32_t timeout, uint32_t byte_count, const void *payload,
                             size_t payload_count, stl_error *err)
{
    uint8_t small[SIM_WIRE_REQUEST_BYTES + 256] = {type, endpoint};
    stl_put_u32le(small + 4, ++sim->last_tag);
    stl_put_u32le(small + 8, timeout);
    stl_put_u32le(small + 12, byte_count);
    if (payload_count <= 256) {
        if (payload_count)
            memcpy(small + SIM_WIRE_REQUEST_BYTES, payload, payload_count);
        return send_all(sim, small, SIM_WIRE_REQUEST_BYTES + payload_count, err);
    }
    stl_code code = send_all(sim, small, SIM_WIRE_REQUEST_BYTES, err);
    return code ? code : send_all(sim, payload, payload_count, err);
}

/* Read one reply; what does not fit into bytes is an error of the simulator. */
static stl_code receive_reply(sim_transport *sim, sim_reply *reply, void *bytes, size_t room,
                              stl_error *err)
{
    uint8_t header[SIM_WIRE_REPLY_BYTES];
    stl_code code = receive_all(sim, header, sizeof header, err);
    if (code)
        return code;
    reply->status = header[0];
    reply->tag = stl_get_u32le(header + 4);
    sim->now_ns = stl_get_u64le(header + 8);
    reply->byte_count = stl_get_u32le(header + 16);
    if (reply->byte_count > room)
        return stl_fail(err, STL_E_PROTOCOL, NULL, "the simulator sent %zu bytes where %zu fit",
                        reply->byte_count, room);
    return receive_all(sim, bytes, reply->byte_count, err);
}

static stl_code status_code(const sim_reply *reply, const char *what, uint32_t timeout_ms,
                            stl_error *err)
{
    switch (reply->status) {
    case SIM_WIRE_OK:
        return STL_OK;
    case SIM_WIRE_TIMEOUT:
        return stl_fail(err, STL_E_USB, "unplug the probe and plug it in again",
                        "%s: no answer within %u ms", what, timeout_ms);
    case SIM_WIRE_STALL:
        return stl_fail(err, STL_E_USB, NULL, "%s: endpoint stalled", what);
    case SIM_WIRE_OVERFLOW:
        return stl_fail(err, STL_E_USB, NULL, "%s: more bytes than asked for", what);
    case SIM_WIRE_GONE:
        return stl_fail(err, STL_E_PROBE_GONE, "plug the probe in and run the command again",
                        "%s: the probe was unplugged", what);
    default:
        return stl_fail(err, STL_E_USB, NULL, "%s: transfer cancelled", what);
    }
}

/* A request that is answered before anything else is sent. */
static stl_code ask(sim_transport *sim, uint8_t type, uint32_t timeout, const void *payload,
                    size_t payload_count, sim_reply *reply, void *answer, size_t room,
                    stl_error *err)
{
    stl_code code = send_request(sim, type, 0, timeout, (uint32_t)payload_count, payload,
                                 payload_count, err);
    return code ? code : receive_reply(sim, reply, answer, room, err);
}

/* ---- the transport ---- */

static const char *phase_name(const stl_transfer *transfer, unsigned index)
{
    if (transfer->endpoint & 0x80u)
        return "bulk IN";
    return index ? "bulk OUT of data" : "bulk OUT of a command";
}

static stl_code sim_run(stl_transport *transport, stl_transfer *transfers, unsigned transfer_count,
                        uint32_t timeout_ms, stl_error *err)
{
    sim_transport *sim = (sim_transport *)transport;
    const uint32_t first_tag = sim->last_tag + 1;
    stl_code code = STL_OK;
    for (unsigned i = 0; i < transfer_count && !code; i++) {
        const bool is_in = transfers[i].endpoint & 0x80u;
        code = send_request(sim, is_in ? SIM_WIRE_IN : SIM_WIRE_OUT, transfers[i].endpoint,
                            timeout_ms, (uint32_t)transfers[i].byte_count, transfers[i].bytes,
                            is_in ? 0 : transfers[i].byte_count, err);
    }
    if (code)
        return code;
    /* Every request is answered exactly once, so all answers are taken even after a failure. */
    stl_code first_code = STL_OK;
    for (unsigned answered = 0; answered < transfer_count; answered++) {
        uint8_t *room_bytes = NULL;
        size_t room = 0;
        /* Which transfer the next answer is for is known only after its header; IN answers come in
         * order, so the next unanswered IN is the only one that brings bytes. */
        unsigned in = 0;
        while (in < transfer_count &&
               !((transfers[in].endpoint & 0x80u) && transfers[in].actual_count == 0))
            in++;
        if (in < transfer_count) {
            room_bytes = transfers[in].bytes;
            room = transfers[in].byte_count;
        }
        sim_reply reply;
        code = receive_reply(sim, &reply, room_bytes, room, first_code ? NULL : err);
        if (code)
            return first_code ? first_code : code;
        const uint32_t index = reply.tag - first_tag;
        if (index >= transfer_count)
            return stl_fail(err, STL_E_PROTOCOL, NULL, "the simulator answered tag %u", reply.tag);
        const bool is_in = transfers[index].endpoint & 0x80u;
        if (reply.status == SIM_WIRE_OK)
            transfers[index].actual_count = is_in ? reply.byte_count : transfers[index].byte_count;
        else if (!first_code)
            first_code = status_code(&reply, phase_name(&transfers[index], index), timeout_ms, err);
    }
    return first_code;
}

static stl_code sim_reset(stl_transport *transport, stl_error *err)
{
    sim_transport *sim = (sim_transport *)transport;
    sim_reply reply;
    stl_code code = ask(sim, SIM_WIRE_RESET, 0, NULL, 0, &reply, NULL, 0, err);
    return code ? code : status_code(&reply, "USB reset", 0, err);
}

static void sim_close(stl_transport *transport)
{
    sim_transport *sim = (sim_transport *)transport;
    if (sim->fd >= 0)
        close(sim->fd);
    if (sim->child > 0) /* it ends by itself when the socket closes, after saving its state */
        while (waitpid(sim->child, NULL, 0) < 0 && errno == EINTR)
            ;
    free(sim);
}

static const stl_transport_ops sim_ops = {sim_run, sim_reset, sim_close};

static uint64_t sim_now_us(void *self)
{
    return ((sim_transport *)self)->now_ns / 1000u;
}

static void sim_sleep_us(void *self, uint64_t wait_us)
{
    sim_transport *sim = self;
    while (wait_us) {
        const uint32_t step = wait_us > 1000000u ? 1000000u : (uint32_t)wait_us;
        sim_reply reply;
        stl_error ignored; /* a dead simulator shows itself at the next transfer */
        if (ask(sim, SIM_WIRE_SLEEP, step, NULL, 0, &reply, NULL, 0, &ignored)) {
            sim->now_ns += wait_us * 1000u; /* deadlines must still end */
            return;
        }
        wait_us -= step;
    }
}

static sim_transport *new_transport(int fd, pid_t child, const char *port, const stl_log *log)
{
    sim_transport *sim = calloc(1, sizeof *sim);
    if (!sim)
        return NULL;
    sim->head.ops = &sim_ops;
    sim->head.log = log;
    sim->clock = (stl_clock){sim, sim_now_us, sim_sleep_us};
    sim->head.clock = &sim->clock;
    sim->fd = fd;
    sim->child = child;
    snprintf(sim->head.identity.port, sizeof sim->head.identity.port, "sim:%.58s", port);
    return sim;
}

/* ---- identity ---- */

enum { GET_DESCRIPTOR = 6, DEVICE = 1, CONFIGURATION = 2, STRING = 3, LANGID_US = 0x0409 };

static stl_code get_descriptor(sim_transport *sim, uint8_t type, uint8_t index, uint16_t langid,
                               uint8_t *bytes, size_t room, size_t *actual, stl_error *err)
{
    uint8_t setup[8] = {0x80, GET_DESCRIPTOR, index, type};
    stl_put_u16le(setup + 4, langid);
    stl_put_u16le(setup + 6, (uint16_t)room);
    sim_reply reply;
    stl_code code =
        ask(sim, SIM_WIRE_CONTROL, 1000, setup, sizeof setup, &reply, bytes, room, err);
    if (!code)
        code = status_code(&reply, "GET_DESCRIPTOR", 1000, err);
    *actual = code ? 0 : reply.byte_count;
    return code;
}

static stl_code read_identity(sim_transport *sim, stl_error *err)
{
    stl_usb_identity *identity = &sim->head.identity;
    uint8_t bytes[512];
    size_t count;
    stl_code code = get_descriptor(sim, DEVICE, 0, 0, bytes, 18, &count, err);
    if (code)
        return code;
    if (count < 18)
        return stl_fail(err, STL_E_PROTOCOL, NULL, "device descriptor of %zu bytes", count);
    identity->vendor_id = stl_get_u16le(bytes + 8);
    identity->product_id = stl_get_u16le(bytes + 10);
    identity->bcd_device = stl_get_u16le(bytes + 12);
    const uint8_t product_index = bytes[15], serial_index = bytes[16];
    code = get_descriptor(sim, CONFIGURATION, 0, 0, bytes, sizeof bytes, &count, err);
    if (code)
        return code;
    if (!stl_usb_parse_config(bytes, count, identity))
        return stl_fail(err, STL_E_PROTOCOL, NULL, "interface 0 has no pair of bulk endpoints");
    /* Strings are for people and for selection; a probe without them still works. */
    stl_error ignored;
    if (product_index && !get_descriptor(sim, STRING, product_index, LANGID_US, bytes, 255, &count,
                                         &ignored) && count >= 2)
        stl_usb_string_utf8(bytes, count, identity->product, sizeof identity->product);
    if (serial_index && !get_descriptor(sim, STRING, serial_index, LANGID_US, identity->serial_raw,
                                        255, &count, &ignored))
        identity->serial_raw_count = count;
    return STL_OK;
}

static stl_code say_hello(sim_transport *sim, stl_error *err)
{
    static const char hello[] = SIM_WIRE_VERSION " host";
    char answer[1024];
    sim_reply reply;
    stl_code code = ask(sim, SIM_WIRE_HELLO, 0, hello, sizeof hello - 1, &reply, answer,
                        sizeof answer - 1, err);
    if (code)
        return code;
    answer[reply.byte_count] = '\0';
    if (reply.status == SIM_WIRE_BUSY)
        return stl_fail(err, STL_E_PROBE_BUSY, "end the other program, or give it its own probe",
                        "the probe is held by %s", answer);
    if (reply.status != SIM_WIRE_OK)
        return stl_fail(err, STL_E_ARGUMENT, SPEC_HINT, "%s", answer);
    if (strcmp(answer, SIM_WIRE_VERSION))
        return stl_fail(err, STL_E_PROTOCOL, "use the stlua-sim that came with this stlua",
                        "the simulator speaks \"%.40s\", not " SIM_WIRE_VERSION, answer);
    return STL_OK;
}

static stl_code finish_open(sim_transport *sim, stl_transport **out, stl_error *err)
{
    stl_code code = say_hello(sim, err);
    if (!code)
        code = read_identity(sim, err);
    if (code) {
        sim_close(&sim->head);
        return code;
    }
    *out = &sim->head;
    return STL_OK;
}

/* ---- opening ---- */

static void run_child(const char *simulator_path, const char *spec, int fd, int status_fd)
{
    char fd_text[16];
    snprintf(fd_text, sizeof fd_text, "%d", fd);
    /* Ctrl-C is for the tool: the simulator must live on until its host has cleaned up. */
    setpgid(0, 0);
    execl(simulator_path, "stlua-sim", "--fd", fd_text, spec, (char *)NULL);
    const int reason = errno;
    const ssize_t ignored = write(status_fd, &reason, sizeof reason);
    (void)ignored;
    _exit(127);
}

stl_code stl_transport_open_sim(const char *simulator_path, const char *spec, const stl_log *log,
                                stl_transport **out, stl_error *err)
{
    int pair[2], status[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair))
        return stl_fail(err, STL_E_FILE, NULL, "socketpair: %s", strerror(errno));
    if (pipe(status)) {
        close(pair[0]);
        close(pair[1]);
        return stl_fail(err, STL_E_FILE, NULL, "pipe: %s", strerror(errno));
    }
    fcntl(status[0], F_SETFD, FD_CLOEXEC);
    fcntl(status[1], F_SETFD, FD_CLOEXEC); /* closes on a good exec: the read below ends */
    const pid_t child = fork();
    if (child == 0) {
        fcntl(pair[1], F_SETFD, 0);
        run_child(simulator_path, spec, pair[1], status[1]);
    }
    const int fork_errno = errno;
    close(pair[1]);
    close(status[1]);
    int reason = child < 0 ? fork_errno : 0;
    if (child > 0 && read(status[0], &reason, sizeof reason) != (ssize_t)sizeof reason)
        reason = 0;
    close(status[0]);
    if (reason) {
        close(pair[0]);
        if (child > 0)
            waitpid(child, NULL, 0);
        return stl_fail(err, STL_E_FILE, "STLUA_SIM names the simulator's file",
                        "cannot start %s: %s", simulator_path, strerror(reason));
    }
    char name[64];
    snprintf(name, sizeof name, "%.*s", (int)strcspn(spec, "?"), spec);
    sim_transport *sim = new_transport(pair[0], child, name, log);
    if (!sim) {
        close(pair[0]);
        waitpid(child, NULL, 0);
        return stl_fail(err, STL_E_MEMORY, NULL, "out of memory");
    }
    return finish_open(sim, out, err);
}

stl_code stl_transport_join_sim(const char *socket_path, const stl_log *log, stl_transport **out,
                                stl_error *err)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    if (strlen(socket_path) >= sizeof address.sun_path)
        return stl_fail(err, STL_E_ARGUMENT, "use a shorter path", "socket path is too long: %s",
                        socket_path);
    memcpy(address.sun_path, socket_path, strlen(socket_path) + 1);
    const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return stl_fail(err, STL_E_FILE, NULL, "socket: %s", strerror(errno));
    if (connect(fd, (struct sockaddr *)&address, sizeof address)) {
        const int reason = errno;
        close(fd);
        return stl_fail(err, STL_E_NO_PROBE, "start one: stlua-sim --listen SOCKET rak5205",
                        "no simulator listens on %s: %s", socket_path, strerror(reason));
    }
    char name[64];
    snprintf(name, sizeof name, "@%s", socket_path);
    sim_transport *sim = new_transport(fd, 0, name, log);
    if (!sim) {
        close(fd);
        return stl_fail(err, STL_E_MEMORY, NULL, "out of memory");
    }
    return finish_open(sim, out, err);
}

stl_code stl_transport_sim_admin(stl_transport *transport, const char *line, char *answer,
                                 size_t answer_size, stl_error *err)
{
    if (transport->ops != &sim_ops)
        return stl_fail(err, STL_E_UNSUPPORTED, NULL, "only a simulated probe takes admin lines");
    sim_transport *sim = (sim_transport *)transport;
    sim_reply reply;
    stl_code code = ask(sim, SIM_WIRE_ADMIN, 0, line, strlen(line), &reply, answer,
                        answer_size - 1, err);
    if (code)
        return code;
    answer[reply.byte_count] = '\0';
    if (reply.status != SIM_WIRE_OK)
        return stl_fail(err, STL_E_ARGUMENT, SPEC_HINT, "the simulator refuses \"%s\": %s", line,
                        answer);
    return STL_OK;
}
