-- Exit statuses: one for each code, and no two the same.
local exit_status = require "stlua.exit_status"
local stlua = require "stlua"

describe("the exit statuses", function()
  it("have one for every code of the core", function()
    for _, code in ipairs(stlua.codes) do
      if code ~= "ok" then assert.is_true(exit_status.of(code) > 1, code) end
    end
  end)

  it("are all different, and fit into a byte", function()
    local seen = {}
    for _, row in ipairs(exit_status.list) do
      assert.is_nil(seen[row[1]], row[2])
      assert.is_true(row[1] >= 0 and row[1] < 256)
      seen[row[1]] = row[2]
    end
  end)

  it("name only codes of the core, and three of the runner", function()
    local known = { script = true, usage = true }
    for _, code in ipairs(stlua.codes) do known[code] = true end
    for _, row in ipairs(exit_status.list) do assert.is_true(known[row[2]], row[2]) end
  end)

  it("give 1 to a code that a script made up", function() assert.equal(1, exit_status.of "out_of_paper") end)
end)
