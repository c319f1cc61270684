--- What the specs of this folder share: `stlua.NAME` from the source tree, temporary folders,
--- checks of raised errors. STL_SOURCE_DIR names the checkout.
local root = os.getenv("STL_SOURCE_DIR") or "."

table.insert(package.searchers, 2, function(name)
  local module = name:match("^stlua%.([%w_]+)$")
  if not module then return nil end
  local path = ("%s/lua/stdlib/%s.lua"):format(root, module)
  local file = io.open(path)
  if not file then return "\n\tno file '" .. path .. "'" end
  file:close()
  return assert(loadfile(path)), path
end)

local M = { root = root }

--- fn must raise an error of this code whose message holds the text; returns the error.
function M.raises(code, text, fn, ...)
  local ok, err = pcall(fn, ...)
  if ok then error("nothing was raised, " .. code .. " was expected", 2) end
  if type(err) ~= "table" then error("not an error table: " .. tostring(err), 2) end
  if err.code ~= code then error(("code %s instead of %s: %s"):format(err.code, code, err), 2) end
  if text and not tostring(err):find(text, 1, true) then
    error(("%q is not in: %s"):format(text, tostring(err)), 2)
  end
  return err
end

--- A new folder under TMPDIR; the caller takes it away with M.remove.
function M.folder()
  local pipe = assert(io.popen("mktemp -d"))
  local path = pipe:read("l")
  assert(pipe:close() and path, "mktemp failed")
  return path
end

function M.remove(path)
  assert(path:match("^/tmp/") or path:match("^/var/tmp/") or os.getenv("TMPDIR"))
  os.execute("rm -rf '" .. path .. "'")
end

function M.write(path, text)
  local file = assert(io.open(path, "wb"))
  assert(file:write(text))
  file:close()
end

--- What a command prints; ok is its success.
function M.run(command)
  local pipe = assert(io.popen(command .. " 2>&1"))
  local text = pipe:read("a")
  local ok = pipe:close()
  return text, ok
end

return M
