/* core/sim/device_internal.h: what the files of the simulated probe share. */
#ifndef SIM_DEVICE_INTERNAL_H
#define SIM_DEVICE_INTERNAL_H

#include "device.h"
#include "firmware.h"

#include "stl/bytes.h"

enum { COMMAND_BYTES = 16, MAX_DATA_BYTES = 65536, MAX_REPLY_BYTES = 16384 };
enum { EP_IN = 0x81 };
enum { MAX_AP = 8, NO_AP = 0xFFFF };
enum { MAX_READ_BYTES = 6144 };

/* Status bytes, facts 4.1. */
enum sim_status {
    ST_UNKNOWN_ERROR = 0x01,
    ST_UNKNOWN_CHAIN = 0x04,
    ST_CMD_ERROR = 0x08,
    ST_IDCODE_ERROR = 0x09,
    ST_ALIGNMENT_ERROR = 0x0A,
    ST_DBG_POWER_ERROR = 0x0B,
    ST_AP_WAIT = 0x10,
    ST_AP_FAULT = 0x11,
    ST_AP_ERROR = 0x12,
    ST_AP_PARITY = 0x13,
    ST_DP_WAIT = 0x14, /* the DP codes are the AP codes plus 4 */
    ST_AP_WDATA_ERROR = 0x18,
    ST_AP_STICKY_ERROR = 0x19,
    ST_BAD_AP = 0x1D,
    ST_CONF_CHANGED = 0x40,
    ST_UNKNOWN_CMD = 0x42,
    ST_OK = 0x80,
    ST_FAULT = 0x81
};

/* Facts 2.3. */
enum sim_mode { MODE_DFU, MODE_MASS, MODE_DEBUG, MODE_SWIM };

enum sim_phase { PHASE_IDLE, PHASE_DATA_OUT, PHASE_REPLY };

/* DP registers, and the bits of them that firmware looks at (ADIv5; facts 5.0). */
enum { DP_ABORT = 0x0, DP_IDR = 0x0, DP_CTRL_STAT = 0x4, DP_SELECT = 0x8, DP_RDBUFF = 0xC };
enum { AP_CSW = 0x00, AP_TAR = 0x04, AP_DRW = 0x0C, AP_BD0 = 0x10, AP_BD1 = 0x14, AP_BD2 = 0x18,
       AP_IDR = 0xFC };
#define ABORT_CLEAR_ALL 0x1Eu
#define CTRL_POWER_UP   0x50000000u
#define CTRL_POWER_ACK  0xA0000000u
#define CTRL_STICKYERR  0x20u
#define CTRL_WDATAERR   0x80u
#define CSW_WORD        0x23000052u /* 32 bits, single increment */

/* A fault that waits for its turn: in 0 it never comes, in 1 it comes next. */
typedef struct sim_trap {
    uint64_t in;
    int what;
} sim_trap;

enum sim_usb_fault { USB_FAULT_TIMEOUT, USB_FAULT_STALL, USB_FAULT_SHORT, USB_FAULT_GARBAGE,
                     USB_FAULT_DISCONNECT };

typedef struct sim_faults {
    uint64_t acks_left; /* transactions still to be answered with ack */
    sim_ack ack;
    uint64_t parity_left;
    uint64_t idcode_left; /* ENTERs that fail */
    sim_trap usb;         /* what: sim_usb_fault; counts bulk transfers */
    sim_trap lost_reply;  /* counts commands */
    sim_trap status;      /* what: the status byte; counts commands */
    bool is_voltage_faked, has_no_vref;
    uint32_t voltage_mv;
    uint64_t random;
} sim_faults;

typedef struct sim_command sim_command;

struct sim_device {
    sim_device_options options;
    sim_device_hooks hooks;
    sim_firmware firmware;
    sim_timing timing;
    sim_chip *chip;
    sim_device_stats stats;
    double fraction_ns; /* of simulated time, below one */
    sim_faults faults;
    uint64_t transfers_begun; /* as options.at_transfer counts */
    bool is_at_line_said;
    char at_trouble[128]; /* the refusal */

