/* core/sim/admin.c: the lines that play the person at the bench: power, buttons, cables, a look inside. */
#include "admin.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { MAX_PEEK_BYTES = 256 };

const char sim_admin_help[] =
    "  stats                      statistics, one line of JSON\n"
    "  power on [MV] | off | cycle   the target's supply\n"
    "  nrst low | high            the board's reset button\n"
    "  core                       what the core does, whether debug is enabled, DEMCR\n"
    "  pin PA5                    level and number of changes of an output pin\n"
    "  peek ADDR COUNT            memory as it stands (COUNT up to 256), in hex\n"
    "  poke ADDR HEX              change it\n"
    "  unplug | replug            the probe's USB cable\n"
    "  save                       write the state file now\n"
    "  quit                       save and end\n"
    "  fault wait N               the next N SWD transactions answer WAIT (firmware hides 4 in a row)\n"
    "  fault ack none|fault [N]   the next N transactions (all, without N) get no ACK, or FAULT\n"
    "  fault parity N             the next N reads arrive with wrong parity\n"
    "  fault idcode N             the next N ENTERs fail with 09\n"
    "  fault usb timeout|stall|short|garbage|disconnect at N   the N-th bulk transfer from now\n"
    "  fault lost-reply at N      the N-th command from now is done, but its reply is lost\n"
    "  fault status XX at N       the N-th command from now reports status XX (hex)\n"
    "  fault op cut|hang N        the N-th high-voltage operation from now: supply cut half way, or BSY for ever\n"
    "  fault op fail N [FLAGS]    that operation sets FLAGS in FLASH_SR instead (default 0x100, WRPERR)\n"
    "  fault voltage MV|none|off  what the probe measures: MV, no reference at all, the truth\n"
    "  fault clear                none of the above any more\n";

bool admin_refuse(sim_admin *admin, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(admin->answer, admin->answer_size, format, args);
    va_end(args);
    return false;
}

bool admin_say(sim_admin *admin, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(admin->answer, admin->answer_size, format, args);
    va_end(args);
    return true;
}

bool admin_number(sim_admin *admin, unsigned index, uint64_t max, uint64_t *value)
{
    const char *text = index < admin->word_count ? admin->words[index] : "";
    char *end;
    *value = strtoull(text, &end, 0);
    if (!isdigit((unsigned char)text[0]) || *end || *value > max)
        return admin_refuse(admin, "\"%.32s\" is no number in 0 .. 0x%llX", text,
                            (unsigned long long)max);
    return true;
}

bool admin_is(const sim_admin *admin, unsigned index, const char *word)
{
    return index < admin->word_count && !strcasecmp(admin->words[index], word);
}

/* ---- the lines ---- */

static bool do_stats(sim_admin *admin)
{
    sim_device_stats_json(admin->device, admin->answer, admin->answer_size);
    return true;
}

static bool do_power(sim_admin *admin)
{
    sim_device *device = admin->device;
    uint64_t mv = device->options.supply_mv;
    if (admin_is(admin, 1, "on")) {
        if (admin->word_count > 2 && !admin_number(admin, 2, 5500, &mv))
            return false;
        device_set_supply(device, (uint32_t)mv);
    } else if (admin_is(admin, 1, "off")) {
        device_set_supply(device, 0);
    } else if (admin_is(admin, 1, "cycle")) {
        device_set_supply(device, 0);
        sim_device_idle(device, 100 * 1000000u); /* long enough for the capacitors */
        device_set_supply(device, (uint32_t)mv);
    } else {
        return admin_refuse(admin, "power on [MV], power off or power cycle");
    }
    return admin_say(admin, "supply %u mV", (unsigned)device->supply_mv);
}

static bool do_nrst(sim_admin *admin)
{
    const bool is_low = admin_is(admin, 1, "low");
    if (!is_low && !admin_is(admin, 1, "high"))
        return admin_refuse(admin, "nrst low or nrst high");
    admin->device->is_button_pressed = is_low;
    device_apply_nrst(admin->device);
    return admin_say(admin, "nrst %s", is_low ? "low" : "high");
}

static bool do_core(sim_admin *admin)
{
    const sim_core_view core = sim_chip_view_core(admin->device->chip);
    return admin_say(admin, "%s, debug %s, DEMCR 0x%08X", core.doing,
                     core.is_debugen ? "enabled" : "off", (unsigned)core.demcr);
}

