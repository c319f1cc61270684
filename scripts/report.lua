--- What a ledger knows of a product: yield, first-pass yield, time a unit, errors by frequency, numbers left.
local errors = require "stlua.errors"
local format = require "stlua.format"
local job_ledger = require "stlua.job_ledger"
local json = require "stlua.json"

local function percent(share) return share and ("%.1f %%"):format(100 * share) or "-" end

local function lines(report)
  local rows = {
    { "units", ("%d tried, %d passed"):format(report.units_tried, report.units_passed) },
    { "yield", ("%s, at the first attempt %s"):format(percent(report.yield), percent(report.first_pass_yield)) },
    { "attempts", ("%d passed, %d failed, %d abandoned"):format(report.attempts.pass, report.attempts.fail,
      report.attempts.abandoned) },
    { "serials", ("%d in use, %d void, %d retired"):format(report.serials.committed, report.serials.void,
      report.serials.retired) },
  }
  local time = report.time_per_unit
  if time then
    rows[#rows + 1] = { "time a unit", ("%s median, %s to %s"):format(format.seconds(time.median_ms / 1000),
      format.seconds(time.min_ms / 1000), format.seconds(time.max_ms / 1000)) }
  end
  for i, row in ipairs(report.errors) do
    rows[#rows + 1] = { i == 1 and "errors" or "", ("%d x [%s], %s of all"):format(row.count, row.code, percent(row.share)) }
  end
  local sources = {}
  for name in pairs(report.numbers_left) do sources[#sources + 1] = name end
  table.sort(sources)
  for i, name in ipairs(sources) do
    rows[#rows + 1] = { i == 1 and "left" or "", ("%d of %s"):format(report.numbers_left[name], name) }
  end
  return format.columns(rows)
end

local function product_names(ledger)
  local names = json.array()
  for i, row in ipairs(ledger.db:rows "SELECT name FROM products ORDER BY name") do names[i] = row.name end
  return names
end

return {
  summary = "Yield, time a unit and errors by frequency, from the ledger",
  args = {
    { "product", optional = true, help = "default: all of them" },
    { "--ledger", metavar = "PATH|URL", help = "default: $STLUA_LEDGER" },
  },

  ---@param session stlua.Session
  run = function(session, args)
    local place = job_ledger.place(nil, args.ledger)
    if not place then errors.raise("usage", "--ledger PATH, or STLUA_LEDGER", "no ledger is named") end
    local ledger <close> = job_ledger.open(place, { read_only = true })
    local names = args.product and { args.product } or product_names(ledger)
    local reports = json.array()
    for i, name in ipairs(names) do
      reports[i] = ledger:report(name)
      session:say("%s", name)
      for _, line in ipairs(lines(reports[i])) do session:say("  %s", line) end
    end
    return format.count(#names, "product"), { products = reports }
  end,
}
