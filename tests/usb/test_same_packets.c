/* tests/usb/test_same_packets.c: stlua through libusb and stlua over the socket send the same packets and
 * leave the same memories. Two things differ by nature, and only they are allowed to: how often a register
 * is polled, and the number by which a run of the loader knows its own words. */
#include "desk.h"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "admin_client.h"
#include "recorder.h"
#include "stl/bytes.h"

enum { IMAGE_BYTES = 1024 + 40, COMMAND_BYTES = 16 };
enum { WRITEMEM_32BIT = 0x08, ENTER = 0x30, WRITEDEBUGREG = 0x35, READDEBUGREG = 0x36 };

static const char *const jobs[] = {
    "info", "flash --base 0x08000100 $D/image.bin", "flash --base 0x08000100 $D/image.bin",
    "flash $D/eeprom.hex", "verify --verify read --base 0x08000100 $D/image.bin",
    "read 0x08000000 4096 -o $D/out.bin", "options", "erase --pages 0x08000200 2", "reset",
};
/* The image is small enough for the loader's ring: how a longer stream is cut depends on its speed. */

/* ---- one side ---- */

static pid_t start_recorder(const char *socket_path, const char *simulator_path, const char *file_path)
{
    const pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0)
        recorder_serve(socket_path, simulator_path, file_path);
    for (unsigned i = 0; i < 1000 && access(socket_path, F_OK); i++)
        usleep(10000);
    return pid;
}

static void save(const char *folder, const char *name, const void *bytes, size_t byte_count)
{
    char path[128];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, byte_count, file), byte_count);
    assert_int_equal(fclose(file), 0);
}

/* probe: NULL for the one on the bus. */
static void run_jobs(desk *d, const char *part, const char *probe)
{
    for (unsigned i = 0; i < sizeof jobs / sizeof jobs[0]; i++) {
        char line[256];
        snprintf(line, sizeof line,
                 STL_BINARY_DIR "/bin/stlua --quiet --target %s --probe %s %s", part,
                 probe ? probe : "usb:1-4.2", jobs[i]);
        const int status = probe ? system(line) : RUN(d, "/bin/sh", "-c", line);
        if (status)
            fail_msg("%s: %s", line, d->output);
    }
}

/* The packets of all jobs go to file_path, flash and EEPROM as they are afterwards to memory. */
static void play(bool is_usb, const char *part, const char *probe_kind, const char *file_path,
                 char *memory, size_t room)
{
    static const char eeprom[] = ":020000040808EA\n:0800000000112233445566771C\n:00000001FF\n";
    static desk d;
    uint8_t image[IMAGE_BYTES] = {0};
    char board[64], socket_path[96], probe[128];
    desk_set_up(&d);
    snprintf(board, sizeof board, "%s?probe=%s&clock=paced", part, probe_kind);
    for (unsigned i = 0; i < sizeof image; i++)
        image[i] = (uint8_t)(i * 7 + (i >> 8));
    save(d.folder, "image.bin", image, sizeof image);
    save(d.folder, "eeprom.hex", eeprom, sizeof eeprom - 1);
    setenv("D", d.folder, 1);
    const char *simulator_path = desk_plug(&d, board, "port=4.2");
    snprintf(socket_path, sizeof socket_path, "%s/tee", d.folder);
    const pid_t recorder = start_recorder(socket_path, simulator_path, file_path);
    snprintf(d.probes[0].spec, sizeof d.probes[0].spec, "%s,port=4.2", socket_path);
    snprintf(probe, sizeof probe, "sim:@%s", socket_path);
    run_jobs(&d, part, is_usb ? NULL : probe);
    kill(recorder, SIGKILL);
    waitpid(recorder, NULL, 0);
    assert_true(sim_admin_send(simulator_path, "peek 0x08000000 256", memory, room / 3));
    assert_true(sim_admin_send(simulator_path, "peek 0x08000B00 256", memory + room / 3, room / 3));
    assert_true(sim_admin_send(simulator_path, "peek 0x08080000 64", memory + room / 3 * 2, room / 3));
    desk_tear_down(&d);
}

/* ---- the comparison ---- */

static bool is_same(const recorded_packet *a, const recorded_packet *b)
{
    return a->byte_count == b->byte_count && !memcmp(a->bytes, b->bytes, a->byte_count);
}

static bool is_command(const recorded_packet *packet, uint8_t subcommand)
{
    return packet->byte_count == COMMAND_BYTES && packet->bytes[0] == 0xF2 &&
           packet->bytes[1] == subcommand;
}

/* A register that is read again and again: DHCSR after a reset, the loader's counter. */
typedef struct polls {
    uint32_t addrs[32];
    unsigned count;
} polls;

static bool is_read_of(const recorded_packet *packet, uint32_t addr)
{
    return is_command(packet, READDEBUGREG) && stl_get_u32le(packet->bytes + 2) == addr;
}

/* Either twice in a row, or in RAM, where the loader counts. */
static bool is_polled(const recorded_packet *packet, const recorded_packet *end)
{
    enum { RAM = 0x20000000, PERIPHERALS = 0x40000000 };
    const uint32_t addr = stl_get_u32le(packet->bytes + 2);
    const recorded_packet *next = recorder_next(packet);
    return (addr >= RAM && addr < PERIPHERALS) || (next < end && is_read_of(next, addr));
}

static void find_polls(polls *p, const recorded_packet *packet, const recorded_packet *end)
{
    for (; packet < end; packet = recorder_next(packet)) {
        const uint32_t addr = stl_get_u32le(packet->bytes + 2);
        bool is_new = is_read_of(packet, addr) && is_polled(packet, end);
        for (unsigned i = 0; i < p->count; i++)
            is_new = is_new && p->addrs[i] != addr;
        if (is_new && p->count < sizeof p->addrs / sizeof p->addrs[0])
            p->addrs[p->count++] = addr;
    }
}

