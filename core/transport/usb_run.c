/* core/transport/usb_run.c: several transfers under way at once.
 * A command and its reply are handed to the kernel together; the probe answers NAK to the IN until
 * the reply is there (facts 1.5). That saves one turn-around a command over libusb's synchronous
 * API. */
#include "usb_internal.h"

#define REPLUG_HINT "unplug the probe and plug it in again"

/* One run. It lives on run()'s stack: run() returns only when libusb has let go of every transfer.
 */
typedef struct batch {
    struct libusb_transfer *transfers[USB_MAX_TRANSFERS];
    bool is_pending[USB_MAX_TRANSFERS];
    unsigned submitted_count, pending_count;
    unsigned failed_at; /* the first to fail; USB_MAX_TRANSFERS: none */
    bool is_timed_out;
} batch;

static const char *phase_name(const stl_transfer *transfer, unsigned index)
{
    if (transfer->endpoint & 0x80u)
        return "bulk IN";
    return index ? "bulk OUT of data" : "bulk OUT of a command";
}

static void LIBUSB_CALL on_done(struct libusb_transfer *transfer)
{
    batch *b = transfer->user_data;
    for (unsigned i = 0; i < b->submitted_count; i++) {
        if (b->transfers[i] != transfer)
            continue;
        b->is_pending[i] = false;
        b->pending_count--;
        if (transfer->status != LIBUSB_TRANSFER_COMPLETED && b->failed_at == USB_MAX_TRANSFERS)
            b->failed_at = i;
    }
}

/* Latest first, so that nothing moves up into the place of what was cancelled. */
static void cancel_pending(const batch *b)
{
    for (unsigned i = b->submitted_count; i-- > 0;)
        if (b->is_pending[i])
            libusb_cancel_transfer(b->transfers[i]); /* NOT_FOUND: it has ended meanwhile */
}

static int allocate(batch *b, const usb_transport *usb, const stl_transfer *transfers,
                    unsigned transfer_count)
{
    for (unsigned i = 0; i < transfer_count; i++) {
        b->transfers[i] = libusb_alloc_transfer(0);
        if (!b->transfers[i])
            return LIBUSB_ERROR_NO_MEM;
        /* libusb's own time-out counts for each transfer alone; ours is one deadline for all. */
        libusb_fill_bulk_transfer(b->transfers[i], usb->handle, transfers[i].endpoint,
                                  transfers[i].bytes, (int)transfers[i].byte_count, on_done, b, 0);
    }
    return LIBUSB_SUCCESS;
}

static int submit(batch *b, unsigned transfer_count)
{
    for (unsigned i = 0; i < transfer_count; i++) {
        b->submitted_count = i + 1;
        b->is_pending[i] = true;
        b->pending_count++;
        const int status = libusb_submit_transfer(b->transfers[i]);
        if (status) {
            b->is_pending[i] = false;
            b->pending_count--;
            b->failed_at = i;
            return status;
        }
    }
    return LIBUSB_SUCCESS;
}

static void handle_events(const usb_transport *usb, uint64_t wait_us)
{
    struct timeval wait = {(time_t)(wait_us / 1000000u), (suseconds_t)(wait_us % 1000000u)};
    /* An error here (a signal interrupted the wait) changes nothing: the loop looks again. */
    libusb_handle_events_timeout_completed(usb->context, &wait, NULL);
}

/* Until all are done, one has failed, or the time is over. */
static void wait_for(batch *b, const usb_transport *usb, uint32_t timeout_ms)
{
    const stl_deadline deadline = stl_deadline_in_ms(usb->head.clock, timeout_ms);
    while (b->pending_count && b->failed_at == USB_MAX_TRANSFERS && !b->is_timed_out) {
        const uint64_t now_us = stl_now_us(usb->head.clock);
        b->is_timed_out = now_us >= deadline.end_us;
        handle_events(usb, b->is_timed_out ? 0 : deadline.end_us - now_us);
    }
    b->is_timed_out = b->is_timed_out && b->pending_count;
}

/* The kernel ends a cancelled URB at once, also that of a probe that is gone, so this ends. */
static void collect(const batch *b, const usb_transport *usb)
{
    if (b->pending_count)
        cancel_pending(b);
    while (b->pending_count)
        handle_events(usb, 100000);
}

static stl_code gone(usb_transport *usb, const char *what, stl_error *err)
{
    usb->is_gone = true;
    return stl_fail(err, STL_E_PROBE_GONE, "plug the probe in again and repeat the command",
                    "%s: the probe at %s was unplugged", what, usb->head.identity.port);
}

