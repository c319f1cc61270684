--- doctor, second stage: what the probe is, and whether it is what it says.
--- Source: facts/stlink-protocol 1.4 (serial numbers), 1.7 (clones), 2.4 (firmware).

local function firmware(exam, seen)
  local info = exam.probe:info()
  seen.probe = info
  return ("%s %s"):format(info.kind, info.firmware)
end

-- A genuine probe has 24 hex digits. Old firmware sends them as 12 raw bytes, which libusb's ASCII helper
-- cannot show; clones send one digit, or none.
local function serial(exam, seen)
  local info = exam.probe:info()
  seen.is_serial_odd = not info.serial:match("^%x+$") or #info.serial ~= 24
  if info.serial == "" then return "none" end
  return info.serial .. (seen.is_serial_odd and ", which is no serial of ST's" or "")
end

return {
  checks = {
    { id = "probe.firmware", title = "probe", needs = "probe", run = firmware },
    { id = "probe.serial", title = "serial number", needs = "probe", run = serial },
  },
}
