--- A session: one probe, one target, and what is known about them. Each step is taken when it is first
--- needed (session.probe, .dap, .target, .nvm, .uid), so a command pays only for what it uses. Closing
--- leaves the target running and released.
local stlua = require "stlua"
local errors = require "stlua.errors"
local format = require "stlua.format"
local output = require "stlua.output"
local patience = require "stlua.patience"
local select_probe = require "stlua.select"
local targets = require "stlua.targets"

local M = {}

---@class stlua.Session
---@field options stlua.SessionOptions
---@field out stlua.Output
---@field is_dry_run boolean
---@field is_left_halted boolean set it to leave the core halted when the session closes
---@field board table|false the board that was named, by --board or by the simulator
---@field part table|false the part that was named, by --target or by the board
---@field probe stlua.Probe opened when first used
---@field supply_mv integer|false target supply; false if the probe cannot measure
---@field dap stlua.Dap connected when first used
---@field target stlua.Target what answered
---@field nvm stlua.Nvm
---@field uid string 24 hex digits
local Session = {}

local leakage_mv = 500 -- what a probe measures where VREF is not connected stays below it
local least_supply_mv = 1650 -- STM32L1 data sheets: VDD with BOR off; below it the core may not answer

-- ---- steps, each taken once ----

local steps = {}

function steps.board(self)
  local name = self.options.board
  if not name then
    local simulated = select_probe.simulated_name(self.options.probe)
    name = simulated and targets.has_board(simulated) and simulated
  end
  return name and targets.board(name) or false
end

-- The part that was named, by --target or by the board.
function steps.part(self)
  local named = self.options.target
  if named then return targets.part(named) end
  return self.board and targets.part(self.board.part) or false
end

function steps.probe(self)
  stlua.interrupt()
  local function open() return select_probe.open(self.options.probe, self.options.trace) end
  if not self.options.wait then return open() end
  return patience.wait_for_probe(open, function(text) self:say("%s", text) end)
end

--- Target supply in mV, false if the probe cannot measure.
function steps.supply_mv(self)
  local ok, mv = pcall(self.probe.voltage_mv, self.probe)
  if ok then return mv end
  if errors.is_error(mv) and mv.code == "unsupported" then return false end
  error(mv, 0)
end

function steps.dap(self)
  local probe = self.probe
  local board = self.board or {}
  if self.options.wait then
    local may_reset = self.options.connect ~= "hotplug"
    patience.wait_for_target(probe, may_reset, function(text) self:say("%s", text) end)
  end
  local supply_mv = self.supply_mv
  stlua.interrupt()
  local ok, dap = pcall(probe.connect, probe, {
    mode = self.options.connect or board.connect or "normal",
    swclk_khz = self.options.speed or board.swclk_khz or 0,
  })
  if ok then
    if supply_mv and supply_mv >= leakage_mv and supply_mv < least_supply_mv then
      self:warn("the probe measures %s at the target, the chip needs %s: what is written may not last",
        format.volts(supply_mv), format.volts(least_supply_mv))
    end
    return dap
  end
  if errors.is_error(dap) and supply_mv and supply_mv < least_supply_mv then
    dap.hint = ("the probe measures %s at the target: power it, and connect the probe's VREF pin")
      :format(format.volts(supply_mv))
  end
  error(dap, 0)
end

function steps.target(self)
  local why = self.options.target and "--target" or self.board and "board " .. self.board.name
  local target = targets.identify(self.dap, self.part or nil, why or nil)
  for _, text in ipairs(target.warnings) do self:warn(text) end
  return target
end

function steps.uid(self) return targets.read_uid(self.dap, self.target) end

function steps.nvm(self)
  return self.dap:nvm(targets.nvm_config(self.target, self.supply_mv or 0),
    { require_fast = self.options.require_fast or false })
end

function Session.__index(self, name)
  local method = Session[name]
  if method ~= nil then return method end
  local step = steps[name]
  if not step then return nil end
  if rawget(self, "is_closed") then errors.raise("argument", nil, "the session is closed") end
  local value = step(self)
  rawset(self, name, value)
  return value
end

-- ---- life ----

