-- The ledger on both databases: the same sentences are true on each.
local support = require "support"
local backends = require "backends"
local raises = support.raises
local ledger = require "stlua.ledger"
local identity = require "stlua.identity"

local function uid(n) return ("3331383536350000%08X"):format(n) end
local SPEC = { serial = { "RK", { counter = 4, last = 9000 }, { check = "luhn", over = { 2 } } },
  eui64 = { dev_eui = { first = "70B3D57ED0050000", last = "70B3D57ED005FFFF" } } }

teardown(backends.stop)

for _, backend in ipairs(backends.list) do
  describe("the ledger on " .. backend.name, function()
    local where, L, now

    local function open(options)
      options = options or {}
      options.clock = options.clock or function() return now end
      return ledger.open(where, options)
    end

    before_each(function()
      where, now = backend.fresh(), 1767225600
      L = open { create = true, station = "ST1", tool_version = "0.1.0" }
      L:product("node", SPEC)
    end)
    after_each(function() L:close() end)

    local function reserve(n, more)
      local args = { product = "node", uid = uid(n), operator = "eve" }
      for k, v in pairs(more or {}) do args[k] = v end
      return L:reserve(args)
    end

    it("gives each unit the next serial number and EUI", function()
      for n = 1, 12 do
        local unit = reserve(n)
        assert.equal(("RK%04d"):format(n), unit.serial:sub(1, 6))
        assert.equal(("70B3D57ED005%04X"):format(n - 1), unit.fields.dev_eui)
        assert.is_false(unit.is_returning)
        unit:commit()
      end
      assert.equal(12, L:report("node").serials.committed)
    end)

    it("gives a unit that comes back its own identity, passed, failed or left", function()
      local first = reserve(1)
      first:commit { firmware_sha256 = ("ab"):rep(32) }
      local second = reserve(2)
      second:void("no answer from the radio")
      do local third <close> = reserve(3) end -- luacheck: ignore
      for n, serial in pairs { first.serial, second.serial } do
        local again <close> = reserve(n)
        assert.equal(serial, again.serial)
        assert.is_true(again.is_returning)
        assert.equal(2, again.attempt_number)
      end
      local third <close> = reserve(3)
      assert.equal("RK0003", third.serial:sub(1, 6))
      local fourth <close> = reserve(4)
      assert.equal("RK0004", fourth.serial:sub(1, 6))
    end)

    it("knows a UID in any spelling of hex, and refuses what a failed read gives", function()
      local unit = reserve(0xABCDEF)
      unit:commit()
      local again <close> = reserve(0, { uid = uid(0xABCDEF):lower() })
      assert.equal(unit.serial, again.serial)
      raises("format", "failed read", reserve, 0, { uid = ("F"):rep(24) })
    end)

    it("retires the number of a failed unit where the product says so", function()
      L:product("strict", { serial = SPEC.serial, on_fail = "void" })
      local one = reserve(1, { product = "strict" })
      one:void("solder bridge")
      local two = reserve(1, { product = "strict" })
      assert.are_not.equal(one.serial, two.serial)
      two:commit()
      -- a number that was good once is on a label; failing a rework does not take it away
      reserve(1, { product = "strict" }):void("rework failed")
      local three <close> = reserve(1, { product = "strict" })
      assert.equal(two.serial, three.serial)
      assert.equal(1, #L:find { serial = one.serial, product = "strict", state = "void" })
    end)

    it("voids a unit whose scope ends, with the error that ended it", function()
      local serial
      local ok, err = pcall(function()
        local unit <close> = reserve(1)
        serial = unit.serial
        error(setmetatable({ code = "verify", message = "page 3 differs", context = { "flash" } },
          { __tostring = function() return "x" end }), 0)
      end)
      assert.is_false(ok)
      assert.equal("verify", err.code)
      local attempt = L:history(uid(1))[1]
      assert.equal("fail", attempt.result)
      assert.equal("verify", attempt.error_code)
      assert.equal("page 3 differs", attempt.error_message)
      assert.same({ "flash" }, attempt.error_context)
      assert.equal("page 3 differs", L:find { serial = serial }[1].void_reason)
    end)

    it("records everything about an attempt and gives it back", function()
      local unit = reserve(1, { probe = "usb:1-4.2", slot = "3", job_sha256 = ("cd"):rep(32) })
      now = now + 7
      unit:commit { firmware_sha256 = ("ab"):rep(32), options_written = { rdp = "0xBB", bor = 4 }, duration_ms = 7012.5,
        durations_ms = { flash = 5040, verify = 550.25 }, measurements = { supply_mv = 3301 }, notes = "first\nlot" }
      local attempt = L:history(uid(1))[1]
      attempt.id = nil
      assert.same({ product = "node", uid = uid(1), serial = unit.serial, result = "pass",
        started_at = "2026-01-01T00:00:00Z", ended_at = "2026-01-01T00:00:07Z", station = "ST1", operator = "eve",
        probe = "usb:1-4.2", slot = "3", firmware_sha256 = ("ab"):rep(32), job_sha256 = ("cd"):rep(32),
        tool_version = "0.1.0", options_written = { rdp = "0xBB", bor = 4 }, duration_ms = 7012.5,
        durations_ms = { flash = 5040, verify = 550.25 }, measurements = { supply_mv = 3301 }, notes = "first\nlot" },
        attempt)
    end)

    it("refuses a result with a wrong field, and leaves the unit open", function()
      local unit <close> = reserve(1)
      raises("argument", "did you mean `duration_ms`", unit.commit, unit, { duration_m = 1 })
      raises("format", "64 hex digits", unit.commit, unit, { firmware_sha256 = "abc" })
      raises("range", "duration_ms", unit.commit, unit, { duration_ms = -5 })
      raises("argument", "with a reason", unit.void, unit, "")
      unit:commit()
      raises("argument", "committed already", unit.commit, unit)
      raises("argument", "committed already", unit.void, unit, "late")
    end)

    it("refuses the same board a second time while it is in work, in this process or another ledger of it", function()
      local unit <close> = reserve(1)
      assert.equal("in_use", raises("refused", "in work in this process", reserve, 1).reason)
      local other <close> = open()
      local err = raises("refused", "in work at session", other.reserve, other, { product = "node", uid = uid(1) })
      assert.equal("in_use", err.reason)
      assert.truthy(err.message:find("station ST1", 1, true))
      unit:commit()
      local again <close> = other:reserve { product = "node", uid = uid(1) }
      assert.equal(unit.serial, again.serial)
    end)

    it("takes over what a closed ledger left, and records it as abandoned", function()
      local lost = open()
      local unit = lost:reserve { product = "node", uid = uid(1) }
      lost:close()
      local again <close> = reserve(1)
      assert.equal(unit.serial, again.serial)
      local history = L:history(uid(1))
      assert.equal("abandoned", history[1].result)
      assert.equal("interrupted", history[1].error_code)
      assert.equal("running", history[2].result)
      raises("argument", "is closed", unit.commit, unit)
    end)

    it("finds the reservations of dead processes and closes them", function()
      local lost = open()
      lost:reserve { product = "node", uid = uid(1) }
      lost:reserve { product = "node", uid = uid(2) }:commit()
      local living <close> = reserve(3)
      assert.same({}, L:recover())
      lost:close()
      local found = L:recover()
      assert.equal(1, #found)
      assert.equal(uid(1), found[1].uid)
      assert.is_false(found[1].is_retired)
      assert.same({}, L:recover())
      living:commit()
    end)

    it("stops when the numbers are used up, and goes on with a wider range where it was", function()
      local parts = { { counter = 1, last = 2 } }
      L:product("tiny", { serial = parts })
      reserve(1, { product = "tiny" }):commit()
      reserve(2, { product = "tiny" }):commit()
      assert.equal("exhausted", raises("range", "used up", reserve, 3, { product = "tiny" }).reason)
      assert.equal(0, #L:find { uid = uid(3) }) -- nothing of the refused step is left
      raises("refused", "another specification", L.product, L, "tiny", { serial = { { counter = 1, last = 9 } } })
      L:product("tiny", { serial = { { counter = 1, last = 9 } } }, { replace = true })
      local unit <close> = reserve(3, { product = "tiny" })
      assert.equal("3", unit.serial)
    end)

    it("never issues one number for two units, wherever it comes from", function()
      L:product("typed", { serial = "input", serial_space = "shared", input = { pattern = "%d+" } })
      L:product("counted", { serial = { { counter = 4 } }, serial_space = "shared" })
      reserve(1, { product = "typed", serial = "0001" }):commit()
      assert.equal("taken", raises("refused", "issued to another unit", reserve, 2,
        { product = "typed", serial = "0001" }).reason)
      raises("refused", "issued to another unit", reserve, 2, { product = "counted" })
      raises("argument", "from the operator", reserve, 2, { product = "typed" })
      raises("format", "does not match", reserve, 2, { product = "typed", serial = "12x" })
      raises("refused", "has the serial number 0001, not 0002", reserve, 1, { product = "typed", serial = "0002" })
      local again <close> = reserve(1, { product = "typed", serial = "0001" })
      assert.is_true(again.is_returning)
      -- two products that draw from the same block of EUIs
      L:product("other", { eui64 = SPEC.eui64 })
      local a <close> = reserve(11)
      local b <close> = reserve(12, { product = "other" })
      assert.are_not.equal(a.fields.dev_eui, b.fields.dev_eui)
    end)

    it("starts a counter again with each week where the template says so, and never gives a number twice", function()
      L:product("weekly", { serial = { { date = "ggww" }, "-", { counter = 2, per = "date" } } })
      local serials = {}
      for n = 1, 6 do
        local unit = reserve(n, { product = "weekly" })
        serials[n] = unit.serial
        unit:commit()
        now = now + (n % 2 == 0 and 7 * 86400 or 0)
        if n == 4 then now = now - 7 * 86400 end -- a clock that jumps back
      end
      assert.same({ "2601-01", "2601-02", "2602-01", "2602-02", "2602-03", "2602-04" }, serials)
    end)

    it("takes identities from a list, each once, in its order", function()
      L:product("listed", { serial = "list", list = { serial = { pattern = "A%d+" }, join_eui = { type = "eui64" } } })
      assert.equal(2, L:import_list("serial,join_eui\nA7,70B3D57ED0060001\nA3,70B3D57ED0060002\n", { product = "listed" }))
      local one = reserve(1, { product = "listed" })
      assert.equal("A7", one.serial)
      assert.equal("70B3D57ED0060001", one.fields.join_eui)
      one:commit()
      reserve(2, { product = "listed" }):commit()
      assert.equal("exhausted", raises("range", "list of product listed is used up", reserve, 3,
        { product = "listed" }).reason)
      assert.equal("A7", L:find { eui64 = "70-b3-d5-7e-d0-06-00-01" }[1].serial)
    end)

    it("imports all of a list or nothing of it", function()
      L:product("listed", { serial = "list", list = { serial = {}, join_eui = { type = "eui64" } } })
      local function import(text) return L:import_list("serial,join_eui\n" .. text, { product = "listed", name = "l.csv" }) end
      import("A1,70B3D57ED0060001\n")
      raises("format", "l.csv:3: serial A1 was imported before", import, "A2,70B3D57ED0060002\nA1,70B3D57ED0060003\n")
      raises("format", "l.csv:2: join_eui 70B3D57ED0060001 is in l.csv:2", import, "A2,70B3D57ED0060001\n")
      raises("format", "l.csv:3, column join_eui", import, "A2,70B3D57ED0060002\nA3,70B3\n")
      raises("format", "l.csv:3: 3 fields", import, "A2,70B3D57ED0060002\nA3,1,2\n")
      reserve(1, { product = "listed" }):commit()
      raises("format", "serial A1 is issued already", import, "A1,70B3D57ED0060009\n")
      raises("format", "70B3D57ED0060001 is in a unit already", import, "A2,70B3D57ED0060001\n")
      assert.equal(0, L:report("listed").list_lines_left)
      assert.equal(1, import("A2,70B3D57ED0060002\n"))
      raises("argument", "takes nothing from a list", L.import_list, L, "a\n1\n", { product = "node" })
    end)

    it("voids by hand, with a reason that is kept", function()
      local unit = reserve(1)
      raises("refused", "in work at", L.void, L, { product = "node", uid = uid(1), reason = "x" })
      unit:commit()
      raises("argument", "needs its `reason`", L.void, L, { product = "node", serial = unit.serial })
      L:void { product = "node", serial = unit.serial, reason = "board scrapped", operator = "bob", retire = true }
      local row = L:find { serial = unit.serial }[1]
      assert.equal("void", row.state)
      assert.is_true(row.is_retired)
      assert.equal("board scrapped", row.void_reason)
      assert.equal("bob", L:history(uid(1))[2].operator)
      local again <close> = reserve(1)
      assert.are_not.equal(unit.serial, again.serial)
      raises("argument", "no such unit in use", L.void, L, { product = "node", serial = unit.serial, reason = "x" })
    end)

    it("records attempts that never came to a reservation", function()
      L:record_attempt { product = "node", error = { code = "no_target", message = "silence", context = {} } }
      L:record_attempt { product = "node", uid = uid(1), error = { code = "no_target", message = "silence", context = {} } }
      raises("argument", "did you mean `node`", L.record_attempt, L, { product = "nod" })
      assert.equal(1, #L:history(uid(1)))
      assert.equal(2, L:report("node").attempts.fail)
    end)

    it("reports counts, yields, times and errors by frequency", function()
      for n, plan in ipairs { "P", "FP", "FFP", "F", "P" } do
        for i = 1, #plan do
          local unit = reserve(n)
          if plan:sub(i, i) == "P" then unit:commit { duration_ms = n * 1000 }
          else unit:void { code = n == 2 and "verify" or "no_target", message = "m", context = {} } end
        end
      end
      local report = L:report("node")
      assert.equal(5, report.units_tried)
      assert.same({ serial = 9000 - 5, dev_eui = 65536 - 5 }, report.numbers_left)
      assert.equal(4, report.units_passed)
      assert.equal(2, report.units_passed_first)
      assert.equal(0.8, report.yield)
      assert.equal(0.4, report.first_pass_yield)
      assert.same({ unit_count = 4, mean_ms = 2750, median_ms = 2500, min_ms = 1000, max_ms = 5000 }, report.time_per_unit)
      assert.same({ { code = "no_target", count = 3, share = 0.75, cumulative_share = 0.75 },
        { code = "verify", count = 1, share = 0.25, cumulative_share = 1 } }, report.errors)
      raises("argument", "no product", L.report, L, "none")
    end)

    it("exports what it holds as CSV and JSON that read back the same", function()
      reserve(1):commit { notes = 'a "quote", and\na line', measurements = { v = 1 } }
      reserve(2):void("bad")
      local rows = require("stlua.csv").parse(L:export_csv()).rows
      assert.equal(2, #rows)
      assert.equal('a "quote", and\na line', rows[1].notes)
      assert.equal('{"v":1}', rows[1].measurements)
      assert.equal("fail", rows[2].result)
      local units = require("dkjson").decode(L:export_json { product = "node", what = "units" })
      assert.equal("committed", units[1].state)
      assert.equal("70B3D57ED0050000", units[1].fields.dev_eui)
      raises("argument", "attempts", L.export_csv, L, { what = "all" })
    end)

    it("takes what looks like SQL for what it is: a text", function()
      local evil = "x'); DROP TABLE units; --"
      reserve(1, { operator = evil }):void(evil)
      assert.equal(1, #L:find { operator = evil })
      assert.equal(0, #L:find { serial = "' OR '1'='1" })
      assert.equal(evil, L:history(uid(1))[1].error_message)
      reserve(2):void("ends\0in \xFF noise\27[2J")
      assert.equal("ends?in ? noise?[2J", L:history(uid(2))[1].error_message)
    end)

    it("names the nearest right field", function()
      raises("argument", "did you mean `operator`", reserve, 1, { operater = "x" })
      raises("argument", "did you mean `serial`", L.find, L, { serail = "x" })
      raises("argument", "did you mean `eui64`", L.product, L, "p", { eui46 = {} })
      raises("argument", "did you mean `busy_tries`", ledger.open, where, { busy_tires = 1 })
      raises("argument", "did you mean `node`", reserve, 1, { product = "nodes" })
    end)

    it("counts beyond 32 bits", function()
      L:product("large", { serial = { { counter = 12, first = 99999999998 } } })
      reserve(1, { product = "large" }):commit()
      local unit <close> = reserve(2, { product = "large" })
      assert.equal("099999999999", unit.serial)
      L:product("larger", { serial = { { counter = 18, first = 9007199254740993 } } })
      local more <close> = reserve(2, { product = "larger" })
      assert.equal("009007199254740993", more.serial)
    end)

    it("is not made by a wrong path or URL, and not changed by one who reads", function()
      local elsewhere = backend.fresh()
      raises(backend.name == "SQLite" and "file" or "format", "no ledger", ledger.open, elsewhere)
      local reader <close> = open { read_only = true }
      raises("permission", "reading only", reader.reserve, reader, { product = "node", uid = uid(1) })
      reserve(1):commit()
      assert.equal(1, #reader:find {})
    end)

    it("refuses a newer schema, migrates an older one only when told to, and keeps its contents", function()
      reserve(1):commit()
      local schema = require "stlua.ledger_schema"
      schema.migrations[3] = { "ALTER TABLE units ADD COLUMN colour TEXT" }
      finally(function() schema.migrations[3] = nil end)
      assert.equal("older", raises("refused", "has schema version 2, this stlua needs 3", open).reason)
      local newer = open { migrate = true }
      assert.equal(1, #newer:find {})
      newer:close()
      schema.migrations[3] = nil
      assert.equal("newer", raises("unsupported", "has schema version 3, this stlua knows 2", open).reason)
    end)

    it("brings version 1 to today's", function()
      where = backend.fresh()
      local schema = require "stlua.ledger_schema"
      local second = schema.migrations[2]
      schema.migrations[2] = nil
      finally(function() schema.migrations[2] = second end)
      local old = open { create = true }
      old:product("node", SPEC)
      old:reserve { product = "node", uid = uid(1) }:commit()
      old:close()
      schema.migrations[2] = second
      local new <close> = open { migrate = true }
      assert.equal("committed", new:find {}[1].state)
    end)

    describe("with keys", function()
      local vault_key = identity.secret(("v"):rep(32))
      local KEY = ("\xA5k\0"):rep(5) .. "!"

      it("keeps them sealed and gives a unit its own again", function()
        local V <close> = open { vault_key = vault_key }
        V:product("keyed", { keys = { app_key = { byte_count = 16, source = "random" } } })
        local unit = V:reserve { product = "keyed", uid = uid(1) }
        local key = unit.secrets.app_key:reveal()
        assert.equal(16, #key)
        assert.equal("new", unit.key_origins.app_key)
        unit:commit()
        assert.equal("<secret, wiped>", tostring(unit.secrets.app_key))
        local found = V:find { uid = uid(1) }[1].keys
        assert.equal(1, #found)
        assert.is_true(found[1].is_sealed)
        assert.equal("app_key", found[1].name)
        local again <close> = V:reserve { product = "keyed", uid = uid(1) }
        assert.equal(key, again.secrets.app_key:reveal())
        assert.equal("restored", again.key_origins.app_key)
        local other <close> = V:reserve { product = "keyed", uid = uid(2) }
        assert.are_not.equal(key, other.secrets.app_key:reveal())
        raises("refused", "another vault key", open, { vault_key = identity.secret(("w"):rep(32)) })
        raises("argument", "no vault key", L.reserve, L, { product = "keyed", uid = uid(3) })
      end)

      it("without a vault keeps a check value that proves a key", function()
        L:product("keyed", { keys = { app_key = { byte_count = 16 } } })
        local given = identity.secret(KEY)
        L:reserve { product = "keyed", uid = uid(1), keys = { app_key = given } }:commit()
        assert.equal(KEY, given:reveal()) -- the caller's own is not wiped
        assert.is_true(L:is_key { product = "keyed", uid = uid(1), name = "app_key", key = given })
        assert.is_false(L:is_key { product = "keyed", uid = uid(1), name = "app_key", key = identity.secret(("x"):rep(16)) })
        raises("refused", "another key `app_key` already", L.reserve, L,
          { product = "keyed", uid = uid(1), keys = { app_key = identity.secret(("x"):rep(16)) } })
        raises("refused", "only a check value", L.reserve, L, { product = "keyed", uid = uid(1) })
        local again <close> = L:reserve { product = "keyed", uid = uid(1), keys = { app_key = given } }
        assert.equal("restored", again.key_origins.app_key)
        raises("argument", "as a secret", L.reserve, L, { product = "keyed", uid = uid(2), keys = { app_key = KEY } })
        raises("range", "3 bytes instead of 16", L.reserve, L,
          { product = "keyed", uid = uid(2), keys = { app_key = identity.secret("abc") } })
        raises("argument", "did you mean `app_key`", L.reserve, L,
          { product = "keyed", uid = uid(2), keys = { ap_key = given } })
        raises("argument", "is not there", L.reserve, L, { product = "keyed", uid = uid(2) })
      end)

      it("renews a random key it cannot give back only where the product says so", function()
        L:product("keyed", { keys = { app_key = { byte_count = 16, source = "random", renew = true } } })
        local unit = L:reserve { product = "keyed", uid = uid(1) }
        local key = unit.secrets.app_key:reveal()
        unit:void("x")
        local again <close> = L:reserve { product = "keyed", uid = uid(1) }
        assert.are_not.equal(key, again.secrets.app_key:reveal())
        assert.equal("renewed", again.key_origins.app_key)
      end)

      it("takes them from a list, stored only encrypted", function()
        local spec = { serial = "list", list = { serial = {}, app_key = { type = "key", byte_count = 4 } },
          keys = { app_key = { byte_count = 4, source = "list" } } }
        L:product("keyed", spec)
        raises("argument", "only encrypted", L.import_list, L, "serial,app_key\nA1,01020304\n", { product = "keyed" })
        local V <close> = open { vault_key = vault_key }
        V:import_list("serial,app_key\nA1,01020304\n", { product = "keyed" })
        local unit <close> = V:reserve { product = "keyed", uid = uid(1) }
        assert.equal("\1\2\3\4", unit.secrets.app_key:reveal())
      end)

      it("lets none of them into a text: record, export, error, tostring, or a walk over the objects", function()
        local V <close> = open { vault_key = vault_key }
        V:product("keyed", { keys = { app_key = { byte_count = 16, source = "given" } } })
        local unit = V:reserve { product = "keyed", uid = uid(1), keys = { app_key = identity.secret(KEY) } }
        local hex = KEY:gsub("[%s%S]", function(c) return ("%02X"):format(c:byte()) end)
        local walk = require "inspect_table"
        local seen = { walk(unit), tostring(unit), tostring(V) }
        unit:void({ code = "verify", message = "wrote " .. hex .. " read " .. KEY, context = { "key " .. hex:lower() } },
          { notes = "key=" .. hex, measurements = { key = hex, secret = identity.secret(KEY) } })
        for _, text in ipairs { V:export_csv(), V:export_json(), V:export_json { what = "units" }, walk(V:history(uid(1))),
          walk(V:find {}) } do seen[#seen + 1] = text end
        for _, table_name in ipairs { "attempts", "unit_keys", "allocations", "settings" } do
          seen[#seen + 1] = walk(V.db:rows("SELECT * FROM " .. table_name))
        end
        local all = table.concat(seen)
        assert.is_nil(all:upper():find(hex, 1, true))
        assert.is_nil(all:find(KEY, 1, true))
        assert.truthy(all:find("wrote <secret 16 B> read <secret 16 B>", 1, true))
      end)

      it("finds a sealed key that was changed or moved to another unit", function()
        local V <close> = open { vault_key = vault_key }
        V:product("keyed", { keys = { app_key = { byte_count = 16, source = "random" } } })
        V:reserve { product = "keyed", uid = uid(1) }:commit()
        V:reserve { product = "keyed", uid = uid(2) }:commit()
        local rows = V.db:rows("SELECT id, sealed FROM unit_keys ORDER BY id")
        V.db:exec("UPDATE unit_keys SET sealed = ? WHERE id = ?", rows[1].sealed, rows[2].id)
        raises("format", "was changed or moved", V.reserve, V, { product = "keyed", uid = uid(2) })
        V.db:exec("UPDATE unit_keys SET sealed = ? WHERE id = ?", rows[1].sealed:gsub("%x$", function(c)
          return c == "0" and "1" or "0" end), rows[1].id)
        raises("format", "was changed or moved", V.reserve, V, { product = "keyed", uid = uid(1) })
      end)
    end)
  end)
end
