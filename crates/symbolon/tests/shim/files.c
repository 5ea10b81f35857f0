/* Stands between a process and its files: writes down, in order, what reaches the disk and what leaves on the
 * network, and lets calls on the files of one folder fail or wait. The tests load it into the unmodified binary by
 * LD_PRELOAD; nothing of the product knows of it. For Linux with 64-bit file offsets.
 *
 * What it is told:
 *   SYMBOLON_SHIM_FOLDER  the folder whose files are watched, without symbolic links in its path
 *   SYMBOLON_SHIM_LOG     the file that it writes its log to
 *   SYMBOLON_SHIM_FAIL    "KIND N ERRNO": the Nth call of that kind on a watched file fails once
 *   SYMBOLON_SHIM_STEER   a folder of flags, which may come and go while the process runs:
 *     fail-write, fail-sync   as long as it is there, each such call fails with the errno that it holds
 *     fail-open               the same for opening for writing; opening for reading works
 *     slow-sync               each sync begins so many milliseconds later
 *     hold-sync               each sync waits until the flag is gone
 *   SYMBOLON_SHIM_SHADOW  a folder with a copy of the watched one, in which a change arrives when it was synced and not
 *                         before: what a power cut would leave, at its worst. For one process that writes.
 * Kinds are open, read, write, sync, truncate, unlink and rename.
 *
 * The log has one event a line. A write is noted after it was made and a sync after it succeeded; the begin of a
 * sync is noted before it begins, and an answer before it is sent. So if a line stands before another, that is
 * also the order in which things happened. The request ids that a write or an answer holds stand behind it, and
 * begin and end of a sync carry the same number. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

enum kind { OPEN, READ, WRITE, SYNC, TRUNCATE, UNLINK, RENAME, KINDS };
static const char *const NAMES[KINDS] = { "open", "read", "write", "sync", "truncate", "unlink", "rename" };

static char folder[4096];
static size_t folder_length;
static char steer[4096];
static char shadow[4096];
static int journal = -1; /* the log */
static int failing_kind = -1, failing_errno;
static long failing_call;
static atomic_long calls[KINDS];
static atomic_long syncs;

