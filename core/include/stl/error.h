/* core/include/stl/error.h: what can go wrong, and everything a person needs to know about it.
 *
 * Every fallible function returns an stl_code (zero is success) and takes an stl_error *err last.
 * err is untouched on STL_OK. It is caller-owned and of fixed size: reporting never allocates. */
#ifndef STL_ERROR_H
#define STL_ERROR_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#if defined(__GNUC__)
#define STL_MUST_USE __attribute__((warn_unused_result))
#define STL_PRINTF(fmt, first) __attribute__((format(printf, fmt, first)))
#else
#define STL_MUST_USE
#define STL_PRINTF(fmt, first)
#endif

/* X(constant, name): the name is stable; Lua sees it as err.code and the runner maps it to an exit
 * status (lua/stdlib/exit_status.lua; a test compares the two lists). */
#define STL_CODES(X)                                                                               \
    X(OK, "ok")                                                                                    \
    X(E_ARGUMENT, "argument")               /* the caller asked for something impossible */        \
    X(E_MEMORY, "memory")                   /* the host is out of memory */                        \
    X(E_FILE, "file")                       /* a file cannot be opened, read or written */         \
    X(E_FORMAT, "format")                   /* a file's contents are not what they should be */    \
    X(E_OVERLAP, "overlap")                 /* two parts of an image claim the same address */     \
    X(E_RANGE, "range")                     /* an address outside the target's regions */          \
    X(E_UNKNOWN_TARGET, "unknown_target")   /* no description fits what answered */                \
    X(E_WRONG_TARGET, "wrong_target")       /* what answered is not what was asked for */          \
    X(E_NO_PROBE, "no_probe")               /* no probe matches */                                 \
    X(E_AMBIGUOUS, "ambiguous")             /* more than one does */                               \
    X(E_PERMISSION, "permission")           /* the system does not let us open it */               \
    X(E_PROBE_BUSY, "probe_busy")           /* another program holds the probe */                  \
    X(E_PROBE_GONE, "probe_gone")           /* unplugged while in use */                           \
    X(E_USB, "usb")                         /* a transfer failed: stall, overflow, time-out */     \
    X(E_PROTOCOL, "protocol")               /* the probe answered what no ST-LINK answers */       \
    X(E_UNSUPPORTED, "unsupported")         /* this probe firmware, or chip, cannot do it */       \
    X(E_NO_TARGET, "no_target")             /* the probe answers, the target does not */           \
    X(E_DAP_WAIT, "dap_wait")               /* target busy, or its bus clock stopped */            \
    X(E_DAP_FAULT, "dap_fault")             /* the target refused an access */                     \
    X(E_NOT_HALTED, "not_halted")           /* the core runs where it must be halted */            \
    X(E_TIMEOUT, "timeout")                 /* something took longer than it may */                \
    X(E_READ_PROTECTED, "read_protected")   /* RDP level 1: flash is closed to the debugger */     \
    X(E_WRITE_PROTECTED, "write_protected") /* WRP or PCROP on a sector, or a lock bit */          \
    X(E_FLASH, "flash")                     /* an NVM operation ended in an error flag */          \
    X(E_OPTION_BYTES, "option_bytes")       /* option words damaged or not taken over */           \
    X(E_LOADER, "loader")                   /* code in target RAM did not do what it should */     \
    X(E_VERIFY, "verify")                   /* contents differ from the image */                   \
    X(E_INTERRUPTED, "interrupted")         /* the user asked to stop */                           \
    X(E_SELF_TEST, "self_test")             /* a measurement of the board is outside its limits */ \
    X(E_REFUSED, "refused")                 /* irreversible or destructive, and not consented */   \
    X(E_INTERNAL, "internal")               /* a defect of stlua */

typedef enum stl_code {
#define STL_CODE_ENUM(constant, name) STL_##constant,
    STL_CODES(STL_CODE_ENUM)
#undef STL_CODE_ENUM
    STL_CODE_COUNT
} stl_code;

#define STL_ERROR_FRAMES      6
#define STL_ERROR_FRAME_CHARS 224

/* frame[0] is the cause, later frames say what was being done, ever wider. */
typedef struct stl_error {
    stl_code code;
    const char *hint; /* static text: what the user can do about it; may be NULL */
    uint32_t addr;    /* target address concerned, valid if has_addr */
    bool has_addr;
    unsigned frame_count;
    char frame[STL_ERROR_FRAMES][STL_ERROR_FRAME_CHARS];
} stl_error;

/* The stable name of a code, "dap_fault" for STL_E_DAP_FAULT; never NULL. */
const char *stl_code_name(stl_code code);

/* Start an error where it breaks. Returns code. err may be NULL. */
stl_code stl_fail(stl_error *err, stl_code code, const char *hint, const char *format, ...)
    STL_PRINTF(4, 5);
#ifdef __clang_analyzer__ /* it looks at one file at a time: what is said above, so that it can see it */
#define stl_fail(err, code, ...) ((void)(stl_fail)(err, code, __VA_ARGS__), (code))
#endif

/* Add what was being done (which page, which file). Returns err->code. A full chain keeps the cause
 * and replaces its widest frame. */
stl_code stl_wrap(stl_error *err, const char *format, ...) STL_PRINTF(2, 3);

/* Note the target address an error is about. Returns err->code. */
stl_code stl_error_at(stl_error *err, uint32_t addr);

/* "wide: narrow: cause" in one line, always terminated. Returns the length that was wanted. */
size_t stl_error_text(const stl_error *err, char *text, size_t text_size);

#endif
