/* Loaded before the C library: the n-th call of one kind fails, as on a disk, a share or a machine that breaks.

   fault_arm(kind, at, error, under) makes the at-th call of a kind fail with an error; `at` 0 only counts. A call counts
   if it is about a file below the directory `under`, or about standard output; an allocation if it is of `at_least`
   bytes. Nothing counts before, so that what an interpreter does to start is left alone. */
#define _GNU_SOURCE
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

static const char *armed; /* the kind, or NULL */
static char directory[PATH_MAX];
static char struck[PATH_MAX]; /* the file that the failing call was about */
static int wanted, error_number, calls, hits;
static size_t least;
static __thread int inside; /* looking something up is no call of the program */

void fault_arm(const char *kind, int at, int error, const char *under, size_t at_least) {
    snprintf(directory, sizeof directory, "%s", under);
    wanted = at, error_number = error, calls = 0, hits = 0, least = at_least;
    struck[0] = 0;
    armed = kind ? strdup(kind) : NULL;
}

int fault_calls(void) { return calls; }
int fault_hits(void) { return hits; }
const char *fault_path(void) { return struck; }

static int fails(const char *path) {
    if (__atomic_add_fetch(&calls, 1, __ATOMIC_SEQ_CST) != wanted) return 0;
    snprintf(struck, sizeof struck, "%s", path ? path : "");
    hits++, errno = error_number;
    return 1;
}

static int is_kind(const char *kind) { return armed && !inside && !strcmp(armed, kind); }

static int below(const char *path) {
    char whole[PATH_MAX];
    if (!path) return 0;
    if (path[0] != '/') { /* the command works in the directory */
        inside = 1;
        int known = getcwd(whole, sizeof whole) != NULL;
        inside = 0;
        return known && !strncmp(whole, directory, strlen(directory));
    }
    return !strncmp(path, directory, strlen(directory));
}

static int fd_fails(int fd) {
    char link[64], path[PATH_MAX];
    if (fd == 1) return fails("standard output");
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, path, sizeof path - 1);
    if (length <= 0) return 0;
    path[length] = 0;
    return path[0] == '/' && below(path) && fails(path);
}

#define NEXT(type, name, ...) ((type(*)(__VA_ARGS__))dlsym(RTLD_NEXT, name))
#define ON_FD(kind, fd) (is_kind(kind) && fd_fails(fd))
#define ON_PATH(kind, path) (is_kind(kind) && below(path) && fails(path))

