/* core/image/elf_names.c: symbols and sections of an ELF, kept for those who ask by name.
 * Source: System V ABI edition 4.1, chapter 4; ELF for the Arm Architecture, 5.5.3 (bit 0 of a
 * function's value says Thumb) and 5.5.5 (mapping symbols $a, $d, $t). */
#include "image/parts.h"

#include <gelf.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* What is being collected, and from where. */
typedef struct names {
    const stl_source *from;
    Elf *elf;
    stl_image *image;
    size_t texts_capacity, symbol_capacity, section_capacity;
} names;

static stl_code keep_text(names *n, const char *text, size_t *offset, stl_error *err)
{
    stl_image *image = n->image;
    const size_t bytes = strlen(text) + 1, wanted = image->texts_bytes + bytes;
    if (wanted > n->texts_capacity) {
        const size_t capacity = 2 * wanted + 1024;
        char *moved = realloc(image->texts, capacity);
        if (!moved)
            return stl_image_no_memory(err);
        image->texts = moved;
        n->texts_capacity = capacity;
    }
    *offset = image->texts_bytes;
    memcpy(image->texts + *offset, text, bytes);
    image->texts_bytes = wanted;
    return STL_OK;
}

static stl_code keep(names *n, stl_named_list *list, size_t *capacity, const char *text,
                     stl_named item, stl_error *err)
{
    if (list->count == *capacity) {
        const size_t grown = 2 * *capacity + 64;
        stl_named *moved = realloc(list->items, grown * sizeof *moved);
        if (!moved)
            return stl_image_no_memory(err);
        list->items = moved;
        *capacity = grown;
    }
    stl_code code = keep_text(n, text, &item.name_offset, err);
    if (!code)
        list->items[list->count++] = item;
    return code;
}

/* Run address to load address, through the PT_LOAD that holds the bytes; .data has two. */
static void find_load_addr(const names *n, stl_named *item)
{
    size_t count = 0;
    item->load_addr = item->addr;
    if (elf_getphdrnum(n->elf, &count))
        return;
    for (size_t i = 0; i < count; i++) {
        GElf_Phdr segment;
        if (!gelf_getphdr(n->elf, (int)i, &segment) || segment.p_type != PT_LOAD ||
            item->addr < segment.p_vaddr ||
            (uint64_t)item->addr + item->byte_count > segment.p_vaddr + segment.p_filesz ||
            item->addr >= segment.p_vaddr + segment.p_filesz)
            continue;
        item->load_addr = (uint32_t)(segment.p_paddr + (item->addr - segment.p_vaddr));
        item->is_loaded = true;
        return;
    }
}

static stl_code keep_sections(names *n, stl_error *err)
{
    size_t texts_index = 0;
    if (elf_getshdrstrndx(n->elf, &texts_index))
        return STL_OK; /* no section names: nobody can ask for one */
    for (Elf_Scn *scn = elf_nextscn(n->elf, NULL); scn; scn = elf_nextscn(n->elf, scn)) {
        GElf_Shdr header;
        if (!gelf_getshdr(scn, &header) || !(header.sh_flags & SHF_ALLOC))
            continue;
        const char *text = elf_strptr(n->elf, texts_index, header.sh_name);
        if (!text || !*text)
            continue;
        stl_named item = {.addr = (uint32_t)header.sh_addr, .byte_count = (uint32_t)header.sh_size};
        if (header.sh_type != SHT_NOBITS)
            find_load_addr(n, &item);
        else
            item.load_addr = item.addr;
        stl_code code = keep(n, &n->image->sections, &n->section_capacity, text, item, err);
        if (code)
            return code;
    }
    return STL_OK;
}

static bool is_of_interest(const GElf_Sym *symbol, const char *text)
{
    const unsigned type = GELF_ST_TYPE(symbol->st_info);
    return text && *text && *text != '$' && symbol->st_shndx != SHN_UNDEF &&
           (type == STT_NOTYPE || type == STT_OBJECT || type == STT_FUNC);
}

static stl_code keep_symbols(names *n, Elf_Scn *scn, const GElf_Shdr *header, stl_error *err)
{
    Elf_Data *data = elf_getdata(scn, NULL);
    if (!data || header->sh_entsize != sizeof(Elf32_Sym))
        return stl_fail(err, STL_E_FORMAT, "the file is damaged: build or download it again",
                        "%s: the symbol table at offset %" PRIu64 " cannot be read", n->from->name,
                        (uint64_t)header->sh_offset);
    const size_t count = data->d_size / sizeof(Elf32_Sym);
    for (size_t i = 1; i < count; i++) {
        GElf_Sym symbol;
        if (!gelf_getsym(data, (int)i, &symbol))
            break;
        const char *text = elf_strptr(n->elf, header->sh_link, symbol.st_name);
        if (!is_of_interest(&symbol, text))
            continue;
        stl_named item = {.addr = (uint32_t)symbol.st_value,
                          .byte_count = (uint32_t)symbol.st_size};
        item.is_function = GELF_ST_TYPE(symbol.st_info) == STT_FUNC;
        item.is_global = GELF_ST_BIND(symbol.st_info) != STB_LOCAL;
        if (item.is_function)
            item.addr &= ~(uint32_t)1;
        item.load_addr = item.addr;
        if (symbol.st_shndx != SHN_ABS)
            find_load_addr(n, &item);
        stl_code code = keep(n, &n->image->symbols, &n->symbol_capacity, text, item, err);
        if (code)
            return code;
    }
    return STL_OK;
}

