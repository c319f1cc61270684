--- Self-test: let the firmware run, talk to it by RTT or through a mailbox in RAM, judge what it says by
--- limits. Before the lock, since under RDP level 1 nothing runs while a debugger is attached.
local errors = require "stlua.errors"
local mailbox = require "stlua.mailbox"
local memory = require "stlua.memory"
local nearest = require "stlua.nearest"
local rtt = require "stlua.rtt"
local wait = require "stlua.wait"

local M = {}

---@class stlua.SelftestSpec
---@field via "rtt"|"mailbox"|nil "rtt"
---@field symbol string? where the block is, by name: "_SEGGER_RTT", "g_mailbox"
---@field addr integer? the same by address; for RTT RAM is searched when neither is known
---@field magic integer? first word of the mailbox
---@field channel integer? RTT channel for both ways, 0
---@field time_limit_s number? for all of it, 10
---@field measurements stlua.SelftestStep[]

---@class stlua.SelftestStep
---@field name string
---@field unit string?
---@field time_limit_s number? 2
---@field min number?
---@field max number?
---@field equals any a value, or a function(session) that gives it
---@field convert fun(value: any): any? from what the firmware says to what is judged
---@field send string? RTT: what to say first
---@field expect string? RTT: a Lua pattern; its capture is the value. One line otherwise
---@field command integer? mailbox
---@field args integer[]|fun(session: stlua.Session): integer[]|nil mailbox: up to two words

local symbol_of = { rtt = "_SEGGER_RTT", mailbox = "g_mailbox" }
local default_limit_s, default_step_limit_s = 10, 2

-- ---- the spec ----

local spec_fields = { via = "string", symbol = "string", addr = "integer", magic = "integer", channel = "integer",
  time_limit_s = "number", measurements = "table" }

local step_fields = { name = "string", unit = "string", time_limit_s = "number", min = "number", max = "number",
  equals = "any", convert = "function", send = "string", expect = "string", command = "integer", args = "any" }

local belongs = { send = "rtt", expect = "rtt", channel = "rtt", command = "mailbox", args = "mailbox", magic = "mailbox" }

local function kind_of(value) return math.type(value) == "integer" and "integer" or type(value) end

local function fits(value, kind)
  local found = kind_of(value)
  return kind == "any" or found == kind or kind == "number" and found == "integer"
end

