"""A real systemd, booted by systemd-nspawn over an overlay of this machine's root."""

from __future__ import annotations

import os
import shutil
import subprocess
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from time import monotonic, sleep

import pytest

BOOT = Path(__file__).with_name("boot.sh")
REPOSITORY = Path(__file__).resolve().parents[3]
WITHIN_SECONDS = 300.0  # only ever fails a test


class Machine:
    """`leader` is the pid of its systemd, as we see it."""

    def __init__(self, leader: int) -> None:
        self._leader = leader

    def run(self, *argv: str, directory: str = "/", given: str = "") -> subprocess.CompletedProcess[str]:
        """In there, to its end."""
        enter = ("nsenter", "-t", str(self._leader), "-a", "--", "env", f"--chdir={directory}")
        return subprocess.run(
            [*enter, *argv], input=given, capture_output=True, text=True, check=False, timeout=WITHIN_SECONDS
        )

    def ok(self, *argv: str) -> str:
        """What it prints; it must end well."""
        done = self.run(*argv)
        assert done.returncode == 0, f"{' '.join(argv)}: {done.stdout}{done.stderr}"
        return done.stdout

    def write(self, path: str, text: str) -> None:
        assert self.run("tee", path, given=text).returncode == 0, path


def wait(holds: Callable[[], bool], what: str) -> None:
    deadline = monotonic() + WITHIN_SECONDS
    while not holds():
        assert monotonic() < deadline, f"{what}: not within {WITHIN_SECONDS:g} s"
        sleep(0.1)


@contextmanager
def booted(directory: Path) -> Iterator[Machine]:
    """A machine that is up; gone at the end, with all its mounts."""
    name = f"procession-{uuid.uuid4().hex[:8]}"
    argv = ["unshare", "--mount", "--propagation", "private", "sh", str(BOOT), str(directory), name, str(REPOSITORY)]
    directory.mkdir(exist_ok=True)
    with (directory.parent / "boot.log").open("wb") as log:
        nspawn = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
    try:
        wait(lambda: nspawn.poll() is not None or _leader(nspawn.pid) != 0, "the machine begins")
        assert nspawn.poll() is None, Path(log.name).read_text()
        machine = Machine(_leader(nspawn.pid))
        wait(lambda: _is_up(machine), f"the machine is up ({log.name})")
        yield machine
    finally:
        nspawn.terminate()  # --kill-signal: its systemd powers off
        try:
            nspawn.wait(WITHIN_SECONDS)
        except subprocess.TimeoutExpired:
            nspawn.kill()
            nspawn.wait()


def _leader(nspawn: int) -> int:
    """The one child of systemd-nspawn; 0: not there yet."""
    try:
        text = Path(f"/proc/{nspawn}/task/{nspawn}/children").read_text()
        children = [int(word) for word in text.split()]
        return next((pid for pid in children if Path(f"/proc/{pid}/comm").read_text() == "systemd\n"), 0)
    except FileNotFoundError:
        return 0


def _is_up(machine: Machine) -> bool:
    return machine.run("systemctl", "is-system-running").stdout.strip() in ("running", "degraded")


def why_not() -> str:
    """Why no machine can be booted here; "" if one can."""
    if os.geteuid() != 0:
        return "only root can boot a machine"
    missing = [name for name in ("systemd-nspawn", "nsenter", "unshare") if shutil.which(name) is None]
    return f"needs {', '.join(missing)} (Debian: systemd-container)" if missing else ""


needs_machine = pytest.mark.skipif(bool(why_not()), reason=why_not() or "it can be booted")