    /* USB */
    bool is_plugged;
    unsigned plug_count;
    uint8_t configuration;
    bool is_halted[2][16]; /* [IN][endpoint number] */
    enum sim_phase phase;
    uint8_t command[COMMAND_BYTES];
    const sim_command *running; /* whose data phase is awaited */
    uint8_t data[MAX_DATA_BYTES];
    size_t data_expected, data_count;
    uint8_t reply[MAX_REPLY_BYTES];
    size_t reply_count, reply_sent;

    /* the probe */
    enum sim_mode mode;
    uint32_t divisor;          /* V2 */
    uint32_t swd_khz, jtag_khz; /* V3 */
    uint16_t open_aps;         /* bit n: AP n was opened */
    bool is_nrst_low, is_button_pressed;
    uint32_t supply_mv; /* 0: off */
    uint8_t rw_status;
    uint32_t rw_fault_addr;
    bool has_sticky;      /* the last access left sticky flags behind */
    uint16_t csw_known_ap; /* whose CSW is CSW_WORD; NO_AP: nobody's */
    uint32_t misc_values[2048], misc_statuses[2048], misc_count;
};

/* ---- time (device.c) ---- */
void device_pass_us(sim_device *device, double us);
void device_apply_nrst(sim_device *device);
void device_set_supply(sim_device *device, uint32_t mv);
void device_plug(sim_device *device, bool is_in);
void device_idle_usb(sim_device *device); /* forget command, data and reply */
uint64_t device_random(sim_device *device);
bool device_trap_is_due(sim_trap *trap); /* counts down; true once, when it is its turn */

/* ---- wire transactions (swd.c): each costs its time, is repeated on WAIT, and gives a status ---- */
double swd_clock_mhz(const sim_device *device);
bool swd_is_above(const sim_device *device, uint32_t limit_khz); /* limit 0: none */
uint8_t swd_dp_read(sim_device *device, unsigned reg, uint32_t *value);
uint8_t swd_dp_write(sim_device *device, unsigned reg, uint32_t value);
uint8_t swd_ap_read(sim_device *device, unsigned ap, unsigned reg, uint32_t *value);
uint8_t swd_ap_write(sim_device *device, unsigned ap, unsigned reg, uint32_t value);
void swd_line_reset(sim_device *device);
/* Clear what the previous access left behind, as firmware does before the next one. */
void swd_clear_sticky(sim_device *device);
uint8_t swd_read_word(sim_device *device, unsigned ap, uint32_t addr, uint32_t *value);
uint8_t swd_write_word(sim_device *device, unsigned ap, uint32_t addr, uint32_t value);

/* ---- commands ---- */
enum sim_command_flags {
    CMD_ANY_MODE = 1,   /* served outside DEBUG, too */
    CMD_NO_STATUS = 2,  /* the reply has no status byte */
    CMD_MEMORY = 4,     /* the status is latched for GETLASTRWSTATUS */
    CMD_ANY_MODE_DFU = 8 /* even in DFU mode */
};

struct sim_command {
    uint8_t op, since_v2, since_v3, flags;
    uint16_t reply_bytes;
    void (*run)(sim_device *device, const uint8_t *command);
    /* How many bytes of data follow the command; NULL: none. */
    size_t (*data_bytes)(const sim_device *device, const uint8_t *command);
    const char *name;
};

/* commands.c */
void command_begin(sim_device *device);    /* device->command has just come */
void command_data_done(sim_device *device); /* the data phase is complete */
void reply_status(sim_device *device, uint8_t status);
void reply_value(sim_device *device, uint8_t status, uint32_t value); /* R8 */
/* Status of using an access port: ST_OK, or ST_BAD_AP. */
uint8_t ap_check(const sim_device *device, unsigned ap, bool is_dap_register);

