--- What `stlua ledger` can do: one table of actions, each with the words it takes. Keys are never shown.
local errors = require "stlua.errors"
local exports = require "stlua.ledger_export"
local format = require "stlua.format"
local job_ledger = require "stlua.job_ledger"
local json = require "stlua.json"
local ledgers = require "stlua.ledger"
local shows = require "stlua.ledger_show"
local stlua = require "stlua"

local M = {}

local function open(args, options)
  local place = job_ledger.place(nil, args.ledger)
  if not place then
    errors.raise("usage", "--ledger PATH, or set STLUA_LEDGER; `stlua ledger create PATH` makes one", "no ledger is named")
  end
  options = options or {}
  local variable = os.getenv("STLUA_VAULT_KEY")
  options.vault_key_file = args.vault or (variable ~= "" and variable or nil)
  return job_ledger.open(place, options)
end

-- The only product there is, when none is named.
local function product_of(ledger, args)
  if args.product then return args.product end
  local rows = ledger.db:rows("SELECT name FROM products ORDER BY name")
  if #rows == 1 then return rows[1].name end
  local names = {}
  for i, row in ipairs(rows) do names[i] = row.name end
  errors.raise("usage", #names > 0 and "there are " .. table.concat(names, ", ") or "a job's first run makes one",
    "--product says which")
end

-- A serial, a UID or an EUI-64: whatever finds something.
local function find(ledger, filter, text)
  if not text then return ledger:find(filter) end
  for _, name in ipairs { "serial", "uid", "eui64" } do
    local one = { [name] = text }
    for key, value in pairs(filter) do one[key] = value end
    local ok, rows = pcall(ledger.find, ledger, one)
    if not ok and rows.code ~= "format" then error(rows, 0) end -- a serial is no UID: that is no error here
    if ok and #rows > 0 then return rows end
  end
  return {}
end

-- The identities of the one unit that has it.
local function find_one(ledger, args, text)
  local rows = find(ledger, { product = args.product }, text)
  if #rows == 0 then errors.raise("argument", "`stlua ledger search` lists all", "no unit has %s", text) end
  for _, row in ipairs(rows) do
    if row.uid ~= rows[1].uid then
      errors.raise("ambiguous", "name its UID: " .. rows[1].uid .. " or " .. row.uid, "%s is in several units", text)
    end
  end
  return rows
end

local actions = {}

local function create(session, args, path)
  if stlua.file_kind(path) and not ledgers.is_unused(path) then
    errors.raise("refused", "another path makes another; this one is opened with --ledger", "%s is there already", path)
  end
  if args.vault and not stlua.file_kind(args.vault) then
    ledgers.create_vault_key(args.vault)
    session:say("%s: a new vault key. Without it sealed keys cannot be read again: keep a copy elsewhere", args.vault)
  end
  args.ledger = path
  local ledger <close> = open(args, { create = true })
  return "made " .. ledger.name, { ledger = ledger.name }
end

actions[#actions + 1] = { "create", "PATH", "make a new ledger; --vault FILE makes a key to seal keys with, too", create }

actions[#actions + 1] = { "migrate", "", "bring an older ledger up to date; a copy stays beside it", function(_, args)
  local ledger <close> = open(args, { migrate = true })
  return ledger.name .. " is up to date", {}
end }

actions[#actions + 1] = { "products", "[JOB]", "what is in it; with --replace JOB, change a product for all stations",
  function(session, args, file)
    if file and not args.replace then errors.raise("usage", "--replace says so", "is %s to replace a product?", file) end
    local ledger <close> = open(args, { read_only = not file or nil })
    if file then
      local job = require("stlua.job").load(file)
      ledger:product(job.product_name, job.identity, { replace = true })
      return ("product %s is as %s says"):format(job.product_name, file), {}
    end
    return shows.products(session, ledger)
  end }

actions[#actions + 1] = { "show", "SERIAL|UID|EUI", "one unit: its identity, and every attempt", function(session, args, text)
  local ledger <close> = open(args, { read_only = true })
  return shows.unit(session, ledger, find_one(ledger, args, text))
end }

actions[#actions + 1] = { "search", "[SERIAL|UID|EUI]", "units; --product --state --since --until --station --operator",
  function(session, args, text)
    local ledger <close> = open(args, { read_only = true })
    local filter = { product = args.product, state = args.state, since = args.since, ["until"] = args["until"],
      station = args.station, operator = args.operator }
    return shows.units(session, find(ledger, filter, text))
  end }

actions[#actions + 1] = { "history", "UID", "every attempt with a chip, also those without an identity",
  function(session, args, uid)
    local ledger <close> = open(args, { read_only = true })
    return shows.attempts(session, ledger:history(uid))
  end }

actions[#actions + 1] = { "export", "FILE", "attempts, or --units, as CSV or JSON; FILE may be -", function(session, args, file)
  local ledger <close> = open(args, { read_only = true })
  return exports.write(session, ledger, args, file)
end }

actions[#actions + 1] = { "import", "FILE", "a list of identities for --product, all of it or nothing",
  function(_, args, file)
    local ledger <close> = open(args)
    local product = product_of(ledger, args)
    local count = ledger:import_list(file, { product = product })
    return ("%s imported for %s"):format(format.count(count, "line"), product), { lines = count, product = product }
  end }

actions[#actions + 1] = { "void", "SERIAL|UID", "void an identity, with --reason; --retire: a new one next time",
  function(_, args, text)
    if not args.reason then errors.raise("usage", '--reason "scrapped: cracked antenna"', "why is it void?") end
    local ledger <close> = open(args)
    local row = find_one(ledger, args, text)[1]
    ledger:void { product = row.product, uid = row.uid, reason = args.reason, operator = args.operator, retire = args.retire }
    return ("%s of unit %s is void%s"):format(row.serial or "the identity", row.uid,
      args.retire and ", the unit gets a new one when it comes back" or ", and stays with its unit"), {}
  end }

actions[#actions + 1] = { "recover", "", "close the reservations of processes that died", function(session, args)
  local ledger <close> = open(args)
  local found = ledger:recover()
  for _, row in ipairs(found) do
    session:say("%s  %s  %s%s", row.product, row.uid, row.serial or "-", row.is_retired and "  retired" or "")
  end
  return format.count(#found, "reservation") .. " closed", { recovered = json.array(found) }
end }

actions[#actions + 1] = { "sessions", "", "the processes that work with it now", function(session, args)
  local ledger <close> = open(args, { read_only = true })
  return shows.sessions(session, ledger)
end }

---@return string[]
function M.names()
  local names = {}
  for i, action in ipairs(actions) do names[i] = action[1] end
  return names
end

---@return string
function M.help()
  local rows = {}
  for i, action in ipairs(actions) do rows[i] = { "  " .. action[1] .. " " .. action[2], action[3] } end
  return "Actions:\n" .. table.concat(format.columns(rows), "\n")
end

local function check_words(action, words)
  local wants, count = action[2], #words
  local most = wants == "" and 0 or 1
  local least = wants ~= "" and wants:sub(1, 1) ~= "[" and 1 or 0
  if count > most or count < least then
    errors.raise("usage", "`stlua ledger --help`", "%s takes %s", action[1], wants == "" and "no more words" or wants)
  end
end

--- Do one of them.
---@param session stlua.Session
---@param args table
function M.run(session, args)
  for _, action in ipairs(actions) do
    if action[1] == args.action then
      check_words(action, args.words)
      return action[4](session, args, args.words[1])
    end
  end
end

return M