---@class stlua.SessionOptions
---@field probe string? selector; see stlua.select. The default is $STLUA_PROBE, then the only one on USB
---@field board string?
---@field target string? a part name; believed where the chip's registers are silent
---@field speed integer? SWCLK in kHz
---@field connect "normal"|"under-reset"|"hotplug"|nil
---@field wait boolean? until a probe is plugged in and a target answers
---@field trace string? a pcapng file of what goes over the wire
---@field require_fast boolean? no slow road when the loader will not run
---@field dry_run boolean?
---@field out stlua.Output?

---@param options stlua.SessionOptions
---@return stlua.Session
function M.new(options)
  local copy = {}
  for key, value in pairs(options or {}) do copy[key] = value end
  if not copy.probe or copy.probe == "" then
    local default = os.getenv("STLUA_PROBE")
    copy.probe = default ~= "" and default or nil
  end
  local self = setmetatable({
    options = copy, out = copy.out or output.new { quiet = true }, is_dry_run = copy.dry_run or false,
    is_left_halted = false, is_closed = false, started_s = stlua.monotonic(),
  }, Session)
  self:hear(true)
  return self
end

--- Hear the core's remarks, or not: who tries the same thing many times need not say it each time.
---@param is_on boolean
function Session:hear(is_on)
  if not is_on then return stlua.set_log(nil) end
  stlua.set_log(function(level, text)
    if level == "warn" then self:warn(text) else self.out:detail("%s: %s", level, text) end
  end, self.out.is_verbose and "debug" or "warn")
end

-- Give everything back, innermost first; the error, if the target could not be let go.
local function give_back(self)
  if self.is_closed then return end
  local nvm, dap, probe = rawget(self, "nvm"), rawget(self, "dap"), rawget(self, "probe")
  self.is_closed = true
  local _, err
  if nvm then nvm:close() end
  if dap then
    if self.is_left_halted then _, err = dap:close_halted() else _, err = dap:close() end
  end
  if probe then probe:close() end
  stlua.set_log(nil)
  return err
end

--- Give everything back. The target runs, unless it is to be left halted.
--- Raises when it could not be let go; leaving the scope of a `<close>` variable does not.
function Session:close()
  local err = give_back(self)
  if not err then return end
  err.hint = "the target may stay halted until its supply is cut; what was done before is done"
  error(err, 0)
end

function Session:__close() give_back(self) end

--- Take all steps up to the flash controller; for commands that want to measure what comes after.
function Session:connect() return self.nvm end

function Session:is_probe_open() return rawget(self, "probe") ~= nil and not self.is_closed end

-- ---- saying ----

function Session:say(text, ...) self.out:line(text, ...) end
function Session:warn(text, ...) self.out:warn(text, ...) end

--- The time the probe lives in, in seconds.
function Session:now_s() return self.probe:now_s() end

--- Do one step of a flow: it is named in the report, and in the error if it fails.
---@param name string
---@param fn function
function Session:step(name, fn, ...)
  stlua.interrupt()
  self.out:detail("step: %s", name)
  return errors.within(name, fn, ...)
end

-- ---- reading ----

--- Raise what a person needs to hear when flash is closed to the debugger.
function Session:need_readable()
  local status = self.nvm:status()
  if status.rdp_level == 0 then return end
  errors.raise("read_protected",
    "`stlua unlock` goes back to level 0, which erases flash and data EEPROM",
    "RDP level %d (byte 0x%02X): flash and data EEPROM are closed to the debugger", status.rdp_level,
    status.rdp_byte)
end

--- Read target memory; flash and EEPROM only when RDP lets us.
---@return string
function Session:read(addr, byte_count)
  local region = targets.region_of(self.target, addr, byte_count)
  if region and (region.name == "flash" or region.name == "eeprom") then self:need_readable() end
  return self.dap:read(addr, byte_count)
end

