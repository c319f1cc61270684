-- Every write of a file or of the ledger fails: a proper error, no false success, nothing half done, and the same
-- command once more is all it takes. `make soak-faults` tries every point, here it is a few of each command.
local support = require "support"
package.path = support.source .. "/tests/writes/?.lua;" .. package.path
local sweep = require "sweep"

describe("with every write made to fail,", function() sweep.add(it, pending, { require "files", require "lines" }) end)
after_each(support.clean)
teardown(sweep.print_tallies)
