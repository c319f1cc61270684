-- Self-tests and RTT, on firmware that the simulated core really executes; and control blocks that lie.
local mailbox = require "stlua.mailbox"
local rtt = require "stlua.rtt"
local selftest = require "stlua.selftest"
local sim = require "stlua.sim"
local stlua = require "stlua"
local support = require "support"

local firmware = support.source .. "/tests/firmware/"
local block_addr, ram_addr = 0x20000000, 0x20000000
local uid = "012233445566778899AABBCC"

--- A board with this firmware in it.
local function board(name, keys)
  keys = keys or {}
  keys.uid = uid
  local session = sim.session { board = "rak5205", keys = keys }
  session:flash(stlua.image.load(firmware .. name))
  return session
end

-- A control block as bytes: channels of { buffer, size, wr, rd }.
local function block(up, down)
  local bytes = { "SEGGER RTT\0\0\0\0\0\0", ("<I4I4"):pack(#up, #down) }
  for _, list in ipairs { up, down } do
    for _, c in ipairs(list) do bytes[#bytes + 1] = ("<I4I4I4I4I4I4"):pack(0, c[1], c[2], c[3], c[4], 0) end
  end
  return table.concat(bytes)
end

describe("a self-test by RTT", function()
  it("takes measurements from running firmware", function()
    local session <close> = board "rtt.hex"
    local taken = selftest.run(session, { measurements = {
      { name = "greeting", expect = "ready", equals = "ready" },
      { name = "sum", send = "sum 1200 34\n", equals = 1234, min = 1000, max = 2000, unit = "mV" },
      { name = "uid", send = "uid 0\n", equals = function(s) return s.uid:sub(1, 8) end },
      { name = "long", send = "echo " .. ("x"):rep(50) .. "\n", equals = ("x"):rep(50) }, -- longer than either buffer
      { name = "half", send = "sum 40 2\n", convert = function(text) return tonumber(text) / 2 end, min = 21, max = 21 },
    } })
    assert.equal(1234, taken.sum.value)
    assert.equal("mV", taken.sum.unit)
    assert.equal(uid:sub(1, 8), taken.uid.value)
    assert.is_true(taken.sum.elapsed_s > 0)
    assert.is_true(session.dap:state().is_halted)
    session:verify(stlua.image.load(firmware .. "rtt.hex")) -- flash can be worked on again
  end)

  for limit, text in pairs { min = "1234 mV: below the least of 2000 mV", max = "1234 mV: above the most of 1000 mV",
    equals = "1234 mV: it should be 1 mV" } do
    it("names measurement, value and limit when " .. limit .. " is missed", function()
      local session <close> = board "rtt.hex"
      local step = { name = "supply", send = "sum 1200 34\n", unit = "mV" }
      step[limit] = ({ min = 2000, max = 1000, equals = 1 })[limit]
      local err = support.raises("self_test", selftest.run, session, { measurements = {
        { name = "first", send = "count\n", min = 0 }, step } })
      assert.matches("^supply is " .. text .. "$", err.message)
      assert.equal(0, err.measurements.first.value)
      assert.equal(1234, err.measurements.supply.value)
    end)
  end

  it("fails with what was said when the answer is another", function()
    local session <close> = board "rtt.hex"
    local err = support.raises("self_test", selftest.run, session, { measurements = {
      { name = "supply", send = "vdd\n", expect = "vdd=(%d+)", min = 3000 } } })
    assert.matches("supply: .*within 2.0 s; it said \"what%?", err.message)
    err = support.raises("self_test", selftest.run, session, { measurements = { { name = "supply", send = "vdd\n", min = 3000 } } })
    assert.matches("what%?: that is no number", err.message)
  end)

  it("fails in time when the firmware has no RTT, or the chip no firmware", function()
    local session <close> = board "blink.hex"
    local spec = { time_limit_s = 1, measurements = { { name = "any", equals = "any" } } }
    assert.matches("no RTT control block in RAM", support.raises("self_test", selftest.run, session, spec).message)
    local blank <close> = sim.session { board = "rak5205" }
    support.raises("self_test", selftest.run, blank, spec)
  end)

  it("does not take the words of an earlier run for an answer", function()
    local session <close> = board "blink.hex"
    session.dap:halt()
    session.dap:write(ram_addr + 0x1000, block({ { ram_addr + 0x1100, 16, 3, 0 } }, {}))
    session.dap:write(ram_addr + 0x1100, "ok\n")
    assert.equal("ok\n", rtt.open(session):read(0))
    session.dap:write32(ram_addr + 0x1000 + 24 + 16, 0) -- unread again
    support.raises("self_test", selftest.run, session, { time_limit_s = 1, measurements = { { name = "state", equals = "ok" } } })
  end)
end)

describe("a self-test through a mailbox", function()
  local function spec(measurements) return { via = "mailbox", addr = block_addr, measurements = measurements } end

  it("takes measurements from running firmware", function()
    local session <close> = board "selftest.hex"
    local taken = selftest.run(session, spec {
      { name = "echo", command = 1, args = { 0xCAFE }, equals = 0xCAFE },
      { name = "uid", command = 3, args = { 2 }, equals = 0x99AABBCC },
      { name = "bad_ram_words", command = 4, args = function() return { 0x20000400, 0x400 } end, max = 0 },
    })
    assert.equal(0, taken.bad_ram_words.value)
  end)

  it("names the measurement that failed, and the command that was refused", function()
    local session <close> = board "selftest.hex"
    local err = support.raises("self_test", selftest.run, session, spec { { name = "echo", command = 1, args = { 7 }, max = 6 } })
    assert.matches("echo is 7: above the most of 6", err.message)
    err = support.raises("self_test", selftest.run, session, spec { { name = "uid", command = 3, args = { 9 }, max = 6 } })
    assert.matches("uid: the firmware refuses command 3", err.message)
  end)

  it("fails in time when there is no mailbox", function()
    local session <close> = board "blink.hex"
    local err = support.raises("self_test", selftest.run, session, { via = "mailbox", addr = 0x20002000, time_limit_s = 1,
      measurements = { { name = "echo", command = 1, equals = 0 } } })
    assert.matches("no mailbox at 0x20002000 .* PC 0x0800%x+", err.message)
    support.raises("self_test", mailbox.open, session, { addr = 0x20002000, time_limit_s = 0.1 })
  end)

  it("wants symbols or an address", function()
    local session <close> = sim.session { board = "rak5205" }
    local no_addr = { via = "mailbox", measurements = { { name = "echo", command = 1, equals = 0 } } }
    assert.matches("ELF", support.raises("argument", selftest.run, session, no_addr,
      stlua.image.load(firmware .. "selftest.hex")).hint)
    support.raises("argument", selftest.run, session, no_addr, stlua.image.load(support.images .. "/small.elf"))
  end)
end)

describe("a self-test's spec", function()
  local function refused(spec, text)
    local err = support.raises("argument", selftest.check, spec)
    assert.matches(text, err.message .. " " .. (err.hint or ""))
  end

  it("is looked over before anything is done", function()
    refused({ mesurements = {} }, "did you mean `measurements`")
    refused({ measurements = {} }, "no measurements")
    refused({ via = "uart", measurements = { {} } }, "cannot go via")
    refused({ measurements = { { name = "a" } } }, "a has no limit")
    refused({ measurements = { { equals = 1 } } }, "has no name")
    refused({ measurements = { { name = "a", min = 2, max = 1 } } }, "min is above max")
    refused({ measurements = { { name = "a", minn = 2 } } }, "did you mean `min`")
    refused({ measurements = { { name = "a", min = "2" } } }, "must be number, not string")
    refused({ measurements = { { name = "a", min = 2 }, { name = "a", min = 2 } } }, "two measurements")
    refused({ measurements = { { name = "a", min = 2, command = 1 } } }, "belongs to a self%-test by mailbox")
    refused({ via = "mailbox", measurements = { { name = "a", min = 2 } } }, "no `command`")
    refused({ measurements = { { name = "a", equals = 1, expect = "(" } } }, "is no pattern")
  end)
end)

describe("RTT", function()
  it("finds the block of running firmware and talks both ways", function()
    local session <close> = board "rtt.hex"
    session.dap:reset { halt = false }
    local link = rtt.open(session)
    assert.equal(block_addr, link.addr)
    assert.equal("Terminal", link.up[1].name)
    for i = 1, 20 do -- both buffers wrap
      link:send(0, "echo " .. i .. "\n")
      local heard = ""
      repeat heard = heard .. link:read(0) until heard:find(i .. "\n", 1, true)
    end
    support.raises("argument", link.read, link, 1)
  end)

  local lies = {
    ["more channels than anybody has"] = "SEGGER RTT\0\0\0\0\0\0" .. ("<I4I4"):pack(1000, 1),
    ["a negative number of channels"] = "SEGGER RTT\0\0\0\0\0\0" .. ("<i4i4"):pack(-1, 1),
    ["a buffer in flash"] = block({ { 0x08000000, 16, 0, 0 } }, {}),
    ["a buffer past the end of RAM"] = block({ { ram_addr + 0x7FF8, 16, 0, 0 } }, {}),
    ["a buffer that wraps the address space"] = block({ { ram_addr + 0x100, 0xFFFFFFFF, 0, 0 } }, {}),
    ["a buffer in the block itself"] = block({ { ram_addr + 0x1008, 16, 0, 0 } }, {}),
    ["a write offset past the buffer"] = block({ { ram_addr + 0x100, 16, 16, 0 } }, {}),
    ["a read offset past the buffer"] = block({ { ram_addr + 0x100, 16, 0, 0x80000000 } }, {}),
    ["a bad down channel"] = block({ { ram_addr + 0x100, 16, 0, 0 } }, { { 4, 16, 0, 0 } }),
  }
  for name, bytes in pairs(lies) do
    it("does not believe " .. name, function()
      local session <close> = sim.session { board = "rak5205" }
      session.dap:write(ram_addr + 0x1000, bytes)
      assert.matches("makes no sense", support.raises("format", rtt.find, session).message)
      session.dap:write(ram_addr + 0x2000, block({ { ram_addr + 0x100, 16, 2, 0 } }, {})) -- a sound one further on
      assert.equal(ram_addr + 0x2000, rtt.find(session).addr)
    end)
  end

  it("notices offsets that go mad while it reads", function()
    local session <close> = sim.session { board = "rak5205" }
    session.dap:write(ram_addr + 0x1000, block({ { ram_addr + 0x100, 16, 2, 0 } }, { { ram_addr + 0x200, 16, 0, 0 } }))
    local link = rtt.find(session)
    session.dap:write32(ram_addr + 0x1000 + 24 + 12, 99)
    support.raises("format", link.read, link, 0)
    assert.equal(15, link:write(0, ("x"):rep(100))) -- one stays free
    assert.equal(0, link:write(0, "y"))
    support.raises("self_test", link.send, link, 0, "y", 0.1)
  end)

  it("has no block where there is no RAM", function()
    local session <close> = sim.session { board = "rak5205" }
    support.raises("range", rtt.find, session, 0x08000000)
    support.raises("range", rtt.find, session, 0x20000001)
    assert.is_nil(rtt.find(session))
  end)

  it("is a command", function()
    local probe = support.board "rak5205"
    finally(support.clean)
    support.good { "flash", firmware .. "rtt.hex", probe = probe }
    local result = support.good { "rtt", "--reset", "--send", "sum 20 22", "--seconds", "1", probe = probe }
    assert.equal("ready\n42\nrtt: 9 bytes\n", result.out)
    assert.matches("Terminal", support.good { "rtt", "--reset", "--list", probe = probe }.out)
    assert.matches("self_test", support.stlua({ "rtt", probe = "sim:rak5205" }).err)
  end)
end)
