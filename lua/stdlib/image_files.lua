--- Image files as commands take them: several are put together; a format without gaps needs a byte for them.
local errors = require "stlua.errors"
local format = require "stlua.format"
local image = require "stlua.image"

local M = {}

--- One image of all files. Raises: file, format, argument, range; overlap, unless `overlap` allows it.
---@param paths string[] one at least
---@param options { base_addr: integer?, format: stlua.ImageFormat?, overlap: "error"|"same"|"replace"|nil }?
---@return stlua.Image
function M.load(paths, options)
  options = options or {}
  local how = { base_addr = options.base_addr, format = options.format }
  local all = image.load(paths[1], how)
  for i = 2, #paths do
    local one <close> = image.load(paths[i], how)
    errors.within(paths[i], all.merge, all, one, { overlap = options.overlap })
  end
  return all
end

--- Save by the extension. A binary of an image with gaps needs their byte. Raises: argument, range, file.
---@param content stlua.Image
---@param path string
---@param gap integer?
function M.save(content, path, gap)
  if path:lower():match("%.bin$") then
    local gaps = content:byte_count() > 0 and content:gaps(content:span()) or {}
    if #gaps > 0 and not gap then
      errors.raise("argument", "`--gap 0xFF` says what they hold; .hex and .s19 keep them",
        "%s: a binary has no gaps, the image has: %s", path, format.ranges(gaps))
    end
  end
  content:save(path, { fill = gap })
end

return M
