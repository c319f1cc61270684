--- Is this table a board? Said when the file is loaded, by its name, and not where a field is first used.
local errors = require "stlua.errors"

local M = {}

local function is_text(value) return type(value) == "string" and value ~= "" end

local function is_texts(value)
  if type(value) ~= "table" then return false end
  for _, text in ipairs(value) do
    if not is_text(text) then return false end
  end
  return true
end

local modes = { normal = true, ["under-reset"] = true, hotplug = true }

-- What stlua itself reads; a board may say more, for its jobs.
local fields = {
  { "name", is_text, "a text", is_needed = true },
  { "part", is_text, "the name of a part, as `stlua targets` lists them", is_needed = true },
  { "description", is_text, "a text" },
  { "notes", is_texts, "a list of texts" },
  { "connect", function(value) return modes[value] or false end, "normal, under-reset or hotplug" },
  { "swclk_khz", function(value) return math.type(value) == "integer" and value > 0 end, "a number of kHz" },
}

--- The board itself. Raises: format.
---@param board table
---@param where string its file
---@return table board
function M.check(board, where)
  for _, field in ipairs(fields) do
    local name, is_right, wanted = table.unpack(field)
    local value = board[name]
    if (value ~= nil or field.is_needed) and not is_right(value) then
      errors.raise("format", "targets/boards/rak5205.lua is one that is right: `stlua which rak5205`",
        "%s: `%s` must be %s%s", where, name, wanted, value == nil and ", and is missing" or "")
    end
  end
  return board
end

return M
