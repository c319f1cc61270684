--- Exit statuses: every error code has its own. A test compares this table with stlua.codes.
local M = {}

---@type { [1]: integer, [2]: string, [3]: string }[] status, code, what it means
M.list = {
  { 0, "ok", "done as asked" },
  { 1, "script", "a script or stlua itself has a defect; --verbose shows where" },
  { 10, "argument", "something impossible was asked for" },
  { 11, "memory", "the host is out of memory" },
  { 12, "file", "a file cannot be opened, read or written" },
  { 13, "format", "a file's contents are not what they should be" },
  { 14, "overlap", "two parts of an image claim the same address" },
  { 15, "range", "an address outside the target's regions" },
  { 16, "unknown_target", "no description fits what answered, or no such chip or board" },
  { 17, "wrong_target", "what answered is not what was asked for" },
  { 20, "no_probe", "no probe matches" },
  { 21, "ambiguous", "more than one does" },
  { 22, "permission", "the system does not let us open it" },
  { 23, "probe_busy", "another program holds the probe" },
  { 24, "probe_gone", "the probe was unplugged while in use" },
  { 25, "usb", "a USB transfer failed" },
  { 26, "protocol", "the probe answered what no ST-LINK answers" },
  { 27, "unsupported", "this probe firmware, or this chip, cannot do it" },
  { 30, "no_target", "the probe answers, the target does not" },
  { 31, "dap_wait", "the target is busy, or its bus clock has stopped" },
  { 32, "dap_fault", "the target refused an access" },
  { 33, "not_halted", "the core runs where it must be halted" },
  { 34, "timeout", "something took longer than it may" },
  { 40, "read_protected", "RDP level 1 or 2: flash is closed to the debugger" },
  { 41, "write_protected", "WRP or PCROP on a sector, or a lock bit" },
  { 42, "flash", "a flash operation ended in an error flag" },
  { 43, "option_bytes", "option words damaged, or not taken over" },
  { 44, "loader", "code in target RAM did not do what it should" },
  { 45, "verify", "contents differ from the image" },
  { 46, "self_test", "the board's self-test did not answer, or a measurement is outside its limits" },
  { 50, "refused", "irreversible or destructive, and nobody consented" },
  { 64, "usage", "an unknown command or option, or a missing argument" },
  { 70, "internal", "a defect of stlua" },
  { 130, "interrupted", "Ctrl-C, SIGTERM or SIGHUP; the next run repairs what is unfinished" },
}

local by_code = {}
for _, row in ipairs(M.list) do by_code[row[2]] = row[1] end

--- The exit status of a code; a code that nobody knows is a script's own and ends with 1.
---@param code string
---@return integer
function M.of(code) return by_code[code] or 1 end

---@return string[] lines for --help
function M.lines()
  local lines = {}
  for _, row in ipairs(M.list) do lines[#lines + 1] = ("  %3d  %-16s %s"):format(row[1], row[2], row[3]) end
  return lines
end

return M
