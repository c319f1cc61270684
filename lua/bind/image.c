/* lua/bind/image.c: a sparse image of target memory, and the files it comes from. The methods are in
 * the table stlua.image.methods, where lua/stdlib/image.lua adds its own. */
#include "bind.h"

#include <string.h>

static const char *const format_names[] = {"auto", "hex", "srec", "elf", "bin", NULL};

stl_image **stlua_push_image(lua_State *L)
{
    /* a pointer is what is kept: NOLINTNEXTLINE(bugprone-sizeof-expression) */
    stl_image **ud = lua_newuserdatauv(L, sizeof *ud, 0);
    *ud = NULL;
    luaL_setmetatable(L, STLUA_IMAGE);
    return ud;
}

stl_image *stlua_check_image(lua_State *L, int arg)
{
    stl_image **ud = luaL_checkudata(L, arg, STLUA_IMAGE);
    luaL_argcheck(L, *ud, arg, "image is closed");
    return *ud;
}

static stl_image *check(lua_State *L)
{
    return stlua_check_image(L, 1);
}

/* ---- making ---- */

static stl_image_options read_options(lua_State *L, int arg)
{
    static const char *const known[] = {"base_addr", "format", NULL};
    stlua_check_fields(L, arg, known);
    stl_image_options options = {
        .format = (stl_image_format)stlua_field_choice(L, arg, "format", format_names, STL_IMAGE_AUTO),
        .base_addr = stlua_field_u32(L, arg, "base_addr", 0),
    };
    if (!lua_isnoneornil(L, arg)) {
        options.has_base = lua_getfield(L, arg, "base_addr") != LUA_TNIL;
        lua_pop(L, 1);
    }
    return options;
}

/* image.load(path [, { base_addr =, format = }]) -> image. Raises: file, format, overlap, argument. */
static int l_load(lua_State *L)
{
    const char *path = luaL_checkstring(L, 1);
    const stl_image_options options = read_options(L, 2);
    stl_image **image = stlua_push_image(L);
    stl_error err;
    if (stl_image_load(path, &options, image, &err))
        return stlua_raise(L, &err);
    return 1;
}

/* image.parse(name, bytes [, { base_addr =, format = }]) -> image; name is for messages. */
static int l_parse(lua_State *L)
{
    size_t count;
    const char *name = luaL_checkstring(L, 1), *bytes = luaL_checklstring(L, 2, &count);
    const stl_image_options options = read_options(L, 3);
    stl_image **image = stlua_push_image(L);
    stl_error err;
    if (stl_image_parse(name, bytes, count, &options, image, &err))
        return stlua_raise(L, &err);
    return 1;
}

/* image.new() -> an image without bytes */
static int l_new(lua_State *L)
{
    stl_image **image = stlua_push_image(L);
    stl_error err;
    if (stl_image_new(image, &err))
        return stlua_raise(L, &err);
    return 1;
}

/* image:copy() -> image */
static int l_copy(lua_State *L)
{
    const stl_image *from = check(L);
    stl_image **image = stlua_push_image(L);
    stl_error err;
    if (stl_image_copy(from, image, &err))
        return stlua_raise(L, &err);
    return 1;
}

/* ---- looking ---- */

/* image:segments() -> array of { addr, byte_count }, ascending */
static int l_segments(lua_State *L)
{
    const stl_image *image = check(L);
    const size_t count = stl_image_segment_count(image);
    lua_newtable(L);
    for (size_t i = 0; i < count; i++) {
        const stl_segment segment = stl_image_segment(image, i);
        lua_createtable(L, 0, 2);
        stlua_set_integer(L, "addr", segment.addr);
        stlua_set_integer(L, "byte_count", (lua_Integer)segment.byte_count);
        lua_rawseti(L, -2, (lua_Integer)i + 1);
    }
    return 1;
}

/* image:byte_count() -> bytes held, gaps not counted */
static int l_byte_count(lua_State *L)
{
    lua_pushinteger(L, (lua_Integer)stl_image_byte_count(check(L)));
    return 1;
}

