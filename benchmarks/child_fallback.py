"""What child.c does, for a machine without a C compiler: argv[1] is the FIFO to report to."""

import time

born_nanoseconds = time.monotonic_ns()

import os  # noqa: E402 -- the time is taken first
import signal  # noqa: E402
import sys  # noqa: E402

signal.signal(signal.SIGTERM, signal.SIG_DFL)
fifo = os.open(sys.argv[1], os.O_WRONLY | os.O_CLOEXEC)
os.write(fifo, b"%d %d\n" % (os.getpid(), born_nanoseconds))
os.close(fifo)
while True:
    signal.pause()