__attribute__((constructor)) static void begin(void) {
    const char *where = getenv("SYMBOLON_SHIM_FOLDER"), *log = getenv("SYMBOLON_SHIM_LOG");
    const char *flags = getenv("SYMBOLON_SHIM_STEER"), *fail = getenv("SYMBOLON_SHIM_FAIL");
    const char *copy = getenv("SYMBOLON_SHIM_SHADOW");
    if (where && strlen(where) < sizeof folder - 1) {
        snprintf(folder, sizeof folder, "%s/", where);
        folder_length = strlen(folder);
    }
    if (flags && strlen(flags) < sizeof steer - 32) snprintf(steer, sizeof steer, "%s", flags);
    if (copy && strlen(copy) < sizeof shadow - 128) snprintf(shadow, sizeof shadow, "%s", copy);
    if (log)
        journal = (int)syscall(SYS_openat, AT_FDCWD, log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    char name[16];
    if (fail && sscanf(fail, "%15s %ld %d", name, &failing_call, &failing_errno) == 3)
        for (int kind = 0; kind < KINDS; kind++)
            if (strcmp(name, NAMES[kind]) == 0) failing_kind = kind;
}

static void note(const char *form, ...) {
    if (journal < 0) return;
    int kept = errno;
    static _Thread_local char line[16384];
    va_list arguments;
    va_start(arguments, form);
    int length = vsnprintf(line, sizeof line - 1, form, arguments);
    va_end(arguments);
    if (length > 0) {
        if (length > (int)sizeof line - 2) length = (int)sizeof line - 2;
        line[length] = '\n';
        syscall(SYS_write, journal, line, (size_t)length + 1);
    }
    errno = kept;
}

/* The name of a path below the watched folder, or nothing. */
static const char *watched(const char *path) {
    if (!folder_length || strncmp(path, folder, folder_length) != 0) return NULL;
    return path + folder_length;
}

/* The same for an open file. */
static const char *watched_file(int fd) {
    static _Thread_local char path[4096];
    if (!folder_length || fd == journal) return NULL;
    char link[64];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    long length = syscall(SYS_readlinkat, AT_FDCWD, link, path, sizeof path - 1);
    if (length <= 0) return NULL;
    path[length] = 0;
    return watched(path);
}

/* What a flag holds, or -1 if it is not there. */
static long flag(const char *name) {
    if (!steer[0]) return -1;
    char path[4200], text[32];
    snprintf(path, sizeof path, "%s/%s", steer, name);
    int kept = errno;
    int fd = (int)syscall(SYS_openat, AT_FDCWD, path, O_RDONLY | O_CLOEXEC, 0);
    long length = fd < 0 ? -1 : syscall(SYS_read, fd, text, sizeof text - 1);
    if (fd >= 0) syscall(SYS_close, fd);
    errno = kept;
    if (length < 0) return -1;
    text[length] = 0;
    return atol(text);
}

static void rest(long milliseconds) {
    int kept = errno;
    struct timespec pause = { milliseconds / 1000, milliseconds % 1000 * 1000000 };
    nanosleep(&pause, NULL);
    errno = kept;
}

/* Whether this call on a watched file is to fail; then errno says how. */
static int fails(enum kind kind, const char *name) {
    long call = atomic_fetch_add(&calls[kind], 1) + 1;
    long always = kind == WRITE ? flag("fail-write") : kind == SYNC ? flag("fail-sync") : -1;
    if (always > 0) {
        errno = (int)always;
        return 1;
    }
    if ((int)kind == failing_kind && call == failing_call) {
        note("fault %s %ld %s", NAMES[kind], call, name);
        errno = failing_errno;
        return 1;
    }
    return 0;
}

/* ---- the shadow ---- */

/* A change that was made to a file and not synced yet; one to its length has no bytes. */
struct change {
    struct change *next;
    char name[128];
    off_t at;
    size_t length;
    unsigned char bytes[];
};

static struct change *unsynced, **end_of_unsynced = &unsynced;
static pthread_mutex_t remembering = PTHREAD_MUTEX_INITIALIZER, syncing = PTHREAD_MUTEX_INITIALIZER;

/* Whether a file has a shadow: the shared memory of SQLite is made anew after a crash. */
static int has_shadow(const char *name) {
    size_t length = strlen(name);
    return shadow[0] && length < 128 && !(length > 4 && strcmp(name + length - 4, "-shm") == 0);
}

static void remember(const char *name, const void *bytes, ssize_t length, off_t at) {
    if (length < 0 || !has_shadow(name)) return;
    struct change *change = malloc(sizeof *change + (size_t)length);
    if (!change) abort();
    change->next = NULL;
    snprintf(change->name, sizeof change->name, "%s", name);
    change->at = at;
    change->length = (size_t)length;
    if (bytes) memcpy(change->bytes, bytes, (size_t)length);
    pthread_mutex_lock(&remembering);
    *end_of_unsynced = change;
    end_of_unsynced = &change->next;
    pthread_mutex_unlock(&remembering);
}

/* Takes what was changed of a file so far. */
static struct change *take(const char *name) {
    struct change *taken = NULL, **end = &taken;
    pthread_mutex_lock(&remembering);
    for (struct change **at = &unsynced; *at;) {
        struct change *change = *at;
        if (strcmp(change->name, name) != 0) {
            at = &change->next;
            continue;
        }
        *at = change->next;
        change->next = NULL;
        *end = change;
        end = &change->next;
    }
    end_of_unsynced = &unsynced;
    while (*end_of_unsynced) end_of_unsynced = &(*end_of_unsynced)->next;
    pthread_mutex_unlock(&remembering);
    return taken;
}

/* Brings changes to the shadow, or forgets them. */
static void settle(struct change *changes, int durable) {
    char path[4300];
    int kept = errno;
    while (changes) {
        struct change *change = changes;
        changes = change->next;
        snprintf(path, sizeof path, "%s/%s", shadow, change->name);
        long fd = durable ? syscall(SYS_openat, AT_FDCWD, path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600) : -1;
        if (fd >= 0 && change->length > 0)
            syscall(SYS_pwrite64, fd, change->bytes, change->length, change->at);
        else if (fd >= 0)
            syscall(SYS_ftruncate, fd, change->at);
        if (fd >= 0) syscall(SYS_close, fd);
        free(change);
    }
    errno = kept;
}

/* ---- what is noted ---- */

/* Collects the request ids that stand in some bytes: a prefix of four characters and a ULID. */
static size_t ids(char *into, size_t room, const char *bytes, size_t length) {
    size_t used = 0;
    for (size_t at = 0; at + 30 <= length && used + 32 < room; at++) {
        if (memcmp(bytes + at, "req_", 4) != 0) continue;
        into[used++] = ' ';
        memcpy(into + used, bytes + at, 30);
        used += 30;
        at += 29;
    }
    into[used] = 0;
    return used;
}

static void note_write(const char *name, const void *bytes, ssize_t length) {
    static _Thread_local char found[12288];
    if (length <= 0) return;
    ids(found, sizeof found, bytes, (size_t)length);
    note("wrote %s%s", name, found);
}

/* An answer is noted with its status and the id in its head. */
static void note_answer(const struct iovec *parts, int count) {
    if (count < 1 || parts[0].iov_len < 12 || memcmp(parts[0].iov_base, "HTTP/1.1 ", 9) != 0) return;
    char found[256];
    size_t length = parts[0].iov_len < 4096 ? parts[0].iov_len : 4096;
    ids(found, sizeof found, parts[0].iov_base, length);
    note("answer %.3s%s", (const char *)parts[0].iov_base + 9, found);
}

static void note_sent(const void *bytes, size_t length) {
    struct iovec part = { (void *)bytes, length };
    note_answer(&part, 1);
}

/* ---- files ---- */

static int open_at(int at, const char *path, int flags, mode_t mode) {
    const char *name = watched(path);
    if (name && fails(OPEN, name)) return -1;
    /* A file that is there is told so (EEXIST) on a read-only file system, too. */
    long refused = name && (flags & O_ACCMODE) != O_RDONLY && !(flags & O_EXCL) ? flag("fail-open") : -1;
    if (refused > 0) {
        errno = (int)refused;
        return -1;
    }
    return (int)syscall(SYS_openat, at, path, flags, mode);
}

#define MODE(flags) \
    mode_t mode = 0; \
    if ((flags) & (O_CREAT | O_TMPFILE)) { \
        va_list arguments; \
        va_start(arguments, flags); \
        mode = va_arg(arguments, mode_t); \
        va_end(arguments); \
    }

int open(const char *path, int flags, ...) { MODE(flags) return open_at(AT_FDCWD, path, flags, mode); }
int open64(const char *path, int flags, ...) { MODE(flags) return open_at(AT_FDCWD, path, flags, mode); }
int openat(int at, const char *path, int flags, ...) { MODE(flags) return open_at(at, path, flags, mode); }
int openat64(int at, const char *path, int flags, ...) { MODE(flags) return open_at(at, path, flags, mode); }

ssize_t read(int fd, void *into, size_t length) {
    const char *name = watched_file(fd);
    if (name && fails(READ, name)) return -1;
    return syscall(SYS_read, fd, into, length);
}

static ssize_t read_at(int fd, void *into, size_t length, off_t at) {
    const char *name = watched_file(fd);
    if (name && fails(READ, name)) return -1;
    return syscall(SYS_pread64, fd, into, length, at);
}

ssize_t pread(int fd, void *into, size_t length, off_t at) { return read_at(fd, into, length, at); }
ssize_t pread64(int fd, void *into, size_t length, off_t at) { return read_at(fd, into, length, at); }

ssize_t write(int fd, const void *bytes, size_t length) {
    const char *name = watched_file(fd);
    if (!name) {
        note_sent(bytes, length);
        return syscall(SYS_write, fd, bytes, length);
    }
    if (fails(WRITE, name)) return -1;
    off_t at = syscall(SYS_lseek, fd, 0, SEEK_CUR);
    ssize_t done = syscall(SYS_write, fd, bytes, length);
    if (done > 0) remember(name, bytes, done, at);
    note_write(name, bytes, done);
    return done;
}

static ssize_t write_at(int fd, const void *bytes, size_t length, off_t at) {
    const char *name = watched_file(fd);
    if (name && fails(WRITE, name)) return -1;
    ssize_t done = syscall(SYS_pwrite64, fd, bytes, length, at);
    if (name && done > 0) remember(name, bytes, done, at);
    if (name) note_write(name, bytes, done);
    return done;
}

ssize_t pwrite(int fd, const void *bytes, size_t length, off_t at) { return write_at(fd, bytes, length, at); }
ssize_t pwrite64(int fd, const void *bytes, size_t length, off_t at) { return write_at(fd, bytes, length, at); }

ssize_t writev(int fd, const struct iovec *parts, int count) {
    const char *name = watched_file(fd);
    if (!name) {
        note_answer(parts, count);
        return syscall(SYS_writev, fd, parts, count);
    }
    if (fails(WRITE, name)) return -1;
    /* Nobody writes a database so; its shadow would miss it. */
    if (has_shadow(name)) abort();
    ssize_t done = syscall(SYS_writev, fd, parts, count);
    for (int part = 0; done > 0 && part < count; part++) note_write(name, parts[part].iov_base, parts[part].iov_len);
    return done;
}

static int sync_file(int fd, long call) {
    const char *name = watched_file(fd);
    if (!name) return (int)syscall(call, fd);
    long slow = flag("slow-sync");
    if (slow > 0) rest(slow);
    if (flag("hold-sync") >= 0) note("holding %s", name);
    while (flag("hold-sync") >= 0) rest(2);
    if (fails(SYNC, name)) return -1;
    /* One after the other, or an older change could arrive in the shadow after a newer one. */
    if (shadow[0]) pthread_mutex_lock(&syncing);
    struct change *changes = shadow[0] ? take(name) : NULL;
    long number = atomic_fetch_add(&syncs, 1);
    note("syncing %s %ld", name, number);
    int done = (int)syscall(call, fd);
    settle(changes, done == 0);
    if (done == 0) note("synced %s %ld", name, number);
    if (shadow[0]) pthread_mutex_unlock(&syncing);
    return done;
}

int fsync(int fd) { return sync_file(fd, SYS_fsync); }
int fdatasync(int fd) { return sync_file(fd, SYS_fdatasync); }

static int truncate_file(int fd, off_t length) {
    const char *name = watched_file(fd);
    if (name && fails(TRUNCATE, name)) return -1;
    int done = (int)syscall(SYS_ftruncate, fd, length);
    if (name && done == 0) remember(name, NULL, 0, length);
    return done;
}

int ftruncate(int fd, off_t length) { return truncate_file(fd, length); }
int ftruncate64(int fd, off_t length) { return truncate_file(fd, length); }

int unlink(const char *path) {
    const char *name = watched(path);
    if (name && fails(UNLINK, name)) return -1;
    int done = (int)syscall(SYS_unlinkat, AT_FDCWD, path, 0);
    if (name && done == 0 && has_shadow(name)) {
        char copy[4300];
        snprintf(copy, sizeof copy, "%s/%s", shadow, name);
        settle(take(name), 0);
        syscall(SYS_unlinkat, AT_FDCWD, copy, 0);
    }
    return done;
}

int rename(const char *from, const char *to) {
    const char *name = watched(to);
    if (name && fails(RENAME, name)) return -1;
    return (int)syscall(SYS_renameat2, AT_FDCWD, from, AT_FDCWD, to, 0);
}

/* ---- the network ---- */

ssize_t send(int fd, const void *bytes, size_t length, int flags) {
    note_sent(bytes, length);
    return syscall(SYS_sendto, fd, bytes, length, flags, NULL, 0);
}

ssize_t sendto(int fd, const void *bytes, size_t length, int flags, const struct sockaddr *to, socklen_t size) {
    note_sent(bytes, length);
    return syscall(SYS_sendto, fd, bytes, length, flags, to, size);
}

ssize_t sendmsg(int fd, const struct msghdr *message, int flags) {
    note_answer(message->msg_iov, (int)message->msg_iovlen);
    return syscall(SYS_sendmsg, fd, message, flags);
}
