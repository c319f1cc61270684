-- A key that was wiped is nowhere in the heap of the stlua command any more: another process looks.
local stlua = require "stlua"
local support = require "support"

local secret_bytes = 4096

-- The same bytes in both processes, written down in neither.
local generator = [[
local function generate()
  local bytes, state = {}, 12345
  for i = 1, 4096 do
    state = (state * 1103515245 + 12345) & 0x7FFFFFFF
    bytes[i] = string.char(state >> 16 & 0xFF)
  end
  return table.concat(bytes)
end
]]

local child = generator .. [[
local secret, folder = require "stlua.identity_secret", ...
local held = secret.new(generate())
local function tell_and_wait(name)
  io.open(folder .. "/" .. name, "w"):close()
  while not require("stlua").file_kind(folder .. "/" .. name .. "-seen") do require("stlua").sleep(0.01) end
end
collectgarbage()
tell_and_wait "held"
held:wipe()
collectgarbage()
collectgarbage()
tell_and_wait "wiped"
]]

-- How often a piece from the middle of the secret stands in the writable memory of a process, its stack left
-- out; nil where the system does not let us look.
local function count_in_heap(pid, piece)
  local memory = io.open("/proc/" .. pid .. "/mem", "rb")
  if not memory then return nil end
  local count = 0
  for line in io.lines("/proc/" .. pid .. "/maps") do
    local first, past, rights, name = line:match "^(%x+)%-(%x+) (%S+) %S+ %S+ %S+%s*(.*)$"
    if rights:match "^rw" and (name == "" or name == "[heap]") then
      local from, size = tonumber(first, 16), tonumber(past, 16) - tonumber(first, 16)
      local bytes = size < 1 << 28 and memory:seek("set", from) and memory:read(size) or ""
      local at = 0
      repeat
        at = bytes:find(piece, at + 1, true)
        count = count + (at and 1 or 0)
      until not at
    end
  end
  memory:close()
  return count
end

describe("a wiped secret", function()
  teardown(support.clean)

  it("is nowhere in the heap any more", function()
    local folder = support.folder()
    support.write_file(folder .. "/child.lua", child)
    local piece = load(generator .. "return generate()")():sub(secret_bytes // 2, secret_bytes // 2 + 31)
    local process <close> = stlua.spawn { support.bin .. "/stlua", folder .. "/child.lua", folder }
    local function wait_for(name)
      while not stlua.file_kind(folder .. "/" .. name) do
        assert.is_nil(process:status())
        stlua.sleep(0.01)
      end
    end
    wait_for "held"
    local held = count_in_heap(process:pid(), piece)
    if not held then return pending "SKIPPED: the memory of another process cannot be read here" end
    assert.is_true(held >= 1, "the search finds nothing at all")
    support.write_file(folder .. "/held-seen", "")
    wait_for "wiped"
    assert.equal(0, count_in_heap(process:pid(), piece))
    support.write_file(folder .. "/wiped-seen", "")
  end)
end)
