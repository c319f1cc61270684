-- Chips and boards as data, and what registers say about them.
local stlua = require "stlua"
local support = require "support"
local targets = require "stlua.targets"

local function variant(name)
  for _, family in pairs(targets.all()) do
    for _, one in ipairs(family.variants) do
      if one.name == name then return one end
    end
  end
end

describe("the tables", function()
  it("have pages that fill WRP sectors, and sectors that fill the flash", function()
    for _, family in pairs(targets.all()) do
      assert.equal(0, family.flash.wrp_sector_bytes % family.flash.page_bytes)
      for _, one in ipairs(family.variants) do
        assert.equal(0, one.flash_max_bytes % family.flash.wrp_sector_bytes, one.name)
      end
    end
  end)

  it("name a part that exists for every board", function()
    for name, board in pairs(targets.boards()) do
      assert.is_nil(board.problem, name)
      assert.is_truthy(targets.part(board.part))
    end
  end)

  it("give every part a configuration the flash driver takes", function()
    local probe, dap = support.connect()
    for _, family in pairs(targets.all()) do
      for _, part in ipairs(family.parts) do
        local nvm = dap:nvm(targets.nvm_config(targets.of_part(part), 3300))
        nvm:close()
      end
    end
    probe:close()
  end)
end)

describe("a part's name", function()
  it("is understood in any case, and with package and temperature", function()
    assert.equal("STM32L151CB-A", targets.part("stm32l151cb-a").name)
    assert.equal("STM32L151CB-A", targets.part("STM32L151CBU6A").name)
    assert.equal("STM32L151CB", targets.part("STM32L151CBT6").name)
    assert.equal("STM32L152RE", targets.part("L152RE").name)
  end)

  it("that is wrong is answered with the nearest right one", function()
    assert.matches("STM32L151C", support.raises("unknown_target", targets.part, "STM32L151CV").hint)
    assert.matches("rak5205", support.raises("unknown_target", targets.board, "rak5250").hint)
  end)
end)

describe("the flash size register", function()
  it("is masked where its upper byte is undefined", function()
    assert.equal(128, (targets.decode_flash_kib(variant "cat2", 0x6B80)))
  end)

  it("is a code on category 4", function()
    assert.equal(384, (targets.decode_flash_kib(variant "cat4", 0)))
    assert.equal(256, (targets.decode_flash_kib(variant "cat3-a", 1)))
  end)

  it("says nothing when its value is no size of the chip", function()
    local kib, rule = targets.decode_flash_kib(variant "cat3", 0xFFFF)
    assert.is_nil(kib)
    assert.matches("0xFFFF", rule)
  end)
end)

describe("a chip", function()
  local categories = {
    { "STM32L151CB", 0x416, 128, "cat1" }, { "STM32L151CB-A", 0x429, 128, "cat2" },
    { "STM32L151CC", 0x427, 256, "cat3" }, { "STM32L151ZD", 0x436, 384, "cat4" },
    { "STM32L152RE", 0x437, 512, "cat5" },
  }
  for _, row in ipairs(categories) do
    it(("of %s is identified without being named: %s"):format(row[4], row[1]), function()
      local probe, dap = support.connect(row[1])
      local target = targets.identify(dap)
      assert.equal(row[2], target.dev_id)
      assert.equal(row[3], target.flash_kib)
      assert.equal(row[4], target.variant.name)
      assert.same({}, target.warnings)
      assert.equal(24, #targets.read_uid(dap, target))
      probe:close()
    end)
  end

  it("is identified through a probe that has no 16-bit accesses", function()
    local probe, dap = support.connect "STM32L151CB-A?fw=J24"
    assert.equal(128, targets.identify(dap).flash_kib)
    probe:close()
  end)

  it("with nonsense in its size register is taken for the largest, and that is said", function()
    local probe, dap = support.connect "STM32L151CB-A?flash-size=0x0011"
    local target = targets.identify(dap)
    assert.equal(128, target.flash_kib)
    assert.matches("0x0011", target.warnings[1])
    probe:close()
  end)

  it("that is not the named one is an error", function()
    local probe, dap = support.connect "STM32L151CB-A"
    local err = support.raises("wrong_target", targets.identify, dap, targets.part "STM32L152RE", "--target")
    assert.matches("0x429", err.message)
    assert.matches("%-%-target", err.message)
    probe:close()
  end)
end)

describe("a data file", function()
  it("has no functions of Lua", function()
    assert.matches("print", support.raises("format", targets.load_data, "return { x = print(1) }", "x.lua").message)
  end)

  it("that does not end is stopped", function()
    assert.matches("does not end", support.raises("format", targets.load_data, "while true do end", "x.lua").message)
  end)

  it("is text, not bytecode", function()
    local code = string.dump(function() return {} end)
    support.raises("format", targets.load_data, code, "x.lua")
  end)

  it("must return a table", function() support.raises("format", targets.load_data, "return 1", "x.lua") end)

  it("of a board may be anywhere", function()
    local path = support.write_file(support.folder() .. "/mine.lua", 'return { name = "mine", part = "STM32L151CC" }')
    assert.equal("STM32L151CC", targets.board(path).part)
    support.raises("file", targets.board, path .. ".lua")
    support.clean()
  end)
end)

it("stlua.version is a version", function() assert.matches("^%d+%.%d+%.%d+$", stlua.version) end)
