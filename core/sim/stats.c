/* core/sim/stats.c: what happened so far, as one line of JSON. */
#include "admin.h"

#include <string.h>

/* The text is the chip's own, but a quotation mark must not break the line. */
static void escape(const char *text, char *out, size_t out_size)
{
    size_t at = 0;
    for (; *text && at + 3 < out_size; text++) {
        if (*text == '"' || *text == '\\')
            out[at++] = '\\';
        out[at++] = (unsigned char)*text < 0x20 ? ' ' : *text;
    }
    out[at] = '\0';
}

void sim_device_stats_json(const sim_device *device, char *text, size_t text_size)
{
    const sim_device_stats *usb = &device->stats;
    const sim_chip_stats *chip = sim_chip_get_stats(device->chip);
    const sim_core_view core = sim_chip_view_core(device->chip);
    char last_fault[2 * sizeof chip->last_fault];
    escape(chip->last_fault, last_fault, sizeof last_fault);
    char firmware[32];
    sim_firmware_name(&device->firmware, firmware, sizeof firmware);
#define N(value) (unsigned long long)(value)
    snprintf(text, text_size,
             "{\"chip\":\"%s\",\"firmware\":\"%s\",\"serial\":\"%s\",\"sim_time_s\":%.9f,"
             "\"commands\":%llu,\"transfers_out\":%llu,\"transfers_in\":%llu,\"bytes_out\":%llu,"
             "\"bytes_in\":%llu,\"swd_transactions\":%llu,\"waits\":%llu,\"protocol_errors\":%llu,"
             "\"pages_erased\":%llu,\"half_pages\":%llu,\"half_page_pairs\":%llu,"
             "\"page_erase_pairs\":%llu,\"words_programmed\":%llu,\"eeprom_words\":%llu,"
             "\"eeprom_double_words\":%llu,\"option_words\":%llu,\"mass_erases\":%llu,"
             "\"high_voltage_s\":%.6f,\"instructions\":%llu,\"resets\":%llu,\"power_ons\":%llu,"
             "\"watchdog_resets\":%llu,\"faults\":%llu,\"last_fault\":\"%s\","
             "\"core\":\"%s\",\"is_debug_enabled\":%s,\"demcr\":%lu}",
             sim_chip_get_model(device->chip)->name, firmware, device->options.serial,
             (double)usb->sim_time_ns / 1e9, N(usb->commands), N(usb->transfers_out),
             N(usb->transfers_in), N(usb->bytes_out), N(usb->bytes_in), N(usb->swd_transactions),
             N(usb->waits), N(usb->protocol_errors), N(chip->pages_erased), N(chip->half_pages),
             N(chip->half_page_pairs), N(chip->page_erase_pairs), N(chip->words_programmed),
             N(chip->eeprom_words), N(chip->eeprom_double_words), N(chip->option_words),
             N(chip->mass_erases), (double)chip->high_voltage_us / 1e6, N(chip->instructions),
             N(chip->resets), N(chip->power_ons), N(chip->watchdog_resets), N(chip->faults),
             last_fault, core.doing, core.is_debugen ? "true" : "false",
             (unsigned long)core.demcr);
#undef N
}
