-- Whatever statement a process dies before, and whatever statement the database fails at: each unit
-- keeps its number, no number is lost, and every attempt has its record.
local support = require "support"
local backends = require "backends"
local ledger = require "stlua.ledger"

local LUA = os.getenv("LUA_INTERPRETER") or "lua5.4"
local function uid(n) return ("3331383536350000%08X"):format(n) end

teardown(backends.stop)

-- A database server notices only after a moment that a client has died; until then the unit counts as
-- in work. Anything but that is an error at once.
local function reserve_after_death(L, n)
  local ok, unit
  for _ = 1, 100 do
    ok, unit = pcall(L.reserve, L, { product = "node", uid = uid(n) })
    if ok then return unit end
    if not tostring(unit):match("is in work at") then break end
    os.execute("sleep 0.1")
  end
  error(unit, 0)
end

-- After unit n was tried: it gets the number it was promised, and numbers have no gap.
local function check(L, n, promised)
  local unit <close> = reserve_after_death(L, n)
  assert.equal(("%04d"):format(n), unit.serial)
  if promised then assert.equal(promised, unit.serial) end
  unit:commit()
  local history = L:history(uid(n))
  for i, attempt in ipairs(history) do
    assert.equal(unit.serial, attempt.serial)
    assert.are_not.equal("running", attempt.result, "attempt " .. i)
  end
  assert.equal("pass", history[#history].result)
end

for _, backend in ipairs(backends.list) do
  describe("on " .. backend.name, function()
    local where, L
    before_each(function()
      where = backend.fresh()
      L = ledger.open(where, { create = true, busy_tries = 1 })
      L:product("node", { serial = { { counter = 4 } } })
    end)
    after_each(function() L:close() end)

    it("a process may die before any statement", function()
      local n = 0
      local was_done
      repeat
        n = n + 1
        assert.is_true(n < 60, "the station never gets done")
        local text = support.run(("STL_SOURCE_DIR='%s' %s '%s/tests/ledger/dying.lua' '%s' %d %d"):format(support.root, LUA,
          support.root, where, n, n))
        was_done = text:match("done") ~= nil
        check(L, n, text:match("%d%d%d%d"))
      until was_done
      assert.is_true(n > 12, "only " .. n .. " statements were seen")
    end)

    it("eight stations may create the same ledger at once", function()
      local fresh, folder = backend.fresh(), support.folder()
      finally(function() support.remove(folder) end)
      support.write(folder .. "/create.lua", ([[
        package.path = "%s/tests/ledger/?.lua;" .. package.path
        require "support"
        local L = require("stlua.ledger").open("%s", { create = true })
        L:product("node", { serial = { { counter = 4 } } })
        L:reserve({ product = "node", uid = "33313835363500" .. arg[1] }):commit()
        print "done"]]):format(support.root, fresh))
      local command = {}
      for i = 1, 8 do
        command[i] = ("STL_SOURCE_DIR='%s' %s '%s/create.lua' %02d & "):format(support.root, LUA, folder, i)
      end
      assert.equal(("done\n"):rep(8), (support.run("{ " .. table.concat(command) .. "wait; }")))
      local made <close> = ledger.open(fresh)
      assert.equal(8, made:report("node").serials.committed)
      assert.equal("0008", made:find { state = "committed" }[8].serial)
    end)

    it("the database may fail at any statement", function()
      local class = getmetatable(L.db).__index
      local originals = { rows = class.rows, exec = class.exec }
      finally(function() class.rows, class.exec = originals.rows, originals.exec end)
      local count, fail_at
      for name, original in pairs(originals) do
        class[name] = function(self, sql, ...)
          if not sql:find("^ROLLBACK") and self == L.db then
            count = count + 1
            if count == fail_at then
              error(require("stlua.identity_error").new("file", "injected", nil, "full"), 0)
            end
          end
          return original(self, sql, ...)
        end
      end
      local n = 0
      local ok
      repeat
        n = n + 1
        assert.is_true(n < 60)
        count, fail_at = 0, n
        local promised
        local err
        ok, err = pcall(function()
          local unit <close> = L:reserve { product = "node", uid = uid(n) }
          promised = unit.serial
          unit:commit()
        end)
        fail_at = nil
        if not ok then assert.equal("injected", err.message) end
        check(L, n, promised)
      until ok
      assert.is_true(n > 12)
    end)
  end)
end
