--- Is the ledger true to the chips? The chips are looked into from behind, not through the debug port: they
--- are locked.
local secret = require "stlua.identity_secret"
local select_probe = require "stlua.select"
local sim = require "stlua.sim"
local stlua = require "stlua"

local M = {}

local serial_addr, stamp_addr, eeprom_addr, option_addr = 0x08000800, 0x08000810, 0x08080000, 0x1FF80000
local peek_bytes = 256
local level1_word = 0xFF4400BB

function M.uid(n) return ("3331383536350000%08X"):format(n) end

local function peek(probe, addr, byte_count)
  local parts = {}
  for at = addr, addr + byte_count - 1, peek_bytes do
    local hex = probe:admin(("peek 0x%08X %d"):format(at, math.min(peek_bytes, addr + byte_count - at)))
    parts[#parts + 1] = hex:gsub("[^%x]", ""):gsub("%x%x", function(digits) return string.char(tonumber(digits, 16)) end)
  end
  return table.concat(parts)
end

-- Everything that identifies the unit, as the chip has it.
local function contents(run, n)
  local spec = sim.spec("rak811", { uid = M.uid(n), state = ("%s/%d.sim"):format(run.place.chips, n) })
  local probe = stlua.open_sim(spec:match "^sim:(.*)", select_probe.simulator_path())
  local flash, eeprom = peek(probe, 0x08000000, stamp_addr + 4 - 0x08000000), peek(probe, eeprom_addr, 40)
  local option = ("<I4"):unpack(peek(probe, option_addr, 4))
  probe:close()
  local serial_at = serial_addr - 0x08000000
  return { serial_in_flash = flash:sub(serial_at + 1, serial_at + 16):match "^[^%z]*", flash = flash,
    serial = eeprom:sub(1, 16):match "^[^%z]*",
    dev_eui = eeprom:sub(17, 24):gsub(".", function(c) return ("%02X"):format(c:byte()) end), key = eeprom:sub(25, 40),
    option_word = option }
end

local function check_chip(run, n, row)
  local uid, chip = M.uid(n), contents(run, n)
  local function same(what, found, wanted)
    assert(found == wanted, ("unit %s holds %s %s, the ledger says %s"):format(uid, what, found, wanted))
  end
  same("serial in flash", chip.serial_in_flash, row.serial)
  same("serial in EEPROM", chip.serial, row.serial)
  same("DevEUI", chip.dev_eui, row.fields.dev_eui)
  same("RDP word", chip.option_word, level1_word)
  assert(run.ledger:is_key { product = "soak", uid = uid, name = "app_key", key = secret.new(chip.key) },
    uid .. " holds another key than the ledger's")
  -- the firmware itself, with its stamp
  local covered = chip.flash:sub(1, stamp_addr - 0x08000000)
  same("CRC", ("<I4"):unpack(chip.flash, #covered + 1), stlua.crc.compute("crc-32", covered))
  run.firmware = run.firmware or covered:sub(1, 0x800)
  assert(covered:sub(1, 0x800) == run.firmware, uid .. " holds another firmware")
end

local function check_history(run, uid, serial)
  local passes, figures = 0, run.figures
  for _, attempt in ipairs(run.ledger:history(uid)) do
    figures.attempts = figures.attempts + 1
    -- what ended before an identity was reserved has none
    assert(attempt.serial == serial or attempt.serial == nil, ("unit %s: an attempt with serial %s"):format(uid, attempt.serial))
    assert(attempt.result ~= "running", uid .. ": an attempt without an end")
    if attempt.result == "pass" then passes = passes + 1 end
    if attempt.result == "fail" then figures.failed = figures.failed + 1 end
    if attempt.result == "abandoned" then figures.abandoned = figures.abandoned + 1 end
  end
  assert(passes >= 1, uid .. " is committed without a pass")
  figures.passed = figures.passed + passes
end

--- Units first..last: each has one identity that nobody else has, and its chip holds it.
function M.block(run, first, last)
  for n = first, last do
    local uid = M.uid(n)
    local rows = run.ledger:find { product = "soak", uid = uid }
    assert(#rows == 1, uid .. " has " .. #rows .. " identities")
    assert(rows[1].state == "committed", uid .. " is " .. rows[1].state)
    for _, value in ipairs { rows[1].serial, rows[1].fields.dev_eui } do
      assert(not run.owner[value], ("%s belongs to %s and %s"):format(value, run.owner[value], uid))
      run.owner[value] = uid
    end
    check_chip(run, n, rows[1])
    check_history(run, uid, rows[1].serial)
    run.figures.units = run.figures.units + 1
  end
end

--- None lost: exactly as many numbers are issued as there are units.
function M.whole(run)
  for n = 1, run.options.units do
    assert(run.owner[("N%06d"):format(n)], ("serial number %d is lost"):format(n))
  end
  local row = run.ledger.db:one "SELECT CAST(next_number AS TEXT) AS next FROM counters WHERE name = 'serial:soak'"
  assert(tonumber(row.next) == run.options.units + 1, "the counter stands at " .. row.next)
end

return M
