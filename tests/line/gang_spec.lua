-- Several probes at once: none takes another along, none is left behind, and twins are named.
local support = require "support"
package.path = support.source .. "/tests/line/?.lua;" .. package.path
local bench = require "bench"
local gang = require "stlua.gang"
local gang_screen = require "stlua.gang_screen"
local ledgers = require "stlua.ledger"
local stlua = require "stlua"

-- A gang whose processes say these lines: by slot, a shell script.
local function pretend(scripts, options)
  local slots, names = {}, {}
  for name in pairs(scripts) do names[#names + 1] = name end
  table.sort(names)
  for i, name in ipairs(names) do slots[i] = { name = name, selector = scripts[name] } end
  -- the words that follow are --probe SCRIPT --slot NAME: $1 is the script
  options.slots, options.command = slots, { "sh", "-c", 'eval "$1"' }
  return gang.run(options)
end

local function say(text) return ("echo '%s';"):format(text) end

local unit = '{"event":"unit","n":1,"result":"%s","serial":"%s","uid":"%s","elapsed_s":1.5,"code":"refused","message":"in work"}'

describe("gang", function()
  teardown(support.clean)

  it("does every slot's boards, one process each, on one ledger", function()
    local job, ledger = bench.job()
    local result = support.good { "gang", job, "--ledger", ledger, "--count", "3", "--slot", "A=sim:rak811?seed=1{n}",
      "--slot", "B=sim:rak811?seed=2{n}", "--slot", "C=sim:rak811?seed=3{n}", "--slot", "D=sim:rak811?seed=4{n}" }
    for _, name in ipairs { "A", "B", "C", "D" } do assert.matches("slot " .. name .. ": PASS N00", result.out) end
    assert.matches("gang: 12 units, 12 passed, yield 100%.0 %%", result.out)
    local serials, slots = {}, {}
    for _, row in ipairs(bench.attempts(ledger)) do
      assert.is_nil(serials[row.serial])
      serials[row.serial] = true
      slots[row.slot] = (slots[row.slot] or 0) + 1
    end
    assert.same({ A = 3, B = 3, C = 3, D = 3 }, slots)
  end)

  it("takes every ST-LINK on USB, and names the slots by their ports", function()
    local job, ledger = bench.job()
    local _, _, first = support.listen "rak811?seed=1"
    local _, _, second = support.listen "rak811?seed=2"
    local result = support.shell(("%s/stlua-usb-run --probe %s,bus=1,port=4.1 --probe %s,bus=2,port=3 -- "
      .. "%s/stlua gang %s --ledger %s --count 1"):format(support.bin, first, second, support.bin, job, ledger))
    assert.equal(0, result.status, result.err)
    assert.matches("slot usb:1%-4%.1: PASS", result.out)
    assert.matches("slot usb:2%-3: PASS", result.out)
    local slots = {}
    for _, row in ipairs(bench.attempts(ledger)) do slots[row.slot] = row.serial end
    assert.is_string(slots["usb:1-4.1"])
    assert.is_string(slots["usb:2-3"])
  end)

  it("goes on with the others when one slot fails, and its exit status tells", function()
    local job, ledger = bench.job()
    local result = support.stlua { "gang", job, "--ledger", ledger, "--count", "2", "--slot", "A=sim:rak811?seed=1{n}",
      "--slot", "B=sim:rak811?seed=2{n}&rdp=0xBB", "--slot", "C=sim:nowhere" }
    assert.not_equal(0, result.status)
    assert.matches("slot A: PASS.*slot A: PASS", result.out)
    assert.matches("slot B: FAIL %[read_protected%]", result.out)
    assert.matches("slot C: .*nowhere", result.err)
    assert.matches("4: 2 passed, 2 failed", result.out)
  end)

  it("refuses a board that another one has in work, and names it", function()
    local job, place = bench.job()
    local uid = "112233445566778899AABBCC"
    support.good { "provision", job, "--ledger", place, probe = "sim:rak811?seed=5" } -- makes the product known
    local ledger <close> = ledgers.open(place, { station = "the other one" })
    local held <close> = ledger:reserve { product = "node", uid = uid }
    local result = support.stlua { "gang", job, "--ledger", place, "--count", "1", "--slot", "A=sim:rak811?uid=" .. uid }
    assert.equal(50, result.status)
    assert.matches("slot A: FAIL %[refused%] .*" .. uid .. " is in work at [^\n]*station the other one", result.out)
    held:void "the test is over"
  end)

  it("ends with Ctrl-C: every unit is recorded, no process is left", function()
    local job, ledger = bench.job()
    local process <close> = stlua.spawn { support.bin .. "/stlua", "gang", job, "--ledger", ledger, "--slot",
      "A=sim:rak811?seed=1{n}&clock=paced", "--slot", "B=sim:rak811?seed=2{n}&clock=paced" }
    local said = ""
    repeat -- one unit is done: both slots are at work
      said = said .. (process:read() or "")
      stlua.sleep(0.005)
    until said:find "PASS"
    local children = {}
    for _, name in ipairs(stlua.list_folder "/proc") do
      local file = name:match "^%d+$" and io.open("/proc/" .. name .. "/stat")
      local parent = file and (file:read("a") or ""):match "^%d+ %b() %a (%d+)"
      if file then file:close() end
      if parent and tonumber(parent) == process:pid() then children[#children + 1] = name end
    end
    assert.equal(2, #children)
    process:kill "int"
    bench.wait(process)
    for _, pid in ipairs(children) do assert.is_nil(stlua.file_kind("/proc/" .. pid)) end
    for _, row in ipairs(bench.attempts(ledger)) do assert.not_equal("running", row.result) end
  end)

  it("wants slots that differ, with names", function()
    local job, ledger = bench.job()
    local function refused(text, ...)
      local result = support.stlua { "gang", job, "--ledger", ledger, ... }
      assert.equal(64, result.status)
      assert.matches(text, result.err)
    end
    refused("is no NAME=PROBE", "--slot", "sim:rak811")
    refused("two slots are called A", "--slot", "A=sim:rak811", "--slot", "A=sim:rak5205")
    refused("same probe", "--slot", "A=usb:1-1", "--slot", "B=usb:1-1")
    refused("%-%-slot A=sim:rak811", "--probe", "sim:rak811")
  end)

  it("names the slots by their USB ports when nobody else does", function()
    local slots = gang.slots(nil, { { port = "usb:1-4.2" }, { port = "usb:1-4.1" } })
    assert.same({ { name = "usb:1-4.1", selector = "usb:1-4.1" }, { name = "usb:1-4.2", selector = "usb:1-4.2" } }, slots)
    support.raises("no_probe", gang.slots, {}, {})
  end)
end)

describe("a slot", function()
  it("that dies in the middle of a board counts as failed, with what it said last", function()
    local report, slots = pretend({
      A = say '{"event":"found","n":1}' .. say '{"event":"uid","n":1,"uid":"AA"}' .. "echo oh no >&2; kill -9 $$",
      B = say(unit:format("pass", "N1", "BB")) .. say '{"event":"end"}',
    }, {})
    assert.equal(1, report.passed)
    assert.equal(1, report.failed)
    assert.equal("internal", slots[1].problem.code)
    assert.matches("slot A ended with status 137: oh no", slots[1].problem.message)
    assert.is_nil(slots[2].problem)
  end)

  it("that hangs is ended, and the others go on", function()
    local report, slots = pretend({
      A = say '{"event":"step","n":1,"step":"write","state":"start"}' .. "exec sleep 100",
      B = say(unit:format("pass", "N1", "BB")) .. say '{"event":"end"}',
    }, { silence_limit_s = 0.3 })
    assert.equal("timeout", slots[1].problem.code)
    assert.matches("in step write", slots[1].problem.message)
    assert.equal(1, report.passed)
  end)

  it("may wait for a board as long as it likes", function()
    local _, slots = pretend({ A = say '{"event":"waiting","n":1}' .. "sleep 0.6;" .. say '{"event":"end"}' },
      { silence_limit_s = 0.1 })
    assert.is_nil(slots[1].problem)
  end)

  it("that sees another slot's board says so with both names", function()
    -- each waits for a file until the other one's event has been seen
    local folder, told = support.folder(), nil
    finally(support.clean)
    local function wait_for(name) return ("while [ ! -e %s/%s ]; do sleep 0.02; done;"):format(folder, name) end
    local report = pretend({
      A = say '{"event":"uid","n":1,"uid":"AA"}' .. wait_for "b" .. say(unit:format("pass", "N1", "AA")) .. say '{"event":"end"}',
      B = wait_for "a" .. say '{"event":"uid","n":1,"uid":"AA"}' .. say(unit:format("fail", "", "AA")) .. say '{"event":"end"}',
    }, { on_event = function(slot, event)
      if slot.name == "A" and event.event == "uid" then support.write_file(folder .. "/a", "") end
      if slot.name == "B" and event.event == "unit" then
        told = event.message
        support.write_file(folder .. "/b", "")
      end
    end })
    assert.equal(1, report.passed)
    assert.matches("^slots A and B see the same board, UID AA: in work", told)
  end)

  it("may say things that are no events", function()
    local report, slots = pretend({ A = say "hello" .. say "{broken" .. say '{"event":"unknown"}' .. say "[1]"
      .. say '{"event":"end"}' }, {})
    assert.equal(0, #report.units)
    assert.is_nil(slots[1].problem)
  end)
end)

describe("the table", function()
  it("tells what to do at each slot, and fits the window", function()
    local slots = {
      { name = "A", state = "waiting", passed = 3, failed = 0, unit = { result = "pass", serial = "N3" } },
      { name = "B", state = "working", step = "write", percent = 40, passed = 0, failed = 1 },
      { name = "C", state = "leaving", passed = 0, failed = 1, unit = { result = "fail", code = "verify", message = "x" } },
      { name = "D", state = "probe lost", passed = 0, failed = 0 },
      { name = "E", state = "ended", passed = 0, failed = 0, problem = { code = "usb", message = ("long "):rep(50) } },
    }
    local text = table.concat(gang_screen.lines(slots, 100), "\n")
    for _, wanted in ipairs { "put a board in +PASS N3", "%[####%.%.%.%.%.%.%] write", "take it out +FAIL %[verify%]",
      "plug the probe in again", "ended" } do
      assert.matches(wanted, text)
    end
    for _, line in ipairs(gang_screen.lines(slots, 60)) do assert.is_true(#line < 60) end
  end)

  it("stays in its place on a terminal", function()
    local job, ledger = bench.job()
    finally(support.clean)
    local result = support.shell(("script -qec %s /dev/null"):format(support.quote(
      ("%s/stlua gang %s --ledger %s --count 1 --slot 'A=sim:rak811'"):format(support.bin, job, ledger))))
    assert.equal(0, result.status, result.out)
    assert.matches("SLOT +PASS +FAIL", result.out)
    assert.matches("\27%[2A", result.out)
  end)
end)
