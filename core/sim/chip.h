/* core/sim/chip.h: the simulated STM32L1, as a debug probe's pins see it.
 * Time is explicit: the owner advances it, the chip computes what happens in between (core
 * instructions, high-voltage operations, watchdogs). Single thread, no global state. */
#ifndef SIM_CHIP_H
#define SIM_CHIP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

typedef struct sim_chip sim_chip;

/* What one sold part is; the table is core/sim/chip_models.c. */
typedef struct sim_chip_model {
    const char *name; /* "STM32L151CB-A" */
    unsigned category; /* 1 .. 6 */
    uint16_t dev_id, rev_id;
    uint32_t flash_bytes[2], flash_base[2]; /* second bank 0 if there is none */
    uint32_t eeprom_bytes[2], eeprom_base[2];
    uint32_t ram_bytes;
    uint32_t flash_size_addr, uid_addr;
    uint16_t flash_size_raw; /* what the register reads: 0x6B80 on STM32L151CB-A */
    unsigned wrp_word_count; /* of 32 bits: WRPR1 .. WRPR4 */
} sim_chip_model;

/* By part name (case ignored, "STM32" may be missing, "CB-A" and "CBxxA" alike) or "cat1" .. "cat6";
 * NULL if there is none. */
const sim_chip_model *sim_chip_model_find(const char *name);
const sim_chip_model *sim_chip_model_at(size_t index); /* NULL past the end */

/* Behaviour that the facts leave open, and faults on request. Zeroed: the documented default of each. */
typedef struct sim_chip_options {
    bool is_flash_size_overridden;
    uint16_t flash_size_raw;
    bool is_flash_size_unstable; /* reads differently each time: users.md B31 */
    bool is_dev_id_overridden;   /* 0 and 0xFFF: DBGMCU_IDCODE reads all 0 or all 1 */
    uint16_t dev_id;
    uint32_t uid[3];            /* all 0: derived from uid_seed */
    uint32_t uid_seed;
    uint32_t op_us;             /* one high-voltage operation; 0: 3280 */
    uint32_t mass_erase_us;     /* 0: 10000 */
    uint32_t ram_bytes;         /* 0: the model's */
    bool is_nrst_unwired;
    bool is_boot0_high;         /* system memory is at address 0, and what starts */
    bool is_ram_code_refused;   /* as by an MPU: fetching from RAM is a fault */
    bool is_supply_weak;        /* it dips when code has run in RAM for a moment */
    uint32_t supervisor_ms;     /* a chip on the board that pulls nRST when no firmware has run for so long; 0: none */
    bool is_halt_ignored;       /* the core never halts */
    uint32_t ram_stuck_addr;    /* bit 0 of this byte of RAM stays 0; 0: none */
    bool is_lenient;            /* Appendix A: what strict mode refuses is served and logged */
    bool has_user_word_zero;    /* virgin part: USER option word 0, OPTVERR at power-on */
    bool is_level2_allowed;     /* otherwise a write of RDP level 2 is a recorded fault and ignored */
    uint8_t rdp_byte;           /* initial RDP byte; 0: 0xAA */
    uint32_t wrp[4];            /* initial WRP bits */
    bool is_iwdg_hardware;      /* option bit IWDG_SW = 0 */
    bool is_pelock_keeping_mode; /* fact "uncertain 9": setting PELOCK keeps the mode bits */
    bool is_key_death_unlimited; /* reserved for a switch: dead keys survive a system reset */
    bool is_eop_hidden;         /* fact "uncertain 10": EOP visible only with EOPIE */
    bool is_partial_bsy;        /* fact "uncertain 8": BSY reads 1 while a half page is partly loaded */
    uint32_t lsi_hz;            /* 0: 37000 */
    uint64_t seed;              /* contents of torn operations, junk bytes */
} sim_chip_options;

/* Counters; "fault" is anything RM0038 forbids that was done to the chip. */
typedef struct sim_chip_stats {
    uint64_t pages_erased, half_pages, half_page_pairs, page_erase_pairs, words_programmed;
    uint64_t eeprom_words, eeprom_double_words, option_words, mass_erases;
    uint64_t operations;      /* high-voltage operations begun */
    uint64_t high_voltage_us; /* time spent in them */
    uint64_t instructions, resets, power_ons, watchdog_resets;
    uint64_t faults;
    char last_fault[160];
} sim_chip_stats;

