-- tests/targets.lua: the tables in targets/ agree with themselves, with the boards, and with the simulator.
-- Usage: lua5.4 tests/targets.lua REPOSITORY [STLUA_SIM]
-- Exit status: 0 all right, 1 not, 77 all right but the simulator was not there to compare with.
local root = arg[1] or "."
local sim = arg[2] ~= "" and arg[2] or nil
local failures, checks = {}, 0

local function check(is_true, ...)
  checks = checks + 1
  if not is_true then failures[#failures + 1] = string.format(...) end
  return is_true
end

local function lines_of(command)
  local pipe, lines = assert(io.popen(command)), {}
  for line in pipe:lines() do lines[#lines + 1] = line end
  pipe:close()
  return lines
end

--- The text without comments and strings: what is left is what would run.
local function code_of(text)
  local out, at = {}, 1
  while at <= #text do
    local from = text:find('["\'%-]', at)
    if not from then break end
    out[#out + 1] = text:sub(at, from - 1)
    if text:sub(from, from + 1) == "--" then
      at = text:find("\n", from, true) or #text + 1
    elseif text:sub(from, from) == "-" then
      out[#out + 1], at = "-", from + 1
    else
      local quote, last = text:sub(from, from), from + 1
      while text:sub(last, last) ~= quote and last <= #text do
        last = last + (text:sub(last, last) == "\\" and 2 or 1)
      end
      at = last + 1
    end
  end
  out[#out + 1] = text:sub(at)
  return table.concat(out)
end

local not_data = { "function", "if", "require", "for", "while", "repeat", "goto", "load", "dofile" }

--- Loaded as the tool does it: as text, in an environment with nothing in it.
local function load_data(path)
  local file = assert(io.open(root .. "/" .. path))
  local text = file:read("a")
  file:close()
  local code = " " .. code_of(text) .. " "
  for _, word in ipairs(not_data) do
    check(not code:match("[^%w_]" .. word .. "[^%w_]"), "%s: data has no '%s'", path, word)
  end
  local chunk = assert(load(text, "@" .. path, "t", {}))
  return chunk()
end

local function contains(list, value)
  for _, item in ipairs(list) do
    if item == value then return true end
  end
  return false
end

local function is_uint(value, max) return math.type(value) == "integer" and value >= 0 and value <= max end

---- one variant ----

local function check_banks(where, what, banks, base_addr, total_bytes)
  local sum, next_addr = 0, base_addr
  for i, bank in ipairs(banks) do
    check(bank.base_addr >= next_addr, "%s: %s bank %d overlaps the one before", where, what, i)
    check(i > 1 or bank.base_addr == base_addr, "%s: %s bank 1 is not at the base", where, what)
    sum, next_addr = sum + bank.size_bytes, bank.base_addr + bank.size_bytes
  end
  check(#banks >= 1 and #banks <= 2, "%s: %d %s banks", where, #banks, what)
  check(sum == total_bytes, "%s: %s banks sum to %d, not %d", where, what, sum, total_bytes)
  return next_addr
end

local function check_options(where, family, variant, flash_end)
  local offsets, wrp = variant.option_offsets, #variant.option_offsets - 2
  check(offsets[1] == family.option_bytes.rdp_offset and offsets[2] == family.option_bytes.user_offset
        and offsets[3] == family.option_bytes.wrp1_offset, "%s: offsets start RDP, USER, WRP1", where)
  for i = 3, #offsets do -- facts 3.7: eight words stand together, the last two are elsewhere
    local expected = i <= 8 and 4 * (i - 1) or 0x80 + 4 * (i - 9)
    check(offsets[i] == expected, "%s: option offset %d is 0x%02X", where, i, offsets[i])
  end
  check(wrp == 2 * variant.wrp_word_count, "%s: %d WRP words for %d registers", where, wrp,
        variant.wrp_word_count)
  local sectors = (flash_end - family.flash.base_addr) // family.flash.wrp_sector_bytes
  check(wrp * 16 >= sectors, "%s: %d sectors, bits for %d", where, sectors, wrp * 16)
  check((wrp - 2) * 16 < sectors, "%s: a WRP register protects nothing", where)
end

local function check_size_register(where, variant)
  check(is_uint(variant.flash_kib_mask, 0xFFFF) and variant.flash_kib_mask > 0, "%s: mask", where)
  for _, kib in ipairs(variant.flash_kib_allowed) do
    check(kib * 1024 <= variant.flash_max_bytes, "%s: %d KiB is over the maximum", where, kib)
    if variant.flash_kib_codes then
      local has_code = false
      for _, decoded in pairs(variant.flash_kib_codes) do has_code = has_code or decoded == kib end
      check(has_code, "%s: no code means %d KiB", where, kib)
    else
      check(kib & variant.flash_kib_mask == kib, "%s: the mask cuts %d KiB", where, kib)
    end
  end
  check(contains(variant.flash_kib_allowed, variant.flash_max_bytes // 1024),
        "%s: the maximum is no allowed size", where)
end

local function check_variant(family, variant)
  local where, flash = variant.name, family.flash
  check(is_uint(variant.dev_id, family.dev_id.mask), "%s: dev_id", where)
  local flash_end = check_banks(where, "flash", variant.flash_banks, flash.base_addr, variant.flash_max_bytes)
  check_banks(where, "EEPROM", variant.eeprom_banks, family.eeprom.base_addr, variant.eeprom_max_bytes)
  for i, bank in ipairs(variant.flash_banks) do
    check(bank.size_bytes % flash.wrp_sector_bytes == 0 and bank.base_addr % flash.wrp_sector_bytes == 0,
          "%s: flash bank %d is not whole WRP sectors", where, i)
  end
  check_options(where, family, variant, flash_end)
  check_size_register(where, variant)
  check(variant.has_parallel_banks == (#variant.flash_banks == 2), "%s: parallel banks", where)
  check(type(variant.has_sprmod) == "boolean", "%s: has_sprmod", where)
  check(variant.user_default == (variant.has_parallel_banks and 0xF8 or 0x78), "%s: user_default", where)
  check(#variant.uid_offsets == 3 and variant.uid_offsets[3] == 0x14, "%s: UID words", where)
  check(variant.uid_addr == variant.flash_kib_addr + 4, "%s: UID follows the size register", where)
  check(variant.proven[1] == "sim", "%s: proven", where)
  check(next(variant.rev_ids), "%s: rev_ids", where)
end

---- the family ----

local part_fields = { name = true, variant = true, flash_kib = true, ram_kib = true, eeprom_kib = true }

local function check_part(part, variant, names)
  local where = part.name
  for field in pairs(part) do check(part_fields[field], "%s: what is %s?", where, field) end
  check(not names[where], "%s: twice", where)
  names[where] = part
  if not check(variant, "%s: no variant %s", where, tostring(part.variant)) then return end
  check(contains(variant.flash_kib_allowed, part.flash_kib), "%s: %d KiB of flash", where, part.flash_kib)
  check(part.eeprom_kib * 1024 <= variant.eeprom_max_bytes, "%s: EEPROM", where)
  check(part.ram_kib * 1024 <= variant.ram_max_bytes, "%s: RAM over the maximum", where)
  check(part.ram_kib * 1024 >= variant.ram_min_bytes, "%s: RAM under the minimum", where)
  variant.least_ram_kib = math.min(variant.least_ram_kib or part.ram_kib, part.ram_kib)
  variant.part_count = (variant.part_count or 0) + 1
end

--- Two variants of one DEV_ID must share the way to the size, and no size.
local function check_decidable(a, b)
  check(a.flash_kib_addr == b.flash_kib_addr and a.flash_kib_mask == b.flash_kib_mask,
        "%s, %s: the size is read in two ways", a.name, b.name)
  check((a.flash_kib_codes == nil) == (b.flash_kib_codes == nil), "%s, %s: codes", a.name, b.name)
  for _, kib in ipairs(a.flash_kib_allowed) do
    check(not contains(b.flash_kib_allowed, kib), "%s, %s: both with %d KiB", a.name, b.name, kib)
  end
end

local function check_family(family, names)
  local flash, variants = family.flash, {}
  check(flash.wrp_sector_bytes % flash.page_bytes == 0, "pages do not fill WRP sectors")
  check(flash.page_bytes % flash.half_page_bytes == 0, "half pages do not fill pages")
  check(family.op_typical_us < family.op_max_us, "op_typical_us is not below op_max_us")
  for i, variant in ipairs(family.variants) do
    check(not variants[variant.name], "%s: twice", variant.name)
    variants[variant.name] = variant
    check_variant(family, variant)
    for k = 1, i - 1 do
      if family.variants[k].dev_id == variant.dev_id then
        check_decidable(family.variants[k], variant)
        check(family.variants[k].flash_max_bytes > variant.flash_max_bytes,
              "%s: larger than an earlier one of its DEV_ID", variant.name)
      end
    end
  end
  for _, part in ipairs(family.parts) do check_part(part, variants[part.variant], names) end
  for name, variant in pairs(variants) do
    check(variant.part_count, "%s: no part", name)
    check(variant.least_ram_kib and variant.least_ram_kib * 1024 == variant.ram_min_bytes,
          "%s: no part has ram_min_bytes", name)
  end
  return variants
end

---- boards ----

local board_fields = { name = "string", description = "string", part = "string", probe = "string",
  nrst_wired = "boolean", swclk_khz = "number", leds = "table", usart = "table", notes = "table" }

local function check_board(path, board, names)
  check(path:match("([^/]+)%.lua$") == board.name, "%s: is named %s", path, tostring(board.name))
  check(names[board.part], "%s: no part %s", path, tostring(board.part))
  for field, value in pairs(board) do
    check(type(value) == board_fields[field], "%s: what is %s?", path, field)
  end
  for field in pairs(board_fields) do
    local is_optional = field == "swclk_khz" or field == "usart"
    check(is_optional or board[field] ~= nil, "%s: no %s", path, field)
  end
  for _, led in ipairs(board.leds) do
    check(led.name and led.pin:match("^P[A-H]%d%d?$"), "%s: LED %s", path, tostring(led.name))
  end
  for _, note in ipairs(board.notes) do check(type(note) == "string", "%s: a note", path) end
end

---- the simulator ----

local function find_sim()
  local path = sim or lines_of(("ls -t '%s'/build/*/bin/stlua-sim 2>/dev/null"):format(root))[1]
  local file = path and io.open(path)
  if file then file:close() end
  return file and path
end

local function compare_chip(line, variants, names, seen)
  local name, category, dev_id, flash, eeprom, ram =
    line:match("^%s+(%S+)%s+cat(%d)%s+DEV_ID 0x(%x+)%s+flash%s+(%d+) KiB%s+EEPROM%s+(%d+) B%s+RAM%s+(%d+) KiB")
  if not check(name, "simulator: cannot read '%s'", line) then return end
  local part = names[name]
  seen[name] = true
  if not check(part, "simulator: %s is in no target", name) then return end
  local variant = variants[part.variant]
  local ours = ("cat%d 0x%03X, flash %d KiB, EEPROM %d B, RAM %d KiB"):format(variant.category,
    variant.dev_id, part.flash_kib, part.eeprom_kib * 1024, part.ram_kib)
  local theirs = ("cat%d 0x%03X, flash %d KiB, EEPROM %d B, RAM %d KiB"):format(category,
    tonumber(dev_id, 16), flash, eeprom, ram)
  check(ours == theirs, "%s: target says %s, simulator %s", name, ours, theirs)
end

local function compare_with_sim(path, variants, names, boards)
  local section, seen, chips, simulated = nil, {}, 0, 0
  for _, line in ipairs(lines_of(("'%s' --list"):format(path))) do
    if line:match("^%S") then
      section = line
    elseif section == "chips" then
      chips = chips + 1
      compare_chip(line, variants, names, seen)
    elseif section == "boards" then
      local name, part = line:match("^%s+(%S+)%s+(%S+)")
      simulated = simulated + 1
      if check(boards[name], "simulator: board %s has no file", name) then
        check(boards[name].part == part, "%s: %s here, %s simulated", name, boards[name].part, part)
      end
    end
  end
  for name in pairs(names) do check(seen[name], "%s: the simulator has no such chip", name) end
  check(chips > 0 and simulated > 0, "simulator: %s --list says nothing", path)
  print(("targets: compared with the simulator's %d chips and %d boards"):format(chips, simulated))
end

---- all of it ----

local names, boards, variants = {}, {}, {}
local counts = { variants = 0, parts = 0, boards = 0 }
for _, path in ipairs(lines_of(("cd '%s' && ls targets/*.lua"):format(root))) do
  local family = load_data(path)
  for name, variant in pairs(check_family(family, names)) do variants[name] = variant end
  counts.variants, counts.parts = counts.variants + #family.variants, counts.parts + #family.parts
end
for _, path in ipairs(lines_of(("cd '%s' && ls targets/boards/*.lua"):format(root))) do
  local board = load_data(path)
  boards[board.name], counts.boards = board, counts.boards + 1
  check_board(path, board, names)
end

local sim_path, status = find_sim(), 0
if sim_path then
  compare_with_sim(sim_path, variants, names, boards)
else
  print("SKIPPED: stlua-sim is not built, the parts are not compared with the simulator's")
  status = 77
end
for _, text in ipairs(failures) do print(text) end
print(("targets: %d variants, %d parts, %d boards; %d checks, %d failures"):format(
  counts.variants, counts.parts, counts.boards, checks, #failures))
assert(checks > 1000, "too few checks: is the path right?")
os.exit(#failures > 0 and 1 or status)
