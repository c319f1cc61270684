/* The socket server around a simulated probe: stl/sim_wire.h, from a client's side. */
#include "test_device_fixture.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "sim/server.h"
#include "stl/sim_wire.h"

enum { MAX_STEPS = 2000 };

typedef struct bench {
    probe probe;
    sim_server *server;
    bool is_over;
    unsigned save_count;
} bench;

typedef struct client {
    int fd;
    uint32_t tag;
} client;

typedef struct answer {
    uint8_t status;
    uint32_t tag, byte_count;
    uint64_t sim_time_ns;
    uint8_t bytes[8192];
} answer;

static bool count_save(void *self, char *text, size_t text_size)
{
    ((bench *)self)->save_count++;
    snprintf(text, text_size, "saved");
    return true;
}

static bench set_up_with(const sim_server_options *options)
{
    bench b = {.probe = plug_in_v2(37)};
    b.server = sim_server_new(b.probe.device, options);
    assert_non_null(b.server);
    return b;
}

static bench set_up(void)
{
    static const sim_server_options options = {.grace_ms = 1};
    return set_up_with(&options);
}

static void tear_down(bench *b)
{
    sim_server_free(b->server);
    unplug(&b->probe);
}

static client connect_to(bench *b, bool is_private)
{
    int pair[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
    fcntl(pair[0], F_SETFL, O_NONBLOCK);
    assert_true(sim_server_adopt(b->server, pair[1], is_private));
    return (client){pair[0], 0};
}

static void send_bytes(const client *c, const void *bytes, size_t byte_count)
{
    assert_int_equal(send(c->fd, bytes, byte_count, MSG_NOSIGNAL), (ssize_t)byte_count);
}

static uint32_t request(client *c, uint8_t type, uint8_t endpoint, uint32_t timeout,
                        uint32_t byte_count, const void *payload, size_t payload_count)
{
    uint8_t bytes[SIM_WIRE_REQUEST_BYTES + 8192] = {type, endpoint};
    stl_put_u32le(bytes + 4, ++c->tag);
    stl_put_u32le(bytes + 8, timeout);
    stl_put_u32le(bytes + 12, byte_count);
    if (payload_count)
        memcpy(bytes + SIM_WIRE_REQUEST_BYTES, payload, payload_count);
    send_bytes(c, bytes, SIM_WIRE_REQUEST_BYTES + payload_count);
    return c->tag;
}

static void step(bench *b)
{
    if (!sim_server_step(b->server, 5, NULL))
        b->is_over = true;
}

/* Let the server work until there are byte_count bytes; false: it closed the connection. */
static bool receive(bench *b, const client *c, void *bytes, size_t byte_count)
{
    size_t count = 0;
    for (int i = 0; i < MAX_STEPS && count < byte_count; i++) {
        const ssize_t got = recv(c->fd, (uint8_t *)bytes + count, byte_count - count, 0);
        if (got > 0)
            count += (size_t)got;
        else if (got == 0)
            return false;
        else if (!b->is_over)
            step(b);
    }
    assert_int_equal(count, byte_count);
    return true;
}

static answer next_answer(bench *b, const client *c)
{
    uint8_t header[SIM_WIRE_REPLY_BYTES];
    answer a = {0};
    assert_true(receive(b, c, header, sizeof header));
    a.status = header[0];
    a.tag = stl_get_u32le(header + 4);
    a.sim_time_ns = stl_get_u64le(header + 8);
    a.byte_count = stl_get_u32le(header + 16);
    assert_true(a.byte_count < sizeof a.bytes);
    assert_true(receive(b, c, a.bytes, a.byte_count));
    return a;
}

static answer hello(bench *b, client *c, const char *role)
{
    char text[64];
    snprintf(text, sizeof text, SIM_WIRE_VERSION " %s", role);
    request(c, SIM_WIRE_HELLO, 0, 0, (uint32_t)strlen(text), text, strlen(text));
    return next_answer(b, c);
}

static client join(bench *b, const char *role)
{
    client c = connect_to(b, false);
    const answer a = hello(b, &c, role);
    assert_int_equal(a.status, SIM_WIRE_OK);
    assert_memory_equal(a.bytes, SIM_WIRE_VERSION, sizeof SIM_WIRE_VERSION - 1);
    return c;
}

static uint32_t send_command(client *c, const char *hex, uint32_t timeout_ms)
{
    uint8_t bytes[16] = {0};
    from_hex(hex, bytes, sizeof bytes);
    return request(c, SIM_WIRE_OUT, 0x02, timeout_ms, sizeof bytes, bytes, sizeof bytes);
}

static uint32_t send_in(client *c, uint32_t timeout_ms, uint32_t room)
{
    return request(c, SIM_WIRE_IN, 0x81, timeout_ms, room, NULL, 0);
}

static answer command(bench *b, client *c, const char *hex, uint32_t room)
{
    send_command(c, hex, 1000);
    const answer sent = next_answer(b, c);
    assert_int_equal(sent.status, SIM_WIRE_OK);
    if (!room)
        return sent;
    send_in(c, 1000, room);
    return next_answer(b, c);
}

static answer say_admin(bench *b, client *c, const char *line)
{
    request(c, SIM_WIRE_ADMIN, 0, 0, (uint32_t)strlen(line), line, strlen(line));
    return next_answer(b, c);
}

/* ---- tests ---- */

static void a_host_talks_usb_through_the_socket(void **state)
{
    (void)state;
    bench b = set_up();
    client c = join(&b, "host");
    answer a = command(&b, &c, "F1", 6);
    assert_int_equal(a.status, SIM_WIRE_OK);
    assert_int_equal(a.byte_count, 6);
    assert_memory_equal(a.bytes, "\x29\x47\x83\x04\x48\x37", 6);
    assert_int_equal(a.sim_time_ns, 700000);
    static const uint8_t setup[8] = {0x80, 6, 0, 1, 0, 0, 18, 0};
    request(&c, SIM_WIRE_CONTROL, 0, 1000, sizeof setup, setup, sizeof setup);
    a = next_answer(&b, &c);
    assert_int_equal(a.status, SIM_WIRE_OK);
    assert_int_equal(a.byte_count, 18);
    close(c.fd);
    tear_down(&b);
}

static void requests_may_be_sent_ahead_and_keep_their_tags(void **state)
{
    (void)state;
    bench b = set_up();
    client c = join(&b, "host");
    const uint32_t in1 = send_in(&c, 1000, 64);
    const uint32_t out1 = send_command(&c, "F1", 1000);
    const uint32_t out2 = send_command(&c, "F5", 1000);
    const uint32_t in2 = send_in(&c, 1000, 64);
    const uint32_t wanted[] = {out1, in1, out2, in2};
    const uint32_t counts[] = {0, 6, 0, 2};
    for (size_t i = 0; i < 4; i++) {
        const answer a = next_answer(&b, &c);
        assert_int_equal(a.tag, wanted[i]);
        assert_int_equal(a.status, SIM_WIRE_OK);
        assert_int_equal(a.byte_count, counts[i]);
    }
    close(c.fd);
    tear_down(&b);
}

static void a_second_host_is_told_who_holds_the_probe(void **state)
{
    char pid[32];
    (void)state;
    bench b = set_up();
    client first = join(&b, "host"), second = connect_to(&b, false);
    answer a = hello(&b, &second, "host");
    assert_int_equal(a.status, SIM_WIRE_BUSY);
    snprintf(pid, sizeof pid, "pid %ld", (long)getpid());
    assert_memory_equal(a.bytes, pid, strlen(pid));
    close(first.fd);
    step(&b);
    assert_int_equal(hello(&b, &second, "host").status, SIM_WIRE_OK);
    close(second.fd);
    tear_down(&b);
}

static void admin_connections_come_beside_the_host(void **state)
{
    (void)state;
    bench b = set_up();
    client host = join(&b, "host"), one = join(&b, "admin"), two = join(&b, "admin");
    answer a = say_admin(&b, &one, "stats");
    assert_int_equal(a.status, SIM_WIRE_OK);
    assert_int_equal(a.bytes[0], '{');
    a = say_admin(&b, &two, "nonsense");
    assert_int_equal(a.status, SIM_WIRE_REFUSED);
    assert_int_equal(say_admin(&b, &host, "power off").status, SIM_WIRE_OK);
    send_command(&two, "F1", 0); /* not theirs to send */
    assert_int_equal(next_answer(&b, &two).status, SIM_WIRE_REFUSED);
    uint8_t byte;
    assert_false(receive(&b, &two, &byte, 1));
    assert_int_equal(command(&b, &host, "F1", 6).status, SIM_WIRE_OK);
    close(host.fd);
    close(one.fd);
    close(two.fd);
    tear_down(&b);
}

static void an_in_that_nothing_answers_times_out_in_simulated_time(void **state)
{
    (void)state;
    bench b = set_up();
    client c = join(&b, "host");
    const uint32_t tag = send_in(&c, 5000, 64);
    const answer a = next_answer(&b, &c);
    assert_int_equal(a.tag, tag);
    assert_int_equal(a.status, SIM_WIRE_TIMEOUT);
    assert_int_equal(a.sim_time_ns, UINT64_C(5000000000));
    assert_int_equal(sim_device_now_ns(b.probe.device), UINT64_C(5000000000));
    close(c.fd);
    tear_down(&b);
}

static void an_out_behind_an_uncollected_reply_times_out(void **state)
{
    (void)state;
    bench b = set_up();
    client c = join(&b, "host");
    command(&b, &c, "F1", 0);
    send_command(&c, "F5", 300);
    assert_int_equal(next_answer(&b, &c).status, SIM_WIRE_TIMEOUT);
    send_in(&c, 300, 64); /* flushing helps */
    assert_int_equal(next_answer(&b, &c).byte_count, 6);
    assert_int_equal(command(&b, &c, "F5", 2).status, SIM_WIRE_OK);
    close(c.fd);
    tear_down(&b);
}

static void a_reply_that_takes_too_long_is_a_time_out_and_stays(void **state)
{
    (void)state;
    bench b = set_up();
    client c = join(&b, "host");
    command(&b, &c, "F3 07", 0);
    command(&b, &c, "F2 43 1E 03", 2); /* 5 kHz */
    command(&b, &c, "F2 30 A3", 2);
    send_command(&c, "F2 07 00 00 00 20 00 01", 1000); /* 64 words: 0.6 s */
    assert_int_equal(next_answer(&b, &c).status, SIM_WIRE_OK);
    send_in(&c, 100, 256);
    assert_int_equal(next_answer(&b, &c).status, SIM_WIRE_TIMEOUT);
    send_in(&c, 1000, 256);
    const answer a = next_answer(&b, &c);
    assert_int_equal(a.status, SIM_WIRE_OK);
    assert_int_equal(a.byte_count, 256);
    close(c.fd);
    tear_down(&b);
}

static void a_cancelled_in_ends_and_disturbs_nothing(void **state)
{
    (void)state;
    bench b = set_up();
    client c = join(&b, "host");
    const uint32_t in = send_in(&c, 0, 64);
    step(&b);
    step(&b);
    request(&c, SIM_WIRE_CANCEL, 0, 0, in, NULL, 0);
    answer a = next_answer(&b, &c);
    assert_int_equal(a.tag, in);
    assert_int_equal(a.status, SIM_WIRE_CANCELLED);
    assert_int_equal(next_answer(&b, &c).status, SIM_WIRE_OK);
    request(&c, SIM_WIRE_CANCEL, 0, 0, 4711, NULL, 0); /* never was, or has ended */
    assert_int_equal(next_answer(&b, &c).status, SIM_WIRE_OK);
    assert_int_equal(command(&b, &c, "F1", 6).status, SIM_WIRE_OK);
    close(c.fd);
    tear_down(&b);
}

static void a_port_reset_cancels_what_is_pending(void **state)
{
    (void)state;
    bench b = set_up();
    client c = join(&b, "host");
    const uint32_t in = send_in(&c, 0, 64), reset = request(&c, SIM_WIRE_RESET, 0, 0, 0, NULL, 0);
    answer a = next_answer(&b, &c);
    assert_int_equal(a.tag, in);
    assert_int_equal(a.status, SIM_WIRE_CANCELLED);
    a = next_answer(&b, &c);
    assert_int_equal(a.tag, reset);
    assert_int_equal(a.status, SIM_WIRE_OK);
    close(c.fd);
    tear_down(&b);
}

static void whole_packets_do_not_end_a_larger_transfer(void **state)
{
    (void)state;
    bench b = set_up();
    client c = join(&b, "host");
    command(&b, &c, "F3 07", 0);
    command(&b, &c, "F2 30 A3", 2);
    const answer a = command(&b, &c, "F2 07 00 00 00 20 40 00", 128); /* 64 bytes, no ZLP */
    assert_int_equal(a.status, SIM_WIRE_TIMEOUT);
    assert_int_equal(a.byte_count, 64);
    close(c.fd);
    tear_down(&b);
}

static void sleeping_lets_simulated_time_pass(void **state)
{
    (void)state;
    bench b = set_up();
    client c = join(&b, "host");
    request(&c, SIM_WIRE_SLEEP, 0, 1234567, 0, NULL, 0);
    assert_int_equal(next_answer(&b, &c).sim_time_ns, UINT64_C(1234567000));
    close(c.fd);
    tear_down(&b);
}

static void faults_reach_the_host_as_usb_errors(void **state)
{
    (void)state;
    bench b = set_up();
    client c = join(&b, "host");
    say_admin(&b, &c, "fault usb timeout at 1");
    send_command(&c, "F1", 200);
    assert_int_equal(next_answer(&b, &c).status, SIM_WIRE_TIMEOUT);
    say_admin(&b, &c, "fault usb stall at 2");
    assert_int_equal(command(&b, &c, "F1", 6).status, SIM_WIRE_STALL);
    request(&c, SIM_WIRE_RESET, 0, 0, 0, NULL, 0);
    assert_int_equal(next_answer(&b, &c).status, SIM_WIRE_OK);
    say_admin(&b, &c, "fault usb disconnect at 2");
    assert_int_equal(command(&b, &c, "F1", 6).status, SIM_WIRE_GONE);
    say_admin(&b, &c, "replug");
    send_command(&c, "F1", 200);
    assert_int_equal(next_answer(&b, &c).status, SIM_WIRE_GONE); /* the old handle is dead */
    request(&c, SIM_WIRE_RESET, 0, 0, 0, NULL, 0);
    assert_int_equal(next_answer(&b, &c).status, SIM_WIRE_OK);
    assert_int_equal(command(&b, &c, "F1", 6).status, SIM_WIRE_OK);
    close(c.fd);
    tear_down(&b);
}

static void garbage_closes_that_client_and_no_other(void **state)
{
    static const uint8_t garbage[][SIM_WIRE_REQUEST_BYTES] = {
        {99},                                              /* no such type */
        {SIM_WIRE_HELLO, 0, 1},                            /* reserved bytes */
        {SIM_WIRE_OUT, 2},                                 /* before HELLO */
        {SIM_WIRE_HELLO, [12] = 0xFF, 0xFF, 0xFF, 0xFF},   /* 4 GB */
        {SIM_WIRE_HELLO},                                  /* no name */
        {SIM_WIRE_CONTROL, [12] = 4},                      /* no setup packet */
        {SIM_WIRE_RESET, [12] = 4},
    };
    uint8_t byte;
    (void)state;
    bench b = set_up();
    client good = join(&b, "host");
    for (size_t i = 0; i < sizeof garbage / sizeof *garbage; i++) {
        client bad = connect_to(&b, false);
        send_bytes(&bad, garbage[i], sizeof garbage[i]);
        assert_int_equal(next_answer(&b, &bad).status, SIM_WIRE_REFUSED);
        assert_false(receive(&b, &bad, &byte, 1));
        close(bad.fd);
        assert_int_equal(command(&b, &good, "F1", 6).status, SIM_WIRE_OK);
    }
    close(good.fd);
    tear_down(&b);
}

static void any_bytes_at_all_are_survived(void **state)
{
    uint32_t random = 1;
    (void)state;
    bench b = set_up();
    for (int round = 0; round < 200; round++) {
        uint8_t noise[256];
        client c = connect_to(&b, false);
        if (round & 1)
            hello(&b, &c, "host");
        for (size_t i = 0; i < sizeof noise; i++) {
            random = random * 1664525u + 1013904223u;
            noise[i] = i % 16 == 0 ? (uint8_t)(1 + (random >> 24) % 9) : (uint8_t)(random >> 30);
            if (i % 16 == 10 || i % 16 == 11)
                noise[i] = 0; /* time-outs below a second: hours would have to be lived through */
        }
        send_bytes(&c, noise, sizeof noise);
        for (int i = 0; i < 3; i++)
            step(&b);
        close(c.fd);
        step(&b);
        assert_false(b.is_over);
    }
    client c = join(&b, "host");
    request(&c, SIM_WIRE_RESET, 0, 0, 0, NULL, 0);
    assert_int_equal(next_answer(&b, &c).status, SIM_WIRE_OK);
    close(c.fd);
    tear_down(&b);
}

static void too_many_pending_transfers_are_refused(void **state)
{
    (void)state;
    bench b = set_up();
    client c = join(&b, "host");
    for (int i = 0; i < 257; i++)
        send_in(&c, 0, 64);
    assert_int_equal(next_answer(&b, &c).status, SIM_WIRE_REFUSED);
    close(c.fd);
    tear_down(&b);
}

static void a_host_that_dies_leaves_the_device_as_it_is(void **state)
{
    (void)state;
    bench b = set_up();
    sim_server_set_save(b.server, count_save, &b);
    client c = join(&b, "host");
    command(&b, &c, "F3 07", 0);
    command(&b, &c, "F2 30 A3", 2);
    send_in(&c, 0, 64); /* pending for ever */
    step(&b);
    close(c.fd);
    step(&b);
    assert_int_equal(b.save_count, 1);
    assert_false(b.is_over);
    c = join(&b, "host");
    const answer a = command(&b, &c, "F5", 2);
    assert_int_equal(a.bytes[0], 2); /* still in DEBUG */
    close(c.fd);
    tear_down(&b);
}

static void a_private_server_ends_with_its_client(void **state)
{
    (void)state;
    bench b = set_up();
    client c = connect_to(&b, true);
    assert_int_equal(hello(&b, &c, "host").status, SIM_WIRE_OK);
    close(c.fd);
    for (int i = 0; i < 10 && !b.is_over; i++)
        step(&b);
    assert_true(b.is_over);
    tear_down(&b);
}

static void quit_is_answered_and_ends_the_server(void **state)
{
    (void)state;
    bench b = set_up();
    client c = join(&b, "admin");
    assert_int_equal(say_admin(&b, &c, "quit").status, SIM_WIRE_OK);
    assert_true(b.is_over);
    close(c.fd);
    tear_down(&b);
}

static void paced_answers_come_when_simulated_time_says_so(void **state)
{
    static const sim_server_options options = {.is_paced = true};
    (void)state;
    bench b = set_up_with(&options);
    client c = join(&b, "host");
    const uint64_t before_ns = command(&b, &c, "F3 07", 0).sim_time_ns;
    const answer a = command(&b, &c, "F2 30 A3", 2); /* ENTER: 20.7 ms */
    assert_int_equal(a.status, SIM_WIRE_OK);
    assert_true(a.sim_time_ns - before_ns >= 20000000);
    /* Whatever the machine was busy with: the device is never behind what its host was told. */
    assert_true(sim_device_now_ns(b.probe.device) >= a.sim_time_ns);
    close(c.fd);
    tear_down(&b);
}

static void a_socket_file_left_over_is_replaced_and_a_live_one_is_not(void **state)
{
    char folder[] = "/tmp/stlua-server-XXXXXX", path[64], reason[256] = "";
    (void)state;
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/socket", folder);
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    memcpy(address.sun_path, path, strlen(path) + 1);
    const int dead = socket(AF_UNIX, SOCK_STREAM, 0);
    assert_int_equal(bind(dead, (struct sockaddr *)&address, sizeof address), 0);
    close(dead);
    bench b = set_up(), other = set_up();
    assert_true(sim_server_listen(b.server, path, reason, sizeof reason));
    assert_false(sim_server_listen(other.server, path, reason, sizeof reason));
    assert_non_null(strstr(reason, "another simulator"));
    client c = {socket(AF_UNIX, SOCK_STREAM, 0), 0};
    assert_int_equal(connect(c.fd, (struct sockaddr *)&address, sizeof address), 0);
    fcntl(c.fd, F_SETFL, O_NONBLOCK);
    assert_int_equal(hello(&b, &c, "host").status, SIM_WIRE_OK);
    close(c.fd);
    tear_down(&other);
    tear_down(&b);
    assert_int_equal(access(path, F_OK), -1); /* it takes its socket along */
    assert_int_equal(rmdir(folder), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_host_talks_usb_through_the_socket),
        cmocka_unit_test(requests_may_be_sent_ahead_and_keep_their_tags),
        cmocka_unit_test(a_second_host_is_told_who_holds_the_probe),
        cmocka_unit_test(admin_connections_come_beside_the_host),
        cmocka_unit_test(an_in_that_nothing_answers_times_out_in_simulated_time),
        cmocka_unit_test(an_out_behind_an_uncollected_reply_times_out),
        cmocka_unit_test(a_reply_that_takes_too_long_is_a_time_out_and_stays),
        cmocka_unit_test(a_cancelled_in_ends_and_disturbs_nothing),
        cmocka_unit_test(a_port_reset_cancels_what_is_pending),
        cmocka_unit_test(whole_packets_do_not_end_a_larger_transfer),
        cmocka_unit_test(sleeping_lets_simulated_time_pass),
        cmocka_unit_test(faults_reach_the_host_as_usb_errors),
        cmocka_unit_test(garbage_closes_that_client_and_no_other),
        cmocka_unit_test(any_bytes_at_all_are_survived),
        cmocka_unit_test(too_many_pending_transfers_are_refused),
        cmocka_unit_test(a_host_that_dies_leaves_the_device_as_it_is),
        cmocka_unit_test(a_private_server_ends_with_its_client),
        cmocka_unit_test(quit_is_answered_and_ends_the_server),
        cmocka_unit_test(paced_answers_come_when_simulated_time_says_so),
        cmocka_unit_test(a_socket_file_left_over_is_replaced_and_a_live_one_is_not),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
