--- The plan of one unit, for people: every byte's source, every range, option bytes, what comes after.
--- Keys show their length and nothing else.
local format = require "stlua.format"
local option_bytes = require "stlua.option_bytes"
local plans = require "stlua.plans"

local M = {}

local function identity_lines(run)
  local rows = {}
  for name, value in pairs(run.job_unit.fields) do
    if name ~= "uid" then rows[#rows + 1] = { "  " .. name, value } end
  end
  for name, item in pairs(run.job_unit.secrets) do
    rows[#rows + 1] = { "  key " .. name, ("%s, %s"):format(item, run.outcome.keys[name] or "a stand-in") }
  end
  table.sort(rows, function(x, y) return x[1] < y[1] end)
  return rows
end

-- A sum over a key says something about the key.
local function covers_key(run, stamped)
  for _, patch in ipairs(run.job.patches) do
    local is_inside = patch.addr <= stamped.to and patch.addr + patch.byte_count > stamped.from
    if is_inside and (patch.is_key or patch.is_function) then return true end
  end
  return false
end

local function source_lines(run)
  local rows = {}
  for _, patch in ipairs(run.job.patches) do
    rows[#rows + 1] = { "  " .. patch.name, format.addr(patch.addr), format.size(patch.byte_count),
      patch.show(run.job_unit) }
  end
  for i, range in ipairs(run.job.fill) do
    rows[#rows + 1] = { ("  fill[%d]"):format(i), format.addr(range.addr), format.size(range.byte_count),
      ("gaps hold 0x%02X"):format(range.byte) }
  end
  for i, stamped in ipairs(run.stamped) do
    local what = ("%s over %s"):format(stamped.model, format.range(stamped.from, stamped.to - stamped.from + 1))
    if not covers_key(run, stamped) then what = what .. ": " .. stamped.text end
    rows[#rows + 1] = { ("  stamps[%d]"):format(i), format.addr(stamped.at), format.size(#stamped.bytes), what }
  end
  return rows
end

local function option_text(spec)
  local parts = {}
  for name, value in pairs(spec) do
    if name == "WRP" then value = type(value) == "table" and option_bytes.sectors_text(value) or value end
    parts[#parts + 1] = ("%s=%s"):format(name, tostring(value))
  end
  table.sort(parts)
  return table.concat(parts, " ")
end

local function later_lines(run)
  local job, lines = run.job, {}
  if run.status.rdp_level == 1 then
    lines[1] = "  first the chip is opened: RDP level 1 to 0 erases flash and data EEPROM"
  end
  if job.option_bytes then lines[#lines + 1] = "  option bytes " .. option_text(job.option_bytes) end
  if job.self_test then lines[#lines + 1] = "  then the self-test, and everything is verified again" end
  if job.lock then
    lines[#lines + 1] = ("  last the lock: RDP level %s, WRP %s"):format(job.lock.rdp_level or "as it is",
      job.lock.wrp and option_text { WRP = job.lock.wrp } or "as it is")
  end
  return lines
end

--- Print a unit's plan.
---@param run table
---@param plan stlua.Plan? nil when the chip is locked and cannot be compared
function M.show(run, plan)
  local session, job = run.session, run.job
  session:say("unit %s: job %s for %s%s", run.outcome.uid, job.name, job.board.name,
    run.outcome.is_returning and ", has been here before" or "")
  for _, rows in ipairs { identity_lines(run), source_lines(run) } do
    for _, line in ipairs(format.columns(rows)) do session:say("%s", line) end
  end
  if plan then
    plans.show(session, plan, { name = job.firmware_name, format = job.firmware:format(),
      erase_all = job.erase_all, are_options_written = (job.option_bytes or job.lock) ~= nil })
  else
    session:say("plan: %s, %d bytes; what is there cannot be compared", job.firmware_name, run.image:byte_count())
  end
  for _, line in ipairs(later_lines(run)) do session:say("%s", line) end
end

return M
