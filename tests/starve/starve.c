/* tests/starve/starve.c: linked into a `stlua` of its own, stlua-starved, with --wrap for every
 * function that allocates. Calls of libstl, of the binding and of Lua's allocator come here; those
 * of shared libraries do not. The environment says what fails:
 *
 *   STL_STARVE_WHO=core|lua  whose allocations: those through the allocator of a Lua state are
 *                            Lua's, all others are libstl's and the binding's; unset: both
 *
 *   STL_STARVE_AT=N          the N-th of them, counted from 1; unset: none
 *
 *   STL_STARVE_FOR=K         and the K - 1 after it: 2 also fails the second attempt that Lua makes
 *                            when it has collected its garbage; 0: all that follow; unset: 1
 *
 *   STL_STARVE_COUNT=FILE    "core N lua M", all there were, goes there at the end */
#include <dirent.h>
#include <errno.h>
#include <lua.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static unsigned long core_count, lua_count, seen_count, fail_at, fail_count = 1;
static bool is_in_lua, is_lua_spared, is_core_spared;

static bool must_fail(void)
{
    (*(is_in_lua ? &lua_count : &core_count))++;
    if (is_in_lua ? is_lua_spared : is_core_spared)
        return false;
    seen_count++;
    const bool is_short =
        fail_at && seen_count >= fail_at && (!fail_count || seen_count - fail_at < fail_count);
    if (is_short)
        errno = ENOMEM;
    return is_short;
}

/* ---- what the linker puts in place of each name, and what it was ---- */

#define WRAPPED(result, name, params, args)                                                        \
    result __real_##name params;                                                                   \
    result __wrap_##name params;                                                                   \
    result __wrap_##name params                                                                    \
    {                                                                                              \
        return must_fail() ? NULL : __real_##name args;                                            \
    }

WRAPPED(void *, malloc, (size_t byte_count), (byte_count))
WRAPPED(void *, calloc, (size_t count, size_t item_bytes), (count, item_bytes))
WRAPPED(void *, realloc, (void *old, size_t byte_count), (old, byte_count))
WRAPPED(FILE *, fopen, (const char *path, const char *mode), (path, mode))
WRAPPED(FILE *, fdopen, (int fd, const char *mode), (fd, mode))
WRAPPED(DIR *, opendir, (const char *path), (path))

/* Into room that is there already it allocates nothing. */
char *__real_realpath(const char *path, char *room);
char *__wrap_realpath(const char *path, char *room);

char *__wrap_realpath(const char *path, char *room)
{
    return !room && must_fail() ? NULL : __real_realpath(path, room);
}

/* ---- the allocator of a Lua state ---- */

typedef struct lua_memory {
    lua_Alloc allocate;
    void *self;
} lua_memory;

enum { MAX_STATES = 64 };

static void *allocate_for_lua(void *self, void *old, size_t old_bytes, size_t new_bytes)
{
    const lua_memory *memory = self;
    is_in_lua = true;
    void *block = memory->allocate(memory->self, old, old_bytes, new_bytes);
    is_in_lua = false;
    return block;
}

lua_State *__real_lua_newstate(lua_Alloc allocate, void *self);
lua_State *__wrap_lua_newstate(lua_Alloc allocate, void *self);

lua_State *__wrap_lua_newstate(lua_Alloc allocate, void *self)
{
    static lua_memory memories[MAX_STATES]; /* no state of stlua outlives the process */
    static unsigned count;
    if (count == MAX_STATES)
        abort();
    memories[count] = (lua_memory){allocate, self};
    return __real_lua_newstate(allocate_for_lua, &memories[count++]);
}

/* ---- what is asked for ---- */

static void write_count(void)
{
    FILE *file = __real_fopen(getenv("STL_STARVE_COUNT"), "w");
    if (!file || fprintf(file, "core %lu lua %lu\n", core_count, lua_count) < 0 || fclose(file))
        abort(); /* a test that counts nothing would pass */
}

static unsigned long number(const char *name, unsigned long usual)
{
    const char *text = getenv(name);
    return text ? strtoul(text, NULL, 10) : usual;
}

__attribute__((constructor)) static void begin(void)
{
    const char *who = getenv("STL_STARVE_WHO");
    is_lua_spared = who && !strcmp(who, "core");
    is_core_spared = who && !strcmp(who, "lua");
    fail_at = number("STL_STARVE_AT", 0);
    fail_count = number("STL_STARVE_FOR", 1);
    if (getenv("STL_STARVE_COUNT") && atexit(write_count))
        abort();
}
