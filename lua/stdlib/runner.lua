--- The `stlua` command: find a script, give it its arguments and a session, say how it ended.
---
--- A script returns { summary =, args = {...}, needs = "probe" | "target" | nil, run = function(session,
--- args) }. run returns the verdict, a text (false: it printed for another program), and a table for --json.
--- What it needs is connected before it starts; without `needs`, when it first uses it. A file that returns nothing is an ordinary Lua program.
local memory = require "stlua.memory"
local stlua = require "stlua"
local arguments = require "stlua.arguments"
local doctor_hint = require "stlua.doctor_hint"
local errors = require "stlua.errors"
local exit_status = require "stlua.exit_status"
local json = require "stlua.json"
local nearest = require "stlua.nearest"
local output = require "stlua.output"
local path = require "stlua.path"
local sessions = require "stlua.session"
local strict = require "stlua.strict"

local M = {}

-- ---- errors of every kind become one ----

local function has(words, ...)
  for _, word in ipairs(words) do
    for _, wanted in ipairs { ... } do
      if word == wanted then return true end
    end
  end
  return false
end

local function as_error(err) return errors.of(err, "--verbose shows where") end

-- For xpcall: the traceback has to be taken where the error is. Without memory Lua does not call it.
local function keep_traceback(err)
  local wrapped = as_error(err)
  if wrapped.code == "script" or wrapped.code == "internal" then
    wrapped.traceback = debug.traceback(nil, 2)
  end
  return wrapped
end

local function error_object(err)
  return {
    code = err.code, message = err.message, hint = err.hint, context = json.array(err.context), addr = err.addr,
    report = err.report,
  }
end

-- ---- finding ----

