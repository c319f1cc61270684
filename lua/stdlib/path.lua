--- Where scripts, modules and targets are found: the project's folder ./stlua, each folder of
--- $STLUA_PATH, the user's data folder, the installed one, and the copies in the binary, in this order.
---
--- Each of these folders may hold commands (NAME.lua or scripts/NAME.lua), modules of stlua
--- (stlua/NAME.lua or lua/stdlib/NAME.lua), jobs (jobs/NAME.lua or scripts/jobs/NAME.lua), and chips and
--- boards (targets/, targets/boards/). So a checkout of the project is such a folder, too. Jobs have no copies
--- in the binary: their firmware lies beside them.
---
--- This file is loaded by luaopen_stlua, before anything can be required.
local stlua = ...

local M = {}

local project_folder = "stlua"

---@return string[] folders in the order of search; the copies in the binary come after them
function M.folders()
  local list = { project_folder }
  for folder in (os.getenv("STLUA_PATH") or ""):gmatch("[^:]+") do list[#list + 1] = folder end
  local home = os.getenv("HOME")
  local data = os.getenv("XDG_DATA_HOME") or (home and home .. "/.local/share")
  if data and data ~= "" then list[#list + 1] = data .. "/stlua" end
  local executable = stlua.executable()
  local prefix = executable and executable:match("^(.*)/bin/[^/]*$")
  if prefix then list[#list + 1] = prefix .. "/share/stlua" end
  return list
end

-- For each kind of file its places below a search folder; the last one is its name in the binary.
local places = {
  script = { "%s.lua", "scripts/%s.lua" },
  module = { "stlua/%s.lua", "lua/stdlib/%s.lua" },
  target = { "targets/%s.lua" },
  board = { "targets/boards/%s.lua" },
  job = { "jobs/%s.lua", "scripts/jobs/%s.lua" },
}

local function read_file(path)
  local file = io.open(path, "rb")
  local text = file and file:read("a")
  if file then file:close() end
  return text
end

--- Find a file by kind and name.
---@param kind "script"|"module"|"target"|"board"|"job"
---@param name string
---@return string? text
---@return string? name_in_tracebacks its path, or its name in the project for a copy in the binary
---@return string[] tried every place looked at, if nothing was found
function M.find(kind, name)
  local tried = {}
  if not name:match("^[%w_][%w_%-%.]*$") then return nil, nil, tried end -- no way out of the folder
  for _, folder in ipairs(M.folders()) do
    for _, place in ipairs(places[kind]) do
      local path = folder .. "/" .. place:format(name)
      local text = stlua.file_kind(path) == "file" and read_file(path)
      if text then return text, path, tried end
      tried[#tried + 1] = path
    end
  end
  local embedded = places[kind][#places[kind]]:format(name)
  local text = stlua.embedded_read(embedded)
  if text then return text, embedded, tried end
  tried[#tried + 1] = embedded .. " in the binary"
  return nil, nil, tried
end

--- The names of all files of a kind, each once, sorted.
---@param kind "script"|"module"|"target"|"board"|"job"
---@return string[]
function M.names(kind)
  local seen, names = {}, {}
  local function take(name)
    if name and not seen[name] then
      seen[name] = true
      names[#names + 1] = name
    end
  end
  for _, folder in ipairs(M.folders()) do
    for _, place in ipairs(places[kind]) do
      local below = place:match("^(.*)/") or ""
      for _, file in ipairs(stlua.list_folder(folder .. "/" .. below) or {}) do
        take(file:match("^([%w_][%w_%-%.]*)%.lua$"))
      end
    end
  end
  local prefix = places[kind][#places[kind]]:match("^(.*)%%s")
  for _, name in ipairs(stlua.embedded_names()) do
    if name:sub(1, #prefix) == prefix then take(name:sub(#prefix + 1):match("^([%w_][%w_%-%.]*)%.lua$")) end
  end
  table.sort(names)
  return names
end

--- Load Lua text under its name, never bytecode.
function M.load(text, name, env)
  text = text:gsub("^#[^\n]*", "", 1) -- a script may be executable
  local chunk, why = load(text, "@" .. name, "t", env or _G)
  if not chunk and why == "not enough memory" then error(why, 0) end -- which says nothing of the text
  return chunk, why
end

-- require "stlua.NAME"
local function searcher(module)
  local name = module:match("^stlua%.([%w_]+)$")
  if not name then return nil end
  local text, path, tried = M.find("module", name)
  if not text then return "\n\tno file '" .. table.concat(tried, "'\n\tno file '") .. "'" end
  local chunk, why = M.load(text, path)
  if not chunk then error(("error loading module '%s':\n\t%s"):format(module, why), 0) end
  return chunk, path
end

table.insert(package.searchers, 2, searcher)

--- Load a module that is asked for before the search path is installed; for stlua.so.
---@param module string
function M.open(module)
  local loaded = package.loaded[module]
  if loaded ~= nil then return loaded end
  local chunk, where = searcher(module)
  if type(chunk) ~= "function" then error(chunk or ("there is no module " .. module), 0) end
  return chunk(module, where)
end

return M
