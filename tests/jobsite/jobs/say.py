"""What every runner's task does."""

import os
import time

SECONDS = float(os.environ.get("JOBS_SECONDS", "2"))
GATE = os.environ.get("JOBS_GATE", "")  # a file: until it is there, no task ends


def say_and_wait(fifo: str) -> None:
    """Say on the FIFO that the task began, take a while, and say that it ended."""
    say(fifo, "began")
    while GATE and not os.path.exists(GATE):
        time.sleep(0.02)
    time.sleep(0 if GATE else SECONDS)
    say(fifo, "ended")


def say(fifo: str, word: str) -> None:
    """One word in a line, with the pid."""
    with open(fifo, "wb", buffering=0) as pipe:
        pipe.write(f"{word} {os.getpid()}\n".encode())
