"""`manage.py prodserver` of a singleton: in two units, or beside a supervisor, of which only one may run."""

from __future__ import annotations

import signal
import socket
import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from procession import hostlock
from tests.django.conftest import Project
from tests.django.test_prodserver import running, wait_for

BEAT = """\
import os, time

print(f"{os.getpid()} beats", flush=True)
while True:
    time.sleep(1000)
"""
Start = Callable[..., subprocess.Popen[str]]


@pytest.fixture
def start(project: Project, tmp_path: Path) -> Iterator[Start]:
    """Start one more beat of the site."""
    project.settings('PRODUCTION_PROCESSES = {"beat": {"COMMAND": ["python", "beat.py"], "SINGLETON": True}}\n')
    project.write("beat.py", BEAT)
    locks = str(tmp_path / "locks")
    with ExitStack() as stack:

        def begin(notify: str = "") -> subprocess.Popen[str]:
            more = {"NOTIFY_SOCKET": notify} if notify else {}
            return stack.enter_context(running(project, "prodserver", "beat", PROCESSION_LOCKS=locks, **more))

        yield begin


def test_the_second_waits_says_for_whom_and_begins_when_the_first_is_gone(start: Start, project: Project) -> None:
    one = start()
    wait_for(one, f"^{one.pid} beats")
    two = start()
    wait_for(two, f"beat: waits for the host lock: held by beat of {project.directory} .pid {one.pid}.")
    one.kill()
    wait_for(two, f"^{two.pid} beats")


def test_one_that_waits_ends_at_once_and_quietly(start: Start) -> None:
    one = start()
    wait_for(one, "beats")
    for number in (signal.SIGINT, signal.SIGTERM):
        other = start()
        wait_for(other, "waits for the host lock")
        other.send_signal(number)
        assert other.wait(60) == -number
        assert other.stdout
        assert other.stdout.read() == ""


def test_to_systemd_one_that_waits_is_up(start: Start, tmp_path: Path) -> None:
    one = start()
    wait_for(one, "beats")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind(str(tmp_path / "notify"))
        systemd.settimeout(60)
        start(str(tmp_path / "notify"))
        assert systemd.recv(1000).startswith(b"READY=1\nSTATUS=beat: waits for the host lock: held by beat of ")


def test_a_lock_that_was_passed_on_is_not_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As for an instance whose COMMAND is `manage.py prodserver beat`."""
    monkeypatch.setenv("PROCESSION_LOCKS", str(tmp_path))
    assert not hostlock.is_inherited("beat")
    with open(hostlock.acquire("beat", "one", lambda who, fd: None)):
        assert hostlock.is_inherited("beat")
    assert not hostlock.is_inherited("beat")
