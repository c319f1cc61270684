/* tests/firmware/selftest.h: the mailbox through which a debugger gives this program work.
 * The host waits for magic, writes argument, done = 0 and then command. The program works, writes
 * result, then done, and last command = 0. */
#ifndef SELFTEST_H
#define SELFTEST_H

#include <stdint.h>

#define SELFTEST_MAGIC 0x54534554u /* "TEST" */

typedef enum selftest_command {
    SELFTEST_NONE,
    SELFTEST_ECHO,  /* argument[0] comes back */
    SELFTEST_CRC,   /* CRC unit over argument[1] bytes at argument[0], both multiples of 4 */
    SELFTEST_UID,   /* word argument[0] (0 .. 2) of the UID */
    SELFTEST_MARCH, /* march argument[1] bytes of RAM at argument[0]: how many words are bad. What
                       was there is lost; the program's own RAM is refused */
    SELFTEST_COUNT
} selftest_command;

typedef enum selftest_done {
    SELFTEST_BUSY,
    SELFTEST_OK,
    SELFTEST_REFUSED /* no such command, or an argument out of range; result is 0 */
} selftest_done;

typedef struct selftest_mailbox {
    uint32_t magic, command;
    uint32_t argument[2];
    uint32_t result, done;
} selftest_mailbox;

#endif
