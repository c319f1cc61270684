--- doctor, sixth stage: would a loader run? RAM is tested, and put back; then a small program computes a
--- number there that only running code can know.
--- Source: facts/stm32l1 5.7, 10.3 rows 5, 6, 8.
local errors = require "stlua.errors"
local format = require "stlua.format"
local stlua = require "stlua"
local targets = require "stlua.targets"

local ram_addr, flash_addr, window_bytes, slow_khz = 0x20000000, 0x08000000, 4096, 125
local loader_bytes = 10240 -- of RAM: what most chips have, and enough for a ring
local return_offset, stack_offset, piece_bytes = 0x40, 0x400, 64
local IPSR = 0x1FF -- of xPSR: the exception that is active
local IWDG_KR, IWDG_REFRESH = 0x40003000, 0xAAAA -- harmless where it does not run

-- r0 = seed, r1 = rounds; xorshift32, returns in r0.
local program = string.pack("<I2I2I2I2I2I2I2I2I2",
  0x0342, -- lsls r2, r0, #13
  0x4050, -- eors r0, r2
  0x0C42, -- lsrs r2, r0, #17
  0x4050, -- eors r0, r2
  0x0142, -- lsls r2, r0, #5
  0x4050, -- eors r0, r2
  0x3901, -- subs r1, #1
  0xD1F7, -- bne the first
  0x4770) -- bx lr

local function expected_number(seed, rounds)
  local x = seed
  for _ = 1, rounds do
    x = x ~ x << 13 & 0xFFFFFFFF
    x = x ~ x >> 17
    x = x ~ x << 5 & 0xFFFFFFFF
  end
  return x
end

-- ---- RAM ----

-- No two words alike, so that a wrong address shows as well as a wrong bit.
local function pattern(byte_count, mask)
  local words = {}
  for i = 1, byte_count // 4 do words[i] = string.pack("<I4", (i * 0x9E3779B9 & 0xFFFFFFFF) ~ mask) end
  return table.concat(words)
end

local function first_difference(wanted, got)
  for at = 1, #wanted, 4 do
    if wanted:sub(at, at + 3) ~= got:sub(at, at + 3) then return at - 1 end
  end
end

