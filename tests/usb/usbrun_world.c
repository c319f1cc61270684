/* tests/usb/usbrun_world.c: the command's mount namespace: /sys, /dev and /run with a USB bus in
 * them. A folder of the machine gets new neighbours without touching it: a tmpfs is laid over it,
 * what was there is bound back in, and the rest is ours. Runs in the child, before the filter. */
#define _GNU_SOURCE
#include "usbrun.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PATH_BYTES = 600 };

static void write_text(const char *path, const char *text)
{
    const int fd = open(path, O_WRONLY | O_CLOEXEC);
    if (fd < 0 || write(fd, text, strlen(text)) < 0)
        die_errno("%s", path);
    close(fd);
}

/* Root of a container may not have it. */
static bool may_mount(void)
{
    enum { CAP_SYS_ADMIN_BIT = 21 };
    char line[128];
    unsigned long long effective = 0;
    FILE *status = fopen("/proc/self/status", "re");
    while (status && fgets(line, sizeof line, status))
        if (sscanf(line, "CapEff: %llx", &effective) == 1)
            break;
    if (status)
        fclose(status);
    return effective >> CAP_SYS_ADMIN_BIT & 1u;
}

/* Who may not mount becomes the owner of a user namespace, under the same number. */
void world_enter_user_namespace(void)
{
    const unsigned uid = geteuid(), gid = getegid();
    char text[64];
    if (may_mount())
        return;
    if (unshare(CLONE_NEWUSER))
        die_errno("this machine lets you make no namespaces");
    write_text("/proc/self/setgroups", "deny");
    snprintf(text, sizeof text, "%u %u 1", uid, uid);
    write_text("/proc/self/uid_map", text);
    snprintf(text, sizeof text, "%u %u 1", gid, gid);
    write_text("/proc/self/gid_map", text);
}

static void lay_tmpfs(const char *path)
{
    if (mount("stlua-usb", path, "tmpfs", MS_NOSUID, "mode=755"))
        die_errno("tmpfs on %s", path);
}

/* One entry of the old folder in the new one. What cannot be bound is left out. */
static void bring_back(int old, const char *new_path, const char *name)
{
    char from[PATH_BYTES], to[PATH_BYTES], target[PATH_BYTES];
    struct stat info;
    if (fstatat(old, name, &info, AT_SYMLINK_NOFOLLOW))
        return;
    snprintf(from, sizeof from, "/proc/self/fd/%d/%s", old, name);
    snprintf(to, sizeof to, "%s/%s", new_path, name);
    if (S_ISLNK(info.st_mode)) {
        const ssize_t length = readlinkat(old, name, target, sizeof target - 1);
        if (length > 0) {
            target[length] = '\0';
            (void)!symlink(target, to);
        }
        return;
    }
    if (S_ISDIR(info.st_mode)) {
        mkdir(to, 0755);
    } else {
        const int fd = open(to, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
        if (fd >= 0)
            close(fd);
    }
    if (mount(from, to, NULL, MS_BIND | MS_REC, NULL)) {
        unlink(to);
        rmdir(to);
    }
}

/* Bring back all of the old folder but the entries named in but ("a", or "a b"). */
static void bring_back_all(int old, const char *new_path, const char *but)
{
    const int again = openat(old, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *folder = again >= 0 ? fdopendir(again) : NULL;
    const struct dirent *entry;
    while (folder && (entry = readdir(folder))) {
        const char *at = strstr(but, entry->d_name);
        const size_t length = strlen(entry->d_name);
        const bool is_excepted =
            at && (at == but || at[-1] == ' ') && (!at[length] || at[length] == ' ');
        if (strcmp(entry->d_name, ".") && strcmp(entry->d_name, "..") && !is_excepted)
            bring_back(old, new_path, entry->d_name);
    }
    if (folder)
        closedir(folder);
}

static int open_folder(int parent, const char *path)
{
    return openat(parent, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

/* A new folder at path with everything the machine has there, but not the entries in but. */
static void renew(const char *path, const char *but)
{
    const int old = open_folder(AT_FDCWD, path);
    if (old < 0)
        die_errno("%s", path);
    lay_tmpfs(path);
    bring_back_all(old, path, but);
    close(old);
}

static void renew_below(int old_parent, const char *name, const char *path, const char *but)
{
    const int old = open_folder(old_parent, name);
    mkdir(path, 0755);
    if (old >= 0)
        bring_back_all(old, path, but);
    if (old >= 0)
        close(old);
}

static void build_sys(void)
{
    const int old = open_folder(AT_FDCWD, "/sys");
    if (old < 0)
        die_errno("/sys");
    lay_tmpfs("/sys");
    bring_back_all(old, "/sys", "bus devices");
    renew_below(old, "bus", "/sys/bus", "usb");
    renew_below(old, "devices", "/sys/devices", "stlua");
    close(old);
    mkdir("/sys/bus/usb", 0755);
    mkdir("/sys/bus/usb/devices", 0755);
    mkdir("/sys/bus/usb/drivers", 0755);
    mkdir("/sys/devices/stlua", 0755);
}

static void build_dev(void)
{
    if (!access("/dev/bus/usb", F_OK)) {
        lay_tmpfs("/dev/bus/usb");
        return;
    }
    renew("/dev", "bus");
    mkdir("/dev/bus", 0755);
    mkdir("/dev/bus/usb", 0755);
}

/* libudev listens for events only if there seems to be a udev. */
static void build_run(void)
{
    if (!access("/run/udev", F_OK)) {
        lay_tmpfs("/run/udev");
    } else {
        renew("/run", "udev");
        mkdir("/run/udev", 0755);
    }
    const int control = open("/run/udev/control", O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    if (control >= 0)
        close(control);
}

void world_build(world_fds *fds)
{
    if (unshare(CLONE_NEWNS))
        die_errno("no mount namespace");
    if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL))
        die_errno("private mounts");
    build_sys();
    build_dev();
    build_run();
    fds->devices = open_folder(AT_FDCWD, "/sys/devices/stlua");
    fds->bus = open_folder(AT_FDCWD, "/sys/bus/usb/devices");
    fds->dev = open_folder(AT_FDCWD, "/dev/bus/usb");
    if (fds->devices < 0 || fds->bus < 0 || fds->dev < 0)
        die_errno("the simulated bus has no folders");
}
