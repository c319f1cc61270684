--- A plan for people and for --json: every range, what is kept, and what the flash itself will need.
local format = require "stlua.format"
local json = require "stlua.json"

local M = {}

local function flash_line(range)
  local changing = range.unit_count - range.equal_count
  local text = ("  flash   %s .. %s  %d bytes, %s: %d to write, %d equal"):format(format.addr(range.addr),
    format.addr(range.addr + range.byte_count - 1), range.byte_count, format.count(range.unit_count, "page"),
    changing, range.equal_count)
  if range.preserved_bytes > 0 then
    text = text .. (", %s beside it kept"):format(format.count(range.preserved_bytes, "byte"))
  end
  return text
end

local function eeprom_line(range)
  return ("  EEPROM  %s .. %s  %d bytes, %s: %d to write, %d equal"):format(format.addr(range.addr),
    format.addr(range.addr + range.byte_count - 1), range.byte_count, format.count(range.unit_count, "word"),
    range.unit_count - range.equal_count, range.equal_count)
end

--- Print a plan.
---@param session stlua.Session
---@param plan stlua.Plan
---@param about { name: string, format: string, erase_all: boolean?, are_options_written: boolean? }
function M.show(session, plan, about)
  local totals = plan:totals()
  session:say("plan: %s (%s), %d bytes", about.name, about.format, totals.image_bytes)
  for _, range in ipairs(plan:ranges()) do
    session:say("%s", range.kind == "flash" and flash_line(range) or eeprom_line(range))
  end
  if about.erase_all then session:say("  flash   all other pages become blank") end
  session:say("  erase %s, program %s, write %s of EEPROM: the flash itself needs %s",
    format.count(totals.pages_to_erase, "page"), format.count(totals.half_pages_to_program, "half page"),
    format.count(totals.eeprom_words_to_write, "word"), format.seconds(totals.flash_time_us / 1e6))
  if not about.are_options_written then session:say("  option bytes stay as they are") end
end

--- A plan as a table.
---@param plan stlua.Plan
function M.object(plan) return { totals = plan:totals(), ranges = json.array(plan:ranges()) } end

return M
