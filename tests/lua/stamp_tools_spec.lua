-- Stamps and edits against srec_cat and objcopy: the same input, the same bytes.
local idioms = require "stlua.stamp_idioms"
local image = require "stlua.image"
local stamp = require "stlua.stamp"
local support = require "support"

local base, folder = 0x08000000, nil

local function has(tool) return support.shell("sh -c 'command -v " .. tool .. "'").status == 0 end

local function run(command)
  local result = support.shell(command)
  assert.equal(0, result.status, command .. "\n" .. result.err)
  return result.out
end

-- What srec_cat makes of our HEX file.
local function srec_cat(fw, words)
  local from, to = folder .. "/from.hex", folder .. "/to.hex"
  fw:save(from)
  run(("srec_cat %s -Intel %s -o %s -Intel"):format(from, words, to))
  return image.load(to)
end

local function firmware() return image.new():add(base, support.bytes(600)):add(base + 700, support.bytes(324, 2)) end

if not has "srec_cat" then
  pending "SKIPPED: no srec_cat (Debian: srecord), idioms and edits are not compared with it"
else
  describe("srec_cat", function()
    setup(function() folder = support.folder() end)
    teardown(support.clean)

    for name in pairs(idioms) do
      local option, rest = name:match("^srec_cat (%S+)%s*(.*)$")
      if option then
        it("and the idiom write the same: " .. option .. " " .. rest, function()
          local fw = firmware()
          local theirs = srec_cat(fw, ("-fill 0xFF 0x%X 0x%X %s 0x%X %s"):format(base, base + 1024, option, base + 1024, rest))
          stamp.apply(fw, { idiom = name, from = base, byte_count = 1024, gap = 0xFF, fill = true, at = base + 1024 })
          assert.same({}, fw:diff(theirs))
        end)
      end
    end

    it("and merge, crop, fill, move make the same image", function()
      assert.same({}, firmware():crop(base + 0x100, 0x200):diff(srec_cat(firmware(),
        ("-crop 0x%X 0x%X"):format(base + 0x100, base + 0x300))))
      assert.same({}, firmware():fill(base, 0x500, 0xA5):diff(srec_cat(firmware(),
        ("-fill 0xA5 0x%X 0x%X"):format(base, base + 0x500))))
      assert.same({}, firmware():move(base, 1024, base + 0x4000):diff(srec_cat(firmware(), "-offset 0x4000")))
      local other = folder .. "/other.s19"
      local second = image.new():add(base + 0x2000, support.bytes(64, 3))
      second:save(other)
      assert.same({}, firmware():merge(second):diff(srec_cat(firmware(), other .. " -Motorola")))
    end)
  end)
end

if not has "arm-none-eabi-objcopy" then
  pending "SKIPPED: no arm-none-eabi-objcopy, files are not compared with it"
else
  describe("objcopy", function()
    setup(function() folder = support.folder() end)
    teardown(support.clean)

    local function objcopy(words) run("arm-none-eabi-objcopy " .. words) end

    it("reads what was saved as HEX and S-record", function()
      for format, extension in pairs { ihex = "hex", srec = "s19" } do
        firmware():save(folder .. "/fw." .. extension)
        objcopy(("-I %s -O binary --gap-fill 0x5A %s/fw.%s %s/fw.bin"):format(format, folder, extension, folder))
        assert.equal((firmware():read(base, 1024, 0x5A)), support.read_file(folder .. "/fw.bin"))
      end
    end)

    it("makes the same binary of an ELF, with a stated byte in its gaps", function()
      local elf = support.images .. "/small.elf"
      local fw = image.load(elf)
      fw:save(folder .. "/ours.bin", { fill = 0xEE })
      objcopy(("-O binary --gap-fill 0xEE %s %s/theirs.bin"):format(elf, folder))
      assert.equal(support.read_file(folder .. "/theirs.bin"), support.read_file(folder .. "/ours.bin"))
    end)

    it("can add IAR's __checksum, and the idiom finds it", function()
      objcopy(("--add-symbol __checksum=.data:0,global %s/small.elf %s/iar.elf"):format(support.images, folder))
      local fw = image.load(folder .. "/iar.elf")
      local result = stamp.apply(fw, { idiom = "iar", from = base, to = base + 0x37 })
      assert.equal(base + 0x34, result.at)
      assert.equal(require("stlua.crc").compute("stm32", (fw:read(base, 0x34))), fw:get("__checksum", "u32le"))
    end)

    it("dumps the same section that a stamp covers", function()
      local elf = support.images .. "/small.elf"
      objcopy(("-O binary -j .text %s %s/text.bin"):format(elf, folder))
      local result = stamp.compute(image.load(elf), { crc = "crc-32", section = ".text" })
      assert.equal(require("stlua.crc").compute("crc-32", support.read_file(folder .. "/text.bin")), result.value)
    end)
  end)
end
