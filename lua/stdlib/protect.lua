--- Lock a chip, prove that it is locked, and open it again.
--- Under RDP level 1 the debugger is shut out of flash and data EEPROM; a core that a debugger has touched
--- runs nothing from flash until the supply has been off (facts sheet stm32l1, 3.8). So locking comes last,
--- and the board is power-cycled without a debugger before it works; lock and prove hold with or without
--- a power cycle in between, since the option words are reloaded either way.
local errors = require "stlua.errors"
local nearest = require "stlua.nearest"
local option_bytes = require "stlua.option_bytes"
local stlua = require "stlua"

local M = {}

---@class stlua.ProtectSpec
---@field rdp_level 1|2|nil in a job also written `rdp`; nil: as it is
---@field wrp string|integer[]|nil "0-3,7", "all", "none" or sectors; nil: as it is
---@field power_cycle fun(session: stlua.Session)? switches the board's supply off and on, where a fixture can

local fields = { rdp_level = true, rdp = true, wrp = true, power_cycle = true }

--- Look a spec over, and give it back in its one form. Raises: argument.
---@param spec stlua.ProtectSpec
---@return stlua.ProtectSpec
function M.check(spec)
  if type(spec) ~= "table" then errors.raise("argument", "as in { rdp_level = 1 }", "protection is a table") end
  for name in pairs(spec) do
    if not fields[name] then
      errors.raise("argument", nearest.hint(tostring(name), { "rdp_level", "wrp", "power_cycle" }),
        "protection has no field `%s`", tostring(name))
    end
  end
  local level = spec.rdp_level
  if level == nil then level = spec.rdp end
  if spec.rdp_level ~= nil and spec.rdp ~= nil then
    errors.raise("argument", "leave one of them out", "`rdp` and `rdp_level` are the same")
  end
  if level == 0 then
    errors.raise("argument", "`stlua unlock` opens a chip", "RDP level 0 is no protection")
  end
  if level ~= nil and level ~= 1 and level ~= 2 then
    errors.raise("argument", "1 can be undone, at the price of all contents; 2 can never", "there is no RDP level %s",
      tostring(level))
  end
  if spec.wrp ~= nil then option_bytes.sectors(spec.wrp) end
  if spec.power_cycle ~= nil and type(spec.power_cycle) ~= "function" then
    errors.raise("argument", nil, "`power_cycle` is a function(session)")
  end
  return { rdp_level = level, wrp = spec.wrp, power_cycle = spec.power_cycle }
end

--- Let go of the target, so that the next access attaches anew; what is known of it stays.
---@param session stlua.Session
function M.reattach(session)
  local nvm, dap = rawget(session, "nvm"), rawget(session, "dap")
  if nvm then nvm:close() end
  if dap then dap:close() end
  session.nvm, session.dap = nil, nil
end

local function need_not_level2(status)
  if status.rdp_level ~= 2 then return end
  errors.raise("read_protected", "this chip stays as it is", "RDP level 2 cannot be changed any more")
end

-- ---- lock ----

-- What says that the debug port has gone, and nothing else.
local silent_codes = { no_target = true, dap_fault = true, dap_wait = true, timeout = true, option_bytes = true }

--- Level 2 closes the debug port: that nobody answers any more is all that can be seen of it. A wire that
--- came off looks the same, so the supply is measured.
local function prove_silence(session)
  M.reattach(session)
  local ok, answer = pcall(function() return session.dap end)
  if ok then
    errors.raise("option_bytes", "`stlua options` shows the RDP level",
      "the debug port still answers after RDP level 2 was set (DPIDR 0x%08X)", answer:info().dpidr)
  end
  if not errors.is_error(answer) or not silent_codes[answer.code] then error(answer, 0) end
  return { rdp_level = 2, is_debug_port_silent = true, supply_mv = session.supply_mv, refused = {}, notes = {
    "the debug port does not answer; a wire that came off would look the same" } }
end

local function lock_for_ever(session, values, consent)
  local ok, err = pcall(session.set_option_bytes, session, values, consent)
  -- the reload ends the connection, so an answer that is missing is what was asked for; a refusal is not
  if not ok and not (errors.is_error(err) and silent_codes[err.code]) then error(err, 0) end
  return prove_silence(session)
