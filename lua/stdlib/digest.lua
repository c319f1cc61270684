--- SHA-256, by OpenSSL through luaossl (Debian: lua-luaossl). Everything else works without it.
local errors = require "stlua.errors"
local memory = require "stlua.memory"

local M = {}

--- SHA-256 as 64 lower-case hex digits, as sha256sum prints it. Raises: unsupported without luaossl.
---@param bytes string
---@return string
function M.sha256(bytes)
  local is_there, digest = memory.pcall(require, "openssl.digest")
  if not is_there then
    errors.raise("unsupported", "install luaossl (Debian: apt-get install lua-luaossl)", "SHA-256 needs OpenSSL")
  end
  return (digest.new("sha256"):final(bytes):gsub("[%s%S]", function(c) return ("%02x"):format(c:byte()) end))
end

return M
