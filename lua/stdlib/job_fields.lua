--- The fields of a job and their types; lua/meta/job.lua says what each is for. A field that is not here
--- is an error that names the nearest right one.
local check_fields = require("stlua.identity_error").check_fields

local M = {}

M.job = {
  name = "string", board = "string", firmware = "string|table", identity = "table", keys = "function", patches = "table",
  fill = "table", stamps = "table", eeprom = "table", erase_all = "boolean", erase_eeprom = "boolean",
  option_bytes = "table", self_test = "table", volatile = "table", label = "table|function", lock = "table",
  unlock = "string", ledger = "table", before = "function", after_pass = "function", after_fail = "function",
}

M.firmware = { path = "string", base_addr = "integer", format = "string", sha256 = "string" }

M.source = { field = "string", key = "string", value = "string|number|function", bytes = "string|function" }
M.patch = { at = "integer|string", offset_bytes = "integer", type = "string|table", byte_count = "integer" }
for name, kind in pairs(M.source) do M.patch[name] = kind end

M.range = { at = "integer|string", offset_bytes = "integer", byte_count = "integer" }
M.fill = { at = "integer|string", offset_bytes = "integer", byte_count = "integer", byte = "integer" }
M.option_bytes = { BOR = "integer", IWDG_SW = "boolean", nRST_STOP = "boolean", nRST_STDBY = "boolean", BFB2 = "boolean",
  WRP = "string|table" }
M.label = { text = "string", path = "string" }
M.ledger = { path = "string", product = "string", vault_key_file = "string", station = "string" }

--- Check a table of the job against its fields.
M.check = check_fields

return M