/* "PA5", "A5", "pb12" */
static bool do_pin(sim_admin *admin)
{
    const char *name = admin->word_count > 1 ? admin->words[1] : "";
    if (toupper((unsigned char)name[0]) == 'P')
        name++;
    const char port = (char)toupper((unsigned char)name[0]);
    char *end = NULL;
    const unsigned long pin = port ? strtoul(name + 1, &end, 10) : 16;
    if (port < 'A' || port > 'H' || !isdigit((unsigned char)name[1]) || *end || pin > 15)
        return admin_refuse(admin, "pin PA0 .. PH15");
    const sim_chip *chip = admin->device->chip;
    return admin_say(admin, "P%c%lu %s %llu toggles", port, pin,
                     sim_chip_pin_level(chip, port, (unsigned)pin) ? "high" : "low",
                     (unsigned long long)sim_chip_pin_toggles(chip, port, (unsigned)pin));
}

static bool do_peek(sim_admin *admin)
{
    uint64_t addr, count;
    uint8_t bytes[MAX_PEEK_BYTES];
    if (!admin_number(admin, 1, UINT32_MAX, &addr) ||
        !admin_number(admin, 2, MAX_PEEK_BYTES, &count))
        return false;
    if (!sim_chip_peek(admin->device->chip, (uint32_t)addr, bytes, (size_t)count))
        return admin_refuse(admin, "no memory at 0x%08X, %u bytes", (unsigned)addr,
                            (unsigned)count);
    if (admin->answer_size < 2 * count + 1)
        return admin_refuse(admin, "too long");
    admin->answer[0] = '\0';
    for (size_t i = 0; i < count; i++)
        snprintf(admin->answer + 2 * i, 3, "%02X", bytes[i]);
    return true;
}

static bool do_poke(sim_admin *admin)
{
    uint64_t addr;
    uint8_t bytes[MAX_PEEK_BYTES];
    const char *hex = admin->word_count > 2 ? admin->words[2] : "";
    const size_t count = strlen(hex) / 2;
    if (!admin_number(admin, 1, UINT32_MAX, &addr))
        return false;
    if (!count || strlen(hex) % 2 || hex[strspn(hex, "0123456789abcdefABCDEF")] ||
        count > sizeof bytes)
        return admin_refuse(admin, "poke ADDR HEX, two digits a byte, up to %d bytes",
                            MAX_PEEK_BYTES);
    for (size_t i = 0; i < count; i++) {
        const char pair[3] = {hex[2 * i], hex[2 * i + 1], '\0'};
        bytes[i] = (uint8_t)strtoul(pair, NULL, 16);
    }
    if (!sim_chip_poke(admin->device->chip, (uint32_t)addr, bytes, count))
        return admin_refuse(admin, "no memory at 0x%08X, %zu bytes", (unsigned)addr, count);
    return admin_say(admin, "ok");
}

static bool do_unplug(sim_admin *admin)
{
    device_plug(admin->device, false);
    return admin_say(admin, "unplugged");
}

static bool do_replug(sim_admin *admin)
{
    device_plug(admin->device, false);
    device_plug(admin->device, true);
    return admin_say(admin, "plugged in");
}

static bool do_save(sim_admin *admin)
{
    const sim_device_hooks *hooks = &admin->device->hooks;
    if (!hooks->save)
        return admin_refuse(admin, "there is no state file (option state=FILE)");
    return hooks->save(hooks->self, admin->answer, admin->answer_size);
}

static bool do_quit(sim_admin *admin)
{
    const sim_device_hooks *hooks = &admin->device->hooks;
    if (!hooks->quit)
        return admin_refuse(admin, "nobody here can quit");
    hooks->quit(hooks->self);
    return admin_say(admin, "bye");
}

static const struct {
    const char *word;
    bool (*run)(sim_admin *admin);
} lines[] = {{"stats", do_stats},   {"power", do_power},   {"nrst", do_nrst}, {"core", do_core}, {"pin", do_pin},
             {"peek", do_peek},     {"poke", do_poke},     {"save", do_save}, {"quit", do_quit},
             {"unplug", do_unplug}, {"replug", do_replug}, {"fault", admin_fault}};

static void split(sim_admin *admin, char *text)
{
    char *rest = NULL;
    for (char *word = strtok_r(text, " \t\r\n", &rest);
         word && admin->word_count < sizeof admin->words / sizeof *admin->words;
         word = strtok_r(NULL, " \t\r\n", &rest))
        admin->words[admin->word_count++] = word;
}

bool sim_device_admin(sim_device *device, const char *line, char *answer, size_t answer_size)
{
    char text[1024];
    sim_admin admin = {.device = device, .answer = answer, .answer_size = answer_size};
    if (strlen(line) >= sizeof text)
        return admin_refuse(&admin, "the line is too long");
    snprintf(text, sizeof text, "%s", line);
    split(&admin, text);
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++)
        if (admin_is(&admin, 0, lines[i].word))
            return lines[i].run(&admin);
    return admin_refuse(&admin,
                        "unknown line \"%.40s\"; there are stats, power, nrst, core, pin, peek, poke, "
                        "unplug, replug, save, quit and fault",
                        line);
}