/* A pulled plug shows first as a broken transfer; only then the hub reports it. */
static bool is_still_there(const usb_transport *usb)
{
    enum { GET_STATUS_BYTES = 2, PATIENCE_MS = 200 };
    uint8_t status[GET_STATUS_BYTES];
    return libusb_control_transfer(usb->handle, LIBUSB_ENDPOINT_IN, LIBUSB_REQUEST_GET_STATUS, 0, 0,
                                   status, sizeof status, PATIENCE_MS) != LIBUSB_ERROR_NO_DEVICE;
}

static stl_code transfer_error(usb_transport *usb, const struct libusb_transfer *transfer,
                               const char *what, stl_error *err)
{
    switch (transfer->status) {
    case LIBUSB_TRANSFER_NO_DEVICE:
        return gone(usb, what, err);
    case LIBUSB_TRANSFER_STALL:
        libusb_clear_halt(usb->handle, transfer->endpoint);
        return stl_fail(err, STL_E_USB, NULL, "%s: endpoint 0x%02X stalled", what,
                        transfer->endpoint);
    case LIBUSB_TRANSFER_OVERFLOW:
        return stl_fail(err, STL_E_USB, NULL, "%s: the probe sent more than the %d bytes asked for",
                        what, transfer->length);
    default:
        if (!is_still_there(usb))
            return gone(usb, what, err);
        return stl_fail(err, STL_E_USB, REPLUG_HINT, "%s: transfer error on endpoint 0x%02X", what,
                        transfer->endpoint);
    }
}

static stl_code submit_error(usb_transport *usb, int status, const char *what, stl_error *err)
{
    if (status == LIBUSB_ERROR_NO_DEVICE)
        return gone(usb, what, err);
    if (status == LIBUSB_ERROR_NO_MEM)
        return stl_fail(err, STL_E_MEMORY, NULL, "%s: out of memory for USB transfers", what);
    return stl_fail(err, STL_E_USB, REPLUG_HINT, "%s: %s", what, libusb_strerror(status));
}

/* Why the run as a whole failed: the first transfer that broke, or at the end of the time the first
 * that had not ended. One that made it while being cancelled counts as done. */
static stl_code verdict(usb_transport *usb, const batch *b, const stl_transfer *transfers,
                        unsigned broken, uint32_t timeout_ms, stl_error *err)
{
    if (broken < b->submitted_count)
        return transfer_error(usb, b->transfers[broken], phase_name(&transfers[broken], broken),
                              err);
    for (unsigned i = 0; i < b->submitted_count; i++)
        if (b->transfers[i]->status != LIBUSB_TRANSFER_COMPLETED)
            return stl_fail(err, STL_E_USB, REPLUG_HINT, "%s: no answer within %u ms",
                            phase_name(&transfers[i], i), timeout_ms);
    return STL_OK;
}

static stl_code run_batch(usb_transport *usb, batch *b, stl_transfer *transfers,
                          unsigned transfer_count, uint32_t timeout_ms, stl_error *err)
{
    if (allocate(b, usb, transfers, transfer_count))
        return stl_fail(err, STL_E_MEMORY, NULL, "out of memory for USB transfers");
    const int status = submit(b, transfer_count);
    if (!status)
        wait_for(b, usb, timeout_ms);
    const unsigned broken = b->failed_at; /* collecting counts the cancelled ones as broken, too */
    collect(b, usb);
    for (unsigned i = 0; i < b->submitted_count; i++)
        transfers[i].actual_count = (size_t)b->transfers[i]->actual_length;
    if (status)
        return submit_error(usb, status, phase_name(&transfers[broken], broken), err);
    return verdict(usb, b, transfers, broken, timeout_ms, err);
}

stl_code usb_run(stl_transport *transport, stl_transfer *transfers, unsigned transfer_count,
                 uint32_t timeout_ms, stl_error *err)
{
    usb_transport *usb = (usb_transport *)transport;
    if (transfer_count > USB_MAX_TRANSFERS)
        return stl_fail(err, STL_E_ARGUMENT, NULL, "%u transfers at once, %d are possible",
                        transfer_count, USB_MAX_TRANSFERS);
    if (usb->is_gone || !usb->handle)
        return gone(usb, "transfer", err);
    batch b = {.failed_at = USB_MAX_TRANSFERS};
    const stl_code code = run_batch(usb, &b, transfers, transfer_count, timeout_ms, err);
    for (unsigned i = 0; i < transfer_count; i++)
        libusb_free_transfer(b.transfers[i]); /* accepts NULL */
    return code;
}
