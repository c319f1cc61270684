--- The chips and boards that stlua knows; no probe is needed.
local format = require "stlua.format"
local json = require "stlua.json"
local targets = require "stlua.targets"

local function sorted(map)
  local names = {}
  for name in pairs(map) do names[#names + 1] = name end
  table.sort(names)
  return names
end

local function matches(name, wanted) return not wanted or name:lower():find(wanted:lower(), 1, true) ~= nil end

local function part_rows(wanted)
  local rows, objects = {}, json.array()
  for _, name in ipairs(sorted(targets.all())) do
    local family = targets.all()[name]
    for _, part in ipairs(family.parts) do
      if matches(part.name, wanted) then
        rows[#rows + 1] = { part.name, part.variant.name, ("DEV_ID 0x%03X"):format(part.variant.dev_id),
          ("flash %3d KiB"):format(part.flash_kib), ("EEPROM %2d KiB"):format(part.eeprom_kib),
          ("RAM %2d KiB"):format(part.ram_kib) }
        objects[#objects + 1] = { name = part.name, family = family.family, variant = part.variant.name,
          dev_id = part.variant.dev_id, flash_kib = part.flash_kib, eeprom_kib = part.eeprom_kib, ram_kib = part.ram_kib }
      end
    end
  end
  return rows, objects
end

local function board_rows(wanted)
  local rows, objects = {}, json.array()
  for _, name in ipairs(sorted(targets.boards())) do
    local board = targets.boards()[name]
    if matches(name, wanted) or matches(board.part or "", wanted) then
      rows[#rows + 1] = { name, board.part or "", board.description or (board.problem and tostring(board.problem)) or "" }
      objects[#objects + 1] = { name = name, part = board.part, description = board.description }
    end
  end
  return rows, objects
end

return {
  summary = "List the chips and boards stlua knows",
  args = { { "pattern", optional = true, help = "only names that contain it" } },

  ---@param session stlua.Session
  run = function(session, args)
    local parts, part_objects = part_rows(args.pattern)
    local boards, board_objects = board_rows(args.pattern)
    if #parts > 0 then session:say("parts") end
    for _, line in ipairs(format.columns(parts)) do session:say("  %s", line) end
    if #boards > 0 then session:say("boards") end
    for _, line in ipairs(format.columns(boards)) do session:say("  %s", line) end
    return ("%s, %s"):format(format.count(#parts, "part"), format.count(#boards, "board")),
      { parts = part_objects, boards = board_objects }
  end,
}
