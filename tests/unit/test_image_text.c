/* tests/unit/test_image_text.c: Intel HEX and S-records, sound and broken in every way. */
#include "test_image_support.h"

#define END ":00000001FF\n"

static stl_image *parsed(stl_image_format format, const char *text)
{
    stl_image *image = NULL;
    stl_error err;
    assert_ok(parse_as(format, "fw", text, strlen(text), &image, &err), &err);
    return image;
}

static void assert_holds(const stl_image *image, uint32_t addr, const char *text)
{
    uint8_t bytes[64];
    size_t missing = 0;
    stl_image_read(image, addr, bytes, strlen(text), 0, &missing);
    assert_int_equal(missing, 0);
    assert_memory_equal(bytes, text, strlen(text));
}

/* Every malformed text, the code it must give and what its message must say. */
typedef struct bad_text {
    const char *text;
    stl_code code;
    const char *message;
} bad_text;

static void assert_refused(stl_image_format format, const char *name, const bad_text *bad,
                           size_t count)
{
    for (size_t i = 0; i < count; i++) {
        stl_image *image = (stl_image *)&image; /* must become NULL */
        stl_error err = {0};
        const stl_code code =
            parse_as(format, name, bad[i].text, strlen(bad[i].text), &image, &err);
        if (!code)
            fail_msg("accepted: %s", bad[i].text);
        assert_null(image);
        assert_message(&err, bad[i].code, bad[i].message);
        if (!err.hint || !*err.hint)
            fail_msg("no hint: %s", error_line(&err));
    }
}

static void hex_of_every_record_type_is_read(void **state)
{
    (void)state;
    stl_image *image = parsed(STL_IMAGE_AUTO, ":020000040800F2\r\n"
                                              ":040000006162636472\r\n"
                                              ":00001000F0\r\n" /* no bytes: allowed */
                                              ":0400000508000101ED\r\n" END);
    uint32_t entry = 0;
    assert_string_equal(stl_image_format_name(image), "Intel HEX");
    assert_holds(image, 0x08000000, "abcd");
    assert_int_equal(stl_image_byte_count(image), 4);
    assert_true(stl_image_has_entry(image, &entry));
    assert_int_equal(entry, 0x08000101);
    stl_image_free(image);

    image = parsed(STL_IMAGE_AUTO, ":0400000312340010A3\n:0100000041BE\n" END);
    assert_true(stl_image_has_entry(image, &entry));
    assert_int_equal(entry, 0x12350); /* CS:IP 1234:0010 */
    stl_image_free(image);
}

static void any_line_end_blanks_and_lower_case_are_fine(void **state)
{
    (void)state;
    static const char *const texts[] = {
        ":040000006162636472\n:00000001ff\n",
        ":040000006162636472\r:00000001FF\r",
        ":040000006162636472\r\n:00000001FF",
        "\n\n  :040000006162636472  \t\r\n\r\n:00000001FF \n\n  \n\x1A",
        "\xEF\xBB\xBF:040000006162636472\n:00000001FF\n",
        "S1070000616263646E\nS9030000FC\n",
        "\r\nS1070000616263646e  \r\nS9030000fc\r\n\r\n",
    };
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        stl_image *image = parsed(STL_IMAGE_AUTO, texts[i]);
        assert_holds(image, 0, "abcd");
        assert_int_equal(stl_image_byte_count(image), 4);
        stl_image_free(image);
    }
}

/* Intel's specification, page 9: under a type 02 record the offset wraps at 64 KiB. */
static void hex_wraps_inside_a_segment_and_runs_on_under_a_linear_address(void **state)
{
    (void)state;
    stl_image *image = parsed(STL_IMAGE_HEX, ":020000021000EC\n:04FFFE006162636475\n" END);
    assert_holds(image, 0x1FFFE, "ab");
    assert_holds(image, 0x10000, "cd");
    assert_int_equal(stl_image_segment_count(image), 2);
    stl_image_free(image);

    image = parsed(STL_IMAGE_HEX, ":020000040001F9\n:04FFFE006162636475\n" END);
    assert_holds(image, 0x1FFFE, "abcd");
    stl_image_free(image);

    image = parsed(STL_IMAGE_HEX, ":02000004FFFFFC\n:04FFFC006162636477\n" END);
    assert_holds(image, 0xFFFFFFFC, "abcd");
    stl_image_free(image);
}

