/* core/sim/chip/periph.c: RCC, PWR, GPIO, CRC, IWDG; the rest are words that hold what is written.
 * Source: facts/stm32l1 4.3, 5.4, 5.6, 6, 7.1. */
#include "chip_internal.h"

#include <string.h>

#define RCC   0x40023800u
#define PWR   0x40007000u
#define CRC   0x40023000u
#define IWDG  0x40003000u
#define FLASHR 0x40023C00u
#define GPIO  0x40020000u
#define WORD(chip, addr) ((chip)->periph[((addr) - PERIPH_ADDR) / 4])

enum { RCC_CR = 0x00, RCC_ICSCR = 0x04, RCC_CFGR = 0x08, RCC_AHBENR = 0x1C, RCC_CSR = 0x34 };
enum { MODER = 0x00, IDR = 0x10, ODR = 0x14, BSRR = 0x18, BRR = 0x28 };

/* Blocks of 0x400 that exist on some L1 (facts 0): an access elsewhere is a bus error. */
static bool exists(uint32_t addr)
{
    static const uint32_t blocks[] = {
        0x40000000, 0x40000400, 0x40000800, 0x40000C00, 0x40001000, 0x40001400, 0x40002400,
        0x40002800, 0x40002C00, 0x40003000, 0x40003800, 0x40003C00, 0x40004400, 0x40004800,
        0x40004C00, 0x40005000, 0x40005400, 0x40005800, 0x40005C00, 0x40006000, 0x40007000,
        0x40007400, 0x40007C00, 0x40010000, 0x40010400, 0x40010800, 0x40010C00, 0x40011000,
        0x40012400, 0x40012C00, 0x40013000, 0x40013800, 0x40020000, 0x40020400, 0x40020800,
        0x40020C00, 0x40021000, 0x40021400, 0x40021800, 0x40021C00, 0x40023000, 0x40023800,
        0x40023C00, 0x40026000, 0x40026400,
    };
    for (size_t i = 0; i < sizeof blocks / sizeof blocks[0]; i++)
        if (addr - blocks[i] < 0x400)
            return true;
    return false;
}

/* Ports in order of address: A B C D E H F G. */
static int port_index(char port)
{
    const char *order = "ABCDEHFG", *at = strchr(order, port);
    return at && port ? (int)(at - order) : -1;
}

void periph_reset(sim_chip *chip)
{
    memset(chip->periph, 0, sizeof chip->periph);
    WORD(chip, RCC + RCC_CR) = 0x300;
    WORD(chip, RCC + RCC_ICSCR) = 0x0000B000;
    WORD(chip, RCC + RCC_AHBENR) = 0x8000;
    WORD(chip, PWR) = 0x1000;
    for (unsigned i = 0; i < PORT_COUNT; i++) {
        chip->gpio[i].moder = 0;
        chip->gpio[i].odr = 0;
        memset(chip->gpio[i].regs, 0, sizeof chip->gpio[i].regs);
    }
    chip->gpio[0].moder = 0xA8000000; /* PA13, PA14, PA15: debug */
    chip->gpio[1].moder = 0x00000280; /* PB3, PB4 */
    chip->crc = 0xFFFFFFFF;
    chip->is_iwdg_running = !(chip->fl.obr & 1u << 20);
    chip->is_iwdg_open = false;
    chip->iwdg_pr = 0;
    chip->iwdg_rlr = 0xFFF;
    chip->iwdg_left_ns = (uint64_t)4 * 0x1000 * 1000000000u / chip->options.lsi_hz;
}

/* ---- clocks ---- */

double periph_hclk_hz(const sim_chip *chip)
{
    static const uint16_t dividers[16] = {1, 1, 1, 1, 1, 1, 1, 1, 2, 4, 8, 16, 64, 128, 256, 512};
    const uint32_t cfgr = WORD(chip, RCC + RCC_CFGR);
    const unsigned range = WORD(chip, RCC + RCC_ICSCR) >> 13 & 7;
    double hz = 32768.0 * (double)(1u << (range + 1));
    switch (cfgr & 3) {
    case 1: hz = 16e6; break;
    case 2: hz = 8e6; break;
    case 3: hz = 32e6; break; /* whatever the factors: no one may go faster */
    default: break;
    }
    return hz / dividers[cfgr >> 4 & 0xF];
}

unsigned periph_vcore_range(const sim_chip *chip)
{
    const unsigned vos = WORD(chip, PWR) >> 11 & 3;
    return vos ? vos : 2;
}

bool periph_is_swd_mapped(const sim_chip *chip)
{
    return (chip->gpio[0].moder >> 26 & 0xF) == 0xA; /* PA13 and PA14 in alternate function */
}

/* ---- GPIO ---- */

static uint32_t output_bits(const gpio_port *port)
{
    uint32_t bits = 0;
    for (unsigned i = 0; i < 16; i++)
        if ((port->moder >> 2 * i & 3) == 1)
            bits |= port->odr & 1u << i;
    return bits;
}

static void gpio_write(gpio_port *port, uint32_t offset, uint32_t value)
{
    const uint32_t before = output_bits(port);
    switch (offset) {
    case MODER: port->moder = value; break;
    case ODR: port->odr = value & 0xFFFF; break;
    case BSRR: port->odr = (port->odr & ~(value >> 16)) | (value & 0xFFFF); break;
    case BRR: port->odr &= ~value; break;
    default: port->regs[offset / 4 % 16] = value; break;
    }
    const uint32_t changed = before ^ output_bits(port);
    for (unsigned i = 0; i < 16; i++)
        port->toggles[i] += changed >> i & 1;
}

