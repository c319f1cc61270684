--- tests/starve/job.lua: a command of stlua as a job that something will happen to: it begins with the same
--- files every time, and what it leaves is compared with what it leaves when nothing happens.
local stlua = require "stlua"
local support = require "support"

local quote, shell = support.quote, support.shell

local M = { limit_s = 60 } -- what takes longer hangs

--- What happened, for whoever has to find out why it is wrong.
function M.report(job, result, what, why)
  return ("stlua %s, %s: %s\nexit status %d\n%s%s"):format(job.name, what, why, result.status, result.out, result.err)
end

---@class starve.Job
---@field command table a row of commands.lua
---@field folder string holds before/, what is there before; now/, where it runs; after/, with memory
---@field name string
---@field clean { status: integer, out: string, err: string } with memory
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

-- In now/; returns when the simulator has written its file, too.
local line = "cd %s/now && env %s timeout %d %s --probe %s %s >../out 2>../err </dev/null; s=$? n=0; "
  .. "while [ -e b.sim.lock ] && [ $n -lt 500 ]; do sleep 0.01; n=$((n + 1)); done; exit $s"

---@class starve.Result
---@field status integer
---@field out string
---@field err string

--- Run the command, or other words, once.
---@param job starve.Job
---@param how { program: string?, words: string[]?, env: table?, keys: string? }? keys: of the board, "&k=v&..."
---@return starve.Result
function M.run(job, how)
  how = how or {}
  local words, quoted = how.words or job.command.words, {}
  for i, word in ipairs(words) do quoted[i] = quote(word) end
  local board = ("sim:%s?state=b.sim%s"):format(job.command.board or "rak5205", how.keys or "")
  local _, kind, status = os.execute(line:format(job.folder, environment(job, how.env), M.limit_s,
    quote(support.bin .. "/" .. (how.program or "stlua")), quote(board), table.concat(quoted, " ")))
  if kind == "signal" then status = 128 + status end
  local function said(name) return support.read_file(job.folder .. "/" .. name) end
  return { status = status, out = said "out", err = said "err" }
end

local function good(job, how)
  local result = M.run(job, how)
  if result.status ~= 0 then error(M.report(job, result, "must succeed", "it does not")) end
  return result
end

--- Everything as it was before the command.
function M.at_start(job)
  assert(os.execute(("cd %s && rm -rf now && cp -a before now"):format(job.folder)))
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
  assert(os.execute(("mkdir %s/now"):format(job.folder)))
  support.write_file(job.folder .. "/now/old.bin", support.bytes(8192, 5))
  support.write_file(job.folder .. "/now/new.bin", support.bytes(8192, 6))
  if command.makes_ledger then good(job, { words = { "ledger", "create", "line.db", "--vault", "line.key" } }) end
  if not command.before then good(job, { words = { "info" } }) end -- the board's file is there
  for _, words in ipairs(command.before or {}) do good(job, { words = words }) end
  if command.link then
    assert(os.execute(("cd %s/now && echo old >kept && ln -s kept %s"):format(job.folder, command.link)))
  end
  assert(os.execute(("cd %s && mv now before"):format(job.folder)))
end

--- Everything that a command needs, and what it does when nothing happens to it.
---@param command table a row of commands.lua
---@param how table? of M.run
---@return starve.Job
function M.prepare(command, how)
  local job = { command = command, folder = support.folder(), name = table.concat(command.words, " ") }
  make_before(job)
  M.at_start(job)
  job.clean = good(job, how)
  job.files = { table.unpack(command.files or {}) }
  if not command.lasts then job.files[#job.files + 1] = "b.sim" end -- keys are by chance
  assert(os.execute(("cd %s && mv now after"):format(job.folder)))
  return job
end

-- ---- judging ----

--- What two runs of a command say alike: without the times, and without what is drawn on the way.
function M.gist(text)
  return (text:gsub("[^\n]*%d+ %%\n", ""):gsub("%d+%.%d+", "#"):gsub('("[%w_]*_u?m?s":)%d+', "%1#"))
end

--- Is a file the same in two of the job's folders?
function M.is_same(job, name, one, other)
  return os.execute(("cmp -s %s/%s/%s %s/%s/%s"):format(job.folder, one, name, job.folder, other, name)) == true
end

function M.is_link_lost(job)
  return job.command.link and not os.execute(("test -L %s/now/%s"):format(job.folder, job.command.link))
end

-- What has found its work done, or half done, may say so.
local function may_say_less(job, is_again)
  return is_again and not M.is_same(job, "b.sim", "after", "before")
end

--- What is wrong with what a successful run has said and left; nil: nothing.
---@param job starve.Job
---@param result starve.Result
---@param is_again boolean? the run after one that failed: its work may have been done
---@param may_say_other boolean? only what it leaves counts
---@return string?
function M.differs_from_wanted(job, result, is_again, may_say_other)
  local lasts = job.command.lasts
  if lasts then
    if result.out:match(lasts) ~= job.clean.out:match(lasts) then return "says " .. result.out end
  elseif not may_say_other and M.gist(result.out) ~= M.gist(job.clean.out) and not may_say_less(job, is_again) then
    return "says other things than with memory:\n" .. result.out
  end
  if M.is_link_lost(job) then return "the link has become a file" end
  for _, name in ipairs(job.files) do
    if not M.is_same(job, name, "now", "after") then return name .. " is not what it should be" end
  end
end

--- A file of the command's own is whole or not there; and nothing else is left.
function M.leavings(job)
  for _, name in ipairs(job.command.files or {}) do
    local is_there = stlua.file_kind(job.folder .. "/now/" .. name) ~= nil
    if is_there and not M.is_same(job, name, "now", "after") and not M.is_same(job, name, "now", "before") then
      return name .. " is half a file"
    end
  end
  local extra = shell(("sh -c 'ls -A now | grep -vxF -e \"$(ls -A before)\" -e \"$(ls -A after)\"'"), { cwd = job.folder }).out
  if extra ~= "" then return "leaves " .. extra end
end

return M
