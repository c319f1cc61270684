/* tests/usb/odd_probe.h: a device with ST's ids that is no sane ST-LINK, as a simulator for the
 * bus. */
#ifndef ODD_PROBE_H
#define ODD_PROBE_H

typedef enum odd_kind {
    ODD_SILENT,      /* takes every command, answers none */
    ODD_TERSE,       /* one byte, whatever was asked */
    ODD_BABBLE,      /* more than there is room for */
    ODD_NONSENSE,    /* the right number of wrong bytes */
    ODD_DEAF,        /* does not take a command */
    ODD_STALLED,     /* refuses every bulk transfer, also after the halt was cleared */
    ODD_UPDATING,    /* an ST-LINK in update mode, with the product id of ST's updater */
    ODD_MUTE_STRINGS /* no answer to requests for strings, once the kernel has had its own */
} odd_kind;

/* Serve one client after the other on the listening socket; never returns. */
_Noreturn void odd_probe_serve(int listen_fd, odd_kind kind);

#endif
