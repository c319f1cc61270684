--- Compare an image with the target; nothing is written.
local image = require "stlua.image"

return {
  summary = "Compare an image with what is in the target",
  args = {
    { "file", type = "path", help = "Intel HEX, S-record, ELF or binary, gzip or not" },
    { "--base", type = "addr", metavar = "ADDR", help = "where a binary file belongs" },
    { "--format", type = "choice", choices = { "hex", "srec", "elf", "bin" }, help = "do not guess the format" },
    { "--verify", type = "choice", choices = { "signature", "read" }, default = "signature",
      help = "64 bits a page computed by the target, or every byte read back" },
  },

  ---@param session stlua.Session
  run = function(session, args)
    local firmware = image.load(args.file, { base_addr = args.base, format = args.format })
    session:connect()
    local start_s = session:now_s()
    local report = session:verify(firmware, { verify = args.verify })
    local elapsed_s = session:now_s() - start_s
    return ("%d bytes equal to %s, by %s, in %.2f s"):format(report.verified_bytes, args.file, report.verified_by,
      elapsed_s), { report = report, elapsed_s = elapsed_s, file = args.file }
  end,
}
