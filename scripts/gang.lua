--- Provision on several probes at once.
local errors = require "stlua.errors"
local gang = require "stlua.gang"
local jobs = require "stlua.job"
local json = require "stlua.json"
local line_report = require "stlua.line_report"
local screen = require "stlua.gang_screen"
local stlua = require "stlua"

-- What the processes of the slots are told, too.
local passed_on = { "count", "max_fails", "retries", "ledger", "operator", "station", "speed", "connect", "target", "board" }

local function command(session, args)
  local words = { stlua.executable(), "batch", args.job, "--events" }
  for _, name in ipairs(passed_on) do
    local value = args[name]
    if value == nil then value = session.options[name] end
    if value ~= nil then
      words[#words + 1] = "--" .. name:gsub("_", "-")
      words[#words + 1] = tostring(value)
    end
  end
  if args.irreversible then words[#words + 1] = "--irreversible" end
  return words
end

local function show(session, options)
  if session.out.is_json then return end
  if stlua.is_terminal "stdout" and not session.out.is_quiet then
    options.on_look = screen.painter(io.stdout)
  else
    options.on_event = function(slot, event)
      local text = screen.event_line(slot, event)
      if text and event.event == "unit" then session:say("%s", text) elseif text then session:warn("%s", text) end
    end
  end
end

local function summary_of(slots)
  local list = json.array()
  for i, slot in ipairs(slots) do
    list[i] = { name = slot.name, probe = slot.selector, passed = slot.passed, failed = slot.failed, problem = slot.problem }
  end
  return list
end

-- A slot that could not go on is a failure of the run even when no board was in it.
local function need_all_slots(slots, object)
  for _, slot in ipairs(slots) do
    if slot.problem then
      local err = errors.new(slot.problem.code, slot.problem.hint, "slot %s: %s", slot.name, slot.problem.message)
      err.report = object
      error(err, 0)
    end
  end
end

return {
  summary = "Provision on several probes at once, a process each, with a live table",
  description = "Without --slot: every ST-LINK on USB, named by its port. {n} in a slot's probe is the number of its "
    .. "board. Ctrl-C lets every slot record what it was at, and ends.",
  args = {
    { "job", type = "path", help = "the job's file" },
    { "--slot", many = true, metavar = "NAME=PROBE", help = "a slot and its probe; may be given several times" },
    { "--count", type = "int", metavar = "N", help = "end each slot after N boards" },
    { "--max-fails", type = "int", metavar = "N", help = "stop a slot when N of its boards running have failed" },
    { "--retries", type = "int", metavar = "N", help = "try a board again N times whose contact was bad; default: 1" },
    { "--ledger", metavar = "PATH|URL", help = "default: $STLUA_LEDGER, then what the job says" },
    { "--operator", metavar = "NAME", help = "for the record" },
    { "--station", metavar = "NAME", help = "for the record" },
    { "--time-limit", type = "int", default = 120, metavar = "S",
      help = "a slot that works and says nothing for S seconds is ended; default: 120" },
    { "--irreversible", type = "flag", help = "consent to RDP level 2, if the job asks for it" },
  },

  ---@param session stlua.Session
  run = function(session, args)
    if session.is_dry_run then
      errors.raise("usage", "stlua provision --dry-run JOB shows the plan for one board", "a gang has no dry run")
    end
    if args.probe then
      errors.raise("usage", "--slot A=" .. args.probe, "a gang's probes are its slots: --probe names only one")
    end
    jobs.load(args.job) -- what is wrong with it is said once, and before anything starts
    local slots = gang.slots(args.slot, args.slot and #args.slot > 0 and {} or stlua.list_usb())
    local options = { slots = slots, command = command(session, args), silence_limit_s = args.time_limit }
    show(session, options)
    local report, ended, why = gang.run(options)
    local object = report:object(stlua.monotonic())
    object.slots = summary_of(ended)
    for _, text in ipairs(line_report.lines(object)) do session:say("%s", text) end
    if why and not (why.code == "interrupted" and not args.count) then
      why.report = object
      error(why, 0)
    end
    need_all_slots(ended, object)
    line_report.need_all_passed(object)
    return line_report.verdict(object), object
  end,
}
