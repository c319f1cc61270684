--- Data EEPROM, a value at a time: what `flash` does with whole images.
local errors = require "stlua.errors"
local format = require "stlua.format"
local identity = require "stlua.identity"
local image = require "stlua.image"
local plans = require "stlua.plans"

-- All of it; the banks of larger chips lie one behind the other.
local function region_of(session)
  local chunks = session:chunks "eeprom"
  local last = chunks[#chunks]
  return { addr = chunks[1].addr, byte_count = last.addr + last.byte_count - chunks[1].addr }
end

-- AT is an offset or an address. Without a count: up to the end.
local function place(region, at, byte_count)
  local offset = at >= region.addr and at - region.addr or at
  byte_count = byte_count or region.byte_count - offset
  if byte_count < 1 or offset + byte_count > region.byte_count then
    errors.raise("range", ("data EEPROM is %s"):format(format.range(region.addr, region.byte_count)),
      "not within data EEPROM: %s", byte_count < 1 and format.addr(region.addr + offset)
        or format.range(region.addr + offset, byte_count))
  end
  return region.addr + offset, byte_count
end

local function show(session, addr, bytes)
  for _, line in ipairs(format.dump(addr, bytes)) do session:say("%s", line) end
end

local actions = {}

function actions.read(session, args)
  local count = args.value and math.tointeger(tonumber(args.value)) or args.type and identity.byte_count(args.type)
  if args.value and not count then
    errors.raise("usage", "stlua eeprom read 0x10 64", "%q is no number of bytes", args.value)
  end
  local addr
  addr, count = place(region_of(session), args.at or 0, count)
  local bytes = session:read(addr, count)
  if not args.type then
    show(session, addr, bytes)
    return ("%s from %s"):format(format.size(#bytes), format.addr(addr)), { addr = addr, hex = format.hex(bytes) }
  end
  local value = identity.decode(args.type, bytes)
  session:say("%s", tostring(value))
  return ("%s at %s is %s"):format(args.type, format.addr(addr), tostring(value)), { addr = addr, value = value }
end

function actions.write(session, args)
  if not args.at or not args.value then
    errors.raise("usage", "stlua eeprom write 0x10 1234 --type u32le; stlua eeprom write 0 DEADBEEF", "write takes AT and VALUE")
  end
  local kind = args.type or ("hex(%d)"):format((#args.value + 1) // 2)
  local is_number = kind:match("^[uif]%d") ~= nil
  local number = math.tointeger(tonumber(args.value)) or tonumber(args.value)
  if is_number and not number then errors.raise("format", nil, "%q is no number", args.value) end
  local bytes = identity.encode(kind, is_number and number or args.value)
  local addr = place(region_of(session), args.at, #bytes)
  session:connect()
  local plan <close> = session:plan(image.new():add(addr, bytes))
  plans.show(session, plan, { name = kind .. " " .. args.value, format = "command line" })
  if session.is_dry_run then return "dry run, nothing written", { plan = plans.object(plan) } end
  local report = session:apply(plan, { verify = "read" })
  return ("%s at %s written and verified, %s changed"):format(format.size(#bytes), format.addr(addr),
    format.count(report.eeprom_words_written, "word")), { addr = addr, hex = format.hex(bytes), report = report }
end

return {
  summary = "Show or change a few bytes of data EEPROM",
  description = "`stlua flash` writes whole images, EEPROM included; `stlua erase --eeprom` makes all of it zero. Only words"
    .. " that change are written.",
  args = {
    { "action", type = "choice", choices = { "read", "write" }, help = "read [AT [COUNT]], write AT VALUE" },
    { "at", type = "addr", optional = true, help = "offset in data EEPROM, or address" },
    { "value", optional = true, help = "read: how many bytes; write: what, hex digits without --type" },
    { "--type", metavar = "TYPE", help = "u8, u16le, u32be, \"ascii(16)\", eui64, hex ...: as in `stlua image put`" },
  },

  ---@param session stlua.Session
  run = function(session, args) return actions[args.action](session, args) end,
}
