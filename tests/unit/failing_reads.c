/* Loaded before the C library: the n-th call on one file fails, as on a disk or network share that breaks.

   FAULT_OP is read, lseek or close, FAULT_NAME how the file's path ends, FAULT_AT counts calls from 1, FAULT_ERRNO is
   the error, and FAULT_MARK a file that is made when the call has failed. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

static int fails(int fd, const char *op) {
    static int calls = 0;
    char link[64], path[4096];
    const char *wanted = getenv("FAULT_OP"), *name = getenv("FAULT_NAME");
    if (!wanted || !name || strcmp(wanted, op)) return 0;
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, path, sizeof path - 1);
    if (length < (ssize_t)strlen(name)) return 0;
    path[length] = 0;
    if (strcmp(path + length - strlen(name), name) || ++calls != atoi(getenv("FAULT_AT"))) return 0;
    int (*really_close)(int) = dlsym(RTLD_NEXT, "close");
    really_close(open(getenv("FAULT_MARK"), O_CREAT | O_WRONLY, 0600));
    errno = atoi(getenv("FAULT_ERRNO"));
    return 1;
}

#define NEXT(type, name, ...) ((type(*)(__VA_ARGS__))dlsym(RTLD_NEXT, name))

ssize_t read(int fd, void *buffer, size_t count) {
    return fails(fd, "read") ? -1 : NEXT(ssize_t, "read", int, void *, size_t)(fd, buffer, count);
}

ssize_t preadv(int fd, const struct iovec *parts, int count, off_t offset) {
    return fails(fd, "read") ? -1 : NEXT(ssize_t, "preadv", int, const struct iovec *, int, off_t)(fd, parts, count, offset);
}

ssize_t preadv64(int fd, const struct iovec *parts, int count, off64_t offset) {
    return fails(fd, "read") ? -1
                             : NEXT(ssize_t, "preadv64", int, const struct iovec *, int, off64_t)(fd, parts, count, offset);
}

off_t lseek(int fd, off_t offset, int whence) {
    return fails(fd, "lseek") ? -1 : NEXT(off_t, "lseek", int, off_t, int)(fd, offset, whence);
}

off64_t lseek64(int fd, off64_t offset, int whence) {
    return fails(fd, "lseek") ? -1 : NEXT(off64_t, "lseek64", int, off64_t, int)(fd, offset, whence);
}

int close(int fd) {
    int failing = fails(fd, "close");
    int error = errno, result = NEXT(int, "close", int)(fd);
    if (failing) errno = error;
    return failing ? -1 : result;
}
