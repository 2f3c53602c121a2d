"""Log capture measured beside supervisord: `python benchmarks/logs.py --supervisord PATH/TO/supervisord`.

Processes write numbered lines of 100 bytes as fast as they can. Measured, from the first process's first write until
all is in the files: throughput, and the CPU seconds of the one that reads it. Both rotate at 20 MiB; Procession puts
the time in front of each line, supervisord does not. After each run all files are compared with what was written, byte
for byte.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

MAIN = Path(__file__).parents[1] / "src" / "procession" / "recorder" / "__main__.py"
FILE_BYTES = 20 << 20
KEEP = 1000  # of both: all must be there to be compared
BLOCK_LINES = 655  # 65,500 bytes: what a pipe takes in one write
LINE_BYTES = 100
STAMP_BYTES = 25
DEADLINE_SECONDS = 300.0
STAMP = re.compile(rb"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z ", re.MULTILINE)
PROGRAM = f"""
import os, sys, time
template = b"".join((b"######## %04d " % n).ljust({LINE_BYTES - 1}, b"x") + b"\\n" for n in range({BLOCK_LINES}))
with open(sys.argv[1], "w") as file:
    file.write(str(time.monotonic_ns()))
for block in range(int(sys.argv[2])):
    data = memoryview(template.replace(b"########", b"%08d" % block))
    while data:
        data = data[os.write(1, data):]
