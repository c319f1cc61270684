/* core/transport/transport.c: what all transports share: counting, and closing. */
#include "stl/trace.h"
#include "stl/transport.h"

stl_code stl_transport_run(stl_transport *transport, stl_transfer *transfers,
                           unsigned transfer_count, uint32_t timeout_ms, stl_error *err)
{
    for (unsigned i = 0; i < transfer_count; i++)
        transfers[i].actual_count = 0;
    const uint64_t start_us = transport->trace ? stl_now_us(transport->clock) : 0;
    const stl_code code =
        transport->ops->run(transport, transfers, transfer_count, timeout_ms, err);
    if (transport->trace)
        stl_trace_write(transport->trace, transport, transfers, transfer_count, start_us,
                        stl_now_us(transport->clock), code);
    transport->run_count++;
    for (unsigned i = 0; i < transfer_count; i++) {
        if (transfers[i].endpoint & 0x80u)
            transport->bytes_in += transfers[i].actual_count;
        else
            transport->bytes_out += transfers[i].actual_count;
    }
    return code;
}

stl_code stl_transport_reset(stl_transport *transport, stl_error *err)
{
    return transport->ops->reset(transport, err);
}

void stl_transport_close(stl_transport *transport)
{
    if (transport)
        transport->ops->close(transport);
}
