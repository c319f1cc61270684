---@meta stlua
--- What lua/bind offers to Lua, for LuaLS. A test compares these names with what is bound.
--- Every function may raise an stlua.Error; which codes, its comment says. Wrong arguments are Lua errors.
--- Addresses are target bus addresses; every quantity ends in its unit.

---@class stlua
---@field version string
---@field codes string[] the names of all error codes
---@field image stlua.image
---@field crc stlua.crc
local stlua = {}

---@class stlua.Error
---@field code string one of stlua.codes; a script tests this, never the text
---@field message string the whole chain in one line: "wide: narrow: cause"
---@field hint string? what the user can do about it
---@field cause string the innermost part of message
---@field context string[] what was being done, ever wider
---@field addr integer? the target address concerned
---@field report stlua.Report? what nvm:apply and nvm:verify had done before they failed

--- Make an error value; raise it with error(value, 0).
---@param fields { code: string, message: string, hint: string?, context: string[]? }
---@return stlua.Error
function stlua.error(fields) end

--- Lua text as data: it runs without libraries and string methods, with 4 MiB and a million
--- instructions, and has to return a plain table. Raises: format, memory.
---@param text string
---@param name string for messages
---@return table
function stlua.load_data(text, name) end

-- ---- probes ----

---@class stlua.UsbFound
---@field port string "usb:1-4.2"
---@field product string
---@field serial_raw string the string descriptor as it came, header included
---@field serial string 24 upper-case hex digits where the probe allows
---@field serial_ascii string as libusb's ASCII helper gives it
---@field vendor_id integer
---@field product_id integer
---@field open_error string? an error code, if it cannot be opened
---@field holder string? "openocd (pid 4711)", if known

--- Every ST-LINK on the bus, whether or not it can be opened. Raises: usb.
---@return stlua.UsbFound[]
function stlua.list_usb() end

--- Without a port: the only one there is. Raises: no_probe, ambiguous, permission, probe_busy, usb, unsupported.
---@param port string?
---@param trace_path string? a pcapng file of what goes over the wire; compressed if it ends in .gz
---@return stlua.Probe
function stlua.open_usb(port, trace_path) end

--- A simulator of our own; it ends with the probe. Raises: argument, file.
---@param spec string "rak5205?state=b.sim&probe=v2"
---@param simulator_path string
---@param trace_path string?
---@return stlua.Probe
function stlua.open_sim(spec, simulator_path, trace_path) end

--- A simulator that runs already. Raises: no_probe, probe_busy.
---@param socket_path string
---@param trace_path string?
---@return stlua.Probe
function stlua.join_sim(socket_path, trace_path) end

---@class stlua.ProbeFeatures
---@field has_voltage boolean
---@field has_rw_status2 boolean
---@field has_swd_set_freq boolean
---@field has_dap_registers boolean
---@field has_mem_16bit boolean
---@field has_multi_ap boolean
---@field has_csw boolean
---@field has_com_freq boolean
---@field mem8_max_bytes integer
---@field mem32_max_bytes integer

---@class stlua.ProbeInfo
---@field kind string "ST-LINK/V2", "ST-LINK/V2-1", "STLINK-V3"
---@field product string
---@field port string
---@field firmware string "V2J37S7"
---@field major integer
---@field jtag integer
---@field swim integer
---@field msd integer
---@field bridge integer
---@field power integer
---@field vendor_id integer
---@field product_id integer
---@field serial string
---@field serial_ascii string
---@field features stlua.ProbeFeatures

---@class stlua.Probe
local probe = {}

--- No transfer.
---@return stlua.ProbeInfo
function probe:info() end

--- Target supply; 0 when the probe has no reference. Raises: unsupported before firmware J13.
---@return integer mv
function probe:voltage_mv() end

---@param khz integer
---@return integer actual_khz the highest the probe has that is not above it
function probe:set_swclk(khz) end

--- SWD debug mode; the target is neither halted nor reset.
function probe:enter() end

