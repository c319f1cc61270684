--- A gang: several probes at once, a process each. They share the ledger only, so one that hangs or dies
--- takes nobody along; and a board that two of them see is refused to the second by the ledger.
local errors = require "stlua.errors"
local gang_slot = require "stlua.gang_slot"
local line_report = require "stlua.line_report"
local stlua = require "stlua"

local M = {}

local look_s = 0.02
local grace_s = 15 -- what a slot gets to record how its unit ended

---@class stlua.GangOptions
---@field slots { name: string, selector: string }[]
---@field command string[] the words before `--probe SELECTOR --slot NAME`
---@field silence_limit_s number?
---@field on_event fun(slot: stlua.GangSlot, event: table)?
---@field on_look fun(slots: stlua.GangSlot[])? after each round, for a table

--- "A=usb:1-4.2" words, or every ST-LINK on USB by its port.
---@param words string[]?
---@param found stlua.UsbFound[]
---@return { name: string, selector: string }[]
function M.slots(words, found)
  local slots, names, selectors = {}, {}, {}
  for _, text in ipairs(words or {}) do
    local name, selector = text:match "^([%w_.:-]+)=(.+)$"
    if not name then errors.raise("usage", "--slot A=usb:1-4.2", "%q is no NAME=PROBE", text) end
    slots[#slots + 1] = { name = name, selector = selector }
  end
  if #slots == 0 then
    for _, probe in ipairs(found) do slots[#slots + 1] = { name = probe.port, selector = probe.port } end
    table.sort(slots, function(a, b) return a.name < b.name end)
  end
  if #slots == 0 then
    errors.raise("no_probe", "plug them in; or name simulated ones: --slot A='sim:rak811?seed=1'", "no ST-LINK on USB")
  end
  for _, slot in ipairs(slots) do
    if names[slot.name] then errors.raise("usage", nil, "two slots are called %s", slot.name) end
    if selectors[slot.selector] then
      errors.raise("usage", nil, "slots %s and %s are the same probe, %s", selectors[slot.selector], slot.name, slot.selector)
    end
    names[slot.name], selectors[slot.selector] = true, slot.name
  end
  return slots
end

local function start(options)
  local slots = {}
  for i, slot in ipairs(options.slots) do
    local words = table.move(options.command, 1, #options.command, 1, {})
    for _, word in ipairs { "--probe", slot.selector, "--slot", slot.name } do words[#words + 1] = word end
    slots[i] = gang_slot.start(slot.name, slot.selector, words, options.silence_limit_s or 120)
  end
  return slots
end

-- Two probes on one board, or one board that two slots hold: named as what it is.
local function twin_of(slots, slot, uid)
  for _, other in ipairs(slots) do
    if other ~= slot and other.uid == uid then return other end
  end
end

local function any_running(slots)
  for _, slot in ipairs(slots) do
    if slot:is_running() then return true end
  end
  return false
end

local function watcher(options, slots, report)
  return function(slot, event)
    if event.event == "uid" then
      local twin = twin_of(slots, slot, event.uid)
      if twin then slot.twin, twin.twin = twin.name, slot.name end
    elseif event.event == "unit" then
      if slot.twin and event.result ~= "pass" then
        event.message = ("slots %s and %s see the same board, UID %s: %s"):format(slot.twin, slot.name, event.uid or "?",
          event.message or "?")
      end
      slot.twin = nil
      event.slot = slot.name
      report:add(event)
    end
    if options.on_event then options.on_event(slot, event) end
  end
end

local function look_at_all(options, slots, tell)
  for _, slot in ipairs(slots) do slot:look(tell) end
  if options.on_look then options.on_look(slots) end
  stlua.sleep(look_s)
end

-- All slots are asked to stop and get their time to record; whoever does not take it is ended.
local function stop_all(options, slots, tell)
  for _, slot in ipairs(slots) do
    if slot:is_running() then slot:stop "int" end
  end
  local give_up_s = stlua.monotonic() + grace_s
  while any_running(slots) and stlua.monotonic() < give_up_s do look_at_all(options, slots, tell) end
  for _, slot in ipairs(slots) do
    if slot:is_running() then slot:close() end
  end
end

--- Run all slots until each has ended, or Ctrl-C.
---@param options stlua.GangOptions
---@return stlua.LineReport
---@return stlua.GangSlot[]
---@return stlua.Error? why it stopped before its time
function M.run(options)
  local report = line_report.new(stlua.monotonic())
  local slots = start(options)
  local tell = watcher(options, slots, report)
  local ok, err = pcall(function()
    while any_running(slots) do look_at_all(options, slots, tell) end
  end)
  if not ok then
    -- what else comes now, a second Ctrl-C too, must not leave children behind
    local is_stopped, why = pcall(stop_all, options, slots, tell)
    for _, slot in ipairs(slots) do slot:close() end
    if not is_stopped then err = why end
  end
  if ok then return report, slots end
  return report, slots, errors.is_error(err) and err or errors.new("script", nil, "%s", tostring(err))
end

return M
