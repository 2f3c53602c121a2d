"""sd_notify(3) in full: what programs say of themselves, and what follows from it."""

from __future__ import annotations

import os
import signal
import socket
from pathlib import Path

import pytest

from procession.stack.model import Probe, ProbeType, StopStep
from procession.supervisor.core.events import Told
from procession.supervisor.linux.notify import Sender, parse_message, understand
from tests.supervisor.programs import Stage, until
from tests.supervisor.site import Site, process

SPEAKER = """
import select, socket
notify = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
def tell(words):
    notify.sendto(words.encode(), os.environ["NOTIFY_SOCKET"].replace("@", "\\0", 1))
"""
NOTIFY = Probe(type=ProbeType.NOTIFY)


def watched(interval_seconds: float = 2.0, failures: int = 1) -> Probe:
    return Probe(type=ProbeType.NOTIFY, interval_seconds=interval_seconds, failures=failures)


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("READY=1\nSTATUS=42 urls", {"ready": True, "status": "42 urls"}),
        ("READY=0", {"ready": False}),
        ("RELOADING=1\nMONOTONIC_USEC=17", {"status": "reloading"}),
        ("STOPPING=1", {"is_stopping": True}),
        ("EXTEND_TIMEOUT_USEC=1500000", {"extend_seconds": 1.5}),
        ("WATCHDOG=trigger", {"is_hung": True}),
        ("WATCHDOG=1", None),
        ("ERRNO=2\nEXIT_STATUS=3\nMAINPID=1\nBARRIER=1\nnonsense", None),
    ],
)
def test_what_is_understood(said: str, told: dict[str, object] | None) -> None:
    heard = understand(Sender("web.1", 7), parse_message(said.encode()))
    assert heard == (None if told is None else Told("web.1", 7, **told))  # type: ignore[arg-type]


def test_the_status_is_shown_while_it_starts_and_when_it_is_ready(site: Site, stage: Stage) -> None:
    body = (
        SPEAKER
        + """
def ready(*_):
    tell("READY=1\\nSTATUS=serving 42 urls")
signal.signal(signal.SIGUSR1, ready)
tell("STATUS=loading 3 of 7")
say("up")
stay()
"""
    )
    site.begin(process("web", stage.program(body), readiness=NOTIFY))
    pid = stage.hear("up").pid
    until(lambda: site.instance("web.1")["why"] == "loading 3 of 7")
    os.kill(pid, signal.SIGUSR1)
    assert site.await_phase("web.1", "ready")["says"] == "serving 42 urls"


def test_a_program_that_misses_its_watchdog_is_aborted_and_started_again(site: Site, stage: Stage) -> None:
    body = (
        SPEAKER
        + """
assert os.environ["WATCHDOG_PID"] == str(os.getpid())
seconds = int(os.environ["WATCHDOG_USEC"]) / 1e6 / 10
is_well = [True]
signal.signal(signal.SIGUSR1, lambda *_: is_well.clear())
tell("READY=1")
say("up")
beats = 0
while is_well:
    tell("WATCHDOG=1")
    beats += 1
    if beats == 15:
        say("outlived")
    select.select([], [], [], seconds)
stay()
"""
    )
    site.up(process("web", stage.program(body), readiness=NOTIFY, liveness=watched()))
    pid = stage.hear("up").pid
    assert stage.hear("outlived").pid == pid  # by half an interval
    os.kill(pid, signal.SIGUSR1)
    assert stage.hear("up").pid != pid
    why = "killed by SIGABRT, stopped because it hung: no WATCHDOG=1 within 2 s"
    assert site.instance("web.1")["last_exit"] == why


def test_so_many_misses_in_a_row_as_are_declared(site: Site, stage: Stage) -> None:
    site.up(process("web", stage.program('say("up")\nstay()'), liveness=watched(0.05, failures=4)))
    pid = stage.hear("up").pid
    assert stage.hear("up").pid != pid
    assert site.instance("web.1")["last_exit"].endswith("it hung: no WATCHDOG=1 within 0.05 s, 4 times")


def test_a_program_may_ask_for_another_interval(site: Site, stage: Stage) -> None:
    body = SPEAKER + 'tell("WATCHDOG_USEC=100000")\nsay("up")\nstay()'
    site.up(process("web", stage.program(body), liveness=watched(3600.0)))
    pid = stage.hear("up").pid
    assert stage.hear("up").pid != pid
    assert site.instance("web.1")["last_exit"].endswith("it hung: no WATCHDOG=1 within 0.1 s")


def test_a_program_that_finds_out_by_itself_that_it_hangs(site: Site, stage: Stage) -> None:
    body = SPEAKER + 'tell("READY=1")\ntell("WATCHDOG=trigger")\nsay("up")\nstay()'
    site.begin(process("web", stage.program(body), readiness=NOTIFY))
    pid = stage.hear("up").pid
    assert stage.hear("up").pid != pid
    assert site.instance("web.1")["last_exit"].endswith("stopped because it hung: it says so itself")


def test_a_slow_start_and_a_slow_stop_may_take_longer_if_they_say_so(site: Site, stage: Stage) -> None:
    body = (
        SPEAKER
        + """
def stop(*_):
    tell("EXTEND_TIMEOUT_USEC=60000000")
    say("stopping")
    select.select([], [], [], 1.5)
    say("stopped")
    sys.exit(0)
signal.signal(TERM, stop)
tell("EXTEND_TIMEOUT_USEC=60000000")
select.select([], [], [], 1.5)
tell("READY=1")
stay()
"""
    )
    probe = Probe(type=ProbeType.NOTIFY, within_seconds=1.0)
    assert site.up(process("web", stage.program(body), readiness=probe, stop=(StopStep("TERM", 0.5),)))["done"]
    assert site.instance("web.1")["restarts"] == 0
    site.down()
    stage.hear("stopped")


def test_who_says_that_it_stops_is_not_asked_and_not_told_to(site: Site, stage: Stage) -> None:
    body = (
        SPEAKER
        + """
signal.signal(TERM, lambda *_: say("told"))
signal.signal(signal.SIGUSR1, lambda *_: sys.exit(0))
tell("READY=1")
tell("STOPPING=1")
say("up")
stay()
"""
    )
    site.begin(process("web", stage.program(body), readiness=NOTIFY))
    pid = stage.hear("up").pid
    assert site.await_phase("web.1", "stopping")["why"] == "said that it stops"
    assert stage.is_silent_about("told")
    os.kill(pid, signal.SIGUSR1)
    assert stage.hear("up").pid != pid  # it was wanted: the next one is there


def test_systemd_hears_twice_in_its_time_that_the_supervisor_is_well(site: Site, tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind(str(tmp_path / "systemd"))
        systemd.settimeout(20)
        site.start(environment={"NOTIFY_SOCKET": str(tmp_path / "systemd"), "WATCHDOG_USEC": "100000"})
        assert [systemd.recv(4096) for _ in range(5)] == [b"WATCHDOG=1"] * 5
        site.down()
        assert b"STOPPING=1" in iter(lambda: systemd.recv(4096), b"")


def test_a_watchdog_that_is_meant_for_another_is_let_alone(site: Site, tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind(str(tmp_path / "systemd"))
        systemd.settimeout(20)
        meant = {"NOTIFY_SOCKET": str(tmp_path / "systemd"), "WATCHDOG_USEC": "1000", "WATCHDOG_PID": "1"}
        site.start(environment=meant)
        site.down()
        assert systemd.recv(4096) == b"STOPPING=1"
