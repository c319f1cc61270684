/* lua/bind/process.c: child processes by a list of words, never through a shell; their output is
 * read without waiting. A child has a process group of its own, so that Ctrl-C at the terminal
 * reaches it once and from us, and its standard input is empty. Closing, or forgetting, a process
 * ends it. */
#include "bind.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define STLUA_PROCESS "stlua.Process"

enum { MAX_WORDS = 256, READ_BYTES = 4096, STREAM_COUNT = 2, SIGNALLED = 128 };

typedef struct process_ud {
    pid_t pid;             /* 0: none, or gone and waited for */
    int fds[STREAM_COUNT]; /* its stdout and stderr; -1 once they have ended */
    int status;            /* once it is gone: exit status, or 128 and the signal */
    bool is_gone;
} process_ud;

extern char **environ;

static process_ud *check(lua_State *L)
{
    return luaL_checkudata(L, 1, STLUA_PROCESS);
}

static void close_fd(int *fd)
{
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}

static void close_streams(process_ud *ud)
{
    for (unsigned i = 0; i < STREAM_COUNT; i++)
        close_fd(&ud->fds[i]);
}

/* ---- starting ---- */

static int set_flags(int fd, bool is_nonblocking)
{
    if (fcntl(fd, F_SETFD, FD_CLOEXEC))
        return -1;
    return is_nonblocking ? fcntl(fd, F_SETFL, O_NONBLOCK) : 0;
}

/* Both ends close on exec; the child's is duplicated onto its stream. */
static int open_pipe(int *read_fd, int *write_fd)
{
    int ends[2];
    if (pipe(ends))
        return errno;
    *read_fd = ends[0];
    *write_fd = ends[1];
    return set_flags(ends[0], true) || set_flags(ends[1], false) ? errno : 0;
}

static int spawn(process_ud *ud, char *const words[], const int write_fds[STREAM_COUNT])
{
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    if (!words[0])
        return EINVAL;
    int error = posix_spawn_file_actions_init(&actions);
    if (error)
        return error;
    error = posix_spawnattr_init(&attributes);
    if (!error) {
        error = posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
        if (!error)
            error = posix_spawn_file_actions_adddup2(&actions, write_fds[0], STDOUT_FILENO);
        if (!error)
            error = posix_spawn_file_actions_adddup2(&actions, write_fds[1], STDERR_FILENO);
        if (!error)
            error = posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP);
        if (!error)
            error = posix_spawnp(&ud->pid, words[0], &actions, &attributes, words, environ);
        posix_spawnattr_destroy(&attributes);
    }
    posix_spawn_file_actions_destroy(&actions);
    if (error)
        ud->pid = 0;
    return error;
}

static unsigned read_words(lua_State *L, char *words[MAX_WORDS + 1])
{
    luaL_checktype(L, 1, LUA_TTABLE);
    const lua_Unsigned count = lua_rawlen(L, 1);
    luaL_argcheck(L, count > 0 && count <= MAX_WORDS, 1, "must hold 1 to 256 words");
    luaL_checkstack(L, (int)count, NULL); /* they stay on the stack, so that they live */
    for (lua_Unsigned i = 0; i < count; i++) {
        lua_rawgeti(L, 1, (lua_Integer)i + 1);
        luaL_argcheck(L, lua_type(L, -1) == LUA_TSTRING, 1, "must hold texts");
        words[i] = (char *)(uintptr_t)lua_tostring(L, -1); /* posix_spawn does not write to them */
    }
    words[count] = NULL;
    return (unsigned)count;
}

/* stlua.spawn(words) -> process. Raises: file. */
static int l_spawn(lua_State *L)
{
    char *words[MAX_WORDS + 1];
    process_ud *ud = lua_newuserdatauv(L, sizeof *ud, 0);
    memset(ud, 0, sizeof *ud);
    ud->fds[0] = ud->fds[1] = -1;
    luaL_setmetatable(L, STLUA_PROCESS);
    const int at = lua_gettop(L);
    read_words(L, words);
    int write_fds[STREAM_COUNT] = {-1, -1};
    int error = open_pipe(&ud->fds[0], &write_fds[0]);
    if (!error)
        error = open_pipe(&ud->fds[1], &write_fds[1]);
    if (!error)
        error = spawn(ud, words, write_fds);
    close_fd(&write_fds[0]);
    close_fd(&write_fds[1]);
    if (error) {
        close_streams(ud);
        return stlua_fail(L, STL_E_FILE, NULL, "cannot start %s: %s", words[0], strerror(error));
    }
    lua_pushvalue(L, at);
    return 1;
}