static uint32_t gpio_read(const gpio_port *port, uint32_t offset)
{
    switch (offset) {
    case MODER: return port->moder;
    case ODR: return port->odr;
    case IDR: return output_bits(port);
    case BSRR: case BRR: return 0;
    default: return port->regs[offset / 4 % 16];
    }
}

bool sim_chip_pin_level(const sim_chip *chip, char port, unsigned pin)
{
    const int index = port_index(port);
    return index >= 0 && pin < 16 && output_bits(&chip->gpio[index]) >> pin & 1;
}

uint64_t sim_chip_pin_toggles(const sim_chip *chip, char port, unsigned pin)
{
    const int index = port_index(port);
    return index >= 0 && pin < 16 ? chip->gpio[index].toggles[pin] : 0;
}

/* ---- CRC ---- */

static uint32_t crc_feed(uint32_t crc, uint32_t word)
{
    static uint32_t table[256];
    if (!table[1])
        for (uint32_t i = 0; i < 256; i++) {
            uint32_t c = i << 24;
            for (unsigned k = 0; k < 8; k++)
                c = c & 0x80000000u ? c << 1 ^ 0x04C11DB7u : c << 1;
            table[i] = c;
        }
    crc ^= word;
    for (unsigned k = 0; k < 4; k++)
        crc = crc << 8 ^ table[crc >> 24];
    return crc;
}

/* ---- watchdog ---- */

static uint64_t iwdg_period_ns(const sim_chip *chip)
{
    const unsigned pr = chip->iwdg_pr < 6 ? chip->iwdg_pr : 6;
    return (uint64_t)(4u << pr) * (chip->iwdg_rlr + 1) * 1000000000u / chip->options.lsi_hz;
}

uint64_t periph_iwdg_ns(const sim_chip *chip)
{
    if (!chip->is_iwdg_running || (chip->core.is_halted && chip->dbg_apb1_fz & 1u << 12))
        return NEVER_NS;
    return chip->iwdg_left_ns;
}

void periph_pass(sim_chip *chip, uint64_t ns)
{
    if (periph_iwdg_ns(chip) != NEVER_NS)
        chip->iwdg_left_ns = chip->iwdg_left_ns > ns ? chip->iwdg_left_ns - ns : 0;
}

static void iwdg_write(sim_chip *chip, uint32_t offset, uint32_t value)
{
    if (offset == 0) {
        chip->is_iwdg_open = value == 0x5555;
        if (value == 0xCCCC)
            chip->is_iwdg_running = true;
        if (value == 0xAAAA || value == 0xCCCC)
            chip->iwdg_left_ns = iwdg_period_ns(chip);
    } else if (chip->is_iwdg_open && offset == 4) {
        chip->iwdg_pr = value & 7;
    } else if (chip->is_iwdg_open && offset == 8) {
        chip->iwdg_rlr = value & 0xFFF;
    }
}

/* ---- all of them ---- */

bus_result periph_read(sim_chip *chip, uint32_t addr, uint32_t *value)
{
    if (!exists(addr))
        return BUS_ERROR;
    *value = WORD(chip, addr);
    if (addr - FLASHR < 0x400)
        return flash_reg_read(chip, addr - FLASHR, value);
    if (addr - GPIO < 0x2000)
        *value = gpio_read(&chip->gpio[(addr - GPIO) / 0x400], addr & 0x3FF);
    if (addr - IWDG < 0x10) {
        const uint32_t values[4] = {0, chip->iwdg_pr, chip->iwdg_rlr, 0};
        *value = values[(addr - IWDG) / 4];
    }
    if (addr == CRC)
        *value = chip->crc;
    if (addr == RCC + RCC_CR) { /* each oscillator is ready at once */
        *value &= ~0x02020202u;
        *value |= (*value & 0x01010101u) << 1;
    }
    if (addr == RCC + RCC_CFGR)
        *value = (*value & ~0xCu) | (*value & 3) << 2;
    if (addr == RCC + RCC_CSR)
        *value = chip->reset_flags | (*value & 3) | (*value & 1) << 1;
    return BUS_OK;
}

bus_result periph_write(sim_chip *chip, uint32_t addr, uint32_t value)
{
    if (!exists(addr))
        return BUS_ERROR;
    if (addr - FLASHR < 0x400)
        return flash_reg_write(chip, addr - FLASHR, value);
    if (addr - IWDG < 0x400) {
        iwdg_write(chip, addr - IWDG, value);
        return BUS_OK;
    }
    if (addr - GPIO < 0x2000) {
        gpio_write(&chip->gpio[(addr - GPIO) / 0x400], addr & 0x3FF, value);
        return BUS_OK;
    }
    if (addr - CRC < 0x400) {
        if (!(WORD(chip, RCC + RCC_AHBENR) & 1u << 12))
            return BUS_OK; /* no clock */
        if (addr == CRC)
            chip->crc = crc_feed(chip->crc, value);
        else if (addr == CRC + 8 && value & 1)
            chip->crc = 0xFFFFFFFF;
        return BUS_OK;
    }
    if (addr == RCC + RCC_CSR && value & 1u << 24)
        chip->reset_flags = 0;
    WORD(chip, addr) = value;
    if (addr == RCC + RCC_CFGR || addr == RCC + RCC_ICSCR) { /* the clock of a running slice changes */
        chip->core.is_stop_requested = true;
    }
    return BUS_OK;
}
