-- Boards one after the other: what the operator sees, what the ledger keeps, when it stops.
local support = require "support"
package.path = support.source .. "/tests/line/?.lua;" .. package.path
local bench = require "bench"
local contact = require "stlua.line_contact"
local jobs = require "stlua.job"
local line = require "stlua.line"
local line_report = require "stlua.line_report"
local ledgers = require "stlua.ledger"
local screen = require "stlua.line_screen"
local sim = require "stlua.sim"
local stlua = require "stlua"

describe("batch", function()
  teardown(support.clean)

  it("does every board once and reports", function()
    local job, ledger = bench.job()
    local result = support.good { "batch", job, "--ledger", ledger, "--count", "3", probe = "sim:rak811?seed={n}" }
    local _, blocks = result.out:gsub("########        ######        ########      ########", "")
    assert.equal(3, blocks)
    for _, text in ipairs { "board 3: put it in", "N000001", "N000003", "UID %x+", "take the board out, put the next one in",
      "yield%s+100%.0 %%", "batch: 3 units, 3 passed, yield 100%.0 %%, [%d.]+ s a unit\n$" } do
      assert.matches(text, result.out)
    end
    local uids = {}
    for i, row in ipairs(bench.attempts(ledger)) do
      assert.equal("pass", row.result)
      assert.equal(("N%06d"):format(i), row.serial)
      assert.is_nil(uids[row.uid])
      uids[row.uid] = true
    end
  end)

  it("leaves what `stlua report` sums up", function()
    local job, ledger = bench.job()
    support.good { "batch", job, "--ledger", ledger, "--count", "3", "-q", probe = "sim:rak811?seed={n}" }
    support.stlua { "batch", job, "--ledger", ledger, "--count", "1", "-q", probe = "sim:rak811?seed=9&rdp=0xBB" }
    local out = support.good { "report", "--ledger", ledger }.out
    for _, text in ipairs { "units%s+3 tried, 3 passed", "attempts%s+3 passed, 1 failed", "1 x %[read_protected%]",
      "999996 of serial", "report: 1 product\n$" } do
      assert.matches(text, out)
    end
    local object = support.json { "report", "node", "--ledger", ledger }
    assert.equal(3, object.report.products[1].units_passed)
    assert.equal(10, support.stlua({ "report", "none", "--ledger", ledger }).status)
    assert.equal(64, support.stlua({ "report" }).status)
  end)

  it("gives a board that comes back its own number", function()
    local job, ledger = bench.job()
    support.good { "batch", job, "--ledger", ledger, "--count", "2", "-q", probe = support.board "rak811" }
    local rows = bench.attempts(ledger)
    assert.equal(2, #rows)
    assert.equal(rows[1].serial, rows[2].serial)
    local result = support.good { "batch", job, "--ledger", ledger, "--count", "1", probe = "sim:rak811?seed=4" }
    assert.is_nil(result.out:find "been here before")
    result = support.good { "batch", job, "--ledger", ledger, "--count", "1", probe = "sim:rak811?seed=4" }
    assert.matches("been here before: it keeps its number", result.out)
  end)

  it("goes on after a board that failed, and its exit status tells", function()
    local job, ledger = bench.job()
    local probe = "sim:rak811?seed={n}&rdp=0xBB"
    local result = support.stlua { "batch", job, "--ledger", ledger, "--count", "2", probe = probe }
    assert.equal(40, result.status)
    for _, text in ipairs { "##########      ######      ##########    ##", "%[read_protected%]", "put the board aside",
      "2: 0 passed, 2 failed", "errors%s+2 x %[read_protected%]" } do
      assert.matches(text, result.out)
    end
    assert.is_nil(result.out:find "batch: ") -- no verdict beside the error
    assert.matches("2 of 2 units failed: read_protected 2", result.err)
    assert.equal("fail", bench.attempts(ledger)[2].result)
    local object = support.json { "batch", job, "--ledger", ledger, "--count", "1", probe = probe }
    assert.equal(1, object.error.report.failed)
    assert.equal("read_protected", object.error.report.units[1].code)
  end)

  it("stops when too many boards running have failed", function()
    local job, ledger = bench.job()
    local result = support.stlua { "batch", job, "--ledger", ledger, "--count", "9", "--max-fails", "2",
      probe = "sim:rak811?seed={n}&rdp=0xBB" }
    assert.equal(40, result.status)
    assert.matches("the line stops: 2 boards running have failed", result.err)
    assert.equal(2, #bench.attempts(ledger))
  end)

  it("waits for a board to leave and for the next one, without a key being pressed", function()
    local job, ledger = bench.job()
    local probe, admin = support.listen "rak811?power=off"
    local process <close> = stlua.spawn { support.bin .. "/stlua", "batch", job, "--ledger", ledger, "--count", "2", "--events",
      "--probe", probe }
    local order = {}
    for event in bench.events(process) do
      if event.event ~= "step" and event.event ~= "progress" then order[#order + 1] = event.event end
      if event.event == "waiting" then admin "power on" end
      if event.event == "leaving" then admin "power off" end
    end
    assert.equal(0, bench.wait(process))
    assert.same({ "waiting", "found", "uid", "unit", "leaving", "waiting", "found", "uid", "unit", "end" }, order)
    assert.equal(2, #bench.attempts(ledger))
  end)

  -- The line in this process, so that what happens at the bench happens between two of its events.
  local function run_line(options)
    local job, place = bench.job()
    local ledger <close> = ledgers.open(place)
    options.job, options.ledger, options.count = jobs.load(job), ledger, 1
    ledger:product(options.job.product_name, options.job.identity)
    local report, why = line.run(options)
    return report, why, bench.attempts(place)
  end

  it("calls a board that is powered and does not answer a failure", function()
    local probe, admin = support.listen "rak811?power=off"
    local pauses, found_by = 0, nil
    local report, why, rows = run_line { session = { probe = probe },
      on_event = function(event) found_by = event.by or found_by end,
      contact = { poll_s = 0.5, pause = function()
        pauses = pauses + 1
        if pauses == 1 then admin "fault ack none" end
        if pauses == 2 then admin "power on" end
      end } }
    assert.is_nil(why)
    assert.equal("supply", found_by)
    assert.equal("no_target", report.units[1].code)
    assert.equal("no_target", rows[1].error_code)
  end)

  it("goes on when a probe that was unplugged is back", function()
    local job, ledger = bench.job()
    local _, admin, socket = support.listen "rak811?power=off"
    local process <close> = stlua.spawn { support.bin .. "/stlua-usb-run", "--probe", socket .. ",bus=1,port=4.2", "--",
      support.bin .. "/stlua", "batch", job, "--ledger", ledger, "--count", "1", "--events", "--probe", "usb:1-4.2" }
    local lost, units = nil, 0
    for event in bench.events(process) do
      if event.event == "waiting" then admin(lost and "power on" or "unplug") end
      if event.event == "probe_lost" and not lost then
        lost = event.message
        admin "replug"
      end
      if event.event == "unit" then units = units + 1 end
    end
    assert.equal("", process:read "stderr" or "")
    assert.matches("unplugged", lost)
    assert.equal(1, units)
    assert.equal(0, bench.wait(process))
  end)

  it("tries a board again whose contact was bad, and records both attempts", function()
    local probe, admin = support.listen "rak811"
    local order = {}
    local report, _, rows = run_line { session = { probe = probe }, retries = 1, on_event = function(event)
      if event.event == "found" then admin "fault ack none" end
      if event.event == "retry" then admin "fault clear" end
      if event.event ~= "step" then order[#order + 1] = event.event end
    end }
    assert.same({ "waiting", "found", "retry", "uid", "unit" }, order)
    assert.equal(1, report.passed)
    assert.same({ "fail", "pass" }, { rows[1].result, rows[2].result })
  end)

  it("ends with Ctrl-C while it waits, and has failed nothing", function()
    local job, ledger = bench.job()
    local probe = support.listen "rak811?power=off"
    local process <close> = stlua.spawn { support.bin .. "/stlua", "batch", job, "--ledger", ledger, "--events", "--probe", probe }
    for event in bench.events(process) do
      if event.event == "waiting" then process:kill "int" end
    end
    assert.equal(0, bench.wait(process))
    assert.same({}, bench.attempts(ledger))
  end)

  it("records a board that was cut off on request, and stops", function()
    local report, why, rows = run_line { session = { probe = "sim:rak811" }, retries = 1, on_event = function(event)
      if event.step == "flash" and event.state == "start" then os.execute "kill -TERM $PPID" end
    end }
    assert.equal("interrupted", why.code)
    assert.equal("interrupted", report.units[1].code)
    assert.equal(1, #rows)
    assert.same({ "fail", "interrupted" }, { rows[1].result, rows[1].error_code })
  end)

  it("takes labels from standard input", function()
    local job, ledger = bench.job()
    local result = support.stlua { "batch", job, "--ledger", ledger, "--scan", probe = "sim:rak811?seed={n}",
      stdin = "N000001\nN000007\n\n" }
    assert.matches("2: 1 passed, 1 failed", result.out) -- the second label is not the number that was due
    assert.not_equal(0, result.status)
  end)

  it("does not begin with a probe, a job or a ledger that are not there", function()
    local job, ledger = bench.job()
    assert.equal(20, support.stlua({ "batch", job, "--ledger", ledger, probe = "usb:9-9" }).status)
    assert.equal(12, support.stlua({ "batch", "none.lua", probe = "sim:rak811" }).status)
    assert.equal(12, support.stlua({ "batch", job, "--ledger", "/none.db", probe = "sim:rak811" }).status)
    assert.equal(64, support.stlua({ "batch", job, "--dry-run", probe = "sim:rak811" }).status)
  end)
end)

describe("contact", function()
  -- Each pause lets the board do what the list says next.
  local function script(session, lines)
    local i = 0
    return { pause = function()
      i = i + 1
      assert(i < 200, "waits for ever")
      if lines[i] then session.probe:admin(lines[i]) end
      return i
    end }, function() return i end
  end

  it("is there only when it has been steady", function()
    local session <close> = sim.session { board = "rak811" }
    session.probe:admin "power off"
    local options, looks = script(session, { "power on", "power off", "power on" })
    assert.equal("contact", contact.wait_for_board(session.probe, options))
    assert.equal(5, looks())
  end)

  it("is gone only when it has been gone for a while", function()
    local session <close> = sim.session { board = "rak811" }
    local options, looks = script(session, { "power off", "power on", "power off" })
    contact.wait_until_gone(session.probe, options)
    assert.equal(5, looks())
  end)

  it("works with a probe that cannot measure", function()
    local session <close> = sim.session { board = "rak811", keys = { target = "absent" } }
    assert.is_nil(contact.look(session.probe).dpidr)
  end)
end)

describe("a report", function()
  it("puts the commonest error first, and counts time of good units only", function()
    local report = line_report.new(100)
    for _, unit in ipairs { { "pass", 2 }, { "fail", 9, "usb" }, { "fail", 9, "verify" }, { "pass", 4 }, { "fail", 9, "verify" } } do
      report:add { result = unit[1], elapsed_s = unit[2], code = unit[3] }
    end
    local object = report:object(110)
    assert.equal(0.4, object.yield)
    assert.same({ "verify", "usb" }, { object.errors[1].code, object.errors[2].code })
    assert.equal(3, object.time_per_unit.median_s)
    assert.equal("verify", support.raises("verify", line_report.need_all_passed, object).code)
    assert.matches("1800 units an hour", table.concat(line_report.lines(object), "\n"))
  end)

  it("of nothing is no success and no failure", function()
    local object = line_report.new(0):object(1)
    assert.equal("no unit was done", line_report.verdict(object))
    line_report.need_all_passed(object)
  end)

  it("fits narrow windows", function()
    for _, width in ipairs { 20, 30, 40, 80 } do
      for _, text in ipairs(screen.block({ result = "pass", serial = "N1", elapsed_s = 1 }, width)) do
        if text:find "#" then assert.is_true(#text <= math.max(width, 26), width .. ": " .. text) end
      end
    end
  end)
end)

describe("a ledger that goes away", function()
  teardown(support.clean)

  it("ends the batch, since no board can be done without it", function()
    local job, place = bench.job()
    local ledger <close> = ledgers.open(place)
    ledger.db:exec "DROP TABLE attempts"
    local result = support.stlua { "batch", job, "--ledger", place, "--count", "5", probe = "sim:rak811?seed={n}" }
    assert.not_equal(0, result.status)
    assert.matches("error %[", result.err)
  end)
end)
