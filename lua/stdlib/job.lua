--- Jobs: a Lua file that says what each unit of one product gets. lua/meta/job.lua describes its table,
--- scripts/jobs/ has examples. A job is loaded and checked completely before a probe is opened.
local checks = require "stlua.job_check"
local digest = require "stlua.digest"
local errors = require "stlua.errors"
local images = require "stlua.job_image"
local memory = require "stlua.memory"
local nearest = require "stlua.nearest"
local path = require "stlua.path"
local strict = require "stlua.strict"

---@class stlua.Job
---@field name string
---@field file string
---@field folder string what relative paths begin at
---@field sha256 string of the job's file
---@field spec stlua.JobSpec as the file has it
---@field board table
---@field target stlua.Target the board's chip, before one is asked
---@field regions { name: string, addr: integer, byte_count: integer }[] flash and data EEPROM
---@field firmware stlua.Image what all units have in common
---@field firmware_name string
---@field firmware_sha256 string of the file, or of several files' hashes
---@field product table the compiled identity
---@field product_name string
---@field identity stlua.ProductSpec
---@field ledger { path: string?, vault_key_file: string?, station: string? }
---@field patches stlua.CompiledPatch[]
---@field fill { addr: integer, byte_count: integer, byte: integer }[]
---@field volatile { addr: integer, byte_count: integer }[]
---@field stamps stlua.StampSpec[] complete
---@field keys function?
---@field erase_all boolean?
---@field erase_eeprom boolean?
---@field option_bytes stlua.JobOptionBytes?
---@field self_test table?
---@field label stlua.JobLabel|function|nil
---@field lock table?
---@field unlock "returning"|"always"|nil
---@field before function?
---@field after_pass function?
---@field after_fail function?
local job = {}
job.__index = job
job.__name = "stlua.Job"

function job:__tostring() return ("<job %s, %s>"):format(self.name or "?", self.file) end

--- A path of the job's file as seen from here.
---@param name string
---@return string
function job:path(name) return name:sub(1, 1) == "/" and name or self.folder .. "/" .. name end

--- The image of one unit: firmware, patches, fill and stamps. The caller closes it.
---@param unit stlua.JobUnit
---@return stlua.Image image
---@return table[] stamped what stlua.stamp reports of each stamp
function job:image(unit) return images.build(self, unit) end

local M = {}

local function read_job(file_path)
  local file, why = io.open(file_path, "rb")
  local text = file and file:read("a")
  if file then file:close() end
  if not text then
    errors.raise("file", "`stlua provision FILE` takes a job's path; scripts/jobs/ has examples", "job: %s",
      why or (file_path .. ": cannot be read"))
  end
  return text
end

-- A job's path, or the name of one on the search path.
local function find_job(name)
  if name:match("/") or name:match("%.lua$") then return read_job(name), name end
  local text, where = path.find("job", name)
  if text then return text, where end
  errors.raise("file", nearest.hint(name, path.names "job") or "a job's file is named by its path", "there is no job `%s`", name)
end

-- A job finds modules beside itself.
local function add_folder(folder)
  local place = folder .. "/?.lua;"
  if package.path:sub(1, #place) ~= place then package.path = place .. package.path end
end

-- Standard output belongs to the verdict and to JSON.
local function print_to_stderr(...)
  local cells = table.pack(...)
  for i = 1, cells.n do cells[i] = tostring(cells[i]) end
  io.stderr:write(table.concat(cells, "\t"), "\n")
end

local function run_file(text, name)
  local chunk, why = path.load(text, name, strict.environment { print = print_to_stderr })
  if not chunk then
    error(errors.new("format", "a job is Lua 5.4 and ends with `return { ... }`", "%s", why), 0)
  end
  local ok, spec = memory.pcall(chunk)
  if not ok then
    if errors.is_error(spec) then error(spec, 0) end
    error(errors.new("format", "the line is the job's own", "%s", tostring(spec)), 0)
  end
  if type(spec) ~= "table" then
    errors.raise("format", "it ends with `return { name = ..., board = ..., firmware = ... }`", "%s returns no table", name)
  end
  return spec
end

local function check(self)
  errors.within("job " .. (self.file:match("[^/]*$")), checks.check, self)
  return self
end

--- Check a job that is a table already. Raises: as M.load.
---@param spec stlua.JobSpec
---@param folder string what its relative paths begin at
---@return stlua.Job
function M.check(spec, folder)
  return check(setmetatable({ file = "table", folder = folder, sha256 = digest.sha256(""), spec = spec }, job))
end

--- Load and check a job. Raises: file, format, argument, range, overlap, unknown_target, refused.
---@param name string a path, or the name of a job on the search path
---@return stlua.Job
function M.load(name)
  local text, file_path = find_job(name)
  local folder = file_path:match("^(.*)/[^/]*$") or "."
  add_folder(folder)
  local self = setmetatable({ file = file_path, folder = folder, sha256 = digest.sha256(text) }, job)
  self.spec = run_file(text, file_path)
  return check(self)
end

return M
