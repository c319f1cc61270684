--- For the specs of this folder: a job, its ledger, and processes that say events.
local json = require "stlua.ledger_json"
local ledgers = require "stlua.ledger"
local stlua = require "stlua"
local support = require "support"

local M = {}

local job_text = [[
return {
  name = "node", board = "rak811", firmware = %q,
  identity = { serial = { "N", { counter = 6 } } },
  eeprom = { { offset_bytes = 0, type = { type = "ascii", byte_count = 16, pad = 0 }, field = "serial" } },
  %s
}
]]

--- A job file and an empty ledger.
---@param extra string? more fields of the job
---@return string job
---@return string ledger
function M.job(extra)
  local folder = support.folder()
  local job = support.write_file(folder .. "/job.lua", job_text:format(support.source .. "/tests/firmware/rtt.hex", extra or ""))
  support.good { "ledger", "create", folder .. "/line.db" }
  return job, folder .. "/line.db"
end

--- What a process says, one event at a time; nil when it has ended.
function M.events(process)
  local rest = ""
  return function()
    while true do
      local line, after = rest:match "^([^\n]*)\n(.*)$"
      if line then
        rest = after
        if line:sub(1, 1) == "{" then return json.decode(line) end
      else
        local status = process:status()
        local bytes = process:read()
        if (bytes or "") ~= "" then rest = rest .. bytes elseif status or not bytes then return nil end
        stlua.sleep(0.002)
      end
    end
  end
end

--- The status of a process, once it has ended.
function M.wait(process)
  for _ = 1, 3000 do
    local status = process:status()
    if status then return status end
    stlua.sleep(0.01)
  end
  error("process " .. process:pid() .. " does not end")
end

--- All attempts of a ledger, as { result, uid, serial }.
function M.attempts(place)
  local ledger <close> = ledgers.open(place)
  return ledger.db:rows "SELECT result, uid, serial, slot, error_code FROM attempts ORDER BY id"
end

return M
