--- A station that kills itself, as kill -9 would, before its Nth statement to the database:
--- lua5.4 dying.lua LEDGER N UID_NUMBER. Prints the serial number once it has one, "done" when N was too large.
require "support"
local ledger = require "stlua.ledger"

local where, die_at, number = arg[1], tonumber(arg[2]), tonumber(arg[3])

local L = ledger.open(where)
local class = getmetatable(L.db).__index
local count = 0
for _, name in ipairs { "rows", "exec" } do
  local original = class[name]
  class[name] = function(...)
    count = count + 1
    if count == die_at then os.execute("kill -9 $PPID") end
    return original(...)
  end
end
io.stdout:setvbuf("no")
local unit = L:reserve { product = "node", uid = ("3331383536350000%08X"):format(number) }
print(unit.serial)
unit:commit()
print("done")
