--- Write an image, prove that it is there, and start it.
local errors = require "stlua.errors"
local image_files = require "stlua.image_files"
local plans = require "stlua.plans"

local function verdict(report, elapsed_s, byte_count)
  local is_unchanged = report.pages_erased + report.half_pages_programmed + report.eeprom_words_written == 0
  local what = is_unchanged and "already right, verified by %s" or "written and verified by %s"
  local flash_s = report.flash_time_us / 1e6
  local share = is_unchanged and "" or (" (flash itself %.2f s, %d %%%s)"):format(flash_s,
    math.floor(flash_s / math.max(elapsed_s, 1e-6) * 100 + 0.5), report.road == "direct" and "; by the debug port" or "")
  return ("%d bytes %s in %.2f s%s"):format(byte_count, what:format(report.verified_by), elapsed_s, share)
end

return {
  summary = "Write an image to flash and data EEPROM, verify it, run it",
  description = "Pages that are right already are left alone; what shares a page with the image is kept.",
  args = {
    { "file", type = "path", many = true, help = "Intel HEX, S-record, ELF or binary, gzip or not" },
    { "--base", type = "addr", metavar = "ADDR", help = "where a binary file belongs" },
    { "--format", type = "choice", choices = { "hex", "srec", "elf", "bin" }, help = "do not guess the format" },
    { "--erase-all", type = "flag", help = "make all other pages of flash blank" },
    { "--erase-eeprom", type = "flag", help = "with --erase-all: data EEPROM, too" },
    { "--verify", type = "choice", choices = { "signature", "read" }, default = "signature",
      help = "64 bits a page computed by the target, or every byte read back" },
    { "--require-fast", type = "flag", help = "fail where only the slow road through the debug port works" },
    { "--no-run", type = "flag", help = "leave the target halted" },
  },

  ---@param session stlua.Session
  run = function(session, args)
    if args.erase_eeprom and not args.erase_all then
      errors.raise("usage", "`stlua erase --eeprom` erases data EEPROM alone", "--erase-eeprom goes with --erase-all")
    end
    local firmware = image_files.load(args.file, { base_addr = args.base, format = args.format })
    local name = table.concat(args.file, " and ")
    session:connect()
    local start_s = session:now_s()
    local plan <close> = session:plan(firmware, { erase_all = args.erase_all, erase_eeprom = args.erase_eeprom })
    plans.show(session, plan, { name = name, format = firmware:format(), erase_all = args.erase_all })
    local result = { plan = plans.object(plan), files = args.file, image_bytes = firmware:byte_count() }
    if session.is_dry_run then return "dry run, nothing written", result end

    local report = session:apply(plan, { verify = args.verify })
    local elapsed_s = session:now_s() - start_s
    if args.no_run then session.is_left_halted = true else session:run_firmware() end
    result.report, result.elapsed_s, result.is_running = report, elapsed_s, not args.no_run
    return verdict(report, elapsed_s, firmware:byte_count()), result
  end,
}