end

--- Set write protection and the RDP level, the latter last of all words. Level 2 is for ever: it needs the
--- spec and consent.irreversible. Idempotent. Prove it with M.prove; level 2 is proved here, since nobody
--- can ask that chip later.
--- Raises: argument, refused, read_protected (level 2 already), option_bytes, and what the target raises.
---@param session stlua.Session
---@param spec stlua.ProtectSpec
---@param consent { irreversible: boolean? }?
---@return { rdp_level: integer, wrp_sectors: integer[]?, findings: stlua.ProtectFindings? }
function M.lock(session, spec, consent)
  spec = M.check(spec)
  if spec.rdp_level == 2 and not (consent and consent.irreversible) then
    errors.raise("refused", "the command line must say --irreversible, too",
      "RDP level 2 closes the debug port of this chip for ever, and nobody has agreed to it")
  end
  local status = session.nvm:status()
  need_not_level2(status)
  local values, sectors = {}, nil
  if spec.wrp ~= nil then
    sectors = option_bytes.sectors(spec.wrp, session.target)
    values.wrp = option_bytes.wrp_words(sectors, session.target)
  end
  -- a level 1 with another byte than ours is level 1: it is left alone
  if spec.rdp_level == 2 or spec.rdp_level == 1 and status.rdp_level == 0 then values.rdp_level = spec.rdp_level end
  if spec.rdp_level == 2 then
    return { rdp_level = 2, wrp_sectors = sectors, findings = lock_for_ever(session, values, { irreversible = true }) }
  end
  session:set_option_bytes(values)
  return { rdp_level = session.nvm:status().rdp_level, wrp_sectors = sectors }
end

-- ---- prove ----

---@class stlua.ProtectFindings
---@field rdp_level integer
---@field rdp_byte integer?
---@field refused integer[] the addresses whose reading the chip refused
---@field wrp_sectors integer[]?
---@field option_words integer[]?
---@field was_power_cycled boolean?
---@field is_debug_port_silent boolean?
---@field notes string[]

-- The chip itself must refuse: the register that names the level is not asked here.
local function must_refuse(session, addr, what)
  local ok, err = pcall(session.dap.read, session.dap, addr, 4)
  if ok then
    errors.raise("option_bytes", "`stlua options` shows the option bytes; this board is not protected",
      "%s at 0x%08X can be read though the chip should refuse it", what, addr)
  end
  if not errors.is_error(err) or err.code ~= "dap_fault" then error(errors.wrap(err, "prove the lock"), 0) end
  return addr
end

local function check_words(status)
  local words = {}
  for i, word in ipairs(status.option_words) do
    if not word.is_good then
      errors.raise("option_bytes", "`stlua unlock` repairs it", "option word %d reads 0x%08X: its halves disagree", i - 1,
        word.value)
    end
    words[i] = word.value
  end
  if status.has_option_error then
    errors.raise("option_bytes", "`stlua unlock` repairs it", "OPTVERR is set, SR=0x%08X", status.sr)
  end
  return words
end

