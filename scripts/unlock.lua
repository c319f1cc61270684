--- Open a chip that is locked, and repair option bytes that are damaged.
local attach = require "stlua.attach"
local consent = require "stlua.consent"
local format = require "stlua.format"
local protect = require "stlua.protect"

local function show(session, status, plan)
  session:say("plan:")
  if plan.does_mass_erase then
    session:say("  RDP level 1 (byte 0x%02X) -> level 0", status.rdp_byte)
    for _, region in ipairs { { "flash", session.target.flash_banks }, { "data EEPROM", session.target.eeprom_banks } } do
      for _, bank in ipairs(region[2]) do
        session:say("  LOST: %s %s .. %s, %s", region[1], format.addr(bank.base_addr),
          format.addr(bank.base_addr + bank.size_bytes - 1), format.size(bank.size_bytes))
      end
    end
    session:say("  nothing of it can be saved first: under level 1 it cannot be read. Keys and serial numbers go with it")
    session:say("  USER and WRP become what they are in a new chip: USER 0x%02X, nothing write-protected",
      session.target.variant.user_default)
  elseif plan.words_damaged > 0 then
    session:say("  %s as in a new chip; flash and EEPROM stay",
      format.count(plan.words_damaged, "damaged option word becomes", "damaged option words become"))
  else
    session:say("  nothing: RDP level 0, all option words sound")
  end
end

return {
  summary = "Back to RDP level 0 (erases everything), and repair damaged option bytes",
  description = "From RDP level 1 this erases flash and data EEPROM, with the keys in them; it asks first. "
    .. "It can be repeated at any time. When firmware sleeps or disables SWD, it connects under reset; "
    .. "where nRST is not wired, --insist gives you time to press the reset button.",
  args = {
    { "--yes", type = "flag", help = "agree that flash and data EEPROM are lost" },
    { "--insist", type = "int", default = 0, metavar = "S", help = "try to get hold of the chip for S seconds" },
  },

  ---@param session stlua.Session
  run = function(session, args)
    local status = attach.insist(session, args.insist, function() return session.nvm:status() end)
    local plan = protect.unlock_plan(status)
    show(session, status, plan)
    local result = { rdp_level = status.rdp_level, does_mass_erase = plan.does_mass_erase,
      words_damaged = plan.words_damaged }
    if session.is_dry_run then return "dry run, nothing changed", result end
    if plan.does_mass_erase then
      consent.need(session, { word = "erase", is_given = args.yes,
        what = "unlocking erases flash and data EEPROM, and with them keys and serial numbers" })
    end
    local report = attach.insist(session, args.insist, function()
      return protect.unlock(session, { mass_erase = plan.does_mass_erase })
    end)
    if report.did_mass_erase then return "RDP level 0, flash and data EEPROM blank, all option words sound", report end
    if report.words_repaired > 0 then
      return ("%s repaired, all are sound now"):format(format.count(report.words_repaired, "option word")), report
    end
    return "open already, all option words sound", report
  end,
}
