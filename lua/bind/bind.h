/* lua/bind/bind.h: what the bound types share. One type a file; a file NAME.c defines
 * stlua_register_NAME, and the build lists the folder. bind*.c is shared.
 *
 * A Lua error is a jump over the C frame, so before any call that can raise, every resource belongs to
 * a userdata or a luaL_Buffer. What hardware and files do to us is stlua_raise; a wrong argument is a
 * Lua argument error. */
#ifndef STLUA_BIND_H
#define STLUA_BIND_H

#include <lauxlib.h>
#include <lua.h>

#include "stl/nvm.h"
#include "stl/trace.h"

#define STLUA_ERROR "stlua.Error"
#define STLUA_PROBE "stlua.Probe"
#define STLUA_DAP   "stlua.Dap"
#define STLUA_NVM   "stlua.Nvm"
#define STLUA_PLAN  "stlua.Plan"
#define STLUA_IMAGE "stlua.Image"

/* The most that one call reads or writes: more than any region of a target, less than a typing error. */
#define STLUA_MAX_BYTES (64 * 1024 * 1024)

/* Push the module `stlua`. */
int stlua_open_module(lua_State *L);

/* Written by the build: calls every stlua_register_NAME. The module table is on top of the stack. */
void stlua_register_all(lua_State *L);

/* ---- errors (error.c) ---- */
void stlua_push_error(lua_State *L, const stl_error *err);
/* Raise err as a table { code, message, hint, context, addr }; never returns. */
int stlua_raise(lua_State *L, const stl_error *err);
/* Raise an error that begins here. */
int stlua_fail(lua_State *L, stl_code code, const char *hint, const char *format, ...) STL_PRINTF(4, 5);

/* ---- arguments (bind_args.c) ---- */
uint32_t stlua_check_u32(lua_State *L, int arg);
uint8_t stlua_check_u8(lua_State *L, int arg);
size_t stlua_check_count(lua_State *L, int arg, size_t most);
/* Fields of the table at arg (which may be absent: then the fallback). Wrong types are argument errors
 * that name the field. */
uint32_t stlua_field_u32(lua_State *L, int arg, const char *name, uint32_t fallback);
uint32_t stlua_need_u32(lua_State *L, int arg, const char *name);
bool stlua_field_bool(lua_State *L, int arg, const char *name, bool fallback);
/* The index of value in names (ended by NULL); fallback when the field is absent. */
int stlua_field_choice(lua_State *L, int arg, const char *name, const char *const names[], int fallback);
/* A table with a field that is not in known (ended by NULL) is a typing error. */
void stlua_check_fields(lua_State *L, int arg, const char *const known[]);
void stlua_set_integer(lua_State *L, const char *name, lua_Integer value);
void stlua_set_bool(lua_State *L, const char *name, bool value);
void stlua_set_string(lua_State *L, const char *name, const char *value);

/* Make a metatable NAME with methods as __index. */
void stlua_new_type(lua_State *L, const char *name, const luaL_Reg *methods, const luaL_Reg *meta);

/* ---- what owns what (bind_node.c) ---- */
/* The head of a userdata that borrows from another one. Closing a parent closes its children first, so
 * a child never touches what is gone; a child keeps its parent alive by a user value. */
typedef struct stlua_node {
    struct stlua_node *parent, *first_child, *next_sibling;
    void (*release)(struct stlua_node *node); /* give the resource back; the node is open */
    bool is_open;
} stlua_node;

void stlua_node_open(stlua_node *node, stlua_node *parent, void (*release)(stlua_node *node));
void stlua_node_close(stlua_node *node); /* a second call does nothing */

/* ---- progress (bind_progress.c) ---- */
/* A progress function of Lua, called from inside core functions. What it raises travels on after the
 * core has cleaned up. Returning false, or a signal, stops the work. */
typedef struct stlua_progress {
    stl_progress progress; /* hand this to the core */
    lua_State *L;
    int function_index; /* 0: none */
    int error_index;    /* a stack slot; nil unless the function has raised */
    bool is_stopped;
} stlua_progress;

/* The function is the field "progress" of the table at options_arg, if any. Pushes one slot. */
void stlua_progress_begin(lua_State *L, stlua_progress *progress, int options_arg);
/* Raise what the function raised; otherwise return. */
void stlua_progress_end(stlua_progress *progress);

/* ---- log (log.c) ---- */
const stl_log *stlua_log(lua_State *L); /* lives as long as L; also makes L the state that is called */

/* ---- signals (interrupt.c) ---- */
/* True once after each signal: whoever asks has to stop what is being done. */
bool stlua_take_interrupt(void);

/* ---- files in the binary (written by the build) ---- */
typedef struct stlua_embedded_file {
    const char *name; /* "lua/stdlib/session.lua" */
    const unsigned char *bytes;
    size_t byte_count;
} stlua_embedded_file;
extern const stlua_embedded_file stlua_embedded_files[]; /* ends with a NULL name */

/* A state whose memory is overwritten when it is given back; NULL when there is none. lua_close() it. */
lua_State *stlua_new_state(void);

/* ---- handed from type to type ---- */
typedef struct stlua_probe {
    stlua_node node;
    stl_probe *probe;
    stl_trace *trace; /* NULL: nobody wants one */
} stlua_probe;
typedef struct stlua_dap {
    stlua_node node;
    stl_dap *dap;
    stlua_probe *probe;
    bool is_left_halted;
    stl_error *left_err; /* where release_dap tells what went wrong; NULL: nobody asks */
} stlua_dap;
typedef struct stlua_nvm {
    stlua_node node;
    stl_nvm *nvm;
    stlua_dap *dap;
} stlua_nvm;

stlua_probe *stlua_check_probe(lua_State *L, int arg); /* open */
stlua_dap *stlua_check_dap(lua_State *L, int arg);     /* open */
stlua_nvm *stlua_check_nvm(lua_State *L, int arg);     /* open */
stl_image *stlua_check_image(lua_State *L, int arg);
/* Push an empty image userdata; the caller puts the image into it, so that a raise cannot leak it. */
stl_image **stlua_push_image(lua_State *L);
/* Push an empty plan that belongs to the NVM at nvm_arg. */
stl_plan **stlua_push_plan(lua_State *L, int nvm_arg);
const stl_plan *stlua_check_plan(lua_State *L, int arg, int nvm_arg); /* nvm_arg 0: any */
int stlua_dap_connect(lua_State *L);  /* probe:connect, in dap.c */
int stlua_nvm_open(lua_State *L);     /* dap:nvm, in nvm.c */

#endif
