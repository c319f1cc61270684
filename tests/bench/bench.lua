-- tests/bench/bench.lua: every job on every tool against the same stlua-sim, paced, in one run.
-- Usage: tests/bench/run BUILD_DIR [tool=stlua] [JOB ...]. Writes BUILD_DIR/bench.md and BUILD_DIR/bench.svg.
--
-- Wall time is what a user waits: from process start to exit. Transfers, bytes and flash operations are
-- the simulator's own counts. The ratio is against the time that the operations the job needs take alone.
-- The others, and stlua itself where it says so, reach stlua-sim over the simulated USB bus (tests/usb).
local here, build = arg[1], arg[2]
package.path = here .. "/?.lua;" .. package.path
local socket = require "socket"
local cjson = require "cjson"
local chart = require "chart"
local children_cpu_s = require "cpu"

local bin = build .. "/bin"
local work = os.getenv("TMPDIR") or "/tmp"
local folder = (io.popen("mktemp -d " .. work .. "/stlua-bench.XXXXXX"):read("l"))
local OP_S = 0.00328

local function quote(text) return "'" .. text:gsub("'", "'\\''") .. "'" end

local function exists(path)
  local file = io.open(path)
  if file then file:close() end
  return file ~= nil
end

local function has(program)
  return os.execute("command -v " .. program .. " >/dev/null 2>&1") == true
end

local function write_file(path, bytes)
  local file = assert(io.open(path, "wb"))
  file:write(bytes)
  file:close()
end

-- ---- contents ----

