--- A PostgreSQL server of one's own: in a temporary folder, on a unix socket only, as an unprivileged
--- user (postgres refuses root), gone when the test is: a watcher stops it when this process ends.
local support = require "support"

local M = {}

local function command_line(server, command)
  if server.user then return ("runuser -u %s -- sh -c %q"):format(server.user, command) end
  return ("sh -c %q"):format(command)
end

local function run(server, command)
  local text, ok = support.run("cd / && " .. command_line(server, command))
  if not ok then error("failed: " .. command .. "\n" .. text, 2) end
  return text
end

local function bin_folder()
  local folder = support.run("ls -d /usr/lib/postgresql/*/bin 2>/dev/null | sort -V | tail -1"):match("%S+")
  if folder then return folder .. "/" end
  assert(select(2, support.run("command -v initdb")), "no PostgreSQL server is installed (Debian: postgresql)")
  return ""
end

function M.start()
  local server = { folder = support.folder(), bin = bin_folder() }
  if support.run("id -u"):match("^0") then
    server.user = "postgres"
    assert(os.execute(("chown %s '%s'"):format(server.user, server.folder)))
  end
  server.data = server.folder .. "/data"
  server.url = ("postgresql://stlua@/postgres?host=%s"):format(server.folder)
  local pid = io.open("/proc/self/stat"):read("l"):match("^%d+")
  run(server, ("%sinitdb -D %s -U stlua --auth=trust -E UTF8 --locale=C >%s/initdb.log 2>&1"):format(server.bin, server.data,
    server.folder))
  M.up(server)
  os.execute(("(while [ -d /proc/%s ]; do sleep 0.2; done; %s; rm -rf '%s') >/dev/null 2>&1 &"):format(pid,
    command_line(server, ("%spg_ctl -D %s -m immediate stop"):format(server.bin, server.data)), server.folder))
  return server
end

--- Start the server; fsync is off, since no test cuts this machine's power.
function M.up(server)
  run(server, ("%spg_ctl -D %s -w -l %s/log -o \"-k %s -c listen_addresses= -c fsync=off\" start >/dev/null"):format(
    server.bin, server.data, server.folder, server.folder))
end

--- Stop the server: "fast" as an administrator would, "immediate" as a crash does.
function M.down(server, mode)
  run(server, ("%spg_ctl -D %s -w -m %s stop >/dev/null"):format(server.bin, server.data, mode or "fast"))
end

--- A new, empty database; gives its URL.
local database_count = 0
function M.database(server)
  database_count = database_count + 1
  local name = "ledger" .. database_count
  run(server, ("%spsql -q -h %s -U stlua postgres -c 'CREATE DATABASE %s'"):format(server.bin, server.folder, name))
  return (server.url:gsub("/postgres%?", "/" .. name .. "?"))
end

--- Run SQL as an administrator; gives what psql prints.
function M.sql(server, url, sql)
  return run(server, ("%spsql -qtA '%s' -c \\\"%s\\\""):format(server.bin, url, sql):gsub('\\"', '"'))
end

function M.stop(server)
  pcall(M.down, server, "immediate")
  support.remove(server.folder)
end

return M
