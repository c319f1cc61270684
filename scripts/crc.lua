--- Compute CRCs, sums and SHA-256 of files, or stamp one into an image.
local crc = require "stlua.crc"
local errors = require "stlua.errors"
local format = require "stlua.format"
local idioms = require "stlua.stamp_idioms"
local image = require "stlua.image"
local image_files = require "stlua.image_files"
local json = require "stlua.json"
local stamp = require "stlua.stamp"
local stlua = require "stlua"

-- ---- the list of models ----

local function model_row(name)
  local model = crc.find(name)
  if model.is_sum then return { name, "sum", "", "", "", "", "", "" } end
  local function digits(value) return crc.text(model, value):sub(3) end
  return { name, ("%d bits"):format(model.width), "poly " .. digits(model.poly), "init " .. digits(model.init),
    "xorout " .. digits(model.xorout), model.refin and "refin" or "", model.refout and "refout" or "",
    "check " .. digits(model.check), table.concat(crc.aliases(name), ", ") }
end

local function list_models(session)
  local rows, objects = {}, json.array()
  for _, names in ipairs { stlua.crc.models(), stlua.crc.sums() } do
    for _, name in ipairs(names) do
      rows[#rows + 1] = model_row(name)
      local object = crc.find(name)
      object.aliases = json.array(crc.aliases(name))
      objects[#objects + 1] = object
    end
  end
  for _, line in ipairs(format.columns(rows)) do session:say("%s", (line:gsub("%s+$", ""))) end
  local names = {}
  for name in pairs(idioms) do names[#names + 1] = name end
  table.sort(names)
  session:say("idioms: %s", table.concat(names, "; "))
  return ("%d CRCs, %d sums, and sha256"):format(#stlua.crc.models(), #stlua.crc.sums()), { models = objects, idioms = json.array(names) }
end

-- ---- from the command line to a stamp ----

local function read_raw(path, base_addr)
  local file, why = io.open(path, "rb")
  local bytes = file and file:read("a")
  if file then file:close() end
  if not bytes then errors.raise("file", "check the path", "%s", why or path .. ": cannot be read") end
  return image.new():add(base_addr or 0, bytes)
end

local function load(args)
  if not args.raw then return image_files.load(args.file, { base_addr = args.base, format = args.format }) end
  if #args.file > 1 or args.format then errors.raise("usage", nil, "--raw takes one file, and no --format") end
  return read_raw(args.file[1], args.base)
end

local function own_field(text)
  if text == nil or text == "exclude" then return text end
  local byte = math.tointeger(tonumber(text))
  if not byte then errors.raise("usage", nil, "--own-field is `exclude` or a byte, not %s", text) end
  return byte
end

-- An address is a number, everything else a symbol, or "last".
local function place(text) return text and (math.tointeger(tonumber(text)) or text) end

-- "u32le", "hex(32)"
local function set_model(spec, name)
  if name:lower() == "sha256" then spec.digest = "sha256" else spec[crc.is_sum(name) and "sum" or "crc"] = name end
end

-- All but the model.
local function spec_of(args, content)
  local spec = { idiom = args.idiom, from = place(args.from), to = args.to, section = args.section, gap = args.gap, pad = args.pad,
    fill = args.fill or nil, at = place(args.at), offset_bytes = args.offset, store = args.store,
    own_field = own_field(args.own_field) }
  if args.at == "last" and not (args.to or args.section) then
    errors.raise("usage", "`--to ADDR` is the last address of the field", "--at last needs to be told where the range ends")
  end
  if not args.section and not (args.from and args.to) then
    local addr, byte_count = content:span()
    spec.from, spec.to = spec.from or addr, args.to or addr + byte_count - 1
  end
  return spec
end

local function models_of(args)
  if #args.model == 0 and not args.idiom then return { "crc-32" } end
  if #args.model > 1 and (args.output or args.prove) then errors.raise("usage", nil, "one --model is stamped, not %d", #args.model) end
  return args.model
end

-- ---- saying ----

local function describe(result)
  local text = ("%s  %s  %s  %s"):format(result.model, result.text, format.range(result.from, result.to - result.from + 1),
    format.size(result.byte_count))
  if result.gap_bytes > 0 then
    text = text .. (", %d of them gaps taken as 0x%02X"):format(result.gap_bytes, result.spec.gap)
  end
  if result.pad_bytes > 0 then text = text .. (", and %d times 0x%02X behind"):format(result.pad_bytes, result.spec.pad) end
  return text
end

local function object_of(result)
  return { model = result.model, value = result.text, from = result.from, to = result.to, byte_count = result.byte_count,
    gap_bytes = result.gap_bytes, pad_bytes = result.pad_bytes, at = result.at,
    bytes = result.bytes and format.hex(result.bytes) }
end

local function compute(session, content, spec)
  local start_s = stlua.monotonic()
  local result = stamp.compute(content, spec)
  local elapsed_s = math.max(stlua.monotonic() - start_s, 1e-9)
  session.out:detail("%s: %d bytes in %s, %.0f MB/s", result.model, result.byte_count, format.seconds(elapsed_s),
    result.byte_count / 1e6 / elapsed_s)
  session:say("%s", describe(result))
  return result
end

local function compute_all(session, content, args)
  local objects, texts, names = json.array(), {}, models_of(args)
  for i = 1, math.max(1, #names) do
    local spec = spec_of(args, content)
    if names[i] then set_model(spec, names[i]) end
    local result = compute(session, content, spec)
    objects[i], texts[i] = object_of(result), result.model .. " " .. result.text
  end
  return table.concat(texts, ", "), { files = args.file, results = objects }
end

-- What a field holds that waits for its value, or has it already.
local function is_placeholder(result)
  return result.replaced == result.bytes or not result.replaced:find("[^\0]") or not result.replaced:find("[^\xFF]")
end

local function describe_field(session, result)
  local what = ("%s at %s"):format(format.size(#result.bytes), format.addr(result.at))
  session:say("%s: %s", what, format.hex(result.bytes))
  if result.replaced and not is_placeholder(result) then
    session:warn("%s held %s: is that the field?", what, format.hex(result.replaced))
  end
end

local function stamp_file(session, content, args)
  local spec, names = spec_of(args, content), models_of(args)
  if names[1] then set_model(spec, names[1]) end
  local result = stamp.apply(content, spec)
  if args.output and not session.is_dry_run then image_files.save(content, args.output, args.gap) end
  session:say("%s", describe(result))
  describe_field(session, result)
  local what = ("%s %s at %s"):format(result.model, result.text, format.addr(result.at))
  local object = { files = args.file, results = json.array { object_of(result) }, output = args.output, is_proved = args.prove }
  if args.prove then
    stamp.prove(session, result)
    return what .. " is right on the target", object
  end
  if session.is_dry_run then return "dry run, nothing written", object end
  return ("%s stamped, in %s"):format(what, args.output), object
end

return {
  summary = "Compute a CRC, a sum or SHA-256 of an image, or stamp it into the image",
  description = "Several files are put together first. Without --from, --to, --section the range is from the lowest to the "
    .. "highest address. The addresses of symbols and sections are those of an ELF.",
  args = {
    { "file", type = "path", many = true, optional = true, help = "Intel HEX, S-record, ELF or binary, gzip or not" },
    { "--base", type = "addr", metavar = "ADDR", help = "where a binary file belongs" },
    { "--format", type = "choice", choices = { "hex", "srec", "elf", "bin" }, help = "do not guess the format" },
    { "--raw", type = "flag", help = "the bytes of the file as they are, whatever it holds" },
    { "--model", many = true, metavar = "NAME",
      help = "crc-32 by default; a CRC, an alias, a sum, sha256 (see --list), or 'width=16 poly=0x1021 init=0 ...'" },
    { "--idiom", metavar = "NAME", help = "what another tool calls it: 'srec_cat -STM32', iar; see --list" },
    { "--from", metavar = "ADDR", help = "the first address covered, or a symbol" },
    { "--to", type = "addr", metavar = "ADDR", help = "the last address covered" },
    { "--section", metavar = "NAME", help = "instead: a section" },
    { "--gap", type = "int", metavar = "BYTE", help = "what gaps hold: 0x00 erased STM32L1, 0xFF most others" },
    { "--fill", type = "flag", help = "write that byte into the gaps of the range" },
    { "--pad", type = "int", metavar = "BYTE", help = "what fills up the last word" },
    { "--at", metavar = "WHERE", help = "where the value goes: an address, a symbol, or `last`, the end of the range" },
    { "--offset", type = "int", metavar = "BYTES", help = "behind --at: a field of a header" },
    { "--store", metavar = "TYPE", help = "how: u32le, u32be, u16le, 'hex(32)' ..." },
    { "--own-field", metavar = "WHAT", help = "its own field inside the range: `exclude`, or the byte it is taken as" },
    { "-o --output", type = "path", metavar = "FILE", help = "write the stamped image: .hex, .s19, .bin" },
    { "--prove", type = "flag", help = "compute it of the target's bytes as well, and compare it with the field there" },
    { "--list", type = "flag", help = "show all models" },
  },

  ---@param session stlua.Session
  run = function(session, args)
    if args.list then return list_models(session) end
    if #args.file == 0 then errors.raise("usage", "`stlua crc --help`", "which file?") end
    local is_stamp = args.output or args.prove
    if args.at and not is_stamp then
      errors.raise("usage", "`-o FILE` takes the stamped image, `--prove` asks the target",
        "--at is where the value goes, and neither -o nor --prove is there")
    end
    local content = load(args)
    if is_stamp then return stamp_file(session, content, args) end
    return compute_all(session, content, args)
  end,
}
