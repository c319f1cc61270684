/* core/image/crc_catalogue.c: every model of the CRC catalogue, by name and alias.
 * Source: Greg Cook, Catalogue of parametrised CRC algorithms, reveng.sourceforge.io/crc-catalogue;
 * the STM32 unit: RM0038 rev 17, chapter 4, its check value computed from the rules there. */
#include "stl/crc.h"

#include <strings.h>

#define LOW(digits) UINT64_C(0x##digits)

/* name, width, poly, init, xorout, refin, refout, check */
#define MODEL(name, width, poly, init, xorout, refin, refout, check)                               \
    {                                                                                              \
        name, width, LOW(poly), LOW(init), LOW(xorout), refin, refout, 1, LOW(check), 0, 0, 0, 0   \
    }

/* clang-format off: a table reads by columns */
static const stl_crc_model models[] = {
    MODEL("CRC-3/GSM", 3, 3, 0, 7, false, false, 4),
    MODEL("CRC-3/ROHC", 3, 3, 7, 0, true, true, 6),
    MODEL("CRC-4/G-704", 4, 3, 0, 0, true, true, 7),
    MODEL("CRC-4/INTERLAKEN", 4, 3, f, f, false, false, b),
    MODEL("CRC-5/EPC-C1G2", 5, 09, 09, 00, false, false, 00),
    MODEL("CRC-5/G-704", 5, 15, 00, 00, true, true, 07),
    MODEL("CRC-5/USB", 5, 05, 1f, 1f, true, true, 19),
    MODEL("CRC-6/CDMA2000-A", 6, 27, 3f, 00, false, false, 0d),
    MODEL("CRC-6/CDMA2000-B", 6, 07, 3f, 00, false, false, 3b),
    MODEL("CRC-6/DARC", 6, 19, 00, 00, true, true, 26),
    MODEL("CRC-6/G-704", 6, 03, 00, 00, true, true, 06),
    MODEL("CRC-6/GSM", 6, 2f, 00, 3f, false, false, 13),
    MODEL("CRC-7/MMC", 7, 09, 00, 00, false, false, 75),
    MODEL("CRC-7/ROHC", 7, 4f, 7f, 00, true, true, 53),
    MODEL("CRC-7/UMTS", 7, 45, 00, 00, false, false, 61),
    MODEL("CRC-8/AUTOSAR", 8, 2f, ff, ff, false, false, df),
    MODEL("CRC-8/BLUETOOTH", 8, a7, 00, 00, true, true, 26),
    MODEL("CRC-8/CDMA2000", 8, 9b, ff, 00, false, false, da),
    MODEL("CRC-8/DARC", 8, 39, 00, 00, true, true, 15),
    MODEL("CRC-8/DVB-S2", 8, d5, 00, 00, false, false, bc),
    MODEL("CRC-8/GSM-A", 8, 1d, 00, 00, false, false, 37),
    MODEL("CRC-8/GSM-B", 8, 49, 00, ff, false, false, 94),
    MODEL("CRC-8/HITAG", 8, 1d, ff, 00, false, false, b4),
    MODEL("CRC-8/I-432-1", 8, 07, 00, 55, false, false, a1),
    MODEL("CRC-8/I-CODE", 8, 1d, fd, 00, false, false, 7e),
    MODEL("CRC-8/LTE", 8, 9b, 00, 00, false, false, ea),
    MODEL("CRC-8/MAXIM-DOW", 8, 31, 00, 00, true, true, a1),
    MODEL("CRC-8/MIFARE-MAD", 8, 1d, c7, 00, false, false, 99),
    MODEL("CRC-8/NRSC-5", 8, 31, ff, 00, false, false, f7),
    MODEL("CRC-8/OPENSAFETY", 8, 2f, 00, 00, false, false, 3e),
    MODEL("CRC-8/ROHC", 8, 07, ff, 00, true, true, d0),
    MODEL("CRC-8/SAE-J1850", 8, 1d, ff, ff, false, false, 4b),
    MODEL("CRC-8/SMBUS", 8, 07, 00, 00, false, false, f4),
    MODEL("CRC-8/TECH-3250", 8, 1d, ff, 00, true, true, 97),
    MODEL("CRC-8/WCDMA", 8, 9b, 00, 00, true, true, 25),
    MODEL("CRC-10/ATM", 10, 233, 000, 000, false, false, 199),
    MODEL("CRC-10/CDMA2000", 10, 3d9, 3ff, 000, false, false, 233),
    MODEL("CRC-10/GSM", 10, 175, 000, 3ff, false, false, 12a),
    MODEL("CRC-11/FLEXRAY", 11, 385, 01a, 000, false, false, 5a3),
    MODEL("CRC-11/UMTS", 11, 307, 000, 000, false, false, 061),
    MODEL("CRC-12/CDMA2000", 12, f13, fff, 000, false, false, d4d),
    MODEL("CRC-12/DECT", 12, 80f, 000, 000, false, false, f5b),
    MODEL("CRC-12/GSM", 12, d31, 000, fff, false, false, b34),
    MODEL("CRC-12/UMTS", 12, 80f, 000, 000, false, true, daf),
    MODEL("CRC-13/BBC", 13, 1cf5, 0000, 0000, false, false, 04fa),
    MODEL("CRC-14/DARC", 14, 0805, 0000, 0000, true, true, 082d),
    MODEL("CRC-14/GSM", 14, 202d, 0000, 3fff, false, false, 30ae),
    MODEL("CRC-15/CAN", 15, 4599, 0000, 0000, false, false, 059e),
    MODEL("CRC-15/MPT1327", 15, 6815, 0000, 0001, false, false, 2566),
    MODEL("CRC-16/ARC", 16, 8005, 0000, 0000, true, true, bb3d),
    MODEL("CRC-16/CDMA2000", 16, c867, ffff, 0000, false, false, 4c06),
    MODEL("CRC-16/CMS", 16, 8005, ffff, 0000, false, false, aee7),
    MODEL("CRC-16/DDS-110", 16, 8005, 800d, 0000, false, false, 9ecf),
    MODEL("CRC-16/DECT-R", 16, 0589, 0000, 0001, false, false, 007e),
    MODEL("CRC-16/DECT-X", 16, 0589, 0000, 0000, false, false, 007f),
    MODEL("CRC-16/DNP", 16, 3d65, 0000, ffff, true, true, ea82),
    MODEL("CRC-16/EN-13757", 16, 3d65, 0000, ffff, false, false, c2b7),
    MODEL("CRC-16/GENIBUS", 16, 1021, ffff, ffff, false, false, d64e),
    MODEL("CRC-16/GSM", 16, 1021, 0000, ffff, false, false, ce3c),
    MODEL("CRC-16/IBM-3740", 16, 1021, ffff, 0000, false, false, 29b1),
    MODEL("CRC-16/IBM-SDLC", 16, 1021, ffff, ffff, true, true, 906e),
    MODEL("CRC-16/ISO-IEC-14443-3-A", 16, 1021, c6c6, 0000, true, true, bf05),
    MODEL("CRC-16/KERMIT", 16, 1021, 0000, 0000, true, true, 2189),
    MODEL("CRC-16/LJ1200", 16, 6f63, 0000, 0000, false, false, bdf4),
    MODEL("CRC-16/M17", 16, 5935, ffff, 0000, false, false, 772b),
    MODEL("CRC-16/MAXIM-DOW", 16, 8005, 0000, ffff, true, true, 44c2),
    MODEL("CRC-16/MCRF4XX", 16, 1021, ffff, 0000, true, true, 6f91),
    MODEL("CRC-16/MODBUS", 16, 8005, ffff, 0000, true, true, 4b37),
    MODEL("CRC-16/NRSC-5", 16, 080b, ffff, 0000, true, true, a066),
    MODEL("CRC-16/OPENSAFETY-A", 16, 5935, 0000, 0000, false, false, 5d38),
    MODEL("CRC-16/OPENSAFETY-B", 16, 755b, 0000, 0000, false, false, 20fe),
    MODEL("CRC-16/PROFIBUS", 16, 1dcf, ffff, ffff, false, false, a819),
    MODEL("CRC-16/RIELLO", 16, 1021, b2aa, 0000, true, true, 63d0),
    MODEL("CRC-16/SPI-FUJITSU", 16, 1021, 1d0f, 0000, false, false, e5cc),
    MODEL("CRC-16/T10-DIF", 16, 8bb7, 0000, 0000, false, false, d0db),
    MODEL("CRC-16/TELEDISK", 16, a097, 0000, 0000, false, false, 0fb3),
    MODEL("CRC-16/TMS37157", 16, 1021, 89ec, 0000, true, true, 26b1),
    MODEL("CRC-16/UMTS", 16, 8005, 0000, 0000, false, false, fee8),
    MODEL("CRC-16/USB", 16, 8005, ffff, ffff, true, true, b4c8),
    MODEL("CRC-16/XMODEM", 16, 1021, 0000, 0000, false, false, 31c3),
    MODEL("CRC-17/CAN-FD", 17, 1685b, 00000, 00000, false, false, 04f03),
    MODEL("CRC-21/CAN-FD", 21, 102899, 000000, 000000, false, false, 0ed841),
    MODEL("CRC-24/BLE", 24, 00065b, 555555, 000000, true, true, c25a56),
    MODEL("CRC-24/FLEXRAY-A", 24, 5d6dcb, fedcba, 000000, false, false, 7979bd),
    MODEL("CRC-24/FLEXRAY-B", 24, 5d6dcb, abcdef, 000000, false, false, 1f23b8),
    MODEL("CRC-24/INTERLAKEN", 24, 328b63, ffffff, ffffff, false, false, b4f3e6),
    MODEL("CRC-24/LTE-A", 24, 864cfb, 000000, 000000, false, false, cde703),
    MODEL("CRC-24/LTE-B", 24, 800063, 000000, 000000, false, false, 23ef52),
    MODEL("CRC-24/OPENPGP", 24, 864cfb, b704ce, 000000, false, false, 21cf02),
    MODEL("CRC-24/OS-9", 24, 800063, ffffff, ffffff, false, false, 200fa5),
    MODEL("CRC-30/CDMA", 30, 2030b9c7, 3fffffff, 3fffffff, false, false, 04c34abf),
    MODEL("CRC-31/PHILIPS", 31, 04c11db7, 7fffffff, 7fffffff, false, false, 0ce9e46c),
    MODEL("CRC-32/AIXM", 32, 814141ab, 00000000, 00000000, false, false, 3010bf7f),
    MODEL("CRC-32/AUTOSAR", 32, f4acfb13, ffffffff, ffffffff, true, true, 1697d06a),
    MODEL("CRC-32/BASE91-D", 32, a833982b, ffffffff, ffffffff, true, true, 87315576),
    MODEL("CRC-32/BZIP2", 32, 04c11db7, ffffffff, ffffffff, false, false, fc891918),
    MODEL("CRC-32/CD-ROM-EDC", 32, 8001801b, 00000000, 00000000, true, true, 6ec2edc4),
    MODEL("CRC-32/CKSUM", 32, 04c11db7, 00000000, ffffffff, false, false, 765e7680),
    MODEL("CRC-32/ISCSI", 32, 1edc6f41, ffffffff, ffffffff, true, true, e3069283),
    MODEL("CRC-32/ISO-HDLC", 32, 04c11db7, ffffffff, ffffffff, true, true, cbf43926),
    MODEL("CRC-32/JAMCRC", 32, 04c11db7, ffffffff, 00000000, true, true, 340bc6d9),
    MODEL("CRC-32/MEF", 32, 741b8cd7, ffffffff, 00000000, true, true, d2c22f51),
    MODEL("CRC-32/MPEG-2", 32, 04c11db7, ffffffff, 00000000, false, false, 0376e6e7),
    MODEL("CRC-32/XFER", 32, 000000af, 00000000, 00000000, false, false, bd0be338),
    MODEL("CRC-40/GSM", 40, 0004820009, 0000000000, ffffffffff, false, false, d4164fc646),
    MODEL("CRC-64/ECMA-182", 64, 42f0e1eba9ea3693, 0000000000000000, 0000000000000000, false, false,
          6c40df5f0b497347),
    MODEL("CRC-64/GO-ISO", 64, 000000000000001b, ffffffffffffffff, ffffffffffffffff, true, true,
          b90956c775a41001),
    MODEL("CRC-64/MS", 64, 259c84cba6426349, ffffffffffffffff, 0000000000000000, true, true,
          75d4b74f024eceea),
    MODEL("CRC-64/NVME", 64, ad93d23594c93659, ffffffffffffffff, ffffffffffffffff, true, true,
          ae8b14860a799888),
    MODEL("CRC-64/REDIS", 64, ad93d23594c935a9, 0000000000000000, 0000000000000000, true, true,
          e9c6d914c4b8d9ca),
    MODEL("CRC-64/WE", 64, 42f0e1eba9ea3693, ffffffffffffffff, ffffffffffffffff, false, false,
          62ec59e3f1a4f00a),
    MODEL("CRC-64/XZ", 64, 42f0e1eba9ea3693, ffffffffffffffff, ffffffffffffffff, true, true,
          995dc9bbdf1939fa),
    {"CRC-82/DARC", 82, LOW(0111011401440411), LOW(0), LOW(0), true, true, 1, LOW(3f625023801fd612),
     0x308c, 0x0, 0x0, 0x9ea8},
    /* Words of 32 bits, most significant byte first; the check is of "12345678", two words. */
    {"CRC-32/STM32", 32, LOW(04c11db7), LOW(ffffffff), 0, false, false, 4, LOW(fefc54f9), 0, 0, 0,
     0},
};

