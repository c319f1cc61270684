/* core/sim/main.c: stlua-sim, a simulated ST-LINK with a simulated STM32L1 board behind it. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>

#include "admin_client.h"
#include "server.h"
#include "spec.h"
#include "state.h"

enum { EXIT_USAGE = 2, NO_FD = -1, STATE_PATIENCE_MS = 5000 };

typedef struct arguments {
    sim_spec spec;
    int fd;                  /* NO_FD: none */
    const char *listen_path; /* NULL: none */
    bool has_name;
} arguments;

/* Everything that runs; released in the reverse order. */
typedef struct simulator {
    sim_device *device;
    sim_state *state;
    sim_server *server;
    FILE *log;
} simulator;

static volatile sig_atomic_t is_stopping;

/* ---- help ---- */

static void print_help(void)
{
    puts("stlua-sim: a simulated ST-LINK with a simulated STM32L1 board behind it\n"
         "\n"
         "  stlua-sim --listen SOCKET [--KEY=VALUE ...] BOARD[?KEY=VALUE&...]\n"
         "                             keep a board alive; stlua --probe sim:@SOCKET joins it\n"
         "  stlua-sim --fd N BOARD...  serve one client on a socket that is open already\n"
         "  stlua-sim --admin SOCKET 'LINE'   say LINE to a running one and print its answer\n"
         "  stlua-sim --list           the chips and boards there are\n"
         "  stlua-sim --help           this\n"
         "\n"
         "BOARD is a board, a part name (STM32L151CB-A, l152re) or cat1 .. cat6. It ends with SIGTERM,\n"
         "SIGINT or SIGHUP, or when its client on --fd goes, and saves its state before.\n"
         "\n"
         "KEYS, in the text (percent-encoded: %26 for &) or as options:");
    sim_spec_print_keys(stdout);
    printf("\nWith state=FILE an existing file decides what is in the chip: rdp, wrp, uid, seed,\n"
           "flash-size, iwdg and user-word are for new chips.\n"
           "\nADMIN LINES (N = 1 is the next one):\n%s"
           "\nExit status: 0 ended as asked, 1 failed, 2 not understood.\n",
           sim_admin_help);
}

static void print_list(void)
{
    puts("boards");
    for (size_t i = 0; sim_board_at(i); i++) {
        const sim_board *board = sim_board_at(i);
        printf("  %-18s %-16s %s\n", board->name, board->chip, board->about);
    }
    puts("chips");
    for (size_t i = 0; sim_chip_model_at(i); i++) {
        const sim_chip_model *model = sim_chip_model_at(i);
        printf("  %-18s cat%u  DEV_ID 0x%03X  flash %4u KiB  EEPROM %5u B  RAM %2u KiB\n",
               model->name, model->category, (unsigned)model->dev_id,
               (unsigned)((model->flash_bytes[0] + model->flash_bytes[1]) / 1024),
               (unsigned)(model->eeprom_bytes[0] + model->eeprom_bytes[1]),
               (unsigned)(model->ram_bytes / 1024));
    }
}

static int run_admin(int argc, char **argv, int at)
{
    char answer[8192];
    if (argc - at != 2) {
        fputs("stlua-sim: --admin SOCKET 'LINE'\n", stderr);
        return EXIT_USAGE;
    }
    const bool is_done = sim_admin_send(argv[at], argv[at + 1], answer, sizeof answer);
    fprintf(is_done ? stdout : stderr, "%s%s\n", is_done ? "" : "stlua-sim: ", answer);
    return is_done ? EXIT_SUCCESS : EXIT_FAILURE;
}

/* ---- arguments ---- */

static bool parse_fd(const char *text, int *fd, char *reason, size_t reason_size)
{
    char *end;
    const long number = strtol(text, &end, 10);
    struct stat status;
    if (!*text || *end || number < 0 || number > 65535 || fstat((int)number, &status) ||
        !S_ISSOCK(status.st_mode)) {
        snprintf(reason, reason_size, "--fd wants the number of an open socket, not \"%.20s\"", text);
        return false;
    }
    *fd = (int)number;
    return true;
}

