-- lua/meta/stlua.lua and what is bound have the same names.
local stlua = require "stlua"
local support = require "support"

-- "stlua.open_usb" -> in the list of "stlua"; variables of the meta file name the types.
local function declared()
  local text = support.read_file(support.source .. "/lua/meta/stlua.lua")
  local names = {}
  for owner, name in text:gmatch("\nfunction ([%w_]+)[%.:]([%w_]+)") do
    names[owner] = names[owner] or {}
    names[owner][name] = true
  end
  return names
end

-- Only what is written in C: what lua/stdlib adds to images is annotated where it is.
local function functions_of(map)
  local names = {}
  for name, value in pairs(map) do
    if type(value) == "function" and debug.getinfo(value, "S").what == "C" then names[name] = true end
  end
  return names
end

-- The methods of userdata, through the protected metatable.
local function methods_of(value) return functions_of(debug.getmetatable(value).__index) end

local function bound()
  local probe, dap = support.connect()
  local targets = require "stlua.targets"
  local nvm = dap:nvm(targets.nvm_config(targets.identify(dap)))
  local image = stlua.image.new():add(0x08000000, "abcd")
  local names = {
    stlua = functions_of(stlua), image = functions_of(stlua.image), probe = methods_of(probe),
    process = methods_of(stlua.spawn { "true" }),
    dap = methods_of(dap), nvm = methods_of(nvm), plan = methods_of(nvm:plan(image)), Image = methods_of(image),
    crc = functions_of(stlua.crc), Crc = methods_of(stlua.crc.new("crc-32")),
  }
  probe:close()
  return names
end

local function missing(from, in_these)
  local list = {}
  for owner, names in pairs(from) do
    for name in pairs(names) do
      if not (in_these[owner] or {})[name] then list[#list + 1] = owner .. "." .. name end
    end
  end
  table.sort(list)
  return list
end

describe("the annotations", function()
  it("declare every bound function", function() assert.same({}, missing(bound(), declared())) end)
  it("declare nothing else", function() assert.same({}, missing(declared(), bound())) end)
end)
