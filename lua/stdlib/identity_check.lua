--- Check digits over serial numbers. Each takes the text it protects and gives what to append.
---   luhn     Luhn modulo 10, one digit over digits (ISO/IEC 7812-1, annex B)
---   luhn36   the same with 36 symbols 0-9 A-Z, one symbol (Luhn mod N)
---   mod97    ISO/IEC 7064 MOD 97-10, two digits over digits and letters A-Z (10..35), as in IBAN
local errors = require "stlua.identity_error"
local memory = require "stlua.memory"

local M = {}

local SYMBOLS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"

local function symbol_value(text, i, base)
  local char = text:sub(i, i)
  local value = SYMBOLS:find(char, 1, true)
  if not value or value > base then
    errors.raise("format", "say which parts it covers with `over`, or what to leave out with `skip`",
      "a check digit cannot cover %q (in %q)", char, text)
  end
  return value - 1
end

-- From the right, every other symbol counts double, its digits added up.
local function luhn(text, base)
  local sum, factor = 0, 2
  for i = #text, 1, -1 do
    local addend = symbol_value(text, i, base) * factor
    sum = sum + addend // base + addend % base
    factor = 3 - factor
  end
  local check = (base - sum % base) % base
  return SYMBOLS:sub(check + 1, check + 1)
end

local function mod97(text)
  local remainder = 0
  for i = 1, #text do
    local value = symbol_value(text, i, 36)
    remainder = (remainder * (value < 10 and 10 or 100) + value) % 97
  end
  return ("%02d"):format(98 - remainder * 100 % 97)
end

M.kinds = {
  luhn = { char_count = 1, chars = "0-9", compute = function(text) return luhn(text, 10) end },
  luhn36 = { char_count = 1, chars = "0-9A-Z", compute = function(text) return luhn(text, 36) end },
  mod97 = { char_count = 2, chars = "0-9", compute = mod97 },
}

--- The check characters for text. Raises: argument (no such kind), format (a character it cannot cover).
---@param kind "luhn"|"luhn36"|"mod97"
---@param text string
---@return string
function M.compute(kind, text)
  local check = M.kinds[kind]
  if not check then
    local near = errors.nearest(tostring(kind), M.kinds)
    errors.raise("argument", near and ("did you mean `" .. near .. "`?"), "no check digit is called %q",
      tostring(kind))
  end
  if text == "" then errors.raise("argument", nil, "a check digit needs something to cover") end
  return check.compute(text)
end

--- Does text end in the right check characters for what is before them?
---@return boolean
function M.verify(kind, text)
  local check = M.kinds[kind]
  if not check then errors.raise("argument", nil, "no check digit is called %q", tostring(kind)) end
  if #text <= check.char_count then return false end
  local ok, expected = memory.pcall(check.compute, text:sub(1, -check.char_count - 1))
  return ok and expected == text:sub(-check.char_count)
end

return M
