--- Serial number templates: a list of parts, checked when the job is, rendered for each unit.
---   "RK" or { text = "RK" }                        as it stands
---   { counter = 6, base = 36, first = 1, last = N } a number of exactly 6 symbols
---   { date = "yyww" }                              UTC; yyyy yy mm dd, ISO year gggg gg and week ww, day of year jjj
---   { uid = "1-8" }                                hex digits 1 to 8 of the chip's UID
---   { uid_hash = 6, base = 36 }                    6 symbols of a hash of the UID
---   { check = "luhn" }                             check characters over all parts before it
local errors = require "stlua.identity_error"
local check = require "stlua.identity_check"
local value = require "stlua.identity_value"

local DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"

---@class stlua.TemplatePart
---@field text string?
---@field counter integer? how many symbols
---@field base 10|16|36|nil of the counter or the hash, 10 unless said
---@field alphabet string? instead of base: the counter's own symbols, zero first
---@field first integer? of the counter, 1 unless said
---@field last integer? of the counter, the greatest that fits unless said
---@field per "date"|nil the counter starts again when the rendered date changes
---@field date string?
---@field uid string? "from-to", hex digits counted from 1
---@field uid_hash integer? how many symbols; short hashes collide, so the ledger still compares
---@field check "luhn"|"luhn36"|"mod97"|nil
---@field over integer[]? which parts the check covers, by number
---@field skip string? characters the check passes over, such as "-"

---@class stlua.Template
---@field char_count integer of every serial number it makes
---@field counter { first: integer, last: integer, per: string? }? what the allocator counts
local template = {}
template.__index = template

local FIELDS = { text = "string", counter = "integer", base = "integer", alphabet = "string", first = "integer",
  last = "integer", per = "string", date = "string", uid = "string", uid_hash = "integer", check = "string",
  over = "table", skip = "string" }
local TAKES = {
  text = {}, date = {}, uid = {}, uid_hash = { base = true, alphabet = true },
  counter = { base = true, alphabet = true, first = true, last = true, per = true },
  check = { over = true, skip = true },
}

local function escape(text) return (text:gsub("%W", "%%%0")) end

local function bad(i, format, ...)
  errors.raise("argument", nil, "serial template, part %d: " .. format, i, ...)
end

-- The symbols of a counter or hash part, zero first.
local function symbols_of(i, part)
  if part.alphabet then
    if part.base then bad(i, "`base` and `alphabet` say the same thing twice") end
    if #part.alphabet < 2 or part.alphabet:find("[^%w]") then
      bad(i, "an alphabet is two or more letters and digits")
    end
    for at = 1, #part.alphabet do
      if part.alphabet:find(part.alphabet:sub(at, at), at + 1, true) then
        bad(i, "the alphabet has %q twice", part.alphabet:sub(at, at))
      end
    end
    return part.alphabet
  end
  local base = part.base or 10
  if base ~= 10 and base ~= 16 and base ~= 36 then
    bad(i, "`base` is 10, 16 or 36; other symbols are given by `alphabet`")
  end
  return DIGITS:sub(1, base)
end

-- How many numbers char_count symbols can show, at most 2^62.
local function capacity(symbols, char_count)
  local count = 1
  for _ = 1, char_count do
    if count > (1 << 62) // #symbols then return 1 << 62 end
    count = count * #symbols
  end
  return count
end

-- number in exactly char_count symbols.
local function in_symbols(number, symbols, char_count)
  local out, base = {}, #symbols
  for at = char_count, 1, -1 do
    local digit = number % base
    out[at] = symbols:sub(digit + 1, digit + 1)
    number = number // base
  end
  if number ~= 0 then errors.raise("range", nil, "a number needs more than %d symbols", char_count) end
  return table.concat(out)
end

local compilers = {}

