/* tests/unit/board.h: a simulated board in this process, and the layers of the core on top of it. */
#ifndef TEST_BOARD_H
#define TEST_BOARD_H

#include "device.h"
#include "stl/nvm.h"

typedef struct board {
    sim_device *device; /* owned by the transport below */
    stl_transport *transport;
    stl_probe *probe;
    stl_dap *dap;
    stl_nvm *nvm;
    stl_nvm_config config;
    unsigned warning_count;
    char last_warning[512];
    stl_log log;
    /* Say this admin line to the simulator just before transfer `at`, counted from 1; 0: never. */
    struct board_trap {
        unsigned at;
        const char *line;
    } trap;
    unsigned transfer_count;
    bool is_supply_kept; /* what cuts the supply is a dip: it is there again at the next transfer */
} board;

typedef struct board_options {
    const char *model; /* "STM32L151CB-A" if NULL */
    sim_chip_options chip;
    sim_device_options device;
    stl_nvm_options nvm;
} board_options;

/* Chip and probe, powered; nothing connected yet. */
void board_power_on(board *b, const board_options *options);
/* Open the probe, connect, open the controller; fails the test when it cannot. */
void board_connect(board *b, const board_options *options);
/* Close what is open above the transport; the chip stays powered. */
void board_disconnect(board *b);
/* Disconnect, and throw chip and probe away. */
void board_throw_away(board *b);
/* Connect again to the same chip with a fresh probe session. Returns the first error. */
stl_code board_reconnect(board *b, const stl_nvm_options *nvm_options, stl_error *err);

/* What targets/ would say of the model. */
stl_nvm_config board_config(const sim_chip_model *model, uint32_t ram_bytes);

/* Say an admin line to the simulator; fails the test when it refuses. */
void board_admin(board *b, const char *line);
/* Is the simulator at work, or the core under test? For who counts allocations. */
bool board_is_in_simulator(void);

void board_peek(board *b, uint32_t addr, void *bytes, size_t byte_count);
void board_poke(board *b, uint32_t addr, const void *bytes, size_t byte_count);
const sim_chip_stats *board_stats(board *b);

/* Deterministic contents. */
void fill_random(uint8_t *bytes, size_t byte_count, uint32_t seed);

/* Fails the test with the error's text. */
#define assert_ok(call)                                                                            \
    do {                                                                                           \
        if ((call) != STL_OK) {                                                                    \
            char text_[1024];                                                                      \
            stl_error_text(&err, text_, sizeof text_);                                             \
            fail_msg("%s: %s", stl_code_name(err.code), text_);                                    \
        }                                                                                          \
    } while (0)

#endif
