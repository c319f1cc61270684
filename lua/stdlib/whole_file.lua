--- A file that is there is complete: written beside its name and renamed. After a failure the old one is as it was.
local M = {}

--- Write a file, with the failure that only closing shows.
---@param path string
---@param bytes string
---@return boolean? is_done
---@return string? why
function M.write(path, bytes)
  local file, why = io.open(path, "wb")
  if not file then return nil, why end
  local ok, write_error = file:write(bytes)
  local is_closed, close_error = file:close() -- what did not fit may only be seen here
  return ok and is_closed, write_error or close_error
end

--- Raises: file.
---@param path string
---@param bytes string
---@param what string for the error: "label"
---@param hint string?
function M.save(path, bytes, what, hint)
  local part = path .. ".part"
  local ok, why = M.write(part, bytes)
  if ok then ok, why = os.rename(part, path) end
  if ok then return end
  os.remove(part)
  -- only here: the ledger uses write() where a stock interpreter has no C core
  require("stlua.errors").raise("file", hint, "%s %s: %s", what, path, tostring(why))
end

return M