/* NULL only without memory. The chip is created without power, erased, as the factory ships it. */
sim_chip *sim_chip_new(const sim_chip_model *model, const sim_chip_options *options);
void sim_chip_free(sim_chip *chip);
const sim_chip_model *sim_chip_get_model(const sim_chip *chip);
const sim_chip_stats *sim_chip_get_stats(const sim_chip *chip);

/* Supply on at mv, or off (0). Turning it on is a power-on reset; turning it off in the middle of an
 * operation leaves the page or half page torn. */
void sim_chip_set_supply(sim_chip *chip, uint32_t mv);
/* The nRST pin, by the probe, whose wire may be missing, and by the button on the board. While low, core and
 * peripherals are in reset; the debug port answers. */
void sim_chip_set_nrst(sim_chip *chip, bool is_low);
void sim_chip_press_reset(sim_chip *chip, bool is_pressed);
/* Let ns of time pass. */
void sim_chip_advance(sim_chip *chip, uint64_t ns);

/* ---- SWD: one call a transaction; the caller advances the time it takes ---- */
typedef enum sim_ack { SIM_ACK_OK, SIM_ACK_WAIT, SIM_ACK_FAULT, SIM_ACK_NONE } sim_ack;

void sim_chip_line_reset(sim_chip *chip);
/* reg_addr 0, 4, 8, 0xC. DP write 0 is ABORT; SELECT chooses AP and banks as on silicon. */
sim_ack sim_chip_dp_read(sim_chip *chip, unsigned reg_addr, uint32_t *value);
sim_ack sim_chip_dp_write(sim_chip *chip, unsigned reg_addr, uint32_t value);
/* AP register 0x00 .. 0xFC of access port ap, the SELECT write folded in and reads not posted. DRW and
 * BDx make a bus access: WAIT while the bus stalls, FAULT (and STICKYERR) when it errs. */
sim_ack sim_chip_ap_read(sim_chip *chip, unsigned ap, unsigned reg_addr, uint32_t *value);
sim_ack sim_chip_ap_write(sim_chip *chip, unsigned ap, unsigned reg_addr, uint32_t value);

/* ---- beyond the pins: for tests and the state file ---- */
/* Memory as it stands in the array, without bus, protection or time. False outside any memory. */
bool sim_chip_peek(const sim_chip *chip, uint32_t addr, void *bytes, size_t byte_count);
bool sim_chip_poke(sim_chip *chip, uint32_t addr, const void *bytes, size_t byte_count);
/* What the core does, seen from nowhere: no access, no sticky bit cleared. */
typedef struct sim_core_view {
    const char *doing; /* "runs", "halted", "asleep", "locked up", "in reset" or "no supply" */
    bool is_debugen;
    uint32_t demcr;
} sim_core_view;
sim_core_view sim_chip_view_core(const sim_chip *chip);
/* Level of an output pin, port 'A' .. 'H', and how often it has changed. */
bool sim_chip_pin_level(const sim_chip *chip, char port, unsigned pin);
uint64_t sim_chip_pin_toggles(const sim_chip *chip, char port, unsigned pin);
/* Cut the supply when the n-th high-voltage operation from now is half done (0: never); set an error
 * flag instead of doing it; keep BSY for ever. */
void sim_chip_cut_supply_at_op(sim_chip *chip, uint64_t n);
void sim_chip_fail_op(sim_chip *chip, uint64_t n, uint32_t sr_flags);
void sim_chip_hang_op(sim_chip *chip, uint64_t n);
/* Non-volatile contents (flash, EEPROM, option words, factory words) to and from a stream. False on
 * I/O errors, or if the stream is of another model or damaged; the chip is unchanged then. */
bool sim_chip_save(const sim_chip *chip, FILE *stream);
bool sim_chip_load(sim_chip *chip, FILE *stream, char *reason, size_t reason_size);
/* Non-volatile contents changed since the last save or load? */
bool sim_chip_is_dirty(const sim_chip *chip);

#endif