static const recorded_packet *skip_polls(const polls *p, const recorded_packet *packet,
                                         const recorded_packet *end)
{
    for (unsigned i = 0; i < p->count && packet < end;) {
        const bool is_poll = is_read_of(packet, p->addrs[i]);
        packet = is_poll ? recorder_next(packet) : packet;
        i = is_poll ? 0 : i + 1;
    }
    return packet;
}

/* The loader's words: the RAM test writes number ^ address, a slot ends in number + n. */
typedef struct numbers {
    uint32_t a, b;
    bool is_known;
} numbers;

static bool is_same_word(numbers *n, uint32_t a, uint32_t b, uint32_t addr)
{
    if (a == b)
        return true;
    if (!n->is_known)
        *n = (numbers){a ^ addr, b ^ addr, true};
    return (a ^ n->a) == (b ^ n->b) || a - n->a == b - n->b;
}

static bool is_same_data(numbers *n, const recorded_packet *a, const recorded_packet *b)
{
    if (a->byte_count != b->byte_count || a->byte_count % 4)
        return false;
    for (size_t i = 0; i < a->byte_count; i += 4)
        if (!is_same_word(n, stl_get_u32le(a->bytes + i), stl_get_u32le(b->bytes + i), 0))
            return false;
    return true;
}

/* F2 35, address, value: how the RAM test writes. */
static bool is_same_write(numbers *n, const recorded_packet *a, const recorded_packet *b)
{
    enum { ADDR_AT = 2, VALUE_AT = 6 };
    return is_command(a, WRITEDEBUGREG) && is_command(b, WRITEDEBUGREG) &&
           !memcmp(a->bytes, b->bytes, VALUE_AT) &&
           is_same_word(n, stl_get_u32le(a->bytes + VALUE_AT), stl_get_u32le(b->bytes + VALUE_AT),
                        stl_get_u32le(a->bytes + ADDR_AT));
}

static void print_packet(const char *side, const recorded_packet *packet)
{
    print_message("%s: %zu bytes:", side, packet->byte_count);
    for (size_t i = 0; i < packet->byte_count && i < 48; i++)
        print_message(" %02X", packet->bytes[i]);
    print_message("\n");
}

/* Returns how many packets were compared. */
static unsigned compare(const char *usb_path, const char *socket_path)
{
    const recorded_packet *usb_end, *socket_end;
    recorded_packet *usb = recorder_load(usb_path, &usb_end);
    recorded_packet *socket = recorder_load(socket_path, &socket_end);
    const recorded_packet *a = usb, *b = socket, *command = NULL;
    numbers n = {0};
    polls polled = {0};
    unsigned count = 0;
    assert_true(usb && socket && usb < usb_end && socket < socket_end);
    find_polls(&polled, usb, usb_end);
    find_polls(&polled, socket, socket_end);
    for (;; a = recorder_next(a), b = recorder_next(b), count++) {
        a = skip_polls(&polled, a, usb_end);
        b = skip_polls(&polled, b, socket_end);
        if (a >= usb_end || b >= socket_end)
            break;
        const bool is_data = command && is_command(command, WRITEMEM_32BIT);
        n.is_known = n.is_known && !is_command(a, ENTER); /* every run has its own */
        if (!is_same(a, b) && !(is_data ? is_same_data(&n, a, b) : is_same_write(&n, a, b))) {
            print_packet("libusb", a);
            print_packet("socket", b);
            fail_msg("packet %u differs", count);
        }
        command = is_data ? NULL : a;
    }
    if (a < usb_end || b < socket_end)
        fail_msg("after %u packets %s has more", count, a < usb_end ? "libusb" : "the socket");
    free(usb);
    free(socket);
    return count;
}

static void both_ways_are_the_same(const char *part, const char *probe_kind)
{
    static char usb_memory[3 * 1024], socket_memory[3 * 1024];
    char folder[] = "/tmp/stlua-packets-XXXXXX", usb_path[64], socket_path[64];
    assert_non_null(mkdtemp(folder));
    snprintf(usb_path, sizeof usb_path, "%s/usb", folder);
    snprintf(socket_path, sizeof socket_path, "%s/socket", folder);
    play(true, part, probe_kind, usb_path, usb_memory, sizeof usb_memory);
    play(false, part, probe_kind, socket_path, socket_memory, sizeof socket_memory);
    const unsigned count = compare(usb_path, socket_path);
    assert_memory_equal(usb_memory, socket_memory, sizeof usb_memory);
    print_message("%s, %s: %u packets are the same, and so are the memories\n", part,
                  probe_kind, count);
    assert_true(count > 100);
    unlink(usb_path);
    unlink(socket_path);
    rmdir(folder);
}

static void a_v2_hears_the_same(void **state)
{
    (void)state;
    both_ways_are_the_same("STM32L151CB-A", "v2");
}

static void a_v2_1_hears_the_same(void **state)
{
    (void)state;
    both_ways_are_the_same("STM32L152RE", "v21");
}

static void a_v3_hears_the_same(void **state)
{
    (void)state;
    both_ways_are_the_same("STM32L151RC", "v3");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_v2_hears_the_same),
        cmocka_unit_test(a_v2_1_hears_the_same),
        cmocka_unit_test(a_v3_hears_the_same),
    };
    return cmocka_run_group_tests_name("usb/same_packets", tests, NULL, NULL);
}
