--- A unit in work: reserved, until it is committed or voided. `local unit <close> = ledger:reserve{...}`
--- voids it when the scope ends uncommitted, with the error that ended it.
local errors = require "stlua.identity_error"
local identity = require "stlua.identity"
local json = require "stlua.ledger_json"

---@class stlua.Unit
---@field uid string
---@field product string
---@field serial string?
---@field fields table<string, string> EUIs and list columns, by name
---@field secrets table<string, stlua.Secret> keys, by name
---@field key_origins table<string, "new"|"restored"|"renewed">
---@field is_returning boolean it has been here before, and has its own identity again
---@field attempt_number integer 1 the first time
local unit = {}
unit.__index = unit
unit.__name = "stlua.Unit"

function unit:__tostring()
  return ("<unit %s, serial %s, %s>"):format(self.uid, self.serial or "none", self.state)
end

---@class stlua.Result
---@field firmware_sha256 string?
---@field job_sha256 string?
---@field tool_version string?
---@field options_written table? option bytes, by name
---@field durations_ms table<string, number>? by step
---@field duration_ms number? of the whole attempt, by a clock that does not jump
---@field measurements table? by name
---@field probe string?
---@field slot string?
---@field notes string?
local RESULT_FIELDS = { firmware_sha256 = "string", job_sha256 = "string", tool_version = "string",
  options_written = "table", durations_ms = "table", duration_ms = "number", measurements = "table", probe = "string",
  slot = "string", notes = "string" }
local TEXT_FIELDS = { "firmware_sha256", "job_sha256", "tool_version", "probe", "slot", "notes" }
local M = { RESULT_FIELDS = RESULT_FIELDS }

