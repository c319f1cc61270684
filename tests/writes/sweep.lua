--- One command, every call of it that concerns its files, each made to fail: once, for good, or by a kill.
--- STL_FAULT_STRIDE takes every so manieth point, STL_FAULT_SEED where to begin; both as in tests/unit.
local judge = require "judge"
local strace = require "strace"
local support = require "support"
local world = require "world"

local M = {}

---@class Sweep
---@field tries integer how many points in `make test`; 0: none, another sweep there has the same code
---@field name string the command, as its verdict begins
---@field words fun(folder: string): string[] the command
---@field prepare fun(folder: string): table? fills the folder; gives environment variables
---@field allowed string[] patterns of the names that may be there afterwards
---@field stdout string? the file standard output goes to
---@field calls string[]? which system calls; those of files, otherwise
---@field is_meant (fun(path: string, line: string): boolean)? which of them; those in the folder, otherwise
---@field judge (fun(place: table, is_done: boolean, result: table?))? raises when something is not as it must be
---@field renew (fun(place: table))? before each point, where going back to the beginning is not enough
---@field refusal string? what a second run says when the first one has done it, whatever that one said; `judge` then
---  sees whether it has

local stride = tonumber(os.getenv "STL_FAULT_STRIDE" or "") -- nil: each sweep has a number of tries
local seed = tonumber(os.getenv "STL_FAULT_SEED" or "") or 0

local most_shown = 8 -- of the points of a command that are wrong

local tallies, order = {}, {}

local function count(kind, result)
  local tally = tallies[kind]
  if not tally then
    tally = { points = 0, errors = 0, survived = 0 }
    tallies[kind], order[#order + 1] = tally, kind
  end
  tally.points = tally.points + 1
  local outcome = result.status == 0 and "survived" or "errors"
  tally[outcome] = tally[outcome] + 1
end

--- Lines that tests/soak/faults.sh adds up.
function M.print_tallies()
  for _, kind in ipairs(order) do
    local tally = tallies[kind]
    print(("faults: kind=%s points=%d errors=%d survived=%d seed=%d"):format(kind, tally.points, tally.errors,
      tally.survived, seed))
  end
  tallies, order = {}, {}
end

local function kinds_of(point)
  -- libpq answers a message that cannot be sent by waiting for what the server says of it: after a real EPIPE that is
  -- the end of the connection, here it would be nothing for ever
  local kinds = { point.call ~= "sendto" and "once" or nil }
  if strace.lasting_calls[point.call] then kinds[#kinds + 1] = "lasting" end
  if strace.changing_calls[point.call] then kinds[#kinds + 1] = "killed" end
  return kinds
end

local function command_of(sweep, place)
  local parts = { support.quote(support.bin .. "/stlua") }
  for _, word in ipairs(sweep.words(place.folder)) do parts[#parts + 1] = support.quote(word) end
  if not sweep.stdout then return table.concat(parts, " ") end
  return table.concat(parts, " ") .. " >" .. support.quote(place:path(sweep.stdout))
end

-- With standard output in a file: what is in it belongs to what was said.
local function with_output(sweep, place, result)
  if sweep.stdout then result.out = place:bytes(sweep.stdout) or "" end
  return result
end

local function run_again(sweep, place, options)
  local result = with_output(sweep, place, support.shell(command_of(sweep, place), options))
  local is_done = result.status == 0 or (sweep.refusal ~= nil and result.err:match(sweep.refusal) ~= nil)
  assert(is_done, ("the next run does not repair it: exit status %d\n%s%s"):format(result.status, result.out,
    result.err))
  if sweep.judge then sweep.judge(place, true) end
end

-- One point; raises when something does not hold.
local function try(sweep, place, point, kind, options)
  place:rewind()
  if sweep.renew then sweep.renew(place) end
  local result, hit = strace.run(command_of(sweep, place), sweep.calls or strace.file_calls, point, kind, options)
  with_output(sweep, place, result)
  if not hit then return end -- this run had fewer of them
  place:wait_for_simulators()
  if kind ~= "killed" then judge.ending(sweep.name, result) end
  if sweep.allowed then judge.names(place, sweep.allowed, hit) end
  if sweep.judge then sweep.judge(place, result.status == 0, result) end
  run_again(sweep, place, options)
  count((sweep.calls and "server-" or "write-") .. kind, result)
  return true
end

-- SQLite waits ten seconds when it cannot lock its shared memory; that is no write.
local function is_vain(line) return line:match "^fcntl%(%d+<[^>]*%-shm>" or line:match "^fcntl.*F_[GS]ETF[DL]" end

--- Is there anything to do for this one?
function M.is_wanted(sweep) return stride ~= nil or sweep.tries > 0 end

--- All points, or those of the stride. Gives how many were tried.
---@param sweep Sweep
---@return integer tried
function M.run(sweep)
  local env
  local place = world.new(function(folder) env = sweep.prepare and sweep.prepare(folder) end)
  local options = { env = env, cwd = "/" }
  if sweep.renew then sweep.renew(place) end
  local points = strace.points(command_of(sweep, place), sweep.calls or strace.file_calls, sweep.is_meant
    or function(path, line) return not is_vain(line) and path:sub(1, #place.folder + 1) == place.folder .. "/" end, options)
  assert(#points > 0, "no call of it is in the folder")
  local faults, tried, wrong = {}, 0, {}
  for _, point in ipairs(points) do
    for _, kind in ipairs(kinds_of(point)) do faults[#faults + 1] = { point = point, kind = kind } end
  end
  local step = math.min(stride or math.ceil(#faults / sweep.tries), #faults)
  for at = 1 + (seed + step // 2) % step, #faults, step do
    local point, kind = faults[at].point, faults[at].kind
    local ok, hit = pcall(try, sweep, place, point, kind, options)
    if not ok then
      wrong[#wrong + 1] = ("%s %d of %s, %s: %s"):format(point.call, point.n, point.path, kind, tostring(hit))
    end
    tried = tried + (hit and 1 or 0)
  end
  if #wrong > 0 then
    error(("%s: %d points are wrong\n%s"):format(sweep.name, #wrong, table.concat(wrong, "\n", 1, math.min(#wrong, most_shown))), 0)
  end
  return tried
end

--- The tests of a spec; skipped aloud where nothing can be traced.
---@param it function of busted
---@param pending function of busted
---@param lists Sweep[][]
function M.add(it, pending, lists)
  local why_not = strace.why_not()
  if why_not then print("SKIPPED: " .. why_not) end
  for _, list in ipairs(lists) do
    for _, sweep in ipairs(list) do
      local function test() assert(M.run(sweep) > 0, "no point was tried") end
      if M.is_wanted(sweep) then (why_not and pending or it)("`" .. (sweep.title or sweep.name) .. "`", test) end
    end
  end
end

return M
