--- Look at image files, compare them, edit them; no probe is needed.
local errors = require "stlua.errors"
local format = require "stlua.format"
local image_files = require "stlua.image_files"
local json = require "stlua.json"
local value_types = require "stlua.identity_value"

local function load(args) return image_files.load(args.file, { base_addr = args.base, format = args.format, overlap = args.overlap }) end

local function need(args, ...)
  for _, name in ipairs { ... } do
    if args[name] == nil then
      errors.raise("usage", "`stlua image --help`", "`stlua image %s` needs --%s", args.action, (name:gsub("_", "-")))
    end
  end
end

-- The range of --from and --to; all of the image where they are missing.
local function range_of(args, content)
  local addr, byte_count = content:span()
  local from, to = args.from or addr, args.to or addr + byte_count - 1
  if to < from then
    errors.raise("range", "--to is the last address", "%s to %s is no range", format.addr(from), format.addr(to))
  end
  return from, to - from + 1
end

-- ---- looking ----

local actions = {}

local function list_names(session, title, names)
  local rows, objects = {}, json.array()
  for _, name in ipairs(names) do
    rows[#rows + 1] = { name.name, format.addr(name.load_addr), format.size(name.byte_count), name.is_loaded and "" or "no bytes in the file" }
    objects[#objects + 1] = name
  end
  if #rows > 0 then session:say("%s", title) end
  for _, line in ipairs(format.columns(rows)) do session:say("  %s", (line:gsub("%s+$", ""))) end
  return objects
end

function actions.info(session, args)
  local content = load(args)
  local segments = json.array(content:segments())
  session:say("%s: %s", table.concat(args.file, ", "), content:format())
  for _, segment in ipairs(segments) do
    session:say("  %s  %s", format.range(segment.addr, segment.byte_count), format.size(segment.byte_count))
  end
  if content:entry() then session:say("  entry %s", format.addr(content:entry())) end
  local sections = list_names(session, "sections", content:sections())
  local symbols = args.symbols and list_names(session, "symbols", content:symbols()) or nil
  return ("%s in %s"):format(format.size(content:byte_count()), format.count(#segments, "segment")), {
    files = args.file, format = content:format(), byte_count = content:byte_count(), segments = segments,
    entry_addr = content:entry(), sections = sections, symbols = symbols }
end

function actions.diff(session, args)
  if #args.file ~= 2 then errors.raise("usage", "stlua image diff OLD NEW", "two files are compared, not %d", #args.file) end
  local files = args.file
  local old <close> = image_files.load({ files[1] }, { base_addr = args.base, format = args.format })
  local new <close> = image_files.load({ files[2] }, { base_addr = args.base, format = args.format })
  local list, byte_count = old:diff(new), 0
  for _, item in ipairs(list) do
    session:say("%-7s  %s  %s", item.kind, format.range(item.addr, item.byte_count), format.size(item.byte_count))
    byte_count = byte_count + item.byte_count
  end
  if #list == 0 then return ("%s and %s hold the same %s"):format(files[1], files[2], format.size(old:byte_count())) end
  errors.raise("verify", nil, "%s and %s differ in %s, first at %s (%s)", files[1], files[2], format.size(byte_count),
    format.addr(list[1].addr), list[1].kind)
end

function actions.get(session, args)
  need(args, "at", "type")
  local content = load(args)
  local where = math.tointeger(tonumber(args.at)) or args.at
  local value = content:get(where, args.type)
  local addr = content:field(where, args.type).addr
  local is_number = math.type(value) == "integer"
  local digits = 2 * value_types.byte_count(args.type)
  local text = is_number and value >= 0 and ("%d (0x%0" .. digits .. "X)"):format(value, value) or tostring(value)
  session:say("%s  %s  %s", format.addr(addr), args.type, text)
  return text, { addr = addr, type = args.type, value = value }
end

-- ---- editing; each changes the image, and what is left is saved ----

local edits = {}

function edits.convert() end

function edits.merge(_, args)
  if #args.file < 2 then errors.raise("usage", nil, "one file is not merged with another: `stlua image convert` saves it") end
end

function edits.crop(content, args)
  if not (args.from or args.to) then need(args, "from") end
  content:crop(range_of(args, content))
  if content:byte_count() == 0 then errors.raise("range", nil, "nothing is left of the image") end
end

function edits.fill(content, args)
  need(args, "gap")
  local addr, byte_count = range_of(args, content)
  content:fill(addr, byte_count, args.gap)
end

function edits.move(content, args)
  need(args, "new_addr")
  local addr, byte_count = range_of(args, content)
  content:move(addr, byte_count, args.new_addr)
end

function edits.put(content, args)
  need(args, "at", "type", "value")
  content:put(math.tointeger(tonumber(args.at)) or args.at, args.type,
    args.type:match("^f%d") and tonumber(args.value) or args.value)
end

local function save(session, args)
  need(args, "output")
  local content = load(args)
  edits[args.action](content, args)
  local object = { files = args.file, output = args.output, byte_count = content:byte_count(),
    segments = json.array(content:segments()) }
  if session.is_dry_run then return "dry run, nothing written", object end
  image_files.save(content, args.output, args.gap)
  return ("%s in %s to %s"):format(format.size(object.byte_count), format.count(#object.segments, "segment"), args.output), object
end

local names = {}
for _, map in ipairs { actions, edits } do
  for name in pairs(map) do names[#names + 1] = name end
end
table.sort(names)

return {
  summary = "Look at image files, compare them, edit them",
  description = "info shows what a file holds; diff compares two; get reads a field. convert, merge, crop, fill, move and put "
    .. "write another file, -o FILE. Several files are put together first.",
  args = {
    { "action", type = "choice", choices = names, help = "what to do" },
    { "file", type = "path", many = true, help = "Intel HEX, S-record, ELF or binary, gzip or not" },
    { "--base", type = "addr", metavar = "ADDR", help = "where a binary file belongs" },
    { "--format", type = "choice", choices = { "hex", "srec", "elf", "bin" }, help = "do not guess the format" },
    { "--overlap", type = "choice", choices = { "error", "same", "replace" }, default = "error",
      help = "where files hold the same address: may they be equal, or does the last one win" },
    { "--from", type = "addr", metavar = "ADDR", help = "crop, fill, move: the first address" },
    { "--to", type = "addr", metavar = "ADDR", help = "crop, fill, move: the last address" },
    { "--new-addr", type = "addr", metavar = "ADDR", help = "move: where the first address goes" },
    { "--gap", type = "int", metavar = "BYTE", help = "fill: what gaps are to hold; and what they hold in a .bin" },
    { "--at", metavar = "WHERE", help = "get, put: an address or a symbol" },
    { "--type", metavar = "TYPE", help = "get, put: u32le, i16be, 'ascii(16)', 'hex(8)', eui64, eui64-reversed ..." },
    { "--value", metavar = "VALUE", help = "put: the value" },
    { "--symbols", type = "flag", help = "info: the symbols of an ELF, too" },
    { "-o --output", type = "path", metavar = "FILE", help = "write .hex, .s19, .bin" },
  },

  ---@param session stlua.Session
  run = function(session, args)
    local action = actions[args.action]
    if not action then return save(session, args) end
    if args.output then errors.raise("usage", nil, "`stlua image %s` writes no file", args.action) end
    return action(session, args)
  end,
}
