/* core/include/stl/probe.h: one debug probe. Knows no part numbers.
 * A driver is core/probe/NAME.c defining stl_probe_driver_NAME. Use from the thread that opened it. */
#ifndef STL_PROBE_H
#define STL_PROBE_H

#include "stl/transport.h"

typedef struct stl_probe stl_probe; /* opaque; owns its transport */

/* What this probe with this firmware can do; see core/probe/stlink.c for the firmware numbers. */
typedef struct stl_probe_features {
    bool has_voltage, has_rw_status2, has_swd_set_freq, has_dap_registers, has_mem_16bit;
    bool has_multi_ap, has_csw, has_com_freq;
    uint32_t mem8_max_bytes;  /* largest 8-bit access, 64 or 128 */
    uint32_t mem32_max_bytes; /* largest 16- and 32-bit access, 6144 */
} stl_probe_features;

#define STL_SERIAL_CHARS 130

typedef struct stl_probe_info {
    char kind[16];     /* "ST-LINK/V1", "ST-LINK/V2", "ST-LINK/V2-1", "STLINK-V3", "STLINK-V3PWR" */
    char product[64];  /* the bus's product string */
    char port[64];     /* "usb:1-4.2", "sim:@path" */
    char firmware[32]; /* "V2J37S7", "V2J37M26", "V3J7M2B5S1" */
    unsigned major, jtag, swim, msd, bridge, power; /* the numbers in it */
    uint16_t vendor_id, product_id;
    char serial[STL_SERIAL_CHARS];       /* 24 upper-case hex digits where the probe allows */
    char serial_ascii[STL_SERIAL_CHARS]; /* as libusb's ASCII helper gives it: '?' for 0x80 and up */
    stl_probe_features features;
} stl_probe_info;

/* Decode serial_raw (USB string descriptor, header included) into both spellings; pure. */
void stl_probe_decode_serial(const uint8_t *raw, size_t raw_count, char serial[STL_SERIAL_CHARS],
                             char serial_ascii[STL_SERIAL_CHARS]);

/* The USB ids of all drivers. */
const stl_usb_id *stl_probe_usb_ids(size_t *count);

/*
 * Take the transport (also on failure: it is closed then), find its driver, bring the probe into a
 * known mode and read its version.
 * Errors: STL_E_UNSUPPORTED (no driver; a probe in update mode), STL_E_PROTOCOL, STL_E_USB, ...
 */
STL_MUST_USE stl_code stl_probe_open(stl_transport *transport, stl_probe **out, stl_error *err);

/* Leave debug mode, release nRST, close the transport. Accepts NULL; continues through errors. */
void stl_probe_close(stl_probe *probe);

const stl_probe_info *stl_probe_get_info(const stl_probe *probe);
const stl_clock *stl_probe_clock(const stl_probe *probe);
const stl_log *stl_probe_log(const stl_probe *probe);
stl_transport *stl_probe_transport(stl_probe *probe); /* borrowed */

/* Target supply as the probe reports it, in mV; 0 if its reference reads 0. STL_E_UNSUPPORTED before
 * firmware J13. */
STL_MUST_USE stl_code stl_probe_voltage_mv(stl_probe *probe, uint32_t *mv, stl_error *err);

/* Choose the highest SWCLK the probe has that is not above want_khz (the lowest, if all are). */
STL_MUST_USE stl_code stl_probe_set_swclk(stl_probe *probe, uint32_t want_khz,
                                          uint32_t *actual_khz, stl_error *err);

/* Enter SWD debug mode and open AP 0; the target is neither halted nor reset. */
STL_MUST_USE stl_code stl_probe_enter(stl_probe *probe, stl_error *err);
/* Leave debug mode. The firmware releases nRST with it. */
STL_MUST_USE stl_code stl_probe_exit(stl_probe *probe, stl_error *err);
STL_MUST_USE stl_code stl_probe_is_entered(stl_probe *probe, bool *is_entered, stl_error *err);

/* Drive nRST low, or release it. Works in and out of debug mode. */
STL_MUST_USE stl_code stl_probe_drive_nrst(stl_probe *probe, bool is_low, stl_error *err);

/* DPIDR as the probe read it on entering. */
STL_MUST_USE stl_code stl_probe_read_dpidr(stl_probe *probe, uint32_t *dpidr, stl_error *err);

/* DP register at reg_addr (0, 4, 8, 0xC); AP register at reg_addr (0 .. 0xFC) of access port ap.
 * STL_E_UNSUPPORTED before firmware J24. */
STL_MUST_USE stl_code stl_probe_read_dp(stl_probe *probe, uint8_t reg_addr, uint32_t *value,
                                        stl_error *err);
STL_MUST_USE stl_code stl_probe_write_dp(stl_probe *probe, uint8_t reg_addr, uint32_t value,
                                         stl_error *err);
STL_MUST_USE stl_code stl_probe_read_ap(stl_probe *probe, uint8_t ap, uint8_t reg_addr,
                                        uint32_t *value, stl_error *err);
STL_MUST_USE stl_code stl_probe_write_ap(stl_probe *probe, uint8_t ap, uint8_t reg_addr,
                                         uint32_t value, stl_error *err);

/* One aligned 32-bit access with its status in the reply: the cheapest there is (one command). */
STL_MUST_USE stl_code stl_probe_read_word(stl_probe *probe, uint32_t addr, uint32_t *value,
                                          stl_error *err);
STL_MUST_USE stl_code stl_probe_write_word(stl_probe *probe, uint32_t addr, uint32_t value,
                                           stl_error *err);

/* Whether a command that got a WAIT answer may be sent again. A write into an open half page may
 * not: some of its words may have been taken. */
typedef enum stl_replay { STL_REPLAY_ON_WAIT, STL_REPLAY_NEVER } stl_replay;

/* Bus accesses of width_bytes (1, 2 or 4); addr and byte_count are multiples of it, and byte_count is
 * 1 .. the feature limit. After a failure the contents of bytes are undefined. */
STL_MUST_USE stl_code stl_probe_read_mem(stl_probe *probe, unsigned width_bytes, uint32_t addr,
                                         uint8_t *bytes, size_t byte_count, stl_error *err);
STL_MUST_USE stl_code stl_probe_write_mem(stl_probe *probe, unsigned width_bytes, uint32_t addr,
                                          const uint8_t *bytes, size_t byte_count,
                                          stl_replay replay, stl_error *err);

/* Core register by DCRSR number (0-12, 13 SP, 14 LR, 15 PC, 16 xPSR, 17 MSP, 18 PSP, 20 specials);
 * the core must be halted. */
STL_MUST_USE stl_code stl_probe_read_core_reg(stl_probe *probe, unsigned reg, uint32_t *value,
                                              stl_error *err);
STL_MUST_USE stl_code stl_probe_write_core_reg(stl_probe *probe, unsigned reg, uint32_t value,
                                               stl_error *err);

/* Any command: request_bytes (at most 16), then data out, then up to in_room bytes of reply.
 * The status byte is not looked at. For scripts and tests. */
STL_MUST_USE stl_code stl_probe_raw_command(stl_probe *probe, const uint8_t *request,
                                            size_t request_bytes, const uint8_t *data_out,
                                            size_t data_out_bytes, uint8_t *reply, size_t in_room,
                                            size_t *reply_bytes, stl_error *err);

#endif
