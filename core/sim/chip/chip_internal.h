/* core/sim/chip/chip_internal.h: the state of the simulated chip, and what its parts ask of each other. */
#ifndef CHIP_INTERNAL_H
#define CHIP_INTERNAL_H

#include "../chip.h"

#include <unicorn/unicorn.h>

#define FLASH_ADDR   0x08000000u
#define EEPROM_ADDR  0x08080000u
#define SYSTEM_ADDR  0x1FF00000u
#define OPTION_ADDR  0x1FF80000u
#define SRAM_ADDR    0x20000000u
#define PERIPH_ADDR  0x40000000u
#define PPB_ADDR     0xE0000000u
#define NEVER_NS     UINT64_MAX

enum {
    FLASH_SPAN = 0x80000, /* the address space of flash, holes included */
    EEPROM_SPAN = 0x4000,
    SYSTEM_BYTES = 0x2000,
    PERIPH_BYTES = 0x27000,
    OPTION_WORDS = 10,
    PAGE_BYTES = 256,
    HALF_PAGE_WORDS = 32,
    PORT_COUNT = 8
};

enum { /* FLASH_PECR, FLASH_SR (facts/stm32l1 2) */
    PECR_PELOCK = 1 << 0, PECR_PRGLOCK = 1 << 1, PECR_OPTLOCK = 1 << 2, PECR_PROG = 1 << 3,
    PECR_DATA = 1 << 4, PECR_FTDW = 1 << 8, PECR_ERASE = 1 << 9, PECR_FPRG = 1 << 10,
    PECR_PARALLBANK = 1 << 15, PECR_EOPIE = 1 << 16, PECR_ERRIE = 1 << 17, PECR_OBL = 1 << 18,
    SR_BSY = 1 << 0, SR_EOP = 1 << 1, SR_ENDHV = 1 << 2, SR_READY = 1 << 3, SR_WRPERR = 1 << 8,
    SR_PGAERR = 1 << 9, SR_SIZERR = 1 << 10, SR_OPTVERR = 1 << 11, SR_OPTVERRUSR = 1 << 12,
    SR_RDERR = 1 << 13
};

enum { /* RCC_CSR */
    CAUSE_OBL = 1 << 25, CAUSE_PIN = 1 << 26, CAUSE_POR = 1 << 27, CAUSE_SOFT = 1 << 28,
    CAUSE_IWDG = 1 << 29, CAUSE_WWDG = 1 << 30
};

typedef enum bus_result { BUS_OK, BUS_ERROR, BUS_STALL } bus_result;
typedef enum bus_master { MASTER_CORE, MASTER_DEBUG } bus_master;

typedef enum op_kind {
    OP_NONE, OP_PAGE_ERASE, OP_PAGE_ERASE_PAIR, OP_WORD, OP_HALF_PAGE, OP_HALF_PAGE_PAIR,
    OP_EEPROM, OP_EEPROM_DOUBLE, OP_OPTION, OP_MASS_ERASE
} op_kind;

/* The one high-voltage operation that may be running. */
typedef struct flash_op {
    op_kind kind;
    bool is_hung;
    uint64_t end_ns, cut_ns;
    uint32_t addr[2], count; /* count: words of data for each address */
    uint32_t data[2][HALF_PAGE_WORDS];
} flash_op;

typedef struct load_buffer { /* a half page, or a double word, on its way */
    bool is_open;
    uint32_t base_addr, mask;
    uint32_t data[HALF_PAGE_WORDS];
} load_buffer;

typedef struct key_state {
    bool has_first, is_dead;
} key_state;

typedef struct flash_unit {
    uint32_t acr, pecr, sr, obr, wrpr[4];
    key_state pekey, prgkey, optkey, pdkey;
    bool is_power_down_open;
    load_buffer buffer[2]; /* second for PARALLBANK */
    uint32_t pending_erase; /* PARALLBANK erase: first page, 0 for none */
    flash_op op;
    uint64_t ops_begun, cut_at, fail_at, hang_at; /* counted from power-on of the test; 0: never */
    uint32_t fail_flags;
} flash_unit;

