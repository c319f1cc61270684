-- What goes wrong around the ledger: a clear error each time, nothing lost, nothing issued twice.
local support = require "support"
local backends = require "backends"
local postgres = require "postgres"
local lfs = require "lfs"
local raises = support.raises
local ledger = require "stlua.ledger"
local identity = require "stlua.identity"

local LUA = os.getenv("LUA_INTERPRETER") or "lua5.4"
local SPEC = { serial = { "RK", { counter = 4 } } }

local function uid(n) return ("3331383536350000%08X"):format(n) end
local function reserve(L, n) return L:reserve { product = "node", uid = uid(n) } end

-- Nothing was spent by what failed: the next unit gets the next number.
local function goes_on_with(L, n, serial)
  local unit = reserve(L, n)
  assert.equal(serial, unit.serial)
  unit:commit()
end

teardown(backends.stop)

describe("a ledger on SQLite", function()
  local folder, path
  before_each(function()
    folder = support.folder()
    path = folder .. "/it's a ledger.db" -- a quote, for the shell
  end)
  after_each(function() support.remove(folder) end)

  local function create(options)
    options = options or {}
    options.create = true
    local L = ledger.open(path, options)
    L:product("node", SPEC)
    return L
  end

  it("is readable by its owner only, with all its files, whatever the umask", function()
    local L <close> = create()
    local unit <close> = reserve(L, 1)
    assert.equal("RK0001", unit.serial)
    local count = 0
    for name in lfs.dir(folder) do
      if name:match("ledger") then
        count = count + 1
        assert.equal("rw-------", lfs.attributes(folder .. "/" .. name, "permissions"), name)
      end
    end
    assert.equal(4, count) -- the ledger, its log, its index, the sessions
  end)

  it("that is gone is not made anew, which would count from 1 again", function()
    create():close()
    os.remove(path)
    assert.equal("gone", raises("file", "only `create` makes one", ledger.open, path).reason)
    assert.is_nil(lfs.attributes(path))
    raises("file", "cannot create", ledger.open, folder .. "/none/ledger.db", { create = true })
    raises("argument", "is a file", ledger.open, ":memory:", { create = true })
    raises("argument", "no ledger can be at mysql://...", ledger.open, "mysql://u:geheim@host/db")
  end)

  it("that is deleted, moved or replaced while in use is found out at the next step", function()
    local L <close> = create()
    goes_on_with(L, 1, "RK0001")
    local open_unit = reserve(L, 2)
    assert(os.rename(path, path .. ".away"))
    assert.equal("gone", raises("file", "moved, deleted or replaced", reserve, L, 3).reason)
    raises("file", "moved, deleted or replaced", open_unit.commit, open_unit)
    support.write(path, "")
    raises("file", "moved, deleted or replaced", reserve, L, 3)
    os.remove(path)
    assert(os.rename(path .. ".away", path))
    open_unit:commit()
    goes_on_with(L, 3, "RK0003")
  end)

  it("that another process holds is tried a stated number of times, then says so", function()
    local L <close> = create { busy_timeout_ms = 50, busy_tries = 2 }
    local other <close> = require("stlua.ledger_db").open(path, {})
    other:exec("BEGIN IMMEDIATE")
    local err = raises("timeout", "database is locked (tried 2 times)", reserve, L, 1)
    assert.equal("busy", err.reason)
    assert.truthy(err.hint)
    other:exec("ROLLBACK")
    goes_on_with(L, 1, "RK0001")
  end)

  it("that is full refuses the step as a whole", function()
    local L <close> = create()
    goes_on_with(L, 1, "RK0001")
    local pages = L.db:one("PRAGMA page_count").page_count
    L.db:rows("PRAGMA max_page_count = " .. pages)
    local last, err = 1, nil
    for n = 2, 500 do
      local ok, why = pcall(function()
        local unit <close> = reserve(L, n)
        unit:commit { notes = ("x"):rep(500) }
      end)
      if not ok then err = why break end
      last = n
    end
    assert.equal("file", err.code)
    assert.equal("full", err.reason)
    L.db:rows("PRAGMA max_page_count = 1000000")
    L:recover() -- a reservation may have had room, and its result not
    local seen = {}
    for n = 1, last + 1 do
      local unit = reserve(L, n)
      assert.is_nil(seen[unit.serial])
      seen[unit.serial] = true
      unit:commit()
    end
    assert.equal(("RK%04d"):format(last + 2), reserve(L, last + 2).serial)
  end)

  it("that may not be written says so, and can still be read", function()
    create():close()
    local user = support.run("id -u"):match("^0") and "runuser -u nobody -- " or ""
    os.execute(("chmod 755 '%s'; chmod 444 '%s'/*"):format(folder, folder))
    support.write(folder .. "/probe.lua", ([[
      package.path = %q .. "/tests/ledger/?.lua;" .. package.path
      require "support"
      local ledger = require "stlua.ledger"
      local ok, err = pcall(function()
        local L = ledger.open(%q)
        L:reserve { product = "node", uid = %q }
      end)
      print(ok, type(err) == "table" and err.code, type(err) == "table" and err.reason, err)]]):format(support.root, path, uid(1)))
    os.execute(("chmod 644 '%s/probe.lua'"):format(folder))
    local text = support.run(("cd / && %senv STL_SOURCE_DIR='%s' %s '%s/probe.lua'"):format(user, support.root, LUA, folder))
    assert.truthy(text:match("^false\tpermission\tread_only\t"), text)
  end)

  it("that is some other file is refused and left as it is", function()
    support.write(path, ("this is not a database, it is a letter\n"):rep(40))
    assert.equal("damaged", raises("format", "file is not a database", ledger.open, path, { create = true }).reason)
    assert.equal(40 * 39, lfs.attributes(path, "size"))
    support.write(path, "")
    assert.equal("no_schema", raises("format", "holds no ledger", ledger.open, path).reason)
  end)

  it("is the same by a symbolic link: who works there is seen", function()
    local L <close> = create()
    local unit <close> = reserve(L, 1)
    assert.is_false(unit.is_returning)
    assert(lfs.link(path, folder .. "/link.db", true))
    local child = ([[
      package.path = "%s/tests/ledger/?.lua;" .. package.path
      require "support"
      local L = require("stlua.ledger").open("%s/link.db")
      print(select(2, pcall(L.reserve, L, { product = "node", uid = "%s" })).reason)]]):format(support.root, folder, uid(1))
    support.write(folder .. "/child.lua", child)
    assert.equal("in_use\n", support.run(("STL_SOURCE_DIR='%s' %s '%s/child.lua'"):format(support.root, LUA, folder)))
  end)

  it("keeps a copy from before a migration", function()
    create():close()
    local schema = require "stlua.ledger_schema"
    schema.migrations[3] = { "ALTER TABLE units ADD COLUMN colour TEXT" }
    finally(function() schema.migrations[3] = nil end)
    ledger.open(path, { migrate = true }):close()
    assert.equal("rw-------", lfs.attributes(path .. ".v2.backup", "permissions"))
    schema.migrations[3] = nil
    local old <close> = ledger.open(path .. ".v2.backup")
    old:product("node", SPEC)
  end)

  it("is left at its old version by a migration that fails", function()
    create():close()
    local schema = require "stlua.ledger_schema"
    schema.migrations[3] = { "ALTER TABLE units ADD COLUMN colour TEXT", "CREATE TABLE units (id INTEGER)" }
    finally(function() schema.migrations[3] = nil end)
    raises("file", "already exists", ledger.open, path, { migrate = true })
    schema.migrations[3] = nil
    local L <close> = ledger.open(path)
    goes_on_with(L, 1, "RK0001")
  end)

  it("takes a vault key only from a file that nobody else reads", function()
    local key_file = folder .. "/vault key"
    ledger.create_vault_key(key_file)
    assert.equal("rw-------", lfs.attributes(key_file, "permissions"))
    create { vault_key_file = key_file }:close()
    raises("file", "cannot create", ledger.create_vault_key, key_file)
    os.execute(("chmod 640 '%s'"):format(key_file))
    raises("permission", "can be read by others", ledger.open, path, { vault_key_file = key_file })
    support.write(key_file, "abc\n")
    os.execute(("chmod 600 '%s'"):format(key_file))
    raises("range", "3 hex digits", ledger.open, path, { vault_key_file = key_file })
    raises("argument", "32 bytes", ledger.open, path, { vault_key = identity.secret("short") })
  end)
end)

