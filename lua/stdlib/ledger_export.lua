--- Export to a file: written beside it and renamed, so that a file that is there is complete.
local errors = require "stlua.errors"

local M = {}

local function text_of(ledger, args, file)
  local kind = args.format or file:match("%.json$") and "json" or "csv"
  local options = { product = args.product, what = args.units and "units" or "attempts" }
  return kind == "json" and ledger:export_json(options) or ledger:export_csv(options)
end

local function save(file, text)
  local part = file .. ".part"
  local out, why = io.open(part, "wb")
  if not out then errors.raise("file", nil, "export: %s", why) end
  local ok, write_error = out:write(text)
  ok, write_error = out:close() and ok, write_error
  if ok then ok, write_error = os.rename(part, file) end
  if not ok then
    os.remove(part)
    errors.raise("file", nil, "export to %s: %s", file, tostring(write_error))
  end
end

--- Raises: file, and what the ledger raises.
function M.write(session, ledger, args, file)
  local text = text_of(ledger, args, file)
  if file == "-" then
    session:say("%s", (text:gsub("\r?\n$", "")))
    return "exported", {}
  end
  save(file, text)
  return ("%s, %d bytes"):format(file, #text), { file = file }
end

return M
