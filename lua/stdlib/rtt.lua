--- SEGGER RTT from the host's side: find the control block in target RAM, read up channels, write down ones.
--- The block: 16 characters "SEGGER RTT", the number of up and of down channels, then 24 bytes for each: name,
--- buffer, size, write offset, read offset, flags. Nothing in it is believed before it is checked: RAM may
--- hold anything, and a firmware that crashed scribbles.
local errors = require "stlua.errors"
local memory = require "stlua.memory"
local wait = require "stlua.wait"

local M = {}

local magic = "SEGGER RTT\0\0\0\0\0\0"
local head_bytes, channel_bytes = 24, 24
local most_channels = 32
local name_room = 32
local scan_bytes = 4096

---@class stlua.RttChannel
---@field name string
---@field at integer its description
---@field buffer_addr integer
---@field byte_count integer 0: not in use
---@field flags integer

---@class stlua.Rtt
---@field session stlua.Session
---@field addr integer
---@field up stlua.RttChannel[] channel 0 is up[1]
---@field down stlua.RttChannel[]
local Rtt = {}
Rtt.__index = Rtt

local function ram(session)
  local base = session.target.family.ram.base_addr
  return base, base + math.max(session.target.ram_bytes, session.target.variant.ram_max_bytes)
end

local function is_in_ram(session, addr, byte_count)
  local base, end_addr = ram(session)
  return addr >= base and byte_count >= 0 and addr + byte_count <= end_addr
end

-- ---- finding ----

-- Read on as far as there is RAM: where the part is not known, the first fault is its end.
local function read_ram(session, addr, byte_count)
  local ok, bytes = pcall(session.dap.read, session.dap, addr, byte_count)
  if ok then return bytes end
  local base = ram(session)
  if errors.is_error(bytes) and bytes.code == "dap_fault" and addr >= base + session.target.ram_bytes then return "" end
  error(bytes, 0)
end