--- Leave debug mode, which releases nRST.
function probe:exit() end

---@return boolean
function probe:is_entered() end

--- Drive nRST low, or release it.
---@param is_low boolean
function probe:nrst(is_low) end

--- Any command. The status in the reply is not looked at.
---@param request string 1 to 16 bytes
---@param data_out string?
---@param reply_room integer? 64
---@return string reply
function probe:command(request, data_out, reply_room) end

---@return integer
function probe:read_dpidr() end

--- Raises: unsupported before firmware J24.
---@param reg_addr integer 0, 4, 8, 12
---@return integer
function probe:read_dp(reg_addr) end

---@param reg_addr integer
---@param value integer
function probe:write_dp(reg_addr, value) end

---@param ap integer
---@param reg_addr integer
---@return integer
function probe:read_ap(ap, reg_addr) end

---@param ap integer
---@param reg_addr integer
---@param value integer
function probe:write_ap(ap, reg_addr, value) end

--- Attach to the target. Raises: no_target, dap_fault, timeout, usb.
---@param options { mode: "normal"|"under-reset"|"hotplug"|nil, swclk_khz: integer? }?
---@return stlua.Dap
function probe:connect(options) end

--- Simulator only: "stats", "power off", "pin PA5"; `stlua-sim --help` has them all.
---@param line string
---@return string answer
function probe:admin(line) end

---@return { run_count: integer, bytes_out: integer, bytes_in: integer }
function probe:transfers() end

--- Seconds in the time this probe lives in: a simulated one has its own.
---@return number
function probe:now_s() end

---@return boolean
function probe:is_open() end

--- Leave debug mode, release nRST, close; also what was connected through it. Never fails.
function probe:close() end

-- ---- targets ----

---@class stlua.DapInfo
---@field dpidr integer
---@field cpuid integer
---@field swclk_khz integer
---@field is_nrst_effective boolean meaningful if was_nrst_tried
---@field was_nrst_tried boolean

---@class stlua.CoreState
---@field dhcsr integer
---@field is_halted boolean
---@field is_sleeping boolean
---@field is_locked_up boolean
---@field was_reset boolean

---@alias stlua.RegName
---| "r0"|"r1"|"r2"|"r3"|"r4"|"r5"|"r6"|"r7"|"r8"|"r9"|"r10"|"r11"|"r12"
---| "sp"|"lr"|"pc"|"xpsr"|"msp"|"psp"|"control"|"primask"|"faultmask"|"basepri"

---@class stlua.Dap
local dap = {}

--- No transfer.
---@return stlua.DapInfo
function dap:info() end

--- Any address and count. Raises: dap_fault, no_target, usb.
---@param addr integer
---@param byte_count integer
---@return string
function dap:read(addr, byte_count) end

---@param addr integer
---@param bytes string
function dap:write(addr, bytes) end

--- All accesses are 8 bits wide; with a count, an array.
---@param addr integer
---@param count integer?
---@return integer|integer[]
function dap:read8(addr, count) end

---@param addr integer
---@param count integer?
---@return integer|integer[]
function dap:read16(addr, count) end

---@param addr integer
---@param count integer?
---@return integer|integer[]
function dap:read32(addr, count) end

---@param addr integer
---@param value integer|integer[]
function dap:write8(addr, value) end

---@param addr integer
---@param value integer|integer[]
function dap:write16(addr, value) end

---@param addr integer
---@param value integer|integer[]
function dap:write32(addr, value) end

--- The core must be halted.
---@param name stlua.RegName
---@return integer
function dap:read_reg(name) end

---@param name stlua.RegName
---@param value integer
function dap:write_reg(name, value) end

---@return stlua.CoreState
function dap:state() end

function dap:halt() end

function dap:run() end

function dap:step() end

--- Reset; then halted before the first instruction (the default), or running.
---@param options { kind: "system"|"nrst"|nil, halt: boolean? }?
function dap:reset(options) end

--- Raises: timeout, and leaves the core running then.
---@param timeout_ms integer
function dap:wait_halt(timeout_ms) end

