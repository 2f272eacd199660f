/* Preloaded: writes one line to $SYNC_LOG for each fsync and fdatasync. A file of SQLite that is deleted keeps a second name, with
   ".deleted" behind it, until its folder is synced: a power cut before that brings the file back. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void note(const char *call, int fd)
{
    char link[64], path[512];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, path, sizeof path - 1);
    path[length < 0 ? 0 : length] = 0;
    FILE *log = fopen(getenv("SYNC_LOG"), "a");
    if (log) {
        fprintf(log, "%s %s\n", call, path);
        fclose(log);
    }
}

static void forget_deleted(int fd)
{
    char link[64], path[512], name[1024];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, path, sizeof path - 1);
    path[length < 0 ? 0 : length] = 0;
    const char *suffixes[] = {"journal", "wal"};
    for (int i = 0; i < 2; i++) {
        snprintf(name, sizeof name, "%s/journal.sqlite-%s.deleted", path, suffixes[i]);
        ((int (*)(const char *))dlsym(RTLD_NEXT, "unlink"))(name);
    }
}

int fsync(int fd)
{
    note("fsync", fd);
    forget_deleted(fd);
    return ((int (*)(int))dlsym(RTLD_NEXT, "fsync"))(fd);
}

int fdatasync(int fd)
{
    note("fdatasync", fd);
    forget_deleted(fd);
    return ((int (*)(int))dlsym(RTLD_NEXT, "fdatasync"))(fd);
}

int unlink(const char *path)
{
    if (strstr(path, "journal.sqlite-journal") || strstr(path, "journal.sqlite-wal")) {
        char kept[1024];
        snprintf(kept, sizeof kept, "%s.deleted", path);
        return rename(path, kept);
    }
    return ((int (*)(const char *))dlsym(RTLD_NEXT, "unlink"))(path);
}
