/* core/transport/usb_holder.c: which process has a device node open, by looking through /proc. */
#include <ctype.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "usb_internal.h"

/* How many descriptors of process pid are node; 0 also when it belongs to somebody else. */
static unsigned count_open(long pid, const char *node)
{
    char path[320], link[64];
    snprintf(path, sizeof path, "/proc/%ld/fd", pid);
    DIR *folder = opendir(path);
    if (!folder)
        return 0;
    unsigned count = 0;
    const struct dirent *entry;
    while ((entry = readdir(folder))) {
        snprintf(path, sizeof path, "/proc/%ld/fd/%s", pid, entry->d_name);
        const ssize_t length = readlink(path, link, sizeof link - 1);
        if (length <= 0)
            continue;
        link[length] = '\0';
        count += !strcmp(link, node);
    }
    closedir(folder);
    return count;
}

static void name_process(long pid, char *holder, size_t holder_size)
{
    char path[64], name[32] = "";
    snprintf(path, sizeof path, "/proc/%ld/comm", pid);
    FILE *file = fopen(path, "re");
    if (file) {
        if (!fgets(name, sizeof name, file))
            name[0] = '\0';
        fclose(file);
    }
    name[strcspn(name, "\n")] = '\0';
    snprintf(holder, holder_size, "%s (pid %ld)", name[0] ? name : "a program", pid);
}

void usb_find_holder(unsigned bus, unsigned address, char *holder, size_t holder_size)
{
    char node[40];
    snprintf(node, sizeof node, "/dev/bus/usb/%03u/%03u", bus, address);
    holder[0] = '\0';
    DIR *processes = opendir("/proc");
    if (!processes)
        return;
    const struct dirent *entry;
    while (!holder[0] && (entry = readdir(processes))) {
        if (!isdigit((unsigned char)entry->d_name[0]))
            continue;
        const long pid = strtol(entry->d_name, NULL, 10);
        /* our own attempt is one of our descriptors; a second one is another transport of ours */
        const unsigned own_count = pid == (long)getpid() ? 1 : 0;
        if (count_open(pid, node) > own_count)
            name_process(pid, holder, holder_size);
    }
    closedir(processes);
}
