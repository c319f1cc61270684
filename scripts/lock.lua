--- Lock a chip and prove it: write protection and the RDP level.
local consent = require "stlua.consent"
local errors = require "stlua.errors"
local option_bytes = require "stlua.option_bytes"
local protect = require "stlua.protect"

local levels = { ["1"] = 1, ["2"] = 2 }

local what_it_means = {
  "  under level 1 no debugger reads flash or data EEPROM; the way back erases both\n"
    .. "  the firmware starts when the supply has been off and no debugger is attached",
  "  under level 2 no debugger is ever let in again: no reading, no repair, no update by SWD, FOR EVER",
}

local function show(session, status, spec)
  session:say("plan:")
  if spec.wrp ~= nil then
    session:say("  WRP sectors %s -> %s", option_bytes.sectors_text(option_bytes.protected(status, session.target)),
      option_bytes.sectors_text(option_bytes.sectors(spec.wrp, session.target)))
  end
  if spec.rdp_level then
    session:say("  RDP level %d (byte 0x%02X) -> level %d", status.rdp_level, status.rdp_byte, spec.rdp_level)
    session:say("%s", what_it_means[spec.rdp_level])
  end
end

local function verdict(findings, spec)
  if findings.rdp_level == 2 then return "RDP level 2; the debug port does not answer any more" end
  local wrp = spec.wrp ~= nil and ", WRP sectors " .. option_bytes.sectors_text(findings.wrp_sectors) or ""
  if spec.rdp_level == nil then return "option bytes read back" .. wrp end
  return ("RDP level 1 (byte 0x%02X)%s; the chip refuses to be read at %d addresses"):format(findings.rdp_byte, wrp,
    #findings.refused)
end

return {
  summary = "Set RDP level 1 and write protection, and prove that the chip refuses to be read",
  needs = "target",
  args = {
    { "--level", type = "choice", choices = { "1", "2" }, help = "RDP level; default: 1, with --wrp alone: as it is" },
    { "--wrp", metavar = "SECTORS", help = "write-protect these sectors of 4 KiB and no others: 0-3,7, all or none" },
    { "--yes", type = "flag", help = "agree to it" },
    { "--irreversible", type = "flag", help = "agree to level 2, which can never be undone" },
  },

  ---@param session stlua.Session
  run = function(session, args)
    local spec = protect.check { rdp_level = levels[args.level] or not args.wrp and 1 or nil, wrp = args.wrp }
    if args.irreversible and spec.rdp_level ~= 2 then
      errors.raise("usage", "leave it out, or say --level 2", "--irreversible belongs to --level 2")
    end
    local status = session.nvm:status()
    show(session, status, spec)
    if session.is_dry_run then return "dry run, nothing changed", { rdp_level = status.rdp_level } end
    if spec.rdp_level == 2 and not args.irreversible then
      errors.raise("refused", "add --irreversible if this chip shall be closed for ever",
        "RDP level 2 can never be undone, and nobody has agreed to it")
    end
    if spec.rdp_level and status.rdp_level < spec.rdp_level then
      consent.need(session, { word = "lock", is_given = args.yes, what = ("RDP level %d locks the chip"):format(
        spec.rdp_level) })
    end
    local locked = protect.lock(session, spec, { irreversible = args.irreversible })
    local findings = locked.findings or protect.prove(session, spec)
    for _, note in ipairs(findings.notes) do session:say("note: %s", note) end
    return verdict(findings, spec), findings
  end,
}
