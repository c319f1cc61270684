-- tests/lua/support.lua: temporary folders, commands, simulated boards. For specs in tests/lua and tests/cli.
local stlua = require "stlua"

local M = {}

M.bin = assert(os.getenv "STLUA_BIN_DIR", "STLUA_BIN_DIR names the folder of stlua and stlua-sim")
M.source = assert(os.getenv "STLUA_SOURCE_DIR", "STLUA_SOURCE_DIR names the project")
M.images = M.source .. "/tests/data/images"
M.simulator = M.bin .. "/stlua-sim"

local folders, simulators = {}, {} -- what M.clean() takes away

local function quote(word) return "'" .. tostring(word):gsub("'", "'\\''") .. "'" end

M.quote = quote

--- A new folder; M.clean() removes all of them.
function M.folder()
  local pipe = assert(io.popen("mktemp -d"))
  local path = pipe:read("l")
  pipe:close()
  folders[#folders + 1] = path
  return path
end

function M.clean()
  for _, pid in ipairs(simulators) do os.execute("kill " .. pid .. " 2>/dev/null") end
  simulators = {}
  for _, path in ipairs(folders) do os.execute("rm -rf " .. quote(path)) end
  folders = {}
end

function M.write_file(path, bytes)
  local file = assert(io.open(path, "wb"))
  assert(file:write(bytes))
  file:close()
  return path
end

function M.read_file(path)
  local file = assert(io.open(path, "rb"))
  local bytes = file:read("a")
  file:close()
  return bytes
end

--- Bytes that look like firmware: nothing repeats, and nothing is 0x00.
function M.bytes(count, seed)
  local x, list = (seed or 1) * 2654435761 & 0xFFFFFFFF, {}
  for i = 1, count do
    x = (x * 1664525 + 1013904223) & 0xFFFFFFFF
    list[i] = string.char((x >> 24) % 255 + 1)
  end
  return table.concat(list)
end

-- Nothing of the person who runs the tests may leak into them.
local function environment(home, extra)
  local words = { "env", "-u", "STLUA_PROBE", "-u", "STLUA_PATH", "-u", "STLUA_SIM", "-u", "XDG_DATA_HOME",
    "HOME=" .. quote(home) }
  for name, value in pairs(extra or {}) do words[#words + 1] = name .. "=" .. quote(value) end
  return table.concat(words, " ")
end

--- Run a shell command; never raises for its exit status.
---@return { status: integer, out: string, err: string }
function M.shell(command, options)
  options = options or {}
  local folder = M.folder()
  local line = ("cd %s && { %s %s; } >%s/out 2>%s/err </dev/null"):format(quote(options.cwd or folder),
    environment(folder, options.env), command, folder, folder)
  if options.stdin then
    M.write_file(folder .. "/in", options.stdin)
    line = line:gsub("</dev/null$", "<" .. folder .. "/in")
  end
  local _, kind, status = os.execute(line)
  if kind == "signal" then status = 128 + status end
  return { status = status, out = M.read_file(folder .. "/out"), err = M.read_file(folder .. "/err") }
end

--- Run stlua with these words; `probe = "sim:..."`, `env`, `cwd`, `stdin` are options in the same table.
function M.stlua(words)
  local parts = { quote(M.bin .. "/stlua") }
  if words.probe then
    parts[#parts + 1] = "--probe " .. quote(words.probe)
  end
  for _, word in ipairs(words) do parts[#parts + 1] = quote(word) end
  return M.shell(table.concat(parts, " "), words)
end

--- The same, and it must succeed: otherwise everything it said is the failure.
function M.good(words)
  local result = M.stlua(words)
  if result.status ~= 0 then
    error(("stlua %s: exit status %d\n%s%s"):format(table.concat(words, " "), result.status, result.out, result.err), 2)
  end
  return result
end

--- The last line of a text.
function M.last_line(text) return text:match("([^\n]*)\n?$") end

--- Parsed JSON of a command that was given --json.
function M.json(words)
  words[#words + 1] = "--json"
  local result = M.stlua(words)
  local ok, object = pcall(require("cjson").decode, result.out)
  if not ok then error(("no JSON: %s\n%s%s"):format(object, result.out, result.err), 2) end
  return object, result
end

--- A state file that is not there yet, and the probe that uses it.
---@return string spec, string path
function M.board(name, keys)
  local path = M.folder() .. "/board.sim"
  local text = ("sim:%s?state=%s"):format(name, path)
  for key, value in pairs(keys or {}) do text = text .. "&" .. key .. "=" .. value end
  return text, path
end

--- A simulated board that is kept alive: the selector that joins it, and a function that says admin lines
--- to it while nobody else does. M.clean() ends it.
---@return string probe, fun(line: string): string
function M.listen(spec)
  local socket = M.folder() .. "/board"
  local pipe = assert(io.popen(("%s --listen %s %s >/dev/null 2>&1 & echo $!"):format(quote(M.simulator),
    quote(socket), quote(spec))))
  simulators[#simulators + 1] = pipe:read("l")
  pipe:close()
  for _ = 1, 200 do
    if stlua.file_kind(socket) then break end
    stlua.sleep(0.05)
  end
  return "sim:@" .. socket, function(line)
    local result = M.shell(("%s --admin %s %s"):format(quote(M.simulator), quote(socket), quote(line)))
    assert(result.status == 0, result.err)
    return result.out
  end, socket
end

--- A probe and a connection to a simulated board, opened directly.
function M.connect(spec, options)
  local probe = stlua.open_sim(spec or "rak5205", M.simulator)
  return probe, probe:connect(options or {})
end

--- The error a function raises; it must be one of ours with this code.
function M.raises(code, fn, ...)
  local ok, err = pcall(fn, ...)
  if ok then error("nothing was raised, " .. code .. " was expected", 2) end
  if type(err) ~= "table" or err.code ~= code then error(("%s was expected, not: %s"):format(code, tostring(err)), 2) end
  return err
end

return M
