-- CRCs and sums in Lua: the catalogue's check values, the STM32 unit, parameters of one's own.
local crc = require "stlua.crc"
local digest = require "stlua.digest"
local stlua = require "stlua"
local support = require "support"

local nine = "123456789"

describe("the CRC catalogue", function()
  it("gives every model's check value, by name and by its parameters", function()
    local count = 0
    for _, name in ipairs(stlua.crc.models()) do
      local model = crc.find(name)
      local text = model.word_bytes > 1 and "12345678" or nine
      assert.equal(model.check, crc.compute(name, text), name)
      assert.equal(model.check, crc.compute(name:lower(), text), name)
      model.name, model.check = nil, nil
      assert.equal(crc.find(name).check, crc.compute(model, text), name)
      count = count + 1
    end
    assert.equal(113 + 1, count) -- and the STM32 unit
  end)

  it("knows every alias, in any case", function()
    for alias, name in pairs(stlua.crc.aliases()) do assert.same(crc.find(name), crc.find(alias:lower())) end
  end)

  -- users.md E-I; numbers written here, not read from the table under test
  it("means by a common name what others mean by it", function()
    for name, check in pairs { zlib = 0xCBF43926, ["crc-32c"] = 0xE3069283, xmodem = 0x31C3, modbus = 0x4B37,
      ["ccitt-false"] = 0x29B1, kermit = 0x2189, ["x-25"] = 0x906E, ["crc-8/smbus"] = 0xF4, ["crc-24"] = 0x21CF02,
      ["crc-64/xz"] = 0x995DC9BBDF1939FA, ["crc-82/darc"] = "0x09EA83F625023801FD612" } do
      assert.equal(check, crc.compute(name, nine), name)
    end
  end)

  it("names the nearest when there is no such name", function()
    assert.matches("CRC%-16/MODBUS", support.raises("argument", crc.find, "CRC-16/MODBSU").hint)
    assert.matches("xor8", support.raises("argument", crc.compute, "xro8", "").hint)
    support.raises("argument", crc.find, 32)
    support.raises("argument", stlua.crc.new, "CRC-33")
  end)
end)

describe("the STM32 CRC unit", function()
  -- users.md E-II
  it("gives its known vectors", function()
    assert.equal(0xDF8A8A2B, crc.compute("stm32", "\x78\x56\x34\x12"))
    assert.equal(0xC704DD7B, crc.compute("stm32", "\0\0\0\0"))
    assert.equal(0, crc.compute("stm32", "\xFF\xFF\xFF\xFF"))
    assert.equal(0xFEFC54F9, crc.compute("stm32", "12345678"))
    assert.equal(0xD9020D98, crc.compute("stm32", nine .. "\xFF\xFF\xFF"))
    assert.equal(crc.compute("crc-32/mpeg-2", "43218765"), crc.compute("stm32", "12345678"))
  end)

  it("takes whole words only", function()
    assert.matches("1 bytes are left over", support.raises("argument", crc.compute, "stm32", nine).message)
  end)
end)

