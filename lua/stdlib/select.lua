--- Which probe is meant: `--probe` or STLUA_PROBE, or the one that is plugged in. Never "the first".
---   sim:BOARD?KEY=VALUE...   a simulator of our own      sim:@SOCKET   one that runs already
---   usb:1-4.2                a USB port                  anything else  a serial number
local stlua = require "stlua"
local errors = require "stlua.errors"
local format = require "stlua.format"

local M = {}

local function simulator_path()
  local named = os.getenv("STLUA_SIM")
  local executable = stlua.executable()
  local folder = executable and executable:match("^(.*)/[^/]*$")
  local beside = folder and folder .. "/stlua-sim"
  if beside and stlua.file_kind(beside) == "file" then return beside end
  if named and named ~= "" then return named end
  for entry in (os.getenv("PATH") or ""):gmatch("[^:]+") do
    local path = entry .. "/stlua-sim"
    if stlua.file_kind(path) == "file" then return path end
  end
  errors.raise("file", "STLUA_SIM names the simulator's file", "stlua-sim is not found")
end

M.simulator_path = simulator_path

--- The board or chip a `sim:` selector names, or nil.
---@param selector string?
function M.simulated_name(selector)
  local name = selector and selector:match("^sim:([^?]*)")
  return name and name ~= "" and name:sub(1, 1) ~= "@" and name or nil
end

--- A serial number as this and other tools print it: hex digits, the string as libusb's ASCII helper gives it
--- ('?' for what is not ASCII), both in lower case, and the bytes of the string descriptor in hex.
---@param found { serial: string, serial_ascii: string, serial_raw: string }
---@return string[]
function M.spellings(found)
  local list, is_listed = {}, { [""] = true }
  local raw_hex = format.hex(found.serial_raw:sub(3)) -- behind the descriptor's length and type
  for _, spelling in ipairs { found.serial, found.serial_ascii, found.serial:lower(), raw_hex } do
    if not is_listed[spelling] then list[#list + 1] = spelling end
    is_listed[spelling] = true
  end
  return list
end

-- "066eff3030" and "066EFF3030" are one serial; so are the bytes themselves, as a shell may hold them.
local function is_serial_of(found, wanted)
  for _, spelling in ipairs(M.spellings(found)) do
    if spelling:upper() == wanted:upper() then return true end
  end
  return found.serial_raw:sub(3) == wanted
end

local function describe(found)
  local text = ("%s %s"):format(found.port, found.product ~= "" and found.product or "ST-LINK")
  if found.serial ~= "" then text = text .. ", serial " .. found.serial end
  if found.holder then text = text .. ", held by " .. found.holder end
  return text
end

local function candidates(list)
  local lines = {}
  for i, found in ipairs(list) do lines[i] = describe(found) end
  return table.concat(lines, "; ")
end

-- Where there is one probe, it is opened at once; only an error needs to know what else there is.
local function open_only_one(trace_path)
  local ok, probe = pcall(stlua.open_usb, nil, trace_path)
  if ok then return probe end
  if not errors.is_error(probe) or probe.code ~= "ambiguous" then error(probe, 0) end
  local list = stlua.list_usb()
  errors.raise("ambiguous", "name one: --probe usb:PORT, or --probe SERIAL",
    "%d ST-LINKs on USB: %s", #list, candidates(list))
end

local function open_serial(list, wanted, trace_path)
  local matches = {}
  for _, found in ipairs(list) do
    if is_serial_of(found, wanted) then matches[#matches + 1] = found end
  end
  if #matches == 1 then return stlua.open_usb(matches[1].port, trace_path) end
  if #matches > 1 then
    errors.raise("ambiguous", "ports are certain: --probe usb:PORT",
      "serial %s belongs to %d probes: %s", wanted, #matches, candidates(matches))
  end
  errors.raise("no_probe", "`stlua list` shows the probes there are; sim:BOARD is a simulated one",
    "no probe has the serial %s%s", wanted, #list > 0 and "; there are: " .. candidates(list) or "")
end

--- Open the probe that selector names.
---@param selector string? nil: the only one on USB
---@param trace_path string? a pcapng file of what goes over the wire
---@return stlua.Probe
function M.open(selector, trace_path)
  if not selector or selector == "" then return open_only_one(trace_path) end
  local socket = selector:match("^sim:@(.*)$")
  if socket then return stlua.join_sim(socket, trace_path) end
  local spec = selector:match("^sim:(.*)$")
  if spec then return stlua.open_sim(spec, simulator_path(), trace_path) end
  if selector:match("^usb:") then return stlua.open_usb(selector, trace_path) end
  return open_serial(stlua.list_usb(), selector, trace_path)
end

return M
