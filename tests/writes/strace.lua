--- Run a command so that one system call of it fails: strace's fault injection. Only the process itself is hit,
--- never its children (the simulator, a server). Calls are counted in a run without a fault first; a run is
--- the same each time up to its numbers, so that the same count meets the same call.
local support = require "support"

local M = {}

local quote = support.quote

-- What each call may end in. Writes have no room; the rest of the disk is a broken one.
local errors = { openat = "EIO", write = "ENOSPC", pwrite64 = "ENOSPC", fsync = "EIO", fdatasync = "EIO", ftruncate = "EIO",
  rename = "EIO", link = "EIO", unlink = "EIO", close = "EIO", fchmod = "EPERM", read = "EIO", pread64 = "EIO", fcntl = "EIO",
  mmap = "ENOMEM", connect = "ECONNREFUSED", sendto = "EPIPE", recvfrom = "ECONNRESET" }
M.file_calls = { "openat", "write", "pwrite64", "fsync", "fdatasync", "ftruncate", "rename", "link", "unlink", "close", "fchmod",
  "read", "pread64", "fcntl", "mmap" }
-- What is worth being killed at: before it, everything was as it was.
M.changing_calls = { write = true, pwrite64 = true, ftruncate = true, rename = true, link = true, unlink = true, openat = true,
  sendto = true }
-- What goes on failing, on a disk that stays full or broken. Not write: the error's text goes that way, too.
M.lasting_calls = { pwrite64 = true, fdatasync = true, fsync = true }

local function strace(log, calls, inject, command)
  -- LeakSanitizer does not work under ptrace
  return ("timeout -k 1 60 strace -qq -y -s 0 -o %s -e trace=%s %s -E ASAN_OPTIONS=detect_leaks=0 %s"):format(quote(log),
    table.concat(calls, ","), inject and "-e inject=" .. inject or "", command)
end

--- Why there can be no faults here, or nil.
---@return string?
function M.why_not()
  if support.shell("sh -c 'command -v strace'").status ~= 0 then return "no strace is installed (Debian: strace)" end
  local result = support.shell(strace("/dev/null", { "fsync" }, "fsync:error=EIO:when=1", "true"))
  if result.status == 0 then return nil end
  return "strace cannot trace here: " .. (result.err:match "[^\n]+" or "exit status " .. result.status)
end

-- The file that a line of the log is about, if it is one; a folder that is only the current one is none.
local function path_of(line)
  return line:match "^%w+%(%d+<([^>]*)>" or line:match '^%w+%(AT_FDCWD<[^>]*>, "([^"]*)"' or line:match '^%w+%("([^"]*)"'
    or line:match "^mmap%(.-, %d+<([^>]*)>"
end

--- Every call that concerns a folder, in the order of a run without a fault.
---@param command string for the shell
---@param calls string[] of these system calls
---@param is_meant fun(path: string, line: string): boolean
---@return { call: string, n: integer, path: string }[]
function M.points(command, calls, is_meant, options)
  local log = support.folder() .. "/log"
  local result = support.shell(strace(log, calls, nil, command), options)
  assert(result.status == 0, ("without a fault: exit status %d: %s%s"):format(result.status, result.out, result.err))
  local counts, points = {}, {}
  for line in io.lines(log) do
    local call, path = line:match "^(%w+)%(", path_of(line)
    if call then
      counts[call] = (counts[call] or 0) + 1
      if path and is_meant(path, line) then points[#points + 1] = { call = call, n = counts[call], path = path } end
    end
  end
  return points
end

--- Run it with a fault; `hit` is the line of the log, nil when the run did not come that far.
---@param point { call: string, n: integer }
---@param kind "once"|"lasting"|"killed"
---@return table result as support.shell
---@return string? hit
function M.run(command, calls, point, kind, options)
  local log = support.folder() .. "/log"
  local what = kind == "killed" and "signal=SIGKILL" or "error=" .. errors[point.call]
  local inject = ("%s:%s:when=%d%s"):format(point.call, what, point.n, kind == "lasting" and "+" or "")
  local result = support.shell(strace(log, calls, inject, command), options)
  local hit
  if kind == "killed" then return result, result.status ~= 0 and "killed" or nil end
  for line in io.lines(log) do
    hit = hit or line:match "^.*%(INJECTED%)$"
  end
  return result, hit
end

return M
