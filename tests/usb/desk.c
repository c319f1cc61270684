/* tests/usb/desk.c: see desk.h. */
#include "desk.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "admin_client.h"

static const char simulator[] = STL_BINARY_DIR "/bin/stlua-sim";
static const char bus_runner[] = STL_BINARY_DIR "/bin/stlua-usb-run";

void desk_set_up(desk *d)
{
    memset(d, 0, sizeof *d);
    strcpy(d->folder, "/tmp/stlua-usb-XXXXXX");
    assert_non_null(mkdtemp(d->folder));
    assert_int_equal(chmod(d->folder, 0755), 0);
}

void desk_tear_down(desk *d)
{
    for (unsigned i = 0; i < d->probe_count; i++) {
        int status;
        kill(d->probes[i].pid, SIGTERM);
        assert_int_equal(waitpid(d->probes[i].pid, &status, 0), d->probes[i].pid);
    }
    char command[128];
    snprintf(command, sizeof command, "rm -rf %s", d->folder);
    assert_int_equal(system(command), 0);
}

/* Its first line says that it listens. */
static void wait_until_listening(int fd)
{
    char line[160];
    size_t length = 0;
    ssize_t got;
    while (length < sizeof line - 1 && (got = read(fd, line + length, 1)) == 1)
        if (line[length++] == '\n')
            break;
    line[length] = '\0';
    assert_non_null(strstr(line, "listening on"));
    close(fd);
}

static desk_probe *new_probe(desk *d, const char *options)
{
    char socket_path[96];
    assert_true(d->probe_count < DESK_MAX_PROBES);
    desk_probe *probe = &d->probes[d->probe_count];
    snprintf(socket_path, sizeof socket_path, "%s/%u", d->folder, d->probe_count++);
    memcpy(probe->socket_path, socket_path, sizeof socket_path);
    snprintf(probe->spec, sizeof probe->spec, "%s,%s", socket_path, options);
    return probe;
}

const char *desk_plug(desk *d, const char *board, const char *options)
{
    int out[2];
    desk_probe *probe = new_probe(d, options);
    assert_int_equal(pipe(out), 0);
    probe->pid = fork();
    assert_true(probe->pid >= 0);
    if (probe->pid == 0) {
        dup2(out[1], STDOUT_FILENO);
        close(out[0]);
        close(out[1]);
        prctl(PR_SET_PDEATHSIG, SIGTERM);
        execl(simulator, simulator, "--listen", probe->socket_path, board, (char *)NULL);
        _exit(127);
    }
    close(out[1]);
    wait_until_listening(out[0]);
    return probe->socket_path;
}

void desk_plug_odd(desk *d, odd_kind kind, const char *options)
{
    desk_probe *probe = new_probe(d, options);
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    memcpy(address.sun_path, probe->socket_path, sizeof probe->socket_path);
    const int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    assert_true(fd >= 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(listen(fd, 2), 0);
    probe->pid = fork();
    assert_true(probe->pid >= 0);
    if (probe->pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        odd_probe_serve(fd, kind);
    }
    close(fd);
}

static void start_runner(const desk *d, const char *const arguments[])
{
    const char *line[64];
    unsigned count = 0;
    line[count++] = bus_runner;
    for (unsigned i = 0; i < d->probe_count; i++) {
        line[count++] = "--probe";
        line[count++] = d->probes[i].spec;
    }
    line[count++] = "--";
    while (*arguments && count < sizeof line / sizeof line[0] - 1)
        line[count++] = *arguments++;
    line[count] = NULL;
    if (d->run_as && (setgid(d->run_as) || setuid(d->run_as)))
        _exit(126);
    execv(bus_runner, (char *const *)(uintptr_t)line);
    _exit(127);
}

int desk_run(desk *d, const char *const arguments[])
{
    int out[2], status;
    size_t length = 0;
    ssize_t got;
    assert_int_equal(pipe(out), 0);
    const pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        dup2(out[1], STDOUT_FILENO);
        dup2(out[1], STDERR_FILENO);
        close(out[0]);
        close(out[1]);
        start_runner(d, arguments);
    }
    close(out[1]);
    char rest[4096]; /* what does not fit is read all the same, or the program would stop */
    do {
        const size_t room = sizeof d->output - 1 - length;
        got = room ? read(out[0], d->output + length, room) : read(out[0], rest, sizeof rest);
        length += room && got > 0 ? (size_t)got : 0;
    } while (got > 0);
    d->output[length] = '\0';
    close(out[0]);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

void desk_admin(const char *socket_path, const char *line)
{
    char answer[4096];
    if (!sim_admin_send(socket_path, line, answer, sizeof answer))
        fail_msg("%s: %s", line, answer);
}

void desk_assert_output(const desk *d, const char *part)
{
    if (strstr(d->output, part))
        return;
    fputs(d->output, stderr); /* fail_msg has room for 1 KiB only */
    fail_msg("no \"%s\" in the output", part);
}

void desk_assert_no_output(const desk *d, const char *part)
{
    if (!strstr(d->output, part))
        return;
    fputs(d->output, stderr);
    fail_msg("\"%s\" in the output", part);
}

int desk_test_set_up(void **state)
{
    static desk d;
    desk_set_up(&d);
    *state = &d;
    return 0;
}

int desk_test_tear_down(void **state)
{
    desk_tear_down(*state);
    return 0;
}