/* commands_core.c, commands_v1.c, memory.c, dap.c, settings.c: the rows of the table in commands.c */
void cmd_enter(sim_device *device, const uint8_t *command);
void cmd_exit(sim_device *device, const uint8_t *command);
void cmd_read_idcodes(sim_device *device, const uint8_t *command);
void cmd_read_core_id(sim_device *device, const uint8_t *command);
void cmd_reset_system(sim_device *device, const uint8_t *command);
void cmd_read_reg(sim_device *device, const uint8_t *command);
void cmd_write_reg(sim_device *device, const uint8_t *command);
void cmd_read_all_regs(sim_device *device, const uint8_t *command);
void cmd_read_debug_reg(sim_device *device, const uint8_t *command);
void cmd_write_debug_reg(sim_device *device, const uint8_t *command);
void cmd_drive_nrst(sim_device *device, const uint8_t *command);
uint8_t core_read_register(sim_device *device, unsigned ap, unsigned reg, uint32_t *value);
uint8_t core_write_register(sim_device *device, unsigned ap, unsigned reg, uint32_t value);
uint8_t core_read_all(sim_device *device, unsigned ap, uint8_t *bytes); /* 84 bytes */

void cmd_v1_get_status(sim_device *device, const uint8_t *command);
void cmd_v1_write_dhcsr(sim_device *device, const uint8_t *command); /* halt, run, step */
void cmd_v1_read_all_regs(sim_device *device, const uint8_t *command);
void cmd_v1_read_reg(sim_device *device, const uint8_t *command);
void cmd_v1_write_reg(sim_device *device, const uint8_t *command);
void cmd_v1_set_fp(sim_device *device, const uint8_t *command);
void cmd_v1_clear_fp(sim_device *device, const uint8_t *command);
void cmd_v1_write_debug_reg(sim_device *device, const uint8_t *command);
void cmd_v1_enter(sim_device *device, const uint8_t *command);

void cmd_read_memory(sim_device *device, const uint8_t *command);
void cmd_write_memory(sim_device *device, const uint8_t *command);
size_t memory_data_bytes(const sim_device *device, const uint8_t *command);
void memory_refuse(sim_device *device, const uint8_t *command, uint8_t status);
void cmd_rw_status(sim_device *device, const uint8_t *command);
void cmd_rw_status2(sim_device *device, const uint8_t *command);

void cmd_read_dap(sim_device *device, const uint8_t *command);
void cmd_write_dap(sim_device *device, const uint8_t *command);
void cmd_init_ap(sim_device *device, const uint8_t *command);
void cmd_close_ap(sim_device *device, const uint8_t *command);
void cmd_misc_out(sim_device *device, const uint8_t *command);
void cmd_misc_in(sim_device *device, const uint8_t *command);
void cmd_misc_max(sim_device *device, const uint8_t *command);
size_t misc_data_bytes(const sim_device *device, const uint8_t *command);

void cmd_set_swd_divisor(sim_device *device, const uint8_t *command);
void cmd_set_com_freq(sim_device *device, const uint8_t *command);
void cmd_get_com_freq(sim_device *device, const uint8_t *command);
void cmd_switch_freq(sim_device *device, const uint8_t *command);
void cmd_accept(sim_device *device, const uint8_t *command); /* OK, and no effect */
void cmd_board_id(sim_device *device, const uint8_t *command);
void cmd_version(sim_device *device, const uint8_t *command);
void cmd_version_ex(sim_device *device, const uint8_t *command);
void cmd_mode(sim_device *device, const uint8_t *command);
void cmd_voltage(sim_device *device, const uint8_t *command);

/* ---- descriptors (usb_descriptors.c) ---- */
typedef struct sim_usb_layout {
    uint16_t product_id, bcd_device;
    uint8_t endpoint_out, endpoint_trace; /* IN is 0x81 everywhere; trace 0: none */
    uint16_t packet_bytes, trace_packet_bytes;
    bool is_composite, is_high_speed;
    const char *product;
    const char *strings[7]; /* from index 4 on */
    const uint8_t *interfaces; /* the configuration descriptor behind its 9-byte header */
    size_t interface_byte_count;
    uint8_t interface_count, configuration_string, max_power_2ma;
} sim_usb_layout;
const sim_usb_layout *usb_layout(const sim_device *device);
/* Answers of GET_DESCRIPTOR; 0 if there is no such descriptor. */
size_t usb_descriptor(const sim_device *device, uint8_t type, uint8_t index, uint8_t *bytes,
                      size_t room);

#endif
