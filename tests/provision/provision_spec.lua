-- One unit, from contact to commit: what is in the chip, what is in the ledger, what is nowhere.
local support = require "support"
package.path = support.source .. "/tests/provision/?.lua;" .. package.path
local errors = require "stlua.errors"
local identity = require "stlua.identity"
local line = require "line"
local provision = require "stlua.provision"
local sim = require "stlua.sim"

local example = support.source .. "/scripts/jobs/rak811_lorawan.lua"

-- Everything the lock hides again, seen by the simulator itself.
local function peek(session, addr, count) return (session.probe:admin(("peek 0x%08X %d"):format(addr, count)):gsub("%s", "")) end

local function hex(bytes) return (bytes:gsub(".", function(c) return ("%02x"):format(c:byte()) end)) end

local function crc16_xmodem(bytes)
  local crc = 0
  for i = 1, #bytes do
    crc = crc ~ bytes:byte(i) << 8
    for _ = 1, 8 do crc = (crc & 0x8000 ~= 0 and crc << 1 ~ 0x1021 or crc << 1) & 0xFFFF end
  end
  return crc
end

describe("provisioning", function()
  teardown(support.clean)

  it("writes identity and firmware, and commits", function()
    local job, board = line.job(), line.board()
    local ledger <close> = line.ledger(job)
    local outcome = line.assert_pass(line.provision(board, job, ledger, { operator = "Anna", station = "S1", slot = "3" }))
    assert.equal("SN0001", outcome.serial)
    assert.equal("new", outcome.keys.app_key)
    assert.same({ uid = outcome.uid, serial = "SN0001", dev_eui = "70B3D57ED0050000" }, outcome.identity)
    local session <close> = board()
    assert.equal("SN0001" .. ("\0"):rep(10), session:read(0x08080000, 16))
    assert.equal("\x70\xB3\xD5\x7E\xD0\x05\x00\x00", session:read(0x0801E000, 8))
    session:verify(job.firmware)
    local key = identity.secret(session:read(0x0801E008, 16))
    assert.is_true(ledger:is_key { product = "node", uid = outcome.uid, name = "app_key", key = key })
    local attempt = ledger:history(outcome.uid)[1]
    assert.same({ "pass", "Anna", "S1", "3", job.sha256, job.firmware_sha256 }, { attempt.result, attempt.operator,
      attempt.station, attempt.slot, attempt.job_sha256, attempt.firmware_sha256 })
    assert.is_true(attempt.duration_ms > 0 and attempt.durations_ms.flash > 0)
  end)

  it("gives a unit that comes back its own identity again, key included", function()
    local job, board = line.job(), line.board()
    local ledger <close> = line.ledger(job)
    line.assert_pass(line.provision(board, job, ledger))
    line.assert_pass(line.provision(line.board(), job, ledger))
    local session <close> = board()
    local before = session:read(0x0801E000, 24)
    session:close()
    local outcome = line.assert_pass(line.provision(board, job, ledger))
    assert.equal("SN0001", outcome.serial)
    assert.is_true(outcome.is_returning)
    assert.equal("restored", outcome.keys.app_key)
    local again <close> = board()
    assert.equal(before, again:read(0x0801E000, 24))
  end)

  it("does everything the RAK811 example says, and the lock holds", function()
    local jobs = require "stlua.job"
    local job, board = jobs.load(example), line.board()
    local ledger <close> = line.ledger(job)
    local outcome = line.assert_pass(line.provision(board, job, ledger))
    assert.equal("ready", outcome.measurements.greeting.value)
    assert.equal(("S/N %s\nLW:D0:70B3D57ED0000001:70B3D57ED0050000:FFFFFFFF"):format(outcome.serial), outcome.label)
    local session <close> = board()
    assert.equal(1, session.nvm:status().rdp_level)
    assert.equal(1, session.nvm:status().bor_level)
    support.raises("read_protected", session.read, session, 0x08000000, 4)
    local table_bytes = {}
    for offset = 0, 1360 + 12 - 1, 196 do table_bytes[#table_bytes + 1] = peek(session, 0x0801E200 + offset, 196) end
    local bytes = table.concat(table_bytes):gsub("%x%x", function(pair) return string.char(tonumber(pair, 16)) end)
    local magic, length, crc = ("<c4I4I4"):unpack(bytes)
    assert.same({ "RLTH", 1360, crc16_xmodem(bytes:sub(13)) }, { magic, length, crc })
    assert.equal("EU868\0", bytes:sub(14, 19))
    assert.equal("70b3d57ed0050000" .. "70b3d57ed0000001", hex(bytes:sub(34, 49)))
    local attempt = ledger:history(outcome.uid)[1]
    assert.same({ RDP = 1, USER = attempt.options_written.USER }, attempt.options_written)
    session:close()
    -- and once more, through the lock
    assert.equal(outcome.serial, line.assert_pass(line.provision(board, job, ledger)).serial)
  end)

  it("needs at most 1.10 times the flash's own time and 1.0 s more", function()
    local folder = support.folder()
    local jobs = require "stlua.job"
    for _, old in ipairs { false, true } do
      local path = line.write_job({ option_bytes = "{ BOR = 1 }", lock = "{ rdp_level = 1 }", unlock = '"returning"',
        firmware = '{ { path = "fw.hex" }, { path = "rest.bin", base_addr = 0x08002000 } }',
        stamps = [[{ { crc = "crc-32", from = 0x08000000, to = 0x0801DFFF, gap = 0, at = "last", store = "u32le" } }]],
        self_test = [[{ addr = 0x20000000, measurements = { { name = "greeting", expect = "ready", equals = "ready" } } }]] }, folder)
      support.write_file(folder .. "/rest.bin", support.bytes(0x1B000))
      local job, board = jobs.load(path), line.board()
      local ledger <close> = line.ledger(job)
      if old then
        local session <close> = board()
        session:flash(require("stlua.image").new():add(0x08000000, support.bytes(128 * 1024, 7)))
      end
      local outcome = line.assert_pass(line.provision(board, job, ledger))
      local flash_s = outcome.flash_time_us / 1e6
      assert.is_true(flash_s > (old and 4 or 2), ("flash %.2f s"):format(flash_s))
      assert.is_true(outcome.elapsed_s <= 1.10 * flash_s + 1.0, ("%.2f s, flash %.2f s"):format(outcome.elapsed_s, flash_s))
      print(("      %s: %.2f s, flash itself %.2f s"):format(old and "over old contents" or "a blank chip", outcome.elapsed_s, flash_s))
    end
  end)

  it("takes no number in a dry run, and shows whose byte is what", function()
    local job, board = line.job(), line.board()
    local ledger <close> = line.ledger(job)
    local lines = {}
    local session <close> = board()
    session.out.line = function(_, text, ...) lines[#lines + 1] = text:format(...) end
    local outcome = provision.run(session, job, { ledger = ledger, dry_run = true })
    assert.equal("dry_run", outcome.result)
    assert.equal("SN0001", outcome.serial)
    assert.same({}, ledger:find {})
    local text = table.concat(lines, "\n")
    assert.matches("patches%[1%] +0x0801E000 +8 bytes +dev_eui 70B3D57ED0050000", text)
    assert.matches("patches%[2%] +0x0801E008 +16 bytes +key app_key <secret 16 B>", text)
    assert.matches("eeprom%[1%] +0x08080000 +16 bytes +serial SN0001", text)
    assert.equal(0, session.nvm:status().rdp_level)
    assert.equal(("\0"):rep(16), session:read(0x08080000, 16))
  end)

  it("goes without a ledger when units are all the same", function()
    local job = line.job { identity = false, patches = false, eeprom = false }
    line.assert_pass(line.provision(line.board(), job, nil))
    assert.has_error(function() provision.run(sim.session { board = "rak811" }, line.job(), {}) end)
  end)

  it("opens WRP sectors that the job itself protects", function()
    local job, board = line.job { option_bytes = '{ WRP = "0-1" }' }, line.board()
    local ledger <close> = line.ledger(job)
    line.assert_pass(line.provision(board, job, ledger))
    local session <close> = board()
    assert.equal(3, session.nvm:status().wrp[1])
    session:close()
    local other = line.job { option_bytes = '{ WRP = "0-1" }', patches = '{ { at = 0x08000400, bytes = "new" } }' }
    ledger:product("node", other.identity)
    line.assert_pass(line.provision(board, other, ledger))
    local plain = line.job { patches = '{ { at = 0x08000400, bytes = "old" } }' }
    assert.matches("stlua options", line.assert_fail("write_protected", line.provision(board, plain, ledger)).error.hint)
  end)

  it("calls hooks with public fields, and in their order", function()
    local calls = {}
    local job, board = line.job(), line.board()
    local ledger <close> = line.ledger(job)
    for _, name in ipairs { "before", "after_pass", "after_fail" } do
      job[name] = function(unit, outcome)
        calls[#calls + 1] = name
        assert.is_nil(unit.secrets)
        assert.is_nil(unit.fields.app_key)
        assert.equal(name == "before", outcome == nil)
      end
    end
    line.assert_pass(line.provision(board, job, ledger))
    job.before = function() errors.raise("refused", nil, "the fixture is open") end
    local outcome = line.assert_fail("refused", line.provision(board, job, ledger))
    assert.equal("before: the fixture is open", outcome.error.message)
    assert.same({ "before", "after_pass", "after_fail" }, calls)
  end)

  it("says PASS although a hook fails after it, and warns", function()
    local job = line.job()
    local ledger <close> = line.ledger(job)
    job.after_pass = function() error "the printer is out of paper" end
    local outcome = line.assert_pass(line.provision(line.board(), job, ledger))
    assert.matches("after_pass: .*out of paper", outcome.hook_error.message)
    assert.equal("committed", ledger:find({})[1].state)
  end)

  it("lets no key out, whatever a job's function says", function()
    local job, leaked = line.job(), nil
    local ledger <close> = line.ledger(job)
    job.patches[1].render = function(unit)
      leaked = unit.secrets.app_key:reveal()
      error(("bad key %s %s"):format(hex(leaked), leaked))
    end
    local outcome = line.assert_fail("script", line.provision(line.board(), job, ledger))
    local everything = outcome.error.message .. ledger:export_csv() .. ledger:export_json { what = "units" }
    assert.is_nil(everything:find(hex(leaked), 1, true))
    assert.is_nil(everything:find(leaked, 1, true))
    assert.matches("bad key <secret 16 B>", outcome.error.message)
  end)

  it("writes a label's file in one go, its name from fields only", function()
    local folder = support.folder()
    local job = line.job({ label = '{ text = "S/N {serial}", path = "{serial}.txt" }' }, folder)
    local ledger <close> = line.ledger(job)
    line.assert_pass(line.provision(line.board(), job, ledger))
    assert.equal("S/N SN0001\n", support.read_file(folder .. "/SN0001.txt"))
  end)

  it("verifies again after the self-test what the firmware may not change", function()
    local test = "{ addr = 0x20000000, measurements = { { name = 'greeting', expect = 'ready', equals = 'ready' } } }"
    local function spoilt(changes)
      local job, board = line.job(changes), line.board()
      local ledger <close> = line.ledger(job)
      local session <close> = board()
      return provision.run(session, job, { ledger = ledger, on_step = function(name, state)
        if name == "self_test" and state == "done" then session.probe:admin "poke 0x08000200 55AA55AA" end
      end })
    end
    local err = line.assert_fail("verify", spoilt { self_test = test }).error
    assert.matches("^verify: ", err.message)
    line.assert_pass(spoilt { self_test = test, volatile = "{ { at = 0x08000200, byte_count = 4 } }" })
  end)

  it("blanks what else is there, when the job says so", function()
    for _, all in ipairs { false, true } do
      local board = line.board()
      local session <close> = board()
      session:flash(require("stlua.image").new():add(0x0801A000, "old firmware"):add(0x08080800, "old data"))
      session:close()
      local job = line.job(all and { erase_all = "true", erase_eeprom = "true" } or {})
      local ledger <close> = line.ledger(job)
      line.assert_pass(line.provision(board, job, ledger))
      local again <close> = board()
      assert.equal(all and ("\0"):rep(12) or "old firmware", again:read(0x0801A000, 12))
      assert.equal(all and ("\0"):rep(8) or "old data", again:read(0x08080800, 8))
    end
  end)

  it("takes keys from the job's function, for a file or an HSM", function()
    local changes = { identity = "{ keys = { app_key = { byte_count = 16 } } }", eeprom = false,
      patches = "{ { at = 0x0801E008, key = 'app_key' } }" }
    local ok, err = pcall(line.job, changes)
    assert.is_false(ok)
    assert.matches("nobody gives the key `app_key`", err.message)
    changes.keys = "function(unit) return { app_key = require('stlua.identity').secret(unit.uid:sub(1, 16)) } end"
    local job, board = line.job(changes), line.board()
    local ledger <close> = line.ledger(job)
    local outcome = line.assert_pass(line.provision(board, job, ledger))
    local session <close> = board()
    assert.equal(outcome.uid:sub(1, 16), session:read(0x0801E008, 16))
  end)
end)
