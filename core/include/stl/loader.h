/* core/include/stl/loader.h: work items streamed to a small program in target RAM.
 *
 * The engine knows no family. A family brings position-independent Thumb code that keeps to the
 * contract below; for STM32L1 that is core/nvm/stm32l1/loader.S. A second family is another source
 * file and the controller that fills its items.
 *
 * RAM, from ram_addr on: code, control block (STL_LOADER_CONTROL_BYTES), stack, results, ring.
 * The code is entered at its first byte with r0 = address of the control block, interrupts masked.
 *
 *   control block, words        slot, words
 *   0  done: items finished;    0  op (the family's)
 *      bit 31: one failed       1  addr
 *   1  proof: ~nonce, written   2  aux
 *      once the code is ready   3  mask_a
 *   2  flags of a failure       4  mask_b
 *   3  address of a failure     5.. data, unit_bytes
 *   4  nonce                    last  sequence number: nonce + 1 for the first item, then
 *   5  address of the ring            counting; the host writes it last, so that a slot is
 *   6  bytes of a slot                complete when its number is the one awaited
 *   7  slots
 *   8 .. 15  the family's parameters
 *   16 .. 23  for the code's own use
 *
 * The code waits for the next slot's sequence number, does the item, counts it in `done`, goes on to
 * the next slot (after the last, the first). On a failure it leaves flags and address, sets bit 31 of
 * `done` and stops at a BKPT. Op 0 is STOP for every family: restore the clocks, count, BKPT. */
#ifndef STL_LOADER_H
#define STL_LOADER_H

#include "stl/dap.h"

enum {
    STL_LOADER_CONTROL_BYTES = 96,
    STL_LOADER_STACK_BYTES = 64,
    STL_LOADER_PARAMS = 8,
    STL_LOADER_SLOT_OVERHEAD_BYTES = 24,
    STL_LOADER_OP_STOP = 0
};

typedef struct stl_loader_config {
    const uint8_t *code;
    size_t code_bytes; /* multiple of 4 */
    uint32_t ram_addr, ram_bytes;
    uint32_t unit_bytes;   /* data bytes of a slot */
    uint32_t result_bytes; /* wanted; the engine may give less, see stl_loader_results */
    uint32_t params[STL_LOADER_PARAMS];
} stl_loader_config;

typedef struct stl_loader_item {
    uint32_t op, addr, aux, mask_a, mask_b;
    const uint8_t *bytes; /* borrowed until the next item is asked for; NULL: no data */
    uint32_t byte_count;
    uint32_t typical_us, max_us; /* how long the target works on it */
} stl_loader_item;

/* Where the items come from: called once for each, in order; false when there are no more. */
typedef struct stl_loader_source {
    void *self;
    bool (*next)(void *self, stl_loader_item *item);
    /* How many are finished. Returning false ends the stream after what is already in the ring. */
    bool (*done)(void *self, uint32_t done_count);
} stl_loader_source;

/* What the code said of the item it failed on. */
typedef struct stl_loader_failure {
    bool has_flags; /* otherwise the loader itself stopped working */
    uint32_t item_index, flags, addr;
} stl_loader_failure;

typedef struct stl_loader stl_loader; /* opaque; borrows the dap */

/*
 * Test the RAM it needs, upload the code, read it back, start it and wait for its proof.
 * The core must be halted; it runs the loader until stl_loader_close.
 * Errors: STL_E_LOADER (RAM too small or not holding, upload corrupted, no proof; the text says which
 * and what was found), and what the probe reports.
 */
STL_MUST_USE stl_code stl_loader_open(stl_dap *dap, const stl_loader_config *config,
                                      stl_loader **out, stl_error *err);

/* The area for results: valid until close. */
void stl_loader_results(const stl_loader *loader, uint32_t *addr, uint32_t *byte_count);

/*
 * Stream items until the source is exhausted and everything is finished.
 * Errors: STL_E_LOADER (see *failure), STL_E_INTERRUPTED (done said so; what was in the ring has been
 * finished), and what the probe reports. After an error the loader must be closed.
 */
STL_MUST_USE stl_code stl_loader_run(stl_loader *loader, const stl_loader_source *source,
                                     stl_loader_failure *failure, stl_error *err);

/* Let the code restore what it changed, halt the core. Accepts NULL; continues through errors. */
void stl_loader_close(stl_loader *loader);

#endif
