--- doctor: the next command, so that it can be typed as it stands: with the probe, board and chip that were
--- named on this command line, since without them it would look at another board, or at none.
local M = {}

local needs_no_probe = { list = true, targets = true, udev = true, ["--probe"] = true }

--- A word as the shell takes it for one.
local function shell_word(text)
  if text:match("^[%w@%%+=:,./_-]+$") then return text end
  return "'" .. text:gsub("'", "'\\''") .. "'"
end

---@param text string "stlua unlock"
---@param options stlua.SessionOptions
---@param default_probe string? $STLUA_PROBE: it holds for the next command, too
---@return string "stlua --probe sim:rak5205 unlock"
function M.complete(text, options, default_probe)
  local given = {}
  local function add(name, value)
    if value and not text:find("--" .. name, 1, true) then given[#given + 1] = ("--%s %s "):format(name, shell_word(value)) end
  end
  if options.probe ~= default_probe then add("probe", options.probe) end
  add("board", options.board)
  add("target", options.target)
  local words = table.concat(given)
  return (text:gsub("stlua ([%w%-]+)", function(word)
    return not needs_no_probe[word] and "stlua " .. words .. word or nil
  end))
end

return M
