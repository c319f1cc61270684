--- The two databases every ledger spec runs on: fresh() gives the path or URL of an empty one.
local support = require "support"
local postgres = require "postgres"

local M = {}

local folder, server, count = nil, nil, 0

M.list = {
  { name = "SQLite", fresh = function()
    folder = folder or support.folder()
    count = count + 1
    return ("%s/ledger%d.db"):format(folder, count)
  end },
  { name = "PostgreSQL", fresh = function()
    server = server or postgres.start()
    return postgres.database(server)
  end },
}

function M.server()
  server = server or postgres.start()
  return server
end

function M.stop()
  if server then postgres.stop(server) end
  if folder then support.remove(folder) end
  server, folder = nil, nil
end

return M