typedef struct core_state {
    uc_engine *uc;
    bool is_flash_mapped, is_flash_mmio;
    bool is_thumb; /* T: a core without it faults at once */
    bool is_debugen, is_halted, is_stepping, is_maskints, is_locked_up, is_asleep, is_deep;
    bool has_reset_st, has_retired;
    bool wants_halt;
    uint32_t dcrdr, demcr, dfsr, cfsr, hfsr, bfar, vtor, ccr, scr, prigroup, shcsr;
    uint32_t fp_ctrl, fp_comp[8], dwt_ctrl, dwt_regs[32];
    uint64_t cyccnt_base_ns;
    uint32_t systick_ctrl, systick_load;
    uint64_t systick_next_ns; /* NEVER_NS: not counting */
    bool is_systick_pending, has_countflag;
    uint32_t nvic_enabled[3], nvic_pending[3];
    unsigned active_stack[8], active_depth;
    /* one slice */
    uint64_t budget, counter; /* instructions */
    uint64_t slice_start_ns;
    double ns_per_instruction;
    bool is_stop_requested, has_written, has_impure, is_in_slice;
    bool has_fault;
    uint32_t fault_cfsr, fault_addr;
    int exception; /* intno from Unicorn, or -1 */
    bool is_idle;
    uint32_t idle_reads[16];
    unsigned idle_read_count;
    unsigned misses;
    bool is_skip_disabled;
} core_state;

typedef struct dap_state {
    uint32_t select, ctrl_stat, csw, tar, rdbuff;
    bool is_sticky;
} dap_state;

typedef struct gpio_port {
    uint32_t moder, odr, regs[16];
    uint64_t toggles[16];
} gpio_port;

struct sim_chip {
    const sim_chip_model *model;
    sim_chip_options options;
    sim_chip_stats stats;
    uint64_t now_ns;
    uint64_t rng;
    uint32_t supply_mv;
    bool is_nrst_low, is_dead; /* dead: RDP level 2 loaded */
    bool is_nrst_driven, is_button_pressed; /* who holds nRST low */
    bool is_dirty, is_rdp_tripped;
    uint8_t *flash, *eeprom, *sram, *system;
    uint32_t option_words[OPTION_WORDS];
    uint32_t uid[3];
    uint16_t flash_size_raw, junk;
    flash_unit fl;
    core_state core;
    dap_state dap;
    uint32_t periph[PERIPH_BYTES / 4];
    gpio_port gpio[PORT_COUNT];
    uint32_t crc;
    uint32_t reset_flags;
    uint32_t dbg_cr, dbg_apb1_fz, dbg_apb2_fz;
    bool is_iwdg_running, is_iwdg_open;
    uint32_t iwdg_pr, iwdg_rlr;
    uint64_t iwdg_left_ns; /* counted down while it runs */
    uint64_t idle_ns, ram_code_ns; /* since firmware last ran; of code in RAM since power-on */
};

/* life.c */
void chip_fault(sim_chip *chip, const char *format, ...) __attribute__((format(printf, 2, 3)));
void chip_reset(sim_chip *chip, uint32_t cause); /* system reset: core and peripherals */
uint32_t chip_random(sim_chip *chip);
bool chip_is_running_off(const sim_chip *chip);  /* no supply */

/* bus.c */
bus_result bus_read(sim_chip *chip, bus_master master, uint32_t addr, unsigned size, uint32_t *value);
bus_result bus_write(sim_chip *chip, bus_master master, uint32_t addr, unsigned size,
                     uint32_t value);
uint8_t *bus_array(const sim_chip *chip, uint32_t addr, size_t count); /* memory behind addr, or NULL */

