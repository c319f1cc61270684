--- Simulated boards for scripts that try a flow, and for tests.
local session = require "stlua.session"

local M = {}

-- Percent-encode what has a meaning in a spec.
local function encode(value)
  return (tostring(value):gsub("[%%&=?#%s]", function(c) return ("%%%02X"):format(c:byte()) end))
end

--- The text of a simulated probe: spec("rak5205", { state = "b.sim" }) is "sim:rak5205?state=b.sim".
---@param name string a board or a part
---@param keys table<string, string|number>?
---@return string
function M.spec(name, keys)
  local parts, names = {}, {}
  for key in pairs(keys or {}) do names[#names + 1] = key end
  table.sort(names)
  for _, key in ipairs(names) do parts[#parts + 1] = key .. "=" .. encode(keys[key]) end
  return "sim:" .. name .. (#parts > 0 and "?" .. table.concat(parts, "&") or "")
end

local function wrp_words(sectors)
  local words = {}
  for _, sector in ipairs(sectors) do
    for i = #words + 1, sector // 32 + 1 do words[i] = 0 end
    words[sector // 32 + 1] = words[sector // 32 + 1] | 1 << sector % 32
  end
  for i, word in ipairs(words) do words[i] = ("0x%08X"):format(word) end
  return table.concat(words, ",")
end

--- A session with a simulated board of its own.
---   { target = "STM32L151CC" } or { board = "rak5205" }; wrp_sectors = { 3 }; keys = { probe = "v3" };
---   and the options of stlua.session.new
---@return stlua.Session
function M.session(options)
  local keys = {}
  for key, value in pairs(options.keys or {}) do keys[key] = value end
  if options.wrp_sectors then keys.wrp = wrp_words(options.wrp_sectors) end
  return session.new {
    probe = M.spec(options.board or options.target or "rak5205", keys),
    board = options.board, target = options.target, connect = options.connect, speed = options.speed,
    require_fast = options.require_fast, out = options.out,
  }
end

return M