function compilers.text(i, part)
  if part.text == "" or part.text:find("[^\x21-\x7E]") then
    bad(i, "a text is printable ASCII without blanks, not %q", part.text)
  end
  return { char_count = #part.text, pattern = escape(part.text), render = function() return part.text end }
end

function compilers.counter(i, part)
  local symbols = symbols_of(i, part)
  if part.counter < 1 or part.counter > 18 then bad(i, "a counter has 1 to 18 symbols, not %d", part.counter) end
  local greatest = capacity(symbols, part.counter) - 1
  local first, last = part.first or 1, part.last or greatest
  if first < 0 or last < first then bad(i, "the range %d to %d is empty", first, last) end
  if last > greatest then
    errors.raise("range", nil, "serial template, part %d: %d does not fit %d symbols, the greatest is %d", i, last,
      part.counter, greatest)
  end
  if part.per and part.per ~= "date" then bad(i, '`per` can only be "date"') end
  return {
    char_count = part.counter, pattern = ("[" .. escape(symbols) .. "]"):rep(part.counter),
    counter = { first = first, last = last, per = part.per },
    render = function(context)
      local number = context.counter
      if math.type(number) ~= "integer" then errors.raise("argument", nil, "the counter's value is missing") end
      if number < first or number > last then
        errors.raise("range", nil, "the counter %d is outside %d to %d", number, first, last)
      end
      return in_symbols(number, symbols, part.counter)
    end,
  }
end

local DATE_TOKENS = { -- longest first
  { "yyyy", "%Y", 4 }, { "gggg", "%G", 4 }, { "jjj", "%j", 3 }, { "yy", "%y", 2 }, { "gg", "%g", 2 },
  { "mm", "%m", 2 }, { "dd", "%d", 2 }, { "ww", "%V", 2 },
}

function compilers.date(i, part)
  local formats, at, char_count = {}, 1, 0
  while at <= #part.date do
    local found
    for _, token in ipairs(DATE_TOKENS) do
      if part.date:sub(at, at + #token[1] - 1) == token[1] then found = token break end
    end
    if not found then bad(i, "no date part is written %q (yyyy yy mm dd gggg gg ww jjj)", part.date:sub(at)) end
    formats[#formats + 1] = found[2]
    at, char_count = at + #found[1], char_count + found[3]
  end
  if #formats == 0 then bad(i, "an empty date") end
  if part.date:find("ww", 1, true) and part.date:find("y", 1, true) then
    -- in the days around New Year the ISO week belongs to the other year
    bad(i, "`ww` is the ISO week; its year is written gg or gggg, not yy")
  end
  local format = "!" .. table.concat(formats)
  return {
    char_count = char_count, pattern = ("%d"):rep(char_count), is_date = true,
    render = function(context)
      if math.type(context.time) ~= "integer" then errors.raise("argument", nil, "the time is missing") end
      return os.date(format, context.time)
    end,
  }
end

function compilers.uid(i, part)
  local from, to = part.uid:match("^(%d+)%-(%d+)$")
  from, to = math.tointeger(tonumber(from)), math.tointeger(tonumber(to))
  if not from or from < 1 or to < from or to > 64 then
    bad(i, '`uid` is "from-to" in hex digits counted from 1, not %q', part.uid)
  end
  return {
    char_count = to - from + 1, pattern = "[0-9A-F]" .. ("[0-9A-F]"):rep(to - from),
    render = function(context)
      local uid = value.uid(context.uid)
      if #uid < to then errors.raise("range", nil, "the UID %s has no digit %d", uid, to) end
      return uid:sub(from, to)
    end,
  }
end

-- FNV-1a, 64 bits: spreads UIDs that differ in one bit; not for secrecy.
local function hash64(text)
  local hash = 0xcbf29ce484222325
  for i = 1, #text do hash = (hash ~ text:byte(i)) * 0x100000001b3 end
  hash = (hash ~ (hash >> 33)) * 0xff51afd7ed558ccd
  return hash ~ (hash >> 33)
end

function compilers.uid_hash(i, part)
  local symbols = symbols_of(i, part)
  if part.uid_hash < 1 or part.uid_hash > 12 then bad(i, "a hash has 1 to 12 symbols, not %d", part.uid_hash) end
  local range = capacity(symbols, part.uid_hash)
  return {
    char_count = part.uid_hash, pattern = ("[" .. escape(symbols) .. "]"):rep(part.uid_hash),
    render = function(context)
      return in_symbols((hash64(value.uid(context.uid)) >> 1) % range, symbols, part.uid_hash)
    end,
  }
end

function compilers.check(i, part, earlier)
  local kind = check.kinds[part.check] or check.compute(part.check, "0") -- the latter raises
  if i == 1 then bad(i, "a check digit needs something before it") end
  local over = {}
  for n = 1, i - 1 do over[n] = part.over == nil end
  for _, n in ipairs(part.over or {}) do
    if not earlier[n] then bad(i, "`over` names part %s, which is not before it", tostring(n)) end
    over[n] = true
  end
  return {
    char_count = kind.char_count, pattern = ("[" .. kind.chars .. "]"):rep(kind.char_count),
    render = function(_, rendered)
      local covered = {}
      for n = 1, i - 1 do
        if over[n] then covered[#covered + 1] = rendered[n] end
      end
      local text = table.concat(covered)
      if part.skip then text = text:gsub("[" .. escape(part.skip) .. "]", "") end
      return check.compute(part.check, text)
    end,
  }
end

local function compile(i, part, earlier)
  if type(part) == "string" then part = { text = part } end
  errors.check_fields("serial template, part " .. i, part, FIELDS)
  local kind
  for name in pairs(part) do
    if TAKES[name] then
      if kind then bad(i, "it is both `%s` and `%s`", kind, name) end
      kind = name
    end
  end
  if not kind then bad(i, "it is none of text, counter, date, uid, uid_hash, check") end
  for name in pairs(part) do
    if name ~= kind and not TAKES[kind][name] then bad(i, "a `%s` takes no `%s`", kind, name) end
  end
  return compilers[kind](i, part, earlier)
end

--- Render the serial number of one unit. Raises: argument, range, format.
---@param context { counter: integer?, uid: string?, time: integer? } time in seconds since 1970, UTC
---@return string
function template:render(context)
  local rendered = {}
  for i, part in ipairs(self.parts) do
    rendered[i] = part.render(context, rendered)
    assert(#rendered[i] == part.char_count, "a part of another width than promised")
  end
  return table.concat(rendered)
end

--- The date a counter with per = "date" starts again with; "" when it never does.
---@return string
function template:period(context)
  if not (self.counter and self.counter.per) then return "" end
  local dates = {}
  for _, part in ipairs(self.parts) do
    if part.is_date then dates[#dates + 1] = part.render(context) end
  end
  return table.concat(dates)
end

--- Could this text be a serial number of this template? Checks width, characters and check digits.
---@param text string
---@return boolean fits, string? why_not
function template:matches(text)
  if #text ~= self.char_count then
    return false, ("%d characters instead of %d"):format(#text, self.char_count)
  end
  local rendered, at = {}, 1
  for i, part in ipairs(self.parts) do
    rendered[i] = text:sub(at, at + part.char_count - 1)
    at = at + part.char_count
    if not rendered[i]:match("^" .. part.pattern .. "$") then
      return false, ("part %d cannot be %q"):format(i, rendered[i])
    end
    if self.spec[i].check and part.render({}, rendered) ~= rendered[i] then
      return false, "the check digit is wrong"
    end
  end
  return true
end

local M = {}

--- Check and compile a template. Raises: argument, range.
---@param parts (string|stlua.TemplatePart)[]
---@param max_chars integer? what the field in the chip has room for
---@return stlua.Template
function M.new(parts, max_chars)
  if type(parts) ~= "table" or #parts == 0 then
    errors.raise("argument", nil, "a serial template is a list of parts")
  end
  for name in pairs(parts) do
    if math.type(name) ~= "integer" then errors.raise("argument", nil, "a serial template has no field `%s`", name) end
  end
  local self = setmetatable({ spec = {}, parts = {}, char_count = 0 }, template)
  local has_date
  for i, part in ipairs(parts) do
    self.spec[i] = type(part) == "string" and { text = part } or part
    local compiled = compile(i, part, self.parts)
    self.parts[i] = compiled
    self.char_count = self.char_count + compiled.char_count
    has_date = has_date or compiled.is_date
    if compiled.counter then
      if self.counter then bad(i, "a second counter") end
      self.counter = compiled.counter
    end
  end
  if self.counter and self.counter.per and not has_date then
    errors.raise("argument", nil, 'a counter `per = "date"` needs a date part beside it')
  end
  if max_chars and self.char_count > max_chars then
    errors.raise("range", nil, "its serial numbers have %d characters, there is room for %d", self.char_count, max_chars)
  end
  return self
end

return M
