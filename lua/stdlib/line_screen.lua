--- What an operator sees: PASS or FAIL as large as the window allows, the serial number, and one line that
--- says what to do next. Letters and words carry it; colour only helps.
local stlua = require "stlua"

local M = {}

local glyphs = {
  P = { "#### ", "#   #", "#### ", "#    ", "#    " },
  A = { " ### ", "#   #", "#####", "#   #", "#   #" },
  S = { " ####", "#    ", " ### ", "    #", "#### " },
  F = { "#####", "#    ", "###  ", "#    ", "#    " },
  I = { "#####", "  #  ", "  #  ", "  #  ", "#####" },
  L = { "#    ", "#    ", "#    ", "#    ", "#####" },
}

local glyph_rows, glyph_columns, gap = 5, 5, 2

-- A word in large letters, each cell `scale` characters wide.
local function large(word, scale)
  local lines = {}
  for row = 1, glyph_rows do
    local cells = {}
    for char in word:gmatch "." do cells[#cells + 1] = glyphs[char][row]:gsub(".", function(c) return c:rep(scale) end) end
    lines[row] = table.concat(cells, (" "):rep(gap * scale))
  end
  return lines
end

local function center(text, width) return (" "):rep(math.max(0, (width - (utf8.len(text, 1, -1, true) or #text)) // 2)) .. text end

local function use_colour() return stlua.is_terminal "stdout" and (os.getenv "NO_COLOR" or "") == "" end

local colours = { pass = "\27[1;37;42m", fail = "\27[1;37;41m" }

-- Full lines in one colour: what an eye catches from three metres.
local function paint(lines, result, width)
  local start = use_colour() and colours[result] or ""
  local stop = start ~= "" and "\27[0m" or ""
  local out = {}
  for i, line in ipairs(lines) do
    local fill = stop ~= "" and (" "):rep(width - (utf8.len(line, 1, -1, true) or #line)) or ""
    out[i] = start .. line .. fill .. stop
  end
  return out
end

--- What to do with a board now.
---@param unit stlua.LineUnit
---@return string
function M.next_action(unit)
  if unit.result == "pass" then return "take the board out, put the next one in" end
  if unit.code == "interrupted" then return "stopped: this board is not finished; do it again" end
  return "put the board aside, put the next one in"
end

--- The block for one unit, as lines.
---@param unit stlua.LineUnit
---@param width integer columns
---@return string[]
function M.block(unit, width)
  local word = unit.result == "pass" and "PASS" or "FAIL"
  local scale = math.max(1, math.min(3, (width - 4) // (4 * glyph_columns + 3 * gap)))
  local lines = { "" }
  for _, line in ipairs(large(word, scale)) do lines[#lines + 1] = center(line, width) end
  lines[#lines + 1] = ""
  lines[#lines + 1] = center(unit.serial or unit.uid or "no serial number", width)
  if unit.serial and unit.uid then lines[#lines + 1] = center("UID " .. unit.uid, width) end
  lines[#lines + 1] = ""
  for i, line in ipairs(lines) do lines[i] = line:gsub("%s+$", "") end
  lines = paint(lines, unit.result, width)
  if unit.is_returning then lines[#lines + 1] = "this board has been here before: it keeps its number" end
  if unit.message then lines[#lines + 1] = ("[%s] %s"):format(unit.code, unit.message) end
  lines[#lines + 1] = M.next_action(unit)
  return lines
end

--- The same in one line, for logs and --quiet.
---@param unit stlua.LineUnit
---@return string
function M.line(unit)
  local text = ("%s  %s  UID %s  %.2f s"):format(unit.result == "pass" and "PASS" or "FAIL", unit.serial or "-", unit.uid or "?",
    unit.elapsed_s)
  if unit.message then text = ("%s  [%s] %s"):format(text, unit.code, unit.message) end
  return text
end

return M
