/* lua/main.c: the `stlua` command. It makes a state and hands the arguments to lua/stdlib/runner.lua. */
#include <locale.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <lauxlib.h>
#include <lua.h>
#include <lualib.h>

#include "bind.h"

enum { EXIT_MEMORY = 11, EXIT_FILE = 12, EXIT_DEFECT = 70 }; /* as in lua/stdlib/exit_status.lua */

/* The runner reports errors itself; what arrives here is a defect of the runner. */
static int add_traceback(lua_State *L)
{
    const char *message = luaL_tolstring(L, 1, NULL);
    luaL_traceback(L, L, message, 1);
    return 1;
}

static int run(lua_State *L)
{
    const int argc = (int)lua_tointeger(L, 1);
    char **argv = lua_touserdata(L, 2);
    luaL_openlibs(L);
    luaL_requiref(L, "stlua", stlua_open_module, 0);
    lua_pop(L, 1);
    lua_getglobal(L, "require");
    lua_pushliteral(L, "stlua.runner");
    lua_call(L, 1, 1);
    lua_getfield(L, -1, "main");
    lua_createtable(L, argc, 0);
    for (int i = 0; i < argc; i++) {
        lua_pushstring(L, argv[i]);
        lua_rawseti(L, -2, i);
    }
    lua_call(L, 1, 1);
    return 1;
}

/* A verdict that nobody can read is none: a full disk under standard output is an error. A reader that
 * has gone (| head) has seen what it wanted. */
static bool is_output_lost(void)
{
    struct stat status;
    const bool is_lost = fflush(stdout) || ferror(stdout);
    return is_lost && !fstat(STDOUT_FILENO, &status) && !S_ISFIFO(status.st_mode) &&
           !S_ISSOCK(status.st_mode);
}

/* Says it without any. */
static int report_no_memory(void)
{
    fputs("stlua: error [memory]: out of memory\n", stderr);
    return EXIT_MEMORY;
}

/* Where the runner has not come so far, or could not report: `require` puts words around Lua's. */
static int report(lua_State *L, int pcall_status)
{
    const char *text = lua_tostring(L, -1);
    if (pcall_status == LUA_ERRMEM || (text && strstr(text, "not enough memory")))
        return report_no_memory();
    fprintf(stderr, "stlua: error [internal]: %s\n", text ? text : "?");
    return EXIT_DEFECT;
}

int main(int argc, char **argv)
{
    lua_State *L = stlua_new_state();
    if (!L)
        return report_no_memory();
    lua_pushcfunction(L, add_traceback);
    lua_pushcfunction(L, run);
    lua_pushinteger(L, argc);
    lua_pushlightuserdata(L, argv);
    const int pcall_status = lua_pcall(L, 2, 1, 1);
    int status = pcall_status ? report(L, pcall_status) : (int)lua_tointeger(L, -1);
    lua_close(L);
    if (!status && is_output_lost()) {
        fputs("stlua: error [file]: standard output cannot be written\n"
              "hint: is there room where it goes? the command itself has done its work\n", stderr);
        status = EXIT_FILE;
    }
    return status;
}
