-- The bound types on a simulated board: what they do, and what they refuse.
local image = require "stlua.image"
local stlua = require "stlua"
local support = require "support"
local targets = require "stlua.targets"

local function open_nvm(spec)
  local probe, dap = support.connect(spec)
  local target = targets.identify(dap)
  return probe, dap, dap:nvm(targets.nvm_config(target)), target
end

describe("a probe", function()
  it("says what it is without a transfer", function()
    local probe <close> = stlua.open_sim("rak5205", support.simulator)
    local before = probe:transfers().run_count
    local info = probe:info()
    assert.equal("ST-LINK/V2", info.kind)
    assert.equal("V2J37S7", info.firmware)
    assert.equal(37, info.jtag)
    assert.is_true(info.features.has_dap_registers)
    assert.equal(before, probe:transfers().run_count)
  end)

  it("measures, clocks, drives nRST, and takes raw commands", function()
    local probe <close> = stlua.open_sim("rak5205", support.simulator)
    assert.is_true(math.abs(probe:voltage_mv() - 3300) < 20)
    assert.is_true(probe:set_swclk(1000) <= 1000)
    probe:nrst(true)
    probe:nrst(false)
    assert.equal(6, #probe:command("\xF1", nil, 6))
    probe:enter()
    assert.is_true(probe:is_entered())
    assert.equal(probe:read_dpidr(), probe:read_dp(0))
    probe:exit()
  end)

  it("answers admin lines when it is simulated", function()
    local probe <close> = stlua.open_sim("rak5205", support.simulator)
    assert.matches("^{", probe:admin "stats")
    assert.matches("nonsense", support.raises("argument", probe.admin, probe, "nonsense").message)
  end)

  it("sleeps in its own time", function()
    local probe <close> = stlua.open_sim("rak5205", support.simulator)
    local before, wall = probe:now_s(), stlua.monotonic()
    stlua.sleep(100, probe)
    assert.is_true(probe:now_s() - before >= 100)
    assert.is_true(stlua.monotonic() - wall < 20)
  end)

  it("is closed by __close, by close, by the collector, and twice", function()
    local kept
    do
      local probe <close> = stlua.open_sim("rak5205", support.simulator)
      kept = probe
    end
    assert.is_false(kept:is_open())
    kept:close()
    local ok, why = pcall(function() kept:voltage_mv() end)
    assert.is_false(ok)
    assert.matches("probe is closed", why)
    stlua.open_sim("rak5205", support.simulator)
    collectgarbage()
  end)
end)

describe("closing a parent", function()
  it("closes its children, which notice", function()
    local probe, dap, nvm = open_nvm()
    probe:close()
    assert.is_false(dap:is_open())
    assert.is_false(nvm:is_open())
    assert.has_error(function() dap:read32(0x20000000) end)
    assert.has_error(function() nvm:status() end)
    nvm:close()
    dap:close()
  end)

  it("is not needed: children keep their parents", function()
    local nvm
    do
      local _, _, opened = open_nvm()
      nvm = opened
    end
    collectgarbage()
    collectgarbage()
    assert.equal(0, nvm:status().rdp_level)
    nvm = nil -- luacheck: ignore
    collectgarbage()
  end)

  it("allows a second connection afterwards, not at the same time", function()
    local probe, dap = support.connect()
    assert.has_error(function() probe:connect() end)
    dap:close()
    local again = probe:connect { mode = "under-reset" }
    assert.is_true(again:state().is_halted)
    probe:close()
  end)
end)

describe("a connection", function()
  local probe, dap
  before_each(function() probe, dap = support.connect() end)
  after_each(function() probe:close() end)

  it("reads and writes any address and width", function()
    dap:write(0x20000001, "Hello, target")
    assert.equal("Hello, target", dap:read(0x20000001, 13))
    dap:write32(0x20000010, 0xDEADBEEF)
    assert.equal(0xDEADBEEF, dap:read32(0x20000010))
    assert.same({ 0xBEEF, 0xDEAD }, dap:read16(0x20000010, 2))
    assert.same({ 0xEF, 0xBE, 0xAD, 0xDE }, dap:read8(0x20000010, 4))
    dap:write8(0x20000010, { 1, 2 })
    assert.equal(0xDEAD0201, dap:read32(0x20000010))
    assert.equal("", dap:read(0x20000000, 0))
    assert.same({}, dap:read32(0x20000000, 0))
  end)

  it("refuses what is not an address, a value or aligned", function()
    for _, call in ipairs {
      function() dap:read32(2) end, function() dap:read32(-4) end, function() dap:read32(1 << 32) end,
      function() dap:read32(0x20000000, -1) end, function() dap:write32(0x20000000, 1 << 32) end,
      function() dap:write8(0x20000000, 256) end, function() dap:read32("x") end, function() dap:read32(1.5) end,
      function() dap:read(0xFFFFFFFF, 2) end, function() dap:write32(0x20000000, { 1, "x" }) end,
      function() dap:reset { kind = "hard" } end, function() dap:reset { hlt = true } end,
    } do
      local ok, why = pcall(call)
      assert.is_false(ok)
      assert.matches("bad argument", why)
    end
  end)

  it("has core registers by name", function()
    for _, name in ipairs { "r0", "r7", "r12", "lr" } do
      dap:write_reg(name, 0x12345678)
      assert.equal(0x12345678, dap:read_reg(name), name)
    end
    dap:write_reg("primask", 1)
    dap:write_reg("basepri", 0x40)
    assert.equal(1, dap:read_reg "primask")
    assert.equal(0x40, dap:read_reg "basepri")
    dap:write_reg("primask", 0)
    assert.equal(0x40, dap:read_reg "basepri")
    assert.has_error(function() dap:read_reg "r99" end)
  end)

  it("calls a function in RAM with arguments", function()
    dap:write(0x20000100, "\x08\x44\x10\x44\x18\x44\x70\x47") -- add r0,r1; add r0,r2; add r0,r3; bx lr
    dap:clean()
    local options = { stack_addr = 0x20001000, return_addr = 0x20000080, timeout_ms = 100 }
    assert.equal(10, dap:call(0x20000100, { 1, 2, 3, 4 }, options))
    dap:write(0x20000100, "\xFE\xE7") -- b .
    local err = support.raises("timeout", dap.call, dap, 0x20000100, nil, options)
    assert.is_true(#err.message > 0)
    assert.has_error(function() dap:call(0x20000100, { 1, 2, 3, 4, 5 }, options) end)
    assert.has_error(function() dap:call(0x20000100, {}, {}) end)
  end)

  it("steps, and stops at breakpoints", function()
    dap:write(0x20000100, "\x00\xBF\x00\xBF\xFE\xE7") -- nop; nop; b .
    dap:clean()
    dap:write_reg("pc", 0x20000100)
    dap:step()
    assert.equal(0x20000102, dap:read_reg "pc")
    dap:set_breakpoint(0x08000100)
    dap:clear_breakpoint(0x08000100)
    dap:run()
    assert.is_false(dap:state().is_halted)
    dap:halt()
    assert.is_true(dap:state().is_halted)
    dap:reset { kind = "system", halt = true }
    assert.is_true(dap:state().is_halted)
  end)

  it("turns a fault into an error with code, message and address", function()
    local err = support.raises("dap_fault", dap.read32, dap, 0xA0000000)
    assert.is_string(err.message)
    assert.matches("^dap_fault: ", tostring(err))
  end)
end)

describe("the flash", function()
  local probe, dap, nvm
  before_each(function() probe, dap, nvm = open_nvm() end)
  after_each(function() probe:close() end)

  it("is planned, written, and planned again with nothing to do", function()
    local firmware = image.new():add(0x08000000, support.bytes(1000)):add(0x08080004, "four")
    local plan = nvm:plan(firmware)
    assert.equal(1004, plan:totals().image_bytes)
    assert.equal(4, plan:ranges()[1].unit_count)
    assert.equal("eeprom", plan:ranges()[2].kind)
    local phases = {}
    local report = nvm:apply(plan, { progress = function(phase, done, total)
      phases[phase] = true
      assert(done <= total)
    end })
    assert.is_true(phases.write)
    assert.equal(1004, report.verified_bytes)
    assert.equal("loader", report.road)
    local again = nvm:plan(firmware)
    assert.equal(again:totals().page_count, again:totals().pages_equal)
    assert.equal(0, again:totals().flash_time_us)
    assert.equal(1004, nvm:verify(firmware, { verify = "read" }).verified_bytes)
  end)

  it("has signatures that are those of the bytes", function()
    local bytes = support.bytes(256)
    nvm:apply(nvm:plan(image.new():add(0x08000100, bytes)))
    assert.same({ stlua.page_signature(("\0"):rep(256)), stlua.page_signature(bytes) }, nvm:signatures(0x08000000, 2))
  end)

  it("is erased and programmed by hand", function()
    nvm:erase(0x08000000, 512)
    nvm:program(0x08000080, ("\x5A"):rep(128))
    assert.equal(("\0"):rep(128) .. ("\x5A"):rep(128), dap:read(0x08000000, 256))
    support.raises("argument", nvm.erase, nvm, 0x08000001, 256)
    support.raises("range", nvm.erase, nvm, 0x20000000, 256)
  end)

  it("stops when the progress function says so, or raises", function()
    local firmware = image.new():add(0x08000000, support.bytes(30000))
    local plan = nvm:plan(firmware)
    support.raises("interrupted", nvm.apply, nvm, plan, { progress = function(phase) return phase ~= "write" end })
    local ok, why = pcall(nvm.apply, nvm, nvm:plan(firmware), { progress = function() error({ mine = true }) end })
    assert.is_false(ok)
    assert.same({ mine = true }, why)
    local report = nvm:apply(nvm:plan(firmware))
    assert.equal(30000, report.verified_bytes)
  end)

  it("keeps the report of what was done in the error", function()
    local plan = nvm:plan(image.new():add(0x08000000, support.bytes(30000)))
    local err = support.raises("interrupted", nvm.apply, nvm, plan,
      { progress = function(phase, done) return not (phase == "write" and done > 10000) end })
    assert.is_true(err.report.half_pages_programmed > 0)
  end)

  it("refuses a plan of another connection, and a closed one", function()
    local other, _, other_nvm = open_nvm()
    local plan = other_nvm:plan(image.new():add(0x08000000, "x"))
    assert.has_error(function() nvm:apply(plan) end)
    plan:close()
    assert.has_error(function() other_nvm:apply(plan) end)
    other:close()
  end)

  it("refuses options nobody knows", function()
    local firmware = image.new():add(0x08000000, "x")
    assert.has_error(function() nvm:plan(firmware, { eraseall = true }) end)
    assert.has_error(function() nvm:apply(nvm:plan(firmware), { verify = "no" }) end)
    assert.has_error(function() nvm:plan(firmware, { progress = 1 }) end)
  end)

  it("writes option bytes only with the consent they need", function()
    nvm:write_options { wrp = { 0x10 } }
    assert.equal(0x10, nvm:status().wrp[1])
    support.raises("refused", nvm.write_options, nvm, { rdp_byte = 0xCC })
    nvm:write_options { rdp_byte = 0xBB }
    assert.equal(1, nvm:status().rdp_level)
    support.raises("refused", nvm.write_options, nvm, { rdp_byte = 0xAA })
    nvm:write_options({ rdp_byte = 0xAA }, { mass_erase = true })
    assert.equal(0, nvm:status().rdp_level)
  end)

  it("writes only EEPROM words that differ", function()
    assert.equal(1, nvm:write_eeprom(0x08080002, "AB"))
    assert.equal(0, nvm:write_eeprom(0x08080002, "AB"))
    assert.equal("\0\0AB", dap:read(0x08080000, 4))
  end)
end)

describe("an image", function()
  teardown(support.clean)

  it("has segments, gaps and formats", function()
    local one = image.new():add(0x08000000, "abcd"):add(0x08000008, "efgh")
    assert.same({ { addr = 0x08000000, byte_count = 4 }, { addr = 0x08000008, byte_count = 4 } }, one:segments())
    assert.equal(8, one:byte_count())
    local bytes, missing = one:read(0x08000000, 12, 0xFF)
    assert.equal("abcd\xFF\xFF\xFF\xFFefgh", bytes)
    assert.equal(4, missing)
    assert.equal("overlap", support.raises("overlap", one.add, one, 0x08000002, "x").code)
    one:write(0x08000002, "XY"):cut(0x08000008, 4):crop(0x08000001, 100)
    assert.equal("bXY", (one:read(0x08000001, 3)))
    assert.equal("", one:format())
    assert.is_nil(one:entry())
  end)

  it("is loaded, copied and saved", function()
    local elf = image.load(support.images .. "/small.elf")
    assert.equal("ELF", elf:format())
    assert.is_true(#elf:symbols() > 0)
    assert.is_true(#elf:sections() > 0)
    local path = support.folder() .. "/x.hex"
    elf:copy():save(path)
    assert.same(elf:segments(), image.load(path):segments())
    support.raises("argument", elf.save, elf, path .. ".xyz")
    support.raises("argument", elf.symbol, elf, "nobody")
  end)

  it("is parsed from bytes", function()
    local one = image.parse("x.bin", "1234", { base_addr = 0x08000000 })
    assert.equal(4, one:byte_count())
    support.raises("argument", image.parse, "x.bin", "1234")
    support.raises("format", image.parse, "x.hex", ":zz")
  end)

  it("can be closed, and says so", function()
    local one = image.new()
    one:close()
    one:close()
    assert.has_error(function() one:byte_count() end)
    assert.matches("closed", tostring(one))
  end)
end)

describe("remarks of the core", function()
  it("go to the function that was set, and its errors nowhere", function()
    local remarks = {}
    stlua.set_log(function(level, text) remarks[#remarks + 1] = level .. ": " .. text end, "debug")
    local probe, dap, nvm = open_nvm "rak5205?nrst=unwired"
    dap:close()
    nvm:close()
    probe:connect { mode = "under-reset" }
    assert.is_true(#remarks > 0)
    stlua.set_log(function() error("no") end, "debug")
    probe:close()
    stlua.set_log(nil)
  end)
end)