stl_code stl_elf_read_names(const stl_source *from, stl_image *image, stl_error *err)
{
    names n = {.from = from, .image = image};
    n.elf = elf_memory((char *)from->bytes, from->byte_count); /* see elf.c */
    if (!n.elf)
        return stl_fail(err, STL_E_FORMAT, NULL, "%s: cannot be read as ELF: %s", from->name,
                        elf_errmsg(-1));
    stl_code code = keep_sections(&n, err);
    Elf_Scn *scn = NULL;
    while (!code && (scn = elf_nextscn(n.elf, scn))) {
        GElf_Shdr header;
        if (gelf_getshdr(scn, &header) && header.sh_type == SHT_SYMTAB)
            code = keep_symbols(&n, scn, &header, err);
    }
    elf_end(n.elf);
    return code;
}

static stl_code copy_list(const stl_named_list *list, stl_named_list *copy, stl_error *err)
{
    if (!list->count)
        return STL_OK;
    copy->items = malloc(list->count * sizeof *copy->items);
    if (!copy->items)
        return stl_image_no_memory(err);
    memcpy(copy->items, list->items, list->count * sizeof *copy->items);
    copy->count = list->count;
    return STL_OK;
}

stl_code stl_names_copy(const stl_image *image, stl_image *copy, stl_error *err)
{
    if (!image->texts_bytes)
        return STL_OK;
    copy->texts = malloc(image->texts_bytes);
    if (!copy->texts)
        return stl_image_no_memory(err);
    memcpy(copy->texts, image->texts, image->texts_bytes);
    copy->texts_bytes = image->texts_bytes;
    stl_code code = copy_list(&image->symbols, &copy->symbols, err);
    return code ? code : copy_list(&image->sections, &copy->sections, err);
}

void stl_names_free(stl_image *image)
{
    free(image->texts);
    free(image->symbols.items);
    free(image->sections.items);
}

static stl_image_name name_at(const stl_image *image, const stl_named_list *list, size_t index)
{
    if (index >= list->count)
        return (stl_image_name){.name = ""};
    const stl_named *item = &list->items[index];
    return (stl_image_name){
        .name = image->texts + item->name_offset,
        .addr = item->addr,
        .load_addr = item->load_addr,
        .byte_count = item->byte_count,
        .is_loaded = item->is_loaded,
        .is_function = item->is_function,
        .is_global = item->is_global,
    };
}

size_t stl_image_symbol_count(const stl_image *image)
{
    return image->symbols.count;
}

stl_image_name stl_image_symbol_at(const stl_image *image, size_t index)
{
    return name_at(image, &image->symbols, index);
}

size_t stl_image_section_count(const stl_image *image)
{
    return image->sections.count;
}

stl_image_name stl_image_section_at(const stl_image *image, size_t index)
{
    return name_at(image, &image->sections, index);
}

/* A global hides locals of its name, as for the linker; two different locals are a question. */
static stl_code find(const stl_image *image, const stl_named_list *list, const char *kind,
                     const char *name, stl_image_name *out, stl_error *err)
{
    bool is_found = false, is_ambiguous = false;
    for (size_t i = 0; i < list->count; i++) {
        const stl_image_name item = name_at(image, list, i);
        if (strcmp(item.name, name) != 0)
            continue;
        if (!is_found || (item.is_global && !out->is_global)) {
            *out = item;
            is_ambiguous = false;
        } else if (item.is_global == out->is_global && item.addr != out->addr) {
            is_ambiguous = true;
        }
        is_found = true;
    }
    if (!is_found)
        return stl_fail(err, STL_E_ARGUMENT,
                        list->count ? "spelt as in the source? `arm-none-eabi-nm` lists them"
                                    : "only an ELF that is not stripped has names",
                        "the image has no %s named %s", kind, name);
    if (is_ambiguous)
        return stl_fail(err, STL_E_AMBIGUOUS, "give its address, or make one of them global",
                        "several %ss are named %s", kind, name);
    return STL_OK;
}

stl_code stl_image_symbol(const stl_image *image, const char *name, stl_image_name *out,
                          stl_error *err)
{
    return find(image, &image->symbols, "symbol", name, out, err);
}

stl_code stl_image_section(const stl_image *image, const char *name, stl_image_name *out,
                           stl_error *err)
{
    return find(image, &image->sections, "section", name, out, err);
}
