/* core/sim/admin_client.h: one admin line to a simulator that runs already. */
#ifndef SIM_ADMIN_CLIENT_H
#define SIM_ADMIN_CLIENT_H

#include <stdbool.h>
#include <stddef.h>

/* False: answer is the refusal, or why it could not be asked. */
bool sim_admin_send(const char *socket_path, const char *line, char *answer, size_t answer_size);
/* The simulator cannot start: answer the HELLO that comes on fd with why, and close it. */
void sim_refuse_client(int fd, const char *why);

#endif
