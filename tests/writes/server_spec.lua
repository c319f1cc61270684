-- The connection to a PostgreSQL ledger breaks at any message; the rest is as in every_write_spec.lua.
local support = require "support"
package.path = support.source .. "/tests/writes/?.lua;" .. package.path
local server = require "server"
local sweep = require "sweep"

describe("with every message made to fail,", function() sweep.add(it, pending, { server }) end)
teardown(function()
  server.stop()
  sweep.print_tallies()
  support.clean()
end)
