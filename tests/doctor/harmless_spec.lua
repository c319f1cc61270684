-- doctor leaves a board as it found it: memories, option bytes, RAM, core registers, and with --no-reset no reset.
local bench = require "bench"
local boards = require "boards"
local doctor = require "stlua.doctor"
local doctor_core = require "stlua.doctor_core"
local firmware = require "firmware"

local counters = { "pages_erased", "half_pages", "half_page_pairs", "page_erase_pairs", "words_programmed", "eeprom_words",
  "eeprom_double_words", "option_words", "mass_erases", "faults" }

local function stats_of(probe) return require("cjson").decode(probe:admin "stats") end

local function find(stats, name)
  if stats[name] ~= nil then return stats[name] end
  for _, value in pairs(stats) do
    local found = type(value) == "table" and find(value, name)
    if found then return found end
  end
end

local function ram_of(probe, byte_count)
  local parts = {}
  for offset = 0, byte_count - 1, 256 do parts[#parts + 1] = probe:admin(("peek 0x%08X 256"):format(firmware.ram_addr + offset)) end
  return table.concat(parts)
end

local function name_of(board) return board.name or board.cause or board.board end

--- The board before and after an examination.
local function examine(board, may_reset, look)
  local session <close> = bench.session(board)
  local before = look(session.probe)
  doctor.examine(session, { may_reset = may_reset })
  return before, look(session.probe)
end

describe("doctor", function()
  local subjects = {}
  for _, board in ipairs(boards.healthy) do subjects[#subjects + 1] = board end
  for _, board in ipairs(boards.sick) do
    local is_usable = board.cause ~= "usb_unreliable" and board.cause ~= "probe_unusable" and not board.is_held
    if is_usable and not board.options then subjects[#subjects + 1] = board end
  end

  for _, board in ipairs(subjects) do
    it("writes nothing to the memories of: " .. name_of(board), function()
      local before, after = examine(board, true, stats_of)
      for _, name in ipairs(counters) do
        assert.is_number(find(before, name), name)
        assert.equal(find(before, name), find(after, name), name)
      end
    end)
  end

  for _, board in ipairs(boards.healthy) do
    it("puts back the RAM, and does not reset when it must not: " .. name_of(board), function()
      local function look(probe) return { ram = ram_of(probe, 4096), resets = find(stats_of(probe), "resets") } end
      local before, after = examine(board, false, look)
      assert.equal(before.resets, after.resets)
      assert.is_true(before.ram == after.ram)
    end)
  end

  for _, key in ipairs { "swd-bend", "swd-limit" } do
    it("puts back the RAM also where wires are bad: " .. key, function()
      local before, after = examine({ keys = { [key] = 1000 } }, false, function(probe) return ram_of(probe, 4096) end)
      assert.is_true(before == after)
    end)
  end

  it("leaves a halted core halted, with every register as it was", function()
    local function registers_of(probe)
      local dap = probe:connect { mode = "hotplug" }
      local values = { is_halted = dap:state().is_halted, freeze = dap:read32(0xE0042008) }
      for _, name in ipairs(doctor_core.registers) do values[name] = dap:read_reg(name) end
      dap:close_halted()
      return values
    end
    local board = { is_left_halted = true, prepare = function(dap)
      dap:halt()
      for i, name in ipairs(doctor_core.registers) do
        if name:match("^r%d") then dap:write_reg(name, 0x1000 + i) end
      end
    end }
    local before, after = examine(board, false, registers_of)
    assert.is_true(before.is_halted)
    assert.equal(0x1001, before.r0)
    assert.same(before, after)
  end)

  it("lets running firmware run on, where it was", function()
    local session <close> = bench.session { board = "rak5205" }
    doctor.examine(session, { may_reset = false })
    local dap = session.probe:connect { mode = "hotplug" }
    assert.is_false(dap:state().is_halted)
    dap:halt()
    assert.equal(firmware.flash_addr + 0x40, dap:read_reg "pc")
  end)

  -- The exception is the one the core is in when it is halted, not a moment before.
  it("runs nothing in RAM in the middle of an exception when no reset may follow", function()
    local handler = { writes = {}, ending = "fault", handler = true }
    local session <close> = bench.session { flash = firmware.image(handler) }
    local diagnosis = doctor.examine(session, { may_reset = false })
    for _, row in ipairs(diagnosis.rows) do
      if row.id == "loader.proof" then assert.equal("-", row.verdict) end
    end
    local dap = session.probe:connect { mode = "hotplug" }
    assert.equal(3, dap:read32(0xE000ED04) & 0x1FF)
  end)

  it("lets a chip that it woke by a reset go back to sleep", function()
    for _, board in ipairs(boards.sick) do
      if board.cause == "firmware_asleep" then
        local session <close> = bench.session(board)
        doctor.examine(session)
        session.probe:enter()
        assert.equal(0x2BA01477, session.probe:read_dpidr())
        local is_awake = pcall(session.probe.connect, session.probe, { mode = "hotplug" })
        assert.is_false(is_awake)
      end
    end
  end)

  it("does not halt a chip under RDP level 1: its firmware goes on", function()
    local session <close> = bench.session { keys = { rdp = "0xBB" } }
    for _, may_reset in ipairs { false, true } do
      doctor.examine(session, { may_reset = may_reset })
      local dap = session.probe:connect { mode = "hotplug" }
      local state = dap:state()
      assert.is_false(state.is_locked_up)
      assert.is_false(state.is_halted)
      dap:close()
    end
  end)
end)
