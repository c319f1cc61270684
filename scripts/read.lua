--- Read memory into a file, or show it.
local stlua = require "stlua"
local errors = require "stlua.errors"
local format = require "stlua.format"
local image = require "stlua.image"

local block_bytes = 16 * 1024 -- between two looks at Ctrl-C, and two steps of the bar

local function chunks_of(session, args)
  if args.region then
    if args.addr then errors.raise("usage", nil, "either --region or ADDR COUNT") end
    return session:chunks(args.region)
  end
  if not args.addr or not args.count then
    errors.raise("usage", "stlua read 0x08000000 256; stlua read --region flash -o fw.bin",
      "say what to read: ADDR COUNT, or --region")
  end
  if args.count == 0 or args.addr + args.count > 1 << 32 then
    errors.raise("range", nil, "%d bytes at 0x%08X: nothing to read, or past 0xFFFFFFFF", args.count, args.addr)
  end
  return { { addr = args.addr, byte_count = args.count } }
end

local function read_all(session, chunks, total)
  local content, done = image.new(), 0
  local progress = session.out.progress:callback()
  for _, chunk in ipairs(chunks) do
    for offset = 0, chunk.byte_count - 1, block_bytes do
      local count = math.min(block_bytes, chunk.byte_count - offset)
      stlua.interrupt()
      content:add(chunk.addr + offset, session:read(chunk.addr + offset, count))
      done = done + count
      if total > block_bytes then progress("read", done, total) end
    end
  end
  return content
end

return {
  summary = "Read memory into a file, or show it as hex",
  args = {
    { "addr", type = "addr", optional = true, help = "address" },
    { "count", type = "size", optional = true, help = "bytes; 4K is 4096" },
    { "--region", type = "choice", choices = { "flash", "eeprom", "options", "ram" }, help = "all of a region" },
    { "-o --output", type = "path", metavar = "FILE", help = "write .bin, .hex or .s19; by default a hex dump is shown" },
  },

  ---@param session stlua.Session
  run = function(session, args)
    local chunks, total = chunks_of(session, args), 0
    for _, chunk in ipairs(chunks) do total = total + chunk.byte_count end
    local content = read_all(session, chunks, total)
    local result = { byte_count = total, chunks = chunks }
    if args.output then
      content:save(args.output)
      result.file = args.output
      return ("%d bytes from %s to %s"):format(total, format.addr(chunks[1].addr), args.output), result
    end
    for _, segment in ipairs(content:segments()) do
      local bytes = content:read(segment.addr, segment.byte_count)
      for _, line in ipairs(format.dump(segment.addr, bytes)) do session:say("%s", line) end
    end
    return ("%d bytes from %s"):format(total, format.addr(chunks[1].addr)), result
  end,
}
