--- tests/starve/starved.lua: a command without memory at one allocation, judged, and the same command again.
local commands = require "commands"
local jobs = require "job"
local support = require "support"

local memory_status = require("stlua.exit_status").of "memory"

local M = { commands = commands }

--- Whose allocations fail, how many of them in a row (0: all that follow), and how much of the stride is
--- between two points: libstl allocates a hundred times in a command, Lua ten thousand times; and what Lua
--- survives by collecting its garbage has little to tell.
M.kinds = {
  { name = "starved_core", who = "core", in_a_row = 1, share = 1 / 400 },
  { name = "starved_lua_once", who = "lua", in_a_row = 1, share = 4 },
  { name = "starved_lua", who = "lua", in_a_row = 3, share = 1 },
  { name = "starved_for_good", in_a_row = 0, share = 1 },
}

--- Everything that a command needs, what it does with memory, and its allocations.
---@return starve.Job
function M.prepare(command)
  local job = jobs.prepare(command, { program = "stlua-starved", env = { STL_STARVE_COUNT = "../count" } })
  local core, lua = support.read_file(job.folder .. "/count"):match "^core (%d+) lua (%d+)\n$"
  job.counts = { core = math.tointeger(tonumber(core)), lua = math.tointeger(tonumber(lua)) }
  return job
end

--- How many allocations there are to fail.
function M.count(job, kind) return kind.who and job.counts[kind.who] or job.counts.core + job.counts.lua end

-- An error has to be one: the status and the text of it, and no word of success.
local function false_error(job, result)
  if result.status == 124 then return "hangs" end
  if result.status ~= memory_status then return "exit status " .. result.status end
  local is_json = result.out:find '"code":"memory"' ~= nil
  if not is_json and not result.err:find "error %[memory%]: .*out of memory" then return "no text of the error" end
  if result.out:find('"ok":true', 1, true) then return "JSON of a success" end
  if ("\n" .. result.out):find("\n" .. job.command.words[1] .. ": ", 1, true) then return "a verdict of success" end
  -- what only reads changes nothing, whatever happens to it
  if jobs.is_same(job, "b.sim", "after", "before") and not jobs.is_same(job, "b.sim", "now", "before") then
    return "the board has changed"
  end
  return jobs.is_link_lost(job) and "the link has become a file" or jobs.leavings(job)
end

local function false_success(job, result)
  local why = jobs.differs_from_wanted(job, result)
  if why then return why end
  if jobs.gist(result.err) ~= jobs.gist(job.clean.err) then return "survived, with remarks" end
end

--- One point. Returns what is wrong, or nil, and whether it ended in an error.
---@return string? failure
---@return boolean? is_error
function M.try(job, kind, at)
  local what = ("%s at allocation %d"):format(kind.name, at)
  jobs.at_start(job)
  local result = jobs.run(job, { program = "stlua-starved",
    env = { STL_STARVE_WHO = kind.who, STL_STARVE_AT = at, STL_STARVE_FOR = kind.in_a_row } })
  local is_error = result.status ~= 0
  local why = (is_error and false_error or false_success)(job, result)
  if why then return jobs.report(job, result, what, why) end
  local again = jobs.run(job)
  why = again.status ~= 0 and "the next run fails"
  if not why and not is_error then return nil, false end
  why = why or jobs.differs_from_wanted(job, again, is_error)
  return why and jobs.report(job, again, what .. ", the run after it", why), is_error
end

return M
