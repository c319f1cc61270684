/* core/sim/connection.h: one client of the simulator: bytes in, whole requests out, replies back. */
#ifndef SIM_CONNECTION_H
#define SIM_CONNECTION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "stl/sim_wire.h"

enum sim_role { SIM_ROLE_NONE, SIM_ROLE_HOST, SIM_ROLE_ADMIN };

/* A reply on its way; due_ns of simulated time, 0: at once. */
typedef struct sim_outgoing {
    struct sim_outgoing *next;
    uint64_t due_ns;
    size_t byte_count, sent_count;
    uint8_t bytes[];
} sim_outgoing;

typedef struct sim_connection {
    struct sim_connection *next;
    int fd;
    enum sim_role role;
    bool is_private; /* the simulator ends with it */
    bool is_broken;  /* closed by the peer, or to be closed */
    bool is_leaving; /* close when everything is sent */
    char peer[64];   /* "pid 4711 (openocd)" */
    uint8_t in[SIM_WIRE_REQUEST_BYTES + SIM_WIRE_MAX_BYTES];
    size_t in_count;
    sim_outgoing *first_out;
    size_t out_byte_count;
} sim_connection;

typedef struct sim_request {
    uint8_t type, endpoint;
    uint32_t tag, timeout, byte_count;
    const uint8_t *payload; /* valid until the next call; NULL if none follows */
} sim_request;

enum sim_parse { SIM_PARSE_MORE, SIM_PARSE_REQUEST, SIM_PARSE_GARBAGE };

/* Takes over fd and makes it non-blocking. NULL: no memory, fd is closed. */
sim_connection *sim_connection_new(int fd, bool is_private);
void sim_connection_free(sim_connection *connection);
/* Read what is there. */
void sim_connection_receive(sim_connection *connection);
/* The first whole request of what was read; *why is set for garbage. */
enum sim_parse sim_connection_parse(sim_connection *connection, sim_request *request,
                                    const char **why);
/* Done with the request that parse gave. */
void sim_connection_consume(sim_connection *connection, const sim_request *request);
/* Queue a reply, in the order of due_ns. */
void sim_connection_reply(sim_connection *connection, uint32_t tag, uint8_t status,
                          uint64_t sim_time_ns, uint64_t due_ns, const void *bytes,
                          size_t byte_count);
/* Write what is due at now_ns, as far as the socket takes it. */
void sim_connection_flush(sim_connection *connection, uint64_t now_ns);
/* Text as the answer. */
void sim_connection_say(sim_connection *connection, uint32_t tag, uint8_t status,
                        uint64_t sim_time_ns, const char *text);

#endif
