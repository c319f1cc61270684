/* stlua-sim as a process: how it starts, refuses, saves and ends. */
#include "test_device_fixture.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "stl/sim_wire.h"

static const char simulator[] = STL_BINARY_DIR "/bin/stlua-sim";

typedef struct desk {
    char folder[64], state_path[96], socket_path[96], spec[160];
} desk;

static desk set_up(void)
{
    desk d = {.folder = "/tmp/stlua-process-XXXXXX"};
    assert_non_null(mkdtemp(d.folder));
    snprintf(d.state_path, sizeof d.state_path, "%s/b.sim", d.folder);
    snprintf(d.socket_path, sizeof d.socket_path, "%s/socket", d.folder);
    snprintf(d.spec, sizeof d.spec, "rak5205?state=%s", d.state_path);
    return d;
}

/* Nothing is left behind but the state file. */
static void tear_down(const desk *d)
{
    assert_int_equal(unlink(d->state_path), 0);
    assert_int_equal(rmdir(d->folder), 0);
}

static pid_t start(char *const arguments[])
{
    const pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        execv(simulator, arguments);
        _exit(127);
    }
    return pid;
}

static int exit_status(pid_t pid)
{
    int status;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* A private simulator on a socket pair; *fd is the client's end. */
static pid_t start_private(const char *spec, int *fd)
{
    int pair[2];
    char number[16], text[256];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
    snprintf(number, sizeof number, "%d", pair[1]);
    snprintf(text, sizeof text, "%s", spec);
    char name[] = "stlua-sim", option[] = "--fd";
    const pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        close(pair[0]);
        execv(simulator, (char *[]){name, option, number, text, NULL});
        _exit(127);
    }
    close(pair[1]);
    *fd = pair[0];
    return pid;
}

static uint8_t ask_fd(int fd, uint8_t type, const char *text, char *answer, size_t answer_size)
{
    uint8_t bytes[512] = {type};
    const size_t count = strlen(text);
    stl_put_u32le(bytes + 12, (uint32_t)count);
    memcpy(bytes + SIM_WIRE_REQUEST_BYTES, text, count);
    assert_int_equal(send(fd, bytes, SIM_WIRE_REQUEST_BYTES + count, MSG_NOSIGNAL),
                     (ssize_t)(SIM_WIRE_REQUEST_BYTES + count));
    assert_int_equal(recv(fd, bytes, SIM_WIRE_REPLY_BYTES, MSG_WAITALL), SIM_WIRE_REPLY_BYTES);
    const size_t answer_count = stl_get_u32le(bytes + 16);
    assert_true(answer_count < answer_size);
    if (answer_count)
        assert_int_equal(recv(fd, answer, answer_count, MSG_WAITALL), (ssize_t)answer_count);
    answer[answer_count] = '\0';
    return bytes[0];
}

static void greet(int fd)
{
    char answer[512];
    assert_int_equal(ask_fd(fd, SIM_WIRE_HELLO, SIM_WIRE_VERSION " host", answer, sizeof answer),
                     SIM_WIRE_OK);
}

static void a_bad_board_is_refused_where_the_client_looks(void **state)
{
    char answer[1024];
    int fd;
    (void)state;
    const pid_t pid = start_private("rak5206", &fd);
    assert_int_equal(ask_fd(fd, SIM_WIRE_HELLO, SIM_WIRE_VERSION " host", answer, sizeof answer),
                     SIM_WIRE_REFUSED);
    assert_non_null(strstr(answer, "did you mean \"rak5205\"?"));
    assert_int_equal(exit_status(pid), 2);
    close(fd);
}

/* It would wait there for ever, for a client that cannot come. */
static void an_fd_that_is_no_socket_is_refused(void **state)
{
    (void)state;
    const int file = open("/dev/null", O_RDWR);
    const int fds[] = {file, 60000 /* not open */};
    for (size_t i = 0; i < 2; i++) {
        char name[] = "stlua-sim", board[] = "rak5205", option[32];
        snprintf(option, sizeof option, "--fd=%d", fds[i]);
        const pid_t pid = fork();
        assert_true(pid >= 0);
        if (pid == 0) {
            fclose(stderr);
            execv(simulator, (char *[]){name, option, board, NULL});
            _exit(127);
        }
        assert_int_equal(exit_status(pid), 2);
    }
    close(file);
}

