--- Commands that write the ledger: it must stay sound, and true to the chips.
local judge = require "judge"
local support = require "support"
local world = require "world"

local uid = "333138353635000000000001"
local ledger_files = { "line%.db", "line%.key", "line%.db%-wal", "line%.db%-shm", "line%.db%-journal", "line%.db%-sessions",
  "job%.lua", "fw%.hex", "b%d?%.sim", "SN%d+%.txt", "list%.csv", "all%.csv", "all%.json", "report%.txt" }

local function spec(folder, name, its_uid) return ("rak811?uid=%s&state=%s/%s"):format(its_uid or uid, folder, name) end

local function provision(folder) return { "--probe", "sim:" .. spec(folder, "b.sim"), "provision", folder .. "/job.lua" } end

-- A line with one unit done.
local function prepare_done(folder)
  local env = world.prepare_line(folder)
  local words = provision(folder)
  words.env = env
  support.good(words)
  return env
end

local function label_is_whole(place)
  for name in pairs(place:names()) do
    local serial = name:match "^(SN%d+)%.txt$"
    if serial then judge.whole(place, name, "SN " .. serial .. "\n") end
  end
end

-- The one unit of the line, and what was said of it.
local function judge_unit(place, is_done)
  local has_passed = place:ledger(function(db) return judge.truth(db, uid, spec(place.copy, "b.sim")) end)
  if is_done then assert(has_passed, "PASS was told, the ledger knows of none") end
  label_is_whole(place)
end

local function judge_batch(place, is_done)
  for n = 1, 2 do
    local its_uid = ("33313835363500000000000%d"):format(n)
    local has_passed = place:ledger(function(db) return judge.truth(db, its_uid, spec(place.copy, "b" .. n .. ".sim", its_uid)) end)
    if is_done then assert(has_passed, "board " .. n .. " was told to have passed") end
  end
  label_is_whole(place)
end

-- What the ledger must say after one of its actions.
local function action(title, tries, words, is_right, prepare, refusal)
  return { name = "ledger", title = "ledger " .. title, tries = tries, words = words, allowed = ledger_files,
    prepare = prepare or prepare_done, refusal = refusal,
    judge = function(place, is_done)
      judge_unit(place, false)
      if is_done then place:ledger(function(db) assert(is_right(db, place), "the ledger does not say so") end) end
    end }
end

local function prepare_list(folder)
  local env = prepare_done(folder)
  support.write_file(folder .. "/list.csv", "serial\nL1\nL2\n")
  support.write_file(folder .. "/list.lua", [[return { args = {}, run = function()
    local ledger <close> = require("stlua.ledger").open(os.getenv "STLUA_LEDGER", { vault_key_file = os.getenv "STLUA_VAULT_KEY" })
    ledger:product("listed", { serial = "list", list = { serial = { max_chars = 8 } } })
    return "known"
  end }]])
  support.good { folder .. "/list.lua", env = env }
  os.remove(folder .. "/list.lua")
  return env
end

local function export(file, tries, pattern)
  local sweep = action("export " .. file, tries, function(folder) return { "ledger", "export", folder .. "/" .. file } end,
    function(_, place) return place:bytes(file):match(pattern) end)
  local judge_ledger = sweep.judge
  function sweep.judge(place, is_done)
    judge_ledger(place, is_done)
    local bytes = place:bytes(file)
    assert(not bytes or bytes:match(pattern), "half an export")
  end
  return sweep
end

return {
  { name = "provision", words = provision, tries = 3, prepare = function(folder) return world.prepare_line(folder) end,
    allowed = ledger_files, judge = judge_unit },
  { name = "provision", title = "provision, a unit that comes back", words = provision, tries = 1, prepare = prepare_done,
    allowed = ledger_files, judge = judge_unit },
  { name = "batch", tries = 0, prepare = function(folder) return world.prepare_line(folder) end, allowed = ledger_files,
    words = function(folder)
      return { "--probe", "sim:" .. spec(folder, "b{n}.sim", "33313835363500000000000{n}"), "batch", folder .. "/job.lua",
        "--count", "2" }
    end, judge = judge_batch },
  action("import", 1, function(folder) return { "ledger", "import", folder .. "/list.csv", "--product", "listed" } end,
    function(db) return db:one("SELECT COUNT(*) AS n FROM pool").n == 2 end, prepare_list, "error %[format%].* was imported before\n"),
  action("void", 1, function() return { "ledger", "void", uid, "--reason", "scrapped" } end,
    function(db) return db:one("SELECT state FROM allocations").state == "void" end),
  export("all.csv", 1, "^id,product.*SN0001.*\r\n$"),
  export("all.json", 0, "^%[.*SN0001.*%]\n?$"),
  { name = "report", title = "report >FILE", tries = 0, stdout = "report.txt", prepare = prepare_done, allowed = ledger_files,
    words = function() return { "report" } end,
    judge = function(place, is_done)
      judge_unit(place, false)
      if is_done then assert(place:bytes "report.txt":match "report: 1 product\n$") end
    end },
}
