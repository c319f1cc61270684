-- What the specs of this folder share: jobs made of a base and changes, a ledger of their own, simulated boards.
local identity = require "stlua.identity"
local jobs = require "stlua.job"
local ledgers = require "stlua.ledger"
local provision = require "stlua.provision"
local sim = require "stlua.sim"
local support = require "support"

local M = {}

M.vault_key = ("\x5A"):rep(32)

--- A job's text: the base, with fields replaced or added. A field is Lua text; false takes one away.
local base = {
  name = '"node"', board = '"rak811"', firmware = '"fw.hex"',
  identity = [[{ serial = { "SN", { counter = 4 } }, eui64 = { dev_eui = { first = "70B3D57ED0050000", last = "70B3D57ED005000F" } },
    keys = { app_key = { byte_count = 16, source = "random" } } }]],
  patches = [[{ { at = 0x0801E000, type = "eui64", field = "dev_eui" }, { at = 0x0801E008, key = "app_key" } }]],
  eeprom = [[{ { offset_bytes = 0, type = { type = "ascii", byte_count = 16, pad = 0 }, field = "serial" } }]],
}

--- A folder with firmware and a job file; gives the file's path.
function M.write_job(changes, folder)
  folder = folder or support.folder()
  support.write_file(folder .. "/fw.hex", support.read_file(support.source .. "/tests/firmware/rtt.hex"))
  local fields = {}
  for name, text in pairs(base) do fields[name] = text end
  for name, text in pairs(changes or {}) do fields[name] = text end
  local lines = {}
  for name, text in pairs(fields) do
    if text then lines[#lines + 1] = ("  %s = %s,\n"):format(name, text) end
  end
  return support.write_file(folder .. "/job.lua", "return {\n" .. table.concat(lines) .. "}\n")
end

function M.job(changes, folder) return jobs.load(M.write_job(changes, folder)) end

--- A new ledger that knows the job's product.
---@return stlua.Ledger ledger
---@return string path
function M.ledger(job, options)
  local path = support.folder() .. "/line.db"
  local all = { create = true, vault_key = identity.secret(M.vault_key) }
  for name, value in pairs(options or {}) do all[name] = value end
  local ledger = ledgers.open(path, all)
  ledger:product(job.product_name, job.identity)
  return ledger, path
end

--- A board that keeps its memories between sessions.
function M.board(keys)
  local all = { state = support.folder() .. "/board.sim" }
  for name, value in pairs(keys or {}) do all[name] = value end
  return function(options)
    options = options or {}
    return sim.session { board = "rak811", keys = all, connect = options.connect }
  end
end

--- One unit, from a session of its own.
---@return stlua.Outcome
function M.provision(board, job, ledger, options)
  local session <close> = board()
  local all = { ledger = ledger }
  for name, value in pairs(options or {}) do all[name] = value end
  return provision.run(session, job, all)
end

--- What a unit must have become; its error is the failure.
function M.assert_pass(outcome)
  if outcome.result ~= "pass" then error(("%s in step %s"):format(tostring(outcome.error), tostring(outcome.failed_step)), 2) end
  return outcome
end

function M.assert_fail(code, outcome)
  if outcome.result ~= "fail" then error("the unit passed, " .. code .. " was expected", 2) end
  if outcome.error.code ~= code then error(("%s was expected, not: %s"):format(code, tostring(outcome.error)), 2) end
  return outcome
end

return M
