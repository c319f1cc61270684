--- The udev rules that let the user at the machine use ST-LINKs, for
---   stlua udev | sudo tee /etc/udev/rules.d/60-stlua.rules
local stlua = require "stlua"

return {
  summary = "Print the udev rules for ST-LINK probes",
  description = "stlua udev | sudo tee /etc/udev/rules.d/60-stlua.rules && sudo udevadm control --reload"
    .. " && sudo udevadm trigger",

  run = function(session)
    local rules = stlua.embedded_read("core/transport/60-stlua.rules")
    session:say("%s", (rules:gsub("\n$", "")))
    return false, { rules = rules }
  end,
}
