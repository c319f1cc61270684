/* lua/bind/bind_memory.c: a Lua state whose memory is overwritten when it is given back.
 * Lua cannot overwrite a string, and keys are strings on their way into the chip: once collected, nothing of
 * them is left in the heap, in a core dump or in what the next allocation finds. */
#include "bind.h"

#include <stdlib.h>
#include <string.h>

static void give_back(void *block, size_t byte_count)
{
    if (block)
        explicit_bzero(block, byte_count);
    free(block);
}

/* lua_Alloc. Never realloc(), which may leave the old block behind as it was. */
static void *allocate(void *self, void *old, size_t old_bytes, size_t new_bytes)
{
    (void)self;
    if (!new_bytes) {
        give_back(old, old_bytes);
        return NULL;
    }
    void *block = malloc(new_bytes);
    if (!old)
        return block;
    if (block) {
        memcpy(block, old, old_bytes < new_bytes ? old_bytes : new_bytes);
        give_back(old, old_bytes);
    } else if (new_bytes < old_bytes) {
        return old; /* Lua relies on shrinking */
    }
    return block;
}

lua_State *stlua_new_state(void)
{
    return lua_newstate(allocate, NULL);
}
