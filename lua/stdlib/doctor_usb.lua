--- doctor, first stage: is there a probe, may we open it, and does it answer every time?
local stlua = require "stlua"
local errors = require "stlua.errors"
local format = require "stlua.format"

local version_request, transfer_count = "\xF1\x80", 32

local function is_simulated(exam)
  local selector = exam.session.options.probe
  return selector and selector:match("^sim:") ~= nil
end

-- "usb:1-4.2" is port 2 of a hub in port 4.
local function hub_depth(port) return port:match("^usb:") and select(2, port:gsub("%.", "")) or 0 end

local function describe(found)
  local text = ("%s %s"):format(found.port, found.product ~= "" and found.product or "ST-LINK")
  if found.holder then return text .. ", held by " .. found.holder end
  return found.open_error and ("%s, cannot be opened: %s"):format(text, found.open_error) or text
end

local function find(exam, seen)
  seen.is_simulated = is_simulated(exam)
  if seen.is_simulated then return "not needed: a simulated probe" end
  local list, texts = stlua.list_usb(), {}
  for i, found in ipairs(list) do texts[i] = describe(found) end
  seen.usb_found = list
  if #list == 0 then return "no ST-LINK", true end
  return table.concat(texts, "; ")
end

local function open(exam, seen)
  local probe, err = errors.attempt(function() return exam.session.probe end)
  if err then
    seen.open_error = err
    error(err, 0)
  end
  exam.probe = probe
  local info = probe:info()
  seen.port, seen.hub_depth = info.port, hub_depth(info.port)
  return info.port .. (seen.hub_depth > 0 and (", behind %s"):format(format.count(seen.hub_depth, "hub")) or "")
end

-- A sick cable or hub shows in the tenth transfer, not in the first.
local function transfer(exam, seen)
  local first = exam.probe:command(version_request, nil, 6)
  for _ = 2, transfer_count do
    if exam.probe:command(version_request, nil, 6) ~= first then
      seen.is_usb_garbled = true
      return "the same question brings different answers"
    end
  end
  return ("%d questions, %d equal answers"):format(transfer_count, transfer_count)
end

return {
  checks = {
    { id = "usb.find", title = "USB", run = find },
    { id = "usb.open", title = "opening the probe", run = open,
      raises = { argument = true, file = true } },
    { id = "usb.transfers", title = "transfers", needs = "probe", run = transfer },
  },
}
