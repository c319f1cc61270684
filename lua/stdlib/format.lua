--- Numbers and bytes as people read them.
local M = {}

--- "0x08000000"
function M.addr(addr) return ("0x%08X"):format(addr) end

--- "128 KiB", "300 bytes"
function M.size(byte_count)
  if byte_count ~= 0 and byte_count % 1024 == 0 then return ("%d KiB"):format(byte_count // 1024) end
  return byte_count == 1 and "1 byte" or ("%d bytes"):format(byte_count)
end

--- "0x08000000 .. 0x080000FF"
function M.range(addr, byte_count) return M.addr(addr) .. " .. " .. M.addr(addr + byte_count - 1) end

--- The first few of a list of ranges: "0x08000100 .. 0x080001FF (256 bytes), and 2 more".
---@param list { addr: integer, byte_count: integer }[]
function M.ranges(list)
  local words = {}
  for i = 1, math.min(3, #list) do
    words[i] = ("%s (%s)"):format(M.range(list[i].addr, list[i].byte_count), M.size(list[i].byte_count))
  end
  if #list > 3 then words[4] = ("and %d more"):format(#list - 3) end
  return table.concat(words, ", ")
end

--- "5.31 s", "12 ms"
function M.seconds(seconds)
  if seconds < 0.1 then return ("%.1f ms"):format(seconds * 1000) end
  return ("%.2f s"):format(seconds)
end

--- "1 page", "3 pages"
function M.count(count, one, many)
  return ("%d %s"):format(count, count == 1 and one or many or one .. "s")
end

--- Bytes as hex digits without spaces.
function M.hex(bytes) return (bytes:gsub(".", function(c) return ("%02X"):format(c:byte()) end)) end

--- "3.30 V"
function M.volts(mv) return ("%.2f V"):format(mv / 1000) end

--- Lines of a hex dump, 16 bytes each; runs of equal lines become one "*".
---@param addr integer
---@param bytes string
---@return string[]
function M.dump(addr, bytes)
  local lines, last, is_starred = {}, nil, false
  for at = 1, #bytes, 16 do
    local row = bytes:sub(at, at + 15)
    local is_end = at + 16 > #bytes
    if row == last and not is_end then
      if not is_starred then lines[#lines + 1] = "*" end
      is_starred = true
    else
      local digits = row:gsub(".", function(c) return ("%02X "):format(c:byte()) end)
      local text = row:gsub("[^\32-\126]", ".")
      lines[#lines + 1] = ("%08X  %-24s %-24s |%s|"):format(addr + at - 1, digits:sub(1, 24), digits:sub(25), text)
      is_starred = false
    end
    last = row
  end
  return lines
end

--- Columns as wide as their widest cell; the last one is not padded.
---@param rows string[][]
---@return string[]
function M.columns(rows)
  local widths, lines = {}, {}
  for _, row in ipairs(rows) do
    for i, cell in ipairs(row) do widths[i] = math.max(widths[i] or 0, #cell) end
  end
  for _, row in ipairs(rows) do
    local cells = {}
    for i, cell in ipairs(row) do cells[i] = i == #row and cell or cell .. (" "):rep(widths[i] - #cell) end
    lines[#lines + 1] = table.concat(cells, "  ")
  end
  return lines
end

return M
