--- The ledger a job writes to: --ledger, then $STLUA_LEDGER, then what the job says. A new one is never made
--- on the way: a misspelled path would count from 1 again.
local errors = require "stlua.errors"
local ledgers = require "stlua.ledger"
local stlua = require "stlua"

local M = {}

--- Where it is, or nil. An empty STLUA_LEDGER counts as none.
---@param job stlua.Job?
---@param named string? --ledger
---@return string?
function M.place(job, named)
  if named then return named end
  local variable = os.getenv("STLUA_LEDGER")
  if variable and variable ~= "" then return variable end
  return job and job.ledger.path
end

local function vault_key_file(job, options)
  if options.vault_key_file then return options.vault_key_file end
  local variable = os.getenv("STLUA_VAULT_KEY")
  if variable and variable ~= "" then return variable end
  return job and job.ledger.vault_key_file
end

--- Does the job need a ledger? A product without serials, EUIs, keys and lists can do without.
function M.is_needed(job) return next(job.identity) ~= nil end

--- Open a ledger, errors as the runner prints them.
---@param place string
---@param options stlua.LedgerOptions
---@return stlua.Ledger
function M.open(place, options)
  options.tool_version = options.tool_version or stlua.version
  local ok, ledger = pcall(ledgers.open, place, options)
  if ok then return ledger end
  ledger = errors.chained(ledger)
  if ledger.reason == "no_schema" or (ledger.code == "file" and not place:match("^postgres")
      and not stlua.file_kind(place)) then
    ledger.hint = ("`stlua ledger create %s` makes a new one"):format(place)
  end
  error(ledger, 0)
end

-- Else every unit would fail, one after the other.
local function check_vault(job, ledger)
  for name, key in pairs(job.product.keys) do
    if key.source == "random" and not key.renew and not ledger.vault then
      ledger:close()
      errors.raise("usage", "$STLUA_VAULT_KEY or the job's `ledger.vault_key_file` names its file",
        "key `%s` of job %s is random, and ledger %s is opened without its vault key", name, job.name, ledger.name)
    end
  end
end

--- Open the job's ledger and make its product known there. nil when the job needs none and none is named.
--- Raises: usage (none named), argument, refused (product with another specification), and as ledger.open does.
---@param job stlua.Job
---@param options { ledger: string?, station: string?, vault_key_file: string?, read_only: boolean? }?
---@return stlua.Ledger?
function M.open_for(job, options)
  options = options or {}
  local place = M.place(job, options.ledger)
  if not place then
    if not M.is_needed(job) then return nil end
    errors.raise("usage", "--ledger PATH, STLUA_LEDGER or the job's `ledger.path`; `stlua ledger create PATH` makes one",
      "job %s gives units an identity and names no ledger", job.name)
  end
  local ledger = M.open(place, { station = options.station or job.ledger.station, read_only = options.read_only,
    vault_key_file = vault_key_file(job, options) })
  if options.read_only then return ledger end
  check_vault(job, ledger)
  local ok, err = pcall(ledger.product, ledger, job.product_name, job.identity)
  if ok then return ledger end
  ledger:close()
  err = errors.chained(err)
  if err.code == "refused" then err.hint = ("`stlua ledger products --replace %s` changes it for all stations"):format(job.file) end
  error(err, 0)
end

return M