#define OPEN(name)                                                                     \
    int name(const char *path, int flags, ...) {                                       \
        va_list rest;                                                                  \
        va_start(rest, flags);                                                         \
        mode_t mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(rest, mode_t) : 0;         \
        va_end(rest);                                                                  \
        return ON_PATH("open", path) ? -1 : NEXT(int, #name, const char *, int, mode_t)(path, flags, mode); \
    }
OPEN(open)
OPEN(open64)
#define OPENAT(name)                                                                   \
    int name(int at, const char *path, int flags, ...) {                               \
        va_list rest;                                                                  \
        va_start(rest, flags);                                                         \
        mode_t mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(rest, mode_t) : 0;         \
        va_end(rest);                                                                  \
        return ON_PATH("open", path) ? -1 : NEXT(int, #name, int, const char *, int, mode_t)(at, path, flags, mode); \
    }
OPENAT(openat)
OPENAT(openat64)
FILE *fopen(const char *path, const char *mode) {
    return ON_PATH("open", path) ? NULL : NEXT(FILE *, "fopen", const char *, const char *)(path, mode);
}
FILE *fopen64(const char *path, const char *mode) {
    return ON_PATH("open", path) ? NULL : NEXT(FILE *, "fopen64", const char *, const char *)(path, mode);
}
DIR *opendir(const char *path) { return ON_PATH("open", path) ? NULL : NEXT(DIR *, "opendir", const char *)(path); }

ssize_t read(int fd, void *to, size_t n) {
    return ON_FD("read", fd) ? -1 : NEXT(ssize_t, "read", int, void *, size_t)(fd, to, n);
}
ssize_t write(int fd, const void *from, size_t n) {
    return ON_FD("write", fd) ? -1 : NEXT(ssize_t, "write", int, const void *, size_t)(fd, from, n);
}
#define AT_OFFSET(kind, name, pointer, offset)                                          \
    ssize_t name(int fd, pointer data, size_t n, offset at) {                           \
        return ON_FD(kind, fd) ? -1 : NEXT(ssize_t, #name, int, pointer, size_t, offset)(fd, data, n, at); \
    }
AT_OFFSET("read", pread, void *, off_t)
AT_OFFSET("read", pread64, void *, off64_t)
AT_OFFSET("write", pwrite, const void *, off_t)
AT_OFFSET("write", pwrite64, const void *, off64_t)
#define OF_PARTS(kind, name)                                                            \
    ssize_t name(int fd, const struct iovec *parts, int n) {                            \
        return ON_FD(kind, fd) ? -1 : NEXT(ssize_t, #name, int, const struct iovec *, int)(fd, parts, n); \
    }
OF_PARTS("read", readv)
OF_PARTS("write", writev)
#define PARTS_AT(kind, name, offset)                                                    \
    ssize_t name(int fd, const struct iovec *parts, int n, offset at) {                 \
        return ON_FD(kind, fd) ? -1 : NEXT(ssize_t, #name, int, const struct iovec *, int, offset)(fd, parts, n, at); \
    }
PARTS_AT("read", preadv, off_t)
PARTS_AT("read", preadv64, off64_t)
PARTS_AT("write", pwritev, off_t)
PARTS_AT("write", pwritev64, off64_t)

int fsync(int fd) { return ON_FD("fsync", fd) ? -1 : NEXT(int, "fsync", int)(fd); }
int fdatasync(int fd) { return ON_FD("fsync", fd) ? -1 : NEXT(int, "fdatasync", int)(fd); }
int ftruncate(int fd, off_t n) { return ON_FD("write", fd) ? -1 : NEXT(int, "ftruncate", int, off_t)(fd, n); }
int ftruncate64(int fd, off64_t n) { return ON_FD("write", fd) ? -1 : NEXT(int, "ftruncate64", int, off64_t)(fd, n); }

int rename(const char *from, const char *to) {
    return ON_PATH("rename", to) ? -1 : NEXT(int, "rename", const char *, const char *)(from, to);
}
int renameat(int a, const char *from, int b, const char *to) {
    return ON_PATH("rename", to) ? -1 : NEXT(int, "renameat", int, const char *, int, const char *)(a, from, b, to);
}
int chmod(const char *path, mode_t mode) {
    return ON_PATH("rename", path) ? -1 : NEXT(int, "chmod", const char *, mode_t)(path, mode);
}
int fchmodat(int at, const char *path, mode_t mode, int flags) {
    return ON_PATH("rename", path) ? -1 : NEXT(int, "fchmodat", int, const char *, mode_t, int)(at, path, mode, flags);
}
int mkdir(const char *path, mode_t mode) {
    return ON_PATH("rename", path) ? -1 : NEXT(int, "mkdir", const char *, mode_t)(path, mode);
}

#define STAT(name, buffer)                                                              \
    int name(const char *path, buffer *to) {                                            \
        return ON_PATH("stat", path) ? -1 : NEXT(int, #name, const char *, buffer *)(path, to); \
    }
STAT(stat, struct stat)
STAT(stat64, struct stat64)
STAT(lstat, struct stat)
STAT(lstat64, struct stat64)
#define FSTAT(name, buffer)                                                             \
    int name(int fd, buffer *to) {                                                      \
        return ON_FD("stat", fd) ? -1 : NEXT(int, #name, int, buffer *)(fd, to);        \
    }
FSTAT(fstat, struct stat)
FSTAT(fstat64, struct stat64)
#define STATAT(name, buffer)                                                            \
    int name(int at, const char *path, buffer *to, int flags) {                         \
        return ON_PATH("stat", path) ? -1 : NEXT(int, #name, int, const char *, buffer *, int)(at, path, to, flags); \
    }
STATAT(fstatat, struct stat)
STATAT(fstatat64, struct stat64)

off_t lseek(int fd, off_t at, int whence) {
    return ON_FD("lseek", fd) ? -1 : NEXT(off_t, "lseek", int, off_t, int)(fd, at, whence);
}
off64_t lseek64(int fd, off64_t at, int whence) {
    return ON_FD("lseek", fd) ? -1 : NEXT(off64_t, "lseek64", int, off64_t, int)(fd, at, whence);
}

/* the descriptor is gone even where close reports an error */
int close(int fd) {
    int failing = ON_FD("close", fd), error = errno, result = NEXT(int, "close", int)(fd);
    if (failing) errno = error;
    return failing ? -1 : result;
}

void *mmap(void *at, size_t n, int protection, int flags, int fd, off_t offset) {
    if (fd >= 0 ? ON_FD("mmap", fd) : is_kind("mmap") && fails(NULL)) return MAP_FAILED;
    return NEXT(void *, "mmap", void *, size_t, int, int, int, off_t)(at, n, protection, flags, fd, offset);
}
void *mmap64(void *at, size_t n, int protection, int flags, int fd, off64_t offset) {
    if (fd >= 0 ? ON_FD("mmap", fd) : is_kind("mmap") && fails(NULL)) return MAP_FAILED;
    return NEXT(void *, "mmap64", void *, size_t, int, int, int, off64_t)(at, n, protection, flags, fd, offset);
}

/* dlsym itself allocates: the real functions are glibc's own names */
extern void *__libc_malloc(size_t), *__libc_calloc(size_t, size_t), *__libc_realloc(void *, size_t);
#define ALLOCATES(n) (armed && n >= least && is_kind("malloc") && fails(NULL))
void *malloc(size_t n) { return ALLOCATES(n) ? NULL : __libc_malloc(n); }
void *calloc(size_t n, size_t each) { return ALLOCATES(n * each) ? NULL : __libc_calloc(n, each); }
void *realloc(void *at, size_t n) { return ALLOCATES(n) ? NULL : __libc_realloc(at, n); }