static void records_in_any_order_become_sorted_segments(void **state)
{
    (void)state;
    stl_image *image = parsed(STL_IMAGE_HEX, ":02001000656623\n:040000006162636472\n"
                                             ":0200040065662F\n" END);
    assert_int_equal(stl_image_segment_count(image), 2);
    assert_holds(image, 0, "abcdef");
    assert_holds(image, 0x10, "ef");
    stl_image_free(image);
}

static void broken_hex_is_refused_with_its_line(void **state)
{
    (void)state;
    static const bad_text bad[] = {
        {":040000006162636473\n" END, STL_E_FORMAT, "fw.hex:1: checksum is 0x73, should be 0x72"},
        {":040000006162636472\n\n:04000400616263656E\n" END, STL_E_FORMAT,
         "fw.hex:3: checksum is 0x6E, should be 0x6D"},
        {":040000006162636472\r\n:04000400616263646F\r\n" END, STL_E_FORMAT, "fw.hex:2: checksum"},
        {":0400000061626364F\n" END, STL_E_FORMAT, "fw.hex:1: odd number of hex digits (17)"},
        {":04000000616263F2\n" END, STL_E_FORMAT, "fw.hex:1: record of 8 bytes, should be 9"},
        {":04000000616263646572\n" END, STL_E_FORMAT, "record of 10 bytes, should be 9"},
        {":040000006162636472:00000001FF\n", STL_E_FORMAT, "fw.hex:1: ':' in column 20"},
        {"  :04000000616263G472\n" END, STL_E_FORMAT, "fw.hex:1: 'G' in column 18 is not"},
        {":040000006162636472\n:0400\x01"
         "0\n" END,
         STL_E_FORMAT, "byte 0x01 in column 6"},
        {":040000006162636472\n:\n" END, STL_E_FORMAT, "fw.hex:2: record of 0 bytes, should be 5"},
        {":040000006162636472\n; done\n" END, STL_E_FORMAT, "fw.hex:2: a record starts with ':'"},
        {":04000006616263646C\n" END, STL_E_FORMAT, "fw.hex:1: unknown record type 06"},
        {":04000004616263646E\n" END, STL_E_FORMAT,
         "record type 04 has 4 data bytes, should have 2"},
        {":0100000100FE\n", STL_E_FORMAT, "record type 01 has 1 data bytes, should have 0"},
        {":040000006162636472\n", STL_E_FORMAT, "fw.hex:1: no end-of-file record (type 01)"},
        {":040000006162636472\n" END END, STL_E_FORMAT, "fw.hex:3: text after the end-of-file"},
        {":040000006162636472\n" END ":04000400616263646E\n", STL_E_FORMAT, "fw.hex:3: text after"},
        {":040000006162636472\n" END "garbage", STL_E_FORMAT, "fw.hex:3: text after"},
        {":04FFFE006162636475\n" END, STL_E_FORMAT, "fw.hex:1: data runs past 0xFFFF"},
        {":02000004FFFFFC\n:04FFFE006162636475\n" END, STL_E_FORMAT,
         "fw.hex:2: data runs past 0xFFFFFFFF"},
        {END, STL_E_FORMAT, "fw.hex: well formed, but holds no data bytes"},
        {":020000040800F2\n" END, STL_E_FORMAT, "holds no data bytes"},
        {"", STL_E_FORMAT, "fw.hex: the file is empty"},
        {"\r\n \r\n", STL_E_FORMAT, "no end-of-file record"},
    };
    assert_refused(STL_IMAGE_HEX, "fw.hex", bad, sizeof bad / sizeof *bad);
    assert_refused(STL_IMAGE_AUTO, "fw.hex", bad, 5); /* detection hands over, too */
}

