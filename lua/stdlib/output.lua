--- What a command says: lines for people on standard output, warnings on standard error, or one JSON
--- object at the end and nothing else.
local json = require "stlua.json"
local progress = require "stlua.progress"

---@class stlua.Output
---@field is_json boolean
---@field is_quiet boolean
---@field is_verbose boolean
---@field warnings string[]
---@field lines string[] what would have been printed, with --json
---@field progress table
local Output = {}
Output.__index = Output

local M = {}

---@param options { json: boolean?, quiet: boolean?, verbose: boolean? }
---@return stlua.Output
function M.new(options)
  local is_silent = options.json or options.quiet
  return setmetatable({
    is_json = options.json or false, is_quiet = options.quiet or false, is_verbose = options.verbose or false,
    warnings = json.array(), lines = json.array(),
    progress = progress.new(is_silent and "none" or progress.style_for_terminal()),
  }, Output)
end

local function format(text, ...) return select("#", ...) > 0 and text:format(...) or text end

-- A name of a file, or what a chip or a ledger holds, must not steer the terminal. Lines of line() are left as they
-- are: what firmware says over RTT may be coloured.
local function printable(text)
  return (text:gsub("[\0-\8\11-\31\127]", function(c) return ("\\x%02X"):format(c:byte()) end))
end

--- A line for people. With --json it is kept for the final object.
function Output:line(text, ...)
  local line = format(text, ...)
  if self.is_json then
    self.lines[#self.lines + 1] = line
  elseif not self.is_quiet then
    self.progress:finish()
    io.stdout:write(line, "\n")
  end
end

--- Said also when --quiet: something is not as it should be, but the work goes on.
function Output:warn(text, ...)
  local line = format(text, ...)
  self.warnings[#self.warnings + 1] = line
  if self.is_json then return end
  self.progress:finish()
  io.stderr:write("warning: ", printable(line), "\n")
end

--- Only with --verbose.
function Output:detail(text, ...)
  if not self.is_verbose or self.is_json then return end
  self.progress:finish()
  io.stderr:write(format(text, ...), "\n")
end

--- The one line at the end.
function Output:verdict(command, text)
  self.progress:finish()
  io.stdout:write(printable(("%s: %s"):format(command, text)), "\n")
  io.stdout:flush()
end

--- An error in two lines: what and where, then what next.
function Output:failure(command, err)
  self.progress:finish()
  io.stdout:flush()
  local name = command and "stlua " .. command or "stlua"
  io.stderr:write(printable(("%s: error [%s]: %s"):format(name, err.code, err.message)), "\n")
  if err.hint then io.stderr:write("hint: ", printable(err.hint), "\n") end
  if self.is_verbose and err.traceback then io.stderr:write(err.traceback, "\n") end
end

--- The one JSON object.
function Output:object(object)
  self.progress:finish()
  io.stdout:write(json.encode(object), "\n")
  io.stdout:flush()
end

return M
