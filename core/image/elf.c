/* core/image/elf.c: read the loadable bytes of an ELF executable for ARM.
 * Source: System V ABI edition 4.1, chapters 4 and 5; ELF for the Arm Architecture (EM_ARM). */
#include "image/parts.h"

#include <gelf.h>
#include <inttypes.h>
#include <string.h>

static const char cut_short[] = "the file is cut short: build or download it again";
static const char link_it[] = "give the linker's .elf, linked to fixed addresses";

/* Before libelf sees the file: what it would refuse without saying why. */
static stl_code check_ident(const stl_source *from, stl_error *err)
{
    const uint8_t *ident = from->bytes;
    if (from->byte_count < EI_NIDENT || memcmp(ident, ELFMAG, SELFMAG) != 0)
        return stl_fail(err, STL_E_FORMAT, "`file NAME` tells what it is",
                        "%s: offset 0: not an ELF file", from->name);
    if (ident[EI_CLASS] == ELFCLASS64)
        return stl_fail(err, STL_E_FORMAT, "was it built for this computer, not for the chip?",
                        "%s: offset 4: a 64-bit ELF; the target is a 32-bit ARM", from->name);
    if (ident[EI_CLASS] != ELFCLASS32)
        return stl_fail(err, STL_E_FORMAT, cut_short, "%s: offset 4: unknown ELF class %u",
                        from->name, ident[EI_CLASS]);
    if (ident[EI_DATA] != ELFDATA2LSB)
        return stl_fail(err, STL_E_FORMAT, "build with -mlittle-endian",
                        "%s: offset 5: not little-endian, as Cortex-M parts are", from->name);
    if (from->byte_count < sizeof(Elf32_Ehdr))
        return stl_fail(err, STL_E_FORMAT, cut_short,
                        "%s: ends after %zu bytes, inside the ELF header", from->name,
                        from->byte_count);
    return STL_OK;
}

static stl_code check_type(const stl_source *from, const GElf_Ehdr *header, stl_error *err)
{
    if (header->e_machine != EM_ARM)
        return stl_fail(err, STL_E_FORMAT, "was it built for this computer, not for the chip?",
                        "%s: offset 18: built for ELF machine %u, ARM is %d", from->name,
                        header->e_machine, EM_ARM);
    switch (header->e_type) {
    case ET_EXEC:
        return STL_OK;
    case ET_REL:
        return stl_fail(err, STL_E_FORMAT, link_it,
                        "%s: offset 16: an object file (ET_REL), not linked yet", from->name);
    case ET_DYN:
        return stl_fail(err, STL_E_FORMAT, "link without -pie and -shared",
                        "%s: offset 16: position-independent (ET_DYN), so its addresses are not "
                        "final",
                        from->name);
    default:
        return stl_fail(err, STL_E_FORMAT, link_it,
                        "%s: offset 16: ELF type %u, an executable (ET_EXEC) is 2", from->name,
                        header->e_type);
    }
}

/* Section headers come last in a file, so that a cut file usually lacks them. */
static stl_code check_tables(const stl_source *from, const GElf_Ehdr *header, stl_error *err)
{
    const uint64_t program_end = header->e_phoff + (uint64_t)header->e_phnum * header->e_phentsize;
    const uint64_t section_end = header->e_shoff + (uint64_t)header->e_shnum * header->e_shentsize;
    if (!header->e_phnum || !header->e_phoff)
        return stl_fail(err, STL_E_FORMAT, link_it, "%s: no program headers, nothing to load",
                        from->name);
    if (header->e_phentsize != sizeof(Elf32_Phdr))
        return stl_fail(err, STL_E_FORMAT, cut_short,
                        "%s: offset 42: program headers of %u bytes, should be %zu", from->name,
                        header->e_phentsize, sizeof(Elf32_Phdr));
    if (program_end > from->byte_count)
        return stl_fail(err, STL_E_FORMAT, cut_short,
                        "%s: program headers end at %" PRIu64 ", the file at %zu", from->name,
                        program_end, from->byte_count);
    if (section_end > from->byte_count)
        return stl_fail(err, STL_E_FORMAT, cut_short,
                        "%s: section headers end at %" PRIu64 ", the file at %zu", from->name,
                        section_end, from->byte_count);
    return STL_OK;
}

