-- Two things wrong at once: doctor names one of them or both, in the order of the list, and never a third.
local bench = require "bench"
local boards = require "boards"
local causes = require "stlua.doctor_causes"

local stride = 17 -- every board with every so-manieth after it: all of them would take minutes

-- What two faults together really look like.
local like_another = {
  ["vref_unconnected swd_silent"] = "target_unpowered", -- no voltage, no answer
  ["swd_pins_reused nrst_unwired"] = "swd_silent", -- under reset it would have answered
  ["swd_silent boot_pins"] = "nrst_unwired", -- the firmware that took the pins does not start
  ["firmware_asleep boot_pins"] = "nrst_unwired",
  ["old_probe_firmware ram_defective"] = "swd_bends_data", -- a probe with one speed cannot tell
  ["old_probe_firmware swclk_too_fast"] = "swd_silent",
}

local function is_simple(board)
  return not (board.options or board.image or board.is_held or board.prepare or board.board)
end

--- The two boards as one, or nil where they want the same thing differently.
local function merge(a, b)
  local merged = { keys = {}, after = {}, admin = {}, sleep_s = a.sleep_s or b.sleep_s }
  for _, board in ipairs { a, b } do
    for key, value in pairs(board.keys or {}) do
      if merged.keys[key] ~= nil then return nil end
      merged.keys[key] = value
    end
    table.move(board.after or {}, 1, #(board.after or {}), #merged.after + 1, merged.after)
    table.move(board.admin or {}, 1, #(board.admin or {}), #merged.admin + 1, merged.admin)
  end
  if a.flash ~= nil and b.flash ~= nil then return nil end
  if a.flash ~= nil then merged.flash = a.flash else merged.flash = b.flash end
  return merged
end

local function pairs_of_boards()
  local usable, list = {}, {}
  for _, board in ipairs(boards.sick) do
    if is_simple(board) then usable[#usable + 1] = board end
  end
  for i, a in ipairs(usable) do
    for j = i + 1, #usable, stride do
      local merged = a.cause ~= usable[j].cause and merge(a, usable[j])
      if merged then list[#list + 1] = { a.cause, usable[j].cause, merged } end
    end
  end
  return list
end

describe("doctor, with two things wrong,", function()
  local place, count = {}, 0
  for i, cause in ipairs(causes.list) do place[cause.id] = i end

  for _, pair in ipairs(pairs_of_boards()) do
    local a, b, board = table.unpack(pair)
    it(("names nothing but %s and %s"):format(a, b), function()
      local diagnosis = bench.examine(board)
      local ids, other = bench.ids(diagnosis), like_another[a .. " " .. b]
      assert.is_true(#ids > 0)
      for i, id in ipairs(ids) do
        assert(id == a or id == b or id == other, id .. "\n" .. bench.report(diagnosis))
        assert(i == 1 or place[ids[i - 1]] < place[id], "the order of the list is kept")
      end
      count = count + 1
    end)
  end

  teardown(function() print(("\npairs of faults told without inventing a third: %d of %d"):format(count, #pairs_of_boards())) end)
end)
