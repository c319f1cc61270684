--- Boards in, PASS or FAIL, nothing to decide.
local errors = require "stlua.errors"
local job_ledger = require "stlua.job_ledger"
local jobs = require "stlua.job"
local json = require "stlua.json"
local line = require "stlua.line"
local line_report = require "stlua.line_report"
local output = require "stlua.output"
local screen = require "stlua.line_screen"
local stlua = require "stlua"

local function say_unit(session, unit)
  if session.out.is_quiet then
    io.stdout:write(screen.line(unit), "\n")
    return
  end
  if unit.label then session:say("%s", unit.label) end
  local width = math.min(stlua.terminal_width "stdout", 100)
  for _, text in ipairs(screen.block(unit, width)) do session:say("%s", text) end
end

-- For the person at the line.
local function shown(session)
  return function(event)
    if event.event == "waiting" then
      session:say("board %d: put it in", event.n)
    elseif event.event == "found" and event.by == "supply" then
      session:say("board %d is powered and does not answer", event.n)
    elseif event.event == "retry" then
      session:warn("board %d: [%s] %s; once more", event.n, event.code, event.message)
    elseif event.event == "probe_lost" then
      session:warn("%s; plug the probe in again", event.message)
    elseif event.event == "step" then
      session.out:detail("%s: %s", event.step, event.state)
    elseif event.event == "unit" then
      say_unit(session, event)
    end
  end
end

-- For a program: a JSON object a line, progress too, and nothing else.
local function told()
  return function(event)
    io.stdout:write(json.encode(event), "\n")
    io.stdout:flush()
  end
end

-- What a session of the line says: warnings, and progress as events or as a bar.
local function quiet_output(session, args, on_event)
  local out = output.new { quiet = not session.out.is_verbose, verbose = session.out.is_verbose }
  if stlua.is_terminal "stderr" then out.progress = session.out.progress end
  if not args.events then return out end
  out.progress = { finish = function() end, callback = function()
    local last
    return function(phase, done, total)
      local percent = total > 0 and done * 100 // total or 100
      local now = phase .. percent // 10
      if now ~= last then on_event { event = "progress", phase = phase, percent = percent } end
      last = now
      return true
    end
  end }
  function out.warn(_, text, ...)
    on_event { event = "warning", message = select("#", ...) > 0 and text:format(...) or text }
  end
  return out
end

local function scanner(session)
  return function()
    session:say("scan the label of the next board (an empty line ends)")
    local text = io.stdin:read("l")
    stlua.interrupt()
    return text and text ~= "" and text:match "^%s*(.-)%s*$" or nil
  end
end

-- The report and how it ended, as one verdict or one error.
local function finish(session, args, report, why)
  local object = report:object(stlua.monotonic())
  if args.events then
    told() { event = "end", code = why and why.code, message = why and why.message, hint = why and why.hint }
  else
    for _, text in ipairs(line_report.lines(object)) do session:say("%s", text) end
  end
  -- Ctrl-C between two boards is how a batch without --count ends
  local last = object.units[#object.units]
  local was_idle = why and why.code == "interrupted" and not (last and last.code == "interrupted")
  if why and not (was_idle and not args.count) then
    why.report = object
    error(why, 0)
  end
  line_report.need_all_passed(object)
  return line_report.verdict(object), object
end

return {
  summary = "Provision boards one after the other, hands-free: wait, do it, PASS or FAIL, next",
  description = "Ctrl-C ends it between two boards. {n} in --probe is the number of the board, for simulated ones: "
    .. "--probe 'sim:rak811?seed={n}'.",
  args = {
    { "job", type = "path", help = "the job's file" },
    { "--count", type = "int", metavar = "N", help = "end after N boards" },
    { "--max-fails", type = "int", metavar = "N", help = "stop when N boards running have failed" },
    { "--retries", type = "int", default = 1, metavar = "N",
      help = "try a board again N times whose contact was bad; default: 1" },
    { "--scan", type = "flag", help = "read the label of each board from standard input first" },
    { "--ledger", metavar = "PATH|URL", help = "default: $STLUA_LEDGER, then what the job says" },
    { "--operator", metavar = "NAME", help = "for the record" },
    { "--station", metavar = "NAME", help = "for the record" },
    { "--slot", metavar = "NAME", help = "for the record: which place of a gang this is" },
    { "--irreversible", type = "flag", help = "consent to RDP level 2, if the job asks for it" },
    { "--events", type = "flag", help = "say what happens as JSON, an object a line, before the verdict" },
  },

  ---@param session stlua.Session
  run = function(session, args)
    if session.is_dry_run then
      errors.raise("usage", "stlua provision --dry-run JOB shows the plan for one board", "a batch has no dry run")
    end
    if args.events then stlua.end_with_parent() end
    local job = jobs.load(args.job)
    local ledger <close> = job_ledger.open_for(job, { ledger = args.ledger, station = args.station })
    local on_event = args.events and told() or shown(session)
    local options = {}
    for name, value in pairs(session.options) do options[name] = value end
    options.out = quiet_output(session, args, on_event)
    local report, why = line.run { job = job, ledger = ledger, session = options, count = args.count,
      most_fails = args.max_fails, retries = args.retries, operator = args.operator, station = args.station, slot = args.slot,
      irreversible = args.irreversible, scan = args.scan and scanner(session) or nil, on_event = on_event }
    return finish(session, args, report, why)
  end,
}
