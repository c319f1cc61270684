/* lua/bind/system.c: the little of the machine that Lua lacks: time, terminals, folders. */
#include "bind.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

/* stlua.monotonic() -> seconds on a clock that only goes forward */
static int l_monotonic(lua_State *L)
{
    lua_pushnumber(L, (lua_Number)stl_now_us(stl_clock_system()) / 1e6);
    return 1;
}

/* stlua.sleep(seconds [, probe]): in the time the probe lives in, which may be a simulated one. */
static int l_sleep(lua_State *L)
{
    const lua_Number seconds = luaL_checknumber(L, 1);
    luaL_argcheck(L, seconds >= 0 && seconds < 1e9, 1, "must be 0 or more");
    const stl_clock *clock = stl_clock_system();
    if (!lua_isnoneornil(L, 2))
        clock = stl_probe_clock(stlua_check_probe(L, 2)->probe);
    uint64_t left_us = (uint64_t)(seconds * 1e6);
    while (left_us) {
        const uint64_t step_us = left_us < 100000 ? left_us : 100000;
        stl_sleep_us(clock, step_us);
        left_us -= step_us;
        if (stlua_take_interrupt())
            return stlua_fail(L, STL_E_INTERRUPTED, NULL, "stopped on request while waiting");
    }
    return 0;
}

static int check_stream(lua_State *L, int arg)
{
    static const char *const names[] = {"stdin", "stdout", "stderr", NULL};
    return luaL_checkoption(L, arg, "stdout", names);
}

/* stlua.is_terminal([stream]) -> boolean; stream: "stdin", "stdout" (the default), "stderr" */
static int l_is_terminal(lua_State *L)
{
    lua_pushboolean(L, isatty(check_stream(L, 1)));
    return 1;
}

/* stlua.terminal_width([stream]) -> columns, 80 where nobody knows */
static int l_terminal_width(lua_State *L)
{
    struct winsize size;
    const bool is_known = !ioctl(check_stream(L, 1), TIOCGWINSZ, &size) && size.ws_col;
    lua_pushinteger(L, is_known ? size.ws_col : 80);
    return 1;
}

/* stlua.realpath(path) -> absolute path, or nil */
static int l_realpath(lua_State *L)
{
    char real[PATH_MAX];
    if (!realpath(luaL_checkstring(L, 1), real))
        return 0;
    lua_pushstring(L, real);
    return 1;
}

/* stlua.executable() -> the file of the running program, or nil */
static int l_executable(lua_State *L)
{
    char real[PATH_MAX];
    if (!realpath("/proc/self/exe", real))
        return 0;
    lua_pushstring(L, real);
    return 1;
}

/* stlua.file_kind(path) -> "file", "folder", "other", or nil if there is nothing */
static int l_file_kind(lua_State *L)
{
    struct stat status;
    if (stat(luaL_checkstring(L, 1), &status))
        return 0;
    lua_pushstring(L, S_ISREG(status.st_mode)   ? "file"
                      : S_ISDIR(status.st_mode) ? "folder"
                                                : "other");
    return 1;
}

/* stlua.create_private_file(path) -> boolean: an empty file of mode 0600 that was not there before */
static int l_create_private_file(lua_State *L)
{
    const char *path = luaL_checkstring(L, 1);
    const int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, S_IRUSR | S_IWUSR);
    if (fd >= 0)
        close(fd);
    lua_pushboolean(L, fd >= 0);
    return 1;
}

/* stlua.is_writable(path) -> boolean */
static int l_is_writable(lua_State *L)
{
    lua_pushboolean(L, !access(luaL_checkstring(L, 1), W_OK));
    return 1;
}

/* A folder that is open; closed by its metatable, so that a raise cannot leak it. */
static int close_folder(lua_State *L)
{
    DIR **folder = lua_touserdata(L, 1);
    if (*folder)
        closedir(*folder);
    *folder = NULL;
    return 0;
}

/* stlua.list_folder(path) -> array of names without "." and "..", sorted by nobody; nil if there is
 * none */
static int l_list_folder(lua_State *L)
{
    const char *path = luaL_checkstring(L, 1);
    /* a pointer is what is kept: NOLINTNEXTLINE(bugprone-sizeof-expression) */
    DIR **folder = lua_newuserdatauv(L, sizeof *folder, 0);
    *folder = NULL;
    if (luaL_newmetatable(L, "stlua.Folder")) {
        lua_pushcfunction(L, close_folder);
        lua_setfield(L, -2, "__gc");
    }
    lua_setmetatable(L, -2);
    *folder = opendir(path);
    if (!*folder && errno == ENOMEM)
        return stlua_fail(L, STL_E_MEMORY, NULL, "out of memory");
    if (!*folder)
        return 0;
    lua_newtable(L);
    lua_Integer count = 0;
    for (struct dirent *entry = readdir(*folder); entry; entry = readdir(*folder)) {
        if (!strcmp(entry->d_name, ".") || !strcmp(entry->d_name, ".."))
            continue;
        lua_pushstring(L, entry->d_name);
        lua_rawseti(L, -2, ++count);
    }
    closedir(*folder);
    *folder = NULL;
    return 1;
}

/* stlua.forbid_core_dumps(): for a process that holds keys; it cannot be taken back.
 * systemd-coredump heeds the limit, too. */
static int l_forbid_core_dumps(lua_State *L)
{
    const struct rlimit none = {0, 0};
    if (setrlimit(RLIMIT_CORE, &none))
        return stlua_fail(L, STL_E_PERMISSION, NULL, "core dumps cannot be forbidden: %s",
                          strerror(errno));
    return 0;
}

void stlua_register_system(lua_State *L);

void stlua_register_system(lua_State *L)
{
    static const luaL_Reg functions[] = {
        {"monotonic", l_monotonic},
        {"sleep", l_sleep},
        {"is_terminal", l_is_terminal},
        {"terminal_width", l_terminal_width},
        {"realpath", l_realpath},
        {"executable", l_executable},
        {"file_kind", l_file_kind},
        {"list_folder", l_list_folder},
        {"forbid_core_dumps", l_forbid_core_dumps},
        {"create_private_file", l_create_private_file},
        {"is_writable", l_is_writable},
        {NULL, NULL},
    };
    luaL_setfuncs(L, functions, 0);
}
