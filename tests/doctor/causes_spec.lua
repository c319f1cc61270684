-- Every cause has a board that shows it, and doctor names it and no other; healthy boards have none.
local bench = require "bench"
local boards = require "boards"
local causes = require "stlua.doctor_causes"

local on_usb_only = { probe_permission = true, probe_busy = true, several_probes = true } -- tests/usb, cli_spec.lua

local function describe_board(board)
  local words = { board.board or "rak5205" }
  for key, value in pairs(board.keys or {}) do words[#words + 1] = key .. "=" .. tostring(value) end
  for _, line in ipairs(board.after or {}) do words[#words + 1] = line end
  return table.concat(words, ", ")
end

describe("doctor", function()
  local recognised, alarms = 0, 0

  for i, board in ipairs(boards.sick) do
    it(("names %s and no other (board %d: %s)"):format(board.cause, i, describe_board(board)), function()
      local diagnosis = bench.examine(board)
      assert(diagnosis.cause, "nothing was found\n" .. bench.report(diagnosis))
      assert.same({ board.cause }, bench.ids(diagnosis), bench.report(diagnosis))
      assert.matches("%S", diagnosis.cause.sentence)
      assert.matches("%S", diagnosis.cause.next)
      recognised = recognised + 1
    end)
  end

  for _, board in ipairs(boards.healthy) do
    it("finds nothing wrong with " .. (board.name or board.board), function()
      local diagnosis = bench.examine(board)
      if diagnosis.cause then alarms = alarms + 1 end
      assert.same({}, bench.ids(diagnosis), bench.report(diagnosis))
      for _, row in ipairs(diagnosis.rows) do assert.are_not.equal("?", row.verdict, row.id .. ": " .. row.text) end
    end)
  end

  it("has a board for every cause", function()
    local shown = {}
    for _, board in ipairs(boards.sick) do shown[board.cause] = true end
    for _, cause in ipairs(causes.list) do
      assert(shown[cause.id] or on_usb_only[cause.id], "no board shows " .. cause.id)
    end
    assert.equal(20, #boards.healthy)
  end)

  it("never says that all is well when a check failed and nothing explains it", function()
    local findings = causes.judge { errors = { ["chip.rdp"] = { code = "dap_fault", cause = "refused" } } }
    assert.equal("unexplained", findings[1].id)
    assert.equal("chip.rdp", findings[1].check)
    assert.matches("refused", findings[1].sentence)
  end)

  teardown(function()
    print(("\ncauses recognised: %d of %d simulated"):format(recognised, #boards.sick))
    print(("false alarms: %d of %d healthy configurations"):format(alarms, #boards.healthy))
  end)
end)