local seed = 12345
local function random_bytes(count)
  local bytes = {}
  for i = 1, count do
    seed = (seed * 1103515245 + 12345) % 2147483648
    bytes[i] = string.char(seed // 65536 % 255 + 1) -- no zero byte: every half page must be programmed
  end
  return table.concat(bytes)
end

local KIB = 1024
local files = {}
local function file_of(name, bytes)
  local path = folder .. "/" .. name
  write_file(path, bytes)
  files[name] = bytes
  return path
end

--- Pages of new that differ from old (both padded with blank), and the operations they need.
local function operations(new, old)
  local ops, pages = 0, 0
  for at = 1, #new, 256 do
    local n = new:sub(at, at + 255)
    n = n .. ("\0"):rep(256 - #n)
    local o = old:sub(at, at + 255)
    o = o .. ("\0"):rep(256 - #o)
    if #new - at < 255 then n = n:sub(1, #new - at + 1) .. o:sub(#new - at + 2) end -- the rest is kept
    if n ~= o then
      pages = pages + 1
      if o:find("[^\0]") then ops = ops + 1 end
      for half = 0, 1 do
        if n:sub(half * 128 + 1, half * 128 + 128):find("[^\0]") then ops = ops + 1 end
      end
    end
  end
  return ops, pages
end

local old128 = random_bytes(128 * KIB)
local new128 = random_bytes(128 * KIB)
file_of("old128.bin", old128)
file_of("new128.bin", new128)
file_of("new512.bin", random_bytes(512 * KIB))
file_of("old512.bin", random_bytes(512 * KIB))
file_of("serial.bin", new128:sub(1, 0x1F000) .. "SN-00012345" .. new128:sub(0x1F000 + 12))
file_of("eeprom_old.bin", random_bytes(4 * KIB))
file_of("eeprom_new.bin", random_bytes(4 * KIB))

local real = here .. "/../../../shared/data/firmware/RAK811_HF_trackerboard_V2.0.1."
local pair_note
if exists(real .. "8.bin") and exists(real .. "9.bin") then
  for _, version in ipairs { "8", "9" } do
    local file = assert(io.open(real .. version .. ".bin", "rb"))
    file_of("v" .. version .. ".bin", file:read("a"))
    file:close()
  end
  pair_note = "the real pair, V2.0.1.8 then V2.0.1.9"
else
  local first = random_bytes(107 * KIB)
  file_of("v8.bin", first)
  file_of("v9.bin", first:sub(1, 20000) .. random_bytes(9000) .. first:sub(29001))
  pair_note = "a generated pair: the real firmware is not here"
end

-- ---- the board ----

local socket_path = folder .. "/sim.socket"
local usb_run = bin .. "/stlua-usb-run"

local function admin(line)
  local pipe = io.popen(("%s/stlua-sim --admin %s %s"):format(bin, quote(socket_path), quote(line)))
  local answer = pipe:read("a")
  pipe:close()
  return answer
end

--- Run with a board that holds the given file in flash (and EEPROM). The board lives only for fn.
local function with_board(spec, state, fn)
  os.execute(("%s/stlua-sim --listen %s '%s&clock=paced&state=%s' >/dev/null 2>%s/sim.log &"):format(
    bin, quote(socket_path), spec, state, folder))
  for _ = 1, 200 do
    if exists(socket_path) or os.execute("test -S " .. quote(socket_path)) then break end
    socket.sleep(0.01)
  end
  local ok, result = pcall(fn)
  admin("quit")
  os.remove(socket_path)
  if not ok then error(result, 0) end
  return result
end

local prepared = {}
local function prepare(spec, name, eeprom)
  local key = spec .. "|" .. (name or "blank") .. "|" .. (eeprom or "")
  local state = folder .. "/state" .. #prepared .. ".sim"
  if not prepared[key] then
    prepared[#prepared + 1] = key
    prepared[key] = state
    local probe = ("sim:%s&clock=fast&state=%s"):format(spec, state)
    local function flash(file, base)
      local command = ("%s/stlua --probe %s flash %s/%s --base 0x%08X --quiet"):format(bin, quote(probe), folder,
        file, base)
      assert(os.execute(command .. " >" .. folder .. "/prepare.log 2>&1"), command)
    end
    if name then flash(name, 0x08000000) end
    if eeprom then flash(eeprom, 0x08080000) end
    if not name and not eeprom then
      os.execute(("%s/stlua --probe %s info >/dev/null 2>&1"):format(bin, quote(probe)))
    end
  end
  local copy = folder .. "/run.sim"
  os.execute(("cp %s %s"):format(prepared[key], copy))
  return copy
end

-- ---- tools ----

local has_bus = exists(usb_run)
local tools = {
  { name = "stlua", commands = {
    program = function(j) return ("stlua flash %s --base 0x%08X"):format(j.path, j.base) end,
    verify = function(j) return ("stlua verify %s --base 0x%08X"):format(j.path, j.base) end,
    identify = function() return "stlua info" end,
  } },
  { name = "OpenOCD 0.12", needs_bus = true, program = "openocd", commands = {
    program = function(j)
      return j.base == 0x08000000 and
        ("openocd -c 'set WORKAREASIZE 0x2800' -f interface/stlink.cfg -c 'transport select hla_swd' -f target/%s -c 'adapter speed 4000' " ..
          "-c 'program %s 0x%08X verify exit'"):format(j.cfg or "stm32l1.cfg", j.path, j.base)
    end,
    verify = function(j)
      return ("openocd -f interface/stlink.cfg -c 'transport select hla_swd' -f target/stm32l1.cfg -c 'adapter speed 4000' " ..
        "-c 'init; reset init; adapter speed 4000; verify_image %s 0x%08X; exit'"):format(j.path, j.base)
    end,
    identify = function()
      return "openocd -f interface/stlink.cfg -c 'transport select hla_swd' -f target/stm32l1.cfg -c 'adapter speed 4000' -c 'init; exit'"
    end,
  } },
  { name = "st-flash 1.7", needs_bus = true, program = "st-flash", commands = {
    program = function(j)
      return j.base == 0x08000000 and ("st-flash --freq=4000 --reset write %s 0x%08X"):format(j.path, j.base)
    end,
    identify = function() return "st-info --probe" end,
  } },
}

-- ---- jobs ----

local L1 = "stm32l151cb-a?probe=v2"
local function ops_time(new, old) return (operations(files[new], old and files[old] or "")) * OP_S end

local jobs = {
  { id = "full", what = "128 KiB, random, over old contents, verified", spec = L1, old = "old128.bin",
    new = "new128.bin", verb = "program", ratio = 1.05 },
  { id = "blank", what = "128 KiB onto a blank chip, verified", spec = L1, new = "new128.bin", verb = "program",
    ratio = 1.07 },
  { id = "pair", what = "next firmware version over the previous, verified", spec = L1, old = "v8.bin",
    new = "v9.bin", verb = "program", ratio = 1.05, extra_s = 0.25 },
  { id = "same", what = "the same image again, proved equal", spec = L1, old = "new128.bin", new = "new128.bin",
    verb = "program", most_s = 0.20 },
  { id = "verify", what = "verify 128 KiB", spec = L1, old = "new128.bin", new = "new128.bin", verb = "verify" },
  { id = "serial", what = "one changed serial number (1 page), verified", spec = L1, old = "new128.bin",
    new = "serial.bin", verb = "program", most_s = 0.25 },
  { id = "info", what = "connect and identify", spec = L1, old = "new128.bin", verb = "identify", most_s = 0.10 },
  { id = "dual", what = "512 KiB on Cat.5, both banks, over old contents", spec = "stm32l151re?probe=v2",
    old = "old512.bin", new = "new512.bin", verb = "program", ratio = 1.05, needed_s = 512 * 2 * 1.5 * 2 * OP_S,
    cfg = "stm32l1x_dual_bank.cfg", long = true },
  { id = "eeprom", what = "4 KiB EEPROM, every word changed", spec = L1, eeprom = "eeprom_old.bin",
    new = "eeprom_new.bin", base = 0x08080000, verb = "program", ratio = 1.08, needed_s = 512 * 2 * OP_S },
  -- a part with less RAM than any loader needs: what the description promises is not there
  { id = "slow", what = "128 KiB, no RAM code (half pages by the debug port)", spec = L1 .. "&ram=1024",
    old = "old128.bin", new = "new128.bin", verb = "program", ratio = 1.45, only = "stlua" },
}
jobs[8].needed_s = 512 * KIB / 256 / 2 * 3 * OP_S -- both banks at once

-- ---- running ----

local function run(tool, job)
  local make = tool.commands[job.verb]
  job.base = job.base or 0x08000000
  job.path = job.new and folder .. "/" .. job.new
  local command = make and make(job)
  if not command then return nil, "cannot" end
  if tool.needs_bus and not has_bus then return nil, "no simulated USB bus" end
  if tool.program and not has(tool.program) then return nil, tool.program .. " is not installed" end
  if has_bus then
    -- the bus stands before the clock starts
    command = ("%s --probe %s -- lua5.4 %s/timed.lua %s %s"):format(usb_run, quote(socket_path), here, folder .. "/time.txt",
      quote(command:gsub("^stlua", bin .. "/stlua")))
  else
    command = command:gsub("^stlua", bin .. "/stlua --probe " .. quote("sim:@" .. socket_path))
  end
  local state = prepare(job.spec, job.old, job.eeprom)
  return with_board(job.spec, state, function()
    local before = cjson.decode(admin("stats"))
    local cpu = children_cpu_s()
    local start = socket.gettime()
    local ok, _, status = os.execute(command .. " >" .. folder .. "/out.txt 2>&1")
    local wall_s = socket.gettime() - start
    cpu = children_cpu_s() - cpu
    if has_bus then
      local file = assert(io.open(folder .. "/time.txt"))
      wall_s, cpu = file:read("n", "n")
      file:close()
    end
    local after = cjson.decode(admin("stats"))
    local function delta(name) return after[name] - before[name] end
    if not ok then
      local out = io.open(folder .. "/out.txt"):read("a")
      return { failed = ("exit %s: %s"):format(status, out:match("[^\n]*[Ee]rror[^\n]*") or out:sub(-200)) }
    end
    return {
      wall_s = wall_s, sim_s = delta "sim_time_s", commands = delta "commands", cpu_s = cpu,
      bytes = delta "bytes_out" + delta "bytes_in", faults = delta "faults",
      ops = delta "pages_erased" + delta "half_pages" + delta "half_page_pairs" + delta "page_erase_pairs" +
        delta "eeprom_words" + delta "eeprom_double_words" + delta "words_programmed",
    }
  end)
end

local chosen, only_tool = {}, nil
for i = 3, #arg do
  local name = arg[i]:match("^tool=(.*)")
  if name then only_tool = name else chosen[arg[i]] = true end
end

local rows, bars = {}, {}
local function say(text)
  rows[#rows + 1] = text
  print(text)
end

say("# Benchmark")
say("")
say(("Simulated ST-LINK/V2 (V2J37) at its highest SWD clock, paced; %s. Firmware pair: %s."):format(
  has_bus and "every tool over the simulated USB bus" or "stlua over the simulator's socket, the others not run", pair_note))
say("Wall time from process start to exit. `flash alone` is 3.28 ms for each operation that the job needs.")
say("")
say("| job | tool | wall s | flash alone s | ratio | mark | commands | bytes | flash ops | faults | host CPU s |")
say("| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |")
local missed = 0
for _, job in ipairs(jobs) do
  if not next(chosen) or chosen[job.id] then
    local needed = job.needed_s or (job.new and job.verb ~= "verify" and ops_time(job.new, job.old)) or 0
    for _, tool in ipairs(tools) do
      local result, why
      if (job.only or only_tool or tool.name) ~= tool.name then why = "cannot" else result, why = run(tool, job) end
      if not result then
        if why ~= "cannot" then
          say(("| %s | %s | SKIPPED: %s | | | | | | | | |"):format(job.what, tool.name, why))
        end
      elseif result.failed then
        say(("| %s | %s | failed: %s | | | | | | | | |"):format(job.what, tool.name, result.failed:gsub("[|\n]", " ")))
        if tool.name == "stlua" then missed = missed + 1 end
      else
        local most = job.ratio and job.ratio * needed + (job.extra_s or 0) or job.most_s
        local mark = ""
        if tool.name == "stlua" and most then
          mark = ("%s %.2f s"):format(result.wall_s <= most and "within" or "OVER", most)
          if result.wall_s > most then missed = missed + 1 end
        end
        say(("| %s | %s | %.3f | %.2f | %s | %s | %d | %d | %d | %d | %.2f |"):format(job.what, tool.name, result.wall_s,
          needed, needed > 0 and ("%.2f"):format(result.wall_s / needed) or "", mark, result.commands, result.bytes,
          result.ops, result.faults, result.cpu_s))
        bars[#bars + 1] = { job = job.what, tool = tool.name, wall_s = result.wall_s, needed_s = needed }
      end
    end
  end
end
say("")
say(missed == 0 and "Every mark is kept." or ("%d marks are missed."):format(missed))
write_file(build .. "/bench.md", table.concat(rows, "\n") .. "\n")
write_file(build .. "/bench.svg", chart.svg(bars))
print(("written: bench.md, bench.svg in the build folder"))
os.execute("rm -rf " .. quote(folder))
