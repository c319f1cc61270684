-- Every cause has a board that shows it, and doctor names it and no other; healthy boards have none.
local bench = require "bench"
local boards = require "boards"
local causes = require "stlua.doctor_causes"
local firmware = require "firmware"
local path = require "stlua.path"
local protect = require "stlua.protect"
local support = require "support"

local row_count = 26 -- of facts/stm32l1 10.3
local on_usb_only = { probe_permission = true, several_probes = true } -- tests/usb/test_doctor.c

local function describe_board(board)
  local words = { board.board or "rak5205" }
  for key, value in pairs(board.keys or {}) do words[#words + 1] = key .. "=" .. tostring(value) end
  for _, line in ipairs(board.after or {}) do words[#words + 1] = line end
  return table.concat(words, ", ")
end

local function size(set)
  local count = 0
  for _ in pairs(set) do count = count + 1 end
  return count
end

-- What is to be typed next exists.
local function assert_commands_exist(text)
  for words in text:gmatch("stlua ([%w%-%s]+)") do
    local command = words:gsub("%-%-connect %S+", ""):gsub("%-%-%l+ %S+", ""):match("^%s*(%l+)")
    assert(not command or path.find("script", command), text)
  end
end

describe("doctor", function()
  local recognised, alarms, rows, items = 0, 0, {}, {}

  local function count(board)
    recognised = recognised + 1
    for _, row in ipairs(board.rows or {}) do rows[row] = true end
    for _, item in ipairs(board.items or {}) do items[item] = true end
  end

  for i, board in ipairs(boards.sick) do
    it(("names %s and no other (board %d: %s)"):format(board.cause, i, describe_board(board)), function()
      local diagnosis = bench.examine(board)
      assert(diagnosis.cause, "nothing was found\n" .. bench.report(diagnosis))
      assert.same({ board.cause }, bench.ids(diagnosis), bench.report(diagnosis))
      assert.matches("%S", diagnosis.cause.sentence)
      assert.matches("%S", diagnosis.cause.next)
      assert_commands_exist(diagnosis.cause.next)
      count(board)
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

  it("has a board for every cause, and for every row of the list of root causes", function()
    local shown = {}
    for _, board in ipairs(boards.sick) do shown[board.cause] = true end
    for _, cause in ipairs(causes.list) do
      assert(shown[cause.id] or on_usb_only[cause.id], "no board shows " .. cause.id)
    end
    for row = 1, row_count do assert(rows[row], "no board was recognised for row " .. row) end
    assert.equal(20, #boards.healthy)
  end)

  it("names what can be known without a reset, too", function()
    local told = 0
    for _, board in ipairs(boards.sick) do
      local is_reset_needed = board.cause:match("^nrst_unwired") or board.cause == "swd_pins_reused"
        or board.cause == "keys_dead" -- --no-reset does not touch the keys
      if not is_reset_needed then
        assert.same({ board.cause }, bench.ids(bench.examine(board, { may_reset = false })))
        told = told + 1
      end
    end
    assert.is_true(told > #boards.sick - 5)
  end)

  -- the verdicts of some rows, as a person reads them
  local function verdicts(board, ...)
    local by_id, list = {}, {}
    for _, row in ipairs(bench.examine(board).rows) do by_id[row.id] = row.verdict end
    for i, id in ipairs { ... } do list[i] = by_id[id] end
    return list
  end

  it("calls no row ok that shows what a cause explains", function()
    assert.same({ "BAD", "BAD" }, verdicts({ keys = { power = "off" } }, "wiring.voltage", "wiring.swd"))
    assert.same({ "BAD", "note", "note" }, verdicts({ keys = { voltage = 1500 }, flash = false }, "wiring.voltage",
      "core.vectors", "core.state"))
    assert.same({ "note", "note", "note" }, verdicts({ flash = false }, "core.vectors", "core.state", "core.faults"))
    assert.same({ "BAD", "BAD" }, verdicts({ flash = firmware.image { ending = "fault" } }, "core.state", "core.faults"))
    assert.same({ "ok", "ok", "ok" }, verdicts({}, "core.vectors", "core.state", "core.faults"))
  end)

  local function board_of(cause, number)
    for _, board in ipairs(boards.sick) do
      if board.cause == cause then number = number - 1 end
      if number == 0 then return board end
    end
  end

  it("ends PCROP with the commands it names", function()
    local board = board_of("pcrop", 1)
    assert.matches("^stlua lock, then stlua unlock", bench.examine(board).cause.next)
    local session <close> = bench.session(board)
    protect.lock(session, { rdp_level = 1 })
    protect.unlock(session, { mass_erase = true })
    assert.equal(0, session.dap:read32(0x40023C1C) & 0x100) -- FLASH_OBR.SPRMOD
  end)

  it("does not name again what has just failed", function()
    local stubborn = { keys = { halt = "ignored" } }
    assert.matches("^stlua %-%-connect under%-reset", bench.examine(stubborn).cause.next)
    stubborn.options = { connect = "under-reset" }
    assert.matches("^switch the board off and on; then stlua", bench.examine(stubborn).cause.next)
    assert.matches("^stlua %-%-connect under%-reset flash", bench.examine(board_of("firmware_asleep", 1), { may_reset = false })
      .cause.next)
    assert.matches("^hold the board's reset button", bench.examine(board_of("firmware_asleep", 3)).cause.next)
  end)

  it("never says that all is well when a check failed and nothing explains it", function()
    local findings = causes.judge { errors = { ["chip.rdp"] = { code = "dap_fault", cause = "refused" } } }
    assert.equal("unexplained", findings[1].id)
    assert.equal("chip.rdp", findings[1].check)
    assert.matches("refused", findings[1].sentence)
  end)

  teardown(function()
    support.clean()
    print(("\ncauses recognised: %d of %d simulated (%d of %d rows of the root causes, %d entries of users' complaints)")
      :format(recognised, #boards.sick, size(rows), row_count, size(items)))
    print(("false alarms: %d of %d healthy configurations"):format(alarms, #boards.healthy))
  end)
end)
