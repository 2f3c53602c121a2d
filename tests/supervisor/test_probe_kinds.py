"""Each kind of probe, asked of a real program: what it says when the answer is wrong, and that it sees a good one."""

from __future__ import annotations

import os
import signal
import socket
from pathlib import Path

import pytest

from procession.stack.model import ProbeType
from tests.supervisor.programs import Stage, until
from tests.supervisor.site import Site, process
from tests.supervisor.test_listeners import free_port
from tests.supervisor.test_probes import HTTP, quick

SERVES = """
import socket
server = socket.socket()
server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
server.bind(("127.0.0.1", int(sys.argv[1])))
signal.signal(signal.SIGUSR1, lambda *_: server.listen())
say("up")
stay()
"""


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", socket.gethostname()])
def test_tcp_by_number_and_by_name(site: Site, stage: Stage, host: str) -> None:
    """A name is looked up by a child, as it may take its time."""
    assert socket.getaddrinfo(host, 80, socket.AF_INET)[0][4][0] == "127.0.0.1", "this machine knows itself by another"
    port = free_port()
    probe = quick(ProbeType.TCP, address=f"{host}:{port}", timeout_seconds=5.0)
    site.begin(process("db", (*stage.program(SERVES), str(port)), readiness=probe))
    pid = stage.hear("up").pid
    until(lambda: site.instance("db.1")["why"] == f"tcp {host}:{port}: connection refused")
    os.kill(pid, signal.SIGUSR1)
    site.await_phase("db.1", "ready")


def test_a_name_that_nobody_knows(site: Site, stage: Stage) -> None:
    probe = quick(ProbeType.HTTP, address="nowhere.invalid:80", timeout_seconds=60.0)
    site.begin(process("web", stage.program('say("up")\nstay()'), readiness=probe))
    stage.hear("up")
    until(lambda: "nowhere.invalid:80: cannot look up nowhere.invalid: " in site.instance("web.1")["why"])


def test_http_expects_the_declared_status(site: Site, stage: Stage) -> None:
    port = free_port()
    probe = quick(ProbeType.HTTP, address=f"127.0.0.1:{port}", status=(503,), timeout_seconds=20.0)
    site.begin(process("web", (*stage.program(HTTP), str(port)), readiness=probe))
    pid = stage.hear("up").pid
    site.await_phase("web.1", "ready")
    os.kill(pid, signal.SIGUSR1)
    assert site.await_phase("web.1", "unready")["why"] == "GET / gave 200"


def test_a_file_must_stay_young(site: Site, stage: Stage, tmp_path: Path) -> None:
    body = """
signal.signal(signal.SIGUSR1, lambda *_: (os.utime("beat", (1, 1)), signal.setitimer(signal.ITIMER_REAL, 0)))
signal.signal(signal.SIGALRM, lambda *_: open("beat", "w").close())
signal.setitimer(signal.ITIMER_REAL, 0.01, 0.05)
say("up")
while True:
    signal.pause()
"""
    probe = quick(ProbeType.FILE, file="beat", max_age_seconds=3600)
    site.begin(process("worker", stage.program(body), readiness=probe, directory=str(tmp_path)))
    pid = stage.hear("up").pid
    site.await_phase("worker.1", "ready")
    os.kill(pid, signal.SIGUSR1)
    assert "file beat: last touched" in site.await_phase("worker.1", "unready")["why"]


@pytest.mark.parametrize("kind", [ProbeType.EXEC, ProbeType.FILE])
def test_liveness_by_command_and_by_file(site: Site, stage: Stage, tmp_path: Path, kind: ProbeType) -> None:
    alive = tmp_path / "alive"
    alive.touch()
    probe = quick(kind, command=("test", "-e", str(alive)), file=str(alive), timeout_seconds=20.0)
    site.up(process("web", stage.program('say("up")\nstay()'), liveness=probe))
    pid = stage.hear("up").pid
    alive.unlink()
    assert stage.hear("up").pid != pid
    said = {
        ProbeType.EXEC: f"test -e {alive}: exited with 1",
        ProbeType.FILE: f"file {alive}: no such file or directory",
    }
    assert site.instance("web.1")["last_exit"].endswith(f"it hung: {said[kind]}, 2 times")


def test_until_it_has_started_neither_readiness_nor_liveness_is_asked(site: Site, stage: Stage, tmp_path: Path) -> None:
    started, asked = tmp_path / "started", tmp_path / "asked"
    ask = f"echo $0 >> {asked}; test -e {started}"
    declared = process(
        "web",
        stage.program('say("up")\nstay()'),
        startup=quick(ProbeType.EXEC, command=("sh", "-c", ask, "startup"), timeout_seconds=20.0),
        readiness=quick(ProbeType.EXEC, command=("sh", "-c", ask, "readiness"), timeout_seconds=20.0),
        liveness=quick(ProbeType.EXEC, command=("sh", "-c", ask, "liveness"), timeout_seconds=20.0),
    )
    site.begin(declared)
    stage.hear("up")
    until(lambda: asked.exists() and asked.read_text().count("startup") >= 5)
    assert set(asked.read_text().split()) == {"startup"}
    assert site.instance("web.1")["starting_up"]
    started.touch()
    site.await_phase("web.1", "ready")
    asked.write_text("")
    until(lambda: set(asked.read_text().split()) == {"readiness", "liveness"})


def test_what_does_not_start_in_time_is_tried_again(site: Site, stage: Stage) -> None:
    startup = quick(ProbeType.FILE, file="/nonexistent", within_seconds=1.0)
    site.begin(process("web", stage.program('say("up")\nstay()'), startup=startup))
    pid = stage.hear("up").pid
    assert stage.hear("up").pid != pid
    why = "stopped because it was not started within 1 s: file /nonexistent: no such file or directory"
    assert site.instance("web.1")["last_exit"].endswith(why)
