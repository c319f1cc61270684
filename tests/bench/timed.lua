-- tests/bench/timed.lua OUT COMMAND: run a command, write its wall time and CPU time in seconds to OUT.
package.path = arg[0]:gsub("[^/]*$", "") .. "?.lua;" .. package.path
local socket = require "socket"
local children_cpu_s = require "cpu"
local start = socket.gettime()
local ok, _, status = os.execute(arg[2])
local wall_s = socket.gettime() - start
local file = assert(io.open(arg[1], "w"))
file:write(("%.4f %.2f\n"):format(wall_s, children_cpu_s()))
file:close()
os.exit(ok and 0 or status)