--- Hardware breakpoint below 0x20000000. Raises: unsupported when all are used.
---@param addr integer
function dap:set_breakpoint(addr) end

---@param addr integer
function dap:clear_breakpoint(addr) end

--- Bring a halted core into a state in which code in RAM can run.
function dap:clean() end

--- Call a Thumb function in RAM. return_addr is a half word of RAM that a BKPT may be put into.
--- Raises: timeout (the core is halted again, and the text tells the PC).
---@param entry_addr integer
---@param args integer[]? up to four
---@param options { stack_addr: integer, return_addr: integer, timeout_ms: integer? }
---@return integer r0
function dap:call(entry_addr, args, options) end

--- Flash, data EEPROM and option bytes. config comes from stlua.targets. Reads no register.
---@param config table
---@param options { require_fast: boolean?, force_direct: boolean? }?
---@return stlua.Nvm
function dap:nvm(config, options) end

---@return boolean
function dap:is_open() end

--- Disarm, let the core run, leave debug mode. Never raises: the error says that the target may have
--- stayed halted or armed.
---@return true? is_done
---@return stlua.Error?
function dap:close() end

--- The same, but the core stays as it is.
---@return true? is_done
---@return stlua.Error?
function dap:close_halted() end

-- ---- flash, data EEPROM, option bytes ----

---@class stlua.NvmStatus
---@field rdp_byte integer
---@field rdp_level integer 0, 1 or 2
---@field is_sprmod boolean
---@field user_byte integer
---@field bor_level integer 0 (off) to 5
---@field is_iwdg_software boolean
---@field is_nrst_stop boolean
---@field is_nrst_stdby boolean
---@field is_bfb2 boolean
---@field wrp integer[] bit i of word n: sector 32 * (n - 1) + i
---@field option_words { value: integer, is_good: boolean }[] RDP, USER, then WRP
---@field has_option_error boolean
---@field sr integer
---@field pecr integer
---@field obr integer

---@class stlua.Report
---@field road "loader"|"direct"
---@field verified_by "signature"|"read"
---@field pages_erased integer
---@field half_pages_programmed integer
---@field words_programmed integer
---@field eeprom_words_written integer
---@field flash_time_us integer what the flash itself needs for that
---@field elapsed_us integer
---@field verified_bytes integer

---@alias stlua.ProgressFunction fun(phase: string, done: integer, total: integer): boolean? false stops

---@class stlua.Nvm
local nvm = {}

---@return stlua.NvmStatus
function nvm:status() end

--- Whole pages; blank ones are erased, too.
---@param addr integer
---@param byte_count integer
---@param options { progress: stlua.ProgressFunction? }?
function nvm:erase(addr, byte_count, options) end

--- Whole half pages of erased flash. Raises: write_protected, read_protected, flash, timeout.
---@param addr integer
---@param bytes string
---@param options { progress: stlua.ProgressFunction? }?
function nvm:program(addr, bytes, options) end

--- 64 bits a page, as stlua.page_signature computes them.
---@param addr integer
---@param page_count integer
---@return integer[]
function nvm:signatures(addr, page_count) end

--- Any address and count; only words that differ are written, and verified.
---@param addr integer
---@param bytes string
---@param options { progress: stlua.ProgressFunction? }?
---@return integer words_written
function nvm:write_eeprom(addr, bytes, options) end

--- Compare an image with the target; nothing is written. Raises: range, read_protected, write_protected.
---@param image stlua.Image
---@param options { erase_all: boolean?, erase_eeprom: boolean?, progress: stlua.ProgressFunction? }?
---@return stlua.Plan
function nvm:plan(image, options) end

--- Do it, then verify all of the image.
---@param plan stlua.Plan made by this nvm
---@param options { verify: "signature"|"read"|nil, progress: stlua.ProgressFunction? }?
---@return stlua.Report
function nvm:apply(plan, options) end

