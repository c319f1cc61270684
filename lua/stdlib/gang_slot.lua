--- One slot of a gang: a process of its own that runs `stlua batch JOB --events` on one probe, and what is
--- known of it from what it says. It never waits: look() takes what has come.
local json = require "stlua.ledger_json"
local memory = require "stlua.memory"
local stlua = require "stlua"

local M = {}

---@class stlua.GangSlot
---@field name string
---@field selector string
---@field state "starting"|"waiting"|"working"|"leaving"|"probe lost"|"ended"
---@field step string?
---@field percent integer?
---@field uid string? of the board that is being worked on
---@field unit stlua.LineUnit? the last one that was done
---@field passed integer
---@field failed integer
---@field problem stlua.Error? why it ended before its time
local Slot = {}
Slot.__index = Slot

local stderr_room = 2000

---@param name string
---@param selector string
---@param words string[] the command
---@param silence_limit_s number how long it may say nothing while it works
---@return stlua.GangSlot
function M.start(name, selector, words, silence_limit_s)
  return setmetatable({ name = name, selector = selector, process = stlua.spawn(words), state = "starting", rest = "",
    complaint = "", passed = 0, failed = 0, heard_s = stlua.monotonic(), silence_limit_s = silence_limit_s }, Slot)
end

local on = {}

function on.waiting(self) self.state, self.step, self.percent, self.uid = "waiting", nil, nil, nil end
function on.leaving(self) self.state = "leaving" end
function on.found(self) self.state, self.unit = "working", nil end
function on.uid(self, event) self.uid = event.uid end
function on.probe_lost(self, event) self.state, self.message = "probe lost", event.message end
function on.progress(self, event) self.percent = event.percent end
function on.warning() end
function on.retry() end

function on.step(self, event)
  self.state, self.step, self.percent = "working", event.step, nil
end

function on.unit(self, event)
  self.unit, self.step, self.percent, self.uid, self.state = event, nil, nil, nil, "leaving"
  if event.result == "pass" then self.passed = self.passed + 1 else self.failed = self.failed + 1 end
end

on["end"] = function(self, event)
  self.has_said_end = true
  if event.code and event.code ~= "interrupted" then
    self.problem = { code = event.code, message = event.message, hint = event.hint }
  end
end

-- Whole lines of JSON; the verdict at the end is for people.
local function take_events(self, bytes, tell)
  self.rest = self.rest .. bytes
  for line in self.rest:gmatch "([^\n]*)\n" do
    local ok, event = memory.pcall(json.decode, line:sub(1, 1) == "{" and line or "null")
    if ok and type(event) == "table" and on[event.event] then
      on[event.event](self, event)
      tell(self, event)
    end
  end
  self.rest = self.rest:match "([^\n]*)$"
end

-- A unit that was begun and has no result: its process took the reason with it.
local function lose_unit(self, code, message, tell)
  self.problem = self.problem or { code = code, message = message,
    hint = "`stlua ledger recover` closes what it had reserved; do the board again" }
  if self.state ~= "working" then return end
  local unit = { event = "unit", result = "fail", uid = self.uid, slot = self.name, code = code, message = message, step = self.step,
    elapsed_s = 0 }
  on.unit(self, unit)
  tell(self, unit)
end

local function check_silence(self, tell)
  local silent_s = stlua.monotonic() - self.heard_s
  if self.state ~= "working" or silent_s < self.silence_limit_s then return end
  self.process:kill "kill"
  lose_unit(self, "timeout", ("slot %s has said nothing for %.0f s in step %s; its process was ended"):format(self.name,
    silent_s, self.step or "?"), tell)
end

local function end_of_process(self, status, tell)
  if not self.has_said_end and not self.problem then
    local complaint = self.complaint:match "([^\n]+)\n?$"
    lose_unit(self, "internal", ("the process of slot %s ended with status %d%s"):format(self.name, status,
      complaint and ": " .. complaint or " and said nothing"), tell)
  end
  self.state = "ended"
  self.process:close()
end

--- Take what the process has said since, and tell it to whom it concerns.
---@param tell fun(slot: stlua.GangSlot, event: table)
function Slot:look(tell)
  if self.state == "ended" then return end
  local status = self.process:status() -- before reading, so that nothing it said last is missed
  local bytes = self.process:read "stdout"
  if bytes and bytes ~= "" then
    self.heard_s = stlua.monotonic()
    take_events(self, bytes, tell)
  end
  self.complaint = (self.complaint .. (self.process:read "stderr" or "")):sub(-stderr_room)
  if status then return end_of_process(self, status, tell) end
  check_silence(self, tell)
end

function Slot:is_running() return self.state ~= "ended" end

--- Ask it to stop: it finishes recording, and ends. "kill" does not ask.
---@param how "int"|"kill"
function Slot:stop(how) self.process:kill(how) end

function Slot:close()
  self.process:close()
  self.state = "ended"
end

return M
