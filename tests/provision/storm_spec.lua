-- Four stations, one ledger, boards that fail and processes that die: in the end each chip holds the identity that
-- the ledger says, and no two hold the same.
local support = require "support"
package.path = support.source .. "/tests/provision/?.lua;" .. package.path
local identity = require "stlua.identity"
local ledgers = require "stlua.ledger"
local lfs = require "lfs"
local line = require "line"
local sim = require "stlua.sim"

local board_count <const>, station_count <const>, rounds_max <const> = 24, 4, 40

-- The boards not done, dealt to the stations at random: a board that failed at one may come back at another.
local function deal(folder)
  local hands, left = {}, 0
  for i = 1, station_count do hands[i] = {} end
  for n = 1, board_count do
    if not lfs.attributes(("%s/%d.done"):format(folder, n)) then
      table.insert(hands[math.random(station_count)], n)
      left = left + 1
    end
  end
  return hands, left
end

local function play(hands, words, round, seed)
  local commands = {}
  for i, hand in ipairs(hands) do
    if #hand > 0 then
      commands[#commands + 1] = ("%s %d %s & pids=\"$pids $!\""):format(words, seed + round * station_count + i, table.concat(hand, " "))
    end
  end
  -- 9 is a worker that was to die; 3 is one that saw what must not happen
  local result = support.shell(table.concat(commands, "\n") .. '\nfor p in $pids; do wait $p; [ $? = 3 ] && exit 3; done; true')
  assert(result.status == 0, result.err)
end

describe("a storm of provisioning", function()
  teardown(support.clean)

  it("leaves each chip with its own identity", function()
    local seed = os.time() % 100000
    print("      seed " .. seed)
    math.randomseed(seed)
    local folder = support.folder()
    local where = folder .. "/line.db"
    ledgers.create_vault_key(where .. ".key")
    local job_file = line.write_job({ identity = [[{ serial = { "SN", { counter = 5 } },
      eui64 = { dev_eui = { first = "70B3D57ED0050000", last = "70B3D57ED005FFFF" } },
      keys = { app_key = { byte_count = 16, source = "random" } } }]], lock = "{ rdp_level = 1 }", unlock = '"returning"' }, folder)
    local job = require("stlua.job").load(job_file)
    local ledger <close> = ledgers.open(where, { create = true, vault_key_file = where .. ".key" })
    ledger:product(job.product_name, job.identity)
    local words = ("%s %s/tests/provision/storm_worker.lua %s %s %s"):format(support.quote(support.bin .. "/stlua"),
      support.source, where, job_file, folder)
    local round = 0
    repeat
      local hands, left = deal(folder)
      if left > 0 then play(hands, words, round, seed) end
      round = round + 1
      assert(round < rounds_max, "boards that never pass")
    until left == 0

    local seen = {}
    for n = 1, board_count do
      local session <close> = sim.session { board = "rak811", keys = { state = ("%s/%d.sim"):format(folder, n) } }
      local function peek(addr, count) return (session.probe:admin(("peek 0x%08X %d"):format(addr, count)):gsub("%s", ""):upper()) end
      local rows = ledger:find { uid = session.uid }
      assert.equal(1, #rows)
      assert.equal("committed", rows[1].state)
      local serial = peek(0x08080000, 7):gsub("%x%x", function(pair) return string.char(tonumber(pair, 16)) end)
      assert.equal(rows[1].serial, serial)
      assert.equal(rows[1].fields.dev_eui, peek(0x0801E000, 8))
      assert.is_true(ledger:is_key { product = "node", uid = session.uid, name = "app_key",
        key = identity.secret_from_hex(peek(0x0801E008, 16), 16) })
      assert.is_nil(seen[serial], serial .. " twice")
      seen[serial] = true
    end
    local report = ledger:report "node"
    print(("      %d rounds, %d pass, %d fail, %d abandoned"):format(round - 1, report.attempts.pass, report.attempts.fail,
      report.attempts.abandoned))
    assert.is_true(report.attempts.fail + report.attempts.abandoned > 0)
  end)
end)
