/* lua/bind/interrupt.c: Ctrl-C as an error value. The first signal raises "interrupted" between two Lua
 * instructions, or stops the flash work between two operations; a second one ends the process at once. */
#include "bind.h"

#include <signal.h>
#include <string.h>

enum { NONE, PENDING };

static volatile sig_atomic_t state = NONE, signal_number;
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

static void on_signal(int number)
{
    /* Later ones of the same kind end the process (SA_RESETHAND); another kind does as this one. */
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
    catch(SIGINT, on_signal, (int)SA_RESETHAND);
    catch(SIGTERM, on_signal, (int)SA_RESETHAND);
    catch(SIGHUP, on_signal, (int)SA_RESETHAND);
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
