--- Export to a file, whole or not at all.
local whole_file = require "stlua.whole_file"

local M = {}

local function text_of(ledger, args, file)
  local kind = args.format or file:match("%.json$") and "json" or "csv"
  local options = { product = args.product, what = args.units and "units" or "attempts" }
  return kind == "json" and ledger:export_json(options) or ledger:export_csv(options)
end

--- Raises: file, and what the ledger raises.
function M.write(session, ledger, args, file)
  local text = text_of(ledger, args, file)
  if file == "-" then
    session:say("%s", (text:gsub("\r?\n$", "")))
    return "exported", {}
  end
  whole_file.save(file, text, "export to")
  return ("%s, %d bytes"):format(file, #text), { file = file }
end

return M