--- The parts of a region that can be read: banks, or runs of option words.
---@param name "flash"|"eeprom"|"options"|"ram"
---@return { addr: integer, byte_count: integer }[]
function Session:chunks(name)
  local list = {}
  if name ~= "options" then
    for _, region in ipairs(targets.regions(self.target)) do
      if region.name == name then list[#list + 1] = { addr = region.addr, byte_count = region.byte_count } end
    end
    return list
  end
  local base = self.target.family.option_bytes.base_addr
  for _, offset in ipairs(self.target.variant.option_offsets) do
    local last = list[#list]
    if last and last.addr + last.byte_count == base + offset then
      last.byte_count = last.byte_count + 4
    else
      list[#list + 1] = { addr = base + offset, byte_count = 4 }
    end
  end
  return list
end

--- Flash is compared and written with the core halted; hotplug leaves it running, and says so here.
function Session:need_halted()
  if self.options.connect ~= "hotplug" or self.dap:state().is_halted then return end
  errors.raise("not_halted", "leave `--connect hotplug` out, or stop the core first: `stlua reset --halt`",
    "the core runs, and hotplug does not halt it")
end

-- ---- writing ----

--- Compare an image with the target; nothing is written.
---@param image stlua.Image
---@param options { erase_all: boolean?, erase_eeprom: boolean? }?
---@return stlua.Plan
function Session:plan(image, options)
  options = options or {}
  self:need_halted()
  return self.nvm:plan(image, { erase_all = options.erase_all, erase_eeprom = options.erase_eeprom,
    progress = self.out.progress:callback() })
end

--- Do what a plan says, and prove it.
---@param plan stlua.Plan
---@param options { verify: "signature"|"read"|nil }?
---@return stlua.Report
function Session:apply(plan, options)
  return self.nvm:apply(plan, { verify = options and options.verify or "signature",
    progress = self.out.progress:callback() })
end

--- Plan and apply in one.
---@return stlua.Report
function Session:flash(image, options)
  local plan <close> = self:plan(image, options)
  return self:apply(plan, options)
end

---@return stlua.Report
function Session:verify(image, options)
  self:need_halted()
  return self.nvm:verify(image, { verify = options and options.verify or "signature",
    progress = self.out.progress:callback() })
end

--- Erase whole pages. Protection is looked at first, so that nothing is half done.
function Session:erase(addr, byte_count)
  self:need_halted()
  self:need_readable()
  self:need_unprotected(addr, byte_count)
  self.nvm:erase(addr, byte_count, { progress = self.out.progress:callback() })
end

--- Raise when a WRP sector lies in the range.
function Session:need_unprotected(addr, byte_count)
  local wrp = self.nvm:status().wrp
  local flash = self.target.family.flash
  local first = (addr - flash.base_addr) // flash.wrp_sector_bytes
  for sector = first, (addr + byte_count - 1 - flash.base_addr) // flash.wrp_sector_bytes do
    local word = wrp[sector // 32 + 1] or 0
    if word >> sector % 32 & 1 == 1 then
      errors.raise("write_protected", "`stlua options` shows the protected sectors",
        "erase page 0x%08X: WRP sector %d is write-protected",
        math.max(addr, flash.base_addr + sector * flash.wrp_sector_bytes), sector)
    end
  end
end

---@return integer words_written
function Session:eeprom_write(addr, bytes)
  self:need_halted()
  return self.nvm:write_eeprom(addr, bytes)
end

local rdp_bytes = { [0] = 0xAA, [1] = 0xBB, [2] = 0xCC }

--- Option bytes by what they mean: { rdp_level = 1, user_byte =, wrp = {} }.
---@param values { rdp_level: integer?, rdp_byte: integer?, user_byte: integer?, wrp: integer[]? }
---@param consent { mass_erase: boolean?, irreversible: boolean? }?
function Session:set_option_bytes(values, consent)
  local rdp_byte = values.rdp_byte
  if values.rdp_level then
    rdp_byte = rdp_bytes[values.rdp_level]
    if not rdp_byte then errors.raise("argument", nil, "there is no RDP level %s", tostring(values.rdp_level)) end
  end
  self:need_halted()
  self.nvm:write_options({ rdp_byte = rdp_byte, user_byte = values.user_byte, wrp = values.wrp }, consent)
end

local is_silence = { no_target = true, dap_wait = true, dap_fault = true, timeout = true }

--- Lock the flash controller again, reset, and let the firmware run. It may sleep at once, or give the SWD pins
--- away: a chip that has its supply and answered until then is not lost.
function Session:run_firmware()
  local nvm = rawget(self, "nvm")
  if nvm then
    nvm:close()
    self.nvm = nil
  end
  local ok, err = pcall(self.dap.reset, self.dap, { kind = "system", halt = false })
  if ok then return end
  local mv = errors.is_error(err) and is_silence[err.code] and steps.supply_mv(self)
  if not mv or mv < least_supply_mv then error(err, 0) end
  self:warn("the target has not answered since its firmware was started: does it sleep, or give the SWD pins away?")
end

return M
