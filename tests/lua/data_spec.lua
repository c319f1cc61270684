--- tests/lua/data_spec.lua: what a chip or board file could try, and that it gets nowhere.
local stlua = require "stlua"
local support = require "support"

local function load_text(text) return stlua.load_data(text, "hostile.lua") end

local function refused(text) return support.raises("format", load_text, text) end

describe("a data file", function()
  it("is copied with all its types, and a table in two places is one", function()
    local data = load_text [[
      local pins = { "PA1", [10] = false, x = 1.5 }
      return { pins = pins, again = pins, big = 1 << 62, [true] = "yes", text = "a\0b" } ]]
    assert.same({ "PA1", [10] = false, x = 1.5 }, data.pins)
    assert.equal(data.pins, data.again)
    assert.equal(1 << 62, data.big)
    assert.equal("yes", data[true])
    assert.equal("a\0b", data.text)
    assert.is_nil(getmetatable(data))
  end)

  it("may refer to itself", function()
    local data = load_text "local t = {} t.self = t return t"
    assert.equal(data, data.self)
  end)

  for _, name in ipairs { "require", "io", "os", "debug", "load", "dofile", "loadstring", "string", "table", "package",
    "coroutine", "setmetatable", "getmetatable", "rawset", "pcall", "error", "print", "collectgarbage", "_G", "stlua" } do
    it("does not see " .. name, function()
      assert.is_nil(load_text(("return { x = %s }"):format(name)).x)
      assert.matches("nil value", refused(("return { x = %s('x') }"):format(name)).message)
    end)
  end

  it("has no methods of strings", function()
    for _, text in ipairs { "('x'):rep(1 << 30)", "('').format('%d', 1)", "('x').rep", "(''):dump()" } do
      assert.matches("index", refused("return { x = " .. text .. " }").message)
    end
  end)

  it("leaves the strings, tables and globals of the program alone", function()
    load_text "_ENV.leak = 1 leak2 = 2 return {}"
    assert.is_nil(rawget(_G, "leak"))
    assert.is_nil(rawget(_G, "leak2"))
    assert.equal("xx", ("x"):rep(2))
    refused "local s = '' s.rep = nil return {}"
  end)

  it("that takes too much memory is stopped", function()
    for _, text in ipairs { "local s = 'xxxxxxxx' while true do s = s .. s end",
      "local t = {} local i = 0 while true do i = i + 1 t[i] = { i } end",
      "local s = 'x' for i = 1, 40 do s = s .. s end return { s }" } do
      assert.matches("memory", refused(text).message)
    end
    assert.matches("memory", refused("return { " .. ("'"):rep(2) .. (", {}"):rep(200000) .. " }").message)
  end)

  it("that does not end is stopped, in whatever way", function()
    for _, text in ipairs { "while true do end", "::again:: goto again", "for i = 1, 1 << 62 do end",
      "local function f() return f() end f()" } do
      assert.matches("does not end", refused(text).message)
    end
    refused "local function f() return 1 + f() end f()" -- a full stack
  end)

  it("is text, not bytecode, whatever stands before it", function()
    local code = string.dump(function() return {} end)
    assert.matches("binary", refused(code).message)
    support.raises("format", require("stlua.targets").load_data, "#!\n" .. code, "x")
    refused("\27Lua")
  end)

  it("holds no functions, and is not nested without end", function()
    assert.matches("function", refused("return { hook = function() end }").message)
    assert.matches("function", refused("return { [function() end] = 1 }").message)
    assert.matches("too deep", refused("local t = {} local top = t for i = 1, 100 do t.x = {} t = t.x end return top").message)
    refused("return " .. ("{"):rep(100000) .. ("}"):rep(100000))
  end)

  it("is named in every refusal, once", function()
    for _, text in ipairs { "while true do end", "\27Lua", "x.y = 1", "return 1", "return { f = function() end }" } do
      local message = refused(text).message
      assert.matches("^hostile%.lua:", message)
      assert.is_nil(message:find("hostile.lua", 2, true), message)
    end
  end)

  it("of a board says what a board must say", function()
    local function board_of(text) return require("stlua.targets").board(support.write_file(support.folder() .. "/b.lua", text)) end
    assert.equal("it", board_of("return { name = 'it', part = 'STM32L151CB', swclk_khz = 480, lamp = 'PA5' }").name)
    for text, what in pairs {
      ["return {}"] = "`name` must be a text, and is missing",
      ["return { name = 'it' }"] = "`part` must be the name of a part",
      ["return { name = {}, part = 'STM32L151CB' }"] = "`name` must be a text$",
      ["return { name = 'it', part = 'STM32L151CB', connect = 'gently' }"] = "`connect` must be normal",
      ["return { name = 'it', part = 'STM32L151CB', swclk_khz = 1.5 }"] = "`swclk_khz` must be",
      ["return { name = 'it', part = 'STM32L151CB', notes = { {} } }"] = "`notes` must be a list of texts",
      ["return { name = 'it', part = 'STM32L151CB', description = 5 }"] = "`description` must be a text",
    } do
      assert.matches(what, support.raises("format", board_of, text).message)
    end
    support.clean()
  end)

  it("that is refused a thousand times leaves nothing behind", function()
    collectgarbage()
    local before_kib = collectgarbage "count"
    for _ = 1, 1000 do pcall(load_text, "return { f = function() end }") end
    collectgarbage()
    assert.is_true(collectgarbage "count" - before_kib < 64)
  end)

  it("of a board that is too large is not read", function()
    local path = support.write_file(support.folder() .. "/big.lua", "return {} --" .. ("x"):rep(1 << 20))
    assert.matches("too large", support.raises("format", require("stlua.targets").board, path).message)
    support.raises("file", require("stlua.targets").board, support.folder() .. "/") -- a folder
    support.clean()
  end)
end)
