/* The program that every tool runs: it says when it came to life, then sleeps.
 *
 * argv[1] is a FIFO. One write of one short line is atomic (PIPE_BUF, pipe(7)), so that a hundred of them may
 * share it. SIGTERM ends it at once with success: the "well-behaved" instance of the `down` measurement.
 */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

static void leave(int signal_number) { _exit(signal_number == SIGTERM ? 0 : 1); }

int main(int argc, char **argv) {
    struct timespec born;
    clock_gettime(CLOCK_MONOTONIC, &born); /* before anything else: this is the time we are after */
    if (argc != 2) return 2;
    signal(SIGTERM, leave);
    int fifo = open(argv[1], O_WRONLY | O_CLOEXEC);
    if (fifo < 0) return 1;
    if (dprintf(fifo, "%d %lld\n", getpid(), born.tv_sec * 1000000000LL + born.tv_nsec) < 0) return 1;
    close(fifo);
    for (;;) pause();
}