static void overlapping_records_name_both_lines(void **state)
{
    (void)state;
    static const bad_text hex[] = {
        {":040000006162636472\n:04000800616263646A\n:04000300616263646F\n" END, STL_E_OVERLAP,
         "fw:3: address 0x00000003 is set already by line 1"},
        {":040000006162636472\n:040000006162636472\n" END, STL_E_OVERLAP,
         "fw:2: address 0x00000000 is set already by line 1"},
        {":020000040800F2\n:040010006162636462\n:04000E006162636464\n" END, STL_E_OVERLAP,
         "fw:3: address 0x08000010 is set already by line 2"},
    };
    static const bad_text srec[] = {
        {"S1070000616263646E\nS10400026195\nS9030000FC\n", STL_E_FORMAT, "checksum"},
        {"S1070000616263646E\nS10400026198\nS9030000FC\n", STL_E_OVERLAP,
         "fw:2: address 0x00000002 is set already by line 1"},
    };
    assert_refused(STL_IMAGE_HEX, "fw", hex, sizeof hex / sizeof *hex);
    assert_refused(STL_IMAGE_SREC, "fw", srec, sizeof srec / sizeof *srec);
    stl_image *image = NULL;
    stl_error err;
    assert_int_equal(parse_as(STL_IMAGE_HEX, "fw", hex[2].text, strlen(hex[2].text), &image, &err),
                     STL_E_OVERLAP);
    assert_true(err.has_addr);
    assert_int_equal(err.addr, 0x08000010);
}

static void s_records_of_every_type_are_read(void **state)
{
    (void)state;
    stl_image *image = parsed(STL_IMAGE_AUTO, "S00600004844521B\n"
                                              "S1051000616227\n"
                                              "S206110000636421\n"
                                              "S30708000000656625\n"
                                              "S5030003F9\n"
                                              "S604000003F8\n"
                                              "S70508000101F0\n");
    uint32_t entry = 0;
    assert_string_equal(stl_image_format_name(image), "Motorola S-record");
    assert_holds(image, 0x1000, "ab");
    assert_holds(image, 0x110000, "cd");
    assert_holds(image, 0x08000000, "ef");
    assert_true(stl_image_has_entry(image, &entry));
    assert_int_equal(entry, 0x08000101);
    stl_image_free(image);

    image = parsed(STL_IMAGE_AUTO, "S1051000616227\nS9030000FC\n");
    assert_false(stl_image_has_entry(image, &entry)); /* 0 is what tools write for none */
    stl_image_free(image);
    image = parsed(STL_IMAGE_AUTO, "S1051000616227\nS804000100FA\n");
    assert_true(stl_image_has_entry(image, &entry));
    assert_int_equal(entry, 0x100);
    stl_image_free(image);
}

/* srec_cat writes none when there is no start address. */
static void a_right_count_at_the_end_stands_for_the_termination_record(void **state)
{
    (void)state;
    stl_image *image = parsed(STL_IMAGE_AUTO, "S1051000616227\nS5030001FB\n");
    assert_holds(image, 0x1000, "ab");
    stl_image_free(image);
}

static void broken_s_records_are_refused_with_their_line(void **state)
{
    (void)state;
#define DATA "S1051000616227\n"
#define S9   "S9030000FC\n"
    static const bad_text bad[] = {
        {"S1051000616228\n" S9, STL_E_FORMAT, "fw.s19:1: checksum is 0x28, should be 0x27"},
        {DATA "S10510006162\n" S9, STL_E_FORMAT, "fw.s19:2: record of 5 bytes, should be 6"},
        {DATA "S105100061622\n" S9, STL_E_FORMAT, "fw.s19:2: odd number of hex digits"},
        {DATA "S10510O0616227\n" S9, STL_E_FORMAT, "fw.s19:2: 'O' in column 7 is not a hex digit"},
        {DATA "S4051000616227\n" S9, STL_E_FORMAT, "fw.s19:2: unknown record type"},
        {DATA "SX\n" S9, STL_E_FORMAT, "fw.s19:2: unknown record type"},
        {DATA "S\n" S9, STL_E_FORMAT, "fw.s19:2: unknown record type"},
        {DATA "S1\n" S9, STL_E_FORMAT, "fw.s19:2: record of 0 bytes, should be 4"},
        {DATA "S10210ED\n" S9, STL_E_FORMAT, "fw.s19:2: count is 2, too small"},
        {DATA ":00000001FF\n", STL_E_FORMAT, "fw.s19:2: a record starts with 'S'"},
        {DATA, STL_E_FORMAT, "fw.s19:1: no termination record"},
        {DATA "S5030001FB\n"
              "S1051002616225\n",
         STL_E_FORMAT, "fw.s19:3: no termination record"},
        {DATA "S5030002FA\n" S9, STL_E_FORMAT,
         "fw.s19:2: S5 counts 2 data records, the file has 1"},
        {DATA "S604000000FB\n" S9, STL_E_FORMAT, "S6 counts 0 data records, the file has 1"},
        {DATA "S504000100FA\n" S9, STL_E_FORMAT, "an S5 record carries no data, this one 1"},
        {DATA "S904000000FB\n", STL_E_FORMAT, "an S9 record carries no data, this one 1"},
        {DATA S9 DATA, STL_E_FORMAT, "fw.s19:3: text after the termination record"},
        {DATA S9 S9, STL_E_FORMAT, "fw.s19:3: text after the termination record"},
        {"S307FFFFFFFF616239\n" S9, STL_E_FORMAT, "fw.s19:1: data runs past 0xFFFFFFFF"},
        {"S0030000FC\n" S9, STL_E_FORMAT, "holds no data bytes"},
        {"", STL_E_FORMAT, "fw.s19: the file is empty"},
    };
    assert_refused(STL_IMAGE_SREC, "fw.s19", bad, sizeof bad / sizeof *bad);
    assert_refused(STL_IMAGE_AUTO, "fw.s19", bad, 5);
}

