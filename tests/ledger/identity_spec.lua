local support = require "support"
local raises = support.raises
local identity = require "stlua.identity"

local UID = "33313835363537003A002100"
local TIME = 1767225600 -- 2026-01-01T00:00:00Z, a Thursday: ISO week 01 of 2026

describe("check digits", function()
  -- ISO/IEC 7812-1's usual example; GB82 WEST IBAN with its check digits moved to the end
  it("are those of the standards' examples", function()
    assert.equal("3", identity.check_digit("luhn", "7992739871"))
    assert.equal("82", identity.check_digit("mod97", "WEST12345698765432GB"))
  end)

  it("find every single wrong symbol and, for mod97, every swap of neighbours", function()
    for _, kind in ipairs { "luhn", "luhn36", "mod97" } do
      local base = kind == "luhn" and "40718293" or "4A7Z8B93"
      local good = base .. identity.check_digit(kind, base)
      assert.is_true(identity.verify_check_digit(kind, good))
      for at = 1, #base do
        for digit = 0, 9 do
          local bad = good:sub(1, at - 1) .. digit .. good:sub(at + 1)
          if bad ~= good then assert.is_false(identity.verify_check_digit(kind, bad), kind .. " " .. bad) end
        end
        local swapped = good:sub(1, at - 1) .. good:sub(at + 1, at + 1) .. good:sub(at, at) .. good:sub(at + 2)
        if kind == "mod97" and swapped ~= good then
          assert.is_false(identity.verify_check_digit(kind, swapped), swapped)
        end
      end
    end
  end)

  it("refuse what they cannot cover and kinds nobody knows", function()
    raises("format", "cannot cover", identity.check_digit, "luhn", "12A4")
    raises("argument", "did you mean `luhn36`", identity.check_digit, "lunh36", "12")
  end)
end)

