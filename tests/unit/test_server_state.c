/* The state file, from the first save to the last refusal. */
#include "test_device_fixture.h"

#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sim/state.h"

typedef struct desk {
    char folder[64], path[96], lock_path[104];
} desk;

static desk set_up(void)
{
    desk d = {.folder = "/tmp/stlua-state-XXXXXX"};
    assert_non_null(mkdtemp(d.folder));
    snprintf(d.path, sizeof d.path, "%s/b.sim", d.folder);
    snprintf(d.lock_path, sizeof d.lock_path, "%s.lock", d.path);
    return d;
}

/* The folder must be empty but for the state file: no lock, no temporary file. */
static void tear_down(const desk *d)
{
    unlink(d->path);
    assert_int_equal(rmdir(d->folder), 0);
}

static sim_chip *new_chip(const char *model)
{
    static const sim_chip_options options;
    sim_chip *chip = sim_chip_new(sim_chip_model_find(model), &options);
    assert_non_null(chip);
    return chip;
}

static sim_state *open_state(const desk *d, sim_chip *chip)
{
    char reason[512] = "";
    sim_state *state = sim_state_open(d->path, chip, 0, reason, sizeof reason);
    if (!state)
        fail_msg("%s", reason);
    return state;
}

static void save(sim_state *state)
{
    char reason[512] = "";
    if (!sim_state_save(state, reason, sizeof reason))
        fail_msg("%s", reason);
}

/* A file that holds a chip with a mark at the start of flash. */
static void make_file(const desk *d, const char *model, const char *mark)
{
    sim_chip *chip = new_chip(model);
    sim_state *state = open_state(d, chip);
    assert_true(sim_chip_poke(chip, 0x08000000, mark, strlen(mark)));
    save(state);
    sim_state_close(state);
    sim_chip_free(chip);
}

static void must_refuse(const desk *d, const char *model, const char *why)
{
    char reason[512] = "";
    sim_chip *chip = new_chip(model);
    assert_null(sim_state_open(d->path, chip, 0, reason, sizeof reason));
    if (!strstr(reason, why) || !strstr(reason, d->path) || strchr(reason, '\n'))
        fail_msg("\"%s\" says nothing of \"%s\"", reason, why);
    sim_chip_free(chip);
}

static size_t read_file(const char *path, uint8_t *bytes, size_t room)
{
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    const size_t count = fread(bytes, 1, room, file);
    fclose(file);
    return count;
}

static void write_file(const char *path, const void *bytes, size_t count)
{
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, count, file), count);
    fclose(file);
}

static void a_chip_lives_on_in_its_file(void **state_of_test)
{
    char seen[5] = "";
    struct stat info;
    (void)state_of_test;
    const desk d = set_up();
    make_file(&d, "STM32L151CB", "hello");
    assert_int_equal(stat(d.path, &info), 0);
    assert_int_equal(info.st_mode & 0777, 0600);
    sim_chip *chip = new_chip("STM32L151CB");
    sim_state *state = open_state(&d, chip);
    assert_true(sim_chip_peek(chip, 0x08000000, seen, sizeof seen));
    assert_memory_equal(seen, "hello", sizeof seen);
    sim_state_close(state);
    sim_chip_free(chip);
    tear_down(&d);
}

static void an_unchanged_chip_is_not_written(void **state_of_test)
{
    struct stat before, after;
    (void)state_of_test;
    const desk d = set_up();
    make_file(&d, "STM32L151CB", "hello");
    assert_int_equal(stat(d.path, &before), 0);
    sim_chip *chip = new_chip("STM32L151CB");
    sim_state *state = open_state(&d, chip);
    save(state);
    assert_int_equal(stat(d.path, &after), 0);
    assert_int_equal(before.st_ino, after.st_ino);
    assert_true(sim_chip_poke(chip, 0x08000000, "HELLO", 5));
    save(state);
    assert_int_equal(stat(d.path, &after), 0);
    assert_int_not_equal(before.st_ino, after.st_ino);
    sim_state_close(state);
    sim_chip_free(chip);
    tear_down(&d);
}

static void a_file_of_another_model_is_refused_and_kept(void **state_of_test)
{
    static uint8_t before[1 << 20], after[1 << 20];
    (void)state_of_test;
    const desk d = set_up();
    make_file(&d, "STM32L151CB", "hello");
    const size_t count = read_file(d.path, before, sizeof before);
    must_refuse(&d, "STM32L152RE", "holds a STM32L151CB, not a STM32L152RE");
    assert_int_equal(read_file(d.path, after, sizeof after), count);
    assert_memory_equal(before, after, count);
    tear_down(&d);
}

static void a_damaged_file_is_refused_wherever_the_damage_is(void **state_of_test)
{
    static uint8_t bytes[1 << 20];
    (void)state_of_test;
    const desk d = set_up();
    make_file(&d, "STM32L151CB", "hello");
    const size_t count = read_file(d.path, bytes, sizeof bytes);
    for (size_t at = 52; at < count; at += 1 + count / 20) { /* behind the header */
        bytes[at] ^= 0x10;
        write_file(d.path, bytes, count);
        must_refuse(&d, "STM32L151CB", "is damaged");
        bytes[at] ^= 0x10;
    }
    write_file(d.path, bytes, count - 1);
    must_refuse(&d, "STM32L151CB", "is damaged");
    write_file(d.path, bytes, 20);
    must_refuse(&d, "STM32L151CB", "is not a state file");
    write_file(d.path, "", 0);
    must_refuse(&d, "STM32L151CB", "is not a state file");
    bytes[8] = 99;
    write_file(d.path, bytes, count);
    must_refuse(&d, "STM32L151CB", "has version 99");
    tear_down(&d);
}

static void two_simulators_cannot_share_a_file(void **state_of_test)
{
    char pid[80];
    (void)state_of_test;
    const desk d = set_up();
    sim_chip *chip = new_chip("STM32L151CB");
    sim_state *state = open_state(&d, chip);
    snprintf(pid, sizeof pid, "in use by another simulator, pid %ld", (long)getpid());
    must_refuse(&d, "STM32L151CB", pid);
    sim_state_close(state);
    assert_int_equal(access(d.lock_path, F_OK), -1);
    state = open_state(&d, chip); /* the next one may */
    sim_state_close(state);
    sim_chip_free(chip);
    tear_down(&d);
}

static void a_lock_file_of_a_killed_simulator_is_no_obstacle(void **state_of_test)
{
    (void)state_of_test;
    const desk d = set_up();
    write_file(d.lock_path, "4711", 4);
    make_file(&d, "STM32L151CB", "hello");
    tear_down(&d);
}

static void a_folder_that_is_not_there_is_named(void **state_of_test)
{
    char reason[512] = "";
    (void)state_of_test;
    sim_chip *chip = new_chip("STM32L151CB");
    assert_null(sim_state_open("/nonexistent/b.sim", chip, 0, reason, sizeof reason));
    assert_non_null(strstr(reason, "/nonexistent/b.sim"));
    sim_chip_free(chip);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_chip_lives_on_in_its_file),
        cmocka_unit_test(an_unchanged_chip_is_not_written),
        cmocka_unit_test(a_file_of_another_model_is_refused_and_kept),
        cmocka_unit_test(a_damaged_file_is_refused_wherever_the_damage_is),
        cmocka_unit_test(two_simulators_cannot_share_a_file),
        cmocka_unit_test(a_lock_file_of_a_killed_simulator_is_no_obstacle),
        cmocka_unit_test(a_folder_that_is_not_there_is_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
