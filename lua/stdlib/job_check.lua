--- Check a job completely before a probe is opened: fields, types, files, addresses against the board,
--- overlaps, the order of stamps. What is wrong names the field and what would be right.
local digest = require "stlua.digest"
local errors = require "stlua.errors"
local fields = require "stlua.job_fields"
local images = require "stlua.image"
local job_image = require "stlua.job_image"
local labels = require "stlua.job_label"
local option_bytes = require "stlua.option_bytes"
local patches = require "stlua.job_patch"
local protect = require "stlua.protect"
local selftest = require "stlua.selftest"
local specs = require "stlua.ledger_spec"
local stamp = require "stlua.stamp"
local targets = require "stlua.targets"

local M = {}

local function check_board(job)
  local name = job.spec.board
  if not name then errors.raise("argument", "`stlua targets` lists them", "a job names its `board`") end
  if name:match("/") or name:match("%.lua$") then name = job:path(name) end
  job.board = targets.board(name)
  job.target = targets.of_part(targets.part(job.board.part))
  job.regions = {}
  for _, region in ipairs(targets.regions(job.target)) do
    if region.name == "flash" or region.name == "eeprom" then job.regions[#job.regions + 1] = region end
  end
end

local function read_file(path)
  local file, why = io.open(path, "rb")
  local bytes = file and file:read("a")
  if file then file:close() end
  if not bytes then errors.raise("file", "paths in a job are relative to the job's file", "%s", why or path) end
  return bytes
end

-- One file; a release pack's hash is compared before anything else is looked at.
local function load_file(job, spec)
  if type(spec) == "string" then spec = { path = spec } end
  fields.check("firmware", spec, fields.firmware)
  if not spec.path then errors.raise("argument", nil, "it has no `path`") end
  local path = job:path(spec.path)
  local bytes = read_file(path)
  local sha256 = digest.sha256(bytes)
  if spec.sha256 and spec.sha256:lower() ~= sha256 then
    errors.raise("refused", "is it the right release? the job's `sha256` names another file",
      "%s has SHA-256 %s", path, sha256)
  end
  return images.parse(path, bytes, { base_addr = spec.base_addr, format = spec.format }), sha256, path
end

local function load_firmware(job)
  local spec = job.spec.firmware
  if not spec then errors.raise("argument", nil, "a job names its `firmware`") end
  local list = type(spec) == "table" and #spec > 0 and spec or { spec }
  local hashes, names = {}, {}
  for i, one in ipairs(list) do
    local image, sha256, path = load_file(job, one)
    hashes[i], names[i] = sha256, path:match("[^/]*$")
    if i == 1 then
      job.firmware = image -- keeps its symbols
    else
      for _, segment in ipairs(image:segments()) do
        job.firmware:add(segment.addr, (image:read(segment.addr, segment.byte_count)))
      end
    end
  end
  job.firmware_name = table.concat(names, " and ")
  job.firmware_sha256 = #hashes == 1 and hashes[1] or digest.sha256(table.concat(hashes))
  for _, segment in ipairs(job.firmware:segments()) do patches.check_range(job, segment.addr, segment.byte_count) end
end

local function check_identity(job)
  local ledger = job.spec.ledger or {}
  fields.check("ledger", ledger, fields.ledger)
  job.product_name = ledger.product or job.name
  job.identity = job.spec.identity or {}
  job.product = specs.compile(job.product_name, job.identity)
  for name, key in pairs(job.product.keys) do
    if (key.source or "given") == "given" and not job.spec.keys then
      errors.raise("argument", 'the job\'s function `keys` hands keys over; or say source = "random" or "list"',
        "nobody gives the key `%s`", name)
    end
  end
  job.ledger = { path = ledger.path and (ledger.path:match("^postgres") and ledger.path or job:path(ledger.path)),
    vault_key_file = ledger.vault_key_file and job:path(ledger.vault_key_file), station = ledger.station }
end

local function check_ranges(job, name)
  local list = {}
  for i, range in ipairs(job.spec[name] or {}) do
    errors.within(("%s[%d]"):format(name, i), function()
      fields.check("a range", range, name == "fill" and fields.fill or fields.range)
      local addr = patches.addr_of(range, job)
      patches.check_range(job, addr, range.byte_count or 0)
      if range.byte and (range.byte < 0 or range.byte > 0xFF) then errors.raise("range", nil, "`byte` is one byte") end
      list[i] = { addr = addr, byte_count = range.byte_count, byte = range.byte or 0 }
    end)
  end
  return list
end

-- A gap that a stamp takes as some byte is written with it: the board may hold something else there.
local function complete_stamp(spec)
  local checked = stamp.check(spec)
  if not checked.gap or checked.fill then return checked end
  local copy = {}
  for name, value in pairs(checked) do copy[name] = value end
  copy.fill = true
  return copy
end

-- Stamps are tried on the firmware with zeros for what units differ in.
local function check_stamps(job)
  job.stamps = {}
  for i, spec in ipairs(job.spec.stamps or {}) do
    job.stamps[i] = errors.within(("stamps[%d]"):format(i), complete_stamp, spec)
  end
  local image <close>, stamped = job_image.sample(job)
  for i, result in ipairs(stamped) do
    local field = { name = ("stamps[%d]"):format(i), addr = result.at, byte_count = #result.bytes }
    errors.within(field.name, patches.check_range, job, field.addr, field.byte_count)
    errors.within(field.name, patches.check_apart, job.patches, field)
  end
  for _, segment in ipairs(image:segments()) do patches.check_range(job, segment.addr, segment.byte_count) end
end

local function check_option_bytes(job)
  local spec = job.spec.option_bytes
  if not spec then return end
  fields.check("option_bytes", spec, fields.option_bytes)
  option_bytes.user_byte(job.target.variant.user_default, spec, job.target, false)
  if spec.WRP then option_bytes.sectors(spec.WRP, job.target) end
end

local function check_lock(job)
  local lock = job.spec.lock
  if not lock then return end
  job.lock = protect.check(lock)
  if job.lock.wrp then option_bytes.sectors(job.lock.wrp, job.target) end
end

local unlock_words = { returning = true, always = true }

local function check_unlock(job)
  local word = job.spec.unlock
  if word and not unlock_words[word] then
    errors.raise("argument", 'a locked chip is erased: "returning" for units the ledger knows, "always" for all',
      'unlock is "returning" or "always", not %q', word)
  end
  job.unlock = word
end

local function check_list(job, name)
  for key in pairs(job.spec[name] or {}) do
    if math.type(key) ~= "integer" then
      errors.raise("argument", ("%s = { { ... }, { ... } }"):format(name), "`%s` is a list, it has no field `%s`", name,
        tostring(key))
    end
  end
end

--- Check a job and fill in what follows from its table. Raises what is wrong.
---@param job stlua.Job with `spec`, `folder`
function M.check(job)
  local spec = job.spec
  fields.check("a job", spec, fields.job)
  if not spec.name or not spec.name:match("^%w[%w%._%-]*$") then
    errors.raise("argument", "letters, digits, `.`, `_` and `-`", "a job has a `name`, not %q", tostring(spec.name))
  end
  job.name = spec.name
  for _, name in ipairs { "patches", "eeprom", "fill", "stamps", "volatile" } do check_list(job, name) end
  errors.within("board", check_board, job)
  errors.within("firmware", load_firmware, job)
  errors.within("identity", check_identity, job)
  job.patches = patches.compile(job)
  job.fill, job.volatile = check_ranges(job, "fill"), check_ranges(job, "volatile")
  check_stamps(job)
  if spec.erase_eeprom and not spec.erase_all then
    errors.raise("argument", nil, "`erase_eeprom` goes with `erase_all`")
  end
  errors.within("option_bytes", check_option_bytes, job)
  if spec.self_test then errors.within("self_test", selftest.check, spec.self_test) end
  errors.within("lock", check_lock, job)
  check_unlock(job)
  if spec.label then errors.within("label", labels.check, spec.label, job.product) end
  for _, name in ipairs { "keys", "erase_all", "erase_eeprom", "option_bytes", "self_test", "label", "before", "after_pass",
    "after_fail" } do
    job[name] = spec[name]
  end
end

return M
