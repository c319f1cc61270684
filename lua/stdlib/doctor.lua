--- What is wrong with this desk? Checks look, in the order in which things depend on each other, and
--- write down what they saw; causes (stlua.doctor_causes) are judged by what was seen, and by nothing else.
---
--- A check is { id =, title =, needs =, run = function(exam, seen) -> text, is_blind }. It never decides. What
--- it raises is kept in seen.errors[id], and the checks after it still have their turn.
local stlua = require "stlua"
local causes = require "stlua.doctor_causes"
local core = require "stlua.doctor_core"
local errors = require "stlua.errors"
local json = require "stlua.json"

local M = {}

---@class stlua.DoctorCheck
---@field id string "chip.rdp"
---@field title string
---@field needs "probe"|"dap"|"open"|"halted"|"reset"|nil
---@field raises table<string, boolean>? codes that end the examination: what was asked for makes no sense
---@field is_late boolean? it disturbs, so it runs after all others; its row stays in its place
---@field run fun(exam: stlua.Exam, seen: table): string, boolean? what was seen, for people; true: it could not look

---@class stlua.Exam
---@field session stlua.Session
---@field probe stlua.Probe?
---@field dap stlua.Dap?
---@field may_reset boolean
---@field image stlua.Image?
---@field is_halted boolean we have halted the core, and its registers are in saved
---@field seen table what was seen, by name

local stages = { "usb", "probe", "wiring", "chip", "core", "loader" }

local function all_checks()
  local list = {}
  for _, stage in ipairs(stages) do
    for _, check in ipairs(require("stlua.doctor_" .. stage).checks) do
      list[#list + 1] = check
      check.stage = stage
    end
  end
  return list
end

-- ---- what has to be there ----

local closed_text = "not looked at: under RDP level 1 halting would shut the firmware out until a power cycle"

-- Each gives nil, or why the check cannot be made.
local needs = {}

function needs.probe(exam) return not exam.probe and "no probe" or nil end

function needs.dap(exam)
  if not exam.dap then return "the target cannot be reached" end
  return exam.seen.is_reset_held and "the chip is held in reset" or nil
end

function needs.open(exam)
  return needs.dap(exam) or (exam.seen.rdp_level ~= 0 and closed_text or nil)
end

function needs.halted(exam)
  return needs.open(exam) or (not exam.is_halted and "the core is not halted" or nil)
end

function needs.reset(exam)
  if not exam.dap then return "the target cannot be reached" end
  return not exam.may_reset and "left out: --no-reset" or nil
end

-- ---- running the checks ----

-- Is it the way to the probe that failed? Later an answer out of step may also come from a probe that has
-- left debug mode, because the target fell silent.
local function is_usb_failure(check, err)
  return err.code == "usb" or err.code == "probe_gone" or (err.code == "protocol" and check.stage == "usb")
end

local function run_check(exam, check)
  stlua.interrupt()
  local row = { id = check.id, stage = check.stage, title = check.title, verdict = "ok" }
  local why_not = check.needs and needs[check.needs](exam)
  if why_not then
    row.verdict, row.text = "-", why_not
    return row
  end
  local is_blind
  local _, err = errors.attempt(function() row.text, is_blind = check.run(exam, exam.seen) end)
  errors.attempt(core.look_for_reset, exam)
  if is_blind then row.verdict = "-" end
  if err and check.raises and check.raises[err.code] then error(err, 0) end
  if err then
    row.verdict, row.text = "?", err.cause or err.message
    exam.seen.errors[check.id] = err
    if is_usb_failure(check, err) then exam.seen.usb_failure = exam.seen.usb_failure or err end
  end
  return row
end

local function run_all(exam, checks)
  local rows = json.array()
  for _, is_late in ipairs { false, true } do
    for i, check in ipairs(checks) do
      if (check.is_late or false) == is_late then rows[i] = run_check(exam, check) end
    end
  end
  return rows
end

-- ---- giving the target back ----

-- What was running runs again, what was halted is halted; after a reset of ours firmware runs.
local function let_go(exam)
  if not exam.dap then return end
  local seen = exam.seen
  local was_halted = seen.first_state and seen.first_state.is_halted and not seen.is_under_reset and not seen.was_reset
  local _, err = errors.attempt(core.restore, exam)
  if err then exam.session:warn("the target could not be given back as it was found: %s", err.cause) end
  if was_halted then exam.dap:close_halted() else exam.dap:close() end
  exam.dap = nil
end

-- ---- the answer ----

-- A finding marks its row; what a finding explains marks one that is called ok so far.
local function mark_rows(rows, findings, explained)
  local by_id = {}
  for _, row in ipairs(rows) do by_id[row.id] = row end
  local function verdict_of(mark) return mark.severity == "note" and "note" or "BAD" end
  for i = #findings, 1, -1 do
    local row = by_id[findings[i].check]
    if row then row.verdict = verdict_of(findings[i]) end
  end
  for _, mark in ipairs(explained) do
    local row = by_id[mark.check]
    if row.verdict == "ok" then row.verdict = verdict_of(mark) end
  end
end

---@class stlua.Diagnosis
---@field rows { id: string, stage: string, title: string, verdict: "ok"|"note"|"BAD"|"-"|"?", text: string }[]
---@field findings { id: string, severity: "bad"|"note", sentence: string, next: string, check: string }[]
---@field cause table? the first of the findings: the most likely cause
---@field seen table

--- Look at everything.
---@param session stlua.Session nothing of it may be connected yet; its probe may be open
---@param options { may_reset: boolean?, image: stlua.Image? }?
---@return stlua.Diagnosis
function M.examine(session, options)
  options = options or {}
  local exam = { session = session, may_reset = options.may_reset ~= false, image = options.image, is_halted = false,
    seen = { errors = {}, connect_option = session.options.connect, image = options.image } }
  stlua.set_log(function(_, text) session.out:detail("%s", text) end, "warn") -- what it warns of is a row here
  local rows
  do
    local guard <close> = setmetatable({}, { __close = function() let_go(exam) end }) -- luacheck: ignore
    rows = run_all(exam, all_checks())
  end
  local findings, explained = causes.judge(exam.seen)
  mark_rows(rows, findings, explained)
  return { rows = rows, findings = findings, cause = findings[1], seen = exam.seen }
end

return M
