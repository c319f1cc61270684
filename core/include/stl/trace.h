/* core/include/stl/trace.h: what went over the wire, as a file that Wireshark opens. */
#ifndef STL_TRACE_H
#define STL_TRACE_H

#include "stl/transport.h"

typedef struct stl_trace stl_trace;

/*
 * Start a pcapng file of USB packets; one that ends in .gz is compressed. It is for its user alone (0600):
 * memory contents, and keys among them, are in it. An existing file is replaced.
 * Errors: STL_E_FILE, STL_E_MEMORY.
 */
STL_MUST_USE stl_code stl_trace_open(const char *path, stl_trace **out, stl_error *err);

/* Write the transfers of one run: submitted at start_us, ended at end_us, in the time of the transport. What
 * cannot be written is told by stl_trace_close. */
void stl_trace_write(stl_trace *trace, const stl_transport *transport, const stl_transfer *transfers,
                     unsigned transfer_count, uint64_t start_us, uint64_t end_us, stl_code result);

/* Finish the file and free the trace. packet_count may be NULL. Errors: STL_E_FILE (disk full: what is there
 * is cut short). */
STL_MUST_USE stl_code stl_trace_close(stl_trace *trace, uint64_t *packet_count, stl_error *err);

#endif
