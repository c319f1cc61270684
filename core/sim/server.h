/* core/sim/server.h: the socket server around one simulated probe (stl/sim_wire.h).
 * One host at a time, any number of admin connections; single thread. */
#ifndef SIM_SERVER_H
#define SIM_SERVER_H

#include "device.h"

typedef struct sim_server sim_server;

typedef struct sim_server_options {
    bool is_paced;          /* wall time follows simulated time */
    uint32_t turnaround_us; /* paced: a request this soon after an answer came right with it; 0: 250 */
    uint32_t grace_ms;      /* fast: how long a transfer that nothing can answer waits; 0: 2 */
} sim_server_options;

/* device is borrowed. NULL: no memory. */
sim_server *sim_server_new(sim_device *device, const sim_server_options *options);
void sim_server_free(sim_server *server);

/* Listen on a Unix socket; a socket file nobody listens on is replaced. False: *reason says why. */
bool sim_server_listen(sim_server *server, const char *path, char *reason, size_t reason_size);
/* Serve a connected socket, which is taken over. The server ends when it closes, if is_private. */
bool sim_server_adopt(sim_server *server, int fd, bool is_private);
/* Called when the host has gone, and for the admin line "save". */
void sim_server_set_save(sim_server *server, bool (*save)(void *self, char *answer, size_t size),
                         void *self);

/* Wait for something to do, at most max_wait_ms (below 0: as long as it takes), and do it. False once
 * the server has come to its end. Signals are let in while it waits, as wait_signals says (a sigset_t;
 * NULL: as they are). */
bool sim_server_step(sim_server *server, int max_wait_ms, const void *wait_signals);

#endif