/* A linker script without -n lets the first segment start with the ELF header itself, below the
 * vector table. objcopy, which goes by sections, leaves it out, and so do we. */
static GElf_Off headers_end(Elf *elf, const GElf_Ehdr *header, const GElf_Phdr *segment)
{
    const GElf_Off end = segment->p_offset + segment->p_filesz;
    GElf_Off lowest = end;
    if (segment->p_offset >= header->e_phoff + (GElf_Off)header->e_phnum * header->e_phentsize)
        return segment->p_offset;
    for (Elf_Scn *scn = elf_nextscn(elf, NULL); scn; scn = elf_nextscn(elf, scn)) {
        GElf_Shdr section;
        if (gelf_getshdr(scn, &section) && (section.sh_flags & SHF_ALLOC) &&
            section.sh_type != SHT_NOBITS && section.sh_size &&
            section.sh_offset >= segment->p_offset && section.sh_offset < lowest)
            lowest = section.sh_offset;
    }
    return lowest == end ? segment->p_offset : lowest;
}

static stl_code load_segment(const stl_source *from, Elf *elf, const GElf_Ehdr *header,
                             size_t index, const stl_sink *to, stl_error *err)
{
    GElf_Phdr segment;
    if (!gelf_getphdr(elf, (int)index, &segment))
        return stl_fail(err, STL_E_FORMAT, cut_short, "%s: program header %zu cannot be read: %s",
                        from->name, index, elf_errmsg(-1));
    if (segment.p_type != PT_LOAD || !segment.p_filesz)
        return STL_OK;
    if (segment.p_offset + segment.p_filesz > from->byte_count)
        return stl_fail(err, STL_E_FORMAT, cut_short,
                        "%s: program header %zu: bytes %" PRIu64 " to %" PRIu64
                        " lie outside the file of %zu",
                        from->name, index, (uint64_t)segment.p_offset,
                        (uint64_t)(segment.p_offset + segment.p_filesz), from->byte_count);
    if (segment.p_filesz > segment.p_memsz)
        return stl_fail(err, STL_E_FORMAT, cut_short,
                        "%s: program header %zu: %" PRIu64 " bytes in the file, %" PRIu64
                        " in memory",
                        from->name, index, (uint64_t)segment.p_filesz, (uint64_t)segment.p_memsz);
    if (segment.p_paddr + segment.p_filesz > ADDRESS_SPACE_BYTES)
        return stl_fail(err, STL_E_FORMAT, link_it,
                        "%s: program header %zu: 0x%08" PRIX64 " and %" PRIu64
                        " bytes run past 0xFFFFFFFF",
                        from->name, index, (uint64_t)segment.p_paddr, (uint64_t)segment.p_filesz);
    const GElf_Off start = headers_end(elf, header, &segment);
    const GElf_Off skip = start - segment.p_offset;
    return to->data(to->self, (uint32_t)(segment.p_paddr + skip), from->bytes + start,
                    (size_t)(segment.p_filesz - skip), index, err);
}

static stl_code load_segments(const stl_source *from, Elf *elf, const stl_sink *to, stl_error *err)
{
    GElf_Ehdr header;
    if (!elf || elf_kind(elf) != ELF_K_ELF || !gelf_getehdr(elf, &header))
        return stl_fail(err, STL_E_FORMAT, cut_short, "%s: cannot be read as ELF: %s", from->name,
                        elf_errmsg(-1));
    stl_code code = check_type(from, &header, err);
    if (!code)
        code = check_tables(from, &header, err);
    for (size_t i = 0; !code && i < header.e_phnum; i++)
        code = load_segment(from, elf, &header, i, to, err);
    if (!code && header.e_entry)
        to->entry(to->self, (uint32_t)header.e_entry);
    return code;
}

stl_code stl_elf_read(const stl_source *from, const stl_sink *to, stl_error *err)
{
    stl_code code = check_ident(from, err);
    if (code)
        return code;
    elf_version(EV_CURRENT);
    /* elf_memory takes char *, and does not write: ELF_C_READ, and the byte order is checked. */
    Elf *elf = elf_memory((char *)from->bytes, from->byte_count);
    code = load_segments(from, elf, to, err);
    elf_end(elf);
    return code;
}
