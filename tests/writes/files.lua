--- Commands that write files: what each may leave behind.
local judge = require "judge"
local support = require "support"

local blink = support.source .. "/tests/firmware/blink.hex"
local small = support.images .. "/small.hex"

-- What the command writes when nothing fails, by name; made once.
local wanted = {}
local function new_bytes(key, words, name)
  if not wanted[key] then
    local folder = support.folder()
    support.good(words(folder))
    wanted[key] = support.read_file(folder .. "/" .. name)
  end
  return wanted[key]
end

-- A command that writes one file, over an old one or where there is none.
local function saves(name, title, file, words, tries, old)
  return { name = name, title = title .. (old and "" or ", no old file"), words = words, tries = tries,
    allowed = { (file:gsub("%p", "%%%0")) },
    prepare = function(folder)
      if old then support.write_file(folder .. "/" .. file, old) end
    end,
    judge = function(place, is_done)
      local new = new_bytes(title, words, file)
      if is_done then judge.whole(place, file, new) else judge.whole(place, file, old, new) end
    end }
end

local function read(folder) return { "--probe", "sim:rak5205", "read", "0x08000000", "8192", "-o", folder .. "/out.hex" } end
local function convert(folder) return { "image", "convert", small, "-o", folder .. "/out.s19" } end
local function to_binary(folder) return { "image", "convert", blink, "--gap", "0", "-o", folder .. "/out.bin" } end
local function stamp(folder)
  return { "crc", small, "--from", "0x08000000", "--to", "0x080000FF", "--gap", "0", "--fill", "--at", "0x08000100", "--store", "u32le", "-o",
    folder .. "/out.hex" }
end

-- A trace is a log: what is in it when the disk is full is what there is; but the command must say so.
local function traced(file, tries)
  return { name = "info", title = "--trace " .. file, tries = tries, allowed = { (file:gsub("%p", "%%%0")) },
    words = function(folder) return { "--probe", "sim:rak5205", "--trace", folder .. "/" .. file, "info" } end,
    judge = function(place, is_done, result)
      if not is_done then return end
      if result and result.err:match "warning: trace " then -- the work is done, and it was said
        assert(not result.err:match "cannot be written\n", "a warning without its reason")
        return
      end
      local bytes = place:bytes(file)
      if file:match "%.gz$" then
        assert(support.shell("gzip -t " .. support.quote(place:path(file))).status == 0, "the trace is cut off")
        bytes = support.shell("gzip -dc " .. support.quote(place:path(file))).out
      end
      local at, count = 1, 0 -- whole blocks up to the end
      while at <= #bytes do
        local length = ("<I4"):unpack(bytes, at + 4)
        assert(("<I4"):unpack(bytes, at + length - 4) == length, "a torn block")
        at, count = at + length, count + 1
      end
      assert(count > 20, "hardly a packet")
    end }
end

local function printed(name, tries, words, pattern)
  return { name = name, title = name .. " >FILE", tries = tries, stdout = "out.txt", allowed = { "out%.txt" },
    words = words, judge = function(place, is_done)
      if is_done then assert(place:bytes "out.txt":match(pattern), "what was told is not whole") end
    end }
end

local function create(folder) return { "ledger", "create", folder .. "/line.db", "--vault", folder .. "/line.key" } end

return {
  saves("read", "read -o", "out.hex", read, 2, ":00000001FF\n"),
  saves("read", "read -o", "out.hex", read, 0),
  saves("image", "image convert -o FILE.s19", "out.s19", convert, 1, "S9030000FC\n"),
  saves("image", "image convert -o FILE.bin", "out.bin", to_binary, 0),
  saves("crc", "crc --at -o", "out.hex", stamp, 1, ":00000001FF\n"),
  traced("bus.pcapng", 0),
  traced("bus.pcapng.gz", 1),
  printed("info", 1, function() return { "--probe", "sim:rak5205", "info", "--json" } end, '"ok":true.*}\n$'),
  printed("image", 0, function() return { "image", "info", small } end, "\nimage: [^\n]+\n$"),
  { name = "ledger", title = "ledger create", words = create, tries = 3,
    allowed = { "line%.db", "line%.key", "line%.db%-wal", "line%.db%-shm", "line%.db%-journal" },
    judge = function(place, is_done)
      if not is_done then return end
      place:ledger(function(db)
        assert(db:one("PRAGMA integrity_check").integrity_check == "ok")
        assert(db:one("SELECT value FROM settings WHERE name = 'vault'"), "the vault key is not known")
      end)
      assert(place:bytes "line.key":match "^%x+\n$" and #place:bytes "line.key" == 65, "half a vault key")
    end },
}
