/* core/sim/device.h: a simulated ST-LINK on a simulated USB bus, with a chip behind it.
 * The device is driven transfer by transfer; it charges each one its time on a clock (facts: ST-LINK
 * protocol sheet, section 6.3) and advances the chip with it. In process (tests) or behind a socket
 * (core/sim/server.c). Single thread. */
#ifndef SIM_DEVICE_H
#define SIM_DEVICE_H

#include "chip.h"

typedef struct sim_device sim_device;

typedef enum sim_probe_kind { SIM_PROBE_V1, SIM_PROBE_V2, SIM_PROBE_V21, SIM_PROBE_V3 } sim_probe_kind;

/* The parameters of facts 6.3. A field below 0 is free of charge, 0 is the default by kind and
 * firmware. */
typedef struct sim_device_timing {
    double t_byte_us;  /* USB, a byte of a data phase */
    double gap_us;     /* firmware, a word of a memory command */
    double enter_us;   /* on top of t_cmd */
    double init_ap_us;
    double resetsys_us;
    double nrst_pulse_us;
    double jitter_percent; /* of t_cmd, up and down; 0: none */
} sim_device_timing;

typedef struct sim_device_options {
    sim_probe_kind kind;
    unsigned jtag, swim, msd;    /* firmware numbers; jtag 0: 37 (V2, V2-1), 7 (V3) */
    char serial[32];             /* "": 24 hex digits derived from fault_seed */
    bool has_binary_serial;      /* the 12-byte descriptor of old firmware */
    bool starts_in_dfu;          /* V2 does by default: see sim_device_options_default() */
    bool is_init_ap_required;    /* strict refusal without INIT_AP (facts 2.4, note) */
    uint32_t supply_mv;          /* of the target; 0: 3300 */
    bool is_target_absent;
    bool is_nrst_held;           /* something on the board pulls nRST low */
    uint32_t swd_limit_khz;      /* wires that carry no more: above it transactions fail; 0: none */
    uint32_t swd_bend_khz;       /* above it data of long writes is bent, its parity is not; 0: none */
    bool is_read_zeroed;         /* a clone: 64 bytes of a long read are zeros (users.md B29) */
    bool is_paced;               /* wall time follows simulated time; otherwise it only counts */
    double t_cmd_us;             /* 0: by kind and firmware, facts 6.3 */
    uint32_t fault_seed;
    unsigned bridge;             /* firmware number of V3 */
    uint16_t product_id;         /* 0: by kind; others of facts 1.3 that suit the kind */
    bool is_power_off;           /* the target has no supply yet */
    bool is_full_speed;          /* V3 on a full-speed port: packets of 64 bytes */
    uint32_t swclk_khz;          /* SWD clock at power-up; 0: 1800 nominal (V2), 8000 (V3) */
    char board_id[5];            /* GET_BOARD_IDENTIFIERS; "": 0000 */
    sim_device_timing timing;
    uint64_t at_transfer;        /* bulk transfer of the debug interface at which at_line is said; 0: never */
    char at_line[64];            /* an admin line */
    FILE *log;                   /* borrowed; a line for every command. NULL: none */
} sim_device_options;

typedef struct sim_device_stats {
    uint64_t sim_time_ns;
    uint64_t commands, transfers_out, transfers_in, bytes_out, bytes_in, swd_transactions;
    uint64_t waits;           /* transactions that were answered WAIT */
    uint64_t protocol_errors; /* transfers and commands that no host should send */
} sim_device_stats;

typedef enum sim_usb_status {
    SIM_USB_OK,
    SIM_USB_NAK,     /* IN: nothing to send now or soon; OUT: the device is not ready */
    SIM_USB_STALL,
    SIM_USB_OVERFLOW,
    SIM_USB_GONE,
    SIM_USB_LOST     /* injected: this transfer is never answered; do not present it again */
} sim_usb_status;

/* Starts with what a zeroed struct does not say: the mode at power-up is that of the kind. */
void sim_device_options_default(sim_device_options *options, sim_probe_kind kind);

/* Takes over chip (also on failure, which is only lack of memory). Supply is turned on. */
sim_device *sim_device_new(const sim_device_options *options, sim_chip *chip);
void sim_device_free(sim_device *device);
sim_chip *sim_device_chip(sim_device *device);
const sim_device_stats *sim_device_get_stats(const sim_device *device);

/* One bulk OUT or IN transfer. IN delivers what is ready: at most room bytes, short ends it. No
 * zero-length packet follows a reply of whole packets (facts 1.5): where actual is a multiple of the
 * packet size and less than room, a host's transfer goes on. */
sim_usb_status sim_device_out(sim_device *device, uint8_t endpoint, const uint8_t *bytes,
                              size_t byte_count);
sim_usb_status sim_device_in(sim_device *device, uint8_t endpoint, uint8_t *bytes, size_t room,
                             size_t *actual);
size_t sim_device_packet_bytes(const sim_device *device, uint8_t endpoint);
/* setup: 8 bytes. data: for an IN request the answer goes here, for OUT it holds the data stage. */
sim_usb_status sim_device_control(sim_device *device, const uint8_t setup[8], uint8_t *data,
                                  size_t room, size_t *actual);
void sim_device_usb_reset(sim_device *device);
/* Counts how often the device was plugged in; 0 while it is unplugged. A handle is good for one. */
unsigned sim_device_plug_count(const sim_device *device);

uint64_t sim_device_now_ns(const sim_device *device);
/* The host does nothing for ns. */
void sim_device_idle(sim_device *device, uint64_t ns);

/* Who answers the admin lines that are not the device's to answer; every one may be NULL. */
typedef struct sim_device_hooks {
    void *self;
    bool (*save)(void *self, char *answer, size_t answer_size);
    void (*quit)(void *self);
} sim_device_hooks;
void sim_device_set_hooks(sim_device *device, const sim_device_hooks *hooks);

/*
 * One admin line, one answer line: "stats" (JSON), "power on [mv]", "power off", "power cycle",
 * "nrst low|high", "save", "pin PA5" (level and toggles), "peek ADDR COUNT", "poke ADDR HEX",
 * "fault ..." (see stlua-sim --help), "unplug", "replug", "quit". False: refused, answer says why.
 */
bool sim_device_admin(sim_device *device, const char *line, char *answer, size_t answer_size);
/* Why options.at_line was not carried out: refused, or that transfer has not come. NULL: it was. */
const char *sim_device_at_trouble(const sim_device *device);
/* What the admin lines are, for --help. */
extern const char sim_admin_help[];
/* The statistics as one line of JSON, no newline. */
void sim_device_stats_json(const sim_device *device, char *text, size_t text_size);

#endif
