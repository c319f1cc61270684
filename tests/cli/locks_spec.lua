--- tests/cli/locks_spec.lua: two programs and one probe; terminals that interrupt and that go away.
local stlua = require "stlua"
local support = require "support"

local quote = support.quote
local folder, image

local function file(name, text) return support.write_file(folder .. "/" .. name, text) end

-- Writes an image, and puts a file there when the first third is written; then the signal may come.
local slow = [[
  local image = require "stlua.image"
  return {
    args = { { "file" }, { "sign" } },
    run = function(session, args)
      local firmware = image.load(args.file, { base_addr = 0x08000000 })
      local plan <close> = session:plan(firmware)
      session.nvm:apply(plan, { progress = function(phase, done, total)
        if phase ~= "write" or done * 3 < total then return end
        local file = io.open(args.sign, "w")
        if file then file:close() end
        local stlua = require "stlua"
        for _ = 1, 3000 do stlua.interrupt() stlua.sleep(0.01) end -- until somebody interrupts
      end })
    end,
  }]]

local function assert_repairable(probe)
  support.good { "flash", image, "--base", "0x08000000", probe = probe }
  support.good { "verify", image, "--base", "0x08000000", probe = probe }
end

describe("a probe that is in use", function()
  before_each(function() folder = support.folder() end)
  after_each(support.clean)

  it("names its holder: a board that is kept alive", function()
    local probe = support.listen "rak5205"
    local held = stlua.join_sim(probe:match "@(.*)")
    local result = support.stlua { "info", probe = probe }
    held:close()
    assert.equal("", result.out)
    assert.matches("error %[probe_busy%]: .*held by pid %d+ %(stlua%)", result.err)
    support.good { "info", probe = probe }
  end)

  it("names its holder: a board in a file", function()
    local probe, path = support.board "rak5205"
    support.good { "info", probe = probe }
    local held = stlua.open_sim("rak5205?state=" .. path, support.simulator)
    local result = support.stlua { "info", probe = probe }
    held:close()
    assert.not_equal(0, result.status)
    assert.matches("pid %d+", result.err)
    support.good { "info", probe = probe }
  end)
end)

describe("a terminal", function()
  before_each(function()
    folder = support.folder()
    image = file("fw.bin", support.bytes(60000, 3))
  end)
  after_each(support.clean)

  -- Run the slow script on a pseudo terminal of its own, and do `action` once it is in mid-write.
  -- What a shell starts with & has SIGINT ignored, and so would all below it: hence env.
  local function on_terminal(probe, action)
    local script = file("slow.lua", slow)
    local command = ("%s --probe %s %s %s %s"):format(quote(support.bin .. "/stlua"), quote(probe), script, image,
      folder .. "/sign")
    local result = support.shell(([[mkfifo keys; exec 3<>keys
      env --default-signal=INT script -qec %s /dev/null <keys >screen & pid=$!
      while [ ! -e sign ]; do kill -0 $pid || exit 1; sleep 0.02; done
      %s
      wait $pid]]):format(quote(command), action), { cwd = folder })
    return result.status, support.read_file(folder .. "/screen")
  end

  it("that says Ctrl-C ends the command with 130, and the next run repairs", function()
    local probe = support.listen "rak5205"
    local status, screen = on_terminal(probe, [[printf '\003' >&3]])
    assert.equal(130, status, screen)
    assert.matches("interrupted", screen)
    assert_repairable(probe)
  end)

  it("that is closed ends the command, the probe is free and the next run repairs", function()
    local probe = support.listen "rak5205"
    assert.equal(137, (on_terminal(probe, "kill -9 $pid")))
    for _ = 1, 500 do -- the command gives the probe back by itself
      if support.stlua { "info", probe = probe }.status == 0 then break end
      stlua.sleep(0.05)
    end
    assert_repairable(probe)
  end)
end)