/* ---- watching ---- */

/* process:read([stream]) -> what it has written since, "" if nothing; nil once it has closed the
 * stream. */
static int l_read(lua_State *L)
{
    static const char *const names[] = {"stdout", "stderr", NULL};
    process_ud *ud = check(L);
    int *fd = &ud->fds[luaL_checkoption(L, 2, "stdout", names)];
    if (*fd < 0)
        return 0;
    luaL_Buffer out;
    luaL_buffinit(L, &out);
    ssize_t count;
    do {
        count = read(*fd, luaL_prepbuffsize(&out, READ_BYTES), READ_BYTES);
        if (count > 0)
            luaL_addsize(&out, (size_t)count);
    } while (count > 0 || (count < 0 && errno == EINTR));
    const bool has_ended = count == 0 || errno != EAGAIN;
    luaL_pushresult(&out);
    if (!has_ended)
        return 1;
    close_fd(fd);
    return lua_rawlen(L, -1) ? 1 : 0;
}

/* process:status() -> nil while it runs, then its exit status, or 128 and the signal that ended it
 */
static int l_status(lua_State *L)
{
    process_ud *ud = check(L);
    int status;
    if (!ud->is_gone && ud->pid && waitpid(ud->pid, &status, WNOHANG) == ud->pid) {
        ud->status = WIFEXITED(status) ? WEXITSTATUS(status) : SIGNALLED + WTERMSIG(status);
        ud->is_gone = true;
        ud->pid = 0;
    }
    if (!ud->is_gone)
        return 0;
    lua_pushinteger(L, ud->status);
    return 1;
}

/* process:pid() -> integer, or nil once it is gone */
static int l_pid(lua_State *L)
{
    const process_ud *ud = check(L);
    if (!ud->pid)
        return 0;
    lua_pushinteger(L, ud->pid);
    return 1;
}

/* process:kill([how]): "int" (the default), "term" or "kill"; nothing if it is gone */
static int l_kill(lua_State *L)
{
    static const char *const names[] = {"int", "term", "kill", NULL};
    static const int signals[] = {SIGINT, SIGTERM, SIGKILL};
    const process_ud *ud = check(L);
    const int number = signals[luaL_checkoption(L, 2, "int", names)];
    if (ud->pid) /* not waited for yet, so the number is nobody else's */
        kill(ud->pid, number);
    return 0;
}

/* process:close(), `local p <close>` and __gc: what still runs is ended, and waited for. */
static int l_close(lua_State *L)
{
    process_ud *ud = check(L);
    close_streams(ud);
    if (ud->pid) {
        int status;
        kill(ud->pid, SIGKILL);
        while (waitpid(ud->pid, &status, 0) < 0 && errno == EINTR)
            ;
        ud->status = SIGNALLED + SIGKILL;
        ud->is_gone = true;
        ud->pid = 0;
    }
    return 0;
}

/* stlua.end_with_parent(): SIGTERM for this process when the one that started it ends, however it
 * does. */
static int l_end_with_parent(lua_State *L)
{
    (void)L;
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    return 0;
}

void stlua_register_process(lua_State *L);

void stlua_register_process(lua_State *L)
{
    static const luaL_Reg methods[] = {
        {"read", l_read}, {"status", l_status}, {"pid", l_pid},
        {"kill", l_kill}, {"close", l_close},   {NULL, NULL},
    };
    static const luaL_Reg meta[] = {{"__gc", l_close}, {"__close", l_close}, {NULL, NULL}};
    static const luaL_Reg functions[] = {
        {"spawn", l_spawn}, {"end_with_parent", l_end_with_parent}, {NULL, NULL}};
    stlua_new_type(L, STLUA_PROCESS, methods, meta);
    luaL_setfuncs(L, functions, 0);
}