/* The socket closes just the same when a client is killed. */
static void a_private_simulator_saves_and_ends_when_its_client_goes(void **state)
{
    char answer[1024];
    int fd;
    (void)state;
    const desk d = set_up();
    pid_t pid = start_private(d.spec, &fd);
    greet(fd);
    assert_int_equal(ask_fd(fd, SIM_WIRE_ADMIN, "poke 0x08000000 01020304", answer, sizeof answer),
                     SIM_WIRE_OK);
    close(fd);
    assert_int_equal(exit_status(pid), 0);
    pid = start_private(d.spec, &fd);
    greet(fd);
    assert_int_equal(ask_fd(fd, SIM_WIRE_ADMIN, "peek 0x08000000 4", answer, sizeof answer),
                     SIM_WIRE_OK);
    assert_string_equal(answer, "01020304");
    close(fd);
    assert_int_equal(exit_status(pid), 0);
    tear_down(&d);
}

static void signals_end_it_with_the_state_saved(void **state)
{
    static const int numbers[] = {SIGTERM, SIGINT, SIGHUP};
    char answer[1024];
    int fd;
    (void)state;
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        const desk d = set_up();
        const pid_t pid = start_private(d.spec, &fd);
        greet(fd);
        assert_int_equal(ask_fd(fd, SIM_WIRE_ADMIN, "poke 0x08000000 01", answer, sizeof answer),
                         SIM_WIRE_OK);
        kill(pid, numbers[i]);
        assert_int_equal(exit_status(pid), 0);
        close(fd);
        tear_down(&d); /* which finds the file */
    }
}

static void a_state_file_in_use_is_refused(void **state)
{
    char answer[1024];
    int fd, second_fd;
    (void)state;
    const desk d = set_up();
    const pid_t pid = start_private(d.spec, &fd);
    greet(fd);
    const pid_t second = start_private(d.spec, &second_fd);
    assert_int_equal(
        ask_fd(second_fd, SIM_WIRE_HELLO, SIM_WIRE_VERSION " host", answer, sizeof answer),
        SIM_WIRE_REFUSED);
    assert_non_null(strstr(answer, "in use by another simulator"));
    assert_int_equal(exit_status(second), 1);
    close(second_fd);
    close(fd);
    assert_int_equal(exit_status(pid), 0);
    tear_down(&d);
}

static void a_listening_one_takes_admin_lines_and_quits(void **state)
{
    (void)state;
    desk d = set_up();
    char name[] = "stlua-sim", listen[] = "--listen", admin[] = "--admin", quit[] = "quit";
    char stats[] = "stats";
    const pid_t pid = start((char *[]){name, listen, d.socket_path, d.spec, NULL});
    while (access(d.socket_path, F_OK)) /* it ends when the simulator listens, or has failed */
        assert_int_equal(waitpid(pid, NULL, WNOHANG), 0);
    char *ask_stats[] = {name, admin, d.socket_path, stats, NULL};
    int status;
    do /* the file is there a moment before anybody listens */
        status = exit_status(start(ask_stats));
    while (status == 1);
    assert_int_equal(status, 0);
    assert_int_equal(exit_status(start((char *[]){name, admin, d.socket_path, quit, NULL})), 0);
    assert_int_equal(exit_status(pid), 0);
    assert_int_equal(exit_status(start(ask_stats)), 1); /* nobody listens any more */
    tear_down(&d);
}

static void it_says_what_it_can_do(void **state)
{
    (void)state;
    char name[] = "stlua-sim", help[] = "--help", list[] = "--list", wrong[] = "--wrong";
    assert_int_equal(exit_status(start((char *[]){name, help, NULL})), 0);
    assert_int_equal(exit_status(start((char *[]){name, list, NULL})), 0);
    assert_int_equal(exit_status(start((char *[]){name, wrong, NULL})), 2);
    assert_int_equal(exit_status(start((char *[]){name, NULL})), 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_bad_board_is_refused_where_the_client_looks),
        cmocka_unit_test(an_fd_that_is_no_socket_is_refused),
        cmocka_unit_test(a_private_simulator_saves_and_ends_when_its_client_goes),
        cmocka_unit_test(signals_end_it_with_the_state_saved),
        cmocka_unit_test(a_state_file_in_use_is_refused),
        cmocka_unit_test(a_listening_one_takes_admin_lines_and_quits),
        cmocka_unit_test(it_says_what_it_can_do),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
