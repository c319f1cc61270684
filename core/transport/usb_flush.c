/* core/transport/usb_flush.c: drop what a program that crashed has left in the probe.
 * It would pass for the next reply. The reading goes on while the strings are asked for, so that a probe
 * with nothing to say, the usual case, costs no time of its own. */
#include <stdlib.h>

#include "usb_internal.h"

enum {
    FLUSH_US = 2000, /* what is there comes at once: at most 5 ms (ST-LINK sheet 1.6, item 5) */
    FLUSH_MAX_READS = 8,
    FLUSH_BYTES = 16384
};

static void LIBUSB_CALL on_read(struct libusb_transfer *transfer)
{
    *(int *)transfer->user_data = 1;
}

void usb_flush_start(usb_transport *usb, usb_flush *flush)
{
    *flush = (usb_flush){.is_done = 1};
    const uint8_t endpoint = usb->head.identity.endpoint_in;
    uint8_t *bytes = malloc(FLUSH_BYTES);
    flush->transfer = bytes && endpoint ? libusb_alloc_transfer(0) : NULL;
    if (!flush->transfer) {
        free(bytes);
        return;
    }
    libusb_fill_bulk_transfer(flush->transfer, usb->handle, endpoint, bytes, FLUSH_BYTES, on_read,
                              &flush->is_done, 0);
    flush->end = stl_deadline_in_us(usb->head.clock, FLUSH_US);
    flush->is_done = libusb_submit_transfer(flush->transfer) != LIBUSB_SUCCESS;
}

static void wait_for_read(usb_transport *usb, usb_flush *flush)
{
    bool is_cancelled = false;
    while (!flush->is_done) {
        const uint64_t now_us = stl_now_us(usb->head.clock);
        const uint64_t left_us = flush->end.end_us > now_us ? flush->end.end_us - now_us : 0;
        if (!left_us && !is_cancelled)
            is_cancelled = libusb_cancel_transfer(flush->transfer) == LIBUSB_SUCCESS;
        struct timeval wait = {0, (suseconds_t)(left_us ? left_us : FLUSH_US)};
        libusb_handle_events_timeout_completed(usb->context, &wait, &flush->is_done);
    }
}

void usb_flush_finish(usb_transport *usb, usb_flush *flush)
{
    struct libusb_transfer *transfer = flush->transfer;
    if (!transfer)
        return;
    wait_for_read(usb, flush);
    for (unsigned i = 1; i < FLUSH_MAX_READS && transfer->status == LIBUSB_TRANSFER_COMPLETED; i++) {
        stl_log_write(usb->head.log, STL_LOG_DEBUG, "dropped %d bytes of an earlier session",
                      transfer->actual_length);
        flush->end = stl_deadline_in_us(usb->head.clock, FLUSH_US);
        flush->is_done = libusb_submit_transfer(transfer) != LIBUSB_SUCCESS;
        if (flush->is_done)
            break;
        wait_for_read(usb, flush);
    }
    if (transfer->status == LIBUSB_TRANSFER_STALL)
        libusb_clear_halt(usb->handle, transfer->endpoint);
    free(transfer->buffer);
    libusb_free_transfer(transfer);
    flush->transfer = NULL;
}
