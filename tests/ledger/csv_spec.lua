local support = require "support"
local raises = support.raises
local csv = require "stlua.csv"
local identity = require "stlua.identity"

describe("CSV", function()
  it("is read as RFC 4180 says: quotes, doubled quotes, line breaks inside, either line end, a BOM", function()
    local parsed = csv.parse('\xEF\xBB\xBFa,b\r\n1,"x,""y""\r\nz"\n,last')
    assert.same({ "a", "b" }, parsed.columns)
    assert.same({ { line = 2, a = "1", b = 'x,"y"\r\nz' }, { line = 4, a = "", b = "last" } }, parsed.rows)
  end)

  it("written is the same when read again", function()
    local rows = { { a = 'q"q', b = " blank " }, { a = "1,2;3", b = "x\ny" }, { a = "", b = "-" } }
    local again = csv.parse(csv.write({ "a", "b" }, rows))
    for i, row in ipairs(again.rows) do
      row.line = nil
      assert.same(rows[i], row)
    end
  end)

  it("names the line of everything that does not fit", function()
    local function refused(text, message, options) raises("format", message, csv.parse, text, options) end
    refused("", "list:1: the file is empty")
    refused("a,b\n1,2\n3\n", "list:3: 1 fields, the header has 2")
    refused("a,b\n1,2,3\n", "list:2: 3 fields")
    refused("a,b\n1,2\n\n3,4\n", "list:3: an empty line")
    refused('a,b\n1,"2\n\n', 'list:2: the quoted field 2 never ends')
    refused('a,b\n1,2"3\n', "list:2: a stray character")
    refused('a,b\n1,"2"3\n', "list:2: a stray character")
    refused("a,b\r1,2\r", "list:1: a carriage return")
    refused("a,b\n1,\0\n", "list:2: a NUL byte")
    refused("a,b\n1,2\n1,\xFF\n", "list:3: bytes that are not UTF-8")
    refused("a,a\n1,2\n", "two columns are named `a`")
    refused("a,\n1,2\n", "column 2 has no name")
    refused("serial,devui\n1,2\n", "did you mean `dev_eui`", { columns = { "serial", "dev_eui" } })
    refused("serial\n1\n", "`dev_eui` is missing", { columns = { "serial", "dev_eui" } })
    refused("a\n1\n2\n1\n", "list:4: `a` is the same as in line 2", { unique = { "a" } })
    raises("file", "cannot open", csv.read, "/nonexistent/list.csv")
  end)

  it("cut anywhere is read or refused, never a crash", function()
    local whole = '\xEF\xBB\xBFserial,note\r\nA1,"one, ""two"""\r\nA2,x\r\n'
    for cut = 0, #whole do
      local ok, err = pcall(csv.parse, whole:sub(1, cut))
      assert.is_true(ok or err.code == "format", tostring(err))
    end
  end)
end)

describe("CSV of any bytes", function()
  it("is read or refused, never a crash, and what was read is written the same", function()
    local seed = tonumber(os.getenv("SEED") or os.time())
    print("# seed " .. seed)
    math.randomseed(seed)
    local bits = { "a", "b", ",", ",", '"', '"', '""', "\n", "\r\n", "\r", " ", "\0", "\xC3\xBC", "\xFF", ";", "" }
    local read = 0
    for _ = 1, 20000 do
      local parts = { "a,b\n" }
      for i = 2, math.random(2, 14) do parts[i] = bits[math.random(#bits)] end
      local ok, parsed = pcall(csv.parse, table.concat(parts))
      if ok then
        read = read + 1
        local again = csv.parse(csv.write(parsed.columns, parsed.rows))
        for i, row in ipairs(parsed.rows) do
          assert.equal(row.a, again.rows[i].a)
          assert.equal(row.b, again.rows[i].b)
        end
      else
        assert.equal("format", type(parsed) == "table" and parsed.code or parsed)
      end
    end
    assert.is_true(read > 100)
  end)
end)

describe("identity lists", function()
  local list = identity.list { serial = { pattern = "RK%d%d%d" }, dev_eui = { type = "eui64" },
    app_key = { type = "key", byte_count = 4 } }
  local head = "serial,dev_eui,app_key\n"

  it("give checked values, keys as secrets", function()
    local rows = list:parse(head .. "RK001,70-B3-D5-7E-D0-05-00-01,01020304\n")
    assert.equal("RK001", rows[1].serial)
    assert.equal("70B3D57ED0050001", rows[1].dev_eui)
    assert.equal("<secret 4 B>", tostring(rows[1].app_key))
    assert.equal(2, rows[1].line)
  end)

  it("name line and column of a value that does not fit, and never a key", function()
    local function refused(code, message, line)
      local err = raises(code, message, list.parse, list, head .. "RK001,70B3D57ED0050001,01020304\n" .. line)
      assert.is_nil(tostring(err):find("5A5A", 1, true), tostring(err))
    end
    refused("format", "list:3, column serial", "RK1,70B3D57ED0050002,5A5A5A5A\n")
    refused("format", "list:3, column dev_eui", "RK002,70B3D57ED005000,5A5A5A5A\n")
    refused("range", "list:3, column app_key", "RK002,70B3D57ED0050002,5A5A5A\n")
    refused("format", "`serial` is the same as in line 2", "RK001,70B3D57ED0050002,5A5A5A5A\n")
    refused("format", "`dev_eui` is the same as in line 2", "RK002,70:b3:d5:7e:d0:05:00:01,5A5A5A5A\n")
    refused("format", "`app_key` is the same as in line 2", "RK002,70B3D57ED0050002,01020304\n")
    raises("format", "no line below", list.parse, list, head)
  end)

  it("are refused when their description is wrong", function()
    raises("argument", "did you mean `eui64`", identity.list, { a = { type = "eui46" } })
    raises("argument", "needs its `byte_count`", identity.list, { a = { type = "key" } })
    raises("argument", "did you mean `pattern`", identity.list, { a = { patern = "x" } })
    raises("argument", "a word", identity.list, { ["a b"] = {} })
  end)
end)
