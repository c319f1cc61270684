-- Child processes: their words arrive as they are, their output is read without waiting, they end.
local stlua = require "stlua"
local support = require "support"

-- Everything it wrote, and its status.
local function finish(process)
  local out, err = {}, {}
  while true do
    local a, b = process:read "stdout", process:read "stderr"
    out[#out + 1], err[#err + 1] = a, b
    if not a and not b and process:status() then return table.concat(out), table.concat(err), process:status() end
    if a ~= "" and b ~= "" then stlua.sleep(0.001) end
  end
end

describe("a process", function()
  it("gets its words as they are: no shell looks at them", function()
    local words = { "a b", "$HOME", "'", '"', "", "*", ";true", "\\" }
    local out = finish(stlua.spawn { "printf", "<%s>", table.unpack(words) })
    assert.equal("<" .. table.concat(words, "><") .. ">", out)
  end)

  it("has its streams and its status", function()
    local out, err, status = finish(stlua.spawn { "sh", "-c", "echo out; echo err >&2; exit 7" })
    assert.equal("out\n", out)
    assert.equal("err\n", err)
    assert.equal(7, status)
  end)

  it("writes more than a pipe holds", function()
    local out = finish(stlua.spawn { "head", "-c", "1000000", "/dev/zero" })
    assert.equal(1000000, #out)
  end)

  it("does not keep the reader waiting", function()
    local process <close> = stlua.spawn { "sleep", "100" }
    assert.equal("", process:read())
    assert.is_nil(process:status())
    assert.is_true(process:pid() > 1)
    process:kill "term"
    local _, _, status = finish(process)
    assert.equal(128 + 15, status)
    assert.is_nil(process:pid())
    process:kill "kill" -- nobody is hit
  end)

  it("has an empty standard input", function() assert.equal("", (finish(stlua.spawn { "cat" }))) end)

  it("is ended when it is closed, or forgotten", function()
    local process = stlua.spawn { "sleep", "100" }
    local pid = process:pid()
    process:close()
    process:close()
    assert.is_nil(stlua.file_kind("/proc/" .. pid))
    pid = stlua.spawn({ "sleep", "100" }):pid()
    collectgarbage()
    collectgarbage()
    assert.is_nil(stlua.file_kind("/proc/" .. pid))
  end)

  it("keeps no pipe of another one open", function()
    local first <close> = stlua.spawn { "sh", "-c", "sleep 0.05; echo end" }
    local second <close> = stlua.spawn { "sleep", "100" }
    assert.equal("end\n", (finish(first)))
    assert.is_nil(second:status())
  end)

  it("that cannot be started says why", function()
    local err = support.raises("file", stlua.spawn, { "/no/such/program" })
    assert.matches("/no/such/program: No such file", err.message)
    assert.has_error(function() stlua.spawn {} end)
    assert.has_error(function() stlua.spawn { {} } end)
  end)

  it("ends with the one that started it, if it wants to", function()
    local child = support.write_file(support.folder() .. "/child.lua",
      'local stlua = require "stlua" stlua.end_with_parent() print "ready" io.stdout:flush() stlua.sleep(100)')
    local parent = support.write_file(support.folder() .. "/parent.lua", [[
      local stlua = require "stlua"
      local process = stlua.spawn { stlua.executable(), ... }
      local line = ""
      repeat
        line = line .. (process:read() or "")
        stlua.sleep(0.01)
      until line:find "\n"
      io.stdout:write(process:pid(), "\n")
      io.stdout:flush()
      stlua.sleep(100)]])
    finally(support.clean)
    local process = stlua.spawn { support.bin .. "/stlua", parent, child }
    local line = ""
    repeat
      line = line .. (process:read() or "")
      stlua.sleep(0.01)
    until line:find "\n"
    local pid = line:match "%d+"
    assert.equal("folder", stlua.file_kind("/proc/" .. pid))
    process:kill "kill"
    process:close()
    for _ = 1, 1000 do
      local file = io.open("/proc/" .. pid .. "/stat")
      local state = file and file:read("a"):match "%) (%a)"
      if file then file:close() end
      if not state or state == "Z" then return end
      stlua.sleep(0.01)
    end
    error "the child lives on"
  end)
end)
