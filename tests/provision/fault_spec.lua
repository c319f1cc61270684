-- Whatever goes wrong with a unit, at any moment: no PASS, its serial's fate in the ledger, no number twice.
local support = require "support"
package.path = support.source .. "/tests/provision/?.lua;" .. package.path
local ledgers = require "stlua.ledger"
local line = require "line"
local provision = require "stlua.provision"
local sim = require "stlua.sim"

-- A job with every step there is.
local function full_job(changes)
  local all = { option_bytes = "{ BOR = 1 }", lock = "{ rdp_level = 1 }", unlock = '"returning"',
    self_test = [[{ addr = 0x20000000, measurements = { { name = "greeting", expect = "ready", equals = "ready" } } }]] }
  for name, text in pairs(changes or {}) do all[name] = text end
  return line.job(all)
end

-- One run with a fault set beforehand.
local function run_with(board, job, ledger, fault)
  local session <close> = board()
  session.probe:admin(fault)
  local outcome = provision.run(session, job, { ledger = ledger })
  return outcome, session
end

-- What must hold after a failure, and that the next attempt repairs it.
local function assert_repaired(board, job, ledger, outcome)
  if outcome.uid then
    for _, row in ipairs(ledger:find { uid = outcome.uid }) do
      assert.equal(outcome.result == "pass" and "committed" or "void", row.state)
      assert.is_false(row.is_retired)
    end
  end
  local again = line.assert_pass(line.provision(board, job, ledger))
  local rows = ledger:find { uid = again.uid }
  assert.equal(1, #rows)
  assert.equal("committed", rows[1].state)
  assert.equal(again.serial, rows[1].serial)
  if outcome.serial then assert.equal(outcome.serial, again.serial) end
  return again
end

local function assert_all_different(ledger)
  local seen = {}
  for _, row in ipairs(ledger:find {}) do
    assert.is_nil(seen[row.serial], row.serial)
    assert.is_nil(seen[row.fields.dev_eui], row.fields.dev_eui)
    seen[row.serial], seen[row.fields.dev_eui] = true, true
  end
end

describe("a unit that fails", function()
  local job, ledger
  setup(function()
    job = full_job { identity = [[{ serial = { "SN", { counter = 4 } }, eui64 = { dev_eui = {
      first = "70B3D57ED0050000", last = "70B3D57ED005FFFF" } }, keys = { app_key = { byte_count = 16, source = "random" } } }]] }
    ledger = line.ledger(job)
  end)
  teardown(function()
    ledger:close()
    support.clean()
  end)

  it("by a cable pulled at any transfer, gets its own serial when it comes back", function()
    local session = line.board()()
    assert.is_truthy(session.probe)
    local before = session.probe:transfers().run_count
    line.assert_pass(provision.run(session, job, { ledger = ledger }))
    local total = session.probe:transfers().run_count - before
    session:close()
    assert.is_true(total > 100)
    local failed = 0
    for i = 1, 16 do
      local at = math.max(1, total * i // 16 - i % 5)
      local board = line.board()
      local outcome = run_with(board, job, ledger, ("fault usb disconnect at %d"):format(at))
      assert.equal("fail", outcome.result, "disconnected at transfer " .. at)
      assert.is_true(outcome.error.code == "probe_gone" or outcome.error.code == "usb", tostring(outcome.error))
      assert.is_truthy(outcome.fate)
      failed = failed + 1
      assert_repaired(board, job, ledger, outcome)
    end
    assert.equal(16, failed)
    assert_all_different(ledger)
  end)

  it("by a supply cut in any flash operation, is repaired by the next attempt", function()
    local op, outcome = 0
    repeat
      op = op + 1
      local board = line.board()
      outcome = run_with(board, job, ledger, ("fault op cut %d"):format(op))
      assert_repaired(board, job, ledger, outcome)
    until outcome.result == "pass"
    assert.is_true(op > 10, "only " .. op .. " operations")
    assert_all_different(ledger)
  end)

  it("by a contact that comes off in a step, names the step", function()
    for _, step in ipairs { "flash", "option_bytes", "self_test", "verify", "lock", "prove" } do
      local board = line.board()
      local session <close> = board()
      local outcome = provision.run(session, job, { ledger = ledger, on_step = function(name, state)
        if name == step and state == "start" then session.probe:admin "fault ack none" end
      end })
      assert.equal("fail", outcome.result, step)
      assert.equal(step, outcome.failed_step)
      assert.matches("^" .. step .. ": ", outcome.error.message)
      assert.matches("stays with unit", outcome.fate)
      session.probe:admin "fault clear"
      session:close()
      assert_repaired(board, job, ledger, outcome)
    end
  end)

  it("with lost replies, still never says PASS to a wrong unit", function()
    for at = 20, 200, 37 do
      local board = line.board()
      local outcome = run_with(board, job, ledger, ("fault lost-reply at %d"):format(at))
      assert_repaired(board, job, ledger, outcome)
    end
  end)

  it("because nothing is connected, is recorded without a UID, and takes no number", function()
    local count = #ledger:find {}
    local session <close> = sim.session { board = "rak811", keys = { target = "absent" } }
    local outcome = line.assert_fail("no_target", provision.run(session, job, { ledger = ledger, operator = "Bert" }))
    assert.equal("contact", outcome.failed_step)
    assert.equal("no serial number was taken", outcome.fate)
    assert.equal(count, #ledger:find {})
    assert.matches("no_target", ledger:export_csv())
    assert.matches("Bert", ledger:export_csv())
  end)

  it("because its UID reads as nothing, is recorded without one", function()
    local session <close> = sim.session { board = "rak811", keys = { uid = ("F"):rep(24) } }
    local outcome = line.assert_fail("format", provision.run(session, job, { ledger = ledger }))
    assert.is_nil(outcome.uid)
    assert.is_nil(outcome.ledger_error)
  end)

  it("has its number retired where the product says so", function()
    local strict = line.job { identity = [[{ serial = { "SN", { counter = 4 } }, on_fail = "void" }]], patches = false }
    local own <close> = line.ledger(strict)
    local board = line.board()
    local outcome = run_with(board, strict, own, "fault usb disconnect at 150")
    assert.equal("fail", outcome.result)
    assert.equal("serial SN0001 is retired: it is given to no unit again", outcome.fate)
    assert.equal("SN0002", line.assert_pass(line.provision(board, strict, own)).serial)
  end)

  it("because it is another chip, takes no number", function()
    local count = #ledger:find {}
    local session <close> = sim.session { target = "STM32L152RE" }
    session.options.target = nil
    line.assert_fail("wrong_target", provision.run(session, job, { ledger = ledger }))
    assert.equal(count, #ledger:find {})
  end)

  it("because it is locked and nobody lets it be erased, keeps its contents and takes no number", function()
    local count = #ledger:find {}
    local board = line.board { rdp = "0xBB" }
    local outcome = line.assert_fail("read_protected", line.provision(board, job, ledger))
    assert.matches("never seen", outcome.error.hint)
    assert.equal(count, #ledger:find {})
    local always = full_job { unlock = '"always"' }
    always.product_name, always.product, always.identity = job.product_name, job.product, job.identity
    line.assert_pass(line.provision(board, always, ledger))
  end)

  it("because the same board is on a second probe, is refused there only", function()
    local uid, inner = "00000000AAAABBBBCCCCDDDD", nil
    local first <close> = sim.session { board = "rak811", keys = { uid = uid } }
    local outcome = provision.run(first, job, { ledger = ledger, on_step = function(name, state)
      if name ~= "flash" or state ~= "start" then return end
      local second <close> = sim.session { board = "rak811", keys = { uid = uid } }
      inner = provision.run(second, job, { ledger = ledger })
    end })
    assert.matches("in work in this process already", line.assert_fail("refused", inner).error.message)
    line.assert_pass(outcome)
  end)

  it("because the cable is on another board now, passes neither", function()
    local board = line.board()
    local session <close> = board()
    local outcome = provision.run(session, job, { ledger = ledger, on_step = function(name, state)
      if name ~= "verify" or state ~= "start" then return end
      session.target.variant = setmetatable({ uid_offsets = { 0x04, 0x00, 0x14 } }, { __index = session.target.variant })
    end })
    assert.matches("^verify: the UID is %x+ now, and was %x+$", line.assert_fail("wrong_target", outcome).error.message)
  end)

  it("in its self-test, is not locked, and what was measured is recorded", function()
    local strict = full_job { self_test = [[{ addr = 0x20000000, measurements = {
      { name = "sum", send = "sum 1200 34\n", max = 1000 } } }]] }
    strict.identity, strict.product = job.identity, job.product
    local board = line.board()
    local outcome = line.assert_fail("self_test", line.provision(board, strict, ledger))
    assert.equal(1234, outcome.measurements.sum.value)
    assert.equal(1234, ledger:history(outcome.uid)[1].measurements.sum.value)
    local session <close> = board()
    assert.equal(0, session.nvm:status().rdp_level)
  end)
end)

describe("a ledger", function()
  teardown(support.clean)

  it("that goes while a unit is in work gives no PASS; the reservation stands", function()
    local job, board = line.job(), line.board()
    local ledger <close>, path = line.ledger(job)
    local session <close> = board()
    local outcome = provision.run(session, job, { ledger = ledger, on_step = function(name, state)
      if name == "commit" and state == "start" then assert(os.rename(path, path .. ".away")) end
    end })
    assert.equal("commit", line.assert_fail("file", outcome).failed_step)
    assert.matches("the reservation of SN0001 for unit " .. outcome.uid .. " stands", outcome.fate)
    assert.is_truthy(outcome.ledger_error)
    session:close()
    support.raises("file", line.provision, board, job, ledger) -- of no use for any unit: raised, not counted
    assert(os.rename(path .. ".away", path))
    ledger:close()
    local again <close> = ledgers.open(path, { vault_key = require("stlua.identity").secret(line.vault_key) })
    assert.equal("SN0001", line.assert_pass(line.provision(board, job, again)).serial)
    assert.same({ "abandoned", "pass" }, { again:history(outcome.uid)[1].result, again:history(outcome.uid)[2].result })
  end)

  it("that is locked by another in the last step gives no PASS, and the unit its own serial later", function()
    local job, board = line.job(), line.board()
    local ledger <close>, path = line.ledger(job, { busy_timeout_ms = 20, busy_tries = 1 })
    local other <close> = ledgers.open(path)
    local hold = coroutine.wrap(function() other.db:transaction("hold", coroutine.yield) end)
    local session <close> = board()
    local outcome = provision.run(session, job, { ledger = ledger, on_step = function(name, state)
      if name == "commit" and state == "start" then hold() end
    end })
    assert.equal("busy", line.assert_fail("timeout", outcome).error.reason)
    hold()
    session:close()
    assert.equal(outcome.serial, line.assert_pass(line.provision(board, job, ledger)).serial)
  end)

  it("that is locked by another in the first step takes nothing", function()
    local job, board = line.job(), line.board()
    local ledger <close>, path = line.ledger(job, { busy_timeout_ms = 20, busy_tries = 1 })
    local other <close> = ledgers.open(path)
    local hold = coroutine.wrap(function() other.db:transaction("hold", coroutine.yield) end)
    hold()
    local outcome = line.assert_fail("timeout", line.provision(board, job, ledger))
    assert.equal("reserve", outcome.failed_step)
    hold()
    assert.same({}, ledger:find {})
  end)

  it("that is full is of no use: raised, before anything is written", function()
    local job, board = line.job(), line.board()
    local ledger <close> = line.ledger(job)
    local pages = ledger.db:rows("PRAGMA page_count")[1].page_count
    ledger.db:rows("PRAGMA max_page_count = " .. pages)
    local err
    for _ = 1, 200 do -- until the last page is full
      local ok, outcome = pcall(line.provision, line.board(), job, ledger)
      if not ok then err = outcome break end
      if outcome.result == "fail" then err = outcome.ledger_error or outcome.error break end
    end
    assert.equal("full", err and err.reason)
    ledger.db:rows("PRAGMA max_page_count = 1000000")
    line.assert_pass(line.provision(board, job, ledger))
  end)

  it("whose numbers are used up fails the unit before it is written", function()
    local job = line.job { identity = [[{ serial = { "SN", { counter = 4, last = 1 } } }]], patches = false }
    local ledger <close> = line.ledger(job)
    line.assert_pass(line.provision(line.board(), job, ledger))
    local board = line.board()
    local outcome = line.assert_fail("range", line.provision(board, job, ledger))
    assert.equal("exhausted", outcome.error.reason)
    local session <close> = board()
    assert.equal(("\0"):rep(64), session:read(0x08000000, 64))
  end)

  it("whose clock jumps back records durations that are none the worse", function()
    local job, now_s = line.job(), 1800000000
    local ledger <close> = line.ledger(job, { clock = function()
      now_s = now_s - 86400
      return now_s
    end })
    local outcome = line.assert_pass(line.provision(line.board(), job, ledger))
    local attempt = ledger:history(outcome.uid)[1]
    assert.is_true(attempt.duration_ms > 0 and attempt.duration_ms < 60000)
  end)
end)