/* "--key", "--key=value", "--key value". at is moved to the last argument used. */
static bool parse_option(arguments *args, int argc, char **argv, int *at, char *reason,
                         size_t reason_size)
{
    char key[64];
    const char *text = argv[*at] + 2, *equals = strchr(text, '=');
    const char *value = equals ? equals + 1 : NULL;
    const size_t key_count = equals ? (size_t)(equals - text) : strlen(text);
    snprintf(key, sizeof key, "%.*s", (int)(key_count < 63 ? key_count : 63), text);
    const bool is_fd = !strcmp(key, "fd"), is_listen = !strcmp(key, "listen");
    if (!value && (is_fd || is_listen || sim_spec_wants_value(key)) && *at + 1 < argc)
        value = argv[++*at];
    if (is_fd)
        return parse_fd(value ? value : "", &args->fd, reason, reason_size);
    if (!is_listen)
        return sim_spec_set(&args->spec, key, value, reason, reason_size);
    args->listen_path = value;
    if (!value)
        snprintf(reason, reason_size, "--listen wants the path of a socket");
    return value;
}

static bool parse_arguments(arguments *args, int argc, char **argv, char *reason,
                            size_t reason_size)
{
    for (int at = 1; at < argc; at++) {
        if (!strncmp(argv[at], "--", 2)) {
            if (!parse_option(args, argc, argv, &at, reason, reason_size))
                return false;
        } else if (args->has_name) {
            snprintf(reason, reason_size, "one board is enough: \"%.40s\" is too much", argv[at]);
            return false;
        } else {
            args->has_name = true;
            if (!sim_spec_parse(&args->spec, argv[at], reason, reason_size))
                return false;
        }
    }
    return sim_spec_finish(&args->spec, reason, reason_size);
}

/* An error is told where the client looks; for that the fd has to be known even if it came last. */
static int find_fd(int argc, char **argv)
{
    char ignored[128];
    int fd = NO_FD;
    for (int at = 1; at < argc; at++) {
        if (!strncmp(argv[at], "--fd=", 5))
            parse_fd(argv[at] + 5, &fd, ignored, sizeof ignored);
        else if (!strcmp(argv[at], "--fd") && at + 1 < argc)
            parse_fd(argv[at + 1], &fd, ignored, sizeof ignored);
    }
    return fd;
}

/* ---- life ---- */

static bool start_board(simulator *sim, sim_spec *spec, char *reason, size_t reason_size)
{
    sim_chip *chip = sim_chip_new(spec->model, &spec->chip);
    if (!chip) {
        snprintf(reason, reason_size, "out of memory");
        return false;
    }
    if (spec->state_path[0]) {
        sim->state = sim_state_open(spec->state_path, chip, STATE_PATIENCE_MS, reason, reason_size);
        if (!sim->state) {
            sim_chip_free(chip);
            return false;
        }
    }
    if (spec->log_path[0]) {
        sim->log = fopen(spec->log_path, "ae");
        if (!sim->log) {
            snprintf(reason, reason_size, "cannot write %s: %s", spec->log_path, strerror(errno));
            sim_chip_free(chip);
            return false;
        }
        setvbuf(sim->log, NULL, _IOLBF, 0);
    }
    spec->device.log = sim->log;
    sim->device = sim_device_new(&spec->device, chip);
    sim->server = sim->device ? sim_server_new(sim->device, &spec->server) : NULL;
    if (!sim->server)
        snprintf(reason, reason_size, "out of memory");
    return sim->server;
}

static bool save_state(void *self, char *answer, size_t answer_size)
{
    const bool is_done = sim_state_save(self, answer, answer_size);
    if (!is_done)
        fprintf(stderr, "stlua-sim: %s\n", answer);
    return is_done;
}

static bool start_server(simulator *sim, const arguments *args, char *reason, size_t reason_size)
{
    if (sim->state)
        sim_server_set_save(sim->server, save_state, sim->state);
    if (args->listen_path) {
        if (!sim_server_listen(sim->server, args->listen_path, reason, reason_size))
            return false;
        printf("listening on %s\n", args->listen_path);
        fflush(stdout);
        return true;
    }
    if (sim_server_adopt(sim->server, args->fd, true))
        return true;
    snprintf(reason, reason_size, "out of memory");
    return false;
}

