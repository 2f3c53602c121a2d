"""What every runner's task does."""

import os
import time

SECONDS = float(os.environ.get("JOBS_SECONDS", "2"))


def say_and_wait(fifo: str) -> None:
    """Say on the FIFO that the task began, take a while, and say that it ended."""
    say(fifo, "began")
    time.sleep(SECONDS)
    say(fifo, "ended")


def say(fifo: str, word: str) -> None:
    """One word in a line, with the pid."""
    with open(fifo, "wb", buffering=0) as pipe:
        pipe.write(f"{word} {os.getpid()}\n".encode())
