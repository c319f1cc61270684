/* tests/usb/latency.c: stlua-usb-latency, what one command costs on the host.
 *   stlua-usb-latency usb:1-1        through libusb and the simulated bus
 *   stlua-usb-latency SOCKET         through the simulator's socket: what is there without the bus
 * The difference of the two is what stlua-usb-run adds. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <time.h>

#include "stl/transport.h"

enum { COMMANDS = 5000, WARM_UP = 200 };

static double now_us(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec * 1e6 + (double)now.tv_nsec / 1e3;
}

static int compare(const void *left, const void *right)
{
    const double a = *(const double *)left, b = *(const double *)right;
    return (a > b) - (a < b);
}

static stl_code open_any(const char *where, stl_transport **transport, stl_error *err)
{
    return strncmp(where, "usb:", 4) ? stl_transport_join_sim(where, NULL, transport, err)
                                     : stl_transport_open_usb(where, NULL, transport, err);
}

static stl_code measure(stl_transport *transport, double *took_us, stl_error *err)
{
    for (int i = -WARM_UP; i < COMMANDS; i++) {
        uint8_t command[16] = {0xF1, 0x80}, version[6];
        stl_transfer transfers[] = {{transport->identity.endpoint_out, command, sizeof command, 0},
                                    {transport->identity.endpoint_in, version, sizeof version, 0}};
        const double start_us = now_us();
        const stl_code code = stl_transport_run(transport, transfers, 2, 1000, err);
        if (code)
            return code;
        if (i >= 0)
            took_us[i] = now_us() - start_us;
    }
    return STL_OK;
}

int main(int argc, char **argv)
{
    static double took_us[COMMANDS];
    stl_transport *transport = NULL;
    stl_error err;
    char text[512];
    if (argc != 2)
        return 2;
    stl_code code = open_any(argv[1], &transport, &err);
    if (!code)
        code = measure(transport, took_us, &err);
    stl_transport_close(transport);
    if (code) {
        stl_error_text(&err, text, sizeof text);
        fprintf(stderr, "%s\n", text);
        return 1;
    }
    qsort(took_us, COMMANDS, sizeof took_us[0], compare);
    printf("%s: median %.0f us, 10%% %.0f us, 90%% %.0f us, 99%% %.0f us a command\n", argv[1],
           took_us[COMMANDS / 2], took_us[COMMANDS / 10], took_us[COMMANDS * 9 / 10],
           took_us[COMMANDS / 100 * 99]);
    return 0;
}
