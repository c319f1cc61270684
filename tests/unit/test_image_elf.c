/* tests/unit/test_image_elf.c: ELF built by hand, sound and broken; names by the linker's tables.
 */
#include "test_image_support.h"

#include <elf.h>

/* One file: header, two program headers, data, string table, symbols, section headers. */
typedef struct elf_file {
    Elf32_Ehdr header;
    Elf32_Phdr program[3];
    uint8_t text[16], data[8];
    char names[128];
    Elf32_Sym symbols[9];
    Elf32_Shdr sections[6];
} elf_file;

#define FLASH 0x08000000u
#define RAM   0x20000000u

static uint32_t name_of(const elf_file *f, const char *name)
{
    const size_t length = strlen(name) + 1;
    for (size_t i = 0; i + length <= sizeof f->names; i++)
        if (!memcmp(f->names + i, name, length))
            return (uint32_t)i;
    fail_msg("no name %s", name);
    return 0;
}

static Elf32_Sym symbol(const elf_file *f, const char *name, uint32_t value, uint32_t size,
                        unsigned bind, unsigned type, uint16_t section)
{
    return (Elf32_Sym){.st_name = name_of(f, name),
                       .st_value = value,
                       .st_size = size,
                       .st_info = (unsigned char)ELF32_ST_INFO(bind, type),
                       .st_shndx = section};
}

static void fill_symbols(elf_file *f)
{
    static const char names[] = "\0.text\0.data\0.bss\0.symtab\0.strtab\0main\0config\0counter\0"
                                "twice\0$t\0outside\0absolute";
    memcpy(f->names, names, sizeof names);
    f->symbols[1] = symbol(f, "main", FLASH + 9, 4, STB_GLOBAL, STT_FUNC, 1); /* Thumb bit set */
    f->symbols[2] = symbol(f, "config", RAM + 4, 4, STB_GLOBAL, STT_OBJECT, 2);
    f->symbols[3] = symbol(f, "counter", RAM + 8, 4, STB_LOCAL, STT_OBJECT, 3);
    f->symbols[4] = symbol(f, "twice", FLASH + 4, 2, STB_LOCAL, STT_OBJECT, 1);
    f->symbols[5] = symbol(f, "twice", FLASH + 6, 2, STB_LOCAL, STT_OBJECT, 1);
    f->symbols[6] = symbol(f, "$t", FLASH, 0, STB_LOCAL, STT_NOTYPE, 1);
    f->symbols[7] = symbol(f, "outside", 0, 0, STB_GLOBAL, STT_NOTYPE, SHN_UNDEF);
    f->symbols[8] = symbol(f, "absolute", 0x1234, 0, STB_GLOBAL, STT_NOTYPE, SHN_ABS);
}

static void fill_sections(elf_file *f)
{
    f->sections[1] = (Elf32_Shdr){name_of(f, ".text"),
                                  SHT_PROGBITS,
                                  SHF_ALLOC | SHF_EXECINSTR,
                                  FLASH,
                                  offsetof(elf_file, text),
                                  16,
                                  0,
                                  0,
                                  4,
                                  0};
    f->sections[2] = (Elf32_Shdr){name_of(f, ".data"),
                                  SHT_PROGBITS,
                                  SHF_ALLOC | SHF_WRITE,
                                  RAM,
                                  offsetof(elf_file, data),
                                  8,
                                  0,
                                  0,
                                  4,
                                  0};
    f->sections[3] = (Elf32_Shdr){name_of(f, ".bss"),
                                  SHT_NOBITS,
                                  SHF_ALLOC | SHF_WRITE,
                                  RAM + 8,
                                  offsetof(elf_file, names),
                                  64,
                                  0,
                                  0,
                                  4,
                                  0};
    f->sections[4] =
        (Elf32_Shdr){name_of(f, ".symtab"), SHT_SYMTAB, 0, 0, offsetof(elf_file, symbols),
                     sizeof f->symbols,     5,          1, 4, sizeof(Elf32_Sym)};
    f->sections[5] =
        (Elf32_Shdr){name_of(f, ".strtab"), SHT_STRTAB, 0, 0, offsetof(elf_file, names),
                     sizeof f->names,       0,          0, 1, 0};
}