static const struct {
    const char *alias, *model;
} aliases[] = {
    {"CRC-4", "CRC-4/G-704"},
    {"CRC-5/EPC", "CRC-5/EPC-C1G2"},
    {"CRC-5/ITU", "CRC-5/G-704"},
    {"CRC-6/ITU", "CRC-6/G-704"},
    {"CRC-7", "CRC-7/MMC"},
    {"CRC-8", "CRC-8/SMBUS"},
    {"CRC-8/MAXIM", "CRC-8/MAXIM-DOW"},
    {"DOW-CRC", "CRC-8/MAXIM-DOW"},
    {"CRC-8/ITU", "CRC-8/I-432-1"},
    {"CRC-8/AES", "CRC-8/TECH-3250"},
    {"CRC-8/EBU", "CRC-8/TECH-3250"},
    {"SAE-J1850", "CRC-8/SAE-J1850"},
    {"CRC-10", "CRC-10/ATM"},
    {"CRC-10/I-610", "CRC-10/ATM"},
    {"CRC-11", "CRC-11/FLEXRAY"},
    {"X-CRC-12", "CRC-12/DECT"},
    {"CRC-12/3GPP", "CRC-12/UMTS"},
    {"CRC-15", "CRC-15/CAN"},
    {"CRC-16", "CRC-16/ARC"},
    {"ARC", "CRC-16/ARC"},
    {"CRC-IBM", "CRC-16/ARC"},
    {"CRC-16/LHA", "CRC-16/ARC"},
    {"CRC-16/IBM", "CRC-16/ARC"},
    {"CRC-16/BUYPASS", "CRC-16/UMTS"},
    {"BUYPASS", "CRC-16/UMTS"},
    {"CRC-16/VERIFONE", "CRC-16/UMTS"},
    {"CCITT-FALSE", "CRC-16/IBM-3740"},
    {"CRC-16/CCITT-FALSE", "CRC-16/IBM-3740"},
    {"CRC-16/AUTOSAR", "CRC-16/IBM-3740"},
    {"XMODEM", "CRC-16/XMODEM"},
    {"ZMODEM", "CRC-16/XMODEM"},
    {"CRC-16/ZMODEM", "CRC-16/XMODEM"},
    {"CRC-16/ACORN", "CRC-16/XMODEM"},
    {"CRC-16/LTE", "CRC-16/XMODEM"},
    {"CRC-16/V-41-MSB", "CRC-16/XMODEM"},
    {"CRC-16/AUG-CCITT", "CRC-16/SPI-FUJITSU"},
    {"AUG-CCITT", "CRC-16/SPI-FUJITSU"},
    {"CRC-16/1D0F", "CRC-16/SPI-FUJITSU"},
    {"KERMIT", "CRC-16/KERMIT"},
    {"CRC-16/CCITT", "CRC-16/KERMIT"},
    {"CRC-CCITT", "CRC-16/KERMIT"},
    {"CRC-16/CCITT-TRUE", "CRC-16/KERMIT"},
    {"CRC-16/BLUETOOTH", "CRC-16/KERMIT"},
    {"CRC-16/V-41-LSB", "CRC-16/KERMIT"},
    {"X-25", "CRC-16/IBM-SDLC"},
    {"CRC-16/X-25", "CRC-16/IBM-SDLC"},
    {"CRC-B", "CRC-16/IBM-SDLC"},
    {"CRC-16/ISO-HDLC", "CRC-16/IBM-SDLC"},
    {"CRC-16/ISO-IEC-14443-3-B", "CRC-16/IBM-SDLC"},
    {"CRC-A", "CRC-16/ISO-IEC-14443-3-A"},
    {"MAVLINK", "CRC-16/MCRF4XX"},
    {"CRC-16/DARC", "CRC-16/GENIBUS"},
    {"CRC-16/EPC", "CRC-16/GENIBUS"},
    {"CRC-16/EPC-C1G2", "CRC-16/GENIBUS"},
    {"CRC-16/I-CODE", "CRC-16/GENIBUS"},
    {"MODBUS", "CRC-16/MODBUS"},
    {"CRC-16/MAXIM", "CRC-16/MAXIM-DOW"},
    {"R-CRC-16", "CRC-16/DECT-R"},
    {"X-CRC-16", "CRC-16/DECT-X"},
    {"CRC-16/IEC-61158-2", "CRC-16/PROFIBUS"},
    {"CRC-24", "CRC-24/OPENPGP"},
    {"CRC-32", "CRC-32/ISO-HDLC"},
    {"CRC-32/ADCCP", "CRC-32/ISO-HDLC"},
    {"CRC-32/V-42", "CRC-32/ISO-HDLC"},
    {"CRC-32/XZ", "CRC-32/ISO-HDLC"},
    {"PKZIP", "CRC-32/ISO-HDLC"},
    {"ZLIB", "CRC-32/ISO-HDLC"},
    {"ETHERNET", "CRC-32/ISO-HDLC"},
    {"CRC-32C", "CRC-32/ISCSI"},
    {"CASTAGNOLI", "CRC-32/ISCSI"},
    {"CRC-32/CASTAGNOLI", "CRC-32/ISCSI"},
    {"CRC-32/BASE91-C", "CRC-32/ISCSI"},
    {"CRC-32/INTERLAKEN", "CRC-32/ISCSI"},
    {"CRC-32D", "CRC-32/BASE91-D"},
    {"CRC-32Q", "CRC-32/AIXM"},
    {"CRC-32/AAL5", "CRC-32/BZIP2"},
    {"CRC-32/DECT-B", "CRC-32/BZIP2"},
    {"B-CRC-32", "CRC-32/BZIP2"},
    {"BZIP2", "CRC-32/BZIP2"},
    {"CKSUM", "CRC-32/CKSUM"},
    {"CRC-32/POSIX", "CRC-32/CKSUM"},
    {"JAMCRC", "CRC-32/JAMCRC"},
    {"MPEG-2", "CRC-32/MPEG-2"},
    {"XFER", "CRC-32/XFER"},
    {"STM32", "CRC-32/STM32"},
    {"STM32-HW", "CRC-32/STM32"},
    {"CRC-64", "CRC-64/ECMA-182"},
    {"CRC-64/GO-ECMA", "CRC-64/XZ"},
};
/* clang-format on */

#define COUNT_OF(array) (sizeof(array) / sizeof *(array))

size_t stl_crc_model_count(void)
{
    return COUNT_OF(models);
}

const stl_crc_model *stl_crc_model_at(size_t index)
{
    return index < COUNT_OF(models) ? &models[index] : NULL;
}

bool stl_crc_alias_at(size_t index, const char **alias, const char **model)
{
    if (index >= COUNT_OF(aliases))
        return false;
    *alias = aliases[index].alias;
    *model = aliases[index].model;
    return true;
}

const stl_crc_model *stl_crc_find(const char *name)
{
    for (size_t i = 0; i < COUNT_OF(aliases); i++)
        if (!strcasecmp(name, aliases[i].alias))
            name = aliases[i].model;
    for (size_t i = 0; i < COUNT_OF(models); i++)
        if (!strcasecmp(name, models[i].name))
            return &models[i];
    return NULL;
}
