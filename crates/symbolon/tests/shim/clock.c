/* Stands between a process and the system's clock: adds so many milliseconds as a file says. The tests load it into the
 * unmodified binary by LD_PRELOAD, so that hours pass at once; nothing of the product knows of it. For 64-bit Linux.
 *
 *   SYMBOLON_SHIM_CLOCK  a file of eight bytes, the number in the machine's own order; it may be changed at any time
 *
 * Only the clock that can be set is moved, as somebody who sets it does: what measures how long something takes (the
 * monotonic clock, and all waiting) goes on as before. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static _Atomic int64_t *ahead;

__attribute__((constructor)) static void begin(void) {
    const char *file = getenv("SYMBOLON_SHIM_CLOCK");
    int descriptor = file ? open(file, O_RDONLY | O_CLOEXEC) : -1;
    if (descriptor < 0) return;
    void *mapped = mmap(NULL, sizeof *ahead, PROT_READ, MAP_SHARED, descriptor, 0);
    if (mapped != MAP_FAILED) ahead = mapped;
    close(descriptor);
}

int clock_gettime(clockid_t clock, struct timespec *time) {
    int result = (int)syscall(SYS_clock_gettime, clock, time);
    if (result == 0 && ahead && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE)) {
        int64_t millis = atomic_load(ahead), nanos = time->tv_nsec + millis % 1000 * 1000000;
        time->tv_sec += millis / 1000 + nanos / 1000000000;
        time->tv_nsec = nanos % 1000000000;
    }
    return result;
}