static elf_file sound_elf(void)
{
    elf_file f = {0};
    memcpy(f.header.e_ident, ELFMAG, SELFMAG);
    f.header.e_ident[EI_CLASS] = ELFCLASS32;
    f.header.e_ident[EI_DATA] = ELFDATA2LSB;
    f.header.e_ident[EI_VERSION] = EV_CURRENT;
    f.header.e_type = ET_EXEC;
    f.header.e_machine = EM_ARM;
    f.header.e_version = EV_CURRENT;
    f.header.e_entry = FLASH + 9;
    f.header.e_phoff = offsetof(elf_file, program);
    f.header.e_shoff = offsetof(elf_file, sections);
    f.header.e_ehsize = sizeof f.header;
    f.header.e_phentsize = sizeof f.program[0];
    f.header.e_phnum = 3;
    f.header.e_shentsize = sizeof f.sections[0];
    f.header.e_shnum = 6;
    f.header.e_shstrndx = 5;
    /* .text where it runs; .data runs in RAM and is kept in flash, with .bss behind it in memory */
    f.program[0] =
        (Elf32_Phdr){PT_LOAD, offsetof(elf_file, text), FLASH, FLASH, 16, 16, PF_R | PF_X, 4};
    f.program[1] =
        (Elf32_Phdr){PT_LOAD, offsetof(elf_file, data), RAM, FLASH + 0x100, 8, 72, PF_R | PF_W, 4};
    f.program[2] = (Elf32_Phdr){PT_LOAD, 0, RAM + 0x1000, RAM + 0x1000, 0, 512, PF_R | PF_W, 4};
    memcpy(f.text, "0123456789abcdef", 16);
    memcpy(f.data, "DATAdata", 8);
    fill_symbols(&f);
    fill_sections(&f);
    return f;
}

static stl_image *parsed(const elf_file *f)
{
    stl_image *image = NULL;
    stl_error err;
    assert_ok(parse_as(STL_IMAGE_AUTO, "fw.elf", f, sizeof *f, &image, &err), &err);
    return image;
}

static void loadable_bytes_go_to_their_physical_addresses(void **state)
{
    (void)state;
    const elf_file f = sound_elf();
    stl_image *image = parsed(&f);
    uint32_t entry = 0;
    assert_string_equal(stl_image_format_name(image), "ELF");
    assert_int_equal(stl_image_segment_count(image), 2); /* nothing for .bss and the stack */
    assert_int_equal(stl_image_segment(image, 0).addr, FLASH);
    assert_int_equal(stl_image_segment(image, 0).byte_count, 16);
    assert_int_equal(stl_image_segment(image, 1).addr, FLASH + 0x100);
    assert_memory_equal(stl_image_segment(image, 1).bytes, "DATAdata", 8);
    assert_int_equal(stl_image_segment(image, 1).byte_count, 8);
    assert_true(stl_image_has_entry(image, &entry));
    assert_int_equal(entry, FLASH + 9);
    stl_image_free(image);
}

/* ld without -n: the first segment begins with the file's own headers, below the code. */
static void elf_headers_inside_a_segment_are_not_firmware(void **state)
{
    (void)state;
    elf_file f = sound_elf();
    f.program[0].p_offset = 0;
    f.program[0].p_paddr = f.program[0].p_vaddr = FLASH - offsetof(elf_file, text);
    f.program[0].p_filesz = f.program[0].p_memsz = offsetof(elf_file, text) + 16;
    stl_image *image = parsed(&f);
    assert_int_equal(stl_image_segment(image, 0).addr, FLASH);
    assert_int_equal(stl_image_segment(image, 0).byte_count, 16);
    assert_memory_equal(stl_image_segment(image, 0).bytes, "0123456789abcdef", 16);
    stl_image_free(image);
}

