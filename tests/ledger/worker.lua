--- One station of the storm: lua5.4 worker.lua LEDGER CHIPS SEED FIRST LAST
--- Takes units in random order until the ledger says that all of FIRST..LAST are committed. A chip is a
--- file CHIPS/UID to which each programming appends its serial number and EUI. It may be killed anywhere.
require "support"
local ledger = require "stlua.ledger"
local socket = require "socket"

local where, chips, seed, first, last = arg[1], arg[2], tonumber(arg[3]), tonumber(arg[4]), tonumber(arg[5])
math.randomseed(seed)

local function uid(n) return ("3331383536350000%08X"):format(n) end

local function program(unit)
  local chip = assert(io.open(chips .. "/" .. unit.uid, "a"))
  chip:write(unit.serial, " ", unit.fields.dev_eui, "\n")
  chip:close()
end

local L = ledger.open(where, { busy_timeout_ms = 20000, busy_tries = 5, station = "seed " .. seed })

local function one_unit(n)
  local unit <close> = L:reserve { product = "node", uid = uid(n), operator = "storm" }
  if math.random() < 0.5 then socket.sleep(math.random() * 0.03) end -- the flash takes its time
  program(unit)
  local dice = math.random()
  if dice < 0.08 then unit:void("the self-test failed")
  elseif dice < 0.12 then error({ code = "no_target", message = "pulled off", context = {} }, 0)
  elseif dice < 0.14 then os.exit(9, false) -- left without any goodbye
  else unit:commit { duration_ms = 1.5 } end
end

-- The units not committed yet, in random order.
local function waiting()
  local done, left = {}, {}
  for _, row in ipairs(L:find { product = "node", state = "committed" }) do done[row.uid] = true end
  for n = first, last do
    if not done[uid(n)] then table.insert(left, math.random(#left + 1), n) end
  end
  return left
end

repeat
  local left = waiting()
  for _, n in ipairs(left) do
    local ok, err = pcall(one_unit, n)
    local expected = not ok and type(err) == "table" and (err.code == "no_target" or err.reason == "in_use")
    if not ok and not expected then
      io.stderr:write("worker ", seed, ": ", tostring(err), "\n")
      os.exit(3)
    end
  end
until #left == 0
L:close()