describe("a ledger on PostgreSQL", function()
  local server, url
  before_each(function()
    server = backends.server()
    url = postgres.database(server)
    local L <close> = ledger.open(url, { create = true })
    L:product("node", SPEC)
  end)

  local function end_backends()
    -- until they have ended, and given their advisory locks back
    postgres.sql(server, server.url,
      "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity WHERE datname LIKE 'ledger%'")
  end

  it("goes on after a lost connection, with the reservation still its own", function()
    local L <close> = ledger.open(url)
    local unit = reserve(L, 1)
    end_backends()
    unit:commit()
    assert.equal("pass", L:history(uid(1))[1].result)
    end_backends()
    goes_on_with(L, 2, "RK0002")
  end)

  it("stops the late commit of a station that another one took for dead", function()
    local L <close> = ledger.open(url)
    local unit = reserve(L, 1)
    end_backends()
    local other <close> = ledger.open(url)
    local again = reserve(other, 1)
    assert.equal(unit.serial, again.serial)
    assert.equal("taken_over", raises("refused", "ended as `abandoned` by another process", unit.commit, unit).reason)
    again:commit()
    assert.equal("committed", L:find { uid = uid(1) }[1].state)
  end)

  it("survives a crash and restart of the server", function()
    local L <close> = ledger.open(url, { sleep_s = function() end })
    local unit = reserve(L, 1)
    postgres.down(server, "immediate")
    assert.equal("gone", raises("file", nil, unit.commit, unit).reason)
    assert.equal("gone", raises("file", nil, reserve, L, 2).reason)
    assert.equal("gone", raises("file", nil, ledger.open, url).reason)
    postgres.up(server)
    unit:commit()
    goes_on_with(L, 2, "RK0002")
  end)

  it("held by another station says so after the stated tries", function()
    local L <close> = ledger.open(url, { busy_timeout_ms = 50, busy_tries = 2 })
    local other <close> = require("stlua.ledger_db").open(url, {})
    other:exec("BEGIN")
    other:exec("UPDATE products SET name = name")
    assert.equal("busy", raises("timeout", "(tried 2 times)", reserve, L, 1).reason)
    other:exec("ROLLBACK")
    goes_on_with(L, 1, "RK0001")
  end)

  it("that may only be read says so", function()
    postgres.sql(server, url, "CREATE ROLE reader LOGIN; GRANT SELECT ON ALL TABLES IN SCHEMA public TO reader")
    finally(function() postgres.sql(server, url, "DROP OWNED BY reader; DROP ROLE reader") end)
    local L <close> = ledger.open((url:gsub("stlua@", "reader@")))
    assert.equal("read_only", raises("permission", "permission denied", reserve, L, 1).reason)
    assert.equal(0, #L:find {})
  end)

  it("never shows its password", function()
    local secret_url = url:gsub("stlua@", "stlua:geheim@")
    local L <close> = ledger.open(secret_url)
    assert.is_nil(tostring(L):find("geheim", 1, true))
    local err = raises("file", nil, ledger.open, (secret_url:gsub("/ledger%d+", "/nowhere")))
    assert.is_nil(tostring(err):find("geheim", 1, true))
    err = raises("file", nil, ledger.open, "postgresql://stlua@localhost:1/x?password=geheim")
    assert.is_nil(tostring(err):find("geheim", 1, true))
  end)

  it("does not collect statements on the server or results in memory", function()
    local L <close> = ledger.open(url)
    for n = 1, 30 do reserve(L, n):commit() end
    local count = L.db:one("SELECT COUNT(*) AS n FROM pg_prepared_statements").n
    for n = 31, 90 do reserve(L, n):commit() end
    assert.equal(count, L.db:one("SELECT COUNT(*) AS n FROM pg_prepared_statements").n)
  end)
end)