--- Where a control block stands: every word-aligned one from first_addr on.
---@param session stlua.Session
---@return integer[]
function M.scan(session)
  local addr, end_addr = ram(session)
  local base, parts = addr, {}
  while addr < end_addr do
    local bytes = read_ram(session, addr, math.min(scan_bytes, end_addr - addr))
    if bytes == "" then break end
    parts[#parts + 1] = bytes
    addr = addr + #bytes
  end
  local all, found, at = table.concat(parts), {}, 1
  while true do
    at = all:find(magic, at, true)
    if not at then return found end
    if (at - 1) % 4 == 0 then found[#found + 1] = base + at - 1 end
    at = at + 1
  end
end

-- ---- checking ----

local function garbled(addr, text, ...)
  errors.raise("format", "is the firmware still running, and is it the one whose RTT you mean?",
    "the RTT control block at 0x%08X makes no sense: " .. text, addr, ...)
end

local function read_name(session, addr)
  if addr == 0 then return "" end
  local ok, bytes = memory.pcall(session.dap.read, session.dap, addr, name_room)
  local text = ok and bytes:match("^([^%z]*)%z") or ""
  return text:find "[^\32-\126]" and "" or text
end

local function check_channel(self, direction, index, at)
  local name_addr, buffer_addr, byte_count, wr, rd, flags = table.unpack(self.session.dap:read32(at, 6))
  if byte_count > 0 then
    if not is_in_ram(self.session, buffer_addr, byte_count) then
      garbled(self.addr, "%s channel %d has its buffer at 0x%08X, %d bytes, outside of RAM", direction, index, buffer_addr,
        byte_count)
    end
    if buffer_addr < self.end_addr and buffer_addr + byte_count > self.addr then
      garbled(self.addr, "the buffer of %s channel %d lies in the block itself", direction, index)
    end
    if wr >= byte_count or rd >= byte_count then
      garbled(self.addr, "%s channel %d: write offset %d, read offset %d, and a buffer of %d bytes", direction, index, wr,
        rd, byte_count)
    end
  end
  return { name = read_name(self.session, name_addr), at = at, buffer_addr = buffer_addr, byte_count = byte_count,
    flags = flags, direction = direction, index = index }
end

-- The block at addr; nil if the firmware has not set it up yet. Raises: format.
local function check(session, addr)
  if addr % 4 ~= 0 or not is_in_ram(session, addr, head_bytes) then
    errors.raise("range", nil, "no RTT control block can stand at 0x%08X: that is not in RAM", addr)
  end
  local head = session.dap:read(addr, head_bytes)
  if head:sub(1, 16) ~= magic then return nil end
  local up_count, down_count = ("<i4i4"):unpack(head, 17)
  if up_count == 0 and down_count == 0 then return nil end
  if up_count < 0 or down_count < 0 or up_count + down_count > most_channels then
    garbled(addr, "%d up and %d down channels", up_count, down_count)
  end
  local end_addr = addr + head_bytes + channel_bytes * (up_count + down_count)
  if not is_in_ram(session, addr, end_addr - addr) then garbled(addr, "it reaches out of RAM") end
  local self = setmetatable({ session = session, addr = addr, end_addr = end_addr, up = {}, down = {} }, Rtt)
  for i = 1, up_count do self.up[i] = check_channel(self, "up", i - 1, addr + head_bytes + channel_bytes * (i - 1)) end
  for i = 1, down_count do
    self.down[i] = check_channel(self, "down", i - 1, addr + head_bytes + channel_bytes * (up_count + i - 1))
  end
  return self
end

--- The control block: at addr, or wherever in RAM there is one that makes sense. nil: there is none yet.
--- Raises: format (garbled), range.
---@param session stlua.Session
---@param addr integer?
---@return stlua.Rtt?
function M.find(session, addr)
  if addr then return check(session, addr) end
  local last_error
  for _, candidate in ipairs(M.scan(session)) do
    local ok, found = pcall(check, session, candidate)
    if ok and found then return found end
    if not ok and not (errors.is_error(found) and found.code == "format") then error(found, 0) end
    last_error = not ok and found or last_error
  end
  if last_error then error(last_error, 0) end
end

--- The same, waiting for a firmware that has just been started.
---@param session stlua.Session
---@param options { addr: integer?, time_limit_s: number? }?
---@return stlua.Rtt
function M.open(session, options)
  options = options or {}
  local time_limit_s, found = options.time_limit_s or 2, nil
  wait.until_true(session, time_limit_s, function()
    found = M.find(session, options.addr)
    return found ~= nil
  end)
  if found then return found end
  errors.raise("self_test", "does this firmware use RTT, and does it run? `stlua reset` starts it",
    "no RTT control block %s after %.1f s", options.addr and ("at 0x%08X"):format(options.addr) or "in RAM",
    time_limit_s)
end

--- Make sure that the block of an earlier run is not taken for a new one. The core is halted.
---@param session stlua.Session
---@param addr integer?
function M.forget(session, addr)
  for _, at in ipairs(addr and { addr } or M.scan(session)) do session.dap:write(at, ("\0"):rep(#magic)) end
end

-- ---- channels ----

local function channel_of(self, direction, index)
  local channel = self[direction][index + 1]
  if not channel or channel.byte_count == 0 then
    errors.raise("argument", nil, "this firmware has no %s channel %d (it has %d)", direction, index, #self[direction])
  end
  return channel
end

-- Write and read offset as they stand, checked anew each time.
local function offsets(self, channel)
  local wr, rd = table.unpack(self.session.dap:read32(channel.at + 12, 2))
  if wr >= channel.byte_count or rd >= channel.byte_count then
    garbled(self.addr, "%s channel %d: write offset %d, read offset %d, and a buffer of %d bytes", channel.direction,
      channel.index, wr, rd, channel.byte_count)
  end
  return wr, rd
end

--- What the target has written to an up channel since it was last read; "" if nothing. Does not wait.
---@param index integer? 0
---@return string
function Rtt:read(index)
  local channel, dap = channel_of(self, "up", index or 0), self.session.dap
  local wr, rd = offsets(self, channel)
  if wr == rd then return "" end
  local bytes
  if wr > rd then
    bytes = dap:read(channel.buffer_addr + rd, wr - rd)
  else
    bytes = dap:read(channel.buffer_addr + rd, channel.byte_count - rd) .. (wr > 0 and dap:read(channel.buffer_addr, wr) or "")
  end
  dap:write32(channel.at + 16, wr)
  return bytes
end

--- Write to a down channel as much as there is room for. Does not wait.
---@param index integer
---@param bytes string
---@return integer written_count
function Rtt:write(index, bytes)
  local channel, dap = channel_of(self, "down", index), self.session.dap
  local wr, rd = offsets(self, channel)
  local count = math.min(#bytes, (rd - wr - 1) % channel.byte_count)
  local first = math.min(count, channel.byte_count - wr)
  if first > 0 then dap:write(channel.buffer_addr + wr, bytes:sub(1, first)) end
  if count > first then dap:write(channel.buffer_addr, bytes:sub(first + 1, count)) end
  if count > 0 then dap:write32(channel.at + 12, (wr + count) % channel.byte_count) end
  return count
end

--- Write all of it, waiting for the target to make room. Raises: self_test.
---@param index integer
---@param bytes string
---@param time_limit_s number?
function Rtt:send(index, bytes, time_limit_s)
  local sent = 0
  local is_sent = wait.until_true(self.session, time_limit_s or 2, function()
    sent = sent + self:write(index, bytes:sub(sent + 1))
    return sent == #bytes
  end)
  if not is_sent then
    errors.raise("self_test", nil, "the target takes nothing from RTT down channel %d: %d of %d bytes after %.1f s", index,
      sent, #bytes, time_limit_s or 2)
  end
end

return M
