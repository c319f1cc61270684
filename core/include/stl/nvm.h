/* core/include/stl/nvm.h: flash, data EEPROM and option bytes of one target.
 * A controller is core/nvm/NAME.c defining stl_nvm_driver_NAME. It is told everything it needs in an
 * stl_nvm_config, which comes from targets/; it does not ask which chip this is.
 * Addresses are target bus addresses. The core must be halted. Use from the probe's thread. */
#ifndef STL_NVM_H
#define STL_NVM_H

#include "stl/dap.h"
#include "stl/image.h"

#define STL_NVM_MAX_BANKS        2
#define STL_NVM_MAX_OPTION_WORDS 12
#define STL_NVM_MAX_WRP_WORDS    4

typedef struct stl_nvm_bank {
    uint32_t base_addr, size_bytes;
} stl_nvm_bank;

typedef struct stl_nvm_config {
    char driver[16]; /* "stm32l1" */
    uint32_t regs_addr;
    stl_nvm_bank flash[STL_NVM_MAX_BANKS], eeprom[STL_NVM_MAX_BANKS];
    unsigned flash_bank_count, eeprom_bank_count;
    uint32_t page_bytes, half_page_bytes, wrp_sector_bytes;
    uint32_t ram_addr, ram_bytes;
    uint32_t option_base_addr;
    uint32_t option_offsets[STL_NVM_MAX_OPTION_WORDS]; /* RDP, USER, then WRP words in order */
    unsigned option_word_count;
    uint32_t user_default;  /* USER option byte as the factory means it: 0x78, 0xF8 */
    uint32_t op_typical_us; /* one high-voltage operation */
    uint32_t op_max_us;
    uint32_t supply_mv;     /* as measured; 0 if unknown */
    uint8_t erased_byte;
    bool has_parallel_banks; /* PARALLBANK: both banks in one operation */
    bool has_sprmod;         /* PCROP (SPRMOD) exists */
} stl_nvm_config;

typedef struct stl_nvm stl_nvm; /* opaque; borrows the dap */

/* How work reaches the flash. */
typedef enum stl_nvm_road {
    STL_ROAD_LOADER, /* work items streamed to code in target RAM */
    STL_ROAD_DIRECT  /* half pages fed through the debug port; nothing runs on the target */
} stl_nvm_road;

typedef struct stl_nvm_options {
    bool is_fast_required; /* the loader or nothing */
    bool is_direct_forced; /* for tests and benchmarks: do not try the loader */
} stl_nvm_options;

/* Progress, called between operations. Returning false stops the work there: STL_E_INTERRUPTED, and
 * the next run of the same job repairs what is unfinished. */
typedef struct stl_progress {
    void *self;
    bool (*report)(void *self, const char *phase, uint64_t done, uint64_t total);
} stl_progress;

/* Reads no target register; the loader is started when first needed. Errors: STL_E_UNSUPPORTED,
 * STL_E_ARGUMENT. */
STL_MUST_USE stl_code stl_nvm_open(stl_dap *dap, const stl_nvm_config *config,
                                   const stl_nvm_options *options, stl_nvm **out, stl_error *err);
/* Lock the controller, restore clocks, free. Accepts NULL; continues through errors. */
void stl_nvm_close(stl_nvm *nvm);
const stl_nvm_config *stl_nvm_get_config(const stl_nvm *nvm);

/* ---- state ---- */
typedef struct stl_nvm_status {
    uint8_t rdp_byte, rdp_level; /* level 0, 1 or 2 as loaded (OBR) */
    bool is_sprmod;
    uint8_t user_byte, bor_level; /* USER as loaded; BOR_LEV 0 (off) .. 5 */
    bool is_iwdg_software, is_nrst_stop, is_nrst_stdby, is_bfb2; /* the bits as they stand: 1 = true */
    uint32_t wrp[STL_NVM_MAX_WRP_WORDS]; /* bit i of word n: sector 32 * n + i */
    unsigned wrp_word_count;
    uint32_t option_words[STL_NVM_MAX_OPTION_WORDS]; /* raw, complement in the upper half */
    bool is_option_word_good[STL_NVM_MAX_OPTION_WORDS];
    unsigned option_word_count;
    bool has_option_error; /* OPTVERR or OPTVERRUSR */
    uint32_t sr, pecr, obr;
} stl_nvm_status;

STL_MUST_USE stl_code stl_nvm_get_status(stl_nvm *nvm, stl_nvm_status *status, stl_error *err);

/* ---- flash, by pages ---- */
/* Erase whole pages covering [addr, addr + byte_count), both multiples of page_bytes. Blank pages are
 * erased too. That they are blank is proved; STL_E_VERIFY otherwise. */
STL_MUST_USE stl_code stl_nvm_erase(stl_nvm *nvm, uint32_t addr, uint32_t byte_count,
                                    const stl_progress *progress, stl_error *err);
/*
 * Program erased flash from bytes[0 .. byte_count - 1], in target byte order; addr and byte_count are
 * multiples of half_page_bytes. A power cut leaves at most one half page undefined; erase and call
 * again to repair it.
 * Errors: STL_E_ARGUMENT, STL_E_WRITE_PROTECTED, STL_E_READ_PROTECTED, STL_E_FLASH, STL_E_TIMEOUT,
 * STL_E_LOADER (only if is_fast_required), and what the probe reports.
 * Source: RM0038 rev 17, 3.3 (PECR, SR); facts in the header of core/nvm/stm32l1.c.
 */
