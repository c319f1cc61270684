/* tests/unit/fault_jobs.c: see fault_jobs.h. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "fault_jobs.h"

enum { FLASH = 0x08000000, BANK2 = 0x08030000, EEPROM = 0x08080000, IMAGE_BYTES = 1536 };

static uint8_t wanted[IMAGE_BYTES], old[IMAGE_BYTES], read_bytes[IMAGE_BYTES];

/* ---- what is there before and after ---- */

static void put_old(board *b)
{
    fill_random(old, sizeof old, 31);
    fill_random(wanted, sizeof wanted, 32);
    board_poke(b, FLASH, old, sizeof old);
    board_poke(b, EEPROM, old, 64);
    if (b->config.flash_bank_count > 1)
        board_poke(b, b->config.flash[1].base_addr, old, sizeof old);
}

static void put_wanted(board *b)
{
    put_old(b);
    board_poke(b, FLASH, wanted, sizeof wanted);
}

static void put_lock(board *b)
{
    const stl_option_values lock = {.has_rdp = true, .rdp_byte = 0xBB};
    stl_error err = {0};
    put_old(b);
    assert_ok(board_reconnect(b, NULL, &err));
    assert_ok(stl_nvm_write_options(b->nvm, &lock, 0, &err));
    board_disconnect(b);
}

static bool holds(board *b, uint32_t addr, const uint8_t *bytes, size_t byte_count)
{
    uint8_t found[IMAGE_BYTES];
    board_peek(b, addr, found, byte_count);
    return !memcmp(found, bytes, byte_count);
}

static bool is_blank(board *b, uint32_t addr, size_t byte_count)
{
    static const uint8_t blank[IMAGE_BYTES];
    return holds(b, addr, blank, byte_count);
}

/* ---- flash, verify, read, erase ---- */

static stl_image *new_image(board *b)
{
    stl_image *image = NULL;
    stl_error err = {0};
    if (stl_image_new(&image, &err))
        return NULL;
    stl_code code = stl_image_add(image, FLASH, wanted, sizeof wanted, &err);
    if (!code && b->config.flash_bank_count > 1)
        code = stl_image_add(image, b->config.flash[1].base_addr, wanted, sizeof wanted, &err);
    if (code) {
        stl_image_free(image);
        return NULL;
    }
    return image;
}

static stl_code no_memory(stl_error *err)
{
    return stl_fail(err, STL_E_MEMORY, NULL, "out of memory for the image");
}

static stl_code flash_by(board *b, stl_verify_method method, stl_error *err)
{
    stl_plan *plan = NULL;
    stl_nvm_report report;
    stl_image *image = new_image(b);
    if (!image)
        return no_memory(err);
    stl_code code = stl_nvm_make_plan(b->nvm, image, NULL, NULL, &plan, err);
    if (!code)
        code = stl_nvm_apply_plan(b->nvm, plan, method, NULL, &report, err);
    stl_plan_free(plan);
    stl_image_free(image);
    return code;
}

static stl_code run_flash(board *b, stl_error *err)
{
    return flash_by(b, STL_VERIFY_SIGNATURE, err);
}

static stl_code run_flash_and_read(board *b, stl_error *err)
{
    return flash_by(b, STL_VERIFY_READ, err);
}

static bool is_flashed(board *b)
{
    return holds(b, FLASH, wanted, sizeof wanted) &&
           (b->config.flash_bank_count < 2 ||
            holds(b, b->config.flash[1].base_addr, wanted, sizeof wanted));
}

static stl_code verify_by(board *b, stl_verify_method method, stl_error *err)
{
    stl_nvm_report report;
    stl_image *image = new_image(b);
    if (!image)
        return no_memory(err);
    stl_code code = stl_nvm_verify(b->nvm, image, method, NULL, &report, err);
    stl_image_free(image);
    return code;
}

static stl_code run_verify(board *b, stl_error *err)
{
    return verify_by(b, STL_VERIFY_SIGNATURE, err);
}

static stl_code run_verify_by_reading(board *b, stl_error *err)
{
    return verify_by(b, STL_VERIFY_READ, err);
}

static stl_code run_read(board *b, stl_error *err)
{
    memset(read_bytes, 0, sizeof read_bytes);
    return stl_mem_read(b->dap, FLASH + 1, read_bytes, sizeof read_bytes - 3, err);
}

static bool is_read(board *b)
{
    (void)b;
    return !memcmp(read_bytes, old + 1, sizeof old - 3);
}

