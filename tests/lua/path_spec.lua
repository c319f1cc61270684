-- The search path: a copy on STLUA_PATH shadows the one in the binary.
local path = require "stlua.path"
local stlua = require "stlua"
local support = require "support"

describe("the search path", function()
  after_each(support.clean)

  it("finds what is in the binary, under its name in the project", function()
    local text, where = path.find("script", "flash")
    assert.equal("scripts/flash.lua", where)
    assert.equal(stlua.embedded_read "scripts/flash.lua", text)
    assert.equal(text, support.read_file(support.source .. "/scripts/flash.lua"))
  end)

  it("lists each command once", function()
    local seen = {}
    for _, name in ipairs(path.names "script") do
      assert.is_nil(seen[name])
      seen[name] = true
    end
    assert.is_true(seen.flash and seen.info and seen.list)
  end)

  it("never leaves its folders", function()
    assert.is_nil((path.find("script", "../scripts/flash")))
    assert.is_nil((path.find("script", "/etc/passwd")))
  end)

  it("lets a folder of STLUA_PATH shadow a command and a module", function()
    local folder = support.folder()
    os.execute(("mkdir -p %s/stlua"):format(folder))
    support.write_file(folder .. "/flash.lua", 'return { summary = "mine", run = function() return "mine" end }')
    support.write_file(folder .. "/stlua/format.lua", 'return { mine = true }')
    support.write_file(folder .. "/show.lua",
      'return { run = function() return tostring(require("stlua.format").mine) end }')
    assert.equal("flash: mine\n", support.good { "flash", env = { STLUA_PATH = folder } }.out)
    assert.equal("show: true\n", support.good { "show", env = { STLUA_PATH = folder } }.out)
    assert.matches("flash %s+mine", support.good { "--help", env = { STLUA_PATH = folder } }.out)
    assert.equal("which: " .. folder .. "/flash.lua\n", support.good { "which", "flash", env = { STLUA_PATH = folder } }.out)
  end)

  it("looks into the project's folder first, and into the user's", function()
    local folder, home = support.folder(), support.folder()
    os.execute(("mkdir -p %s/stlua %s/stlua"):format(folder, home))
    support.write_file(home .. "/stlua/hello.lua", 'return { run = function() return "from home" end }')
    local env = { XDG_DATA_HOME = home }
    assert.equal("hello: from home\n", support.good { "hello", env = env, cwd = folder }.out)
    support.write_file(folder .. "/stlua/hello.lua", 'return { run = function() return "from here" end }')
    assert.equal("hello: from here\n", support.good { "hello", env = env, cwd = folder }.out)
  end)

  it("takes a board from the project's folder", function()
    local folder = support.folder()
    os.execute(("mkdir -p %s/stlua/targets/boards"):format(folder))
    support.write_file(folder .. "/stlua/targets/boards/mine.lua",
      'return { name = "mine", part = "STM32L151CC", description = "our own" }')
    assert.matches("mine%s+STM32L151CC%s+our own", support.good { "targets", "mine", cwd = folder }.out)
  end)
end)
