/* core/probe/probe_driver.h: what a probe driver provides. See stl/probe.h for the contracts. */
#ifndef STL_PROBE_DRIVER_H
#define STL_PROBE_DRIVER_H

#include "stl/probe.h"

typedef struct stl_probe_driver {
    const char *name;
    const stl_usb_id *usb_ids;
    size_t usb_id_count;
    /* Bring the probe into a known mode and fill *info. On success *state is the driver's own. */
    stl_code (*open)(stl_transport *transport, stl_probe_info *info, void **state, stl_error *err);
    void (*close)(void *state);
    stl_code (*voltage_mv)(void *state, uint32_t *mv, stl_error *err);
    stl_code (*set_swclk)(void *state, uint32_t want_khz, uint32_t *actual_khz, stl_error *err);
    stl_code (*enter)(void *state, stl_error *err);
    stl_code (*exit)(void *state, stl_error *err);
    stl_code (*is_entered)(void *state, bool *is_entered, stl_error *err);
    stl_code (*drive_nrst)(void *state, bool is_low, stl_error *err);
    stl_code (*read_dpidr)(void *state, uint32_t *dpidr, stl_error *err);
    stl_code (*read_dap)(void *state, int ap, uint8_t reg_addr, uint32_t *value, stl_error *err);
    stl_code (*write_dap)(void *state, int ap, uint8_t reg_addr, uint32_t value, stl_error *err);
    stl_code (*read_word)(void *state, uint32_t addr, uint32_t *value, stl_error *err);
    stl_code (*write_word)(void *state, uint32_t addr, uint32_t value, stl_error *err);
    stl_code (*read_mem)(void *state, unsigned width_bytes, uint32_t addr, uint8_t *bytes,
                         size_t byte_count, stl_error *err);
    stl_code (*write_mem)(void *state, unsigned width_bytes, uint32_t addr, const uint8_t *bytes,
                          size_t byte_count, stl_replay replay, stl_error *err);
    stl_code (*read_core_reg)(void *state, unsigned reg, uint32_t *value, stl_error *err);
    stl_code (*write_core_reg)(void *state, unsigned reg, uint32_t value, stl_error *err);
    stl_code (*raw_command)(void *state, const uint8_t *request, size_t request_bytes,
                            const uint8_t *data_out, size_t data_out_bytes, uint8_t *reply,
                            size_t in_room, size_t *reply_bytes, stl_error *err);
} stl_probe_driver;

#define STL_PROBE_AP_DP (-1) /* read_dap, write_dap: the debug port itself */

extern const stl_probe_driver *const stl_probe_drivers[]; /* ends with NULL */

#endif