--- After a reset, and after a power cycle where the spec has one: flash and EEPROM really refuse to be read,
--- the option words and their complements agree, the chip took them over without OPTVERR.
--- Raises: option_bytes when that is not so, and what the target raises.
---@param session stlua.Session
---@param spec stlua.ProtectSpec? what should be there; RDP level 1 otherwise
---@return stlua.ProtectFindings
function M.prove(session, spec)
  spec = M.check(spec or { rdp_level = 1 })
  if spec.rdp_level == 2 then return prove_silence(session) end
  if spec.power_cycle then
    M.reattach(session)
    spec.power_cycle(session)
  end
  session.dap:reset { kind = "system", halt = true }
  local status, refused = session.nvm:status(), {}
  if spec.rdp_level == 1 then
    if status.rdp_level ~= 1 then
      errors.raise("option_bytes", "lock it again: `stlua lock`", "the chip is at RDP level %d (byte 0x%02X), not 1",
        status.rdp_level, status.rdp_byte)
    end
    for _, bank in ipairs(session.target.flash_banks) do
      refused[#refused + 1] = must_refuse(session, bank.base_addr, "flash")
      refused[#refused + 1] = must_refuse(session, bank.base_addr + bank.size_bytes - 4, "flash")
    end
    for _, bank in ipairs(session.target.eeprom_banks) do
      refused[#refused + 1] = must_refuse(session, bank.base_addr, "data EEPROM")
    end
  end
  local sectors = option_bytes.protected(status, session.target)
  if spec.wrp ~= nil then
    local wanted = option_bytes.sectors_text(option_bytes.sectors(spec.wrp, session.target))
    local found = option_bytes.sectors_text(sectors)
    if wanted ~= found then
      errors.raise("option_bytes", "lock it again: `stlua lock`", "WRP sectors %s are protected, not %s", found, wanted)
    end
  end
  local notes = {}
  if status.rdp_level == 1 then
    notes[1] = "the firmware runs when the supply has been off and no debugger is attached"
  end
  return { rdp_level = status.rdp_level, rdp_byte = status.rdp_byte, refused = refused, wrp_sectors = sectors,
    option_words = check_words(status), was_power_cycled = spec.power_cycle ~= nil, notes = notes }
end

-- ---- unlock ----

local function damaged_count(status)
  local count = 0
  for _, word in ipairs(status.option_words) do
    if not word.is_good then count = count + 1 end
  end
  return count
end

--- After a mass erase: every page and all of the EEPROM blank.
local function check_blank(session)
  local flash = session.target.family.flash
  local blank = stlua.page_signature(("\0"):rep(flash.page_bytes))
  for _, bank in ipairs(session.target.flash_banks) do
    for i, signature in ipairs(session.nvm:signatures(bank.base_addr, bank.size_bytes // flash.page_bytes)) do
      if signature ~= blank then
        errors.raise("flash", "`stlua erase --all` makes it blank", "page 0x%08X is not blank after the mass erase",
          bank.base_addr + (i - 1) * flash.page_bytes)
      end
    end
  end
  for _, bank in ipairs(session.target.eeprom_banks) do
    if session.dap:read(bank.base_addr, bank.size_bytes):find "[^\0]" then
      errors.raise("flash", "`stlua erase --eeprom` makes it blank",
        "data EEPROM at 0x%08X is not blank after the mass erase", bank.base_addr)
    end
  end
end

---@class stlua.UnlockReport
---@field rdp_level_before integer
---@field rdp_byte_before integer
---@field did_mass_erase boolean
---@field words_repaired integer option words that were damaged before and are sound now
---@field option_words integer[]

--- What unlocking a chip in this state does.
---@param status stlua.NvmStatus
---@return { does_mass_erase: boolean, words_damaged: integer }
function M.unlock_plan(status)
  need_not_level2(status)
  return { does_mass_erase = status.rdp_level == 1, words_damaged = damaged_count(status) }
end

--- Back to RDP level 0, with all option words sane: from level 1 by the mass erase, which takes flash, data
--- EEPROM and the keys in them, and with USER and WRP as they leave the factory; at level 0 only damaged words
--- are rewritten. Can be repeated at any time, also after one that was cut off.
--- Raises: refused (a mass erase nobody agreed to), read_protected (level 2), option_bytes, flash (not blank).
---@param session stlua.Session
---@param consent { mass_erase: boolean? }?
---@return stlua.UnlockReport
function M.unlock(session, consent)
  local before = session.nvm:status()
  local plan = M.unlock_plan(before)
  if plan.does_mass_erase and not (consent and consent.mass_erase) then
    errors.raise("refused", "`stlua unlock --yes`, once nothing in it is needed any more",
      "leaving RDP level 1 erases flash and data EEPROM, and with them keys and serial numbers")
  end
  if plan.does_mass_erase then
    session:set_option_bytes({ rdp_level = 0, user_byte = session.target.variant.user_default,
      wrp = option_bytes.wrp_words({}, session.target) }, { mass_erase = true })
    check_blank(session)
  elseif plan.words_damaged > 0 or before.has_option_error then
    session:set_option_bytes {}
  end
  local after = session.nvm:status()
  local words = check_words(after)
  return { rdp_level_before = before.rdp_level, rdp_byte_before = before.rdp_byte, did_mass_erase = plan.does_mass_erase,
    words_repaired = plan.words_damaged, option_words = words }
end

return M