/* flash.c, eeprom.c, options.c */
void flash_reset(sim_chip *chip);
bus_result flash_reg_read(sim_chip *chip, uint32_t offset, uint32_t *value);
bus_result flash_reg_write(sim_chip *chip, uint32_t offset, uint32_t value);
bus_result flash_read(sim_chip *chip, bus_master master, uint32_t addr, unsigned size,
                      uint32_t *value);
bus_result flash_write(sim_chip *chip, bus_master master, uint32_t addr, unsigned size,
                       uint32_t value);
bool flash_is_closed(const sim_chip *chip, bus_master master); /* by RDP level 1 */
bool flash_is_in_bank(const sim_chip *chip, uint32_t addr, unsigned *bank);
void flash_begin(sim_chip *chip, flash_op *op, unsigned steps);
void flash_end_op(sim_chip *chip);   /* the time has come: apply it */
void flash_tear_op(sim_chip *chip);  /* the supply has gone */
bus_result eeprom_read(sim_chip *chip, bus_master master, uint32_t addr, unsigned size,
                       uint32_t *value);
bus_result eeprom_write(sim_chip *chip, bus_master master, uint32_t addr, unsigned size,
                        uint32_t value);
void eeprom_apply(sim_chip *chip, const flash_op *op);
int option_index(const sim_chip *chip, uint32_t addr); /* -1: none there */
void options_factory(sim_chip *chip);
void options_load(sim_chip *chip);
uint8_t options_rdp_level(const sim_chip *chip);
bus_result options_write(sim_chip *chip, uint32_t addr, unsigned size, uint32_t value);
void options_apply(sim_chip *chip, const flash_op *op);

/* periph.c */
void periph_reset(sim_chip *chip);
bus_result periph_read(sim_chip *chip, uint32_t addr, uint32_t *value);
bus_result periph_write(sim_chip *chip, uint32_t addr, uint32_t value);
double periph_hclk_hz(const sim_chip *chip);
unsigned periph_vcore_range(const sim_chip *chip);
bool periph_is_swd_mapped(const sim_chip *chip);
uint64_t periph_iwdg_ns(const sim_chip *chip); /* until it bites; NEVER_NS if it does not count */
void periph_pass(sim_chip *chip, uint64_t ns);

/* core.c: debug registers and exceptions; ppb.c: the private peripheral bus */
void core_power_on(sim_chip *chip);
void core_reset(sim_chip *chip);   /* into reset */
void core_boot(sim_chip *chip);    /* out of reset */
void core_halt(sim_chip *chip, uint32_t dfsr_bit);
void core_fault(sim_chip *chip, uint32_t cfsr);
void core_take_exceptions(sim_chip *chip);
void core_exception_return(sim_chip *chip);
void core_enter(sim_chip *chip, unsigned exception);
bool core_is_running(const sim_chip *chip);
bus_result ppb_read(sim_chip *chip, uint32_t addr, uint32_t *value);
bus_result ppb_write(sim_chip *chip, uint32_t addr, uint32_t value);
/* False if addr is no identification register of a debug unit. */
bool coresight_read(const sim_chip *chip, uint32_t addr, uint32_t *value);
uint64_t core_next_event_ns(const sim_chip *chip);
void core_pass_events(sim_chip *chip);

/* cpu.c: Unicorn */
bool cpu_open(sim_chip *chip);
void cpu_close(sim_chip *chip);
void cpu_run(sim_chip *chip, uint64_t until_ns);
void cpu_remap(sim_chip *chip);
void cpu_forget_code(sim_chip *chip); /* code may have changed */
void cpu_wake(sim_chip *chip);        /* what an idle loop looks at may have changed */
void cpu_wake_for_write(sim_chip *chip, uint32_t addr);
uint32_t cpu_get(sim_chip *chip, int reg);
void cpu_set(sim_chip *chip, int reg, uint32_t value);
uint64_t cpu_time_ns(const sim_chip *chip); /* now, also within a slice */

#endif
