--- tests/starve/wire.lua: a command during which one thing happens on the wire or to the board, judged, and
--- the same command again.
local cjson = require "cjson"
local exit_status = require "stlua.exit_status"
local jobs = require "job"
local support = require "support"

local M = {}

--- What happens at a USB transfer, as the simulator's admin lines say it; is_gone: nothing can be done for the
--- target after it.
M.kinds = {
  { name = "timeout", line = "fault usb timeout at 1" },
  { name = "stall", line = "fault usb stall at 1" },
  { name = "short", line = "fault usb short at 1" },
  { name = "garbage", line = "fault usb garbage at 1" },
  { name = "lost_reply", line = "fault lost-reply at 1" },
  { name = "disconnect", line = "fault usb disconnect at 1", is_gone = true },
  { name = "wait", line = "fault wait 4294967295", is_gone = true },
  { name = "fault", line = "fault ack fault 1" },
  { name = "silence", line = "fault ack none", is_gone = true },
  { name = "supply_cut", line = "power off", is_gone = true },
  { name = "op_cut", line = "fault op cut 1", is_gone = true },
  { name = "op_fail", line = "fault op fail 1" },
  { name = "op_hang", line = "fault op hang 1", is_gone = true },
}

local proper = {} -- what an error of the wire or the target ends with
for _, row in ipairs(exit_status.list) do proper[row[1]] = row[2] end
for _, code in ipairs { "ok", "script", "memory", "usage", "internal", "interrupted" } do
  proper[exit_status.of(code)] = nil
end

local function stats(job) return cjson.decode(support.read_file(job.folder .. "/stats")) end

--- Everything that a command needs, and the number of its USB transfers.
---@return starve.Job
function M.prepare(command)
  local job = jobs.prepare(command, { keys = "&stats=../stats" })
  local clean = stats(job)
  job.transfer_count = clean.transfers_out + clean.transfers_in
  job.pages_touched = clean.pages_erased + clean.half_pages + clean.words_programmed + clean.eeprom_words
    + clean.option_words + clean.mass_erases
  return job
end

local function text_of_error(job, result)
  local object = result.out:find("^%s*{") and cjson.decode(result.out)
  if object then
    if object.ok ~= false or object.exit_status ~= result.status then return nil end
    return object.error.message .. (object.error.hint or "")
  end
  return result.err:match("stlua " .. job.command.words[1] .. ": error %[" .. proper[result.status] .. "%]: (.+)")
end

-- A target that could be reached to the end has been let go; one that was not, and is told of.
local function is_left_armed(kind, core, text)
  if kind.is_gone or not core.is_debug_enabled then return false end
  return not text:find "may stay halted"
end

-- An error has to be one: its status, its text, no word of success, and nothing changed by what only reads.
local function false_error(job, kind, result)
  if result.status == 124 then return "hangs" end
  if not proper[result.status] then return "exit status " .. result.status end
  local text = text_of_error(job, result)
  if not text then return "no text of the error" end
  if ("\n" .. result.out):find("\n" .. job.command.words[1] .. ": ", 1, true) then return "a verdict of success" end
  if job.pages_touched == 0 and not jobs.is_same(job, "b.sim", "now", "before") then return "the board has changed" end
  if is_left_armed(kind, stats(job), text) then return "the target is left in debug state" end
  return jobs.leavings(job)
end

-- The protocol has no sum over its data, and bytes that are spoiled on their way are told from good ones only
-- where something is written and proved.
local function may_be_spoiled(job, kind) return kind.name == "garbage" and job.pages_touched == 0 end

-- A success is one: the board and the files are as they should be, and what was read is what is there. The road
-- may be another one, and a doctor has something to tell.
local function false_success(job, kind, result)
  local may_say_other = job.command.tells or job.pages_touched > 0
  local why = not may_be_spoiled(job, kind) and jobs.differs_from_wanted(job, result, false, may_say_other)
  if why then return why end
  local core = stats(job)
  if not kind.is_gone and (core.is_debug_enabled or core.demcr ~= 0) then
    return "the target is left in debug state"
  end
end

--- One point. Returns what is wrong, or nil, and whether it ended in an error.
---@return string? failure
---@return boolean? is_error
function M.try(job, kind, at)
  local what = ("%s at transfer %d"):format(kind.name, at)
  jobs.at_start(job)
  local keys = ("&stats=../stats&at=%d:%s"):format(at, (kind.line:gsub(" ", "%%20")))
  local result = jobs.run(job, { keys = keys })
  local is_error = result.status ~= 0
  local why = (is_error and false_error or false_success)(job, kind, result)
  if why then return jobs.report(job, result, what, why), is_error end
  local again = jobs.run(job)
  why = again.status ~= 0 and "the next run fails" or jobs.differs_from_wanted(job, again, true)
  return why and jobs.report(job, again, what .. ", the run after it", why) or nil, is_error
end

return M