--- A result as columns, checked, without secrets. Raises: argument.
---@param result stlua.Result?
---@param secrets table<string, stlua.Secret>
function M.columns(result, secrets)
  result = result or {}
  errors.check_fields("a result", result, RESULT_FIELDS)
  for _, name in ipairs { "firmware_sha256", "job_sha256" } do
    local hash = result[name]
    if hash and not (#hash == 64 and hash:match("^%x+$")) then
      errors.raise("format", nil, "%s has 64 hex digits, not %q", name, hash)
    end
  end
  if result.duration_ms and not (result.duration_ms >= 0 and result.duration_ms < math.huge) then
    errors.raise("range", "measure with a clock that does not jump", "duration_ms is %s", tostring(result.duration_ms))
  end
  local columns = { duration_ms = result.duration_ms }
  for _, name in ipairs(TEXT_FIELDS) do
    columns[name] = result[name] and M.clean(result[name], secrets)
  end
  for _, name in ipairs { "options_written", "durations_ms", "measurements" } do
    local text = json.encode(result[name])
    columns[name .. "_json"] = text and identity.scrub(text, secrets)
  end
  return columns
end

--- A text without secrets, and without bytes that a database or a terminal chokes on.
function M.clean(text, secrets)
  text = identity.scrub(text, secrets)
  if not utf8.len(text) then text = text:gsub("[\x80-\xFF]", "?") end
  return (text:gsub("[%z\1-\8\11-\31\127]", "?"))
end

-- End the attempt; true when it was still running.
local function end_attempt(self, result, columns, err)
  local code, message, context
  if err ~= nil then code, message, context = errors.describe(err) end
  local row = self.ledger.db:one([[UPDATE attempts SET result = ?, ended_at = ?,
        firmware_sha256 = COALESCE(?, firmware_sha256), job_sha256 = COALESCE(?, job_sha256),
        tool_version = COALESCE(?, tool_version), probe = COALESCE(?, probe), slot = COALESCE(?, slot), notes = ?,
        options_written_json = ?, durations_ms_json = ?, duration_ms = ?, measurements_json = ?,
        error_code = ?, error_message = ?, error_context_json = ?
      WHERE id = ? AND result = 'running' RETURNING id]], result, self.ledger:now(),
    columns.firmware_sha256, columns.job_sha256, columns.tool_version, columns.probe, columns.slot, columns.notes,
    columns.options_written_json, columns.durations_ms_json, columns.duration_ms, columns.measurements_json,
    code, message and M.clean(message, self.secrets),
    context and #context > 0 and M.clean(json.encode(context), self.secrets) or nil, self.attempt_id)
  return row ~= nil
end

-- The attempt is not running any more: was it we, in a transaction whose answer was lost?
local function check_ended(self, result)
  local row = self.ledger.db:one("SELECT result FROM attempts WHERE id = ?", self.attempt_id)
  if row and row.result == result then return end
  error(errors.new("refused", ("unit %s: this attempt was ended as `%s` by another process"):format(self.uid,
    row and row.result or "?"), "`stlua ledger history` shows by whom; do the unit again", "taken_over"), 0)
end

local function check_open(self)
  if self.is_closed then
    errors.raise("argument", nil, "unit %s is %s already", self.uid, self.state)
  end
end

local function closed(self, state)
  self.is_closed, self.state = true, state
  self.ledger.units_in_work[self.allocation_id] = nil
  for _, item in pairs(self.secrets) do item:wipe() end
end

--- The unit is good: its identity is its own for ever. Raises: argument, refused (taken over), and what
--- the database raises; then the unit is still open.
---@param result stlua.Result?
function unit:commit(result)
  check_open(self)
  local columns = M.columns(result, self.secrets)
  self.ledger.db:transaction("commit unit " .. self.uid, function()
    if not end_attempt(self, "pass", columns) then return check_ended(self, "pass") end
    self.ledger.db:exec([[UPDATE allocations SET state = 'committed', committed_at = ?
        WHERE id = ? AND session_id = ? AND state = 'reserved']], self.ledger:now(), self.allocation_id,
      self.ledger.session_id)
  end)
  closed(self, "committed")
end

--- The unit failed. Its number stays with its UID; with on_fail = "void" it is retired.
--- Raises as `commit` does.
---@param reason string|stlua.Error what went wrong; an error also gives code and context
---@param result stlua.Result?
function unit:void(reason, result)
  check_open(self)
  if reason == nil or reason == "" then errors.raise("argument", nil, "a unit is voided with a reason") end
  local columns = M.columns(result, self.secrets)
  local err = type(reason) == "table" and reason or errors.new("refused", tostring(reason))
  local _, message = errors.describe(err)
  if type(reason) ~= "table" then err.code = "voided" end
  self.ledger.db:transaction("void unit " .. self.uid, function()
    if not end_attempt(self, "fail", columns, err) then return check_ended(self, "fail") end
    self.ledger.db:exec([[UPDATE allocations SET state = 'void', voided_at = ?, void_reason = ?,
        is_retired = CASE WHEN committed_at IS NULL AND ? = '1' THEN 1 ELSE 0 END
        WHERE id = ? AND session_id = ? AND state = 'reserved']], self.ledger:now(), M.clean(message, self.secrets),
      self.on_fail == "void" and "1" or "0", self.allocation_id, self.ledger.session_id)
  end)
  closed(self, "void")
end

--- Let go of the unit when the ledger could not record its end: its reservation stands, and is found as
--- abandoned when the unit comes back, by this process or another.
function unit:abandon()
  if not self.is_closed then closed(self, "abandoned") end
end

--- End of scope. What ended it is recorded; when the ledger cannot record it, that error travels only if
--- no other does: the reservation is then found as abandoned.
function unit:__close(err)
  if self.is_closed then return end
  local reason = err ~= nil and err or errors.new("interrupted", "the unit was left without a result")
  local ok, why = pcall(self.void, self, reason)
  if not ok then
    self:abandon()
    if err == nil then error(why, 0) end
  end
end

--- A unit object from what ledger_allocate reserved.
function M.new(ledger, plain)
  plain.ledger, plain.state, plain.is_closed = ledger, "reserved", false
  return setmetatable(plain, unit)
end

return M