--- Raises: verify (with addr), range, read_protected.
---@param image stlua.Image
---@param options { verify: "signature"|"read"|nil, progress: stlua.ProgressFunction? }?
---@return stlua.Report
function nvm:verify(image, options) end

--- Field values only; the target is reset. Raises: refused (a consent is missing), option_bytes.
---@param values { rdp_byte: integer?, user_byte: integer?, wrp: integer[]? }
---@param consent { mass_erase: boolean?, irreversible: boolean? }?
function nvm:write_options(values, consent) end

---@return boolean
function nvm:is_open() end

--- Lock the controller and restore clocks. Never fails.
function nvm:close() end

--- The signature the target computes over a page with these bytes.
---@param bytes string
---@return integer
function stlua.page_signature(bytes) end

---@class stlua.Plan
local plan = {}

---@class stlua.PlanTotals
---@field image_bytes integer
---@field page_count integer
---@field pages_equal integer
---@field pages_to_erase integer
---@field half_pages_to_program integer
---@field eeprom_words integer
---@field eeprom_words_to_write integer
---@field flash_time_us integer

---@return stlua.PlanTotals
function plan:totals() end

---@class stlua.PlanRange
---@field kind "flash"|"eeprom"
---@field addr integer
---@field byte_count integer
---@field unit_count integer pages or words
---@field equal_count integer already right
---@field preserved_bytes integer in shared pages, outside the image

---@return stlua.PlanRange[]
function plan:ranges() end

function plan:close() end

-- ---- images ----

---@alias stlua.ImageFormat "auto"|"hex"|"srec"|"elf"|"bin"

---@class stlua.image
---@field methods table the methods of images; a module may add to them
local image = {}

--- Raises: file, format, overlap, argument (a binary without base_addr).
---@param path string
---@param options { base_addr: integer?, format: stlua.ImageFormat? }?
---@return stlua.Image
function image.load(path, options) end

---@param name string for messages
---@param bytes string
---@param options { base_addr: integer?, format: stlua.ImageFormat? }?
---@return stlua.Image
function image.parse(name, bytes, options) end

---@return stlua.Image
function image.new() end

---@class stlua.ImageName
---@field name string
---@field addr integer where the program sees it
---@field load_addr integer where its bytes are in the image
---@field byte_count integer
---@field is_loaded boolean
---@field is_function boolean
---@field is_global boolean

---@class stlua.Image
local Image = {}

---@return { addr: integer, byte_count: integer }[]
function Image:segments() end

---@return integer bytes held, gaps not counted
function Image:byte_count() end

---@return string "Intel HEX", "ELF, gzip"; "" for a new one
function Image:format() end

---@return integer? addr
function Image:entry() end

---@param addr integer
---@param byte_count integer
---@param fill integer? 0
---@return string bytes
---@return integer missing_count
function Image:read(addr, byte_count, fill) end

--- Raises: overlap, range.
---@return stlua.Image self
function Image:add(addr, bytes) end

--- Replaces what is there.
---@return stlua.Image self
function Image:write(addr, bytes) end

--- Drop everything outside.
---@return stlua.Image self
function Image:crop(addr, byte_count) end

--- Drop everything inside.
---@return stlua.Image self
function Image:cut(addr, byte_count) end

--- Format by the path's extension. Raises: argument, range, file.
---@param path string
---@param options { format: stlua.ImageFormat?, fill: integer? }?
---@return stlua.Image self
function Image:save(path, options) end

---@return stlua.Image
function Image:copy() end

--- Raises: argument, ambiguous.
---@param name string
---@return stlua.ImageName
function Image:symbol(name) end

---@param name string
---@return stlua.ImageName
function Image:section(name) end

---@return stlua.ImageName[]
function Image:symbols() end

---@return stlua.ImageName[]
function Image:sections() end

function Image:close() end

-- ---- CRCs and sums ----

