/* core/include/stl/sim_wire.h: how a client talks USB to stlua-sim over a stream socket.
 *
 * The socket carries what a USB host would do: control, bulk OUT, bulk IN, port reset, each a request
 * with a tag, each answered once with the same tag. Requests may be sent ahead; a bulk IN stays
 * pending until the device has data, its time-out passes or it is cancelled, and does not hold up
 * requests behind it. Everything is little-endian.
 *
 * request:  16-byte header, then byte_count bytes for OUT, CONTROL, ADMIN and HELLO
 *   0 u8 type    1 u8 endpoint    2 u16 zero    4 u32 tag    8 u32 timeout_ms    12 u32 byte_count
 * reply:    24-byte header, then byte_count bytes
 *   0 u8 status  1 u8 zero[3]     4 u32 tag     8 u64 sim_time_ns    16 u32 byte_count   20 u32 zero
 */
#ifndef STL_SIM_WIRE_H
#define STL_SIM_WIRE_H

#define SIM_WIRE_REQUEST_BYTES 16
#define SIM_WIRE_REPLY_BYTES   24
#define SIM_WIRE_MAX_BYTES     (128 * 1024) /* largest payload either side accepts */
#define SIM_WIRE_VERSION       "stlua-sim/1"

enum sim_wire_type {
    /* First on every connection. Payload: SIM_WIRE_VERSION, then " host" (claims the probe: one at a
     * time, a second gets SIM_WIRE_BUSY) or " admin" (may send ADMIN only). Answer payload: OK: the
     * version; BUSY: who holds it, as text; otherwise an error text. */
    SIM_WIRE_HELLO = 1,
    SIM_WIRE_OUT,     /* bulk OUT to endpoint; payload: the bytes, at most SIM_WIRE_MAX_BYTES */
    SIM_WIRE_IN,      /* bulk IN from endpoint; byte_count: room for the answer. timeout_ms 0: none */
    SIM_WIRE_CONTROL, /* payload: 8-byte setup packet, then the data of an OUT control transfer;
                       * answer payload: the data of an IN control transfer */
    SIM_WIRE_RESET,   /* USB port reset; pending INs end with SIM_WIRE_CANCELLED */
    SIM_WIRE_SLEEP,   /* the host is idle for timeout_ms MICROseconds of simulated time (sic: the field
                       * holds microseconds here) */
    SIM_WIRE_ADMIN,   /* payload: a text line to the board; answer: a text line */
    SIM_WIRE_CANCEL   /* byte_count: tag of a pending IN; that IN ends with SIM_WIRE_CANCELLED, or has
                       * ended already; the CANCEL itself answers OK. No payload follows */
};

enum sim_wire_status {
    SIM_WIRE_OK,
    SIM_WIRE_TIMEOUT,   /* simulated time ran out */
    SIM_WIRE_STALL,     /* the endpoint is halted: CLEAR_FEATURE(HALT) by CONTROL, or reset */
    SIM_WIRE_OVERFLOW,  /* the device sent more than there was room for */
    SIM_WIRE_GONE,      /* unplugged */
    SIM_WIRE_REFUSED,   /* malformed request, bad spec or unknown admin line; payload says why */
    SIM_WIRE_CANCELLED,
    SIM_WIRE_BUSY
};

#endif
