--- The Lua prompt: `session`, `stlua`, `image`, `targets` and `format` are there. Works in a pipe, too:
--- then there is no prompt, and the exit status is 1 if a line failed.
local stlua = require "stlua"

local M = {}

local banner = "stlua %s, Lua prompt. `session.dap:read32(0x08000000)` connects and reads; `=x` shows x; Ctrl-D ends.\n"

-- Tables are shown one level deep, integers of target size in hex as well.
local function show(value)
  if math.type(value) == "integer" and value > 255 then return ("%d (0x%08X)"):format(value, value) end
  if type(value) == "string" then return (("%q"):format(value):gsub("\\\n", "\\n")) end
  if type(value) ~= "table" or getmetatable(value) then return tostring(value) end
  local parts, keys = {}, {}
  for key in pairs(value) do keys[#keys + 1] = key end
  table.sort(keys, function(a, b)
    if type(a) == type(b) and (type(a) == "number" or type(a) == "string") then return a < b end
    return type(a) == "number" and type(b) ~= "number"
  end)
  for _, key in ipairs(keys) do
    local item = value[key]
    local text = type(item) == "table" and "{...}" or show(item)
    parts[#parts + 1] = type(key) == "number" and text or tostring(key) .. " = " .. text
  end
  return "{ " .. table.concat(parts, ", ") .. " }"
end

M.show = show

local function compile(text, env)
  local expression = text:match("^%s*=(.*)$")
  local chunk = load("return " .. (expression or text), "=prompt", "t", env)
  if chunk then return chunk end
  return load(expression and "return " .. expression or text, "=prompt", "t", env)
end

-- Lines until they make a chunk; nil at the end of input.
local function read_chunk(env, is_terminal)
  local text
  while true do
    if is_terminal then
      io.stdout:write(text and ">> " or "> ")
      io.stdout:flush()
    end
    local line = io.stdin:read("l")
    if not line then return nil, text end
    text = text and text .. "\n" .. line or line
    local chunk, why = compile(text, env)
    if chunk then return chunk end
    if not why:match("<eof>'?$") then return nil, nil, why end
  end
end

local function run_chunk(chunk)
  local results = table.pack(pcall(chunk))
  if not results[1] then return false, tostring(results[2]) end
  local parts = {}
  for i = 2, results.n do parts[#parts + 1] = show(results[i]) end
  if #parts > 0 then io.stdout:write(table.concat(parts, "\t"), "\n") end
  return true
end

---@param session stlua.Session
---@param out stlua.Output
---@return integer exit_status
function M.run(session, out)
  local env = setmetatable({
    session = session, stlua = stlua, image = require "stlua.image", targets = require "stlua.targets",
    format = require "stlua.format",
  }, { __index = _G })
  local is_terminal = stlua.is_terminal("stdin")
  local has_failed = false
  if is_terminal and not out.is_quiet then io.stdout:write(banner:format(stlua.version)) end
  while true do
    local chunk, rest, why = read_chunk(env, is_terminal)
    if not chunk and not why then
      if rest then why = "unfinished: " .. rest else break end
    end
    local ok = false
    if chunk then ok, why = run_chunk(chunk) end
    if not ok then
      has_failed = true
      io.stderr:write(why, "\n")
    end
    stlua.catch_signals() -- Ctrl-C stops a line, not the prompt
  end
  if is_terminal then io.stdout:write("\n") end
  return has_failed and not is_terminal and 1 or 0
end

return M
