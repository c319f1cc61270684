--- From a script's `args` table to checked values. lua-argparse does the parsing.
---
--- An argument: { "image", type = "path", help = "..." } or { "-o --output", ... }. Fields: type (path,
--- int, addr, size, flag, choice, string; string is the default), choices, default, optional (positional
--- ones), many (a list), words = 2 (an option with two values), metavar, help.
local errors = require "stlua.errors"
local memory = require "stlua.memory"

local M = {}

-- ---- types ----

local function parse_int(text)
  local number = math.tointeger(tonumber(text))
  if not number or not text:match("^[%dxXa-fA-F]+$") then return nil, ("'%s' is not a number"):format(text) end
  return number
end

local function parse_addr(text)
  local number, why = parse_int(text)
  if number and number > 0xFFFFFFFF then return nil, ("'%s' does not fit into 32 bits"):format(text) end
  return number, why
end

local units = { [""] = 1, k = 1024, kib = 1024, kb = 1024, m = 1024 * 1024, mib = 1024 * 1024 }

local function parse_size(text)
  local number = parse_int(text)
  if number then return number end
  local digits, unit = text:match("^(%d+)%s*(%a*)$")
  local factor = unit and units[unit:lower()]
  if not factor then return nil, ("'%s' is not a size; write 512, 0x200 or 4K"):format(text) end
  return math.tointeger(digits) * factor
end

local converters = { int = parse_int, addr = parse_addr, size = parse_size }

-- ---- what every command takes ----

M.globals = {
  { "--probe", metavar = "WHICH", help = "sim:BOARD[?KEY=VALUE&...], sim:@SOCKET, usb:PORT or a serial number; "
    .. "default: $STLUA_PROBE, then the only ST-LINK on USB" },
  { "--board", metavar = "NAME", help = "a board of `stlua targets`, or the path of a board file" },
  { "--target", metavar = "PART", help = "the chip, where its registers do not tell" },
  { "--speed", type = "int", metavar = "KHZ", help = "SWD clock at most; default: the fastest" },
  { "--connect", type = "choice", choices = { "normal", "under-reset", "hotplug" },
    help = "how to attach; hotplug neither resets nor halts" },
  { "--wait", type = "flag", help = "until a probe is plugged in and a target answers" },
  { "--trace", metavar = "FILE", help = "keep what goes over USB, for Wireshark: FILE.pcapng, or FILE.pcapng.gz" },
  { "--json", type = "flag", help = "one JSON object at the end, nothing else" },
  { "--dry-run", type = "flag", help = "show the plan, write nothing" },
  { "-q --quiet", type = "flag", help = "only warnings and the verdict" },
  { "-v --verbose", type = "flag", help = "remarks of the lower layers, and where a script failed" },
  { "-h --help", type = "flag", help = "this" },
}

--- "-o --output" -> "output"; "--dry-run" -> "dry_run"
local function key_of(names)
  local long = names:match("%-%-([%w%-]+)") or names:match("^%-?([%w_%-]+)")
  return (long:gsub("-", "_"))
end

--- Options that take a value, for finding the command among them.
function M.global_values()
  local set = {}
  for _, option in ipairs(M.globals) do
    if option.type ~= "flag" then
      for name in option[1]:gmatch("%S+") do set[name] = true end
    end
  end
  return set
end

-- ---- building ----

local function add_option(parser, arg)
  local is_flag = arg.type == "flag"
  local element = is_flag and parser:flag(arg[1]) or parser:option(arg[1])
  if not is_flag then
    element:args(arg.words or 1)
    if arg.metavar then element:argname(arg.metavar) end
    if arg.many then element:count("*") end
    if arg.required then element:count(1) end
  end
  return element
end

local function add_positional(parser, arg)
  local element = parser:argument(arg[1])
  if arg.many then
    element:args(arg.optional and "*" or "+")
  elseif arg.optional then
    element:args("?")
  end
  return element
end

local function add(parser, arg)
  local element = arg[1]:match("^%-") and add_option(parser, arg) or add_positional(parser, arg)
  element:target(key_of(arg[1]))
  if arg.help then element:description(arg.help) end
  if arg.choices then element:choices(arg.choices) end
  if converters[arg.type] then element:convert(converters[arg.type]) end
end

--- A parser for one command.
---@param name string
---@param script { summary: string?, description: string?, args: table[]? }
function M.parser(name, script)
  local ok, argparse = memory.pcall(require, "argparse")
  if not ok then errors.raise("file", "apt-get install lua-argparse", "the Lua module argparse is not installed") end
  local parser = argparse("stlua " .. name, script.summary)
  parser:add_help(false)
  parser:usage_margin(7):usage_max_width(100):help_max_width(100)
  if script.description then parser:epilog(script.description) end
  for _, arg in ipairs(script.args or {}) do add(parser, arg) end
  for _, option in ipairs(M.globals) do add(parser, option) end
  return parser
end

--- Parse words; raises a usage error that says what is wrong with them.
---@param name string for the hint
---@param parser table
---@param words string[]
---@param args table[]? for defaults
---@return table values
function M.parse(name, parser, words, args)
  local ok, result = parser:pparse(words)
  if not ok then
    local message, nearest = result:match("^(.-)\n(.*)$")
    local hint = nearest and nearest:gsub("^Did", "did") or ("`stlua %s --help`"):format(name)
    error(errors.new("usage", hint, "%s", (message or result)), 0)
  end
  for _, arg in ipairs(args or {}) do
    local key = key_of(arg[1])
    if result[key] == nil then
      if arg.type == "flag" then result[key] = false else result[key] = arg.default end
    end
  end
  return result
end

return M
