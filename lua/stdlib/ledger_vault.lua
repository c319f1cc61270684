--- How the ledger keeps keys: encrypted under a vault key that is not in the ledger, or, without
--- one, as a check value only: HMAC-SHA-256 of the key under a random salt, which proves a key but
--- does not give it back. Cryptography is OpenSSL's, through luaossl (Debian: lua-luaossl).
---   sealed = "1:" .. hex(nonce 12 B, ciphertext, tag 16 B), AES-256-GCM
---   its key = HMAC-SHA-256(vault key, "stlua seal 1" NUL product NUL uid NUL name): bound to its place
local errors = require "stlua.identity_error"
local memory = require "stlua.memory"
local secret = require "stlua.identity_secret"
local whole_file = require "stlua.whole_file"

local M = {}

local KEY_BYTES, NONCE_BYTES, TAG_BYTES, SALT_BYTES = 32, 12, 16, 16

local function openssl(module)
  local ok, library = memory.pcall(require, "openssl." .. module)
  if not ok then
    errors.raise("unsupported", "install luaossl (Debian: lua-luaossl)", "the ledger cannot keep keys without OpenSSL")
  end
  return library
end

local function hex(bytes) return (bytes:gsub("[%s%S]", function(c) return ("%02x"):format(c:byte()) end)) end

local function unhex(text)
  return (text:gsub("%x%x", function(pair) return string.char(tonumber(pair, 16)) end))
end

local function hmac(key, text) return openssl("hmac").new(key, "sha256"):final(text) end

---@class stlua.Vault
local vault = {}
vault.__index = vault

local function place_key(self, place)
  return hmac(self.key:reveal(), "stlua seal 1\0" .. table.concat(place, "\0"))
end

--- Encrypt a secret for one place: the same text elsewhere does not open.
---@param place string[] product, uid or "pool", name
---@param item stlua.Secret
---@return string
function vault:seal(place, item)
  local nonce = secret.random_bytes(NONCE_BYTES)
  local cipher = openssl("cipher").new("aes-256-gcm"):encrypt(place_key(self, place), nonce)
  local text = cipher:final(item:reveal())
  return "1:" .. hex(nonce .. text .. cipher:getTag(TAG_BYTES))
end

--- Decrypt. Raises: format, when it was changed, moved, or sealed under another vault key.
---@return stlua.Secret
function vault:unseal(place, sealed)
  local body = sealed:match("^1:(%x+)$")
  local bytes = body and unhex(body) or ""
  if #bytes > NONCE_BYTES + TAG_BYTES then
    local ok, text = memory.pcall(function()
      local cipher = openssl("cipher").new("aes-256-gcm"):decrypt(place_key(self, place), bytes:sub(1, NONCE_BYTES))
      cipher:setTag(bytes:sub(-TAG_BYTES))
      return assert(cipher:final(bytes:sub(NONCE_BYTES + 1, -TAG_BYTES - 1)))
    end)
    if ok then return secret.new(text) end
  end
  errors.raise("format", "restore the last backup beside the ledger and compare",
    "the sealed key `%s` of %s was changed or moved", place[#place], place[2])
end

--- What tells vault keys apart without telling them.
---@return string
function vault:fingerprint() return hex(hmac(self.key:reveal(), "stlua vault 1")):sub(1, 16) end

--- A vault from its key of 32 bytes. Raises: argument, unsupported.
---@param key stlua.Secret
---@return stlua.Vault
function M.new(key)
  if not secret.is(key) or #key ~= KEY_BYTES then
    errors.raise("argument", "`identity.secret` guards it", "a vault key is a secret of %d bytes", KEY_BYTES)
  end
  openssl("cipher")
  return setmetatable({ key = key }, vault)
end

--- A vault from a file of 64 hex digits that only its owner can read. Raises: file, format, permission.
---@param path string
---@return stlua.Vault
function M.from_file(path)
  local permissions = require("lfs").attributes(path, "permissions")
  local file, why = io.open(path, "rb")
  if not file then errors.raise("file", nil, "cannot open the vault key: %s", why) end
  local text, read_error = file:read(4096)
  file:close()
  if read_error then errors.raise("file", nil, "cannot read the vault key %s: %s", path, read_error) end
  if permissions and permissions:sub(4) ~= "------" then
    errors.raise("permission", "`chmod 600` the file", "the vault key %s can be read by others (%s)", path, permissions)
  end
  return M.new(secret.from_hex((text or ""):gsub("%s+$", ""), KEY_BYTES))
end

--- Make a new vault key file, mode 0600; never over an old one. Raises: file.
---@param path string
function M.create_file(path)
  -- beside it and linked: the key that is there is whole, also when this process dies; link never overwrites
  local part = ("%s.%s.part"):format(path, hex(secret.random_bytes(4)))
  if not require("stlua.ledger_db").create_private(part) then
    errors.raise("file", "its folder must exist and allow writing", "cannot create the vault key %s", path)
  end
  local ok, why = whole_file.write(part, hex(secret.random_bytes(KEY_BYTES)) .. "\n")
  local lfs = require "lfs"
  if ok then
    ok, why = lfs.link(part, path)
    if not ok and not lfs.symlinkattributes(path) then ok, why = os.rename(part, path) end -- no links on this disk
  end
  os.remove(part)
  if not ok then
    errors.raise("file", "an old vault key is never overwritten", "cannot create the vault key %s: %s", path, tostring(why))
  end
end

--- A salted hash that proves a key. Raises: unsupported.
---@param item stlua.Secret
---@param salt string? hex; a new one unless given
---@return string check_value hex
---@return string salt hex
function M.check_value(item, salt)
  salt = salt or hex(secret.random_bytes(SALT_BYTES))
  return hex(hmac(unhex(salt), item:reveal())), salt
end

return M
