/* core/nvm/nvm_driver.h: what a flash controller provides. See stl/nvm.h for the contracts. */
#ifndef STL_NVM_DRIVER_H
#define STL_NVM_DRIVER_H

#include "stl/nvm.h"

enum { STL_NVM_MAX_PAGE_BYTES = 512 };

/* One page and what to do with it. */
typedef struct stl_nvm_page {
    uint32_t addr;
    const uint8_t *bytes; /* new contents, page_bytes */
    bool must_erase;
    uint8_t halves; /* bit 0, 1: program this half page */
} stl_nvm_page;

typedef struct stl_nvm_word {
    uint32_t addr, old_value, new_value;
} stl_nvm_word;

typedef struct stl_nvm_driver stl_nvm_driver;

struct stl_nvm {
    const stl_nvm_driver *driver;
    stl_dap *dap;
    stl_nvm_config config;
    stl_nvm_options options;
    void *state; /* the driver's own */
};

struct stl_nvm_driver {
    const char *name;
    stl_code (*open)(stl_nvm *nvm, stl_error *err); /* sets nvm->state, touches no target */
    void (*close)(stl_nvm *nvm);
    stl_code (*get_status)(stl_nvm *nvm, stl_nvm_status *status, stl_error *err);
    /* Make the controller ready to write; finds protection out. wrp as in stl_nvm_status. */
    stl_code (*prepare)(stl_nvm *nvm, uint32_t wrp[STL_NVM_MAX_WRP_WORDS], stl_error *err);
    stl_code (*signatures)(stl_nvm *nvm, uint32_t addr, uint32_t page_count, uint64_t *signatures,
                           stl_error *err);
    /* The signature over byte_count bytes at addr as one, on the target; a multiple of 4. */
    stl_code (*signature)(stl_nvm *nvm, uint32_t addr, uint32_t byte_count, uint64_t *signature,
                          stl_error *err);
    /* Pages in ascending order. Adds to report what was done, whatever the outcome. */
    stl_code (*write_pages)(stl_nvm *nvm, const stl_nvm_page *pages, uint32_t page_count,
                            const stl_progress *progress, stl_nvm_report *report, stl_error *err);
    /* EEPROM words in ascending order, each different from what is there. */
    stl_code (*write_words)(stl_nvm *nvm, const stl_nvm_word *words, uint32_t word_count,
                            const stl_progress *progress, stl_nvm_report *report, stl_error *err);
    stl_code (*write_options)(stl_nvm *nvm, const stl_option_values *values, unsigned consent,
                              stl_error *err);
};

extern const stl_nvm_driver *const stl_nvm_drivers[]; /* ends with NULL */

/* ---- shared by nvm*.c ---- */

/* The bank that holds all of [addr, addr + byte_count), or NULL. */
const stl_nvm_bank *stl_nvm_find_bank(const stl_nvm_bank *banks, unsigned bank_count, uint32_t addr,
                                      uint64_t byte_count);
bool stl_nvm_is_blank(const stl_nvm *nvm, const uint8_t *bytes, size_t byte_count);
/* bit 0, 1: that half of a page holds something to program */
uint8_t stl_nvm_used_halves(const stl_nvm *nvm, const uint8_t *page_bytes);
bool stl_progress_report(const stl_progress *progress, const char *phase, uint64_t done,
                         uint64_t total);
/* High-voltage operations that writing this page takes. */
unsigned stl_nvm_page_ops(const stl_nvm_page *page);

/* The pages of a plan and the words of its EEPROM part. */
typedef struct stl_plan_page {
    stl_nvm_page page;
    uint64_t signature;   /* of the new contents */
    uint32_t image_bytes; /* how many of them are the image's */
    bool is_equal;
} stl_plan_page;

struct stl_plan {
    stl_plan_page *pages;
    uint32_t page_count;
    uint8_t *page_bytes; /* contents of all pages, in order */
    stl_nvm_word *words; /* EEPROM words to write */
    uint32_t word_count;
    stl_plan_range *ranges;
    size_t range_count;
    stl_plan_totals totals;
    stl_image *image; /* own copy, for the verdict */
};

/* Every byte of the image lies in flash or EEPROM, and there are some: STL_E_RANGE otherwise. */
stl_code stl_nvm_check_image(const stl_nvm *nvm, const stl_image *image, stl_error *err);
/* Compare the image's own bytes on the target with the image, by reading. */
stl_code stl_nvm_verify_by_reading(stl_nvm *nvm, const stl_image *image, uint32_t addr,
                                   uint64_t byte_count, stl_error *err);
/* Signatures of pages given in ascending order, in few calls. */
stl_code stl_nvm_signatures_of(stl_nvm *nvm, const uint32_t *page_addrs, uint32_t page_count,
                               uint64_t *signatures, stl_error *err);

#endif
