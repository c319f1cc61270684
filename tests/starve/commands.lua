--- tests/starve/commands.lua: every command as a job that something happens to: what is there before, and
--- the words. It runs in a folder of its own, on the board that b.sim holds.
---   words   what is typed; the first is the command
---   board   what kind of board b.sim is: rak5205 unless said
---   before  commands that come before
---   files   what the command leaves: compared, byte by byte, with what it leaves with memory
---   link    one of them is a link to a file, and has to stay one
---   tells   what it finds wrong is its answer, no failure
---   has_no_probe  nothing goes over the wire
---   is_dense  every allocation of libstl is tried in every run of the test
---   lasts   a pattern: what of the output the next run has to say again; all other runs say the same
---   makes_ledger  there is a ledger line.db
local support = require "support"

local blink, elf = support.source .. "/tests/firmware/blink.hex", support.images .. "/small.elf"
local minimal = support.source .. "/scripts/jobs/minimal.lua"
local keyed = support.source .. "/scripts/jobs/eeprom_identity.lua"
local old = { "flash", "old.bin", "--base", "0x08000000" }
local new = { "flash", "new.bin", "--base", "0x08000000" }
local locked = { "lock", "--yes" }

return {
  { words = { "list" }, has_no_probe = true },
  { words = { "info" }, before = { old } },
  { words = { "flash", "new.bin", "--base", "0x08000000" }, before = { old } },
  { words = { "flash", "new.bin", "--base", "0x08000000", "--json" }, before = { old } },
  { words = { "verify", "new.bin", "--base", "0x08000000" }, before = { new } },
  { words = { "read", "0x08000000", "4096", "-o", "out.hex" }, before = { old }, files = { "out.hex" } },
  { words = { "read", "0x08000000", "64" }, before = { old } },
  { words = { "erase", "--all" }, before = { old } },
  { words = { "eeprom", "write", "0x10", "1234", "--type", "u32le" } },
  { words = { "eeprom", "read", "0", "16" } },
  { words = { "options" } },
  { words = { "options", "--set", "BOR=3" } },
  { words = { "lock", "--yes", "--wrp", "0-1" }, before = { old } },
  { words = { "unlock", "--yes" }, before = { old, locked } },
  { words = { "reset" }, before = { { "flash", blink } } },
  { words = { "doctor" }, tells = true, before = { { "flash", blink } } },
  { words = { "doctor", "--json" }, tells = true, before = { { "flash", blink } } },
  { words = { "crc", blink, "--gap", "0" }, has_no_probe = true },
  { words = { "image", "info", elf }, has_no_probe = true },
  { words = { "image", "convert", elf, "-o", "out.s19" },
    files = { "out.s19" }, link = "out.s19", is_dense = true, has_no_probe = true },
  { words = { "targets" }, has_no_probe = true },
  { words = { "provision", minimal }, board = "rak811" },
  { words = { "provision", keyed }, board = "rak811", makes_ledger = true, lasts = "serial (%w+)" },
  { words = { "ledger", "search" }, board = "rak811", makes_ledger = true, has_no_probe = true,
    before = { { "provision", keyed } } },
}