--- Write and read back both polarities; the first word that differs, or nil.
local function test_ram(dap, byte_count)
  for _, mask in ipairs { 0, 0xFFFFFFFF } do
    local wanted = pattern(byte_count, mask)
    dap:write(ram_addr, wanted)
    local got = dap:read(ram_addr, byte_count)
    local offset = first_difference(wanted, got)
    if offset then
      local chunk = got:sub(offset // 64 * 64 + 1, offset // 64 * 64 + 64)
      return { addr = ram_addr + offset, wanted = string.unpack("<I4", wanted, offset + 1),
        got = string.unpack("<I4", got, offset + 1), is_chunk_zero = chunk == ("\0"):rep(#chunk) }
    end
  end
end

-- What read one by one is right was lost on the way; what a slow clock cures was bent by the wires.
local function explain(exam, seen, bad)
  local alone = exam.dap:read32(bad.addr)
  if alone == bad.wanted then
    seen.is_read_zeroed, seen.is_read_wrong = bad.is_chunk_zero, true
    return
  end
  if exam.probe:set_swclk(slow_khz) >= exam.dap:info().swclk_khz then
    seen.is_write_bent, seen.is_speed_fixed = true, true
    return
  end
  local still_bad = test_ram(exam.dap, seen.window_bytes)
  seen.is_read_zeroed = still_bad and exam.dap:read32(still_bad.addr) == still_bad.wanted
  exam.probe:set_swclk(exam.dap:info().swclk_khz)
  seen.is_ram_defective = still_bad and not seen.is_read_zeroed
  seen.is_write_bent = not seen.is_ram_defective
end

-- In pieces: a probe that gets long reads wrong must not decide what is put back.
local function read_in_pieces(dap, byte_count)
  local pieces = {}
  for offset = 0, byte_count - 1, piece_bytes do pieces[#pieces + 1] = dap:read(ram_addr + offset, piece_bytes) end
  return table.concat(pieces)
end

-- What bent the test would bend the rest, too: then it goes back slowly.
local function put_back(exam, seen, kept)
  if seen.ram_bad then exam.probe:set_swclk(slow_khz) end
  exam.dap:write(ram_addr, kept)
  if seen.ram_bad then exam.probe:set_swclk(exam.dap:info().swclk_khz) end
end

local function ram(exam, seen)
  local there = math.min(seen.ram_there_bytes or seen.target and seen.target.ram_bytes or window_bytes, window_bytes)
  seen.window_bytes = there
  local kept = read_in_pieces(exam.dap, there)
  if read_in_pieces(exam.dap, there) ~= kept then
    seen.is_read_wrong, seen.ram_bad = true, { addr = ram_addr }
    return "not written: it reads differently each time"
  end
  local bad, err = errors.attempt(test_ram, exam.dap, there)
  if bad then
    seen.ram_bad = bad
    explain(exam, seen, bad)
  end
  put_back(exam, seen, kept)
  if err then error(err, 0) end
  if bad then return ("0x%08X holds 0x%08X, 0x%08X was written"):format(bad.addr, bad.got, bad.wanted) end
  return ("%s written and read back, and put back"):format(format.size(there))
end

-- ---- code ----

-- Cleaning the core forgets its faults, and the exception it was halted in: that only a reset makes good.
local function is_clean(exam, seen)
  return seen.cfsr == 0 and seen.hfsr == 0 and exam.saved.xpsr & IPSR == 0
end

local function proof(exam, seen)
  if seen.ram_bad then return "not tried: RAM is not to be trusted", true end
  exam.is_cleaned = not is_clean(exam, seen)
  if exam.is_cleaned and not exam.may_reset then
    return "left out: --no-reset, and the exception the core is in would be forgotten", true
  end
  local dap, seed, rounds = exam.dap, 0x53544C31, 1000
  local kept = dap:read(ram_addr, stack_offset)
  dap:write(ram_addr, program)
  dap:write32(IWDG_KR, IWDG_REFRESH)
  local number, err = errors.attempt(dap.call, dap, ram_addr, { seed, rounds },
    { stack_addr = ram_addr + stack_offset, return_addr = ram_addr + return_offset })
  dap:write(ram_addr, kept)
  seen.loader_error = err
  seen.is_proof_wrong = not err and number ~= expected_number(seed, rounds)
  if err then error(err, 0) end
  return seen.is_proof_wrong and ("it answered 0x%08X, which is wrong"):format(number)
    or ("code in RAM has computed 0x%08X, as it should"):format(number)
end

-- The loader that flashes, on a page that stays as it is: its signature must be that of the bytes we read.
local function stream(exam, seen)
  if seen.ram_bad or seen.loader_error or seen.is_proof_wrong then return "not tried: no code runs in RAM", true end
  if not seen.target or seen.is_flash_off or seen.is_busy then return "not tried: flash cannot be read", true end
  if not exam.may_reset then return "left out: --no-reset; closing the controller may need one", true end
  if seen.are_keys_dead then return "not tried: the flash keys are dead", true end
  local config = targets.nvm_config(seen.target, seen.supply_mv or 0)
  config.ram_bytes = math.min(seen.ram_there_bytes or config.ram_bytes, loader_bytes)
  local kept = exam.dap:read(ram_addr, config.ram_bytes) -- long reads have just been proved
  local number, err = errors.attempt(function()
    local nvm <close> = exam.dap:nvm(config, { require_fast = true })
    return nvm:signatures(flash_addr, 1)[1]
  end)
  exam.dap:write(ram_addr, kept)
  seen.loader_error = err
  if err then error(err, 0) end
  local page = exam.dap:read(flash_addr, seen.target.family.flash.page_bytes)
  seen.is_proof_wrong = number ~= stlua.page_signature(page)
  return seen.is_proof_wrong and "its signature of the first page is wrong"
    or "it runs, and its signature of the first page is right"
end

return {
  checks = {
    { id = "loader.ram", title = "RAM test", needs = "halted", run = ram },
    { id = "loader.proof", title = "code in RAM", needs = "halted", run = proof },
    { id = "loader.stream", title = "flash loader", needs = "halted", run = stream },
  },
}
