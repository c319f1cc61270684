---@meta stlua.job
--- The table of a job, for completion. Begin a job with a typed local, and end it with `return`:
---   ---@type stlua.JobSpec
---   local job = { name = "node", board = "rak811", firmware = "node.hex" }
---   return job
--- A test compares these fields with those that job_fields.lua lets pass.

---@class stlua.JobSpec
---@field name string letters, digits, `.`, `_`, `-`; the product's name in the ledger, unless `ledger.product` is
---@field board string a board of `stlua targets`, or a board file
---@field firmware string|stlua.JobFirmware|(string|stlua.JobFirmware)[] several may not overlap
---@field identity stlua.ProductSpec? what differs from unit to unit, and where it comes from; needs a ledger
---@field keys (fun(unit: stlua.JobPublicUnit): table<string, stlua.Secret>)? gives the keys of source "given": from a file, an HSM
---@field patches stlua.JobPatch[]? bytes in flash, over the firmware or beside it; none may overlap
---@field fill stlua.JobFill[]? bytes for the gaps of a range; what firmware and patches put there stays
---@field stamps stlua.StampSpec[]? CRCs, sums, digests: in this order, after patches and fill. A `gap` is written, too
---@field eeprom stlua.JobPatch[]? bytes in data EEPROM
---@field erase_all boolean? make all other pages of flash blank
---@field erase_eeprom boolean? with erase_all: the rest of data EEPROM, too
---@field option_bytes stlua.JobOptionBytes? set before the self-test
---@field self_test stlua.SelftestSpec? with the firmware running, before the lock
---@field volatile stlua.JobRange[]? what the firmware may change in a self-test: not verified again after it
---@field label stlua.JobLabel|(fun(fields: table<string, string>): string?)|nil of public fields, after verification
---@field lock stlua.ProtectSpec? the last step, and proved
---@field unlock "returning"|"always"|nil a chip at RDP level 1 may be erased: if the ledger knows it, or any; nil: none
---@field ledger stlua.JobLedger?
---@field before (fun(unit: stlua.JobPublicUnit))? before a number is taken; an error fails the unit
---@field after_pass (fun(unit: stlua.JobPublicUnit, outcome: stlua.Outcome))? when all is recorded; an error is a warning
---@field after_fail (fun(unit: stlua.JobPublicUnit, outcome: stlua.Outcome))? the same

---@class stlua.JobFirmware
---@field path string relative to the job's file
---@field base_addr integer? where a binary file belongs
---@field format "hex"|"srec"|"elf"|"bin"|nil
---@field sha256 string? of the file, as sha256sum prints it; another file is refused

--- One of `field`, `key`, `value`, `bytes` says where the bytes come from.
---@class stlua.JobPatch
---@field at integer|string|nil an address, or a symbol of the firmware's ELF file
---@field offset_bytes integer? from there; in `eeprom` without `at`: from the beginning of data EEPROM
---@field type string|stlua.ValueType|nil the form: "ascii(16)", "u32le", "eui64", { type = "ascii", byte_count = 16, pad = 0 }
---@field field string? a public field of the unit: serial, uid, an EUI-64 or a list column of `identity`
---@field key string? a key of `identity`; its type is hex
---@field value string|number|(fun(unit: stlua.JobUnit): string|number)|nil
---@field bytes string|(fun(unit: stlua.JobUnit): string)|nil as they are, without `type`
---@field byte_count integer? of the bytes a function gives

---@class stlua.JobRange
---@field at integer|string|nil
---@field offset_bytes integer?
---@field byte_count integer

---@class stlua.JobFill: stlua.JobRange
---@field byte integer? 0x00, which costs no time on STM32L1

--- What is not named stays as it is. RDP is not here: see `lock`.
---@class stlua.JobOptionBytes
---@field BOR integer? 0 is off, 1 (1.8 V) to 5 (3.0 V)
---@field IWDG_SW boolean? false: the watchdog starts by itself
---@field nRST_STOP boolean? false: entering Stop resets
---@field nRST_STDBY boolean? false: entering Standby resets
---@field BFB2 boolean? boot from bank 2
---@field WRP string|integer[]|nil "0-3,7", "all", "none", or sectors

---@class stlua.JobLabel
---@field text string with {serial}, {uid}, {dev_eui}: public fields
---@field path string? a file to write it to, such as "labels/{serial}.txt"; printed and recorded in any case

---@class stlua.JobLedger
---@field path string? a file beside the job, or postgresql://...; --ledger and $STLUA_LEDGER go before it
---@field product string? the product's name, when it is not the job's
---@field vault_key_file string? seals keys; $STLUA_VAULT_KEY goes before it
---@field station string? for the record

--- What hooks are given.
---@class stlua.JobPublicUnit
---@field uid string?
---@field serial string?
---@field fields table<string, string> public ones
---@field is_returning boolean it has been here before
---@field operator string?
---@field station string?
---@field slot string?
---@field job string

--- What the functions of patches are given: keys, too.
---@class stlua.JobUnit: stlua.JobPublicUnit
---@field secrets table<string, stlua.Secret> `:reveal()` gives the bytes, for the chip only