describe("serial number templates", function()
  it("render text, date, counter, UID and check digit in their exact widths", function()
    local t = identity.template { "RK", { date = "ggww" }, "-", { counter = 5 }, { uid = "1-4" },
      { check = "luhn36", skip = "-" } }
    local serial = t:render { counter = 42, uid = UID, time = TIME }
    assert.equal("RK2601-000423331", serial:sub(1, -2))
    assert.equal(t.char_count, #serial)
    assert.is_true(t:matches(serial))
    assert.is_false(t:matches(serial:gsub("42", "24")))
    assert.is_false(t:matches(serial .. "0"))
  end)

  it("count in base 16, 36 and an alphabet of one's own, up to the last number and no further", function()
    for _, case in ipairs { { { counter = 2, base = 16 }, 255, "FF" }, { { counter = 2, base = 36 }, 1295, "ZZ" },
      { { counter = 2, alphabet = "BCDF" }, 15, "FF" }, { { counter = 3 }, 999, "999" } } do
      local t = identity.template { case[1] }
      assert.equal(case[3], t:render { counter = case[2] })
      assert.equal(case[2], t.counter.last)
      raises("range", "outside", t.render, t, { counter = case[2] + 1 })
    end
    local widest = identity.template { { counter = 18, base = 36 } }
    assert.equal(18, #widest:render { counter = widest.counter.last })
  end)

  it("refuse, when the job is checked, what could not be rendered", function()
    local function refused(code, text, ...) raises(code, text, identity.template, { ... }) end
    refused("argument", "did you mean `counter`", { countr = 4 })
    refused("argument", "takes no `base`", { text = "A", base = 16 })
    refused("argument", "both", { text = "A", uid = "1-4" })
    refused("range", "does not fit 3 symbols", { counter = 3, last = 1000 })
    refused("argument", "empty", { counter = 3, first = 9, last = 8 })
    refused("argument", "second counter", { counter = 3 }, { counter = 3 })
    refused("argument", "10, 16 or 36", { counter = 3, base = 32 })
    refused("argument", "twice", { counter = 3, alphabet = "ABA" })
    refused("argument", "its year is written gg", { date = "yyww" }, { counter = 3 })
    refused("argument", "no date part", { date = "yyxx" })
    refused("argument", "before it", { check = "luhn" })
    refused("argument", "printable", "A B")
    refused("argument", "needs a date", { counter = 3, per = "date" })
    refused("argument", "must be integer", { counter = "6" })
    raises("range", "there is room for 4", identity.template, { "AB", { counter = 3 } }, 4)
    raises("argument", "list of parts", identity.template, {})
  end)

  it("start a counter again for each date when asked to", function()
    local t = identity.template { { date = "gggg" }, { date = "ww" }, { counter = 3, per = "date" } }
    assert.equal("202601", t:period { time = TIME })
    assert.equal("202602", t:period { time = TIME + 7 * 86400 })
    -- 2027-01-01 belongs to ISO week 53 of 2026
    assert.equal("202653", t:period { time = 1798761600 })
  end)

  it("hash UIDs that differ in one bit to different symbols", function()
    local t, seen = identity.template { { uid_hash = 8, base = 36 } }, {}
    for n = 0, 4095 do
      local serial = t:render { uid = UID:sub(1, 21) .. ("%03X"):format(n) }
      assert.is_nil(seen[serial])
      seen[serial] = true
    end
  end)
end)

describe("EUI-64 blocks", function()
  local block = identity.eui64_block { first = "70-B3-D5-7E-D0-05-00-00", last = "70B3D57ED00500FF" }

  it("give each number of their range, and no other", function()
    assert.equal(256, block.count)
    assert.equal("70B3D57ED0050000", block:at(0))
    assert.equal("70B3D57ED00500FF", block:at(255))
    raises("range", "has no number 256", block.at, block, 256)
    assert.is_true(block:contains("70b3d57ed00500fe"))
    assert.is_false(block:contains("70b3d57ed0050100"))
  end)

  it("work in the upper half of the 64 bits", function()
    local high = identity.eui64_block { first = "F0B3D57E00000000", last = "F0B3D57EFFFFFFFF" }
    assert.equal("F0B3D57EFFFFFFFF", high:at(high.count - 1))
    assert.is_false(high:contains("70B3D57E00000000"))
  end)

  it("refuse what nobody can own", function()
    local function refused(code, text, first, last)
      raises(code, text, identity.eui64_block, { first = first, last = last })
    end
    refused("range", "empty", "70B3D57ED0050001", "70B3D57ED0050000")
    refused("range", "more than one owner", "70B3D50000000000", "70B3D60000000000")
    refused("range", "group address", "71B3D57ED0050000", "71B3D57ED0050001")
    refused("range", "locally administered", "72B3D57ED0050000", "72B3D57ED0050001")
    refused("format", "not an EUI-64", "70B3D57ED005000", "70B3D57ED0050001")
    refused("format", "not an EUI-64", "70-B3:D5-7E-D0-05-00-00", "70B3D57ED0050001")
  end)
end)

describe("typed values", function()
  local function hex(bytes) return (bytes:gsub(".", function(c) return ("%02X"):format(c:byte()) end)) end
  local function encoded(spec, value) return hex(identity.encode(spec, value)) end

  it("become exactly the bytes their type says", function()
    assert.equal("524B3031", encoded({ type = "ascii", byte_count = 4 }, "RK01"))
    assert.equal("524B0000", encoded({ type = "ascii", byte_count = 4, pad = 0 }, "RK"))
    assert.equal("00123456", encoded({ type = "bcd", byte_count = 4, fill = "0" }, "123456"))
    assert.equal("56341200", encoded({ type = "bcd", byte_count = 4, fill = "0", order = "le" }, "123456"))
    assert.equal("07", encoded("u8", 7))
    assert.equal("0201", encoded("u16le", 0x0102))
    assert.equal("00000102", encoded("u32be", "258"))
    assert.equal("FFFFFFFFFFFFFFFF", encoded("u64be", "0xFFFFFFFFFFFFFFFF"))
    assert.equal("70B3D57ED0050001", encoded("eui64", "70-b3-d5-7e-d0-05-00-01"))
    assert.equal("010005D07ED5B370", encoded({ type = "eui64", order = "le" }, "70B3D57ED0050001"))
    assert.equal("DEAD", encoded({ type = "hex", byte_count = 2 }, "dead"))
    assert.equal("ADDE", encoded({ type = "hex", byte_count = 2, order = "le" }, identity.secret "\xDE\xAD"))
  end)

  it("are never truncated, padded or wrapped in silence", function()
    local function refused(code, text, spec, value) raises(code, text, identity.encode, spec, value) end
    refused("range", "room for 4", { type = "ascii", byte_count = 4 }, "RK012")
    refused("range", "exactly 4", { type = "ascii", byte_count = 4 }, "RK0")
    refused("range", "room for 4", { type = "ascii", byte_count = 4, pad = 0 }, "RK012")
    refused("format", "printable", { type = "ascii", byte_count = 3 }, "R\xC3\xBC")
    refused("format", "does not match", { type = "ascii", byte_count = 3, pattern = "%a%d%d" }, "123")
    refused("format", "decimal digits", { type = "bcd", byte_count = 4 }, "123123-123")
    refused("range", "exactly 8", { type = "bcd", byte_count = 4 }, "1234567")
    refused("range", "256 does not fit 8 bits", "u8", 256)
    refused("range", "does not fit", "u32le", -1)
    refused("range", "does not fit", "u64le", -1)
    refused("argument", "whole number", "u32le", 1.5)
    refused("format", "not a whole number", "u32le", "12x")
    refused("range", "3 bytes", { type = "hex", byte_count = 2 }, "010203")
    refused("argument", "type `hex`", { type = "ascii", byte_count = 2 }, identity.secret "ab")
    refused("argument", "did you mean `u16le`", "u16l", 1)
    refused("argument", "needs its `byte_count`", "ascii", "a")
    refused("argument", "takes no `pad`", { type = "u8", pad = 0 }, 1)
  end)

  it("can be named in one word", function()
    assert.equal("524B3031", encoded("ascii(4)", "RK01"))
    assert.equal("010005D07ED5B370", encoded("eui64-reversed", "70B3D57ED0050001"))
    assert.equal("0001FF", encoded("bytes(3)", "\0\1\xFF"))
    raises("argument", "did you mean `ascii`", identity.encode, "asci(4)", "RK01")
    raises("argument", "takes no `byte_count`", identity.encode, "u8(4)", 1)
    raises("argument", "takes no `order`", identity.encode, "u8-reversed", 1)
  end)

  it("come back as they were", function()
    for _, case in ipairs { { "u8", 255 }, { "u24le", 0xABCDEF }, { "u24be", 1 }, { "u64le", 1 << 62 }, { "i8", -128 },
      { "i16be", -2 }, { "i24le", -8388608 }, { "i64be", math.mininteger }, { "f32le", 1.5 }, { "f64be", -0.1 },
      { "ascii(4)", "RK01" }, { { type = "ascii", byte_count = 8, pad = 0x20 }, "RK01" },
      { { type = "utf8", byte_count = 8, pad = 0 }, "Gr\u{FC}n" }, { "bcd(2)", "0123" },
      { { type = "bcd", byte_count = 2, order = "le" }, "0123" }, { "hex(3)", "00ABFF" }, { "bytes(2)", "\0\xFF" },
      { "eui64", "70B3D57ED0050001" }, { "eui64-reversed", "70B3D57ED0050001" } } do
      local bytes = identity.encode(case[1], case[2])
      assert.equal(identity.byte_count(case[1]), #bytes)
      assert.equal(case[2], identity.decode(case[1], bytes))
    end
    assert.equal("EFCDAB", encoded("u24le", 0xABCDEF))
    assert.equal("FEFF", encoded("i16le", "-2"))
    assert.equal("0000C03F", encoded("f32le", 1.5))
  end)

  it("are refused when they do not fit, with or without a sign", function()
    local function refused(code, text, spec, value) raises(code, text, identity.encode, spec, value) end
    refused("range", "does not fit 8 bits with a sign", "i8", 128)
    refused("range", "does not fit 8 bits with a sign", "i8", -129)
    refused("range", "does not fit 64 bits with a sign", "i64le", "0xFFFFFFFFFFFFFFFF")
    refused("range", "does not fit 24 bits", "u24be", 1 << 24)
    refused("range", "does not fit 32 bits", "f32le", 1e39)
    refused("range", "does not fit 64 bits", "f64le", 0 / 0)
    refused("argument", "a number", "f32le", "1.5")
    refused("format", "not UTF-8", "utf8(2)", "\xFF\xFE")
    refused("range", "exactly 4", "utf8(4)", "\u{FC}")
    refused("range", "exactly 4", "bytes(4)", "abc")
    raises("range", "4 bytes", identity.decode, "u16le", "abcd")
    raises("format", "no BCD", identity.decode, "bcd(2)", "\x1A\0")
    raises("format", "no printable ASCII", identity.decode, "ascii(2)", "A\0")
    raises("format", "not UTF-8", identity.decode, "utf8(2)", "A\xFF")
  end)

  it("take no UID that a failed read would give", function()
    raises("format", "failed read", identity.uid, ("0"):rep(24))
    raises("format", "failed read", identity.uid, ("f"):rep(24))
    raises("format", "not a chip's UID", identity.uid, "xyz")
    assert.equal(UID, identity.uid(UID:lower()))
  end)
end)

describe("secrets", function()
  it("do not print, by any way of looking at them", function()
    local key = identity.secret("0123456789abcdef")
    assert.equal("<secret 16 B>", tostring(key))
    assert.equal("key: <secret 16 B>", "key: " .. key)
    assert.equal("<secret 16 B>", ("%s"):format(key))
    assert.is_nil(next(key))
    assert.equal(16, #key)
    assert.is_nil((require "inspect_table")(key):find("0123", 1, true))
    assert.equal("0123456789abcdef", key:reveal())
    assert.is_true(key == identity.secret("0123456789abcdef"))
    assert.is_false(key == identity.secret("0123456789abcdeX"))
  end)

  it("are gone after a wipe", function()
    local key = identity.random_key(16)
    key:wipe()
    assert.equal("<secret, wiped>", tostring(key))
    raises("argument", "wiped", key.reveal, key)
  end)

  it("are taken out of texts, raw and in every spelling of hex", function()
    local key = identity.secret("\x00\xABk%\xFF\x0A\x5D\x2D")
    for _, leak in ipairs { key:reveal(), "00AB6B25FF0A5D2D", "00ab6b25ff0a5d2d", "00:AB:6B:25:ff:0a:5d:2d" } do
      assert.equal("at <secret 8 B>!", identity.scrub("at " .. leak .. "!", { key }))
    end
    assert.equal("nothing", identity.scrub("nothing", { key }))
  end)

  it("come from the generator in exactly the count asked for, never twice", function()
    local seen = {}
    for _ = 1, 200 do
      local key = identity.random_key(16):reveal()
      assert.equal(16, #key)
      assert.is_nil(seen[key])
      seen[key] = true
    end
    raises("argument", "1 to 4096", identity.random_key, 0)
  end)

  it("of a wrong length name the length and never the digits", function()
    local err = raises("range", "30 hex digits, 16 bytes need 32", identity.secret_from_hex, ("5A"):rep(15), 16)
    assert.is_nil(tostring(err):find("5A5A", 1, true))
    err = raises("format", "other characters", identity.secret_from_hex, "5A5Axx", 3)
    assert.is_nil(tostring(err):find("5A5A", 1, true))
  end)
end)

describe("operator and barcode input", function()
  local t = identity.template { "RK", { counter = 4 }, { check = "luhn", over = { 2 } } }
  local rule = { what = "serial", template = t, pattern = "RK%d+" }

  it("loses the scanner's line end and nothing else", function()
    local serial = t:render { counter = 17 }
    assert.equal(serial, identity.check_input(rule, serial .. "\r\n"))
    assert.equal(serial, identity.check_input(rule, serial .. "\r"))
    raises("format", "blank or unprintable", identity.check_input, rule, serial .. " ")
    raises("format", "blank or unprintable", identity.check_input, rule, "\t" .. serial)
  end)

  it("is refused when it is empty, too long, scanned twice or of another product", function()
    local serial = t:render { counter = 17 }
    raises("format", "nothing was entered", identity.check_input, rule, "\n")
    raises("argument", "nothing was entered", identity.check_input, rule, nil)
    raises("range", "scanned twice", identity.check_input, { max_chars = 7 }, serial .. serial)
    raises("format", "does not match", identity.check_input, rule, "XK00170")
    raises("format", "check digit is wrong", identity.check_input, rule,
      serial:sub(1, -2) .. (tonumber(serial:sub(-1)) + 1) % 10)
  end)
end)
