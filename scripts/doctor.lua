--- Why does it not work? Look at everything, name the cause, and the command to type next.
local doctor = require "stlua.doctor"
local doctor_next = require "stlua.doctor_next"
local format = require "stlua.format"
local image = require "stlua.image"
local json = require "stlua.json"

-- A stage's name stands in its first row only.
local function table_lines(rows)
  local cells, last = {}, nil
  for i, row in ipairs(rows) do
    cells[i] = { row.stage ~= last and row.stage or "", row.title, row.verdict, row.text }
    last = row.stage
  end
  return format.columns(cells)
end

local function verdict_of(diagnosis)
  if not diagnosis.cause then return ("nothing wrong found in %d checks"):format(#diagnosis.rows) end
  local ids = {}
  for i, finding in ipairs(diagnosis.findings) do ids[i] = finding.id end
  return ("%s: %s"):format(format.count(#ids, "finding"), table.concat(ids, ", "))
end

return {
  summary = "Find out why a board does not work; changes nothing",
  description = "Looks at USB, probe, wiring, chip, core and loader, prints a line for each check and the most likely "
    .. "cause. Nothing is written to flash, data EEPROM or option bytes. What it disturbs: a running core is halted "
    .. "for some milliseconds, RAM is tested and put back, the flash keys are given and taken back, and at the end "
    .. "nRST is pulled, so firmware starts anew; --no-reset leaves that out. Under RDP level 1 the core is not "
    .. "halted; but where nothing else answers, attaching under reset is tried, and that halts. The exit status is "
    .. "0 when the examination was made, whatever it found; --json has it all.",
  args = {
    { "image", type = "path", optional = true, help = "an image that shall fit this chip" },
    { "--base", type = "addr", help = "where a raw binary goes" },
    { "--no-reset", type = "flag", help = "do not reset the target, not even to see whether nRST works" },
  },

  ---@param session stlua.Session
  run = function(session, args)
    local diagnosis = doctor.examine(session, { may_reset = not args.no_reset and not session.is_dry_run,
      image = args.image and image.load(args.image, { base_addr = args.base }) or nil })
    for _, line in ipairs(table_lines(diagnosis.rows)) do session:say("%s", line) end
    for i, finding in ipairs(diagnosis.findings) do
      finding.next = doctor_next.complete(finding.next, session.options, os.getenv "STLUA_PROBE")
      session:say("")
      session:say("%s: %s.", i == 1 and "most likely" or "also", finding.sentence)
      session:say("next: %s", finding.next)
    end
    local cause = diagnosis.cause
    return verdict_of(diagnosis), {
      cause = cause and cause.id, sentence = cause and cause.sentence, next = cause and cause.next,
      findings = json.array(diagnosis.findings), checks = diagnosis.rows,
    }
  end,
}
