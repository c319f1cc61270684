-- The small modules: format, json, nearest, arguments, strict, errors.
local arguments = require "stlua.arguments"
local errors = require "stlua.errors"
local format = require "stlua.format"
local json = require "stlua.json"
local nearest = require "stlua.nearest"
local strict = require "stlua.strict"
local support = require "support"

describe("json", function()
  it("keeps integers of 64 bits, and empty lists", function()
    assert.equal('{"a":[],"b":-9223372036854775808,"c":{}}', json.encode { a = json.array(), b = math.mininteger, c = {} })
  end)

  it("escapes what must be, and shows bytes that are no UTF-8", function()
    assert.equal([["a\"\\\n\u0001"]], json.encode 'a"\\\n\1')
    assert.equal('"\u{FF}"', json.encode "\255")
    assert.equal('"ü"', json.encode "ü")
  end)

  it("has no infinity", function() assert.equal("[null,1.5]", json.encode { 1 / 0, 1.5 }) end)

  it("refuses a table in itself", function()
    local ring = {}
    ring.ring = ring
    assert.has_error(function() json.encode(ring) end)
  end)
end)

describe("format", function()
  it("dumps in lines of 16, equal ones once", function()
    local lines = format.dump(0x08000000, ("\0"):rep(64) .. "Hello")
    assert.matches("^08000000  00 00", lines[1])
    assert.equal("*", lines[2])
    assert.matches("^08000040  48 65 6C 6C 6F .*|Hello|$", lines[#lines])
  end)

  it("gives sizes as people say them", function()
    assert.equal("128 KiB", format.size(128 * 1024))
    assert.equal("100 bytes", format.size(100))
    assert.equal("1 page", format.count(1, "page"))
  end)
end)

describe("nearest", function()
  it("finds swapped letters and beginnings", function()
    assert.equal("flash", nearest.find("falsh", { "info", "flash" }))
    assert.equal("targets", nearest.find("targ", { "info", "targets" }))
  end)
  it("is silent when nothing is near", function() assert.is_nil(nearest.find("xyzzy", { "info", "flash" })) end)
end)

describe("arguments", function()
  local script = { args = {
    { "file", type = "path" },
    { "--base", type = "addr" },
    { "--size", type = "size" },
    { "--mode", type = "choice", choices = { "a", "b" }, default = "a" },
    { "--erase-all", type = "flag" },
  } }

  local function parse(...) return arguments.parse("x", arguments.parser("x", script), { ... }, script.args) end

  it("are typed", function()
    local values = parse("f.hex", "--base", "0x08000000", "--size", "4K", "--erase-all")
    assert.equal("f.hex", values.file)
    assert.equal(0x08000000, values.base)
    assert.equal(4096, values.size)
    assert.is_true(values.erase_all)
    assert.equal("a", values.mode)
  end)

  it("that are wrong are usage errors", function()
    support.raises("usage", parse)
    assert.matches("nix", support.raises("usage", parse, "f", "--base", "nix").message)
    assert.matches("32 bits", support.raises("usage", parse, "f", "--base", "0x100000000").message)
    support.raises("usage", parse, "f", "--mode", "c")
    support.raises("usage", parse, "f", "g")
    assert.matches("erase%-all", support.raises("usage", parse, "f", "--erase-al").hint)
  end)
end)

describe("a strict environment", function()
  it("reads Lua's globals and refuses others", function()
    local env = strict.environment()
    assert.equal(string, env.string)
    local ok, why = pcall(function() return env.stirng end)
    assert.is_false(ok)
    assert.matches("did you mean `string`", why)
    assert.has_error(function() env.x = 1 end)
  end)
end)

describe("errors", function()
  it("print as one line and grow a context", function()
    local ok, err = pcall(errors.within, "flash", errors.raise, "timeout", "wait", "no %s", "answer")
    assert.is_false(ok)
    assert.equal("timeout: flash: no answer (wait)", tostring(err))
    assert.equal("no answer", err.cause)
    assert.same({ "flash" }, err.context)
  end)
end)
