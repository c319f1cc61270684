--- What the sweeps work in: a folder that is put back to the same beginning before each point.
local databases = require "stlua.ledger_db"
local select_probe = require "stlua.select"
local stlua = require "stlua"
local support = require "support"
package.path = support.source .. "/tests/provision/?.lua;" .. package.path
local line = require "line"

local M = {}

local quote = support.quote

local function shell(text, ...)
  local result = support.shell(("sh -c " .. quote(text)):format(...))
  assert(result.status == 0, result.err)
  return result.out
end

--- A world: `prepare(folder)` fills it once.
function M.new(prepare)
  local root = support.folder()
  local self = setmetatable({ root = root, folder = root .. "/at", copy = root .. "/copy" }, { __index = M })
  shell("mkdir %s", self.folder)
  if prepare then prepare(self.folder) end
  shell("cp -a %s %s/first", self.folder, root)
  return self
end

-- A simulator whose host was killed saves its board before it ends; until then the board is in use.
local function is_simulating(folder)
  for _, pid in ipairs(stlua.list_folder "/proc") do
    local file = pid:match "^%d+$" and io.open(("/proc/%s/cmdline"):format(pid))
    local words = file and file:read "a" or ""
    if file then file:close() end
    if words:match "^[^%z]*stlua%-sim%z" and words:find(folder, 1, true) then return true end
  end
  return false
end

function M:wait_for_simulators()
  for _ = 1, 500 do
    if not is_simulating(self.folder) then return end
    stlua.sleep(0.02)
  end
  error "a simulator does not end"
end

--- As it was in the beginning.
function M:rewind() shell("cd %s && rm -rf at copy && cp -a first at", self.root) end

--- What is there, without numbers of processes in it.
---@return table<string, boolean>
function M:names()
  local names = {}
  for _, name in ipairs(stlua.list_folder(self.folder)) do names[name] = true end
  return names
end

function M:path(name) return self.folder .. "/" .. name end

--- A file's bytes, or nil.
function M:bytes(name) return stlua.file_kind(self:path(name)) and support.read_file(self:path(name)) or nil end

--- Rows of the ledger, looked at in a copy: looking must not be what repairs it.
---@param query fun(db: stlua.LedgerDb): any
function M:ledger(query)
  shell("cd %s && rm -rf copy && cp -a at copy", self.root)
  local db <close> = databases.open(self.copy .. "/line.db", {})
  return query(db)
end

--- The serial number in a simulated chip's EEPROM and its RDP word, from behind: the chip may be locked.
---@return string serial empty when there is none
---@return boolean is_locked
function M.chip(spec)
  local probe = stlua.open_sim(spec, select_probe.simulator_path())
  local function peek(addr, byte_count)
    local hex = probe:admin(("peek 0x%08X %d"):format(addr, byte_count)):gsub("%X", "")
    return (hex:gsub("%x%x", function(digits) return string.char(tonumber(digits, 16)) end))
  end
  local serial, option_word = peek(0x08080000, 16):match "^[^%z]*", ("<I4"):unpack(peek(0x1FF80000, 4))
  probe:close()
  return serial, option_word == 0xFF4400BB
end

-- The server's ledger goes on from point to point: there are numbers enough for all of them.
local identity = [[{ serial = { "SN", { counter = 4 } }, eui64 = { dev_eui = { first = "70B3D57ED0050000",
  last = "70B3D57ED005FFFF" } }, keys = { app_key = { byte_count = 16, source = "random" } } }]]

--- A job with a label, a key, and the lock; a ledger with its vault key.
function M.prepare_line(folder, where)
  local env = { STLUA_LEDGER = where or folder .. "/line.db", STLUA_VAULT_KEY = folder .. "/line.key" }
  local words = { "ledger", "create", env.STLUA_LEDGER, "--vault", env.STLUA_VAULT_KEY }
  if where then -- a database is no file: `create` is for paths
    local ledgers = require "stlua.ledger"
    ledgers.create_vault_key(env.STLUA_VAULT_KEY)
    ledgers.open(where, { create = true, vault_key_file = env.STLUA_VAULT_KEY }):close()
  else
    support.good(words)
  end
  line.write_job({ identity = identity, lock = "{ rdp_level = 1 }", unlock = '"returning"',
    label = '{ text = "SN {serial}", path = "{serial}.txt" }' }, folder)
  return env
end

return M