/* image:format() -> "Intel HEX", "ELF, gzip", "" for a new one */
static int l_format(lua_State *L)
{
    lua_pushstring(L, stl_image_format_name(check(L)));
    return 1;
}

/* image:entry() -> address, or nil */
static int l_entry(lua_State *L)
{
    uint32_t entry_addr;
    if (!stl_image_has_entry(check(L), &entry_addr))
        return 0;
    lua_pushinteger(L, entry_addr);
    return 1;
}

/* image:read(addr, byte_count [, fill = 0]) -> bytes, number of bytes that the image does not have */
static int l_read(lua_State *L)
{
    const stl_image *image = check(L);
    const uint32_t addr = stlua_check_u32(L, 2);
    const size_t count = stlua_check_count(L, 3, STLUA_MAX_BYTES);
    const uint8_t fill = lua_isnoneornil(L, 4) ? 0 : stlua_check_u8(L, 4);
    luaL_argcheck(L, addr + (uint64_t)count <= UINT64_C(1) << 32, 3, "runs past 0xFFFFFFFF");
    luaL_Buffer out;
    char *bytes = luaL_buffinitsize(L, &out, count);
    size_t missing;
    stl_image_read(image, addr, bytes, count, fill, &missing);
    luaL_pushresultsize(&out, count);
    lua_pushinteger(L, (lua_Integer)missing);
    return 2;
}

/* ---- changing; each returns the image, so that calls can be chained ---- */

/* image:add(addr, bytes) -> image. Raises: overlap, range. */
static int l_add(lua_State *L)
{
    size_t count;
    const uint32_t addr = stlua_check_u32(L, 2);
    const char *bytes = luaL_checklstring(L, 3, &count);
    stl_error err;
    if (stl_image_add(check(L), addr, bytes, count, &err))
        return stlua_raise(L, &err);
    lua_settop(L, 1);
    return 1;
}

/* image:write(addr, bytes) -> image: replaces what is there. */
static int l_write(lua_State *L)
{
    size_t count;
    const uint32_t addr = stlua_check_u32(L, 2);
    const char *bytes = luaL_checklstring(L, 3, &count);
    stl_error err;
    if (stl_image_write(check(L), addr, bytes, count, &err))
        return stlua_raise(L, &err);
    lua_settop(L, 1);
    return 1;
}

/* image:crop(addr, byte_count) -> image: drop everything outside. */
static int l_crop(lua_State *L)
{
    const uint32_t addr = stlua_check_u32(L, 2);
    const size_t count = stlua_check_count(L, 3, (size_t)1 << 32);
    stl_error err;
    if (stl_image_crop(check(L), addr, count, &err))
        return stlua_raise(L, &err);
    lua_settop(L, 1);
    return 1;
}

/* image:cut(addr, byte_count) -> image: drop everything inside. */
static int l_cut(lua_State *L)
{
    const uint32_t addr = stlua_check_u32(L, 2);
    const size_t count = stlua_check_count(L, 3, (size_t)1 << 32);
    stl_error err;
    if (stl_image_cut(check(L), addr, count, &err))
        return stlua_raise(L, &err);
    lua_settop(L, 1);
    return 1;
}

/* image:save(path [, { format =, fill = 0 }]) -> image. Format by the path's extension. */
static int l_save(lua_State *L)
{
    static const char *const known[] = {"format", "fill", NULL};
    const stl_image *image = check(L);
    const char *path = luaL_checkstring(L, 2);
    stlua_check_fields(L, 3, known);
    const stl_image_format format =
        (stl_image_format)stlua_field_choice(L, 3, "format", format_names, STL_IMAGE_AUTO);
    const uint32_t fill = stlua_field_u32(L, 3, "fill", 0);
    luaL_argcheck(L, fill <= UINT8_MAX, 3, "field 'fill' must be a byte");
    stl_error err;
    if (stl_image_save(image, path, format, (uint8_t)fill, &err))
        return stlua_raise(L, &err);
    lua_settop(L, 1);
    return 1;
}

