-- `stlua provision` and `stlua ledger` as they are typed.
local support = require "support"
package.path = support.source .. "/tests/provision/?.lua;" .. package.path
local line = require "line"

local examples = support.source .. "/scripts/jobs/"

describe("stlua provision", function()
  local folder, env
  before_each(function()
    folder = support.folder()
    env = { STLUA_LEDGER = folder .. "/line.db", STLUA_VAULT_KEY = folder .. "/line.key" }
    support.good { "ledger", "create", folder .. "/line.db", "--vault", folder .. "/line.key" }
  end)
  teardown(support.clean)

  local function provision(job, words)
    local all = { "provision", job, env = env, probe = words.probe or "sim:rak811" }
    table.move(words, 1, #words, #all + 1, all)
    return all
  end

  it("ends in one verdict line, with serial and unit", function()
    local result = support.good(provision(examples .. "eeprom_identity.lua", { "--operator", "Anna" }))
    assert.matches("^provision: PASS, serial EI%d+, unit %x+: written, verified, locked at RDP level 1 in [%d.]+ s %(flash itself",
      support.last_line(result.out))
  end)

  it("runs the minimal example without a ledger", function()
    support.good { "provision", examples .. "minimal.lua", probe = "sim:rak811" }
    support.good { "provision", "scripts/jobs/minimal.lua", probe = "sim:rak5205", cwd = support.source }
  end)

  it("gives the outcome as JSON, without a key", function()
    local object, result = support.json(provision(examples .. "rak811_lorawan.lua", {}))
    assert.is_true(object.ok)
    assert.equal("pass", object.report.result)
    assert.equal("new", object.report.keys.app_key)
    assert.matches("^RK%d+$", object.report.serial)
    assert.is_nil(result.out:find '"secrets"')
  end)

  it("says what became of the number when the unit fails", function()
    local job = line.write_job({ after_fail = [[function(unit, outcome)
      assert(unit.serial and outcome.fate)
      local file = assert(io.open(("%s.fail"):format(unit.serial), "w"))
      file:close()
    end]], self_test = [[{ addr = 0x20000000, measurements = { { name = "sum", send = "sum 1200 34\n", max = 1 } } }]] })
    local result = support.stlua(provision(job, { cwd = folder }))
    assert.equal(require("stlua.exit_status").of "self_test", result.status)
    assert.matches("error %[self_test%]: serial SN0001, unit %x+: self_test: ", result.err)
    assert.matches("hint: .*serial SN0001 stays with unit %x+: its next attempt gets it again", result.err)
    assert.is_nil(result.out:find "PASS")
  end)

  it("checks the job before it opens a probe", function()
    local job = line.write_job { patches = '{ { at = 0x08020000, bytes = "x" } }' }
    local result = support.stlua(provision(job, { probe = "sim:@/nowhere" }))
    assert.equal(15, result.status)
    assert.matches("job job.lua: patches%[1%]: ", result.err)
  end)

  it("can check a job alone", function()
    assert.matches("^provision: job rak811%-lorawan is sound: contact, reserve, .* lock, prove, commit\n$",
      support.good(provision(examples .. "rak811_lorawan.lua", { "--check", probe = "sim:@/nowhere" })).out)
  end)

  it("wants a ledger for an identity, and never makes one by itself", function()
    env = {}
    assert.matches("names no ledger", support.stlua(provision(line.write_job(), {})).err)
    local result = support.stlua(provision(line.write_job(), { "--ledger", folder .. "/tpyo.db" }))
    assert.matches("stlua ledger create " .. folder .. "/tpyo.db", result.err)
    assert.is_nil(require("stlua").file_kind(folder .. "/tpyo.db"))
  end)

  it("compares the label, and refuses another", function()
    local state = "sim:rak811?state=" .. folder .. "/b.sim"
    local job = line.write_job()
    support.good(provision(job, { probe = state }))
    support.good(provision(job, { "--serial", "SN0001", probe = state }))
    local result = support.stlua(provision(job, { "--serial", "SN0002", probe = state }))
    assert.equal(50, result.status)
    assert.matches("has the serial number SN0001, not SN0002", result.err)
  end)

  it("takes a scanned serial number for `input`", function()
    local job = line.write_job { identity = [[{ serial = "input", input = { pattern = "X%d%d%d", max_chars = 4 } }]], patches = false }
    assert.matches("PASS, serial X123", support.good(provision(job, { "--serial", "X123" })).out)
    local other = "sim:rak811?seed=2"
    assert.equal(13, support.stlua(provision(job, { "--serial", "Y123", probe = other })).status)
    assert.equal(10, support.stlua(provision(job, { probe = other })).status)
  end)

  it("leaves no core file with keys in it", function()
    local job = line.write_job { after_pass = [[function()
      local from, to = assert(io.open "/proc/self/limits"), assert(io.open("limits", "w"))
      to:write(from:read "a"):close()
    end]] }
    local result = support.shell(("sh -c 'ulimit -S -c $(ulimit -H -c); exec %s --probe sim:rak811 provision %s'"):format(
      support.bin .. "/stlua", job), { env = env, cwd = folder })
    assert.equal(0, result.status, result.err)
    assert.matches("Max core file size +0 +0 ", support.read_file(folder .. "/limits"))
  end)

  it("ended by a signal leaves the number with its unit", function()
    local state = "sim:rak811?state=" .. folder .. "/b.sim"
    local job = line.write_job { patches = [[{ { at = 0x0801E000, byte_count = 1, bytes = function()
      os.execute("kill -TERM $PPID")
      return "x"
    end } }]] }
    local result = support.stlua(provision(job, { probe = state }))
    assert.equal(130, result.status)
    assert.matches("serial SN0001 stays with unit", result.err)
    assert.matches("PASS, serial SN0001", support.good(provision(line.write_job(), { probe = state })).out)
  end)

  it("wants --irreversible for RDP level 2, before anything is written", function()
    local job = line.write_job { lock = "{ rdp_level = 2 }" }
    local result = support.stlua(provision(job, { probe = "sim:rak811?level2=allowed" }))
    assert.equal(50, result.status)
    assert.matches("%-%-irreversible", result.err)
    support.good(provision(job, { "--irreversible", probe = "sim:rak811?level2=allowed" }))
  end)

  it("refuses another specification of a product until it is replaced", function()
    support.good(provision(line.write_job(), {}))
    local job = line.write_job { identity = [[{ serial = { "SN", { counter = 6 } } }]], patches = false }
    local result = support.stlua(provision(job, {}))
    assert.equal(50, result.status)
    assert.matches("stlua ledger products %-%-replace", result.err)
    support.good { "ledger", "products", "--replace", job, env = env }
    assert.matches("serial SN000002", support.good(provision(job, { probe = "sim:rak811?seed=7" })).out)
  end)
end)

describe("stlua ledger", function()
  local folder, env, unit
  setup(function()
    folder = support.folder()
    env = { STLUA_LEDGER = folder .. "/line.db", STLUA_VAULT_KEY = folder .. "/line.key" }
    support.good { "ledger", "create", folder .. "/line.db", "--vault", folder .. "/line.key" }
    unit = support.json { "provision", line.write_job(), "--operator", "Anna", probe = "sim:rak811", env = env }.report
  end)
  teardown(support.clean)

  local function ledger(words)
    words.env = env
    table.insert(words, 1, "ledger")
    return words
  end

  it("lists its actions in --help", function()
    local help = support.good { "ledger", "--help" }.out
    for _, name in ipairs(require("stlua.ledger_actions").names()) do assert.matches("\n  " .. name .. " ", help) end
  end)

  it("shows a unit by serial, UID or EUI, and no key", function()
    for _, text in ipairs { "SN0001", unit.uid, unit.uid:lower(), unit.identity.dev_eui } do
      local result = support.good(ledger { "show", text }).out
      assert.matches("serial +SN0001", result)
      assert.matches("app_key %(sealed%)", result)
      assert.matches("pass +SN0001 .*Anna", result)
    end
    assert.equal(10, support.stlua(ledger { "show", "SN9999" }).status)
  end)

  it("searches by what is known", function()
    assert.matches("ledger: 1 unit\n", support.good(ledger { "search", "--state", "committed", "--operator", "Anna" }).out)
    assert.matches("ledger: 0 units\n", support.good(ledger { "search", "--operator", "Bert" }).out)
    assert.matches("ledger: 0 units\n", support.good(ledger { "search", "SN0002" }).out)
  end)

  it("exports CSV and JSON, whole or not at all", function()
    support.good(ledger { "export", folder .. "/all.csv" })
    assert.matches("^id,product,uid,serial,result", support.read_file(folder .. "/all.csv"))
    support.good(ledger { "export", folder .. "/units.json", "--units" })
    local rows = require("cjson").decode(support.read_file(folder .. "/units.json"))
    assert.equal("SN0001", rows[1].serial)
    assert.equal(12, support.stlua(ledger { "export", folder .. "/none/all.csv" }).status)
  end)

  it("says how much is left", function()
    local report = support.json(ledger { "products" }).report.products[1]
    assert.equal(9998, report.numbers_left.serial)
    assert.equal(15, report.numbers_left.dev_eui)
  end)

  it("imports a list, all of it or nothing", function()
    local job = line.write_job { name = '"listed"', identity = [[{ serial = "list", list = { serial = { max_chars = 8 } } }]],
      patches = false }
    support.stlua { "provision", job, probe = "sim:rak811", env = env } -- makes the product known, and finds no list
    local path = support.write_file(folder .. "/list.csv", "serial\nL1\nL2\nL1\n")
    local result = support.stlua(ledger { "import", path, "--product", "listed" })
    assert.equal(13, result.status)
    assert.matches("list.csv:4: `serial` is the same as in line 2", result.err)
    support.write_file(path, "serial\nL1\nL2\n")
    assert.matches("2 lines imported for listed", support.good(ledger { "import", path, "--product", "listed" }).out)
    assert.matches("serial L1", support.good { "provision", job, probe = "sim:rak811?seed=3", env = env }.out)
    assert.equal(64, support.stlua(ledger { "import", path }).status) -- of two products, which?
  end)

  it("voids with a reason, and without one not", function()
    assert.equal(64, support.stlua(ledger { "void", "SN0001" }).status)
    support.good(ledger { "void", "SN0001", "--reason", "scrapped: cracked antenna", "--operator", "Bert" })
    local text = support.good(ledger { "show", "SN0001" }).out
    assert.matches("void: scrapped: cracked antenna", text)
    assert.matches("void +SN0001 .*Bert", text)
  end)

  it("never makes a second ledger over the first, nor one by a mistyped path", function()
    assert.equal(50, support.stlua(ledger { "create", folder .. "/line.db" }).status)
    local result = support.stlua { "ledger", "products", "--ledger", folder .. "/tpyo.db" }
    assert.matches("stlua ledger create", result.err)
    assert.equal(64, support.stlua { "ledger", "products" }.status)
  end)

  it("takes up a `create` that did not come to its end, and nothing else", function()
    local own = support.folder()
    local words = { "ledger", "create", own .. "/l.db", "--vault", own .. "/l.key" }
    support.write_file(own .. "/l.db", "") -- made, and then the disk was full
    support.good(words)
    local key = support.read_file(own .. "/l.key")
    support.good(words) -- nobody has used it: this is the same ledger
    assert.equal(key, support.read_file(own .. "/l.key"))
    assert.equal(2, #require("stlua").list_folder(own))
    support.shell(("sqlite3 %s/other.db 'create table t (x)'"):format(own))
    assert.equal(50, support.stlua({ "ledger", "create", own .. "/other.db" }).status)
    support.write_file(own .. "/text", "no database")
    assert.equal(50, support.stlua({ "ledger", "create", own .. "/text" }).status)
  end)

  it("finds nothing to recover, and nobody at work", function()
    assert.matches("0 reservations closed", support.good(ledger { "recover" }).out)
    assert.matches("0 sessions at work", support.good(ledger { "sessions" }).out)
  end)

  it("of a newer version is left alone", function()
    local copy = folder .. "/newer.db"
    support.write_file(copy, support.read_file(folder .. "/line.db"))
    local db = require("stlua.ledger_db").open(copy, {})
    db:exec "INSERT INTO schema_version (version, applied_at) VALUES (99, 'tomorrow')"
    db:close()
    local result = support.stlua { "ledger", "products", "--ledger", copy }
    assert.equal(27, result.status)
    assert.matches("newer stlua", result.err)
    local job = line.write_job()
    assert.equal(27, support.stlua { "provision", job, "--ledger", copy, probe = "sim:rak811" }.status)
  end)
end)
