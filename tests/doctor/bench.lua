--- tests/doctor/bench.lua: put a board of boards.lua on the bench, examine it.
local doctor = require "stlua.doctor"
local firmware = require "firmware"
local image = require "stlua.image"
local sessions = require "stlua.session"
local sim = require "stlua.sim"
local stlua = require "stlua"
local support = require "support"

local M = {}

local function poke_image(probe, bytes)
  for at = 1, #bytes, 128 do
    local hex = bytes:sub(at, at + 127):gsub(".", function(c) return ("%02X"):format(c:byte()) end)
    probe:admin(("poke 0x%08X %s"):format(firmware.flash_addr + at - 1, hex))
  end
end

local function attach(probe, board)
  local dap = probe:connect { mode = "hotplug" }
  board.prepare(dap)
  if board.is_left_halted then dap:close_halted() else dap:close() end
end

-- A new board, powered with its firmware in it, and with what happened to it before we came. A probe that
-- cannot even be opened is as the examination will find it.
local function set_up(session, board)
  local is_open, probe = pcall(function() return session.probe end)
  if not is_open then return end
  local bytes = board.flash == nil and firmware.image() or board.flash
  if bytes then poke_image(probe, bytes) end
  for _, line in ipairs(board.admin or {}) do probe:admin(line) end
  if not (board.keys and board.keys.power) then probe:admin "power cycle" end
  if board.sleep_s then stlua.sleep(board.sleep_s, probe) end
  for _, line in ipairs(board.after or {}) do probe:admin(line) end
  if board.prepare then attach(probe, board) end
end

local function image_of(board)
  if not board.image then return nil end
  local whole = image.new()
  for _, part in ipairs(board.image) do whole:add(part[1], ("\x5A"):rep(part[2])) end
  return whole
end

--- A board whose probe another program, this one, has open: its selector, and the probe that holds it.
function M.held_elsewhere(spec)
  local selector, _, socket = support.listen(spec:match("^sim:(.*)"))
  local is_joined, probe
  for _ = 1, 1000 do -- the socket's name is there a moment before anybody listens
    is_joined, probe = pcall(stlua.join_sim, socket)
    if is_joined or probe.code ~= "no_probe" then break end
    stlua.sleep(0.01)
  end
  assert(is_joined, tostring(probe))
  return selector, probe
end

--- A session with the board.
---@return stlua.Session
function M.session(board)
  local options = { probe = sim.spec(board.board or "rak5205", board.keys) }
  if board.is_held then options.probe, board.holder = M.held_elsewhere(options.probe) end
  for key, value in pairs(board.options or {}) do options[key] = value end
  local session = sessions.new(options)
  set_up(session, board)
  return session
end

---@param board table
---@param options { may_reset: boolean? }?
---@return stlua.Diagnosis
function M.examine(board, options)
  local session <close> = M.session(board)
  return doctor.examine(session, { image = image_of(board), may_reset = (options or {}).may_reset })
end

--- The ids of the findings, the most likely cause first.
function M.ids(diagnosis)
  local ids = {}
  for i, finding in ipairs(diagnosis.findings) do ids[i] = finding.id end
  return ids
end

--- Everything a person needs to see why a test failed.
function M.report(diagnosis)
  local lines = {}
  for i, row in ipairs(diagnosis.rows) do lines[i] = ("  %-18s %-4s %s"):format(row.id, row.verdict, row.text) end
  return table.concat(lines, "\n")
end

return M
