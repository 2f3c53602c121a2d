"""Whether memory is short, and whom the kernel has killed for it."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from time import time

from procession.doctor.case import Case
from procession.doctor.finding import Finding, Weight
from procession.supervisor.linux import procfs
from procession.units import show_bytes, show_seconds

SCARCE_SHARE = 0.03
RECENT_SECONDS = 24 * 3600.0
KERNEL_LOG = "/dev/kmsg"
KERNEL_LINES_MAX = 20_000
KILLED = re.compile(r"Killed process (?P<pid>\d+) \((?P<program>[^)]*)\)")
FIX = 'run fewer workers (ARGS["workers"]), raise LIMITS["MEMORY"] or the machine\'s memory, or find what grows'


def examine_memory(case: Case) -> Iterator[Finding]:
    yield from _killed(case)
    yield from _outgrown(case)
    yield from _machine()


def _killed(case: Case) -> Iterator[Finding]:
    """By the supervisor's own word, which asks the cgroup; and what the kernel's log says of it, where we may read."""
    weight = Weight.RISK if case.is_well else Weight.CAUSE
    names = {view["name"] for view in case.views()} or None
    found = [event for event in case.events if event.kind == "out-of-memory" and _is_recent(event.at)]
    for event in reversed([event for event in found if names is None or event.instance in names]):
        what = f"{event.instance}: out of memory: {event.detail.get('text') or 'the kernel has killed processes of it'}"
        seen = (f"{show_seconds(time() - event.at)} ago", *kernel_said())
        yield Finding(weight=weight, about=f"memory {event.instance}", what=what, fix=FIX, seen=seen)
    for view in case.unwell():
        if "out of memory" in view["last_exit"]:
            what = f"{view['name']}: out of memory: {view['last_exit']}"
            yield Finding(
                weight=Weight.CAUSE, about=f"memory {view['name']}", what=what, fix=FIX, seen=tuple(kernel_said())
            )


def _outgrown(case: Case) -> Iterator[Finding]:
    for event in [event for event in case.events if event.kind == "outgrown" and _is_recent(event.at)][-1:]:
        what = f"{event.instance}: grows past its LIMITS memory, and is renewed: {event.detail.get('because', '')}"
        yield Finding(
            weight=Weight.RISK, about=f"growth {event.process}", what=what, fix="raise it, or find what grows"
        )


def _machine() -> Iterator[Finding]:
    known = dict(line.split(b":", 1) for line in procfs.read_file("/proc/meminfo").splitlines() if b":" in line)
    total, available = (_kilobytes(known.get(name, b"0 kB")) * 1024 for name in (b"MemTotal", b"MemAvailable"))
    if total and available < total * SCARCE_SHARE:
        what = f"the machine has nearly no memory left: {show_bytes(available)} of {show_bytes(total)}"
        fix = "see who has it: ps aux --sort=-rss | head"
        yield Finding(weight=Weight.RISK, about="machine's memory", what=what, fix=fix)


def kernel_said() -> list[str]:
    """The last of the kernel's words on whom it killed; [] where its log is not ours to read (kmsg, root's)."""
    try:
        fd = os.open(KERNEL_LOG, os.O_RDONLY | os.O_NONBLOCK)
    except OSError:
        return []
    said = []
    try:
        for _ in range(KERNEL_LINES_MAX):
            line = _next_line(fd)
            if line is None:
                break
            if KILLED.search(line):
                said.append(f"kernel: {line.partition(';')[2].strip()[:120]}")
    finally:
        os.close(fd)
    return said[-1:]


def _next_line(fd: int) -> str | None:
    """One record of the kernel's log; "" for one that was overwritten while we read; None at the end."""
    try:
        return os.read(fd, 8192).decode("utf-8", "replace")
    except BrokenPipeError:  # EPIPE: the record is gone (dev-kmsg)
        return ""
    except OSError:
        return None


def _kilobytes(value: bytes) -> int:
    return int(value.split()[0])


def _is_recent(at: float) -> bool:
    return time() - at < RECENT_SECONDS