static bool write_stats(const simulator *sim, const char *path)
{
    char line[4096];
    sim_device_stats_json(sim->device, line, sizeof line);
    const bool is_stdout = !strcmp(path, "-");
    FILE *file = is_stdout ? stdout : fopen(path, "we");
    if (!file || fprintf(file, "%s\n", line) < 0) {
        fprintf(stderr, "stlua-sim: cannot write %s: %s\n", path, strerror(errno));
        if (file && !is_stdout)
            fclose(file);
        return false;
    }
    return (is_stdout ? fflush(file) : fclose(file)) == 0;
}

static void stop_simulator(simulator *sim)
{
    const char *trouble = sim->device ? sim_device_at_trouble(sim->device) : NULL;
    if (trouble)
        fprintf(stderr, "stlua-sim: at=: %s\n", trouble);
    sim_server_free(sim->server);
    sim_state_close(sim->state);
    sim_device_free(sim->device);
    if (sim->log)
        fclose(sim->log);
}

/* ---- signals: let in only while the server waits ---- */

static void on_signal(int number)
{
    (void)number;
    is_stopping = 1;
}

static void catch_signals(sigset_t *while_waiting)
{
    static const int numbers[] = {SIGTERM, SIGINT, SIGHUP};
    struct sigaction action = {.sa_handler = on_signal};
    sigset_t blocked;
    sigemptyset(&action.sa_mask);
    sigemptyset(&blocked);
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        sigaction(numbers[i], &action, NULL);
        sigaddset(&blocked, numbers[i]);
    }
    signal(SIGPIPE, SIG_IGN);
    signal(SIGXFSZ, SIG_IGN); /* a state file over ulimit -f is an error of the write */
    sigprocmask(SIG_BLOCK, &blocked, while_waiting);
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        sigdelset(while_waiting, numbers[i]);
}

static int run(simulator *sim, const sim_spec *spec, const sigset_t *while_waiting)
{
    char answer[512];
    while (!is_stopping && sim_server_step(sim->server, -1, while_waiting))
        ;
    bool is_done = !sim->state || save_state(sim->state, answer, sizeof answer);
    if (spec->stats_path[0])
        is_done = write_stats(sim, spec->stats_path) && is_done;
    return is_done ? EXIT_SUCCESS : EXIT_FAILURE;
}

static int fail(int fd, const char *reason, int status)
{
    if (fd == NO_FD)
        fprintf(stderr, "stlua-sim: %s\n", reason);
    else
        sim_refuse_client(fd, reason);
    return status;
}

int main(int argc, char **argv)
{
    static arguments args;
    char reason[1024] = "";
    sigset_t while_waiting;
    simulator sim = {0};
    if (argc == 2 && !strcmp(argv[1], "--help")) {
        print_help();
        return EXIT_SUCCESS;
    }
    if (argc == 2 && !strcmp(argv[1], "--list")) {
        print_list();
        return EXIT_SUCCESS;
    }
    if (argc > 1 && !strcmp(argv[1], "--admin"))
        return run_admin(argc, argv, 2);

    args.fd = NO_FD;
    sim_spec_init(&args.spec);
    if (!parse_arguments(&args, argc, argv, reason, sizeof reason))
        return fail(find_fd(argc, argv), reason, EXIT_USAGE);
    if ((args.fd == NO_FD) == !args.listen_path)
        return fail(args.fd, "say --listen SOCKET or --fd N (stlua-sim --help)", EXIT_USAGE);
    catch_signals(&while_waiting);
    if (args.spec.server.is_paced)
        prctl(PR_SET_TIMERSLACK, 1UL, 0UL, 0UL, 0UL); /* a command is some 100 us */
    int status;
    if (!start_board(&sim, &args.spec, reason, sizeof reason) ||
        !start_server(&sim, &args, reason, sizeof reason))
        status = fail(args.fd, reason, EXIT_FAILURE);
    else
        status = run(&sim, &args.spec, &while_waiting);
    stop_simulator(&sim);
    return status;
}