--- Find the command among options that may stand before it.
---@return string? command
---@return string[] words without it
local function split(argv)
  local takes_value = arguments.global_values()
  local words, command = {}, nil
  local i = 1
  while argv[i] do
    local word = argv[i]
    if not command and not word:match("^%-") then
      command = word
    else
      words[#words + 1] = word
      if not command and takes_value[word] and argv[i + 1] then
        i = i + 1
        words[#words + 1] = argv[i]
      end
    end
    i = i + 1
  end
  return command, words
end

local function read_file(file_path)
  local file, why = io.open(file_path, "rb")
  local text = file and file:read("a")
  if file then file:close() end
  if not text then errors.raise("file", "check the path", "%s", why or (file_path .. ": cannot be read")) end
  return text
end

local function is_file_name(name) return name:match("%.lua$") ~= nil or name:match("/") ~= nil end

--- The text of a command, or of a file.
local function find_script(name)
  if is_file_name(name) then return read_file(name), name end
  local text, where = path.find("script", name)
  if text then return text, where end
  local hint = nearest.hint(name, path.names "script") or "`stlua --help` lists the commands"
  error(errors.new("usage", hint, "there is no command `%s`", name), 0)
end

-- A script finds modules beside itself.
local function add_own_folder(where)
  local folder = where:match("^(.*)/[^/]*$") or "."
  package.path = ("%s/?.lua;%s/?/init.lua;%s"):format(folder, folder, package.path)
end

--- Load a script and look at what it returns.
---@return table script
---@return string where
local function load_script(name, env, words)
  local text, where = find_script(name)
  if is_file_name(name) then add_own_folder(where) end
  local chunk, why = path.load(text, where, env)
  if not chunk then
    error({ code = "script", message = why, hint = "the file is not valid Lua 5.4", context = {} }, 0)
  end
  local script = chunk(table.unpack(words))
  if script == nil then return { is_plain = true }, where end
  if type(script) ~= "table" or type(script.run) ~= "function" then
    error({ code = "script", message = where .. ": returns no table with a function `run`", context = {},
      hint = "end it with `return { summary = ..., run = function(session, args) ... end }`" }, 0)
  end
  return script, where
end

-- ---- running ----

-- print() must not get into the JSON, nor cross the progress bar.
local function environment(out, words, name)
  local arg_table = { [0] = name, table.unpack(words) }
  return strict.environment {
    arg = arg_table,
    print = function(...)
      local cells = table.pack(...)
      for i = 1, cells.n do cells[i] = tostring(cells[i]) end
      out:line("%s", table.concat(cells, "\t"))
    end,
  }
end

local function connect_what_it_needs(session, script)
  if script.needs == "probe" then return session.probe end
  if script.needs == "target" then return session.target end
end

---@return string? verdict
---@return table? result for --json
local function run_script(script, session, values)
  connect_what_it_needs(session, script)
  local verdict, result = script.run(session, values)
  session:close() -- before the verdict: nothing can go wrong after it
  return verdict, result
end

local session_options = { "probe", "board", "target", "speed", "connect", "wait", "trace", "require_fast", "dry_run" }

local function new_session(values, out)
  local options = { out = out }
  for _, key in ipairs(session_options) do options[key] = values[key] end
  return sessions.new(options)
end

--- The verdict line, or the JSON object, and the exit status.
local function report_success(out, command, verdict, result, started_s)
  if out.is_json then
    out:object {
      command = command, ok = true, verdict = verdict or "done", exit_status = 0, report = result or {},
      warnings = out.warnings, lines = #out.lines > 0 and out.lines or nil, wall_s = stlua.monotonic() - started_s,
    }
  else
    out:verdict(command, verdict or "done")
  end
  return 0
end

local function report_failure(out, command, err)
  err = as_error(err)
  local status = exit_status.of(err.code)
  err.hint = doctor_hint.with_doctor(err, command)
  if out.is_json then
    out.progress:finish()
    out:object { command = command, ok = false, verdict = "failed", exit_status = status,
      error = error_object(err), warnings = out.warnings }
  else
    out:failure(command, err)
  end
  return status
end

-- "run FILE ..." is FILE ...; its own options are the file's.
local function unwrap_run(command, words)
  if command ~= "run" then return command, words end
  local file, rest = split(words)
  if not file then return command, words end
  if not is_file_name(file) then file = "./" .. file end
  return file, rest
end

local function short_name(name) return (name:match("([^/]*)%.lua$") or name) end

---@return string? verdict
---@return table? result
---@return boolean? is_silent all is said
local function run_command(command, words, out)
  local script, where = load_script(command, environment(out, words, command), words)
  if script.is_plain then return nil, nil, true end -- it has said what it had to say
  local parser = arguments.parser(short_name(command), script)
  if has(words, "-h", "--help") then
    io.stdout:write(parser:get_help(), "\n")
    return nil, nil, true
  end
  local values = arguments.parse(short_name(command), parser, words, script.args)
  local session <close> = new_session(values, out)
  out:detail("script: %s", where)
  local verdict, result = run_script(script, session, values)
  return verdict, result, verdict == false and not out.is_json
end

-- ---- the command line ----

local usage = [[
Usage: stlua [OPTIONS] COMMAND [ARGUMENTS]     run a command; `stlua COMMAND --help` explains it
       stlua [OPTIONS] FILE.lua [ARGUMENTS]    run a script (also: stlua run FILE)
       stlua [OPTIONS]                         a Lua prompt with a session

]]

local function summary_of(name)
  local text, where = path.find("script", name)
  local chunk = text and path.load(text, where, strict.environment { print = function() end })
  local ok, script = memory.pcall(chunk or error)
  return ok and type(script) == "table" and script.summary or "(cannot be loaded: `stlua which " .. name .. "`)"
end

--- The text of `stlua --help`.
function M.help()
  local lines = { usage .. "Commands:" }
  for _, name in ipairs(path.names "script") do lines[#lines + 1] = ("  %-12s %s"):format(name, summary_of(name)) end
  lines[#lines + 1] = "\nOptions of every command, before or after its name:"
  for _, option in ipairs(arguments.globals) do
    local left = option[1]:gsub(" ", ", ") .. (option.type == "flag" and "" or " " .. (option.metavar or "MODE"))
    lines[#lines + 1] = ("  %-20s %s"):format(left, option.help)
  end
  lines[#lines + 1] = "\nExit status:"
  for _, line in ipairs(exit_status.lines()) do lines[#lines + 1] = line end
  return table.concat(lines, "\n")
end

local function output_for(words)
  return output.new {
    json = has(words, "--json"), quiet = has(words, "-q", "--quiet"), verbose = has(words, "-v", "--verbose"),
  }
end

local function run_shell(words, out)
  local parser = arguments.parser("", { summary = "a Lua prompt with a session" })
  local values = arguments.parse("", parser, words, {})
  local session <close> = new_session(values, out)
  return require("stlua.shell").run(session, out)
end

--- Run a command line; argv[0] is the program.
---@param argv string[]
---@return integer exit_status
function M.main(argv)
  local started_s = stlua.monotonic()
  stlua.catch_signals()
  io.stdout:setvbuf "line" -- in a log, lines of both streams stay in their order
  local command, words = split(argv)
  local out = output_for(words)
  if not command and has(words, "-h", "--help") then
    io.stdout:write(M.help(), "\n")
    return 0
  end
  if not command and has(words, "--version", "-V") then
    io.stdout:write("stlua ", stlua.version, "\n")
    return 0
  end
  if not command then
    local ok, status = xpcall(run_shell, keep_traceback, words, out)
    return ok and status or report_failure(out, nil, status)
  end
  if command == "run" and has(words, "--help", "-h") and not split(words) then words = { "--help" } end
  command, words = unwrap_run(command, words)
  local name = short_name(command)
  local ok, verdict, result, is_silent = xpcall(run_command, keep_traceback, command, words, out)
  if not ok then return report_failure(out, name, verdict) end
  if is_silent then return 0 end
  return report_success(out, name, verdict, result, started_s)
end

return M