static stl_code run_erase(board *b, stl_error *err)
{
    return stl_nvm_erase(b->nvm, FLASH, 1024, NULL, err);
}

static bool is_erased(board *b)
{
    return is_blank(b, FLASH, 1024) && holds(b, FLASH + 1024, old + 1024, sizeof old - 1024);
}

/* A word of which only a part is written is torn as a whole. */
static bool is_eeprom_repaired(board *b)
{
    return holds(b, EEPROM + 2, wanted, 50);
}

static stl_code run_eeprom(board *b, stl_error *err)
{
    uint32_t count;
    return stl_nvm_write_eeprom(b->nvm, EEPROM + 2, wanted, 50, &count, NULL, err);
}

static bool is_eeprom_written(board *b)
{
    return holds(b, EEPROM, old, 2) && holds(b, EEPROM + 2, wanted, 50) &&
           holds(b, EEPROM + 52, old + 52, 12);
}

/* Two pages in part, a word of EEPROM in part: what stands beside them has to stay. */
static stl_code run_beside(board *b, stl_error *err)
{
    stl_plan *plan = NULL;
    stl_nvm_report report;
    stl_image *image;
    stl_code code = stl_image_new(&image, err);
    if (code)
        return code;
    code = stl_image_add(image, FLASH + 201, wanted, 110, err);
    if (!code)
        code = stl_image_add(image, EEPROM + 9, wanted, 2, err);
    if (!code)
        code = stl_nvm_make_plan(b->nvm, image, NULL, NULL, &plan, err);
    if (!code)
        code = stl_nvm_apply_plan(b->nvm, plan, STL_VERIFY_SIGNATURE, NULL, &report, err);
    stl_plan_free(plan);
    stl_image_free(image);
    return code;
}

static bool is_beside_kept(board *b)
{
    return holds(b, FLASH, old, 201) && holds(b, FLASH + 201, wanted, 110) &&
           holds(b, FLASH + 311, old + 311, sizeof old - 311) && holds(b, EEPROM, old, 9) &&
           holds(b, EEPROM + 9, wanted, 2) && holds(b, EEPROM + 11, old + 11, 53);
}

/* Bytes beside the image that stood in a page already erased are gone when the host goes. */
static bool is_image_there(board *b)
{
    return holds(b, FLASH + 201, wanted, 110) && holds(b, EEPROM + 9, wanted, 2);
}

/* ---- option bytes ---- */

static stl_code run_status(board *b, stl_error *err)
{
    stl_nvm_status status;
    return stl_nvm_get_status(b->nvm, &status, err);
}

static stl_code run_protect(board *b, stl_error *err)
{
    const stl_option_values values = {.has_user = true, .has_wrp = true, .user_byte = 0x7A,
                                      .wrp = {1u << 5 | 1u << 20}};
    return stl_nvm_write_options(b->nvm, &values, 0, err);
}

static bool is_protected(board *b)
{
    uint32_t words[4];
    board_peek(b, b->config.option_base_addr, words, sizeof words);
    return words[1] == 0xFF85007A && words[2] == 0xFFDF0020 && words[3] == 0xFFEF0010;
}

static stl_code run_lock(board *b, stl_error *err)
{
    const stl_option_values lock = {.has_rdp = true, .rdp_byte = 0xBB};
    return stl_nvm_write_options(b->nvm, &lock, 0, err);
}

static bool has_rdp(board *b, uint32_t word)
{
    uint32_t found;
    board_peek(b, b->config.option_base_addr, &found, sizeof found);
    return found == word;
}

static bool is_locked(board *b)
{
    return has_rdp(b, 0xFF4400BB) && holds(b, FLASH, old, sizeof old);
}

static stl_code run_unlock(board *b, stl_error *err)
{
    const stl_option_values unlock = {.has_rdp = true, .rdp_byte = 0xAA};
    return stl_nvm_write_options(b->nvm, &unlock, STL_CONSENT_MASS_ERASE, err);
}

static bool is_unlocked(board *b)
{
    return has_rdp(b, 0xFF5500AA) && is_blank(b, FLASH, sizeof old) && is_blank(b, EEPROM, 64);
}

/* ---- the core ---- */

static stl_code run_info(board *b, stl_error *err)
{
    uint32_t value, mv;
    uint16_t size;
    stl_code code = stl_probe_voltage_mv(b->probe, &mv, err);
    if (!code)
        code = stl_mem_read_word(b->dap, 0xE0042000, &value, err);
    if (!code)
        code = stl_mem_read_as(b->dap, 2, 0x1FF8004C, &size, sizeof size, err);
    for (uint32_t addr = 0x1FF80050; addr < 0x1FF80068 && !code; addr += 4)
        code = stl_mem_read_word(b->dap, addr, &value, err);
    return code;
}

