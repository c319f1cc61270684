--- tests/starve/starved.lua: a command without memory at one allocation, judged, and the same command again.
local commands = require "commands"
local stlua = require "stlua"
local support = require "support"

local quote, shell = support.quote, support.shell
local memory_status = require("stlua.exit_status").of "memory"
local limit_s = 60 -- what takes longer hangs

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

---@class starve.Job
---@field command table a row of commands.lua
---@field folder string holds before/, what is there before; work/, where it runs; after/, with memory
---@field name string
---@field clean { status: integer, out: string, err: string } with memory
---@field counts { core: integer, lua: integer } its allocations
---@field files string[] that are compared

-- ---- running ----

local function environment(job, extra)
  local words = { "HOME=" .. quote(job.folder) }
  if job.command.makes_ledger then
    words = { words[1], "STLUA_LEDGER=line.db", "STLUA_VAULT_KEY=line.key" }
    -- LuaDBI forgets a statement that it has no memory to hand out, and with it the connection: not ours to mend
    words[#words + 1] = "ASAN_OPTIONS=detect_leaks=0"
  end
  for name, value in pairs(extra or {}) do words[#words + 1] = name .. "=" .. quote(value) end
  return table.concat(words, " ")
end

-- In work/; returns when the simulator has written its file, too.
local line = "cd %s/work && env %s timeout %d %s --probe %s %s >../out 2>../err </dev/null; s=$? n=0; "
  .. "while [ -e b.sim.lock ] && [ $n -lt 500 ]; do sleep 0.01; n=$((n + 1)); done; exit $s"

local function run(job, program, words, extra)
  local quoted = {}
  for i, word in ipairs(words) do quoted[i] = quote(word) end
  local board = ("sim:%s?state=b.sim"):format(job.command.board or "rak5205")
  local _, kind, status = os.execute(line:format(job.folder, environment(job, extra), limit_s,
    quote(support.bin .. "/" .. program), quote(board), table.concat(quoted, " ")))
  if kind == "signal" then status = 128 + status end
  local function said(name) return support.read_file(job.folder .. "/" .. name) end
  return { status = status, out = said "out", err = said "err" }
end

local function good(job, words, program, extra)
  local result = run(job, program or "stlua", words, extra)
  if result.status ~= 0 then error(("%s: exit status %d\n%s"):format(table.concat(words, " "), result.status, result.err)) end
  return result
end

local function at_start(job)
  assert(os.execute(("cd %s && rm -rf work && cp -a before work"):format(job.folder)))
end

-- Where a board and its past were made for a command, by what they are: others begin there, too.
local pasts = {}

local function make_before(job)
  local command = job.command
  local names = { command.board or "", tostring(command.makes_ledger), command.link or "" }
  for _, words in ipairs(command.before or {}) do names[#names + 1] = table.concat(words, " ") end
  local past = table.concat(names, "\0")
  if pasts[past] then
    assert(os.execute(("cp -a %s/before %s/before"):format(pasts[past], job.folder)))
    return
  end
  pasts[past] = job.folder
  assert(os.execute(("mkdir %s/work"):format(job.folder)))
  support.write_file(job.folder .. "/work/old.bin", support.bytes(8192, 5))
  support.write_file(job.folder .. "/work/new.bin", support.bytes(8192, 6))
  if command.makes_ledger then good(job, { "ledger", "create", "line.db", "--vault", "line.key" }) end
  if not command.before then good(job, { "info" }) end -- the board's file is there
  for _, words in ipairs(command.before or {}) do good(job, words) end
  if command.link then
    assert(os.execute(("cd %s/work && echo old >kept && ln -s kept %s"):format(job.folder, command.link)))
  end
  assert(os.execute(("cd %s && mv work before"):format(job.folder)))
end

--- Everything that a command needs, and what it does with memory.
---@return starve.Job
function M.prepare(command)
  local job = { command = command, folder = support.folder(), name = table.concat(command.words, " ") }
  make_before(job)
  at_start(job)
  job.clean = good(job, command.words, "stlua-starved", { STL_STARVE_COUNT = "../count" })
  local core, lua = support.read_file(job.folder .. "/count"):match "^core (%d+) lua (%d+)\n$"
  job.counts = { core = math.tointeger(tonumber(core)), lua = math.tointeger(tonumber(lua)) }
  job.files = { table.unpack(command.files or {}) }
  if not command.lasts then job.files[#job.files + 1] = "b.sim" end -- keys are by chance
  assert(os.execute(("cd %s && mv work after"):format(job.folder)))
  return job
end

--- How many allocations there are to fail.
function M.count(job, kind) return kind.who and job.counts[kind.who] or job.counts.core + job.counts.lua end

-- ---- judging ----

-- What two runs of a command say alike: without the times, and without what is drawn on the way.
local function gist(text)
  return (text:gsub("[^\n]*%d+ %%\n", ""):gsub("%d+%.%d+", "#"):gsub('("[%w_]*_u?m?s":)%d+', "%1#"))
end

-- Is a file the same in two of the job's folders?
local function is_same(job, name, one, other)
  return os.execute(("cmp -s %s/%s/%s %s/%s/%s"):format(job.folder, one, name, job.folder, other, name)) == true
end

local function is_link_lost(job)
  return job.command.link and not os.execute(("test -L %s/work/%s"):format(job.folder, job.command.link))
end

-- What has found its work done, or half done, may say so.
local function may_say_less(job, is_again)
  return is_again and not is_same(job, "b.sim", "after", "before")
end

local function differs_from_wanted(job, result, is_again)
  local lasts = job.command.lasts
  if lasts then
    if result.out:match(lasts) ~= job.clean.out:match(lasts) then return "says " .. result.out end
  elseif gist(result.out) ~= gist(job.clean.out) and not may_say_less(job, is_again) then
    return "says other things than with memory:\n" .. result.out
  end
  if is_link_lost(job) then return "the link has become a file" end
  for _, name in ipairs(job.files) do
    if not is_same(job, name, "work", "after") then return name .. " is not what it should be" end
  end
end

-- A file of the command's own is whole or not there; and nothing else is left.
local function leavings(job)
  for _, name in ipairs(job.command.files or {}) do
    local is_there = stlua.file_kind(job.folder .. "/work/" .. name) ~= nil
    if is_there and not is_same(job, name, "work", "after") and not is_same(job, name, "work", "before") then
      return name .. " is half a file"
    end
  end
  local extra = shell(("sh -c 'ls -A work | grep -vxF -e \"$(ls -A before)\" -e \"$(ls -A after)\"'"), { cwd = job.folder }).out
  if extra ~= "" then return "leaves " .. extra end
end

-- An error has to be one: the status and the text of it, and no word of success.
local function false_error(job, result)
  if result.status == 124 then return "hangs" end
  if result.status ~= memory_status then return "exit status " .. result.status end
  local is_json = result.out:find '"code":"memory"' ~= nil
  if not is_json and not result.err:find "error %[memory%]: .*out of memory" then return "no text of the error" end
  if result.out:find('"ok":true', 1, true) then return "JSON of a success" end
  if ("\n" .. result.out):find("\n" .. job.command.words[1] .. ": ", 1, true) then return "a verdict of success" end
  -- what only reads changes nothing, whatever happens to it
  if is_same(job, "b.sim", "after", "before") and not is_same(job, "b.sim", "work", "before") then
    return "the board has changed"
  end
  return is_link_lost(job) and "the link has become a file" or leavings(job)
end

local function false_success(job, result)
  local why = differs_from_wanted(job, result)
  if why then return why end
  if gist(result.err) ~= gist(job.clean.err) then return "survived, with remarks" end
end

local function say(job, result, what, why)
  return ("stlua %s, %s: %s\nexit status %d\n%s%s"):format(job.name, what, why, result.status, result.out, result.err)
end

--- One point. Returns what is wrong, or nil, and whether it ended in an error.
---@return string? failure
---@return boolean? is_error
function M.try(job, kind, at)
  local what = ("%s at allocation %d"):format(kind.name, at)
  at_start(job)
  local result = run(job, "stlua-starved", job.command.words,
    { STL_STARVE_WHO = kind.who, STL_STARVE_AT = at, STL_STARVE_FOR = kind.in_a_row })
  local is_error = result.status ~= 0
  local why = (is_error and false_error or false_success)(job, result)
  if why then return say(job, result, what, why) end
  local again = run(job, "stlua", job.command.words)
  why = again.status ~= 0 and "the next run fails"
  if not why and not is_error then return nil, false end
  why = why or differs_from_wanted(job, again, is_error)
  return why and say(job, again, what .. ", the run after it", why), is_error
end

return M
