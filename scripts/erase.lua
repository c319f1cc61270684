--- Make flash blank, all of it or some pages; and data EEPROM when told so.
local errors = require "stlua.errors"
local format = require "stlua.format"

-- What is to be erased: { addr, byte_count } of flash.
local function flash_ranges(session, args)
  local page_bytes = session.target.family.flash.page_bytes
  if args.all then
    local list = {}
    for _, bank in ipairs(session.target.flash_banks) do
      list[#list + 1] = { addr = bank.base_addr, byte_count = bank.size_bytes }
    end
    return list
  end
  if not args.pages then return {} end
  local addr, count = args.pages[1], args.pages[2]
  if addr % page_bytes ~= 0 then
    errors.raise("argument", ("pages have %d bytes; the one it lies in starts at 0x%08X"):format(page_bytes,
      addr // page_bytes * page_bytes), "0x%08X is not the start of a page", addr)
  end
  if count == 0 then errors.raise("argument", nil, "no pages: nothing to erase") end
  return { { addr = addr, byte_count = count * page_bytes } }
end

local function check_inside(session, ranges)
  local targets = require "stlua.targets"
  for _, range in ipairs(ranges) do
    local region = targets.region_of(session.target, range.addr, range.byte_count)
    if not region or region.name ~= "flash" then
      errors.raise("range", "`stlua info` shows the regions of the target",
        "%s at %s do not lie in flash", format.size(range.byte_count), format.addr(range.addr))
    end
  end
end

return {
  summary = "Erase flash: all of it, or some pages; and data EEPROM",
  args = {
    { "--all", type = "flag", help = "all of flash" },
    { "--pages", type = "addr", words = 2, metavar = { "ADDR", "COUNT" }, help = "COUNT pages from ADDR on" },
    { "--eeprom", type = "flag", help = "all of data EEPROM" },
    { "--require-fast", type = "flag", help = "fail where only the slow road through the debug port works" },
  },

  ---@param session stlua.Session
  run = function(session, args)
    if not args.all and not args.pages and not args.eeprom or args.all and args.pages then
      errors.raise("usage", "stlua erase --all", "say what to erase: --all, --pages ADDR COUNT or --eeprom")
    end
    local ranges = flash_ranges(session, args)
    check_inside(session, ranges)
    local eeprom = args.eeprom and session.target.eeprom_banks or {}
    local page_bytes = session.target.family.flash.page_bytes
    local page_count, word_count = 0, 0
    session:say("plan:")
    for _, range in ipairs(ranges) do
      page_count = page_count + range.byte_count // page_bytes
      session:say("  erase flash %s .. %s, %d pages", format.addr(range.addr),
        format.addr(range.addr + range.byte_count - 1), range.byte_count // page_bytes)
    end
    for _, bank in ipairs(eeprom) do
      session:say("  erase EEPROM %s .. %s", format.addr(bank.base_addr),
        format.addr(bank.base_addr + bank.size_bytes - 1))
    end
    local result = { page_count = page_count, ranges = ranges }
    if session.is_dry_run then return "dry run, nothing erased", result end

    local start_s = session:now_s()
    session:need_readable()
    for _, range in ipairs(ranges) do session:need_unprotected(range.addr, range.byte_count) end
    for _, range in ipairs(ranges) do session:erase(range.addr, range.byte_count) end
    for _, bank in ipairs(eeprom) do
      word_count = word_count + session:eeprom_write(bank.base_addr, ("\0"):rep(bank.size_bytes))
    end
    result.eeprom_words_written, result.elapsed_s = word_count, session:now_s() - start_s
    local parts = {}
    if page_count > 0 then parts[1] = format.count(page_count, "page") .. " of flash" end
    if args.eeprom then parts[#parts + 1] = format.count(word_count, "word") .. " of data EEPROM" end
    return ("%s in %.2f s"):format(table.concat(parts, " and "), result.elapsed_s), result
  end,
}
