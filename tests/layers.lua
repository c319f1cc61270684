-- tests/layers.lua: each folder includes only what the house allows (ARCHITECTURE.md, "Layers").
-- Usage: lua5.4 tests/layers.lua REPOSITORY
local root = arg[1] or "."

-- What a folder may include, by public header and by folder of private headers.
local allowed = {
  ["core/base"] = { "error", "clock", "log", "bytes" },
  ["core/transport"] = { "error", "clock", "log", "bytes", "transport", "trace", "sim_wire" },
  ["core/probe"] = { "error", "clock", "log", "bytes", "transport", "probe" },
  ["core/dap"] = { "error", "clock", "log", "bytes", "probe", "dap" },
  ["core/loader"] = { "error", "clock", "log", "bytes", "dap", "loader" },
  ["core/nvm"] = { "error", "clock", "log", "bytes", "dap", "loader", "image", "nvm" },
  ["core/image"] = { "error", "bytes", "image", "crc" },
  ["core/sim"] = { "error", "bytes", "sim_wire" },
}
-- Headers of others that only one place may include.
local reserved = {
  ["libusb.h"] = "^core/transport/usb",
  ["lua.h"] = "^lua/",
  ["lauxlib.h"] = "^lua/",
  ["lualib.h"] = "^lua/",
  ["unicorn/unicorn.h"] = "^core/sim/",
  ["libelf.h"] = "^core/image/elf",
}

local failures, files = {}, 0

local function set(list)
  local s = {}
  for _, name in ipairs(list) do s[name] = true end
  return s
end

local function check(path, layer)
  local may = set(allowed[layer])
  files = files + 1
  local number = 0
  for line in io.lines(root .. "/" .. path) do
    number = number + 1
    local own = line:match('^%s*#%s*include%s+"([^"]+)"')
    local system = line:match("^%s*#%s*include%s+<([^>]+)>")
    local public = own and own:match("^stl/([%w_]+)%.h$")
    if public and not may[public] then
      failures[#failures + 1] = ("%s:%d: %s may not include %s"):format(path, number, layer, own)
    elseif own and not public and own:match("/") then
      local folder = "core/" .. own:match("^([^/]+)/")
      -- a folder of its own below the layer, or the layer itself
      if allowed[folder] and folder ~= layer then
        failures[#failures + 1] = ("%s:%d: %s may not include %s"):format(path, number, layer, own)
      end
    end
    for header, place in pairs(reserved) do
      if (own == header or (system and system:gsub("^libusb%-1%.0/", "") == header)) and not path:match(place) then
        failures[#failures + 1] = ("%s:%d: %s belongs to %s only"):format(path, number, header, place)
      end
    end
    -- core/ prints nothing, ends nothing, reads no environment
    if not layer:match("sim$") then
      local code = (" " .. line):gsub("/%*.*", ""):gsub("%->", "__")
      if line:match("^%s*%*") then code = "" end
      for _, call in ipairs { "printf", "puts", "exit", "abort", "getenv", "sleep", "usleep" } do
        if code:match("[^%w_]" .. call .. "%s*%(") then
          failures[#failures + 1] = ("%s:%d: core may not call %s"):format(path, number, call)
        end
      end
      if code:match("stdout") or code:match("stderr") then
        failures[#failures + 1] = ("%s:%d: core prints nothing"):format(path, number)
      end
    end
  end
end

for layer in pairs(allowed) do
  local pipe = assert(io.popen(("cd '%s' && find %s -name '*.[ch]' 2>/dev/null"):format(root, layer)))
  for path in pipe:lines() do check(path, layer) end
  pipe:close()
end

table.sort(failures)
for _, text in ipairs(failures) do print(text) end
print(("layers: %d files looked at, %d violations"):format(files, #failures))
assert(files > 20, "too few files found: is the path right?")
os.exit(#failures == 0 and 0 or 1)
