--- Secrets: key bytes that no print, log, JSON or inspection shows. `tostring` gives `<secret 16 B>`.
--- Lua cannot overwrite a string, so `wipe` drops the only reference and lets the collector have it; what it
--- frees the `stlua` command overwrites (lua/bind/bind_memory.c). A stock lua5.4 does not.
local errors = require "stlua.identity_error"

-- The bytes live here, not in the object, so nothing that walks the object can find them.
local bytes_of = setmetatable({}, { __mode = "k" })

---@class stlua.Secret
local secret = {}
secret.__index = secret
secret.__name = "stlua.Secret"
secret.__metatable = "stlua.Secret" -- setmetatable cannot take the guard away

local function bytes(self)
  return bytes_of[self] or errors.raise("argument", nil, "the secret was wiped")
end

function secret:__tostring()
  local value = bytes_of[self]
  return value and ("<secret %d B>"):format(#value) or "<secret, wiped>"
end

function secret:__len() return #bytes(self) end

-- Takes the same time wherever the difference is.
function secret.__eq(a, b)
  local x, y = bytes_of[a], bytes_of[b]
  if not x or not y or #x ~= #y then return false end
  local difference = 0
  for i = 1, #x do difference = difference | (x:byte(i) ~ y:byte(i)) end
  return difference == 0
end

function secret.__concat(a, b)
  return tostring(a) .. tostring(b)
end

--- The bytes themselves: for writing them into the chip, nothing else.
---@return string
function secret:reveal() return bytes(self) end

--- Forget the bytes. The object stays, and refuses to be used.
function secret:wipe() bytes_of[self] = nil end

local M = {}

--- Guard bytes. Raises: argument.
---@param value string
---@return stlua.Secret
function M.new(value)
  if type(value) ~= "string" or value == "" then
    errors.raise("argument", nil, "a secret is made of bytes, not of %s", value == "" and "nothing" or type(value))
  end
  local self = setmetatable({}, secret)
  bytes_of[self] = value
  return self
end

--- Guard the bytes of hex digits; exactly byte_count of them. The digits are never repeated in a message.
---@param text string
---@param byte_count integer
---@return stlua.Secret
function M.from_hex(text, byte_count)
  if type(text) ~= "string" or not text:match("^%x+$") then
    errors.raise("format", "a key is written in hex digits, without blanks", "the key has other characters than hex digits")
  end
  if #text ~= byte_count * 2 then
    errors.raise("range", nil, "the key has %d hex digits, %d bytes need %d", #text, byte_count, byte_count * 2)
  end
  return M.new((text:gsub("%x%x", function(pair) return string.char(tonumber(pair, 16)) end)))
end

---@return boolean
function M.is(value) return type(value) == "table" and bytes_of[value] ~= nil end

--- Exactly byte_count bytes from the system's generator (getrandom's pool, through /dev/urandom).
--- Raises: argument, file.
---@param byte_count integer
---@return string
function M.random_bytes(byte_count)
  if math.type(byte_count) ~= "integer" or byte_count < 1 or byte_count > 4096 then
    errors.raise("argument", nil, "random bytes come in counts of 1 to 4096")
  end
  local source, why = io.open("/dev/urandom", "rb")
  if not source then errors.raise("file", nil, "no random numbers: %s", why) end
  source:setvbuf("no") -- a buffered read would take more than asked for
  local value = source:read(byte_count)
  source:close()
  if not value or #value ~= byte_count then
    errors.raise("file", nil, "no random numbers: /dev/urandom gave %d of %d bytes", value and #value or 0, byte_count)
  end
  return value
end

--- A new random secret. Raises: argument, file.
---@param byte_count integer
---@return stlua.Secret
function M.random(byte_count) return M.new(M.random_bytes(byte_count)) end

-- A pattern for the bytes as hex: either case, pairs apart by a blank, `:` or `-` or not at all.
local function hex_pattern(value)
  local pairs_of_digits = {}
  for i = 1, #value do
    pairs_of_digits[i] = ("%02x"):format(value:byte(i)):gsub("%a", function(letter)
      return "[" .. letter .. letter:upper() .. "]"
    end)
  end
  return table.concat(pairs_of_digits, "[%s:%-]?")
end

--- Take every appearance of the secrets, raw or as hex, out of a text.
---@param text string
---@param secrets table<any, stlua.Secret>
---@return string
function M.scrub(text, secrets)
  for _, item in pairs(secrets) do
    local value = bytes_of[item]
    if value then
      text = text:gsub(hex_pattern(value), tostring(item))
      text = text:gsub((value:gsub("%W", "%%%0")), tostring(item))
    end
  end
  return text
end

return M