/* Cut anywhere, no text of ours is taken for a whole file. */
static void a_file_cut_at_any_byte_is_refused(void **state)
{
    (void)state;
    static const char hex[] = ":020000040800F2\n:040000006162636472\n:00000001FF";
    static const char srec[] = "S1070000616263646E\nS9030000FC";
    stl_image *image = NULL;
    stl_error err;
    for (size_t n = 0; n < sizeof hex - 1; n++)
        assert_int_equal(parse_as(STL_IMAGE_HEX, "fw", hex, n, &image, &err), STL_E_FORMAT);
    for (size_t n = 0; n < sizeof srec - 1; n++)
        assert_int_equal(parse_as(STL_IMAGE_SREC, "fw", srec, n, &image, &err), STL_E_FORMAT);
}

/* One wrong bit in a record is always seen: both checksums are sums, and digits and counts count.
 */
static void every_flipped_bit_is_noticed(void **state)
{
    (void)state;
    char text[] = ":020000040800F2\n:040000006162636472\n:00000001FF\n";
    stl_image *good = parsed(STL_IMAGE_HEX, text);
    for (size_t i = 0; i < sizeof text - 1; i++)
        for (unsigned bit = 0; bit < 8; bit++) {
            text[i] = (char)(text[i] ^ 1 << bit);
            stl_image *image = NULL;
            stl_error err;
            if (!parse_as(STL_IMAGE_HEX, "fw", text, sizeof text - 1, &image, &err))
                assert_images_equal(good, image); /* 'f' for 'F', CR for LF */
            stl_image_free(image);
            text[i] = (char)(text[i] ^ 1 << bit);
        }
    stl_image_free(good);
}

static void long_names_leave_room_for_the_message(void **state)
{
    (void)state;
    char name[600];
    memset(name, 'd', sizeof name);
    memcpy(name + sizeof name - 8, "/fw.hex", 8);
    stl_image *image = NULL;
    stl_error err;
    assert_int_equal(parse_as(STL_IMAGE_HEX, name, ":040000006162636473", 19, &image, &err),
                     STL_E_FORMAT);
    assert_message(&err, STL_E_FORMAT, "d/fw.hex:1: checksum is 0x73, should be 0x72");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hex_of_every_record_type_is_read),
        cmocka_unit_test(any_line_end_blanks_and_lower_case_are_fine),
        cmocka_unit_test(hex_wraps_inside_a_segment_and_runs_on_under_a_linear_address),
        cmocka_unit_test(records_in_any_order_become_sorted_segments),
        cmocka_unit_test(broken_hex_is_refused_with_its_line),
        cmocka_unit_test(overlapping_records_name_both_lines),
        cmocka_unit_test(s_records_of_every_type_are_read),
        cmocka_unit_test(a_right_count_at_the_end_stands_for_the_termination_record),
        cmocka_unit_test(broken_s_records_are_refused_with_their_line),
        cmocka_unit_test(a_file_cut_at_any_byte_is_refused),
        cmocka_unit_test(every_flipped_bit_is_noticed),
        cmocka_unit_test(long_names_leave_room_for_the_message),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
