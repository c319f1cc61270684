-- tests/readme.lua: every example of README.md runs as it stands there.
-- Usage: lua5.4 tests/readme.lua REPOSITORY BIN_FOLDER
local root, bin = arg[1], arg[2] -- absolute
local text = assert(io.open(root .. "/README.md")):read("a")
local folder = io.popen("mktemp -d"):read("l")

local function quote(s) return "'" .. s:gsub("'", "'\\''") .. "'" end
local function write(name, bytes)
  local file = assert(io.open(folder .. "/" .. name, "wb"))
  file:write(bytes)
  file:close()
end

local failed, run = 0, 0
local function try(command)
  run = run + 1
  local line = ("cd %s && PATH=%s:$PATH STLUA_PROBE='sim:rak5205?state=desk.sim' sh -c %s >out.txt 2>&1"):format(quote(folder),
    quote(bin), quote(command))
  local ok = os.execute(line)
  print((ok and "ok      " or "FAILED  ") .. command)
  if not ok then
    failed = failed + 1
    print(io.open(folder .. "/out.txt"):read("a"))
  end
end

-- what the examples call firmware
os.execute(("mkdir -p %s/tests/firmware && cp %s/tests/firmware/blink.hex %s/tests/firmware/ && cp %s/tests/firmware/blink.hex %s/firmware.hex")
  :format(folder, root, folder, root, folder))
write("firmware.bin", ("firmware"):rep(100))

-- a Lua example that begins with a file's name is that file, for the commands below it
for block in text:gmatch("```lua\n(.-)```") do
  local name = block:match("^%-%- ([%w_]+%.lua)\n")
  if name then write(name, block) end
end
for block in text:gmatch("```sh\n(.-)```") do
  for line in block:gmatch("[^\n]+") do
    local command = line:gsub("%s+#.*$", "")
    -- make demo and make test are what runs this; everything else is typed as it stands
    if not command:match("^make ") then try(command) end
  end
end
for block in text:gmatch("```lua\n(.-)```") do
  if not block:match("^%-%- [%w_]+%.lua\n") then
    write("blink_test.lua", block)
    try("stlua run blink_test.lua")
  end
end

os.execute("rm -rf " .. quote(folder))
print(("%d passed, %d failed"):format(run - failed, failed))
assert(run > 8, "too few examples found")
os.exit(failed == 0 and 0 or 1)
