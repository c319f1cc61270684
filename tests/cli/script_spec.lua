-- Scripts, the prompt, and the module in a stock lua5.4.
local support = require "support"

local folder

describe("a script", function()
  setup(function() folder = support.folder() end)
  teardown(support.clean)

  local function script(name, text) return support.write_file(folder .. "/" .. name, text) end

  it("gets typed arguments and a lazy session", function()
    local path = script("s.lua", [[
      return {
        summary = "adds two numbers",
        args = { { "a", type = "int" }, { "--b", type = "int", default = 2 }, { "--twice", type = "flag" } },
        run = function(session, args)
          return tostring((args.a + args.b) * (args.twice and 2 or 1)), { is_open = session:is_probe_open() }
        end,
      }]])
    assert.equal("s: 36\n", support.good { path, "0x10", "--twice" }.out)
    assert.equal("s: 36\n", support.good { "run", path, "0x10", "--twice" }.out)
    assert.equal("s: 36\n", support.good { "--quiet", path, "--twice", "16" }.out)
    assert.is_false(support.json({ path, "1" }).report.is_open)
    assert.matches("adds two numbers", support.good { path, "--help" }.out)
  end)

  it("finds modules beside itself, may be executable, and needs no name ending in .lua", function()
    script("helper.lua", "return { word = 'helped' }")
    local path = script("tool", "#!/usr/bin/env -S stlua run\nreturn { run = function() return require('helper').word end }")
    assert.equal("tool: helped\n", support.good { "run", path }.out:gsub("^.*/tool:", "tool:"))
  end)

  it("can be an ordinary Lua program", function()
    local path = script("plain.lua", "print('plain', ..., arg[1])")
    assert.equal("plain\tx\tx\n", support.good { path, "x" }.out)
  end)

  it("drives the target through the session", function()
    local path = script("drive.lua", [[
      return { run = function(session)
        local dap = session.dap
        dap:write32(0x20000000, { 1, 2, 3 })
        dap:write16(0x20000004, 0xABCD)
        dap:write8(0x20000008, 0xEF)
        session:step("look", function() assert(session.uid) end)
        return table.concat(dap:read32(0x20000000, 3), " ")
      end }]])
    assert.equal(("drive: 1 %d %d\n"):format(0xABCD, 0xEF), support.good { path, probe = "sim:rak5205" }.out)
  end)

  it("names the step that failed", function()
    local path = script("step.lua", [[
      return { run = function(session)
        session:step("serial", function() session:eeprom_write(0x20000000, "x") end)
      end }]])
    local result = support.stlua { path, probe = "sim:rak5205" }
    assert.equal(15, result.status)
    assert.matches("error %[range%]: serial: ", result.err)
  end)
end)

describe("the prompt", function()
  it("works in a pipe", function()
    local result = support.stlua { probe = "sim:rak5205",
      stdin = "=1 + 1\nlocal x = 5\nsession.dap:read32(0x20000000)\nfor i = 1, 2 do\nprint(i)\nend\n{ a = 1, 2 }\n" }
    assert.equal(0, result.status, result.err)
    assert.matches("^2\n%d+[^\n]*\n1\n2\n{ 2, a = 1 }\n$", result.out)
  end)

  it("says which line failed, and goes on", function()
    local result = support.stlua { stdin = "error 'oh'\n=7\n" }
    assert.equal("7\n", result.out)
    assert.matches("oh", result.err)
    assert.equal(1, result.status)
  end)
end)

describe("a stock lua5.4", function()
  local function lua(text)
    local path = support.write_file(support.folder() .. "/t.lua", text)
    local env = { LUA_CPATH_5_4 = os.getenv "STLUA_MODULE_DIR" .. "/?.so;;", STLUA_SIM = support.simulator }
    local preload = os.getenv "STLUA_PRELOAD"
    if preload and preload ~= "" then
      env.LD_PRELOAD = preload
      env.ASAN_OPTIONS = "detect_leaks=0" -- the interpreter's own start-up is none of our business
    end
    return support.shell("lua5.4 " .. path .. " " .. support.quote(support.simulator), { env = env })
  end

  teardown(support.clean)

  it("loads the same as stlua.so, and drives a board", function()
    local result = lua [[
      local stlua = require "stlua"
      local targets = require "stlua.targets"
      local probe <close> = stlua.open_sim("rak5205", arg[1])
      local dap <close> = probe:connect()
      local target = targets.identify(dap)
      local nvm <close> = dap:nvm(targets.nvm_config(target))
      local image = require("stlua.image").new():add(0x08000000, ("stlua"):rep(100))
      local plan <close> = nvm:plan(image)
      print(stlua.version, target.variant.name, nvm:apply(plan).verified_bytes)]]
    assert.equal("", result.err)
    assert.equal(require("stlua").version .. "\tcat2\t500\n", result.out)
  end)

  it("has sessions, too", function()
    local result = lua [[
      local sim = require "stlua.sim" -- before anything of stlua is loaded
      assert(sim == require "stlua.sim" and sim.spec)
      local session <close> = require("stlua.session").new { probe = "sim:rak5205" }
      local ok, err = pcall(function() return session.uid end)
      print(ok, ok and #session.uid or err.code)]]
    assert.matches("true\t24", result.out .. result.err)
  end)
end)