"""


@dataclass(frozen=True, slots=True)
class Flood:
    """`processes` processes write `blocks` blocks of BLOCK_LINES lines each; `folder` is for this run alone."""

    folder: Path
    processes: int
    blocks: int

    @property
    def bytes(self) -> int:
        """All that they write together."""
        return self.processes * self.blocks * BLOCK_LINES * LINE_BYTES

    def argv(self, number: int) -> list[str]:
        """How one of them is started; with its first write it leaves the time in its own file."""
        return [sys.executable, "-I", "-S", "-c", PROGRAM, str(self.began_path(number)), str(self.blocks)]

    def began_path(self, number: int) -> Path:
        return self.folder / f"began.{number}"

    def began_seconds(self) -> float:
        """The moment of the first write of all."""
        return min(int(self.began_path(number).read_text()) for number in range(self.processes)) / 1e9


@dataclass(frozen=True, slots=True)
class Result:
    mebibytes_per_second: float
    cpu_seconds_per_gibibyte: float


def main() -> int:
    """Measure and print the table; 1 when something was lost."""
    options = parse_options()
    tools: dict[str, Callable[[Flood], Result]] = {"procession": with_recorder}
    if options.supervisord:
        tools["supervisord"] = lambda flood: with_supervisord(flood, options.supervisord)
    columns = f"{'processes':>9}  {'tool':<12}{'MiB/s':>8}{'ratio':>7}{'CPU s/GiB':>11}{'ratio':>7}"
    print(f"{columns}   (medians of {options.rounds})")
    for processes in options.processes:
        results: dict[str, list[Result]] = {name: [] for name in tools}
        for _ in range(options.rounds):
            for name, run in tools.items():
                results[name].append(measure(run, processes, options.mebibytes))
        print_results(processes, results)
    return 0


def parse_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--supervisord", help="the program to measure beside; left out: Procession alone")
    parser.add_argument("--mebibytes", type=int, default=512, help="written in each run, by all processes together")
    parser.add_argument("--processes", type=int, nargs="+", default=[1, 20], help="how many write at once")
    parser.add_argument("--rounds", type=int, default=5)
    return parser.parse_args()


def print_results(processes: int, results: dict[str, list[Result]]) -> None:
    """The ratios are to the last tool, which is the one that is measured against."""
    rows = {
        name: (
            statistics.median(result.mebibytes_per_second for result in runs),
            statistics.median(result.cpu_seconds_per_gibibyte for result in runs),
        )
        for name, runs in results.items()
    }
    speed_mark, cpu_mark = list(rows.values())[-1]
    for name, (speed, cpu) in rows.items():
        ratios = f"{speed:>8.0f}{speed / speed_mark:>7.2f}{cpu:>11.2f}{cpu / cpu_mark:>7.2f}"
        print(f"{processes:>9}  {name:<12}{ratios}", flush=True)


def measure(run: Callable[[Flood], Result], processes: int, mebibytes: int) -> Result:
    folder = Path(tempfile.mkdtemp(prefix="procession-logs-"))
    try:
        return run(Flood(folder, processes, (mebibytes << 20) // (processes * BLOCK_LINES * LINE_BYTES)))
    finally:
        shutil.rmtree(folder)


def with_recorder(flood: Flood) -> Result:
    """What the supervisor does: FIFOs, and a command for each."""
    stack = flood.folder / "stack"
    (stack / "fifo").mkdir(parents=True)
    os.mkfifo(stack / "recorder.fifo")
    commands = os.open(stack / "recorder.fifo", os.O_RDWR)
    argv = [sys.executable, "-I", "-S", str(MAIN), "--directory", str(stack)]
    with running(argv) as recorder:
        fds = []
        for number in range(flood.processes):
            os.mkfifo(stack / "fifo" / f"web.{number}")
            fds.append(os.open(stack / "fifo" / f"web.{number}", os.O_RDWR))
            command = {"open": f"web.{number}", "max_bytes": FILE_BYTES, "keep": KEEP, "compress": False}
            os.write(commands, json.dumps(command).encode() + b"\n")
        await_files(stack / "log", flood.processes + 1, "*.log")
        cpu = cpu_seconds(recorder.pid)
        children = [subprocess.Popen(flood.argv(number), stdout=fd) for number, fd in enumerate(fds)]
        stamped_bytes = flood.bytes // LINE_BYTES * (LINE_BYTES + STAMP_BYTES)
        result = await_all(flood, stack / "log", stamped_bytes, lambda: cpu_seconds(recorder.pid) - cpu)
        for child in children:
            child.wait()
    for fd in [commands, *fds]:
        os.close(fd)
    for number in range(flood.processes):
        current = stack / "log" / f"web.{number}.log"
        compare(flood, [*sorted(current.parent.glob(f"{current.name}.*")), current])
    return result


def with_supervisord(flood: Flood, program: str) -> Result:
    log = flood.folder / "log"
    log.mkdir()
    configuration = flood.folder / "supervisord.conf"
    configuration.write_text(supervisord_configuration(flood))
    with running([program, "-n", "-c", str(configuration)]) as supervisord:
        result = await_all(flood, log, flood.bytes, lambda: cpu_seconds(supervisord.pid))
    for number in range(flood.processes):
        current = log / f"web.{number}.log"
        older = sorted(log.glob(f"{current.name}.*"), key=lambda path: -int(path.suffix[1:]))
        compare(flood, [*older, current])
    return result


def supervisord_configuration(flood: Flood) -> str:
    """The programs are started as it comes up. Its own log is off, which favours it."""
    text = f"[supervisord]\nlogfile=/dev/null\nlogfile_maxbytes=0\npidfile={flood.folder}/pid\n"
    if os.geteuid() == 0:
        text += "user=root\n"
    for number in range(flood.processes):
        script = flood.folder / f"program.{number}.py"
        script.write_text(PROGRAM)
        began = flood.began_path(number)
        text += (
            f"[program:web{number}]\ncommand={sys.executable} -I -S {script} {began} {flood.blocks}\n"
            f"autorestart=false\nstartsecs=0\nstdout_logfile={flood.folder}/log/web.{number}.log\n"
            f"stdout_logfile_maxbytes={FILE_BYTES}\nstdout_logfile_backups={KEEP}\n"
        )
    return text


@contextmanager
def running(argv: list[str]) -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen(argv, stdout=subprocess.DEVNULL)
    try:
        yield process
    finally:
        process.terminate()
        process.wait(DEADLINE_SECONDS)


def await_all(flood: Flood, folder: Path, expected_bytes: int, cpu_so_far: Callable[[], float]) -> Result:
    """Wait until the files hold that much."""
    deadline = time.monotonic() + DEADLINE_SECONDS
    while size_of(folder) < expected_bytes:
        if time.monotonic() > deadline:
            raise SystemExit(f"{size_of(folder)} of {expected_bytes} bytes came in {DEADLINE_SECONDS:.0f} s")
        time.sleep(0.002)
    seconds = time.monotonic() - flood.began_seconds()
    return Result(flood.bytes / (1 << 20) / seconds, cpu_so_far() / (flood.bytes / (1 << 30)))


def await_files(folder: Path, count: int, pattern: str) -> None:
    while len(list(folder.glob(pattern))) < count:
        time.sleep(0.002)


def size_of(folder: Path) -> int:
    with os.scandir(folder) as entries:
        return sum(stat_size(entry) for entry in entries if entry.name.startswith("web."))


def stat_size(entry: os.DirEntry[str]) -> int:
    try:
        return entry.stat().st_size
    except FileNotFoundError:
        return 0  # being renamed


def cpu_seconds(pid: int) -> float:
    """User and system time so far (schedstat: nanoseconds on a CPU)."""
    return int(Path(f"/proc/{pid}/schedstat").read_text().split()[0]) / 1e9


def compare(flood: Flood, paths: list[Path]) -> None:
    """Exits with 1 when the files are not what one process wrote."""
    template = b"".join((b"######## %04d " % n).ljust(LINE_BYTES - 1, b"x") + b"\n" for n in range(BLOCK_LINES))
    block = 0
    rest = b""
    for path in paths:
        data = rest + STAMP.sub(b"", path.read_bytes())
        whole = len(data) - len(data) % len(template)
        for start in range(0, whole, len(template)):
            if data[start : start + len(template)] != template.replace(b"########", b"%08d" % block):
                raise SystemExit(f"{path}: block {block} is not what was written")
            block += 1
        rest = data[whole:]
    if block != flood.blocks or rest:
        raise SystemExit(f"{paths[-1]}: {block} of {flood.blocks} blocks")


if __name__ == "__main__":
    sys.exit(main())