local function check_fields(what, values, known, via)
  local names = {}
  for name in pairs(known) do names[#names + 1] = name end
  table.sort(names)
  for name, value in pairs(values) do
    local kind = known[name]
    if not kind then
      errors.raise("argument", nearest.hint(tostring(name), names) or "there are " .. table.concat(names, ", "),
        "%s has no field `%s`", what, tostring(name))
    end
    if not fits(value, kind) then
      errors.raise("argument", nil, "%s: `%s` must be %s, not %s", what, name, kind, kind_of(value))
    end
    if belongs[name] and belongs[name] ~= via then
      errors.raise("argument", nil, "%s: `%s` belongs to a self-test by %s, this one is by %s", what, name, belongs[name], via)
    end
  end
end

local function check_step(step, index, via, seen)
  if type(step) ~= "table" or type(step.name) ~= "string" or step.name == "" then
    errors.raise("argument", 'as in { name = "supply", send = "vdd\\n", min = 3000 }', "measurement %d has no name", index)
  end
  local what = "measurement " .. step.name
  if seen[step.name] then errors.raise("argument", nil, "there are two measurements `%s`", step.name) end
  seen[step.name] = true
  check_fields(what, step, step_fields, via)
  if step.min == nil and step.max == nil and step.equals == nil then
    errors.raise("argument", "give it min, max or equals; a value that cannot fail proves nothing", "%s has no limit", what)
  end
  if step.min and step.max and step.min > step.max then errors.raise("argument", nil, "%s: min is above max", what) end
  if via == "mailbox" and not step.command then errors.raise("argument", nil, "%s has no `command`", what) end
  if step.expect and not memory.pcall(string.find, "", step.expect) then
    errors.raise("argument", "it is a Lua pattern", "%s: %q is no pattern", what, step.expect)
  end
end

--- Look a spec over. Raises: argument, with the nearest name for an unknown one.
---@param spec stlua.SelftestSpec
---@return stlua.SelftestSpec spec
function M.check(spec)
  if type(spec) ~= "table" then errors.raise("argument", nil, "a self-test is a table") end
  local via = spec.via or "rtt"
  if not symbol_of[via] then
    errors.raise("argument", nearest.hint(tostring(via), { "rtt", "mailbox" }) or "via = \"rtt\" or \"mailbox\"",
      "a self-test cannot go via %q", tostring(via))
  end
  check_fields("the self-test", spec, spec_fields, via)
  if not spec.measurements or #spec.measurements == 0 then
    errors.raise("argument", "a self-test that measures nothing always passes", "the self-test has no measurements")
  end
  local seen = {}
  for i, step in ipairs(spec.measurements) do check_step(step, i, via, seen) end
  return spec
end

-- ---- where to talk ----

-- The address of the block: given, or by symbol from an image that has symbols. nil: unknown.
local function block_addr(spec, image)
  if spec.addr then return spec.addr end
  local via = spec.via or "rtt"
  local name = spec.symbol or symbol_of[via]
  local has_symbols = image and #image:symbols() > 0
  if has_symbols then
    local ok, symbol = memory.pcall(image.symbol, image, name)
    if ok then return symbol.addr end
    if spec.symbol or via == "mailbox" then error(symbol, 0) end
  elseif spec.symbol or via == "mailbox" then
    errors.raise("argument", "program the ELF file, or give the block's `addr`",
      "the self-test looks for symbol %s, and this image has no symbols", name)
  end
end

-- Start the firmware from reset, with nothing left in RAM that looks like an answer.
local function start(session, spec, addr)
  local nvm = rawget(session, "nvm")
  if nvm then
    nvm:close() -- clocks as after reset, the controller locked
    session.nvm = nil
  end
  session.dap:reset { kind = "system", halt = true }
  if spec.via == "mailbox" then mailbox.forget(session, addr) else rtt.forget(session, addr) end
  session.dap:run()
end

-- ---- measuring ----

local talk = {}

function talk.mailbox(session, spec, addr, time_limit_s)
  local box = mailbox.open(session, { addr = addr, magic = spec.magic, time_limit_s = time_limit_s })
  return function(step, step_limit_s)
    local args = step.args
    if type(args) == "function" then args = args(session) end
    return box:call(step.command, args, step_limit_s)
  end
end

function talk.rtt(session, spec, addr, time_limit_s)
  local link, channel = rtt.open(session, { addr = addr, time_limit_s = time_limit_s }), spec.channel or 0
  local heard = ""
  return function(step, step_limit_s)
    if step.send then
      link:read(channel) -- what was said before the question is no answer to it
      heard = ""
      link:send(channel, step.send, step_limit_s)
    end
    local pattern, first, last, value = step.expect or "([^\r\n]*)\r?\n", nil, nil, nil
    local is_heard = wait.until_true(session, step_limit_s, function()
      heard = heard .. link:read(channel)
      first, last, value = heard:find(pattern)
      return first ~= nil
    end)
    if not is_heard then
      errors.raise("self_test", nil, "the firmware did not say what was expected within %.1f s; it said %q", step_limit_s,
        heard:sub(-80))
    end
    local matched = heard:sub(first, last)
    heard = heard:sub(last + 1)
    return value == nil and matched or value
  end
end

-- ---- judging ----

local function with_unit(value, unit) return unit and ("%s %s"):format(value, unit) or tostring(value) end

local function fail(step, value, text, ...)
  errors.raise("self_test", "look at the board, then at the limit in the job", "%s is %s: " .. text, step.name,
    with_unit(value, step.unit), ...)
end

-- "3300" is a number where a number is wanted.
local function as_wanted(step, value, equals)
  if step.convert then return step.convert(value) end
  if type(value) == "string" and (step.min or step.max or type(equals) == "number") then
    return math.tointeger(tonumber(value)) or tonumber(value) or value
  end
  return value
end

local function judge(step, value, equals)
  if (step.min or step.max) and type(value) ~= "number" then fail(step, value, "that is no number") end
  if step.min and value < step.min then fail(step, value, "below the least of %s", with_unit(step.min, step.unit)) end
  if step.max and value > step.max then fail(step, value, "above the most of %s", with_unit(step.max, step.unit)) end
  if equals ~= nil and value ~= equals then fail(step, value, "it should be %s", with_unit(equals, step.unit)) end
end

---@class stlua.Measurement
---@field value any
---@field unit string?
---@field min number?
---@field max number?
---@field equals any
---@field elapsed_s number

--- Run the firmware from reset and take all measurements; afterwards the core is reset and halted again.
--- Raises: self_test (which measurement, its value and its limit, or that nobody answers), with what was
--- measured until then in the field `measurements`; argument.
---@param session stlua.Session
---@param spec stlua.SelftestSpec
---@param firmware_image stlua.Image? for symbols
---@return table<string, stlua.Measurement> by name
function M.run(session, spec, firmware_image)
  M.check(spec)
  local addr = block_addr(spec, firmware_image)
  local taken, end_s = {}, session:now_s() + (spec.time_limit_s or default_limit_s)
  local function left_s() return math.max(0, end_s - session:now_s()) end
  local ok, err = pcall(function()
    start(session, spec, addr)
    local ask = talk[spec.via or "rtt"](session, spec, addr, math.min(default_step_limit_s, left_s()))
    for _, step in ipairs(spec.measurements) do
      local start_s = session:now_s()
      local said = errors.within(step.name, ask, step, math.min(step.time_limit_s or default_step_limit_s, left_s()))
      local equals = step.equals
      if type(equals) == "function" then equals = equals(session) end
      local value = as_wanted(step, said, equals)
      taken[step.name] = { value = value, unit = step.unit, min = step.min, max = step.max, equals = equals,
        elapsed_s = session:now_s() - start_s }
      judge(step, value, equals)
    end
  end)
  local is_reset, why = pcall(session.dap.reset, session.dap, { kind = "system", halt = true })
  if not ok then
    if errors.is_error(err) then err.measurements = taken end
    error(err, 0)
  end
  if not is_reset then error(why, 0) end
  return taken
end

return M