static void symbols_and_sections_are_found_by_name(void **state)
{
    (void)state;
    const elf_file f = sound_elf();
    stl_image *first = parsed(&f), *image = NULL;
    stl_error err;
    stl_image_name found;
    assert_ok(stl_image_copy(first, &image, &err), &err);
    stl_image_free(first); /* a copy keeps the names */

    assert_ok(stl_image_symbol(image, "main", &found, &err), &err);
    assert_int_equal(found.addr, FLASH + 8);
    assert_true(found.is_function && found.is_global && found.is_loaded);
    assert_ok(stl_image_symbol(image, "config", &found, &err), &err);
    assert_int_equal(found.addr, RAM + 4);
    assert_int_equal(found.load_addr, FLASH + 0x104);
    assert_int_equal(found.byte_count, 4);
    assert_ok(stl_image_symbol(image, "counter", &found, &err), &err);
    assert_false(found.is_loaded);
    assert_int_equal(found.load_addr, RAM + 8);
    assert_ok(stl_image_symbol(image, "absolute", &found, &err), &err);
    assert_int_equal(found.addr, 0x1234);
    assert_int_equal(stl_image_symbol_count(image), 6);
    assert_string_equal(stl_image_symbol_at(image, 0).name, "main");
    assert_string_equal(stl_image_symbol_at(image, 99).name, "");

    assert_ok(stl_image_section(image, ".data", &found, &err), &err);
    assert_int_equal(found.addr, RAM);
    assert_int_equal(found.load_addr, FLASH + 0x100);
    assert_int_equal(found.byte_count, 8);
    assert_ok(stl_image_section(image, ".bss", &found, &err), &err);
    assert_false(found.is_loaded);
    assert_int_equal(stl_image_section_count(image), 3);
    assert_string_equal(stl_image_section_at(image, 0).name, ".text");

    assert_int_equal(stl_image_symbol(image, "outside", &found, &err), STL_E_ARGUMENT);
    assert_message(&err, STL_E_ARGUMENT, "no symbol named outside");
    assert_int_equal(stl_image_symbol(image, "$t", &found, &err), STL_E_ARGUMENT);
    assert_int_equal(stl_image_symbol(image, "twice", &found, &err), STL_E_AMBIGUOUS);
    assert_message(&err, STL_E_AMBIGUOUS, "several symbols are named twice");
    stl_image_free(image);
}

static void a_global_symbol_goes_before_locals_of_its_name(void **state)
{
    (void)state;
    stl_image_name found;
    stl_error err;
    for (unsigned which = 4; which <= 5; which++) {
        elf_file f = sound_elf();
        f.symbols[which].st_info = ELF32_ST_INFO(STB_GLOBAL, STT_OBJECT);
        stl_image *image = parsed(&f);
        assert_ok(stl_image_symbol(image, "twice", &found, &err), &err);
        assert_int_equal(found.addr, f.symbols[which].st_value);
        stl_image_free(image);
    }
}

static void an_image_without_names_says_so(void **state)
{
    (void)state;
    elf_file f = sound_elf();
    f.header.e_shnum = f.header.e_shstrndx = 0;
    f.header.e_shoff = 0;
    stl_image *image = parsed(&f);
    stl_image_name found;
    stl_error err;
    assert_int_equal(stl_image_symbol(image, "main", &found, &err), STL_E_ARGUMENT);
    assert_non_null(strstr(err.hint, "not stripped"));
    stl_image_free(image);
}

static void assert_refused(const void *bytes, size_t count, stl_code code, const char *message)
{
    stl_image *image = NULL;
    stl_error err = {0};
    if (!parse_as(STL_IMAGE_ELF, "fw.elf", bytes, count, &image, &err))
        fail_msg("accepted, should be: %s", message);
    assert_null(image);
    assert_message(&err, code, message);
    assert_non_null(err.hint);
}

