--- doctor, fifth stage: the core. Looking needs no halt; the core is halted last, and its registers kept.
--- Under RDP level 1 it is never halted: that would close flash to the firmware until a power cycle.
--- Source: facts/stm32l1 5.3 (debug registers), 5.7 (blank chip, lockup), 2.3 (keys).
local errors = require "stlua.errors"

local M = {}

local ICSR, CFSR, HFSR, DFSR, BFAR = 0xE000ED04, 0xE000ED28, 0xE000ED2C, 0xE000ED30, 0xE000ED38
local PECR, PEKEYR, key1, key2, PECR_LOCKED = 0x40023C04, 0x40023C0C, 0x89ABCDEF, 0x02030405, 0x7
local APB1_FZ, WATCHDOGS_FROZEN, AHBENR, DMA_CLOCKS, CRC_CLOCK = 0xE0042008, 0x1800, 0x4002381C, 0x3000000, 0x1000
local DEMCR, TRCENA = 0xE000EDFC, 1 << 24
local AIRCR, SYSRESETREQ = 0xE000ED0C, 0x05FA0004
local flash_addr, ram_addr = 0x08000000, 0x20000000

-- PC and xPSR last: they end a lockup.
M.registers = { "r0", "r1", "r2", "r3", "r4", "r5", "r6", "r7", "r8", "r9", "r10", "r11", "r12", "msp", "psp", "lr",
  "control", "primask", "faultmask", "basepri", "xpsr", "pc" }

-- ---- looking ----

local function state_text(state)
  if state.is_locked_up then return "locked up" end
  if state.is_halted then return "halted" end
  return state.is_sleeping and "asleep" or "running"
end

local function state(exam, seen)
  seen.first_state = seen.first_state or exam.dap:state()
  return ("%s, DHCSR 0x%08X"):format(state_text(seen.first_state), seen.first_state.dhcsr)
end

local function faults(exam, seen)
  local dap = exam.dap
  seen.cfsr, seen.hfsr, seen.exception = dap:read32(CFSR), dap:read32(HFSR), dap:read32(ICSR) & 0x1FF
  local text = ("CFSR 0x%08X, HFSR 0x%08X"):format(seen.cfsr, seen.hfsr)
  if seen.cfsr >> 15 & 1 == 1 then text = text .. (", BFAR 0x%08X"):format(dap:read32(BFAR)) end
  return text .. (seen.exception > 0 and (", in exception %d"):format(seen.exception) or "")
end

local function is_in_ram(addr, seen)
  return addr > ram_addr and addr <= ram_addr + (seen.target and seen.target.variant.ram_max_bytes or 0x14000)
end

-- Firmware may run from RAM or start in system memory; a vector table outside all of them is none.
local function vectors(exam, seen)
  if seen.is_flash_off then return "not looked at: flash is switched off", true end
  local words, err = errors.attempt(exam.dap.read32, exam.dap, flash_addr, 2)
  if err then
    seen.flash_read_error = err
    error(err, 0)
  end
  local sp, pc = words[1], words[2]
  seen.is_blank = sp == 0 and pc == 0
  seen.initial_sp, seen.initial_pc = sp, pc
  local is_code = pc & 1 == 1 and (pc >= flash_addr and pc < flash_addr + 0x80000 or pc < 0x80000 or is_in_ram(pc, seen))
  seen.is_vector_table_bad = not seen.is_blank and not (sp % 4 == 0 and is_in_ram(sp, seen) and is_code)
  if seen.is_blank then return "flash starts with 0x00: blank" end
  return ("SP 0x%08X, PC 0x%08X"):format(sp, pc)
end

-- ---- halting ----

-- Watchdogs that count on and DMA that writes on would both look like faults of the RAM.
local function quieten(exam)
  local dap = exam.dap
  exam.kept = { [APB1_FZ] = dap:read32(APB1_FZ), [AHBENR] = dap:read32(AHBENR) }
  dap:write32(APB1_FZ, exam.kept[APB1_FZ] | WATCHDOGS_FROZEN)
  dap:write32(AHBENR, exam.kept[AHBENR] & ~DMA_CLOCKS | CRC_CLOCK) -- a mark that no reset leaves
  dap:write32(DEMCR, TRCENA) -- a mark that only the loss of supply takes away
  exam.is_marked = true
end

-- After a loss of supply the debug port has to be entered anew before anything can be read.
local function read_again(exam, addr)
  local word, err = errors.attempt(exam.dap.read32, exam.dap, addr)
  if not err then return word end
  exam.probe:enter()
  return exam.dap:read32(addr)
end

--- After a reset what was kept is worth nothing.
function M.forget(exam) exam.is_marked, exam.is_halted, exam.saved = false, false, nil end

--- A reset that nobody asked for.
function M.look_for_reset(exam)
  if not exam.is_marked or read_again(exam, AHBENR) & CRC_CLOCK ~= 0 then return end
  exam.seen.was_reset_by_itself = true
  exam.seen.is_supply_dipping = exam.dap:read32(DEMCR) & TRCENA == 0
  M.forget(exam)
end

local function halt(exam, seen)
  local _, err = errors.attempt(exam.dap.halt, exam.dap)
  if err then
    seen.halt_error = err
    error(err, 0)
  end
  quieten(exam)
  local saved = {}
  for _, name in ipairs(M.registers) do saved[name] = exam.dap:read_reg(name) end
  exam.is_halted, exam.saved, seen.pc = true, saved, saved.pc
  return ("halted at 0x%08X"):format(seen.pc)
end

-- Open and lock again: a key register that took a wrong key is dead until the next reset. So it would be
-- here, had the core been halted between the two keys: nothing to do where no reset may follow.
local function keys(exam, seen)
  if not exam.may_reset then return "left out: --no-reset", true end
  if seen.is_busy then return "not tried: the controller is busy", true end
  local dap = exam.dap
  if dap:read32(PECR) & 1 == 0 then return "not tried: PECR is open already", true end
  local _, err = errors.attempt(function()
    dap:write32(PEKEYR, key1)
    dap:write32(PEKEYR, key2)
  end)
  seen.are_keys_dead = dap:read32(PECR) & 1 == 1
  if not seen.are_keys_dead then dap:write32(PECR, PECR_LOCKED) end
  return seen.are_keys_dead and "PECR does not open" .. (err and ": " .. err.cause or "") or "PECR opens and locks"
end

-- ---- giving back ----

--- Registers as they were; where the core had to be cleaned and no reset came since, a reset.
function M.restore(exam)
  local dap = exam.dap
  if exam.kept then dap:write32(APB1_FZ, exam.kept[APB1_FZ]) end -- no reset clears it
  if exam.may_reset and exam.is_cleaned and not exam.seen.was_reset then
    dap:write32(AIRCR, SYSRESETREQ)
    exam.seen.was_reset = true
  elseif exam.is_halted then
    for _, name in ipairs(M.registers) do dap:write_reg(name, exam.saved[name]) end
    dap:write32(AHBENR, exam.kept[AHBENR])
    dap:write32(DFSR, 0x1F)
  end
end

M.checks = {
  { id = "core.state", title = "core", needs = "dap", run = state },
  { id = "core.faults", title = "fault registers", needs = "dap", run = faults },
  { id = "core.vectors", title = "vector table", needs = "open", run = vectors },
  { id = "core.halt", title = "halting", needs = "open", run = halt },
  { id = "core.keys", title = "flash keys", needs = "halted", run = keys },
}

return M
