/* lua/bind/interrupt.c: Ctrl-C as an error value. The first signal raises "interrupted" between two Lua
 * instructions, or stops the flash work between two operations; a later one ends the process at once. */
#include "bind.h"

#include <signal.h>
#include <string.h>
#include <time.h>

enum { NONE, PENDING };
enum { SAME_PRESS_MS = 500 }; /* `timeout` and some shells signal a process, then its group as well */

static volatile sig_atomic_t state = NONE, signal_number;
static struct timespec signal_time; /* of the first signal_number */
static lua_State *main_state; /* the one that catches signals */

bool stlua_take_interrupt(void)
{
    if (state != PENDING)
        return false;
    state = NONE;
    lua_sethook(main_state, NULL, 0, 0);
    return true;
}

/* What the hook runs in is any coroutine; it was set on the state that was running. */
static void raise_interrupt(lua_State *L, lua_Debug *ar)
{
    (void)ar;
    lua_sethook(L, NULL, 0, 0);
    if (stlua_take_interrupt())
        stlua_fail(L, STL_E_INTERRUPTED, "the next run of the same command repairs what is unfinished",
                   "stopped on request (%s)", signal_number == SIGINT ? "Ctrl-C" : strsignal(signal_number));
}

static bool is_repeated(int number)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    const long age_ms = (now.tv_sec - signal_time.tv_sec) * 1000 +
                        (now.tv_nsec - signal_time.tv_nsec) / 1000000;
    if (number != signal_number)
        signal_time = now;
    return number == signal_number && age_ms > SAME_PRESS_MS;
}

static void on_signal(int number)
{
    if (is_repeated(number)) { /* takes effect when this handler returns */
        signal(number, SIG_DFL);
        raise(number);
        return;
    }
    signal_number = number;
    state = PENDING;
    lua_sethook(main_state, raise_interrupt, LUA_MASKCALL | LUA_MASKRET | LUA_MASKCOUNT, 1);
}

static void ignore_signal(int number)
{
    (void)number;
}

static void catch(int number, void (*handler)(int), int flags)
{
    struct sigaction action = {.sa_flags = flags};
    struct sigaction old;
    action.sa_handler = handler;
    sigemptyset(&action.sa_mask);
    /* What a parent has switched off (nohup) stays off. */
    if (!sigaction(number, NULL, &old) && old.sa_handler == SIG_IGN)
        return;
    sigaction(number, &action, NULL);
}

/* stlua.catch_signals(): SIGINT, SIGTERM and SIGHUP raise "interrupted" from now on, and a closed pipe
 * or a file over its limit (ulimit -f) is an error of the write, not the end of the process. Call it from the main thread. */
static int l_catch_signals(lua_State *L)
{
    lua_rawgeti(L, LUA_REGISTRYINDEX, LUA_RIDX_MAINTHREAD);
    main_state = lua_tothread(L, -1);
    catch(SIGINT, on_signal, 0);
    catch(SIGTERM, on_signal, 0);
    catch(SIGHUP, on_signal, 0);
    catch(SIGPIPE, ignore_signal, SA_RESTART);
    catch(SIGXFSZ, ignore_signal, SA_RESTART);
    return 0;
}

/* stlua.interrupt(): raise "interrupted" if a signal has come; for long loops that call C. */
static int l_interrupt(lua_State *L)
{
    if (stlua_take_interrupt())
        return stlua_fail(L, STL_E_INTERRUPTED,
                          "the next run of the same command repairs what is unfinished",
                          "stopped on request");
    return 0;
}

void stlua_register_interrupt(lua_State *L);

void stlua_register_interrupt(lua_State *L)
{
    static const luaL_Reg functions[] = {
        {"catch_signals", l_catch_signals},
        {"interrupt", l_interrupt},
        {NULL, NULL},
    };
    luaL_setfuncs(L, functions, 0);
}
