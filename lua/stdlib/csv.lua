--- CSV after RFC 4180, read strictly: what does not fit is an error with its line number, never a
--- guess. The first line names the columns. Lines end in LF or CRLF; a UTF-8 BOM is allowed.
local errors = require "stlua.identity_error"

local M = {}

local HINT = "the file must be CSV after RFC 4180: `\"` only around whole fields, doubled inside"

local function fail(name, line, format, ...)
  errors.raise("format", HINT, "%s:%d: " .. format, name, line, ...)
end

-- One record from `at`: its fields, where the next one starts, how many lines it took.
local function read_record(text, at, separator, name, line)
  local fields, lines = {}, 1
  local plain = "^[^\"\r\n%" .. separator .. "]*()"
  while true do
    local field
    if text:sub(at, at) == '"' then
      local parts, first_line = {}, line + lines - 1
      at = at + 1
      while true do
        local quote = text:find('"', at, true)
        if not quote then fail(name, first_line, "the quoted field %d never ends", #fields + 1) end
        parts[#parts + 1] = text:sub(at, quote - 1)
        at = quote + 1
        if text:sub(at, at) ~= '"' then break end
        parts[#parts + 1] = '"'
        at = at + 1
      end
      field = table.concat(parts)
      lines = lines + select(2, field:gsub("\n", ""))
    else
      local stop = text:match(plain, at)
      field, at = text:sub(at, stop - 1), stop
    end
    fields[#fields + 1] = field

    local next_char = text:sub(at, at)
    if next_char == separator then
      at = at + 1
    elseif next_char == "\n" or text:sub(at, at + 1) == "\r\n" then
      return fields, at + (next_char == "\n" and 1 or 2), lines
    elseif next_char == "" then
      return fields, at, lines
    elseif next_char == "\r" then
      fail(name, line + lines - 1, "a carriage return without a line feed")
    else
      fail(name, line + lines - 1, "a stray character %q in field %d", next_char, #fields)
    end
  end
end

local function check_text(text, name)
  local nul = text:find("\0", 1, true)
  local is_utf8, bad = utf8.len(text)
  local at = nul or (not is_utf8 and bad)
  if at then
    local _, newlines = text:sub(1, at):gsub("\n", "")
    fail(name, newlines + 1, nul and "a NUL byte: is this a text file?" or "bytes that are not UTF-8")
  end
end

local function check_header(header, options, name)
  local seen, wanted = {}, {}
  for _, column in ipairs(options.columns or {}) do wanted[column] = true end
  for _, column in ipairs(options.optional or {}) do wanted[column] = true end
  for i, column in ipairs(header) do
    if column == "" then fail(name, 1, "column %d has no name", i) end
    if seen[column] then fail(name, 1, "two columns are named `%s`", column) end
    if options.columns and not wanted[column] then
      local near = errors.nearest(column, wanted)
      errors.raise("format", near and ("did you mean `" .. near .. "`?"),
        "%s:1: unknown column `%s`", name, column)
    end
    seen[column] = true
  end
  for _, column in ipairs(options.columns or {}) do
    if not seen[column] then fail(name, 1, "the column `%s` is missing", column) end
  end
end

-- No value of a column in options.unique may come twice.
local function check_unique(row, seen, options, name)
  for _, column in ipairs(options.unique or {}) do
    local value = row[column]
    if value ~= nil then
      seen[column] = seen[column] or {}
      local earlier = seen[column][value]
      -- the value itself may be a secret, so only the lines are named
      if earlier then fail(name, row.line, "`%s` is the same as in line %d", column, earlier) end
      seen[column][value] = row.line
    end
  end
end

---@class stlua.CsvOptions
---@field name string? of the file, for messages
---@field columns string[]? must all be there; others are an error
---@field optional string[]? may be there
---@field unique string[]? columns in which no value may come twice
---@field separator string? one character, "," unless said

--- Read CSV text. Each row is a table by column name, with its `line`.
--- Raises: format, with the line.
---@param text string
---@param options stlua.CsvOptions?
---@return { columns: string[], rows: table[] }
function M.parse(text, options)
  options = options or {}
  local name, separator = options.name or "list", options.separator or ","
  if type(separator) ~= "string" or not separator:match("^[^%w%s\"]$") and separator ~= "\t" then
    errors.raise("argument", nil, "a CSV separator is one character, such as `,` or `;`")
  end
  check_text(text, name)
  local at = text:sub(1, 3) == "\xEF\xBB\xBF" and 4 or 1
  if at > #text then fail(name, 1, "the file is empty") end

  local header, line_count
  header, at, line_count = read_record(text, at, separator, name, 1)
  check_header(header, options, name)
  local line, rows, seen = 1 + line_count, {}, {}
  while at <= #text do
    local fields
    fields, at, line_count = read_record(text, at, separator, name, line)
    if #fields == 1 and fields[1] == "" and #header > 1 then fail(name, line, "an empty line") end
    if #fields ~= #header then
      fail(name, line, "%d fields, the header has %d", #fields, #header)
    end
    local row = {}
    for i, column in ipairs(header) do row[column] = fields[i] end
    row.line = line
    check_unique(row, seen, options, name)
    rows[#rows + 1] = row
    line = line + line_count
  end
  return { columns = header, rows = rows }
end

--- Read a CSV file. Raises: file, format.
---@param path string
---@param options stlua.CsvOptions?
function M.read(path, options)
  local file, why = io.open(path, "rb")
  if not file then errors.raise("file", nil, "cannot open the list: %s", why) end
  local text = file:read("a")
  file:close()
  if not text then errors.raise("file", nil, "cannot read the list %s", path) end
  local with_name = { name = path }
  for key, value in pairs(options or {}) do with_name[key] = value end
  return M.parse(text, with_name)
end

local function quoted(value)
  local text = value == nil and "" or tostring(value)
  if text:find('[",;\r\n]') or text:find("^%s") or text:find("%s$") then
    return '"' .. text:gsub('"', '""') .. '"'
  end
  return text
end

--- CSV text of rows, columns in the order given; nil is an empty field.
---@param columns string[]
---@param rows table[]
---@return string
function M.write(columns, rows)
  local lines, cells = {}, {}
  for i, column in ipairs(columns) do cells[i] = quoted(column) end
  lines[1] = table.concat(cells, ",")
  for _, row in ipairs(rows) do
    for i, column in ipairs(columns) do cells[i] = quoted(row[column]) end
    lines[#lines + 1] = table.concat(cells, ",")
  end
  return table.concat(lines, "\r\n") .. "\r\n"
end

return M
