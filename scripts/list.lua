--- The probes on USB, and the one that --probe names.
local memory = require "stlua.memory"
local stlua = require "stlua"
local format = require "stlua.format"
local json = require "stlua.json"
local select_probe = require "stlua.select"

-- Opening tells firmware and voltage; a probe that will not open is listed with the reason.
local function look_into(row, open)
  local ok, probe = memory.pcall(open)
  if not ok then
    if probe.code == "interrupted" then error(probe, 0) end
    row.problem, row.problem_code, row.hint = probe.cause or tostring(probe), probe.code, probe.hint
    return
  end
  local guard <close> = probe
  local info = guard:info()
  row.kind, row.firmware, row.serial, row.serial_ascii = info.kind, info.firmware, info.serial, info.serial_ascii
  row.product, row.vendor_id, row.product_id, row.port = info.product, info.vendor_id, info.product_id, info.port
  local has_voltage, mv = memory.pcall(guard.voltage_mv, guard)
  if has_voltage then row.voltage_mv = mv end
end

local function usb_row(found)
  local row = {
    port = found.port, product = found.product, vendor_id = found.vendor_id, product_id = found.product_id,
    serial = found.serial, serial_ascii = found.serial_ascii, serial_raw = format.hex(found.serial_raw),
    serial_spellings = select_probe.spellings(found), holder = found.holder, problem_code = found.open_error,
  }
  if found.open_error and found.holder then
    row.problem = "held by " .. found.holder
  else -- where it cannot be opened, trying tells why
    look_into(row, function() return stlua.open_usb(found.port) end)
  end
  return row
end

local function usb_rows()
  local rows = json.array()
  for _, found in ipairs(stlua.list_usb()) do rows[#rows + 1] = usb_row(found) end
  return rows
end

local function line_of(row)
  return {
    row.port, row.kind or row.product or "", row.firmware or "", row.serial or "",
    row.problem or (row.voltage_mv and "target " .. format.volts(row.voltage_mv) or ""),
  }
end

-- Case apart, a serial number of hex digits has one spelling; one of raw bytes has more.
local function say_other_spellings(session, row, is_verbose)
  local is_plain = row.serial == row.serial_ascii
  for i, spelling in ipairs(row.serial_spellings or {}) do
    if i > 1 and (is_verbose or not is_plain) then session:say("  serial also  %s", spelling) end
  end
end

local function say_rows(session, rows)
  local cells, hints = {}, {}
  for i, row in ipairs(rows) do cells[i] = line_of(row) end
  for i, line in ipairs(format.columns(cells)) do
    session:say("%s", line)
    say_other_spellings(session, rows[i], session.out.is_verbose)
    local hint = rows[i].hint
    if hint and not hints[hint] then
      hints[#hints + 1], hints[hint] = hint, true
    end
  end
  for _, hint in ipairs(hints) do session:say("hint: %s", hint) end
  if #rows == 0 then
    session:say("No ST-LINK on USB. A simulated board needs no hardware: stlua --probe sim:rak5205 info")
  end
end

return {
  summary = "Show the probes there are",
  description = "Simulated probes are listed when --probe or STLUA_PROBE names one.",

  run = function(session)
    local rows = usb_rows()
    local selector = session.options.probe
    if selector and selector:match("^sim:") then
      local row = { port = selector }
      look_into(row, function() return session.probe end)
      if row.problem then return session.probe end -- it was asked for by name: its error is the answer
      rows[#rows + 1] = row
    end
    say_rows(session, rows)
    return format.count(#rows, "probe"), { probes = rows }
  end,
}