STL_MUST_USE stl_code stl_nvm_program(stl_nvm *nvm, uint32_t addr, const uint8_t *bytes,
                                      uint32_t byte_count, const stl_progress *progress,
                                      stl_error *err);
/* 64-bit signature of each page from addr on, computed on the target where it can be, otherwise from
 * what is read. The same function over host bytes: stl_nvm_page_signature. */
STL_MUST_USE stl_code stl_nvm_signatures(stl_nvm *nvm, uint32_t addr, uint32_t page_count,
                                         uint64_t *signatures, stl_error *err);
uint64_t stl_nvm_page_signature(const uint8_t *bytes, size_t byte_count);

/* ---- data EEPROM ---- */
/* Any address and count; neighbours in a word are kept, only words that differ are written. */
STL_MUST_USE stl_code stl_nvm_write_eeprom(stl_nvm *nvm, uint32_t addr, const uint8_t *bytes,
                                           uint32_t byte_count, uint32_t *written_word_count,
                                           const stl_progress *progress, stl_error *err);

/* ---- an image as a whole: plan, apply, verify ---- */
typedef struct stl_plan_options {
    bool is_erase_all;      /* every page of flash outside the image becomes blank */
    bool is_eeprom_erased;  /* with is_erase_all: the EEPROM too */
} stl_plan_options;

typedef enum stl_plan_kind { STL_PLAN_FLASH, STL_PLAN_EEPROM } stl_plan_kind;

/* One contiguous range of the plan, for people to read. */
typedef struct stl_plan_range {
    stl_plan_kind kind;
    uint32_t addr, byte_count;       /* as the image has it */
    uint32_t unit_count, equal_count; /* pages (flash) or words (EEPROM); already right */
    uint32_t preserved_bytes;        /* in shared pages, outside the image, kept */
} stl_plan_range;

typedef struct stl_plan_totals {
    uint32_t image_bytes;
    uint32_t page_count, pages_equal, pages_to_erase, half_pages_to_program;
    uint32_t eeprom_words, eeprom_words_to_write;
    uint64_t flash_time_us; /* what the operations themselves take at op_typical_us */
} stl_plan_totals;

typedef struct stl_plan stl_plan; /* opaque; owner frees it */

/*
 * Compare the image with the target and decide what must be done. Nothing is written to flash.
 * Every byte of the image must lie in a flash or EEPROM bank; an image without bytes there is an
 * error, and so is a page under WRP that would have to change (that is found here, not while writing).
 * Errors: STL_E_RANGE, STL_E_READ_PROTECTED, STL_E_WRITE_PROTECTED, STL_E_ARGUMENT, ...
 */
STL_MUST_USE stl_code stl_nvm_make_plan(stl_nvm *nvm, const stl_image *image,
                                        const stl_plan_options *options,
                                        const stl_progress *progress, stl_plan **out,
                                        stl_error *err);
void stl_plan_free(stl_plan *plan);
const stl_plan_totals *stl_plan_get_totals(const stl_plan *plan);
size_t stl_plan_range_count(const stl_plan *plan);
stl_plan_range stl_plan_get_range(const stl_plan *plan, size_t index);

typedef enum stl_verify_method {
    STL_VERIFY_SIGNATURE, /* the target computes, CRC unit and a second word: 64 bits a page */
    STL_VERIFY_READ       /* every byte is read back */
} stl_verify_method;

typedef struct stl_nvm_report {
    stl_nvm_road road;
    stl_verify_method verified_by;
    uint32_t pages_erased, half_pages_programmed, words_programmed, eeprom_words_written;
    uint64_t flash_time_us;   /* of the operations done, at op_typical_us */
    uint64_t elapsed_us;
    uint64_t verified_bytes;  /* of the image */
} stl_nvm_report;

/* Write what the plan says, then verify all of the image by method. report is filled as far as it
 * went, also on failure. */
STL_MUST_USE stl_code stl_nvm_apply_plan(stl_nvm *nvm, const stl_plan *plan,
                                         stl_verify_method method, const stl_progress *progress,
                                         stl_nvm_report *report, stl_error *err);

/* Compare; the first difference is STL_E_VERIFY with address, expected and found. */
STL_MUST_USE stl_code stl_nvm_verify(stl_nvm *nvm, const stl_image *image,
                                     stl_verify_method method, const stl_progress *progress,
                                     stl_nvm_report *report, stl_error *err);

/* ---- option bytes ---- */
/* Field values only; the complement halves are built here. */
typedef struct stl_option_values {
    bool has_rdp, has_user, has_wrp;
    uint8_t rdp_byte;  /* 0xAA level 0, 0xCC level 2, anything else level 1 */
    uint8_t user_byte;
    uint32_t wrp[STL_NVM_MAX_WRP_WORDS];
} stl_option_values;

enum {
    STL_CONSENT_MASS_ERASE = 1,  /* RDP 1 to 0 erases flash and EEPROM */
    STL_CONSENT_IRREVERSIBLE = 2 /* RDP level 2 */
};

/*
 * Write the option words that differ, reload them (OBL_LAUNCH resets the target), attach again and
 * read them back. RDP level 0 is never written over level 0 (errata 2.1.5). After a regression from
 * level 1 all damaged words are rewritten to values, or to defaults.
 * Errors: STL_E_REFUSED (consent missing), STL_E_OPTION_BYTES (not taken over), ...
 */
STL_MUST_USE stl_code stl_nvm_write_options(stl_nvm *nvm, const stl_option_values *values,
                                            unsigned consent, stl_error *err);

#endif