static void what_no_stm32_can_run_is_refused_in_plain_words(void **state)
{
    (void)state;
    elf_file f = sound_elf();
    f.header.e_ident[EI_CLASS] = ELFCLASS64;
    assert_refused(&f, sizeof f, STL_E_FORMAT, "fw.elf: offset 4: a 64-bit ELF");
    f.header.e_ident[EI_CLASS] = 9;
    assert_refused(&f, sizeof f, STL_E_FORMAT, "unknown ELF class 9");
    f = sound_elf();
    f.header.e_ident[EI_DATA] = ELFDATA2MSB;
    assert_refused(&f, sizeof f, STL_E_FORMAT, "not little-endian");
    f = sound_elf();
    f.header.e_machine = EM_386;
    assert_refused(&f, sizeof f, STL_E_FORMAT, "built for ELF machine 3, ARM is 40");
    f = sound_elf();
    f.header.e_type = ET_REL;
    assert_refused(&f, sizeof f, STL_E_FORMAT, "an object file (ET_REL), not linked yet");
    f.header.e_type = ET_DYN;
    assert_refused(&f, sizeof f, STL_E_FORMAT, "position-independent (ET_DYN)");
    f.header.e_type = ET_CORE;
    assert_refused(&f, sizeof f, STL_E_FORMAT, "ELF type 4");
    assert_refused("not an ELF at all", 17, STL_E_FORMAT, "fw.elf: offset 0: not an ELF file");
}

static void broken_program_headers_are_refused(void **state)
{
    (void)state;
    elf_file f = sound_elf();
    f.header.e_phnum = 0;
    assert_refused(&f, sizeof f, STL_E_FORMAT, "no program headers");
    f = sound_elf();
    f.header.e_phoff = sizeof f - 4;
    assert_refused(&f, sizeof f, STL_E_FORMAT, "program headers end at");
    f = sound_elf();
    f.header.e_phoff = 0xFFFFFFF0;
    assert_refused(&f, sizeof f, STL_E_FORMAT, "program headers end at");
    f = sound_elf();
    f.header.e_phentsize = 16;
    assert_refused(&f, sizeof f, STL_E_FORMAT, "program headers of 16 bytes, should be 32");
    f = sound_elf();
    f.program[1].p_offset = sizeof f - 4;
    assert_refused(&f, sizeof f, STL_E_FORMAT, "program header 1: bytes");
    f = sound_elf();
    f.program[1].p_offset = 0xFFFFFFFC; /* must not wrap */
    assert_refused(&f, sizeof f, STL_E_FORMAT, "lie outside the file");
    f = sound_elf();
    f.program[1].p_memsz = 4;
    assert_refused(&f, sizeof f, STL_E_FORMAT, "8 bytes in the file, 4 in memory");
    f = sound_elf();
    f.program[1].p_paddr = 0xFFFFFFFC;
    assert_refused(&f, sizeof f, STL_E_FORMAT, "run past 0xFFFFFFFF");
    f = sound_elf();
    f.program[1].p_paddr = FLASH + 8;
    assert_refused(&f, sizeof f, STL_E_OVERLAP,
                   "fw.elf: program headers 0 and 1 both load address 0x08000008");
    f = sound_elf();
    f.program[0].p_filesz = f.program[1].p_filesz = 0;
    assert_refused(&f, sizeof f, STL_E_FORMAT, "holds no data bytes");
}

static void an_elf_cut_at_any_byte_is_refused(void **state)
{
    (void)state;
    const elf_file f = sound_elf();
    for (size_t n = 1; n < sizeof f; n++) {
        uint8_t *exact = malloc(n); /* so that a sanitizer sees the first byte behind */
        memcpy(exact, &f, n);
        assert_refused(exact, n, STL_E_FORMAT, "fw.elf: ");
        free(exact);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(loadable_bytes_go_to_their_physical_addresses),
        cmocka_unit_test(elf_headers_inside_a_segment_are_not_firmware),
        cmocka_unit_test(symbols_and_sections_are_found_by_name),
        cmocka_unit_test(a_global_symbol_goes_before_locals_of_its_name),
        cmocka_unit_test(an_image_without_names_says_so),
        cmocka_unit_test(what_no_stm32_can_run_is_refused_in_plain_words),
        cmocka_unit_test(broken_program_headers_are_refused),
        cmocka_unit_test(an_elf_cut_at_any_byte_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
