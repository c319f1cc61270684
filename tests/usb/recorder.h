/* tests/usb/recorder.h: a tee between a client and a simulator: it keeps every bulk OUT packet. */
#ifndef RECORDER_H
#define RECORDER_H

#include <stddef.h>
#include <stdint.h>

typedef struct recorded_packet {
    size_t byte_count;
    uint8_t bytes[]; /* padded, so that the next one is aligned */
} recorded_packet;

/* Listen on socket_path, pass everything on to simulator_path, and write the packets to file_path. Does
 * not return. */
void recorder_serve(const char *socket_path, const char *simulator_path, const char *file_path);

/* The packets of a file; *end is behind the last. free() the result. */
recorded_packet *recorder_load(const char *file_path, const recorded_packet **end);
const recorded_packet *recorder_next(const recorded_packet *packet);

#endif
