/* core/probe/probe.c: find the driver for a transport, and hand every call on to it. */
#include <stdlib.h>

#include "probe_driver.h"

struct stl_probe {
    const stl_probe_driver *driver;
    stl_transport *transport;
    void *state;
    stl_probe_info info;
};

static bool is_driver_for(const stl_probe_driver *driver, const stl_usb_identity *identity)
{
    for (size_t i = 0; i < driver->usb_id_count; i++)
        if (driver->usb_ids[i].vendor_id == identity->vendor_id &&
            driver->usb_ids[i].product_id == identity->product_id)
            return true;
    return false;
}

const stl_usb_id *stl_probe_usb_ids(size_t *count)
{
    /* One driver so far: its list is the list. */
    *count = stl_probe_drivers[0]->usb_id_count;
    return stl_probe_drivers[0]->usb_ids;
}

stl_code stl_probe_open(stl_transport *transport, stl_probe **out, stl_error *err)
{
    stl_probe *probe = calloc(1, sizeof *probe);
    if (!probe) {
        stl_transport_close(transport);
        return stl_fail(err, STL_E_MEMORY, NULL, "out of memory");
    }
    probe->transport = transport;
    for (size_t i = 0; stl_probe_drivers[i] && !probe->driver; i++)
        if (is_driver_for(stl_probe_drivers[i], &transport->identity))
            probe->driver = stl_probe_drivers[i];
    stl_code code;
    if (!probe->driver)
        code = stl_fail(err, STL_E_UNSUPPORTED, "`stlua list` shows the probes there are",
                        "no probe driver for USB device %04x:%04x", transport->identity.vendor_id,
                        transport->identity.product_id);
    else
        code = probe->driver->open(transport, &probe->info, &probe->state, err);
    if (code) {
        if (code != STL_E_MEMORY)
            stl_wrap(err, "open probe %s", transport->identity.port);
        stl_transport_close(transport);
        free(probe);
        return code;
    }
    *out = probe;
    return STL_OK;
}

void stl_probe_close(stl_probe *probe)
{
    if (!probe)
        return;
    probe->driver->close(probe->state);
    stl_transport_close(probe->transport);
    free(probe);
}

const stl_probe_info *stl_probe_get_info(const stl_probe *probe)
{
    return &probe->info;
}

const stl_clock *stl_probe_clock(const stl_probe *probe)
{
    return probe->transport->clock;
}

const stl_log *stl_probe_log(const stl_probe *probe)
{
    return probe->transport->log;
}

stl_transport *stl_probe_transport(stl_probe *probe)
{
    return probe->transport;
}

stl_code stl_probe_voltage_mv(stl_probe *probe, uint32_t *mv, stl_error *err)
{
    return probe->driver->voltage_mv(probe->state, mv, err);
}

stl_code stl_probe_set_swclk(stl_probe *probe, uint32_t want_khz, uint32_t *actual_khz,
                             stl_error *err)
{
    return probe->driver->set_swclk(probe->state, want_khz, actual_khz, err);
}

stl_code stl_probe_enter(stl_probe *probe, stl_error *err)
{
    return probe->driver->enter(probe->state, err);
}

stl_code stl_probe_exit(stl_probe *probe, stl_error *err)
{
    return probe->driver->exit(probe->state, err);
}

stl_code stl_probe_is_entered(stl_probe *probe, bool *is_entered, stl_error *err)
{
    return probe->driver->is_entered(probe->state, is_entered, err);
}

stl_code stl_probe_drive_nrst(stl_probe *probe, bool is_low, stl_error *err)
{
    return probe->driver->drive_nrst(probe->state, is_low, err);
}

stl_code stl_probe_read_dpidr(stl_probe *probe, uint32_t *dpidr, stl_error *err)
{
    return probe->driver->read_dpidr(probe->state, dpidr, err);
}

stl_code stl_probe_read_dp(stl_probe *probe, uint8_t reg_addr, uint32_t *value, stl_error *err)
{
    return probe->driver->read_dap(probe->state, STL_PROBE_AP_DP, reg_addr, value, err);
}

stl_code stl_probe_write_dp(stl_probe *probe, uint8_t reg_addr, uint32_t value, stl_error *err)
{
    return probe->driver->write_dap(probe->state, STL_PROBE_AP_DP, reg_addr, value, err);
}

stl_code stl_probe_read_ap(stl_probe *probe, uint8_t ap, uint8_t reg_addr, uint32_t *value,
                           stl_error *err)
{
    return probe->driver->read_dap(probe->state, ap, reg_addr, value, err);
}

stl_code stl_probe_write_ap(stl_probe *probe, uint8_t ap, uint8_t reg_addr, uint32_t value,
                            stl_error *err)
{
    return probe->driver->write_dap(probe->state, ap, reg_addr, value, err);
}

stl_code stl_probe_read_word(stl_probe *probe, uint32_t addr, uint32_t *value, stl_error *err)
{
    return probe->driver->read_word(probe->state, addr, value, err);
}

stl_code stl_probe_write_word(stl_probe *probe, uint32_t addr, uint32_t value, stl_error *err)
{
    return probe->driver->write_word(probe->state, addr, value, err);
}

static stl_code check_access(const stl_probe *probe, unsigned width_bytes, uint32_t addr,
                             size_t byte_count, stl_error *err)
{
    const size_t limit = width_bytes == 1 ? probe->info.features.mem8_max_bytes
                                          : probe->info.features.mem32_max_bytes;
    if ((width_bytes != 1 && width_bytes != 2 && width_bytes != 4) || addr % width_bytes ||
        byte_count % width_bytes || !byte_count || byte_count > limit)
        return stl_fail(err, STL_E_ARGUMENT, NULL,
                        "%zu bytes at 0x%08X by %u-byte accesses (at most %zu)", byte_count, addr,
                        width_bytes, limit);
    return STL_OK;
}

stl_code stl_probe_read_mem(stl_probe *probe, unsigned width_bytes, uint32_t addr, uint8_t *bytes,
                            size_t byte_count, stl_error *err)
{
    stl_code code = check_access(probe, width_bytes, addr, byte_count, err);
    return code ? code
                : probe->driver->read_mem(probe->state, width_bytes, addr, bytes, byte_count, err);
}

stl_code stl_probe_write_mem(stl_probe *probe, unsigned width_bytes, uint32_t addr,
                             const uint8_t *bytes, size_t byte_count, stl_replay replay,
                             stl_error *err)
{
    stl_code code = check_access(probe, width_bytes, addr, byte_count, err);
    return code ? code
                : probe->driver->write_mem(probe->state, width_bytes, addr, bytes, byte_count,
                                           replay, err);
}

stl_code stl_probe_read_core_reg(stl_probe *probe, unsigned reg, uint32_t *value, stl_error *err)
{
    return probe->driver->read_core_reg(probe->state, reg, value, err);
}

stl_code stl_probe_write_core_reg(stl_probe *probe, unsigned reg, uint32_t value, stl_error *err)
{
    return probe->driver->write_core_reg(probe->state, reg, value, err);
}

stl_code stl_probe_raw_command(stl_probe *probe, const uint8_t *request, size_t request_bytes,
                               const uint8_t *data_out, size_t data_out_bytes, uint8_t *reply,
                               size_t in_room, size_t *reply_bytes, stl_error *err)
{
    return probe->driver->raw_command(probe->state, request, request_bytes, data_out,
                                      data_out_bytes, reply, in_room, reply_bytes, err);
}
