--- Identities: what makes one unit different from the next, checked before anything is written.
---   identity.template(parts)      serial numbers          (identity_template.lua)
---   identity.eui64_block(spec)    EUI-64 from a range     (identity_eui64.lua)
---   identity.encode(type, value)  bytes for the chip, and back by decode (identity_value.lua)
---   identity.secret, .random_key  keys that do not print  (identity_secret.lua)
---   identity.list(spec)           identities from CSV     (identity_list.lua)
---   identity.check_input(rule, s) what an operator or a barcode scanner entered
local errors = require "stlua.identity_error"
local template = require "stlua.identity_template"
local eui64 = require "stlua.identity_eui64"
local value = require "stlua.identity_value"
local secret = require "stlua.identity_secret"
local check = require "stlua.identity_check"
local list = require "stlua.identity_list"

local M = {
  template = template.new,
  eui64_block = eui64.block,
  eui64 = value.eui64,
  uid = value.uid,
  encode = value.encode,
  decode = value.decode,
  check_type = value.check_type,
  byte_count = value.byte_count,
  secret = secret.new,
  secret_from_hex = secret.from_hex,
  is_secret = secret.is,
  random_key = secret.random,
  scrub = secret.scrub,
  check_digit = check.compute,
  verify_check_digit = check.verify,
  list = list.new,
}

---@class stlua.InputRule
---@field what string? named in messages, "input" unless said
---@field pattern string? a Lua pattern the whole text must match
---@field template stlua.Template? the text must be a serial number of it
---@field max_chars integer? 128 unless said

--- Check what an operator typed or a scanner sent. The scanner's line end is taken off; any other
--- blank or control character is an error, since nobody sees it on the label. Raises: format, range.
---@param rule stlua.InputRule
---@param text string
---@return string
function M.check_input(rule, text)
  errors.check_fields("an input rule", rule,
    { what = "string", pattern = "string", template = "table", max_chars = "integer" })
  local what = rule.what or "input"
  if type(text) ~= "string" then errors.raise("argument", nil, "%s: nothing was entered", what) end
  text = text:gsub("\r?\n$", ""):gsub("\r$", "")
  if text == "" then errors.raise("format", "scan it again", "%s: nothing was entered", what) end
  local odd = text:find("[^\x21-\x7E]")
  if odd then
    errors.raise("format", "scan it again", "%s: %q has a blank or unprintable character at %d", what, text, odd)
  end
  local max_chars = rule.max_chars or 128
  if #text > max_chars then
    errors.raise("range", "was it scanned twice?", "%s: %q has %d characters, at most %d may be", what, text, #text, max_chars)
  end
  if rule.pattern then
    local from, to = text:find(rule.pattern)
    if from ~= 1 or to ~= #text then
      errors.raise("format", "scan it again", "%s: %q does not match %s", what, text, rule.pattern)
    end
  end
  if rule.template then
    local fits, why = rule.template:matches(text)
    if not fits then errors.raise("format", "scan it again", "%s: %q is no serial number of this product: %s", what, text, why) end
  end
  return text
end

return M
