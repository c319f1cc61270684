-- Whatever is wrong: one clear line that says what and where, a hint, an exit status of its own, no
-- success text, and nothing written that no plan has named.
local stlua = require "stlua"
local support = require "support"

local folder

local function file(name, bytes) return support.write_file(folder .. "/" .. name, bytes) end

--- The command must fail like this; returns what it wrote to standard error.
local function fails(status, code, words, ...)
  local result = support.stlua(words)
  assert.equal(status, result.status, result.out .. result.err)
  assert.matches("stlua[%w ]*: error %[" .. code .. "%]: [^\n]+\n", result.err)
  for _, text in ipairs { ... } do assert.matches(text, result.err) end
  for _, word in ipairs { "verified", "written and", "equal to", "already right" } do
    assert.is_nil(result.out:find(word, 1, true), word)
  end
  assert.is_nil(result.err:find("traceback"), "a traceback is for --verbose")
  return result.err
end

describe("a file that is", function()
  setup(function() folder = support.folder() end)
  teardown(support.clean)

  it("missing", function() fails(12, "file", { "flash", "nowhere.hex", probe = "sim:rak5205" }, "nowhere.hex", "hint: ") end)

  it("a folder", function() fails(12, "file", { "flash", folder, probe = "sim:rak5205" }) end)

  it("empty", function() fails(13, "format", { "flash", file("empty.hex", ""), probe = "sim:rak5205" }, "empty") end)

  it("truncated", function()
    local text = support.read_file(support.images .. "/small.hex")
    fails(13, "format", { "flash", file("cut.hex", text:sub(1, #text // 2)), probe = "sim:rak5205" }, "cut.hex:%d+")
  end)

  it("damaged in one digit", function()
    local text = support.read_file(support.images .. "/small.hex")
    local at = text:find("\n", 1, true) + 12
    local digit = text:sub(at, at) == "0" and "1" or "0"
    fails(13, "format", { "flash", file("bad.hex", text:sub(1, at - 1) .. digit .. text:sub(at + 1)), probe = "sim:rak5205" },
      "bad.hex:2")
  end)

  it("in conflict with itself", function()
    fails(14, "overlap", { "flash", file("twice.hex", ":0400000001020304F2\n:0400020001020304F0\n:00000001FF\n"),
      probe = "sim:rak5205" }, "overlap")
  end)

  it("in conflict with a second one", function()
    local one = support.images .. "/small.hex"
    fails(14, "overlap", { "flash", one, one, probe = "sim:rak5205" })
  end)

  it("binary, with no word about where it belongs", function()
    fails(10, "argument", { "flash", file("fw.bin", "\1\2\3\4"), probe = "sim:rak5205" }, "hint: .*%-%-base")
  end)

  it("a web page named like a HEX file", function()
    fails(13, "format", { "flash", file("page.hex", "<!DOCTYPE html>\n<html>"), probe = "sim:rak5205" })
  end)

  it("not for this chip: no byte of it lies in a region", function()
    fails(15, "range", { "flash", file("fw.bin", "\1\2\3\4"), "--base", "0x00000000", probe = "sim:rak5205" }, "0x00000000")
  end)

  it("longer than the chip", function()
    fails(15, "range", { "flash", file("long.bin", support.bytes(130 * 1024)), "--base", "0x08000000",
      probe = "sim:rak5205" }, "0x08020000")
  end)

  it("not what is in the chip, when it is verified", function()
    fails(45, "verify", { "verify", file("fw.bin", "\1\2\3\4"), "--base", "0x08000000", probe = "sim:rak5205" },
      "0x08000000", "0x01")
  end)
end)

describe("a command line with", function()
  it("an unknown command names the nearest", function()
    fails(64, "usage", { "flahs" }, "did you mean `flash`")
  end)
  it("an unknown option names the nearest", function()
    fails(64, "usage", { "flash", "x.hex", "--erase-al", probe = "sim:rak5205" }, "did you mean '%-%-erase%-all'")
  end)
  it("an option without its value", function() fails(64, "usage", { "info", "--board" }) end)
  it("a missing argument", function() fails(64, "usage", { "flash" }, "file") end)
  it("a number that is none", function() fails(64, "usage", { "read", "there", "4" }, "there") end)
  it("nothing to read, or nothing to erase", function()
    fails(64, "usage", { "read", probe = "sim:rak5205" })
    fails(64, "usage", { "erase", probe = "sim:rak5205" })
  end)
  it("an unknown board or part", function()
    fails(16, "unknown_target", { "info", "--board", "rak5250", probe = "sim:rak5205" }, "did you mean `rak5205`")
    fails(16, "unknown_target", { "info", "--target", "STM32L151CV", probe = "sim:rak5205" }, "STM32L151C")
  end)
  it("a file name that would steer the terminal", function()
    local result = support.stlua { "flash", "a\27[2Jb\rc.hex", probe = "sim:rak5205" }
    assert.equal(12, result.status)
    assert.matches("a\\x1B%[2Jb\\x0Dc%.hex", result.err)
    assert.is_nil(result.err:find "[\27\r]")
  end)
  it("a script that is not there", function() fails(12, "file", { "nowhere.lua" }, "nowhere.lua") end)
end)

describe("a probe that", function()
  it("is not there", function()
    fails(20, "no_probe", { "info", probe = "DEADBEEF" }, "DEADBEEF")
    fails(20, "no_probe", { "info", probe = "sim:@/nowhere" }, "/nowhere")
  end)
  it("is simulated wrongly", function()
    fails(10, "argument", { "info", probe = "sim:rak5250" }, "rak5205")
    fails(10, "argument", { "info", probe = "sim:rak5205?colour=red" }, "colour")
  end)
  it("has no simulator to start", function()
    local other = support.folder()
    os.execute(("cp %s %s/stlua"):format(support.quote(support.bin .. "/stlua"), support.quote(other)))
    local result = support.shell(other .. "/stlua --probe sim:rak5205 info", { env = { STLUA_SIM = "/nowhere/sim" } })
    assert.equal(12, result.status)
    assert.matches("STLUA_SIM", result.err)
    support.clean()
  end)
end)

describe("a target that", function()
  it("is not there", function() fails(30, "no_target", { "info", probe = "sim:rak5205?target=absent" }) end)
  it("has no supply", function() fails(30, "no_target", { "info", probe = "sim:rak5205?power=off" }, "power") end)
  it("is another one than the board says", function()
    fails(17, "wrong_target", { "info", "--board", "rak5205", probe = "sim:STM32L152RE" }, "0x437", "0x429")
  end)

  it("is under RDP level 1 is not written, not read, not erased", function()
    folder = support.folder()
    local image = file("fw.bin", support.bytes(1000))
    local probe = "sim:rak5205?rdp=0xBB"
    fails(40, "read_protected", { "flash", image, "--base", "0x08000000", probe = probe }, "RDP")
    fails(40, "read_protected", { "verify", image, "--base", "0x08000000", probe = probe }, "RDP")
    fails(40, "read_protected", { "read", "0x08000000", "16", probe = probe }, "RDP level 1")
    fails(40, "read_protected", { "erase", "--all", probe = probe }, "RDP level 1")
    support.clean()
  end)

  it("has a write-protected sector in the way is not touched at all", function()
    folder = support.folder()
    local image = file("fw.bin", support.bytes(20000))
    local probe = support.board("rak5205", { wrp = "0x00000008" })
    fails(41, "write_protected", { "flash", image, "--base", "0x08000000", probe = probe }, "0x08003000", "stlua options")
    fails(41, "write_protected", { "erase", "--all", probe = probe }, "0x08003000")
    assert.matches("08000000  00 00 00 00 00", support.good { "read", "0x08000000", "16", probe = probe }.out)
    support.clean()
  end)
end)

describe("a script that", function()
  setup(function() folder = support.folder() end)
  teardown(support.clean)

  local function script(text) return file("s.lua", text) end

  it("is not Lua", function() fails(1, "script", { script "return {" }, "s.lua:1") end)
  it("raises an error", function()
    fails(1, "script", { script 'return { run = function() error("oh") end }' }, "s.lua:1: oh")
  end)
  it("reads a global that is not there", function()
    fails(1, "script", { script "return { run = function() return sessoin end }" }, "sessoin")
  end)
  it("makes a global", function() fails(1, "script", { script "x = 1" }, "say `local`") end)
  it("returns nothing to run", function() fails(1, "script", { script "return {}" }, "run") end)
  it("calls a function with wrong arguments", function()
    fails(1, "script", { script "return { run = function(session) session.dap:read32('x') end }", probe = "sim:rak5205" },
      "bad argument #1 to 'read32'")
  end)
  it("has a traceback only with --verbose", function()
    local result = support.stlua { script 'return { run = function() error("oh") end }', "--verbose" }
    assert.matches("stack traceback", result.err)
    assert.matches("s.lua:1", result.err)
  end)
  it("raises an error of its own code ends with 1", function()
    fails(1, "paper", { script 'return { run = function() error({ code = "paper", message = "out" }, 0) end }' })
  end)
  it("closes everything when it fails", function()
    local text = [[return { run = function(session) session.dap:halt(); error("oh") end }]]
    local probe = support.board "rak5205"
    fails(1, "script", { script(text), probe = probe })
    support.good { "info", probe = probe }
  end)
end)

describe("an interrupt", function()
  setup(function() folder = support.folder() end)
  teardown(support.clean)

  -- In the middle of writing: the script sends the signal to itself from the progress function.
  local text = [[
    local image = require "stlua.image"
    return {
      args = { { "file" }, { "signal" } },
      run = function(session, args)
        local firmware = image.load(args.file, { base_addr = 0x08000000 })
        local plan <close> = session:plan(firmware)
        local pid = assert(io.open("/proc/self/stat")):read("n")
        session.nvm:apply(plan, { progress = function(phase, done, total)
          if phase == "write" and done * 3 > total then -- os.execute would shield this process from SIGINT
            io.popen(("kill -%s %d"):format(args.signal, pid)):close()
          end
        end })
      end,
    }]]

  for _, signal in ipairs { "INT", "TERM", "HUP" } do
    it("by SIG" .. signal .. " in mid-write ends with 130, and the next run repairs", function()
      local script = file("stop.lua", text)
      local image = file("fw.bin", support.bytes(60000, 3))
      local probe = support.board "rak5205"
      fails(130, "interrupted", { script, image, signal, probe = probe })
      assert.equal(45, support.stlua { "verify", image, "--base", "0x08000000", probe = probe }.status)
      local again = support.json { "flash", image, "--base", "0x08000000", probe = probe }
      assert.is_true(again.ok)
      assert.is_true(again.report.plan.totals.pages_equal > 0)
      support.good { "verify", image, "--base", "0x08000000", probe = probe }
    end)
  end

  it("stops a script that computes for ever", function()
    -- the signal is sent once the script says that it computes, however long it took to get there (SIGTERM: a
    -- shell starts what it puts in the background with SIGINT ignored)
    local sign = folder .. "/computes"
    local script = file("loop.lua", ("return { run = function() io.open(%q, 'w'):close() while true do end end }"):format(sign))
    local result = support.shell(("%s %s & pid=$!; while [ ! -e %s ]; do sleep 0.05; done; kill -TERM $pid; wait $pid"):format(
      support.quote(support.bin .. "/stlua"), script, support.quote(sign)))
    assert.matches("interrupted", result.err)
  end)
end)

describe("in mid-write,", function()
  local image
  before_each(function()
    folder = support.folder()
    image = file("fw.bin", support.bytes(60000, 5))
  end)
  after_each(support.clean)

  --- What happens then fails the command; after `repair` the next run makes it right.
  local function spoil(line, status, code, repair)
    local probe, admin = support.listen "rak5205"
    admin(line)
    fails(status, code, { "flash", image, "--base", "0x08000000", probe = probe })
    for _, cure in ipairs(repair or {}) do admin(cure) end
    support.good { "flash", image, "--base", "0x08000000", probe = probe }
    support.good { "verify", image, "--base", "0x08000000", "--verify", "read", probe = probe }
  end

  it("a pulled USB cable is a probe that is gone", function()
    spoil("fault usb disconnect at 200", 24, "probe_gone", { "replug" })
  end)
  it("a USB time-out is a USB error", function() spoil("fault usb timeout at 200", 25, "usb") end)
  it("a power cut is a target that is gone, and leaves a half page to repair", function()
    spoil("fault op cut 150", 30, "no_target", { "fault clear", "power on" })
  end)
  it("an operation that the flash refuses is a flash error", function()
    spoil("fault op fail 100 0x200", 42, "flash", { "fault clear" })
  end)
end)

it("hotplug does not halt, and so does not write", function()
  local probe = support.board "rak5205"
  local blink = support.source .. "/tests/firmware/blink.hex"
  support.good { "flash", blink, probe = probe }
  fails(33, "not_halted", { "flash", blink, "--connect", "hotplug", probe = probe }, "hotplug")
  fails(33, "not_halted", { "verify", blink, "--connect", "hotplug", probe = probe }, "hotplug")
  support.good { "info", "--connect", "hotplug", probe = probe }
  support.clean()
end)

it("the module reports a missing simulator as a file error", function()
  support.raises("file", stlua.open_sim, "rak5205", "/nowhere/sim")
end)