describe("parameters of one's own", function()
  local function zlib(changes)
    local model = { width = 32, poly = 0x04C11DB7, init = 0xFFFFFFFF, xorout = 0xFFFFFFFF, refin = true, refout = true }
    for name, value in pairs(changes or {}) do model[name] = value end
    return model
  end

  it("are enough", function()
    assert.equal(0xCBF43926, crc.compute(zlib(), nine))
    assert.equal(0xCBF43926, crc.compute(zlib { poly = "0x04c11db7", check = 0xCBF43926 }, nine))
  end)

  it("may be a line of RevEng's", function()
    local line = 'width=16 poly=0x1021 init=0xffff refin=false refout=false xorout=0x0000 check=0x29b1 residue=0x0000 name="x"'
    assert.equal(0x29B1, crc.compute(line, nine))
    assert.equal(0x29B1, crc.new(line):update(nine):value())
    assert.matches("is 0x29B1, not 0x29B2", support.raises("argument", crc.find, (line:gsub("29b1", "29b2"))).message)
    assert.matches('"poly" is not a parameter', support.raises("argument", crc.find, "width=16 poly").message)
    assert.matches("did you mean `poly`", support.raises("argument", crc.find, (line:gsub("poly", "ploy"))).hint)
    support.raises("argument", crc.find, (line:gsub("refin=false", "refin=no")))
  end)

  it("that are wrong are named", function()
    local function refused(text, changes, none)
      local model = zlib(changes)
      if none then model[none] = nil end
      assert.matches(text, tostring(support.raises("argument", crc.compute, model, nine)))
    end
    refused("did you mean `refin`", { refn = true })
    refused("has no `xorout`", {}, "xorout")
    refused("width 2", { width = 2 })
    refused("more than 8 bits", { width = 8 })
    refused("words of 3 bytes", { word_bytes = 3 })
    refused("is 0xCBF43926, not 0x00000001", { check = 1 })
    refused("`width` must be integer", { width = "32" })
    assert.has_error(function() crc.compute(zlib { poly = "04C11DB7" }, nine) end) -- hex or decimal? Nobody knows
    assert.has_error(function() crc.compute(zlib { poly = "0x" .. ("1"):rep(33) }, nine) end)
    assert.has_error(function() crc.compute(zlib { width = -1 }, nine) end)
  end)
end)

describe("a running CRC", function()
  it("does not mind where the bytes are cut", function()
    local bytes = support.bytes(1024)
    for _, name in ipairs(crc.names()) do
      local running, at, step = crc.new(name), 1, 1
      while at <= #bytes do
        running:update(bytes:sub(at, at + step - 1))
        at, step = at + step, step % 37 + 1
      end
      assert.equal(crc.compute(name, bytes), running:value(), name)
    end
  end)

  it("can be copied, and both go on", function()
    for _, name in ipairs { "crc-32", "fletcher16" } do
      local one = crc.new(name):update "1234"
      local two = one:copy():update "56789"
      assert.equal(crc.compute(name, "1234"), one:value())
      assert.equal(crc.compute(name, nine), two:value())
    end
  end)
end)

describe("the sums", function()
  it("give known values", function()
    local words = "\1\2\3\4\5\6\7\8"
    for name, value in pairs { sum8 = 0xDD, sum16 = 0x1DD, sum32 = 0x1DD, xor8 = 0x31, adler32 = 0x091E01DE,
      fletcher16 = 0x1EDE, twos8 = 0x23 } do
      assert.equal(value, crc.compute(name, nine), name)
      assert.is_true(crc.is_sum(name))
    end
    assert.equal(0x0C0A0806, crc.compute("sum32-words", words))
    assert.equal(0, (crc.compute("twos32", words) + 0x0C0A0806) & 0xFFFFFFFF)
    assert.equal(4, crc.find("TWOS32").word_bytes)
    assert.is_false(crc.is_sum "crc-32")
  end)
end)

describe("a value as text", function()
  it("has the digits of its width", function()
    assert.equal("0x4", crc.text(crc.find "crc-3/gsm", 4))
    assert.equal("0x00F4", crc.text(crc.find "modbus", 0xF4))
    assert.equal("0x995DC9BBDF1939FA", crc.text(crc.find "crc-64/xz", 0x995DC9BBDF1939FA))
    assert.equal("0x09EA83F625023801FD612", crc.text(crc.find "crc-82/darc", crc.compute("crc-82/darc", nine)))
  end)
end)

describe("SHA-256", function()
  it("is that of FIPS 180-4's example", function()
    assert.equal("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad", digest.sha256("abc"))
  end)

  it("says what to install when OpenSSL is missing", function()
    local loaded, loader = package.loaded["openssl.digest"], package.preload["openssl.digest"]
    package.loaded["openssl.digest"] = nil
    package.preload["openssl.digest"] = function() error "not there" end
    local err = support.raises("unsupported", digest.sha256, "abc")
    package.loaded["openssl.digest"], package.preload["openssl.digest"] = loaded, loader
    assert.matches("lua%-luaossl", err.hint)
  end)
end)