/* ---- names from an ELF file ---- */

static int push_name(lua_State *L, const stl_image_name *name)
{
    lua_newtable(L);
    stlua_set_string(L, "name", name->name);
    stlua_set_integer(L, "addr", name->addr);
    stlua_set_integer(L, "load_addr", name->load_addr);
    stlua_set_integer(L, "byte_count", name->byte_count);
    stlua_set_bool(L, "is_loaded", name->is_loaded);
    stlua_set_bool(L, "is_function", name->is_function);
    stlua_set_bool(L, "is_global", name->is_global);
    return 1;
}

/* image:symbol(name) -> { name, addr, load_addr, byte_count, is_loaded, is_function, is_global }.
 * Raises: argument, ambiguous. */
static int l_symbol(lua_State *L)
{
    stl_image_name name;
    stl_error err;
    if (stl_image_symbol(check(L), luaL_checkstring(L, 2), &name, &err))
        return stlua_raise(L, &err);
    return push_name(L, &name);
}

/* image:section(name) -> the same for a section */
static int l_section(lua_State *L)
{
    stl_image_name name;
    stl_error err;
    if (stl_image_section(check(L), luaL_checkstring(L, 2), &name, &err))
        return stlua_raise(L, &err);
    return push_name(L, &name);
}

/* image:symbols() -> array of all */
static int l_symbols(lua_State *L)
{
    const stl_image *image = check(L);
    const size_t count = stl_image_symbol_count(image);
    lua_newtable(L);
    for (size_t i = 0; i < count; i++) {
        const stl_image_name name = stl_image_symbol_at(image, i);
        push_name(L, &name);
        lua_rawseti(L, -2, (lua_Integer)i + 1);
    }
    return 1;
}

/* image:sections() -> array of all */
static int l_sections(lua_State *L)
{
    const stl_image *image = check(L);
    const size_t count = stl_image_section_count(image);
    lua_newtable(L);
    for (size_t i = 0; i < count; i++) {
        const stl_image_name name = stl_image_section_at(image, i);
        push_name(L, &name);
        lua_rawseti(L, -2, (lua_Integer)i + 1);
    }
    return 1;
}

/* ---- the end ---- */

static int l_close(lua_State *L)
{
    stl_image **ud = luaL_checkudata(L, 1, STLUA_IMAGE);
    stl_image_free(*ud);
    *ud = NULL;
    return 0;
}

static int l_tostring(lua_State *L)
{
    stl_image *const *ud = luaL_checkudata(L, 1, STLUA_IMAGE);
    if (*ud)
        lua_pushfstring(L, "stlua.Image (%I bytes)", (LUAI_UACINT)stl_image_byte_count(*ud));
    else
        lua_pushliteral(L, "stlua.Image (closed)");
    return 1;
}

void stlua_register_image(lua_State *L);

void stlua_register_image(lua_State *L)
{
    static const luaL_Reg functions[] = {
        {"load", l_load}, {"parse", l_parse}, {"new", l_new}, {NULL, NULL}};
    static const luaL_Reg methods[] = {
        {"segments", l_segments}, {"byte_count", l_byte_count}, {"format", l_format},
        {"entry", l_entry},       {"read", l_read},             {"add", l_add},
        {"write", l_write},       {"crop", l_crop},             {"cut", l_cut},
        {"save", l_save},         {"copy", l_copy},             {"symbol", l_symbol},
        {"section", l_section},   {"symbols", l_symbols},       {"sections", l_sections},
        {"close", l_close},       {NULL, NULL},
    };
    static const luaL_Reg meta[] = {
        {"__gc", l_close}, {"__close", l_close}, {"__tostring", l_tostring}, {NULL, NULL}};
    stlua_new_type(L, STLUA_IMAGE, methods, meta);
    luaL_newlib(L, functions);
    luaL_getmetatable(L, STLUA_IMAGE);
    lua_getfield(L, -1, "__index");
    lua_setfield(L, -3, "methods");
    lua_pop(L, 1);
    lua_setfield(L, -2, "image");
}
