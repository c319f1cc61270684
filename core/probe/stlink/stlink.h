/* core/probe/stlink/stlink.h: what the parts of the ST-LINK driver share. */
#ifndef STLINK_H
#define STLINK_H

#include "probe/probe_driver.h"

enum {
    CMD_GET_VERSION = 0xF1,
    CMD_DEBUG = 0xF2,
    CMD_DFU = 0xF3,
    CMD_SWIM = 0xF4,
    CMD_GET_CURRENT_MODE = 0xF5,
    CMD_GET_TARGET_VOLTAGE = 0xF7,
    CMD_GET_VERSION_EX = 0xFB,

    DFU_EXIT = 0x07,
    SWIM_EXIT = 0x01,

    DEBUG_READMEM_32BIT = 0x07,
    DEBUG_WRITEMEM_32BIT = 0x08,
    DEBUG_READMEM_8BIT = 0x0C,
    DEBUG_WRITEMEM_8BIT = 0x0D,
    DEBUG_EXIT = 0x21,
    DEBUG_ENTER = 0x30,
    DEBUG_READ_IDCODES = 0x31,
    DEBUG_READREG = 0x33,
    DEBUG_WRITEREG = 0x34,
    DEBUG_WRITEDEBUGREG = 0x35,
    DEBUG_READDEBUGREG = 0x36,
    DEBUG_GETLASTRWSTATUS = 0x3B,
    DEBUG_DRIVE_NRST = 0x3C,
    DEBUG_GETLASTRWSTATUS2 = 0x3E,
    DEBUG_SWD_SET_FREQ = 0x43,
    DEBUG_READ_DAP_REG = 0x45,
    DEBUG_WRITE_DAP_REG = 0x46,
    DEBUG_READMEM_16BIT = 0x47,
    DEBUG_WRITEMEM_16BIT = 0x48,
    DEBUG_INIT_AP = 0x4B,
    DEBUG_SET_COM_FREQ = 0x61,
    DEBUG_GET_COM_FREQ = 0x62,

    ENTER_SWD_NO_RESET = 0xA3,

    MODE_DFU = 0,
    MODE_MASS = 1,
    MODE_DEBUG = 2,
    MODE_SWIM = 3,
    MODE_BOOTLOADER = 4,

    STATUS_OK = 0x80
};

enum {
    STLINK_REQUEST_BYTES = 16,
    STLINK_TIMEOUT_MS = 1000,  /* the longest command is ENTER without a target (facts 1.5) */
    STLINK_RETRY_TIMEOUT_MS = 500, /* after a first failure: the error is told within two seconds */
    STLINK_MAX_READ_BYTES = 6144
};

typedef struct stlink {
    stl_transport *transport;
    const stl_probe_info *info;
    bool is_entered;
    bool has_waited_in_vain; /* the target has answered WAIT for all of the time it may */
    unsigned failure_count; /* transfers that failed; the second one ends the session */
    uint8_t bounce[STLINK_MAX_READ_BYTES + 512]; /* a reply, rounded up to whole packets */
} stlink;

/* Run transfers. After the first failure the probe is reset on its port, so that the clean-up of the
 * target still gets through; after the second every further call fails at once. */
stl_code stlink_run(stlink *link, stl_transfer *transfers, unsigned count, stl_error *err);

/* Send a request (padded to 16 bytes) and take its reply of reply_bytes (0: it has none). A reply of
 * another length is STL_E_PROTOCOL. The status is not looked at. */
stl_code stlink_exchange(stlink *link, const uint8_t *request, size_t request_bytes,
                         uint8_t *reply, size_t reply_bytes, stl_error *err);

/* The same, for commands whose reply begins with a status: WAIT is answered by sending the command
 * again for up to a second, everything else but OK is an error. */
stl_code stlink_command(stlink *link, const uint8_t *request, size_t request_bytes,
                        uint8_t *reply, size_t reply_bytes, stl_error *err);

/* Turn a status into an error; STL_OK for 0x80 and for 0x0D, which is spurious (facts 4.1). */
stl_code stlink_status_error(stlink *link, uint8_t status, const uint8_t *request,
                             stl_error *err);
bool stlink_is_wait(uint8_t status);

/* How long to wait before try number n (0, 1, ...) after a WAIT; false when it is time to give up. */
bool stlink_wait_before_retry(stlink *link, unsigned n);

stl_code stlink_set_swclk(void *state, uint32_t want_khz, uint32_t *actual_khz, stl_error *err);
stl_code stlink_read_mem(void *state, unsigned width_bytes, uint32_t addr, uint8_t *bytes,
                         size_t byte_count, stl_error *err);
stl_code stlink_write_mem(void *state, unsigned width_bytes, uint32_t addr, const uint8_t *bytes,
                          size_t byte_count, stl_replay replay, stl_error *err);
stl_code stlink_read_word(void *state, uint32_t addr, uint32_t *value, stl_error *err);
stl_code stlink_write_word(void *state, uint32_t addr, uint32_t value, stl_error *err);
stl_code stlink_read_core_reg(void *state, unsigned reg, uint32_t *value, stl_error *err);
stl_code stlink_write_core_reg(void *state, unsigned reg, uint32_t value, stl_error *err);
stl_code stlink_read_dap(void *state, int ap, uint8_t reg_addr, uint32_t *value, stl_error *err);
stl_code stlink_write_dap(void *state, int ap, uint8_t reg_addr, uint32_t value, stl_error *err);

#endif
