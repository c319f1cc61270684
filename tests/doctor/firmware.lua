--- tests/doctor/firmware.lua: small firmware for simulated boards: a vector table, some register writes, an end.
local M = {}

M.flash_addr, M.ram_addr = 0x08000000, 0x20000000

local stack_addr, code_offset = 0x20000800, 0x40 -- in the least RAM there is
local NOP, B_SELF = 0xBF00, 0xE7FE

-- r0 = address, r1 = value, from a pool behind the code
local LDR_R0_PC, LDR_R1_PC, STR_R1_R0 = 0x4800, 0x4900, 0x6001

M.endings = {
  loop = { B_SELF },
  sleep = { 0xBF30, 0xE7FD }, -- wfi; again
  fault = { 0xDE00, B_SELF }, -- udf
}

local function literal(at, pool_at) return (pool_at - (at + 4 & ~3)) // 4 end

--- Code that makes the writes, then ends.
---@param writes integer[][] { addr, value }
---@param ending "loop"|"sleep"|"fault"
---@return string
function M.code(writes, ending)
  local tail = M.endings[ending]
  local pool_at = 6 * #writes + 2 * #tail + 3 & ~3
  local halves, pool = {}, {}
  for _, write in ipairs(writes) do
    local at = 2 * #halves
    halves[#halves + 1] = LDR_R0_PC | literal(at, pool_at + 4 * #pool)
    halves[#halves + 1] = LDR_R1_PC | literal(at + 2, pool_at + 4 * (#pool + 1))
    halves[#halves + 1] = STR_R1_R0
    pool[#pool + 1], pool[#pool + 2] = write[1], write[2]
  end
  for _, half in ipairs(tail) do halves[#halves + 1] = half end
  if #halves % 2 == 1 then halves[#halves + 1] = NOP end
  local parts = {}
  for i, half in ipairs(halves) do parts[i] = string.pack("<I2", half) end
  for _, word in ipairs(pool) do parts[#parts + 1] = string.pack("<I4", word) end
  return table.concat(parts)
end

--- An image for the start of flash. `handler` gives HardFault a handler that waits for ever; without one the
--- core locks up.
---@param options { writes: integer[][]?, ending: string?, handler: boolean? }?
---@return string
function M.image(options)
  options = options or {}
  local entry = M.flash_addr + code_offset | 1
  local idle = M.flash_addr + code_offset - 4 | 1
  local vectors = string.pack("<I4I4I4I4", stack_addr, entry, 0, options.handler and idle or 0)
  vectors = vectors .. ("\0"):rep(code_offset - 4 - #vectors) .. string.pack("<I2I2", B_SELF, NOP)
  return vectors .. M.code(options.writes or {}, options.ending or "loop")
end

return M
