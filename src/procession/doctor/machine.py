"""The machine's clock, and the limits that the kernel holds the site to."""

from __future__ import annotations

import ctypes
import os
from collections.abc import Iterator
from datetime import UTC, datetime
from time import time

from procession.doctor.case import Case
from procession.doctor.finding import Finding, Weight
from procession.recorder.reading.history import history_path
from procession.supervisor.linux import cgroups, procfs
from procession.units import show_seconds

TIMEX_BYTES = 512  # struct timex is smaller; with modes = 0 the call only reads (adjtimex(2))
TIME_ERROR = 5
OLDEST = datetime(2025, 1, 1, tzinfo=UTC).timestamp()
FUTURE_SECONDS = 60.0
CROWDED_SHARE = 0.9


def examine_clock(case: Case) -> Iterator[Finding]:
    now = time()
    try:
        ahead_seconds = os.stat(history_path(case.stack_directory)).st_mtime - now
    except OSError:
        ahead_seconds = 0.0
    if now < OLDEST:
        what = f"the clock says {datetime.now(UTC):%Y-%m-%d %H:%M} UTC: certificates, sessions and tokens will not hold"
        yield Finding(weight=Weight.CAUSE, about="clock", what=what, fix="set it: timedatectl set-ntp true")
    elif ahead_seconds > FUTURE_SECONDS:
        what = f"the clock was set back: the history was written {show_seconds(ahead_seconds)} from now"
        yield Finding(weight=Weight.RISK, about="clock", what=what, fix="see: timedatectl")
    elif _is_adrift():
        what = "nothing keeps the clock right (the kernel calls it unsynchronised)"
        yield Finding(weight=Weight.RISK, about="clock", what=what, fix="timedatectl set-ntp true, or chrony")


def _is_adrift() -> bool:
    """A container cannot know, and says so by an error: then it counts as right."""
    buffer = ctypes.create_string_buffer(TIMEX_BYTES)
    return bool(ctypes.CDLL(None).adjtimex(buffer) == TIME_ERROR)


def examine_limits(case: Case) -> Iterator[Finding]:
    for view in case.views():
        if view["pid"]:
            yield from _open_files(view["name"], view["pid"])
            yield from _processes(view["name"], view["pid"])
    not_held = case.status.get("not_held", {}) if case.status is not None else {}
    for name, limits in not_held.items():
        what = f"{name}: nothing holds it to {', '.join(limits)}"
        yield Finding(weight=Weight.RISK, about=f"limits {name}", what=what, fix="run as root, or with Delegate=yes")


def _open_files(name: str, pid: int) -> Iterator[Finding]:
    try:
        count = len(os.listdir(f"/proc/{pid}/fd"))
    except OSError:
        return
    rows = [line.split() for line in procfs.read_file(f"/proc/{pid}/limits").splitlines() if b"open files" in line]
    limit = int(rows[0][3]) if rows and rows[0][3].isdigit() else 0
    if limit and count >= limit * CROWDED_SHARE:
        what = f"{name}: has {count} files open, of {limit} that it may"
        fix = 'raise LIMITS["FILES"], or find what does not close its files: ls -l /proc/{pid}/fd'
        yield Finding(weight=Weight.CAUSE, about=f"files {name}", what=what, fix=fix.replace("{pid}", str(pid)))


def _processes(name: str, pid: int) -> Iterator[Finding]:
    """Of the cgroup that it is in, where that has a limit (pids.max)."""
    base = f"/sys/fs/cgroup{cgroups.own_path(pid)}"
    current, limit = (procfs.read_file(f"{base}/pids.{word}").strip() for word in ("current", "max"))
    if current.isdigit() and limit.isdigit() and int(current) >= int(limit) * CROWDED_SHARE:
        what = f"{name}: {int(current)} processes and threads, of {int(limit)} that its cgroup may have"
        yield Finding(weight=Weight.CAUSE, about=f"processes {name}", what=what, fix='raise LIMITS["PROCESSES"]')