---@class stlua.CrcModel parameters as the RevEng catalogue writes them; up to 64 bits they are integers, wider "0x..."
---@field name string?
---@field width integer 3 to 128 bits
---@field poly integer|string without its top bit, not reflected
---@field init integer|string
---@field xorout integer|string
---@field refin boolean?
---@field refout boolean?
---@field word_bytes integer? 1; 2, 4, 8: little-endian words fed most significant byte first, as the STM32 unit takes them
---@field check integer|string|nil the CRC of "123456789"; of "12345678" when word_bytes > 1

---@class stlua.crc
local crc = {}

--- A running CRC or sum. Raises: argument.
---@param model string|stlua.CrcModel a name or alias in any case, or parameters
---@return stlua.Crc
function crc.new(model) end

--- Raises: argument (no such name, or a word that is not complete).
---@param model string|stlua.CrcModel
---@param bytes string
---@return integer|string value "0x..." for more than 64 bits
function crc.compute(model, bytes) end

---@param name string
---@return stlua.CrcModel?
function crc.find(name) end

---@param name string
---@return { name: string, width: integer, word_bytes: integer }?
function crc.find_sum(name) end

---@return string[] names of the CRC catalogue
function crc.models() end

---@return table<string, string> alias to name
function crc.aliases() end

---@return string[]
function crc.sums() end

---@class stlua.Crc
local Crc = {}

---@param bytes string
---@return stlua.Crc self
function Crc:update(bytes) end

--- More bytes may follow. Raises: argument (a word that is not complete).
---@return integer|string value
function Crc:value() end

---@return stlua.Crc
function Crc:copy() end

-- ---- the machine ----

--- The core's remarks, until another function or nil is set.
---@param fn fun(level: "warn"|"info"|"debug", text: string)|nil
---@param level "warn"|"info"|"debug"|nil
function stlua.set_log(fn, level) end

--- From now on SIGINT, SIGTERM and SIGHUP raise "interrupted"; a second one ends the process.
function stlua.catch_signals() end

--- Raise "interrupted" if a signal has come.
function stlua.interrupt() end

---@return number seconds on a clock that only goes forward
function stlua.monotonic() end

--- In the time the probe lives in, if one is given.
---@param seconds number
---@param probe stlua.Probe?
function stlua.sleep(seconds, probe) end

---@class stlua.Process
local process = {}

--- Without waiting.
---@param stream "stdout"|"stderr"|nil
---@return string? bytes "" if there is nothing yet; nil once the child has closed the stream
function process:read(stream) end

---@return integer? status nil while it runs; then its exit status, or 128 and the signal that ended it
function process:status() end

---@return integer? pid nil once it is gone
function process:pid() end

---@param how "int"|"term"|"kill"|nil "int"
function process:kill(how) end

--- What still runs is ended. Never fails.
function process:close() end

--- A child process by its words, never through a shell; stdin is empty. Raises: file.
---@param words string[]
---@return stlua.Process
function stlua.spawn(words) end

--- SIGTERM for this process when the one that started it ends, however it does.
function stlua.end_with_parent() end

---@param stream "stdin"|"stdout"|"stderr"|nil
---@return boolean
function stlua.is_terminal(stream) end

---@param stream "stdin"|"stdout"|"stderr"|nil
---@return integer columns
function stlua.terminal_width(stream) end

---@param path string
---@return string?
function stlua.realpath(path) end

---@return string? path of the running program
function stlua.executable() end

---@param path string
---@return "file"|"folder"|"other"|nil
function stlua.file_kind(path) end

--- An empty file of mode 0600, if nothing of that name was there.
---@param path string
---@return boolean is_made
function stlua.create_private_file(path) end

---@param path string
---@return boolean
function stlua.is_writable(path) end

---@param path string
---@return string[]? names
function stlua.list_folder(path) end

--- For a process that holds keys: no core file of it is ever written. Raises: permission.
function stlua.forbid_core_dumps() end

--- A file in the binary.
---@param name string "scripts/flash.lua"
---@return string?
function stlua.embedded_read(name) end

---@return string[]
function stlua.embedded_names() end

return stlua