static stl_code run_reset(board *b, stl_error *err)
{
    stl_core_state state;
    stl_code code = stl_core_reset(b->dap, STL_RESET_NRST, false, err);
    return code ? code : stl_core_get_state(b->dap, &state, err);
}

static stl_code run_debug(board *b, stl_error *err)
{
    uint32_t pc;
    stl_code code = stl_core_reset(b->dap, STL_RESET_SYSTEM, true, err);
    if (!code)
        code = stl_core_set_breakpoint(b->dap, FLASH + 0x100, err);
    if (!code)
        code = stl_core_clean(b->dap, err);
    if (!code)
        code = stl_core_read_reg(b->dap, 15, &pc, err);
    if (!code)
        code = stl_core_write_reg(b->dap, 0, pc, err);
    if (!code)
        code = stl_core_clear_breakpoint(b->dap, FLASH + 0x100, err);
    return code;
}

#define OLD_PROBE   .device = {.kind = SIM_PROBE_V2, .jtag = 17, .swim = 4}
#define NUCLEO      .device = {.kind = SIM_PROBE_V21}
#define NEW_PROBE   .device = {.kind = SIM_PROBE_V3}
#define DIRECT_ROAD .nvm = {.is_direct_forced = true}

const fault_job fault_jobs[] = {
    {"flash", {0}, put_old, run_flash, is_flashed, false, false, NULL},
    {"flash, direct road", {DIRECT_ROAD}, put_old, run_flash, is_flashed, false, false, NULL},
    {"flash, both banks", {.model = "cat4", NUCLEO}, put_old, run_flash, is_flashed, false, false, NULL},
    {"flash, old probe", {OLD_PROBE}, put_old, run_flash, is_flashed, false, false, NULL},
    {"flash, V3 probe", {NEW_PROBE}, put_old, run_flash_and_read, is_flashed, false, false, NULL},
    {"flash, beside", {0}, put_old, run_beside, is_beside_kept, false, false, is_image_there},
    {"flash, beside, direct road", {DIRECT_ROAD}, put_old, run_beside, is_beside_kept, false, false, is_image_there},
    {"verify", {0}, put_wanted, run_verify, is_flashed, false, false, NULL},
    {"verify by reading", {0}, put_wanted, run_verify_by_reading, is_flashed, false, false, NULL},
    {"verify what differs", {0}, put_old, run_verify, NULL, false, true, NULL},
    {"read", {0}, put_old, run_read, is_read, true, false, NULL},
    {"read, old probe", {OLD_PROBE}, put_old, run_read, is_read, true, false, NULL},
    {"erase", {0}, put_old, run_erase, is_erased, false, false, NULL},
    {"erase, direct road", {DIRECT_ROAD}, put_old, run_erase, is_erased, false, false, NULL},
    {"eeprom", {0}, put_old, run_eeprom, is_eeprom_written, false, false, is_eeprom_repaired},
    {"eeprom, direct road", {DIRECT_ROAD}, put_old, run_eeprom, is_eeprom_written, false, false, is_eeprom_repaired},
    {"options", {0}, put_old, run_status, NULL, true, false, NULL},
    {"protect", {0}, put_old, run_protect, is_protected, false, false, NULL},
    {"lock", {0}, put_old, run_lock, is_locked, false, false, NULL},
    {"unlock", {0}, put_lock, run_unlock, is_unlocked, false, false, NULL},
    {"info", {0}, put_old, run_info, NULL, true, false, NULL},
    {"info, V3 probe", {NEW_PROBE}, put_old, run_info, NULL, true, false, NULL},
    {"reset", {0}, put_old, run_reset, NULL, true, false, NULL},
    {"debug", {0}, put_old, run_debug, NULL, true, false, NULL},
};
const unsigned fault_job_count = sizeof fault_jobs / sizeof fault_jobs[0];

stl_code fault_job_do(const fault_job *job, board *b, stl_error *err)
{
    stl_code code = board_reconnect(b, &job->options.nvm, err);
    if (!code)
        code = job->run(b, err);
    board_disconnect(b);
    return code;
}

void fault_job_begin(const fault_job *job, board *b)
{
    board_power_on(b, &job->options);
    job->prepare(b);
    b->transfer_count = 0;
}
