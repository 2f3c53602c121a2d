"""What the managers are given to run: `service.py BIRTHS BEHAVIOUR NUMBER`.

The first act of each is a line in the file BIRTHS, which all append to: its pid and the time (CLOCK_MONOTONIC, ns).
"""

import os
import signal
import sys
import time

DEAF_TO = (signal.SIGTERM, signal.SIGINT)


def report(births: str) -> int:
    """How many were born before."""
    with open(births, "a+") as file:
        file.write(f"{os.getpid()} {time.monotonic_ns()}\n")
        file.flush()
        file.seek(0)
        return len(file.readlines()) - 1


def wait(births: str, _: float) -> None:
    """Says nothing and waits for its end."""
    report(births)
    while True:
        signal.pause()


def write(births: str, _: float) -> None:
    """Prints a short line fifty times a second; when that fails it dies, as programs do."""
    report(births)
    while True:
        print("working", flush=True)
        time.sleep(0.02)


def flood(births: str, _: float) -> None:
    """Prints as fast as it is read, for ever; when that fails it dies."""
    report(births)
    while True:
        os.write(1, b"x" * 79 + b"\n")


def lines(births: str, number: float) -> None:
    """Prints so many numbered lines and is done. Started again, it prints nothing more."""
    if report(births) == 0:
        sys.stdout.write("".join(f"line {count:09d}\n" for count in range(int(number))))
        sys.exit(0)
    while True:
        signal.pause()


def be_deaf(births: str, number: float) -> None:
    """Takes no notice of being asked to end."""
    for one in DEAF_TO:
        signal.signal(one, signal.SIG_IGN)
    wait(births, number)


def have_deaf_child(births: str, number: float) -> None:
    """Ends when asked to; its child, in the same process group, does not."""
    if os.fork() == 0:
        be_deaf(births, number)
    wait(births, number)


def crash(births: str, number: float) -> None:
    """Lives for so many seconds, then fails."""
    report(births)
    time.sleep(number)
    sys.exit(1)


BEHAVIOURS = {
    "wait": wait,
    "write": write,
    "flood": flood,
    "lines": lines,
    "deaf": be_deaf,
    "deaf-child": have_deaf_child,
    "crash": crash,
}

if __name__ == "__main__":
    BEHAVIOURS[sys.argv[2]](sys.argv[1], float(sys.argv[3]))
